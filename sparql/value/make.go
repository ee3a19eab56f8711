package value

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Bool returns an xsd:boolean.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBoolean, num: 1}
	}
	return Value{kind: KindBoolean}
}

// Int returns an xsd:integer.
func Int(i int64) Value { return Value{kind: KindInteger, num: i} }

// Double returns an xsd:double.
func Double(f float64) Value { return Value{kind: KindDouble, num: int64(math.Float64bits(f))} }

// Float returns an xsd:float.
func Float(f float32) Value { return Value{kind: KindFloat, num: int64(math.Float64bits(float64(f)))} }

// Str returns an xsd:string. What is not UTF-8 becomes U+FFFD.
func Str(s string) Value { return Value{kind: KindString, text: strings.ToValidUTF8(s, "\uFFFD")} }

// Lang returns a string with a language tag and, unless dir is [rdf.NoDirection], a base direction. What is no tag or no direction
// is a type error.
func Lang(s, tag string, dir rdf.Direction) (Value, error) { return made(rdf.LangLiteral(s, tag, dir)) }

// Typed returns a literal of a lexical form and a datatype. What can't be a datatype's IRI is a type error.
func Typed(lexical, datatype string) (Value, error) { return made(rdf.TypedLiteral(lexical, datatype)) }

// IRI returns an absolute IRI. What isn't one is a type error.
func IRI(iri string) (Value, error) { return made(rdf.IRI(iri)) }

// Triple returns a triple term. A subject that is a literal or a triple term, and a predicate that is no IRI, are type errors.
func Triple(s, p, o Value) (Value, error) { return made(rdf.TripleTerm(s.Term(), p.Term(), o.Term())) }

func made(t rdf.Term, err error) (Value, error) {
	if err != nil {
		return Value{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	return Of(t), nil
}

// DateTime returns an xsd:dateTime in the timezone of t, whose offset is cut to minutes.
func DateTime(t time.Time) Value {
	_, offset := t.Zone()
	return Value{kind: KindDateTime, num: t.Unix(), nano: int32(t.Nanosecond()), aux: int16(offset / 60)}
}

// integer returns an integer in the form that it has if it fits into an int64.
func integer(i *big.Int) (Value, error) {
	if i.IsInt64() {
		return Int(i.Int64()), nil
	}
	if i.BitLen() > maxBits {
		return Value{}, ErrType
	}
	return Value{kind: KindInteger, big: i}, nil
}

// decimal returns a decimal without zeros at the end of its fraction. It takes m over.
func decimal(m *big.Int, scale int) (Value, error) {
	if m.BitLen() > maxBits {
		return Value{}, ErrType
	}
	if m.IsInt64() {
		return smallDecimal(m.Int64(), scale)
	}
	ten, quotient, rest := big.NewInt(10), new(big.Int), new(big.Int)
	for scale > 0 {
		if quotient.QuoRem(m, ten, rest); rest.Sign() != 0 {
			break
		}
		m, quotient = quotient, m
		scale--
	}
	if m.IsInt64() {
		return smallDecimal(m.Int64(), scale)
	}
	if scale > maxDigits {
		return Value{}, ErrType
	}
	return Value{kind: KindDecimal, big: m, aux: int16(scale)}, nil
}

func smallDecimal(m int64, scale int) (Value, error) {
	for scale > 0 && m%10 == 0 {
		m /= 10
		scale--
		if m == 0 {
			scale = 0
		}
	}
	if scale > maxDigits {
		return Value{}, ErrType
	}
	return Value{kind: KindDecimal, num: m, aux: int16(scale)}, nil
}
