package value

import (
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Lexical returns what STR gives: the characters of an IRI or of a literal; "" for others. It allocates for literals with escapes
// and for computed values that are no strings.
func (v Value) Lexical() string {
	if !v.held {
		if v.kind == KindString {
			return v.text
		}
		return string(v.appendLexical(nil))
	}
	if v.kind == KindBlank {
		return ""
	}
	return rdf.Trusted(v.text).Value()
}

// Datatype returns the datatype IRI of a literal, "" for other terms.
func (v Value) Datatype() string {
	switch {
	case v.held:
		return rdf.Trusted(v.text).Datatype()
	case v.kind == KindNone:
		return ""
	}
	return datatypeOf(v.kind)
}

// Str computes STR: an IRI or a literal as an xsd:string. Blank nodes and triple terms are a type error.
func (v Value) Str() (Value, error) {
	switch {
	case v.kind == KindString:
		return v, nil
	case v.kind == KindIRI || v.IsLiteral():
		return Value{kind: KindString, text: v.Lexical()}, nil
	}
	return Value{}, ErrType
}

// DatatypeIRI computes DATATYPE: the datatype of a literal as an IRI. What isn't a literal is a type error.
func (v Value) DatatypeIRI() (Value, error) {
	if !v.IsLiteral() {
		return Value{}, ErrType
	}
	if at := strings.LastIndex(v.text, `"^^<`); v.held && v.kind != KindString && v.kind != KindLang && at >= 0 {
		return Value{kind: KindIRI, held: true, text: v.text[at+3:]}, nil
	}
	return Value{kind: KindIRI, held: true, text: "<" + v.Datatype() + ">"}, nil
}

// Lang returns the language tag of a literal, in lower case, "" if it has none.
func (v Value) Lang() string {
	if v.kind != KindLang {
		return ""
	}
	return rdf.Trusted(v.text).Lang()
}

// Direction returns the base direction of a literal, [rdf.NoDirection] if it has none.
func (v Value) Direction() rdf.Direction {
	if v.kind != KindLang {
		return rdf.NoDirection
	}
	return rdf.Trusted(v.text).Direction()
}

// Parts returns the subject, predicate and object of a triple term; ok is false for other values.
func (v Value) Parts() (s, p, o Value, ok bool) {
	if v.kind != KindTriple {
		return s, p, o, false
	}
	parts, ok := rdf.Trusted(v.text).Triple()
	return Of(parts.S), Of(parts.P), Of(parts.O), ok
}

// computedTerm makes the canonical term of a computed value.
func (v Value) computedTerm() rdf.Term {
	switch v.kind {
	case KindString:
		t, _ := rdf.Literal(v.text) // the text is UTF-8, so there is no error
		return t
	case KindBoolean:
		if v.num != 0 {
			return trueTerm
		}
		return falseTerm
	}
	datatype := datatypeOf(v.kind)
	text := make([]byte, 0, 32+len(datatype))
	text = v.appendLexical(append(text, '"'))
	text = append(text, `"^^<`...)
	text = append(text, datatype...)
	return rdf.Trusted(string(append(text, '>')))
}

var (
	trueTerm  = rdf.Trusted(`"true"^^<` + rdf.XSDBoolean + `>`)
	falseTerm = rdf.Trusted(`"false"^^<` + rdf.XSDBoolean + `>`)
)

// appendLexical appends the canonical lexical form of a computed value that is no string.
func (v Value) appendLexical(dst []byte) []byte {
	switch v.kind {
	case KindBoolean:
		return strconv.AppendBool(dst, v.num != 0)
	case KindInteger:
		if v.big != nil {
			return v.big.Append(dst, 10)
		}
		return strconv.AppendInt(dst, v.num, 10)
	case KindDecimal:
		return appendDecimal(dst, v)
	case KindFloat:
		return appendFloat(dst, v.float(), 32)
	case KindDouble:
		return appendFloat(dst, v.float(), 64)
	case KindDateTime, KindDate, KindTime:
		return v.appendTime(dst)
	}
	return dst
}
