package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/theory/jsonpath"
	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/internal/nearest"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Declaration is what mappings are declared by: the values of three keys of a YAML document.
type Declaration struct {
	// Base is the value of base: what goes before an IRI that is not absolute. Prefixes is that of prefixes, names with the IRIs
	// that they stand for. Mappings is that of mappings. Each may be nil.
	Base, Prefixes, Mappings *yaml.Node
	// ReadFile reads a file that a mapping names, such as a JSON-LD context. Nil: none may be named.
	ReadFile func(name string) ([]byte, error)
}

// Mistake is what is wrong with a declaration.
type Mistake struct {
	// Line and Column are its place, both from 1.
	Line, Column int
	// Err says what it is.
	Err error
}

// Error has line and column.
func (m *Mistake) Error() string {
	return fmt.Sprintf("line %d, column %d: %v", m.Line, m.Column, m.Err)
}

// Unwrap returns what it is.
func (m *Mistake) Unwrap() error { return m.Err }

// knownPrefixes need not be declared.
var knownPrefixes = map[string]string{
	"rdf":  "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
	"rdfs": "http://www.w3.org/2000/01/rdf-schema#",
	"xsd":  xsd,
	"owl":  "http://www.w3.org/2002/07/owl#",
}

// Compile makes mappings of the declaration: nil if there are none. Where there are mistakes it returns all of them, and no
// mappings.
func (d Declaration) Compile() (*Set, []*Mistake) {
	c := compiler{names: names{prefixes: map[string]string{}}, readFile: d.ReadFile}
	for name, iri := range knownPrefixes {
		c.names.prefixes[name] = iri
	}
	c.base(d.Base)
	c.prefixes(d.Prefixes)
	set := &Set{byName: map[string]*Mapping{}}
	c.members(d.Mappings, "mappings", func(name string, key, value *yaml.Node) {
		if !mappingName.MatchString(name) {
			c.wrong(key, "name %q: expected 1 to 64 letters, digits, '-' and '_'", name)
			return
		}
		set.byName[name] = c.mapping(name, value)
	})
	if len(c.mistakes) > 0 || len(set.byName) == 0 {
		return nil, c.mistakes
	}
	return set, nil
}

var mappingName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// compiler collects mistakes.
type compiler struct {
	names    names
	readFile func(string) ([]byte, error)
	mistakes []*Mistake

	// Of the mapping under way.
	name   string
	format format
	csv    csvSettings
	native bool
}

func (c *compiler) wrong(at *yaml.Node, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if c.name != "" {
		err = fmt.Errorf("mapping %q: %w", c.name, err)
	}
	c.mistakes = append(c.mistakes, &Mistake{at.Line, at.Column, err})
}

// expression takes in what is wrong with an expression, each mistake with its place in the file.
func (c *compiler) expression(field string, at *yaml.Node, err error) {
	mistakes, ok := errors.AsType[celMistakes](err)
	if !ok && err != nil {
		c.wrong(at, "%s: %w", field, err)
	}
	for _, m := range mistakes {
		place := *at
		place.Line, place.Column = m.in(at)
		c.wrong(&place, "%s: %s", field, m.text)
	}
}

// resolve goes from an alias to what it stands for.
func resolve(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// members calls fn with each key of a mapping of YAML; what is nil or null has none.
func (c *compiler) members(node *yaml.Node, what string, fn func(name string, key, value *yaml.Node)) {
	node = resolve(node)
	if node == nil || isNull(node) {
		return
	}
	if node.Kind != yaml.MappingNode {
		c.wrong(node, "%s: expected key: value", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		if seen[key.Value] {
			c.wrong(key, "%s: key %q comes twice", what, key.Value)
			continue
		}
		seen[key.Value] = true
		fn(key.Value, key, value)
	}
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func (c *compiler) base(node *yaml.Node) {
	if node = resolve(node); node == nil || isNull(node) {
		return
	}
	if err := rdf.CheckIRI(node.Value); err != nil || node.Kind != yaml.ScalarNode {
		c.wrong(node, "base: expected an absolute IRI, found %q", node.Value)
		return
	}
	c.names.base = node.Value
}

func (c *compiler) prefixes(node *yaml.Node) {
	c.members(node, "prefixes", func(name string, _, value *yaml.Node) {
		if err := rdf.CheckIRI(value.Value); err != nil || value.Kind != yaml.ScalarNode {
			c.wrong(value, "prefix %q: expected an absolute IRI, found %q", name, value.Value)
			return
		}
		c.names.prefixes[name] = value.Value
	})
}

// fieldsOf reads the known keys of a mapping, by their first names.
func (c *compiler) fieldsOf(node *yaml.Node, what string, keys map[string]string) map[string]*yaml.Node {
	fields := map[string]*yaml.Node{}
	c.members(node, what, func(name string, key, value *yaml.Node) {
		switch known := keys[name]; {
		case known == "":
			c.wrong(key, "%s: unknown key %q; the nearest is %q, and there is %s", what, name,
				nearest.Of(name, slices.Collect(maps.Keys(keys))), strings.Join(firstNames(keys), ", "))
		case fields[known] != nil:
			c.wrong(key, "%s: key %q comes twice, as another name of it", what, known)
		case !isNull(value) || known == "null":
			fields[known] = value
		}
	})
	return fields
}

// firstNames are the names of keys that are no other names.
func firstNames(keys map[string]string) (list []string) {
	for name, first := range keys {
		if name == first {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// mapping compiles one: a rule, or a list of such. What is said of the format stands in the first.
func (c *compiler) mapping(name string, node *yaml.Node) *Mapping {
	c.name, c.format, c.csv, c.native = name, jsonFormat, csvSettings{comma: ','}, false
	defer func() { c.name = "" }()
	m := &Mapping{name: name}
	items := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		items = node.Content
	}
	if len(items) == 0 {
		c.wrong(node, "expected a subject (s) and its predicates (po)")
	}
	for i, item := range items {
		fields := c.fieldsOf(item, "keys", ruleKeys)
		if len(fields) == 0 {
			c.wrong(item, "expected a subject (s) and its predicates (po)")
			continue
		}
		if i == 0 {
			m.context = c.head(item, fields)
		} else {
			c.noHead(fields)
		}
		m.rules = append(m.rules, c.rule(item, fields))
	}
	m.format, m.csv, m.native = c.format, c.csv, c.native
	for i, r := range m.rules {
		if (r.updating != nil) != m.MakesUpdates() {
			c.wrong(items[min(i, len(items)-1)], "some rules make updates, and others quads: give each kind a mapping of its own")
			break
		}
	}
	return m
}

// head reads what is said of the format.
func (c *compiler) head(node *yaml.Node, fields map[string]*yaml.Node) (context []byte) {
	if at := fields["format"]; at != nil {
		c.format = format(at.Value)
		if !slices.Contains(formats, c.format) {
			c.wrong(at, "format %q is none of %s", at.Value, list(formats))
			c.format = jsonFormat
		}
	}
	for _, key := range []string{"columns", "delimiter", "null"} {
		if at := fields[key]; at != nil && c.format != csvFormat {
			c.wrong(at, "%s: it is of the format csv, and this mapping's is %s", key, c.format)
		}
	}
	if at := fields["columns"]; at != nil {
		if err := at.Decode(&c.csv.columns); err != nil || len(c.csv.columns) == 0 {
			c.wrong(at, "columns: expected a list of names")
		} else if err := distinct(c.csv.columns); err != nil {
			c.wrong(at, "columns: %w", err)
		}
	}
	if at := fields["delimiter"]; at != nil {
		r, n := utf8.DecodeRuneInString(at.Value)
		if c.csv.comma = r; n == 0 || n != len(at.Value) || strings.ContainsRune("\"\r\n\uFFFD", r) {
			c.wrong(at, "delimiter %q: expected one character", at.Value)
		}
	}
	if at := fields["null"]; at != nil {
		c.csv.null = at.Value
	}
	return c.context(node, fields["context"])
}

// noHead reports what stands in the first rule alone.
func (c *compiler) noHead(fields map[string]*yaml.Node) {
	for _, key := range []string{"format", "columns", "delimiter", "null", "context"} {
		if at := fields[key]; at != nil {
			c.wrong(at, "%s: it stands in the first of a list alone", key)
		}
	}
}

// context reads the JSON-LD context: the name of a file, or the context itself.
func (c *compiler) context(node, at *yaml.Node) []byte {
	switch {
	case at == nil && c.format == jsonldFormat:
		c.wrong(node, "context is missing: the name of a file, or the JSON-LD context itself")
		return nil
	case at == nil:
		return nil
	case c.format != jsonldFormat:
		c.wrong(at, "context: it is of the format jsonld, and this mapping's is %s", c.format)
		return nil
	}
	text, err := c.contextText(at)
	if err == nil {
		err = checkContext(text)
	}
	if err != nil {
		c.wrong(at, "context: %w", err)
	}
	return text
}

func (c *compiler) contextText(at *yaml.Node) ([]byte, error) {
	if at.Kind == yaml.ScalarNode {
		if c.readFile == nil {
			return nil, errors.New("no file can be read here")
		}
		return c.readFile(at.Value)
	}
	var context any
	if err := at.Decode(&context); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"@context": context})
}

// rule compiles one.
func (c *compiler) rule(node *yaml.Node, fields map[string]*yaml.Node) *rule {
	r := &rule{mode: modeAdd, when: c.condition("when", fields["when"])}
	if at := fields["mode"]; at != nil {
		if r.mode = mode(at.Value); !slices.Contains(modes, r.mode) {
			c.wrong(at, "mode %q is none of %s", at.Value, list(modes))
		}
	}
	if at := fields["over"]; at != nil {
		r.over = c.over(at)
	}
	if fields["update"] != nil {
		r.updating = c.updating(fields)
		return r
	}
	if at := fields["bind"]; at != nil {
		c.wrong(at, "bind: it gives the variables of an update their values, and there is none (update)")
	}
	r.graphs = c.graphs("graphs", fields["graphs"])
	if c.format == jsonldFormat {
		for _, key := range []string{"s", "po", "over"} {
			if at := fields[key]; at != nil {
				c.wrong(at, "%s: the format jsonld has its subjects and predicates from the context", key)
			}
		}
		return r
	}
	if at := fields["s"]; at == nil {
		c.wrong(node, "s is missing: the template of the subject's IRI")
	} else {
		r.subject = c.subject(at)
	}
	c.pairs(r, node, fields["po"])
	return r
}

func (c *compiler) pairs(r *rule, node, at *yaml.Node) {
	switch {
	case at == nil && r.mode != modeDeleteSubject:
		c.wrong(node, "po is missing: the predicates and objects")
	case at == nil:
	case r.mode == modeDeleteSubject:
		c.wrong(at, "po: the mode delete-subject takes all that the subject has; leave it out")
	case at.Kind != yaml.SequenceNode || len(at.Content) == 0:
		c.wrong(at, "po: expected a list of [predicate, object]")
	default:
		for i, item := range at.Content {
			r.pairs = append(r.pairs, c.pair(fmt.Sprintf("po[%d]", i+1), resolve(item)))
		}
	}
}

func list[T ~string](of []T) string {
	names := make([]string, len(of))
	for i := range of {
		names[i] = string(of[i])
	}
	return strings.Join(names, ", ")
}

func (c *compiler) over(at *yaml.Node) *jsonpath.Path {
	if c.format == csvFormat {
		c.wrong(at, "over: a row of CSV is a row, and there are no others in it")
		return nil
	}
	path, err := jsonpath.Parse(at.Value)
	if err != nil {
		c.wrong(at, "over %q: expected a JSONPath such as $.readings[*]: %w", at.Value, err)
	}
	return path
}

func (c *compiler) condition(field string, at *yaml.Node) *expression {
	if at == nil {
		return nil
	}
	c.native = true
	e, err := compileCondition(at.Value)
	c.expression(field, at, err)
	return e
}
