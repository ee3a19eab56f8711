package turtle

import (
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/internal/chars"
)

// AppendTerm appends a term as Turtle writes it: IRIs with the prefix that stands for most of them, if what is left can
// be a local name without escapes; numbers and booleans without quotes, if they read as the same literal. The prefixes
// must be such as [WithPrefixes] takes. It allocates only to grow dst.
func AppendTerm(dst []byte, t rdf.Term, prefixes ...Prefix) []byte {
	switch t.Kind() {
	case rdf.KindIRI:
		return appendIRI(dst, t.String(), prefixes)
	case rdf.KindLiteral:
		return appendLiteral(dst, t.String(), prefixes)
	case rdf.KindTriple:
		if parts, ok := t.Triple(); ok {
			dst = AppendTerm(append(dst, "<<( "...), parts.S, prefixes...)
			dst = AppendTerm(append(dst, ' '), parts.P, prefixes...)
			dst = AppendTerm(append(dst, ' '), parts.O, prefixes...)
			return append(dst, " )>>"...)
		}
	}
	return append(dst, t.String()...)
}

// appendIRI appends an IRI that is given in angle brackets.
func appendIRI(dst []byte, text string, prefixes []Prefix) []byte {
	iri, best := text[1:len(text)-1], -1
	for i := range prefixes {
		n := len(prefixes[i].IRI)
		if n <= len(iri) && iri[n-1] == prefixes[i].IRI[n-1] && iri[:n] == prefixes[i].IRI &&
			(best < 0 || n > len(prefixes[best].IRI)) && isLocal(iri[n:]) {
			best = i
		}
	}
	if best < 0 {
		return append(dst, text...)
	}
	dst = append(dst, prefixes[best].Name...)
	dst = append(dst, ':')
	return append(dst, iri[len(prefixes[best].IRI):]...)
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
func appendLiteral(dst []byte, text string, prefixes []Prefix) []byte {
	if text[len(text)-1] != '>' {
		return append(dst, text...)
	}
	end := strings.LastIndexByte(text, '"')
	lexical, datatype := text[1:end], text[end:]
	if isBare(lexical, datatype) {
		return append(dst, lexical...)
	}
	dst = append(dst, text[:end+len(`"^^`)]...)
	return appendIRI(dst, datatype[len(`"^^`):], prefixes)
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
