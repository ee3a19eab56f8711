package mapping

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/theory/jsonpath"
	"go.yaml.in/yaml/v3"

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

// Compile makes mappings of the declaration: nil if there are none. Where there are mistakes it returns all of them, and no mappings.
func (d Declaration) Compile() (*Set, []*Mistake) {
	c := compiler{names: names{prefixes: map[string]string{}}, readFile: d.ReadFile}
	for name, iri := range knownPrefixes {
		c.names.prefixes[name] = iri
	}
	c.base(d.Base)
	c.prefixes(d.Prefixes)
	set := &Set{byName: map[string]*Mapping{}}
	c.members(d.Mappings, "mappings", func(name string, key, value *yaml.Node) {
		if !mappingName(name) {
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

func mappingName(name string) bool {
	other := func(r rune) bool {
		return r >= utf8.RuneSelf || r != '-' && !unreserved(byte(r)) || r == '.' || r == '~'
	}
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, other)
}

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

// ruleKeys are the keys of a mapping, with the other names that YARRRML has for them.
var ruleKeys = map[string]string{
	"format": "format", "columns": "columns", "delimiter": "delimiter", "null": "null", "context": "context",
	"over": "over", "when": "when", "mode": "mode",
	"s": "s", "subject": "s", "subjects": "s", "g": "graphs", "graph": "graphs", "graphs": "graphs",
	"po": "po", "predicateobjects": "po",
}

// fieldsOf reads the known keys of a mapping, by their first names.
func (c *compiler) fieldsOf(node *yaml.Node, what string, keys map[string]string) map[string]*yaml.Node {
	fields := map[string]*yaml.Node{}
	c.members(node, what, func(name string, key, value *yaml.Node) {
		switch known := keys[name]; {
		case known == "":
			c.wrong(key, "%s: unknown key %q; there is %s", what, name, strings.Join(firstNames(keys), ", "))
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
	r.graphs = c.iris("graphs", fields["graphs"])
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
	if err != nil {
		c.wrong(at, "%s: %w", field, err)
	}
	return e
}

// nodes are the items of a list, or the one that stands in its place.
func nodes(at *yaml.Node) []*yaml.Node {
	switch {
	case at == nil:
		return nil
	case at.Kind == yaml.SequenceNode:
		return at.Content
	}
	return []*yaml.Node{at}
}

// iris compiles one or several maps of IRIs.
func (c *compiler) iris(field string, at *yaml.Node) (maps []*termMap) {
	for _, item := range nodes(at) {
		maps = append(maps, c.iri(field, resolve(item)))
	}
	return maps
}

// iri compiles the template of an IRI, or {cel: …}.
func (c *compiler) iri(field string, at *yaml.Node) *termMap {
	if at.Kind == yaml.MappingNode {
		fields := c.fieldsOf(at, field, map[string]string{"value": "value", "cel": "cel"})
		return c.term(field, at, fields, true)
	}
	return c.term(field, at, map[string]*yaml.Node{"value": at}, true)
}

func (c *compiler) subject(at *yaml.Node) *termMap {
	if at.Kind == yaml.SequenceNode {
		c.wrong(at, "s: expected one template; give each subject its own rule")
		return &termMap{field: "s"}
	}
	return c.iri("s", at)
}

// pairKeys are those of an entry of po.
var pairKeys = map[string]string{
	"p": "p", "predicate": "p", "predicates": "p", "o": "o", "object": "o", "objects": "o", "when": "when",
	"g": "graphs", "graph": "graphs", "graphs": "graphs",
}

// pair compiles [predicate, object], [predicate, object, datatype or language~lang], or {p: …, o: …}.
func (c *compiler) pair(field string, at *yaml.Node) *pair {
	p := &pair{field: field}
	var predicates, objects, kind *yaml.Node
	switch {
	case at.Kind == yaml.SequenceNode && (len(at.Content) == 2 || len(at.Content) == 3):
		predicates, objects = resolve(at.Content[0]), resolve(at.Content[1])
		if len(at.Content) == 3 {
			kind = resolve(at.Content[2])
		}
	case at.Kind == yaml.MappingNode:
		fields := c.fieldsOf(at, field, pairKeys)
		predicates, objects = fields["p"], fields["o"]
		p.when, p.graphs = c.condition(field+".when", fields["when"]), c.iris(field+".graphs", fields["graphs"])
	}
	if predicates == nil || objects == nil {
		c.wrong(at, "%s: expected [predicate, object], [predicate, object, datatype], or {p: …, o: …}", field)
		return p
	}
	typed := false
	for _, item := range nodes(predicates) {
		m := c.predicate(field+".p", resolve(item))
		typed = typed || m.constant == rdfType
		p.predicates = append(p.predicates, m)
	}
	for i, item := range nodes(objects) {
		p.objects = append(p.objects, c.object(fmt.Sprintf("%s.o[%d]", field, i+1), resolve(item), kind, typed))
	}
	return p
}

// predicate compiles one; "a" is rdf:type.
func (c *compiler) predicate(field string, at *yaml.Node) *termMap {
	if at.Kind == yaml.ScalarNode && at.Value == "a" {
		return &termMap{field: field, constant: rdfType}
	}
	return c.iri(field, at)
}

// objectKeys are those of an object.
var objectKeys = map[string]string{
	"value": "value", "cel": "cel", "type": "type", "datatype": "datatype", "language": "language", "time": "time",
	"unit": "unit", "node": "node", "required": "required",
}

// object compiles the template of an object, or {value: …}. kind, unless nil, is its datatype or language. typed: it is a class.
func (c *compiler) object(field string, at, kind *yaml.Node, typed bool) *object {
	fields := map[string]*yaml.Node{"value": at}
	if at.Kind == yaml.MappingNode {
		fields = c.fieldsOf(at, field, objectKeys)
	}
	iri := typed
	if value := fields["value"]; value != nil {
		if text, marked := strings.CutSuffix(value.Value, "~iri"); marked {
			bare := *value
			bare.Value = text
			fields["value"], iri = &bare, true
		}
	}
	if at := fields["type"]; at != nil {
		if iri = at.Value == "iri"; !iri && at.Value != "literal" {
			c.wrong(at, "%s: type %q is none of iri, literal", field, at.Value)
		}
	}
	if kind != nil {
		c.kind(field, kind, fields)
	}
	o := &object{termMap: c.term(field, at, fields, iri)}
	if at := fields["required"]; at != nil {
		if err := at.Decode(&o.required); err != nil {
			c.wrong(at, "%s: required is true or false", field)
		}
	}
	c.unit(field, o, fields)
	return o
}

// kind takes the third item of a short entry for what it is: TAG~lang or a datatype.
func (c *compiler) kind(field string, kind *yaml.Node, fields map[string]*yaml.Node) {
	key := "datatype"
	bare := *kind
	if tag, is := strings.CutSuffix(kind.Value, "~lang"); is {
		key, bare.Value = "language", tag
	}
	if fields[key] != nil {
		c.wrong(kind, "%s: %s comes twice", field, key)
	}
	fields[key] = &bare
}

// unit reads unit and node, which belong together.
func (c *compiler) unit(field string, o *object, fields map[string]*yaml.Node) {
	unit, node := fields["unit"], fields["node"]
	switch {
	case unit == nil && node == nil:
	case unit == nil || node == nil:
		c.wrong(cmp.Or(unit, node), "%s: unit and node belong together: the node has the number and its unit", field)
	case o.iri:
		c.wrong(unit, "%s: an IRI has no unit", field)
	default:
		o.unit, o.node = c.iri(field+".unit", unit), c.iri(field+".node", node)
	}
}

// term compiles the map of a term from its fields.
func (c *compiler) term(field string, at *yaml.Node, fields map[string]*yaml.Node, iri bool) *termMap {
	m := &termMap{field: field, iri: iri, base: c.names.base}
	value, cel := fields["value"], fields["cel"]
	before := len(c.mistakes)
	switch {
	case (value == nil) == (cel == nil):
		c.wrong(at, "%s: expected value, a template, or cel, an expression", field)
	case cel != nil:
		c.native = true
		var err error
		if m.compute, err = compileExpression(cel.Value); err != nil {
			c.wrong(cel, "%s: %w", field, err)
		}
	case value.Kind != yaml.ScalarNode:
		c.wrong(value, "%s: expected a text", field)
	default:
		m.template = c.template(field, value, iri)
		if !iri && fields["datatype"] == nil && fields["language"] == nil {
			m.datatype = scalarDatatype(value)
		}
	}
	c.literal(field, m, fields)
	if len(c.mistakes) == before {
		if err := m.settle(); err != nil {
			c.wrong(at, "%s: %w", field, err)
		}
	}
	return m
}

// scalarDatatype is that of a constant that YAML takes for a number or a truth value.
func scalarDatatype(value *yaml.Node) string {
	switch value.Tag {
	case "!!int":
		return xsdInteger
	case "!!float":
		return xsdDouble
	case "!!bool":
		return xsdBoolean
	}
	return ""
}

// literal reads what only literals have.
func (c *compiler) literal(field string, m *termMap, fields map[string]*yaml.Node) {
	given := 0
	for _, key := range []string{"datatype", "language", "time"} {
		at := fields[key]
		if at == nil {
			continue
		}
		if given++; given > 1 {
			c.wrong(at, "%s: datatype, language and time exclude each other", field)
		}
		if m.iri {
			c.wrong(at, "%s: an IRI has no %s", field, key)
		}
	}
	if at := fields["datatype"]; at != nil {
		m.datatype = c.names.expand(at.Value)
		if err := checkDatatype(m.datatype); err != nil {
			c.wrong(at, "%s: datatype %q: %w", field, at.Value, err)
		}
	}
	if at := fields["language"]; at != nil {
		t := c.template(field, at, false)
		m.language = &t
	}
	if at := fields["time"]; at != nil {
		if m.time = at.Value; timeUnits[at.Value] == 0 {
			c.wrong(at, "%s: time %q is none of s, ms, us, ns: the unit in which the number counts since 1970", field, at.Value)
		}
	}
}

// template compiles a text. In one of an IRI, a prefix stands for what it is declared to be.
func (c *compiler) template(field string, at *yaml.Node, iri bool) template {
	text := at.Value
	if iri {
		text = c.names.expand(text)
	}
	t, err := parseTemplate(text, c.format)
	if err != nil {
		c.wrong(at, "%s: %w", field, err)
	}
	if iri {
		c.checkPrefix(field, at, t)
	}
	c.checkColumns(field, at, t)
	return t
}

// checkPrefix reports an IRI that begins with a name that is no prefix, and can't be a scheme.
func (c *compiler) checkPrefix(field string, at *yaml.Node, t template) {
	if len(t.parts) == 0 {
		c.wrong(at, "%s: expected an IRI, found nothing", field)
		return
	}
	begin := t.parts[0].text
	if t.parts[0].ref != nil || c.names.base != "" {
		return
	}
	scheme, rest, has := strings.Cut(begin, ":")
	if !has || rdf.CheckIRI(scheme+":x") != nil {
		c.wrong(at, "%s: %q is no absolute IRI: expected a scheme, a prefix that is declared, or a base", field, at.Value)
		return
	}
	if !strings.HasPrefix(rest, "/") && !slices.Contains(schemes, strings.ToLower(scheme)) {
		c.wrong(at, "%s: the prefix %q is not declared", field, scheme)
	}
}

// schemes are those of IRIs that have no slash behind the colon; another name there is taken for a prefix that nobody declared.
var schemes = []string{"urn", "tag", "mailto", "did", "data", "info", "tel", "ni", "doi"}

// checkColumns reports a column that isn't among those that are declared.
func (c *compiler) checkColumns(field string, at *yaml.Node, t template) {
	for _, p := range t.parts {
		if c.csv.columns != nil && p.ref != nil && p.ref.variable == "" && !slices.Contains(c.csv.columns, p.ref.text) {
			c.wrong(at, "%s: $(%s) can never match: the columns are %s", field, p.ref.text, strings.Join(c.csv.columns, ", "))
		}
	}
}
