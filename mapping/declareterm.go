package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

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

// graphs compiles one or several graphs; default stands for the default graph.
func (c *compiler) graphs(field string, at *yaml.Node) (maps []*termMap) {
	for _, item := range nodes(at) {
		if item = resolve(item); item.Kind == yaml.ScalarNode && item.Value == "default" {
			maps = append(maps, &termMap{field: field, defaultGraph: true})
			continue
		}
		maps = append(maps, c.iri(field, item))
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
		p.when, p.graphs = c.condition(field+".when", fields["when"]), c.graphs(field+".graphs", fields["graphs"])
	}
	if predicates == nil || objects == nil {
		c.wrong(at, "%s: expected [predicate, object], [predicate, object, datatype], or {p: …, o: …}", field)
		return p
	}
	typed := false
	for _, item := range nodes(predicates) {
		m := c.predicate(field+".p", resolve(item))
		typed = typed || m.constant == vocab.Type
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
		return &termMap{field: field, constant: vocab.Type}
	}
	return c.iri(field, at)
}

// object compiles the template of an object, or {value: …}. kind, unless nil, is its datatype or language; typed says that it is
// a class.
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
		m.compute, err = compileExpression(cel.Value)
		c.expression(field, cel, err)
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
		c.datatype(field, m, at)
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

// datatype reads the IRI of a datatype, or its template.
func (c *compiler) datatype(field string, m *termMap, at *yaml.Node) {
	t, err := parseTemplate(c.names.expand(at.Value), c.format)
	switch {
	case err != nil:
	case t.constant():
		m.datatype = t.plain()
		err = checkDatatype(m.datatype, c.names.prefixes)
	default:
		m.datatypes = &t
		c.checkColumns(field, at, t)
	}
	if err != nil {
		c.wrong(at, "%s: datatype %q: %w", field, at.Value, err)
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
		if err := checkTerm(t.plain(), c.names.prefixes); err != nil {
			c.wrong(at, "%s: %w", field, err)
		}
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
