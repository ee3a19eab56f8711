package turtle

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf"
)

// shorthand finds the prefix of an IRI among any number of them.
type shorthand struct {
	prefixes []Prefix // in the order of their IRIs, each of them once
	// shorter has for each of them which one stands for less of the same IRIs, the longest such; -1 if there is none.
	shorter []int32
	// whole has those that begin no other one: of an IRI that ends in a local name behind one, it stands for the most.
	whole map[string]int32
	// often has IRIs that come again and again, by slot.
	often [64]written
}

// written is an IRI in angle brackets, and what is written for it.
type written struct{ iri, word []byte }

// newShorthand orders prefixes such as [WithPrefixes] takes. Of those with one IRI the first is used.
func newShorthand(prefixes []Prefix) shorthand {
	sorted := slices.Clone(prefixes)
	slices.SortStableFunc(sorted, func(p, q Prefix) int { return strings.Compare(p.IRI, q.IRI) })
	sorted = slices.CompactFunc(sorted, func(p, q Prefix) bool { return p.IRI == q.IRI })
	h := shorthand{prefixes: sorted, shorter: make([]int32, len(sorted)), whole: map[string]int32{}}
	for i := range sorted {
		at := int32(i - 1)
		for at >= 0 && !strings.HasPrefix(sorted[i].IRI, sorted[at].IRI) {
			at = h.shorter[at]
		}
		h.shorter[i] = at
		if i == len(sorted)-1 || !strings.HasPrefix(sorted[i+1].IRI, sorted[i].IRI) {
			h.whole[sorted[i].IRI] = int32(i)
		}
	}
	return h
}

// find returns the prefix that stands for most of an IRI, if what is left can be a local name without escapes; nil if
// there is none.
func (h *shorthand) find(iri string) *Prefix {
	if len(h.prefixes) <= fewPrefixes {
		return h.findAmongFew(iri)
	}
	end := strings.LastIndexAny(iri, "/#") + 1
	if i, ok := h.whole[iri[:end]]; ok && isLocal(iri[end:]) {
		return &h.prefixes[i]
	}
	at, ok := slices.BinarySearchFunc(h.prefixes, iri, func(p Prefix, iri string) int { return strings.Compare(p.IRI, iri) })
	if !ok {
		at--
	}
	// All that the IRI begins with are before it, and each is what those between it and the IRI begin with.
	for i := int32(at); i >= 0; i = h.shorter[i] {
		if p := &h.prefixes[i]; strings.HasPrefix(iri, p.IRI) && isLocal(iri[len(p.IRI):]) {
			return p
		}
	}
	return nil
}

// fewPrefixes is how many are looked at one by one, which is faster.
const fewPrefixes = 16

// findAmongFew looks at the last one first: of those that the IRI begins with, it is the longest.
func (h *shorthand) findAmongFew(iri string) *Prefix {
	for i := len(h.prefixes) - 1; i >= 0; i-- {
		p := &h.prefixes[i]
		if n := len(p.IRI); n <= len(iri) && iri[n-1] == p.IRI[n-1] && iri[:n] == p.IRI && isLocal(iri[n:]) {
			return p
		}
	}
	return nil
}

// Terms writes single terms as Turtle does with prefixes, for what people read. It is used by one goroutine at a time.
type Terms struct{ short shorthand }

// NewTerms returns what writes terms with prefixes such as [WithPrefixes] takes; any other one is an error ([rdf.ErrInvalid]).
func NewTerms(prefixes ...Prefix) (*Terms, error) {
	if err := checkPrefixes(prefixes); err != nil {
		return nil, err
	}
	return &Terms{newShorthand(prefixes)}, nil
}

// Append appends the term to dst: IRIs with the prefix that stands for most of them, numbers and booleans without quotes.
func (t *Terms) Append(dst []byte, term rdf.Term) []byte { return t.short.appendTerm(dst, term) }

// appendTerm appends a term as Turtle writes it: IRIs with a prefix, numbers and booleans without quotes, if they read as
// the same literal. It allocates only to grow dst.
func (h *shorthand) appendTerm(dst []byte, t rdf.Term) []byte {
	switch t.Kind() {
	case rdf.KindIRI:
		return h.appendIRI(dst, t.String())
	case rdf.KindLiteral:
		return h.appendLiteral(dst, t.String())
	case rdf.KindTriple:
		if parts, ok := t.Triple(); ok {
			dst = h.appendTerm(append(dst, "<<( "...), parts.S)
			dst = h.appendTerm(append(dst, ' '), parts.P)
			dst = h.appendTerm(append(dst, ' '), parts.O)
			return append(dst, " )>>"...)
		}
	}
	return append(dst, t.String()...)
}

// appendIRI appends an IRI that is given in angle brackets.
func (h *shorthand) appendIRI(dst []byte, text string) []byte {
	iri := text[1 : len(text)-1]
	p := h.find(iri)
	if p == nil {
		return append(dst, text...)
	}
	dst = append(dst, p.Name...)
	dst = append(dst, ':')
	return append(dst, iri[len(p.IRI):]...)
}

// appendOften is appendIRI for predicates and datatypes, of which a document has few.
func (h *shorthand) appendOften(dst []byte, text string) []byte {
	n := len(text)
	known := &h.often[(n*31+int(text[n-2])*7+int(text[n-n/4-1]))&63]
	if string(known.iri) == text {
		return append(dst, known.word...)
	}
	before := len(dst)
	dst = h.appendIRI(dst, text)
	known.iri, known.word = append(known.iri[:0], text...), append(known.word[:0], dst[before:]...)
	return dst
}

// isLocal reports whether s can be a local name, or none.
func isLocal(s string) bool {
	for i := range len(s) {
		if chars.Class[s[i]]&chars.Local == 0 || i == 0 && s[i] == '-' {
			end, _ := chars.LocalName(unsafe.Slice(unsafe.StringData(s), len(s)))
			return end == len(s)
		}
	}
	return true
}

// The datatypes of literals that need no quotes, as they stand at the end of the text.
const (
	booleanEnd = `"^^<` + rdf.XSDBoolean + ">"
	integerEnd = `"^^<` + rdf.XSDInteger + ">"
	decimalEnd = `"^^<` + rdf.XSDDecimal + ">"
	doubleEnd  = `"^^<` + rdf.XSDDouble + ">"
)

// appendLiteral appends a literal that is given as N-Triples has it.
func (h *shorthand) appendLiteral(dst []byte, text string) []byte {
	if text[len(text)-1] != '>' {
		return append(dst, text...)
	}
	end := strings.LastIndexByte(text, '"')
	lexical, datatype := text[1:end], text[end:]
	if isBare(lexical, datatype) {
		return append(dst, lexical...)
	}
	dst = append(dst, text[:end+len(`"^^`)]...)
	return h.appendOften(dst, datatype[len(`"^^`):])
}

// isBare reports whether a literal can be written without quotes.
func isBare(lexical, datatype string) bool {
	switch datatype {
	case booleanEnd:
		return lexical == "true" || lexical == "false"
	case integerEnd, decimalEnd, doubleEnd:
		return numberType(lexical) == datatype
	}
	return false
}

// numberType returns the datatype of what a number in Turtle writes, as the constants above; "" if it is none.
func numberType(s string) string {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	whole := digits(s[i:])
	i += whole
	fraction, dot := 0, i < len(s) && s[i] == '.'
	if dot {
		fraction = digits(s[i+1:])
		i += 1 + fraction
	}
	switch {
	case whole+fraction == 0:
		return ""
	case i == len(s) && !dot:
		return integerEnd
	case i == len(s) && fraction > 0:
		return decimalEnd
	case i == len(s) || s[i] != 'e' && s[i] != 'E':
		return ""
	}
	i++
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	if n := digits(s[i:]); n > 0 && i+n == len(s) {
		return doubleEnd
	}
	return ""
}

// digits counts the digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && chars.Class[s[n]]&chars.Digit != 0 {
		n++
	}
	return n
}
