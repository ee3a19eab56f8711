// Package rdf holds the RDF data model: terms, triples and quads.
//
// A [Term] is held as its canonical N-Triples text. That makes terms comparable with ==, usable as map keys, and
// writable without conversion: a stream processor moves and compares terms far more often than it looks inside.
// The package imports the standard library alone, does no I/O, and its values are immutable and safe for
// concurrent use.
//
// Sources: RDF 1.1 and 1.2 Concepts; canonical text as in RDF 1.2 N-Triples, section "Canonical form". Language tags
// are lower case in it, so that tags which differ in case alone make equal terms.
package rdf

import (
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// Kind says what a [Term] is.
type Kind uint8

// The kinds of term. KindNone is the kind of the zero Term: no term, and as a graph the default graph.
const (
	KindNone Kind = iota
	KindIRI
	KindBlank
	KindLiteral
	KindTriple
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case KindNone:
		return "no term"
	case KindIRI:
		return "IRI"
	case KindBlank:
		return "blank node"
	case KindLiteral:
		return "literal"
	case KindTriple:
		return "triple term"
	}
	return "unknown kind"
}

// Direction is the base direction of a literal (RDF 1.2).
type Direction string

// The base directions.
const (
	NoDirection Direction = ""
	LTR         Direction = "ltr"
	RTL         Direction = "rtl"
)

// Datatypes that the syntax has short forms for.
const (
	XSDString     = "http://www.w3.org/2001/XMLSchema#string"
	XSDInteger    = "http://www.w3.org/2001/XMLSchema#integer"
	XSDDecimal    = "http://www.w3.org/2001/XMLSchema#decimal"
	XSDDouble     = "http://www.w3.org/2001/XMLSchema#double"
	XSDBoolean    = "http://www.w3.org/2001/XMLSchema#boolean"
	LangString    = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
	DirLangString = "http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString"
)

// Term is an RDF term. The zero Term is "no term"; as the graph of a [Quad] it stands for the default graph.
// Terms are equal (==) exactly if they are the same RDF term.
type Term struct{ text string }

// Trusted makes a term of its canonical N-Triples text without looking at it. It is for parsers and stores that
// have validated the text already; with any other text the methods of Term have no defined result (they don't panic).
func Trusted(text string) Term { return Term{text} }

// String returns the canonical N-Triples text: "<iri>", "_:label", "\"lexical\"^^<datatype>", "<<( s p o )>>".
// It is empty for the zero Term.
func (t Term) String() string { return t.text }

// IsZero reports whether t is no term.
func (t Term) IsZero() bool { return t.text == "" }

// Kind says what the term is. It looks at the first characters alone.
func (t Term) Kind() Kind {
	if t.text == "" {
		return KindNone
	}
	switch t.text[0] {
	case '<':
		if len(t.text) > 1 && t.text[1] == '<' {
			return KindTriple
		}
		return KindIRI
	case '_':
		return KindBlank
	}
	return KindLiteral
}

// Value returns an IRI without its angle brackets, a blank node's label without "_:", a literal's lexical form
// without escapes, and "" for a triple term and for no term. It allocates only for a literal with escapes.
func (t Term) Value() string {
	switch t.Kind() {
	case KindIRI, KindBlank:
		return t.Key()[t.keyPrefix():]
	case KindLiteral:
		return unescape(t.quoted())
	}
	return ""
}

// keyPrefix is the number of bytes of Key that are not of the value.
func (t Term) keyPrefix() int {
	if t.text[0] == '_' {
		return min(2, len(t.text))
	}
	return 0
}

// Key returns the text that a change is routed by when the term is its key: an IRI without its angle brackets,
// "_:label" for a blank node, the canonical text otherwise. It does not allocate.
func (t Term) Key() string {
	if n := len(t.text); n >= 2 && t.text[0] == '<' && t.text[1] != '<' {
		return t.text[1 : n-1]
	}
	return t.text
}

// Clone returns the term in memory of its own. Terms of a parser share the parser's buffer and are valid only until
// it goes on; whoever keeps one keeps a clone.
func (t Term) Clone() Term { return Term{strings.Clone(t.text)} }

// Compare orders terms by their canonical text, byte by byte: -1, 0 or 1. The zero Term is the least.
func (t Term) Compare(other Term) int { return strings.Compare(t.text, other.text) }

// quoted is the lexical form with its escapes, without quotes. Neither a datatype nor a language tag has a quote in it.
func (t Term) quoted() string {
	if end := t.closingQuote(); end > 0 {
		return t.text[1:end]
	}
	return ""
}

func (t Term) closingQuote() int {
	if t.Kind() != KindLiteral {
		return 0
	}
	return strings.LastIndexByte(t.text, '"')
}

// suffix is what follows the closing quote of a literal: "", "^^<datatype>" or "@tag".
func (t Term) suffix() string {
	end := t.closingQuote()
	if end <= 0 {
		return ""
	}
	return t.text[end+1:]
}

// Datatype returns the datatype IRI of a literal, without angle brackets, also where the text omits it (string,
// langString, dirLangString); "" for other terms. It does not allocate.
func (t Term) Datatype() string {
	if t.Kind() != KindLiteral {
		return ""
	}
	suffix := t.suffix()
	if suffix == "" {
		return XSDString
	}
	if suffix[0] == '@' {
		if t.Direction() != NoDirection {
			return DirLangString
		}
		return LangString
	}
	if len(suffix) < len("^^<>") {
		return ""
	}
	return suffix[3 : len(suffix)-1]
}

// Lang returns the language tag of a literal, lower case, without base direction; "" if it has none.
func (t Term) Lang() string {
	suffix := t.suffix()
	if suffix == "" || suffix[0] != '@' {
		return ""
	}
	tag, _, _ := strings.Cut(suffix[1:], "--")
	return tag
}

// Direction returns the base direction of a literal; [NoDirection] if it has none.
func (t Term) Direction() Direction {
	suffix := t.suffix()
	if suffix == "" || suffix[0] != '@' {
		return NoDirection
	}
	_, dir, _ := strings.Cut(suffix[1:], "--")
	return Direction(dir)
}

// Triple returns the parts of a triple term, which share its memory; ok is false for other terms.
func (t Term) Triple() (parts Triple, ok bool) {
	rest, ok := strings.CutPrefix(t.text, "<<( ")
	if !ok {
		return Triple{}, false
	}
	for _, part := range []*Term{&parts.S, &parts.P, &parts.O} {
		end := termEnd(rest)
		if end <= 0 || end >= len(rest) || rest[end] != ' ' {
			return Triple{}, false
		}
		*part = Term{rest[:end]}
		rest = rest[end+1:]
	}
	if rest != ")>>" {
		return Triple{}, false
	}
	return parts, true
}

// termEnd returns the length of the canonical term that text begins with, -1 if there is none.
func termEnd(text string) int {
	depth := 0
	for i := 0; i < len(text); {
		var n int
		switch {
		case strings.HasPrefix(text[i:], "<<( "):
			depth++
			i += len("<<( ")
			continue
		case strings.HasPrefix(text[i:], ")>>"):
			depth--
			n = len(")>>")
		default:
			n = simpleEnd(text[i:])
		}
		if n <= 0 {
			return -1
		}
		i += n
		if depth <= 0 {
			return i
		}
		i++ // the space between terms
	}
	return -1
}

// simpleEnd is termEnd for terms that are not triple terms.
func simpleEnd(text string) int {
	i := 0
	switch text[0] {
	case '<':
		return strings.IndexByte(text, '>') + 1
	case '"':
		for i = 1; i < len(text) && text[i] != '"'; i++ {
			if text[i] == '\\' {
				i++
			}
		}
		if i >= len(text) {
			return -1
		}
	}
	if end := strings.IndexByte(text[i:], ' '); end >= 0 {
		return i + end
	}
	return len(text)
}

// unescape returns the characters that the body of a canonical string writes. It allocates only if there are escapes.
func unescape(quoted string) string {
	i := strings.IndexByte(quoted, '\\')
	if i < 0 {
		return quoted
	}
	out := make([]byte, 0, len(quoted))
	for i >= 0 && i+1 < len(quoted) {
		out = append(out, quoted[:i]...)
		n := 2
		switch c := quoted[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'f':
			out = append(out, '\f')
		case 'r':
			out = append(out, '\r')
		case 'u':
			n = min(6, len(quoted)-i)
			out = appendHex(out, quoted[i+2:i+n])
		default:
			out = append(out, c)
		}
		quoted = quoted[i+n:]
		i = strings.IndexByte(quoted, '\\')
	}
	out = append(out, quoted...)
	return unsafe.String(unsafe.SliceData(out), len(out))
}

func appendHex(out []byte, digits string) []byte {
	if r := chars.Hex([]byte(digits), 4); r >= 0 {
		return append(out, string(r)...)
	}
	return out
}

// Triple is an RDF triple.
type Triple struct {
	// S, P and O are subject, predicate and object.
	S, P, O Term
}

// Quad is an RDF triple in a graph.
type Quad struct {
	// S, P and O are subject, predicate and object; G names the graph, the zero Term is the default graph.
	S, P, O, G Term
}

// Clone returns the triple in memory of its own.
func (t Triple) Clone() Triple {
	q := Quad{S: t.S, P: t.P, O: t.O}.Clone()
	return Triple{q.S, q.P, q.O}
}

// Triple returns the quad without its graph.
func (q Quad) Triple() Triple { return Triple{q.S, q.P, q.O} }

// Clone returns the quad in memory of its own, one block for all its terms.
func (q Quad) Clone() Quad {
	s, p, o := len(q.S.text), len(q.P.text), len(q.O.text)
	block := q.S.text + q.P.text + q.O.text + q.G.text
	p += s
	o += p
	return Quad{Term{block[:s]}, Term{block[s:p]}, Term{block[p:o]}, Term{block[o:]}}
}

// Compare orders quads by graph, subject, predicate and object: -1, 0 or 1.
func (q Quad) Compare(other Quad) int {
	for _, pair := range [...][2]Term{{q.G, other.G}, {q.S, other.S}, {q.P, other.P}, {q.O, other.O}} {
		if c := pair[0].Compare(pair[1]); c != 0 {
			return c
		}
	}
	return 0
}

// String returns the quad as N-Quads has it, without a line end.
func (q Quad) String() string {
	text := q.S.text + " " + q.P.text + " " + q.O.text
	if !q.G.IsZero() {
		text += " " + q.G.text
	}
	return text + " ."
}
