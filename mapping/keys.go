package mapping

// Key is a key of a declaration.
type Key struct {
	// Name is its place, such as mappings[].po[].o[].datatype; "[]" stands for each name, or each item.
	Name string
	// Takes says what it takes, Help what it is; both are for people.
	Takes, Help string

	in    level
	first string   // its name there
	also  []string // other names, which YARRRML has for it
}

// level says what a key is of.
type level int

// The levels.
const (
	ofFile level = iota
	ofRule
	ofPair
	ofObject
)

// above is where the keys of a level stand.
var above = map[level]string{ofFile: "", ofRule: "mappings[].", ofPair: "mappings[].po[].", ofObject: "mappings[].po[].o[]."}

// Keys returns all keys of a declaration, in the order in which they are explained.
func Keys() (list []Key) {
	for _, k := range keys {
		k.Name = above[k.in] + k.first
		list = append(list, k)
	}
	return list
}

// Also returns the other names of the key.
func (k Key) Also() []string { return k.also }

// keys are those that there are: the compiler knows no others.
var keys = []Key{
	{in: ofFile, first: "base", Takes: "IRI", Help: "What goes before an IRI of a mapping that is not absolute, as it stands."},
	{in: ofFile, first: "prefixes", Takes: "names with IRIs", Help: "Names that stand for the beginnings of IRIs in mappings; rdf, rdfs, xsd and owl are known."},
	{in: ofFile, first: "mappings", Takes: "names with a rule or a list of rules", Help: "How messages become changes: a source has one by its name, and so has a request (?mapping=NAME). docs/mapping.md says it at length."},

	{in: ofRule, first: "format", Takes: "json or csv or debezium or jsonld", Help: "What the messages are, default json; in the first rule of a list alone, as columns, delimiter, null and context."},
	{in: ofRule, first: "columns", Takes: "list of text", Help: "CSV: names of the columns, where the first row doesn't have them."},
	{in: ofRule, first: "delimiter", Takes: "character", Help: "CSV: what stands between two fields, default a comma."},
	{in: ofRule, first: "null", Takes: "text", Help: "CSV: the text of a field without a value, default the empty one."},
	{in: ofRule, first: "context", Takes: "file or context", Help: "JSON-LD: the name of a file, looked for beside the configuration, or the context itself."},
	{in: ofRule, first: "over", Takes: "JSONPath", Help: "From the document to its rows, such as $.readings[*]; default: the document is the row."},
	{in: ofRule, first: "when", Takes: "CEL", Help: "Condition; a row for which it is false makes nothing."},
	{in: ofRule, first: "mode", Takes: "add or delete or replace or upsert or replace-subject or delete-subject", Help: "What comes of the quads, default add."},
	{in: ofRule, first: "s", also: []string{"subject", "subjects"}, Takes: "template or {value: …} or {cel: …}", Help: "The subject's IRI. A row that lacks a field of it is an error: exclude it with when."},
	{in: ofRule, first: "graphs", also: []string{"graph", "g"}, Takes: "template, or list of such", Help: "IRIs of graphs, each of which gets the quads; default is the default graph, which has them where there is no key."},
	{in: ofRule, first: "po", also: []string{"predicateobjects"}, Takes: "list of [predicate, object] or {p: …, o: …}", Help: "Predicates and objects; a third item is a datatype, or TAG~lang."},
	{in: ofRule, first: "update", Takes: "SPARQL Update", Help: "In the place of s, graphs, po and mode: what a row does to the shards, evaluated where they are owned. The prefixes of this file are known in it."},
	{in: ofRule, first: "bind", Takes: "names with a template or {value: …} or {cel: …}", Help: "Variables of the update, without their question marks, and their values, which are put into its syntax tree. A row that lacks one is an error: exclude it with when."},

	{in: ofPair, first: "p", also: []string{"predicate", "predicates"}, Takes: "template, or list of such", Help: "The predicates' IRIs; a is rdf:type."},
	{in: ofPair, first: "o", also: []string{"object", "objects"}, Takes: "template or {value: …} or {cel: …}, or list of such", Help: "The objects."},
	{in: ofPair, first: "when", Takes: "CEL", Help: "Condition for this entry alone."},
	{in: ofPair, first: "graphs", also: []string{"graph", "g"}, Takes: "template, or list of such", Help: "IRIs of graphs that come to those of the rule."},

	{in: ofObject, first: "value", Takes: "template", Help: "A text with references, such as $(name). ~iri at its end makes an IRI of it; else it is a literal."},
	{in: ofObject, first: "cel", Takes: "CEL", Help: "An expression in the place of a template; each item of a list is a value, null is none."},
	{in: ofObject, first: "type", Takes: "iri or literal", Help: "What it is; default a literal, and with the predicate a an IRI."},
	{in: ofObject, first: "datatype", Takes: "template", Help: "The literal's datatype, such as xsd:decimal, which may have references, as in xsd:$(type). Of XSD, numbers, truth values, times and dates are looked at."},
	{in: ofObject, first: "language", Takes: "template", Help: "The literal's language tag."},
	{in: ofObject, first: "time", Takes: "s or ms or us or ns", Help: "The number counts so since 1970, and becomes an xsd:dateTime in UTC."},
	{in: ofObject, first: "unit", Takes: "template", Help: "IRI of a unit, with node: the object is then the node, a qudt:QuantityValue."},
	{in: ofObject, first: "node", Takes: "template", Help: "IRI of the node that has value and unit."},
	{in: ofObject, first: "required", Takes: "true or false", Help: "It is an error if there is no value."},
}

// namesOf are the keys of a level, and what each is another name of.
func namesOf(in level) map[string]string {
	all := map[string]string{}
	for _, k := range keys {
		if k.in != in {
			continue
		}
		all[k.first] = k.first
		for _, other := range k.also {
			all[other] = k.first
		}
	}
	return all
}

var ruleKeys, pairKeys, objectKeys = namesOf(ofRule), namesOf(ofPair), namesOf(ofObject)
