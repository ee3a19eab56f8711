// Package value holds RDF terms as what they mean to SPARQL's operators: numbers, strings, booleans, dates; and computes with them:
// equality and order (17.3), effective boolean values (17.2.2), arithmetic, casts (17.5), and the order of ORDER BY (15.1).
//
// It is pure, and its values are immutable: any number of goroutines may use them. No value keeps more memory than its term, or for
// a computed one its text, needs. Numbers, booleans, dates and strings without escapes are decoded without allocation.
//
// Sources: SPARQL 1.1 and 1.2 Query Language, section 17; XPath and XQuery Functions and Operators 3.1 (F&O); XML Schema 1.1 part 2
// (XSD).
package value

import (
	"errors"
	"math/big"

	"github.com/quadrille-stream/quadrille/rdf"
)

// ErrType is the error of an expression as SPARQL means it: an operator or a function has no result for its operands, such as the
// sum of a number and an IRI, a division by zero, or a comparison of what has no order. Errors that say more wrap it.
var ErrType = errors.New("type error")

// Kind says which operators know a [Value].
type Kind uint8

// The kinds, in the order of [Order]. KindNone is the kind of the zero Value: no value, an unbound variable.
const (
	KindNone Kind = iota
	KindBlank
	KindIRI
	// KindString is xsd:string. What SPARQL calls a simple literal is one.
	KindString
	// KindLang is a literal with a language tag, with or without base direction.
	KindLang
	KindBoolean
	// KindInteger is xsd:integer and the types derived from it.
	KindInteger
	KindDecimal
	KindFloat
	KindDouble
	KindDateTime
	KindDate
	KindTime
	// KindGregorian is xsd:gYear, gYearMonth, gMonth, gMonthDay and gDay.
	KindGregorian
	// KindDuration is xsd:duration and the two types derived from it.
	KindDuration
	// KindOther is a literal whose datatype no operator knows, or whose lexical form isn't one of its datatype.
	KindOther
	KindTriple
)

// Value is a term, decoded. The zero Value is none. Values are compared by the functions of this package: "==" says nothing about
// them.
type Value struct {
	// text is the canonical text of the term if held, the characters of a computed string otherwise.
	text string
	// big is an integer, or the mantissa of a decimal, that num can't hold; nil otherwise.
	big *big.Int
	// num is an integer, the mantissa of a decimal, the bits of a float or double, 1 for true, or the seconds since 1970 in UTC of a
	// dateTime, date, time (on the 1st of January 1972) or gregorian; the months of a yearMonthDuration, the seconds of a
	// dayTimeDuration.
	num int64
	// nano is nanoseconds, from 0, added to num.
	nano int32
	// aux is the number of decimals of a decimal, the timezone in minutes, or noZone.
	aux  int16
	kind Kind
	held bool
}

// Kind says which operators know the value.
func (v Value) Kind() Kind { return v.kind }

// Size is the number of bytes of the value's text, or of its number, about.
func (v Value) Size() int {
	if v.big != nil {
		return v.big.BitLen() / 8
	}
	return len(v.text)
}

// IsNone reports whether v is no value.
func (v Value) IsNone() bool { return v.kind == KindNone }

// IsLiteral reports whether v is a literal.
func (v Value) IsLiteral() bool { return v.kind >= KindString && v.kind <= KindOther }

// IsNumeric reports whether v is a number (17.4.2.4): a literal of a numeric type whose lexical form is one of that type.
func (v Value) IsNumeric() bool { return v.kind >= KindInteger && v.kind <= KindDouble }

// Term returns the term: the one that the value was made of, for a computed value the canonical one.
func (v Value) Term() rdf.Term {
	if v.held || v.kind == KindNone {
		return rdf.Trusted(v.text)
	}
	return v.computedTerm()
}
