package differential

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
)

// known is a difference between our answer and the first peer's for which the peer, or a choice that a specification leaves
// open, is the cause. It is known by what makes it go away: without what the peer reads otherwise, the answers must be the same.
type known struct {
	name string
	// sentence says what we follow.
	sentence string
	formats  []format
	// repair returns the document without what the peer reads otherwise; nil: nothing can be taken out.
	repair func(document string) string
	// differs reports whether the answers differ in this alone, where repair is nil.
	differs func(r reading) bool
	// example is a document of the first format that has the difference and no other.
	example string
}

// reading is what comes of a document.
type reading struct {
	ours, theirs answer
}

// refused reports whether the peer alone refuses the document, for a reason that has these words.
func (r reading) refused(words string) bool {
	return r.ours.reason == "" && strings.Contains(r.theirs.reason, words)
}

var (
	allTurtle = []format{formatTurtle, formatTriG}
	allText   = []format{formatTurtle, formatTriG, formatNTriples, formatNQuads}
	allLines  = []format{formatNTriples, formatNQuads}
	allJSON   = []format{formatJSONLD}
)

// differences lists what is known, the more common first. A repair that changes what a document means comes after those that don't.
var differences = []known{
	{
		name: "Oxigraph doesn't know long strings in reified triples and triple terms",
		sentence: "RDF 1.2 Turtle, section 6.5: [29] rtObject ::= iri | BlankNode | literal | tripleTerm | reifiedTriple; " +
			"[22] String ::= STRING_LITERAL_QUOTE | STRING_LITERAL_SINGLE_QUOTE | STRING_LITERAL_LONG_SINGLE_QUOTE | STRING_LITERAL_LONG_QUOTE",
		formats: allTurtle,
		repair:  shortStrings,
		example: `<< <x:s> <x:p> """o""" >> <x:p> <x:o> .`,
	},
	{
		name: "Oxigraph doesn't know [] as a reifier",
		sentence: "RDF 1.2 Turtle, section 6.5: [31] reifier ::= '~' (iri | BlankNode)?; " +
			"[25] BlankNode ::= BLANK_NODE_LABEL | ANON",
		formats: allTurtle,
		repair:  plainReifiers,
		example: `<x:s> <x:p> <x:o> ~ [] .`,
	},
	{
		name: "Oxigraph expects a predicate after a reified triple that ends a graph",
		sentence: "RDF 1.2 TriG, section 4.4: triples ::= subject predicateObjectList | blankNodePropertyList predicateObjectList? | " +
			"reifiedTriple predicateObjectList?",
		formats: []format{formatTriG},
		repair:  replace(`>>(`+blank+`\})`, ">> . ${1}"),
		example: `{ << <x:s> <x:p> <x:o> >> }`,
	},
	{
		name:     "Oxigraph doesn't know VERSION in N-Triples and N-Quads",
		sentence: `RDF 1.2 N-Quads, section 5: statement ::= directive | quad; versionDirective ::= 'VERSION' versionSpecifier`,
		formats:  allLines,
		repair:   replace(`(^|[\r\n])[ \t]*VERSION[ \t]*"[^"\\\r\n]*"`, "${1}"),
		example:  "VERSION \"1.2\"\n<x:s> <x:p> <x:o> .\n",
	},
	{
		name:     "Oxigraph takes comments that are no UTF-8",
		sentence: "RDF 1.2 N-Triples, section 5.2: N-Triples documents are encoded in UTF-8; so are Turtle's, section 6.2",
		formats:  allText,
		repair:   eachToken('#', func(comment string) string { return strings.ToValidUTF8(comment, "") }),
		example:  "# \xff\n<x:s> <x:p> <x:o> .\n",
	},
	{
		name:     "Oxigraph takes the escape at the end of a name and the dot after it for an unfinished name",
		sentence: `RDF 1.2 Turtle, section 6.5: PN_LOCAL doesn't end in ".", which is a token of its own, also where the document ends`,
		formats:  allTurtle,
		repair:   replace(`(\\.)\.$`, "${1} ."),
		example:  `@prefix : <x:> . :s :p :\@.`,
	},
	{
		name:     "Oxigraph takes a digit after the keyword a and a dot for a part of the word",
		sentence: `RDF 1.2 Turtle, section 6.5: 'a' is a token of its own; no name goes on with a dot unless it has a colon, DECIMAL begins with one`,
		formats:  allTurtle,
		repair:   replace(`(^|[\s;>\])}|])a(\.[0-9])`, "${1}a ${2}"),
		example:  `<x:s> a.5 .`,
	},
	{
		name:     "Oxigraph takes what follows an integer and a dot for an exponent",
		sentence: `RDF 1.2 Turtle, section 6.5: DOUBLE ends in EXPONENT ::= [eE] [+-]? [0-9]+; without digits after it, e begins a name`,
		formats:  allTurtle,
		repair:   replace(`([0-9])\.([eE][^0-9+-])`, "${1} . ${2}"),
		example:  "@prefix ex: <x:> . ex:s ex:p 1.ex:s ex:p 2 .",
	},
	{
		name:     "Oxigraph takes an empty string at the end of the document for the beginning of a long one",
		sentence: `RDF 1.2 Turtle, section 6.5: STRING_LITERAL_QUOTE may be empty`,
		formats:  allTurtle,
		repair:   replace(`(''|"")$`, "${1}\n"),
		example:  `VERSION ""`,
	},
	{
		name:     "Oxigraph skips no byte order mark in N-Triples and N-Quads",
		sentence: "The Unicode Standard, section 23.8: U+FEFF at the beginning of a text is not part of it",
		formats:  allLines,
		repair:   replace("^\ufeff", ""),
		example:  "\ufeff<x:s> <x:p> <x:o> .\n",
	},
	{
		name: "Oxigraph lets a second annotation block have the reifier of the first",
		sentence: "RDF 1.2 Turtle, section 7.3: a reifier is that of the annotation block directly after it; " +
			"an annotation block without one has a fresh blank node",
		formats: allTurtle,
		repair:  replace(`\|\}(`+blank+`)\{\|`, "|}${1}~ {|"),
		example: `<x:s> <x:p> <x:o> ~ {| <x:q> 1 |} {| <x:r> 2 |} .`,
	},
	{
		name:     "Oxigraph refuses language tags that are not well-formed for BCP 47",
		sentence: "RDF 1.2 Turtle, section 6.5: LANG_DIR ::= '@' [a-zA-Z]+ ('-' [a-zA-Z0-9]+)* ('--' [a-zA-Z]+)?; of BCP 47 we hold to eight characters a part",
		formats:  allText,
		repair:   eachToken('@', wellFormedTag),
		example:  `<x:s> <x:p> "o"@a .`,
	},
	{
		name: "Oxigraph refuses IRIs that RFC 3987 doesn't allow",
		sentence: `RDF 1.2 Turtle, section 6.5: IRIREF ::= '<' ([^#x00-#x20<>"{}|^` + "`" + `\] | UCHAR)* '>'; section 6.3: ` +
			"no further normalization is done; what stands between the brackets is the IRI",
		formats: allText,
		repair:  wellFormedIRIs,
		example: `<x:%> <x:p> <x:o> .`,
	},
	{
		name:     "Oxigraph loses the slash where dots go above the root of a base without authority",
		sentence: `RFC 3986, section 5.2.4, C: "/../" is replaced by "/"`,
		formats:  allTurtle,
		repair:   eachToken('<', func(iri string) string { return strings.ReplaceAll(iri, "..", "") }),
		example:  `@base <x:/> . <../> <x:p> <x:o> .`,
	},
	{
		name: "Oxigraph refuses IRIs in RDF/XML that RFC 3987 doesn't allow",
		sentence: "RDF/XML has IRIs, and no grammar of them; ours checks what that of N-Triples does, so that each of its readers takes " +
			"what another one has taken",
		formats: []format{formatRDFXML},
		differs: func(r reading) bool { return r.refused("error while parsing IRI") },
		example: `<C xmlns="x:" xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="http://a:é/"/>`,
	},
	{
		name: "jsonld.js takes what has a colon, but no scheme before it, for an IRI",
		sentence: "JSON-LD API, IRI expansion, 6.5: if value has the form of an IRI; " +
			"RFC 3986, section 4.2: the first segment of a relative path has no colon",
		formats: allJSON,
		repair:  eachString(firstColon),
		example: `{"@id": ":s", "x:p": "o"}`,
	},
	{
		name:     "jsonld.js takes an empty @base for none",
		sentence: "JSON-LD API, context processing, 5.7.4: otherwise, if value is a relative IRI reference, it is resolved against the current base",
		formats:  allJSON,
		repair:   replace(`"@base": *""`, `"@base": "doc?query"`),
		example:  `{"@context": {"@base": ""}, "@id": "#s", "x:p": "o"}`,
	},
	{
		name:     "jsonld.js makes NaN of a string with the datatype xsd:double",
		sentence: "JSON-LD API, object to RDF conversion, 10: if value is a number; a string keeps its form",
		formats:  allJSON,
		repair:   replace(`XMLSchema#double`, "XMLSchema#x"),
		example:  `{"x:p": {"@value": "o", "@type": "http://www.w3.org/2001/XMLSchema#double"}}`,
	},
	{
		name:     "jsonld.js makes the integer 0 of a small number",
		sentence: "JSON-LD API, object to RDF conversion, 10: if value is a number with a non-zero fractional part, it is an xsd:double",
		formats:  allJSON,
		repair:   replace(`[0-9.]+[eE]-[0-9]+`, "0.5"),
		example:  `{"x:p": 1E-7}`,
	},
	{
		name:     "jsonld.js takes the separators of lines and paragraphs for white space, which no IRI has",
		sentence: "RFC 3987, section 2.2: ucschar has %xA0-D7FF",
		formats:  allJSON,
		repair:   replace(`\\u202[89]`, "x"),
		example:  `{"@id": "x:\u2028", "x:p": "o"}`,
	},
	{
		name:     "jsonld.js and Oxigraph drop all that is said under a property that is no IRI",
		sentence: "JSON-LD API, RDF serialization, 1.3.2: nothing is said with a property that is not well-formed; a node under it has an identifier, 1.3",
		formats:  allJSON,
		repair:   replace(`"[^"]*(?: |\\u003[ce])[^"]*":`, `"plain":`),
		example:  `{"@context": {"@vocab": "http://example/"}, "a b": {"x:p": "o"}}`,
	},
	{
		name:     "jsonld.js gives a graph whose @id has the form of a keyword a blank node",
		sentence: "JSON-LD API, IRI expansion, 2: if value has the form of a keyword, it is null, with which nothing can be said",
		formats:  allJSON,
		repair:   eachMember(plainKeys),
		example:  `{"@context": {"p": {"@id": "x:p", "@container": ["@graph", "@id"]}}, "@reverse": {"p": {"@unknown": [{"x:q": 1}]}}}`,
	},
	{
		name: "jsonld.js drops nodes without properties, values and lists where a container makes graphs",
		sentence: "JSON-LD API, expansion, 19: what has no properties is dropped if active property is null or @graph, not for other " +
			"properties; 13.12: then each value is made a graph object",
		formats: allJSON,
		repair:  eachMember(filledGraphs),
		example: `{"@context": {"p": {"@id": "x:p", "@container": "@graph"}}, "p": {}}`,
	},
	{
		name:     "jsonld.js makes lists of arrays in @list",
		sentence: "JSON-LD API, expansion, 5.2.2: if the container mapping of active property includes @list, an array becomes a list; else its items stay",
		formats:  allJSON,
		repair:   eachMember(flatLists),
		example:  `{"x:p": {"@list": [[]]}}`,
	},
	{
		name:     "jsonld.js makes a list of the one value of @set in a list",
		sentence: "JSON-LD API, expansion, 5.2.2: if expanded item is an array, it becomes a list; that of @set, 17, is what its value is",
		formats:  allJSON,
		repair:   eachMember(plainSets),
		example:  `{"@context": {"p": {"@id": "x:p", "@container": "@list"}}, "p": [{"@set": 1}]}`,
	},
	{
		name:     "jsonld.js looks for errors in what is dropped",
		sentence: "JSON-LD API, expansion, 13.4.9.1: if active property is null or @graph, continue, to remove the free-floating list",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.refused("only strings may be language-tagged") || r.refused(`if an element has the property "@set" or "@list"`)
		},
		example: `{"@list": {"@value": 0, "@language": "en"}}`,
	},
	{
		name:     "jsonld.js makes a node of a list that is null",
		sentence: "JSON-LD API, expansion, 13.4.9.2: the value is expanded, ensuring that the result is an array; that of null is empty",
		formats:  allJSON,
		repair:   eachMember(emptyLists),
		example:  `{"x:p": {"@list": null}}`,
	},
	{
		name:     "jsonld.js doesn't take the context of an alias of @nest that is defined in the context of a term",
		sentence: "JSON-LD API, expansion, 14.2: if nesting-key has a term definition with a local context, it holds for what is nested",
		formats:  allJSON,
		repair:   eachMember(plainNests),
		example: `{"@context": {"@vocab": "x:", "p": {"@context": {"n": {"@id": "@nest", "@context": {"a": "b"}}}}},
			"p": {"n": {"a": 1}}}`,
	},
	{
		name:     "jsonld.js refuses a term for an IRI with white space",
		sentence: "JSON-LD API, deserialize JSON-LD to RDF, 1.3: what is not well-formed is left out; in contexts we hold to the scheme",
		formats:  allJSON,
		differs:  func(r reading) bool { return r.refused("a @context @id value must be an absolute IRI") },
		example:  `{"@context": {"p": "x:a b"}}`,
	},
	{
		name:     "jsonld.js takes a node without types for none in @included",
		sentence: "JSON-LD 1.1, section 9.2: a map is a node object if it has no @value, @list or @set",
		formats:  allJSON,
		differs:  func(r reading) bool { return r.refused("values of @included must expand to node objects") },
		example:  `{"@included": {"@type": []}}`,
	},
	{
		name:     "jsonld.js stops at an item of a list, or the key of a map, that is left out",
		sentence: "JSON-LD API, list conversion, 3.3: unless object is null, there is a triple with rdf:first",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.refused("TypeError: Cannot read properties of null")
		},
		example: `{"x:p": {"@list": [{"@id": "a b"}]}}`,
	},
	{
		name:     "jsonld.js takes numbers that no double can hold for infinite",
		sentence: "RFC 8259, section 6: an implementation may set limits on the range of numbers; JSON has no infinity",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, "expected one that a double can hold")
		},
		example: `{"x:p": 1e400}`,
	},
	{
		name:     "jsonld.js takes a datatype that is no IRI, also one that a map of types gives to a value",
		sentence: "JSON-LD API, expansion, 14.5: if the value's @type entry is not an IRI, an invalid typed value error",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, "invalid typed value: expected an IRI for @type")
		},
		example: `{"@context": {"p": {"@id": "x:p", "@container": "@type"}}, "p": {"x:k": 1}}`,
	},
	{
		name:     "jsonld.js takes @default for a keyword that can't be defined",
		sentence: "JSON-LD 1.1, section 1.7, has no keyword @default; API, create term definition, 5: what has the form of a keyword is left out",
		formats:  allJSON,
		repair:   replace(`"@default"`, `"@none1"`),
		example:  `{"@context": {"@default": "x:d"}}`,
	},
	{
		name: "jsonld.js refuses a node without content in @included only where it stands at the top",
		sentence: "JSON-LD API, expansion, 13.4.6: @included is expanded with null as active property, so that a node without content is " +
			"dropped; if any element is not a node object, an invalid @included value error",
		formats: allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, "invalid @included value: expected nodes, found none")
		},
		example: `{"x:p": {"@included": {}}}`,
	},
	{
		name:     "jsonld.js takes anything for @protected",
		sentence: "JSON-LD API, create term definition, 11: if the value of @protected is not a boolean, an invalid @protected value error",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, "invalid @protected value")
		},
		example: `{"@context": {"@protected": 1}}`,
	},
	{
		name: "jsonld.js keeps the context of a type in a map of ids or types",
		sentence: "JSON-LD API, expansion, 13.8.3.1: if container mapping includes @id or @type, map context is the previous context " +
			"from active context, if there is one",
		formats: allJSON,
		repair:  eachMember(plainTypes),
		example: `{"@context": {"p": {"@id": "x:p", "@container": "@id"}, "T": {"@id": "x:T", "@context": {"t": "x:u"}}},
			"@type": "T", "p": {"x:k": {"t": {}}}}`,
	},
	{
		name:     "jsonld.js reads integers as doubles",
		sentence: "RFC 8259, section 6: numbers beyond the precision of a double can be read with more; we keep all digits",
		formats:  allJSON,
		repair:   replace(`[0-9]{16,}`, "5"),
		example:  `{"x:p": 59007199254740993}`,
	},
	{
		name:     "jsonld.js drops entries without values, so that a graph stands alone",
		sentence: "JSON-LD API, expansion, 13.4.17: unless expanded value is null, the entry is set; 3: only a map with nothing but @graph is replaced by it",
		formats:  allJSON,
		repair:   eachMember(withCompany),
		example:  `{"@type": [], "@graph": {"x:p": "o"}}`,
	},
	{
		name:     "jsonld.js drops a member of a value whose name has a colon, but no scheme before it",
		sentence: "JSON-LD API, expansion, 13.3: a key is dropped if it neither contains a colon nor is a keyword; 14.1: a value has no others",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, `invalid value object: unexpected ":`)
		},
		example: `{"x:p": {"@value": "o", ":p": 1}}`,
	},
	{
		name:     "jsonld.js looks for errors in what is said of @none",
		sentence: "JSON-LD API, expansion, 13.4: of the keywords, @none has no meaning as a key of a node",
		formats:  allJSON,
		repair:   eachMember(withoutNone),
		example:  `{"@none": {"@reverse": 1}}`,
	},
	{
		name:     "jsonld.js takes a keyword for a reverse property",
		sentence: "JSON-LD API, create term definition, 13.4: if it is neither an IRI nor a blank node identifier, an invalid IRI mapping error",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, `invalid IRI mapping: expected an IRI for @reverse, found "@`)
		},
		example: `{"@context": {"back": {"@reverse": "@value"}}}`,
	},
	{
		name:     "jsonld.js doesn't know the alias of a keyword among the keys of a map of ids",
		sentence: "JSON-LD API, IRI expansion, 4: if the term's IRI mapping is a keyword, it is that keyword, which is no IRI",
		formats:  allJSON,
		repair:   eachMember(withoutAliases),
		example:  `{"@context": {"id": "@id", "p": {"@id": "x:p", "@container": "@id"}}, "p": {"id": {"x:q": 1}}}`,
	},
	{
		name:     "jsonld.js takes half of a surrogate pair",
		sentence: "RFC 7493, section 2.1: names and strings must not have surrogates; RFC 8259, section 8.2: what comes of them can't be foretold",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, "expected the escape of a character, found half of a pair")
		},
		example: `{"@id": "x:s", "x:p": "\ud800"}`,
	},
	{
		name:     "jsonld.js takes the last of members with one name",
		sentence: "JSON-LD 1.1, section 9: in JSON-LD the keys in objects must be unique",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.theirs.reason == "" && strings.Contains(r.ours.reason, " is there twice")
		},
		example: `{"@id": "x:s", "x:p": 1, "x:p": 1}`,
	},
	{
		name:     "jsonld.js makes quads of IRIs and language tags that are not well-formed",
		sentence: "JSON-LD API, deserialize JSON-LD to RDF, 1.3: what is not well-formed is left out",
		formats:  allJSON,
		differs: func(r reading) bool {
			return r.refused(noQuads) && same(r.ours, answer{quads: withoutOrphans(r.theirs.wellFormed)})
		},
		example: `{"@id": "x:s", "x:p": [{"@id": "x:a b"}, {"@value": "o", "@language": "a b"}, 1]}`,
	},
	{
		name:     "jsonld.js refuses a value object in a map whose keys are @id or @type",
		sentence: "JSON-LD API, expansion, 13.8.3.7: no error is named",
		formats:  allJSON,
		differs:  func(r reading) bool { return r.refused("Attempt to add illegal key to value object") },
		example:  `{"@context": {"p": {"@id": "x:p", "@container": "@id"}}, "p": {"x:k": "o"}}`,
	},
	{
		name:     "jsonld.js refuses a scalar in @graph",
		sentence: "JSON-LD API, expansion, 4.1: if active property is null or @graph, the free-floating scalar is dropped",
		formats:  allJSON,
		differs:  func(r reading) bool { return r.refused(`"@graph" value must not be an object or an array`) },
		example:  `{"@graph": "o"}`,
	},
}

// blank is what may stand between two tokens of Turtle.
const blank = `(?:\s|#[^\r\n]*[\r\n])*`

// replace returns a repair that replaces what matches.
func replace(expression, with string) func(string) string {
	re := regexp.MustCompile(expression)
	return func(document string) string { return re.ReplaceAllString(document, with) }
}

// withoutOrphans leaves out the lists that nothing leads to.
func withoutOrphans(quads []rdf.Quad) []rdf.Quad {
	const list = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	for {
		led := map[rdf.Term]bool{}
		for _, q := range quads {
			led[q.O] = true
		}
		kept := slices.DeleteFunc(slices.Clone(quads), func(q rdf.Quad) bool {
			return q.S.Kind() == rdf.KindBlank && !led[q.S] && (q.P.String() == list+"first>" || q.P.String() == list+"rest>")
		})
		if len(kept) == len(quads) {
			return kept
		}
		quads = kept
	}
}

// Each known difference is one, as long as its place in the list is needed, and explains nothing else.
func TestDifferences(t *testing.T) {
	c := &comparison{}
	c.oxigraph, c.javascript = peers(t)
	for _, k := range differences {
		f := k.formats[0]
		if got := c.check(t, f, []byte(k.example)); got.difference == "" || len(got.known) != 1 || got.known[0] != k.name {
			t.Errorf("%s: %q is %q, known as %q", k.name, k.example, got.difference, got.known)
		}
		if k.sentence == "" {
			t.Errorf("%s: nothing says why", k.name)
		}
	}
}
