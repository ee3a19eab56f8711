package differential

import (
	"regexp"
	"slices"
	"strings"
)

// eachMember returns a repair of the members of JSON objects, from the inside to the outside. Items of arrays, and the document
// itself, are members without a name. What is no JSON stays.
func eachMember(repair func(root any, m member) any) func(string) string {
	return func(document string) string {
		root, ok := decode([]byte(document))
		if !ok {
			return document
		}
		var before, after strings.Builder
		writeJSON(&before, root)
		repaired := walk(root, func(m member) any { return repair(root, m) })
		writeJSON(&after, repair(root, member{value: repaired}))
		if before.String() == after.String() {
			return document
		}
		return after.String()
	}
}

func walk(value any, repair func(member) any) any {
	switch v := value.(type) {
	case object:
		out := object{}
		for _, m := range v {
			out = append(out, member{m.name, repair(member{m.name, walk(m.value, repair)})})
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, repair(member{value: walk(item, repair)}))
		}
		return out
	}
	return value
}

// flatLists takes arrays and sets out of the lists that they stand in.
func flatLists(_ any, m member) any {
	items, ok := m.value.([]any)
	if m.name != "@list" || !ok {
		return m.value
	}
	return flat(items)
}

func flat(value any) []any {
	switch v := value.(type) {
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, flat(item)...)
		}
		return out
	case object:
		if len(v) == 1 && v[0].name == "@set" {
			return flat(v[0].value)
		}
	}
	return []any{value}
}

// plainSets replaces sets of one value by the value.
func plainSets(_ any, m member) any {
	items, ok := m.value.([]any)
	if !ok {
		return withoutSet(m.value)
	}
	out := []any{}
	for _, item := range items {
		out = append(out, withoutSet(item))
	}
	return out
}

func withoutSet(value any) any {
	if o, ok := value.(object); ok && len(o) == 1 && o[0].name == "@set" {
		if _, many := o[0].value.([]any); !many {
			return withoutSet(o[0].value)
		}
	}
	return value
}

// emptyLists makes an empty list of one that holds nothing.
func emptyLists(_ any, m member) any {
	if m.name != "@list" {
		return m.value
	}
	o, ok := m.value.(object)
	nothing := func(m member) bool {
		return m.name == "@value" && m.value == nil || m.name == "@language" && len(o) == 1
	}
	if m.value == nil || ok && slices.ContainsFunc(o, nothing) {
		return []any{}
	}
	return m.value
}

// withoutAliases takes out the aliases of @id and @type that the generator knows, where a map has the ids of its nodes.
func withoutAliases(root any, m member) any {
	entries, ok := m.value.(object)
	if !ok || isDefinition(entries) || !slices.Contains(containers(root, m.name), "@id") {
		return m.value
	}
	return slices.DeleteFunc(slices.Clone(entries), func(m member) bool { return m.name == "id" || m.name == "type" })
}

// plainNests takes the contexts out of the aliases of @nest.
func plainNests(_ any, m member) any {
	definition, ok := m.value.(object)
	if !ok || !slices.ContainsFunc(definition, func(m member) bool { return m.name == "@id" && m.value == "@nest" }) {
		return m.value
	}
	return slices.DeleteFunc(slices.Clone(definition), func(m member) bool { return m.name == "@context" })
}

// isDefinition reports whether an object is what a context says of a term.
func isDefinition(o object) bool {
	return slices.ContainsFunc(o, func(m member) bool { return m.name == "@container" })
}

// eachString returns a repair of the strings of a JSON document, as they are written.
func eachString(repair func(text string) string) func(string) string {
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	return func(document string) string {
		return quoted.ReplaceAllStringFunc(document, func(s string) string { return `"` + repair(s[1:len(s)-1]) + `"` })
	}
}

// keywordForm matches what has the form of a keyword. The mutator has all that are some.
var keywordForm = regexp.MustCompile(`^@[A-Za-z]+$`)

// plainKeys replaces what has the form of a keyword, and is none, where a map has the ids of its nodes.
func plainKeys(root any, m member) any {
	entries, ok := m.value.(object)
	if !ok || isDefinition(entries) || !slices.Contains(containers(root, m.name), "@id") {
		return m.value
	}
	out := slices.Clone(entries)
	for i, entry := range out {
		if keywordForm.MatchString(entry.name) && !slices.Contains(words[true], `"`+entry.name+`"`) {
			out[i].name = "x:" + entry.name[1:]
		}
	}
	return out
}

var scheme = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*|_)$`)

// firstColon makes an absolute IRI of what has a colon in its first segment, and is none.
func firstColon(text string) string {
	first, _, colon := strings.Cut(text, ":")
	if !colon || scheme.MatchString(first) || strings.ContainsAny(first, "/?#") {
		return text
	}
	return "x:" + strings.ReplaceAll(text, ":", "")
}

// filledGraphs puts a property into each node that a context makes a graph of, and such a node in the place of what is none.
func filledGraphs(root any, m member) any {
	container := containers(root, m.name)
	if !slices.Contains(container, "@graph") {
		return m.value
	}
	entries, ok := m.value.(object)
	if isDefinition(entries) {
		return m.value
	}
	if !ok || !slices.Contains(container, "@id") {
		return filled(m.value)
	}
	out := object{}
	for _, entry := range entries {
		if !keywordForm.MatchString(entry.name) || entry.name == "@none" {
			entry.value = filled(entry.value)
		}
		out = append(out, entry)
	}
	return out
}

func filled(value any) any {
	switch v := value.(type) {
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, filled(item))
		}
		return out
	case object:
		for _, m := range v {
			switch m.name {
			case "@set":
				return filled(m.value)
			case "@value", "@list":
				return filled(object{})
			}
		}
		return append(slices.Clone(v), member{"http://example.org/filled", true})
	}
	return filled(object{})
}

// withCompany puts a property beside a graph of the document that has more than a context beside it.
func withCompany(_ any, m member) any {
	o, ok := m.value.(object)
	named := func(name string) bool { return slices.ContainsFunc(o, func(m member) bool { return m.name == name }) }
	if !ok || m.name != "" || !named("@graph") || len(o) == 1 || len(o) == 2 && named("@context") {
		return m.value
	}
	return append(slices.Clone(o), member{"http://example.org/filled", true})
}

// withoutNone takes out what is said of @none.
func withoutNone(_ any, m member) any {
	o, ok := m.value.(object)
	if !ok {
		return m.value
	}
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == "@none" })
}

// containers returns the keywords of all containers that contexts give a term.
func containers(root any, term string) (found []any) {
	walk(root, func(context member) any {
		if context.name == "@context" {
			walk(context.value, func(m member) any {
				if definition, ok := m.value.(object); ok && m.name == term {
					for _, entry := range definition {
						if entry.name == "@container" {
							found = append(found, flat(entry.value)...)
						}
					}
				}
				return m.value
			})
		}
		return context.value
	})
	return found
}

// plainTypes takes the contexts out of the definitions of terms.
func plainTypes(_ any, m member) any {
	definition, ok := m.value.(object)
	if !ok || !slices.ContainsFunc(definition, func(m member) bool { return m.name == "@id" }) {
		return m.value
	}
	return slices.DeleteFunc(slices.Clone(definition), func(m member) bool { return m.name == "@context" })
}
