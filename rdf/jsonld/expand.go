package jsonld

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// document brings a document into expanded form (Expansion Algorithm).
func (p *processor) document(root any) ([]any, error) {
	active := p.initial
	if p.o.context != nil {
		context, _, err := decodeDocument(p.o.context, "context", p.o)
		if err != nil {
			return nil, err
		}
		if c, ok := context.(map[string]any); ok {
			if inner, ok := c["@context"]; ok {
				context = inner
			}
		}
		if active, err = p.process(active, context, local{url: p.o.base, propagate: true}); err != nil {
			return nil, err
		}
	}
	expanded, err := p.expand(active, noProperty, root, false)
	if object, ok := expanded.(map[string]any); ok && len(object) == 1 {
		if graph, ok := object["@graph"]; ok {
			expanded = graph
		}
	}
	return items(expanded), err
}

// dropped is called for what the standard leaves out: an error if that is asked for.
func (o *options) dropped(cause error, format string, args ...any) error {
	if !o.strict {
		return nil
	}
	err := wrong("", format, args...)
	err.(*Error).Err = cause //nolint:errorlint // just made
	return err
}

// kindOf says what a JSON value is.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// noProperty stands for the property of what is at the top. It has the form of a keyword, so that no member has this name; the
// empty name is that of a member like any other.
const noProperty = "@null"

// atTop reports whether there is no property whose value something is.
func atTop(property string) bool { return property == noProperty || property == "@graph" }

// expand expands a value of a property, or of none. fromMap: it is in a map by id, type or index.
func (p *processor) expand(active *activeContext, property string, v any, fromMap bool) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return p.array(active, property, v, fromMap)
	case map[string]any:
		return p.object(active, property, v, fromMap)
	}
	if atTop(property) {
		return nil, p.o.dropped(rdf.ErrInvalid, "value %v stands where a node is expected", v)
	}
	active, err := p.scoped(active, property)
	if err != nil {
		return nil, err
	}
	return p.value(active, property, v)
}

// scoped returns a context with that of a property's term.
func (p *processor) scoped(active *activeContext, property string) (*activeContext, error) {
	t := active.term(property)
	if t == nil || !t.hasContext {
		return active, nil
	}
	return p.termContext(active, property, t, true, true)
}

// termContext returns a context with that of a term. It is made once.
func (p *processor) termContext(active *activeContext, name string, t *termDefinition, override, propagate bool) (*activeContext, error) {
	key := contextKey{active: active, term: t, override: override, propagate: propagate}
	if made := p.made[key]; made != nil {
		return made.context, nil
	}
	made, err := p.process(active, t.context, local{url: t.contextURL, override: override, propagate: propagate})
	if err != nil {
		if code := codeOf(err); code == "invalid context nullification" || code == "protected term redefinition" {
			return nil, err
		}
		return nil, scopedError(name, err)
	}
	p.made[key] = &madeContext{context: made}
	return made, nil
}

func codeOf(err error) string {
	if e, ok := err.(*Error); ok { //nolint:errorlint // made by this package, never wrapped
		return e.Code
	}
	return ""
}

// array expands an array. One in it is a list where the term says that it is a container of lists, and else its items are this
// array's (Expansion Algorithm, 5.2.2 and 5.2.3), also within @list, whose value is expanded for the property that it stands in
// (13.4.11): there are processors that make a list of it there, of the first array or of each.
func (p *processor) array(active *activeContext, property string, all []any, fromMap bool) (any, error) {
	result := []any{}
	t := active.term(property)
	for _, item := range all {
		v, err := p.expand(active, property, item, fromMap)
		if err != nil {
			return nil, err
		}
		list, isArray := v.([]any)
		switch {
		case isArray && t != nil && t.container&inList != 0:
			result = append(result, map[string]any{"@list": list})
		case isArray:
			result = append(result, list...)
		case v != nil:
			result = append(result, v)
		}
	}
	return result, nil
}

// value expands a scalar (Value Expansion).
func (p *processor) value(active *activeContext, property string, v any) (any, error) {
	t := active.term(property)
	if t == nil {
		t = &termDefinition{}
	}
	text, isString := v.(string)
	if isString && (t.typ == "@id" || t.typ == "@vocab") {
		how := relative
		if t.typ == "@vocab" {
			how |= inVocab
		}
		id, err := p.expandIRI(active, text, how)
		if err != nil {
			return nil, err
		}
		return map[string]any{"@id": id}, nil
	}
	result := map[string]any{"@value": v}
	switch {
	case t.typ != "" && t.typ != "@id" && t.typ != "@vocab" && t.typ != "@none":
		result["@type"] = t.typ
	case isString:
		language := active.language
		if t.hasLanguage {
			language = t.language
		}
		if language != nil {
			result["@language"] = *language
		}
		if direction := directionOf(active, t); direction != "" {
			result["@direction"] = direction
		}
	}
	return result, nil
}

// directionOf returns the base direction of the strings that a term has.
func directionOf(active *activeContext, t *termDefinition) string {
	switch {
	case t == nil || !t.hasDirection:
		return active.direction
	case t.direction == nil:
		return ""
	}
	return *t.direction
}

// element is an object that is being expanded.
type element struct {
	p        *processor
	active   *activeContext
	types    *activeContext // before the contexts of types
	property string         // whose value it is
	outer    string         // that expanded
	json     bool           // its @type is @json
	result   map[string]any
}

func (p *processor) object(active *activeContext, property string, object map[string]any, fromMap bool) (any, error) {
	scopedBy := active.term(property) // before the context of a type ends
	if active.previous != nil && !fromMap {
		revert, err := p.reverts(active, object)
		if err != nil {
			return nil, err
		}
		if revert {
			active = active.previous
		}
	}
	var err error
	if scopedBy != nil && scopedBy.hasContext {
		if active, err = p.termContext(active, property, scopedBy, true, true); err != nil {
			return nil, err
		}
	}
	if context, ok := object["@context"]; ok {
		if active, err = p.process(active, context, local{url: p.o.base, propagate: true}); err != nil {
			return nil, err
		}
	}
	e := element{p: p, active: active, types: active, property: property, result: map[string]any{}}
	if e.outer, err = p.expandIRI(active, property, inVocab); err != nil {
		return nil, err
	}
	if err := e.typed(object); err != nil {
		return nil, err
	}
	if err := e.entries(object); err != nil {
		return nil, err
	}
	return e.finish()
}

// reverts reports whether the context of a type ends at an object: not at a value, nor at a mere reference to a node.
func (p *processor) reverts(active *activeContext, object map[string]any) (bool, error) {
	for name := range object {
		expanded, err := p.expandIRI(active, name, inVocab)
		if err != nil {
			return false, err
		}
		if expanded == "@value" || expanded == "@id" && len(object) == 1 {
			return false, nil
		}
	}
	return true, nil
}

// typed takes the contexts of the object's types.
func (e *element) typed(object map[string]any) error {
	first := true
	for _, name := range members(object) {
		expanded, err := e.p.expandIRI(e.types, name, inVocab)
		if err != nil {
			return err
		}
		if expanded != "@type" {
			continue
		}
		var types []string
		for _, v := range items(object[name]) {
			if text, ok := v.(string); ok {
				types = append(types, text)
			}
		}
		if first && len(types) > 0 {
			last, err := e.p.expandIRI(e.types, types[len(types)-1], inVocab)
			if err != nil {
				return err
			}
			e.json, first = last == "@json", false
		}
		slices.Sort(types)
		for _, name := range types {
			if t := e.types.term(name); t != nil && t.hasContext {
				if e.active, err = e.p.termContext(e.active, name, t, false, false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// entries expands the members of the object, or of one that is nested in it.
func (e *element) entries(object map[string]any) error {
	var nests []string
	for _, name := range members(object) {
		if name == "@context" {
			continue
		}
		expanded, err := e.p.expandIRI(e.active, name, inVocab)
		if err != nil {
			return err
		}
		switch {
		case expanded == "@nest":
			nests = append(nests, name)
		case isKeyword(expanded):
			err = e.keyword(name, expanded, object[name])
		case !strings.Contains(expanded, ":"):
			err = e.lost(name, object[name])
		default:
			err = e.member(name, expanded, object[name])
		}
		if err != nil {
			return err
		}
	}
	return e.nested(object, nests)
}

// lost is called for a member that stands for no property. A term that the context says is none is meant to be left out.
func (e *element) lost(name string, v any) error {
	if t := e.active.term(name); t != nil && t.id == "" || v == nil {
		return nil
	}
	return e.p.o.dropped(rdf.ErrInvalid, "member %q: no context says what it stands for; it would be lost", name)
}

func (e *element) nested(object map[string]any, nests []string) error {
	for _, name := range nests {
		inner := *e
		var err error
		if inner.active, err = e.p.scoped(e.active, name); err != nil {
			return err
		}
		for _, v := range items(object[name]) {
			members, ok := v.(map[string]any)
			if !ok {
				return wrong("invalid @nest value", "%q: expected an object, found %s", name, kindOf(v))
			}
			for member := range members {
				expanded, err := e.p.expandIRI(inner.active, member, inVocab)
				if err == nil && expanded == "@value" {
					err = wrong("invalid @nest value", "%q: expected no value", name)
				}
				if err != nil {
					return err
				}
			}
			if err := inner.entries(members); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds what a member expanded to, to a property of a map of arrays.
func add(to map[string]any, property string, v any) {
	all, _ := to[property].([]any)
	if all == nil {
		all = []any{}
	}
	if more, ok := v.([]any); ok {
		all = append(all, more...)
	} else {
		all = append(all, v)
	}
	to[property] = all
}

// reversed adds values to a reverse property.
func (e *element) reversed(property string, values any) error {
	reverse, ok := e.result["@reverse"].(map[string]any)
	if !ok {
		reverse = map[string]any{}
		e.result["@reverse"] = reverse
	}
	for _, v := range items(values) {
		if object, ok := v.(map[string]any); !ok || has(object, "@value") || has(object, "@list") {
			return wrong("invalid reverse property value", "<%s>: expected a node", property)
		}
		add(reverse, property, v)
	}
	return nil
}

func has(object map[string]any, name string) bool {
	_, ok := object[name]
	return ok
}
