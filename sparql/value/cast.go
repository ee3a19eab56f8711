package value

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// casts are the local names of the datatypes that Cast knows.
var casts = []string{
	"string", "boolean", "integer", "long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
	"negativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte", "decimal", "float", "double", "dateTime",
	"dateTimeStamp", "date", "time", "duration", "dayTimeDuration", "yearMonthDuration",
}

// Casts are the datatypes that [Cast] knows.
func Casts() []string {
	all := make([]string, len(casts))
	for i, local := range casts {
		all[i] = xsd + local
	}
	return all
}

// CanCast reports whether [Cast] knows a datatype.
func CanCast(datatype string) bool {
	local, ok := strings.CutPrefix(datatype, xsd)
	k := kindOf(local)
	return ok && k != KindOther && k != KindGregorian
}

// Cast computes the constructor function of a datatype (17.5, and XPath's for the types that it doesn't name): xsd:string, boolean,
// the numeric types, dateTime, date, time, durations. What has no such value is a type error.
func Cast(v Value, datatype string) (Value, error) {
	local, _ := strings.CutPrefix(datatype, xsd)
	if !CanCast(datatype) {
		return Value{}, ErrType
	}
	to := kindOf(local)
	switch {
	case to == KindString && (v.IsLiteral() || v.kind == KindIRI):
		return castString(v), nil
	case v.kind == KindString:
		return fromString(v, datatype)
	}
	switch to {
	case KindBoolean:
		return castBoolean(v)
	case KindInteger:
		return castInteger(v, local)
	case KindDecimal:
		return castDecimal(v)
	case KindFloat:
		f, err := castFloat(v, 32)
		return Float(float32(f)), err
	case KindDouble:
		f, err := castFloat(v, 64)
		return Double(f), err
	case KindDateTime, KindDate, KindTime:
		return castTime(v, to, local)
	case KindDuration:
		return castDuration(v, local)
	}
	return Value{}, ErrType
}

// fromString reads a string, without white space around it, as a lexical form, and gives the canonical value of it.
func fromString(v Value, datatype string) (Value, error) {
	lexical := strings.Trim(v.Lexical(), " \t\r\n")
	if datatype == rdf.XSDInteger || datatype == XSDDateTime || datatype == rdf.XSDDecimal {
		read := Value{kind: kindOf(datatype[len(xsd):])}
		if !read.decode(lexical, datatype[len(xsd):]) {
			return Value{}, ErrType
		}
		return read, nil
	}
	typed, err := Typed(lexical, datatype)
	if err != nil || typed.kind == KindOther {
		return Value{}, ErrType
	}
	return typed.canonical(), nil
}

// canonical returns a value whose type is one of those that are computed as a computed one.
func (v Value) canonical() Value {
	if datatypeOf(v.kind) != v.Datatype() || v.kind == KindLang || v.kind == KindString {
		return v
	}
	v.text, v.held = "", false
	return v
}

func castString(v Value) Value {
	switch v.kind {
	case KindInteger, KindDecimal, KindBoolean:
		return Str(string(v.appendLexical(nil)))
	case KindFloat:
		return Str(string(appendXPathFloat(nil, v.float(), 32)))
	case KindDouble:
		return Str(string(appendXPathFloat(nil, v.float(), 64)))
	}
	return Str(v.Lexical())
}

// appendXPathFloat appends a float or double as XPath's cast to string does (F&O, 19.1.2): without exponent from 0.000001 to 1000000.
func appendXPathFloat(dst []byte, f float64, bits int) []byte {
	if a := math.Abs(f); f == 0 || a >= 1e-6 && a < 1e6 {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return appendFloat(dst, f, bits)
}

func castBoolean(v Value) (Value, error) {
	if v.kind != KindBoolean && !v.IsNumeric() {
		return Value{}, ErrType
	}
	b, err := EBV(v)
	return Bool(b), err
}

// castInteger cuts the fraction off. A type derived from xsd:integer gives a literal of that type.
func castInteger(v Value, local string) (Value, error) {
	whole, err := truncated(v)
	if err != nil || local == "integer" {
		return whole, err
	}
	if !integerFits(local, whole.num, whole.big) {
		return Value{}, ErrType
	}
	return Typed(whole.Lexical(), xsd+local)
}

func truncated(v Value) (Value, error) {
	switch v.kind {
	case KindBoolean:
		return Int(v.num), nil
	case KindInteger:
		return v.canonicalInteger(), nil
	case KindDecimal:
		return integer(new(big.Int).Quo(v.mantissa(0), power(int(v.aux))))
	case KindFloat, KindDouble:
		f := v.float()
		if f != f || math.IsInf(f, 0) {
			return Value{}, ErrType
		}
		i, _ := big.NewFloat(f).Int(nil)
		return integer(i)
	}
	return Value{}, ErrType
}

func (v Value) canonicalInteger() Value { return Value{kind: KindInteger, num: v.num, big: v.big} }

// castDecimal gives the exact value of a float or double.
func castDecimal(v Value) (Value, error) {
	switch v.kind {
	case KindBoolean:
		return Value{kind: KindDecimal, num: v.num}, nil
	case KindInteger, KindDecimal:
		return Value{kind: KindDecimal, num: v.num, big: v.big, aux: v.aux}, nil
	case KindFloat, KindDouble:
		f := v.float()
		if f != f || math.IsInf(f, 0) {
			return Value{}, ErrType
		}
		return exactDecimal(f)
	}
	return Value{}, ErrType
}

// exactDecimal is m/2^n as (m × 5^n) / 10^n.
func exactDecimal(f float64) (Value, error) {
	r := new(big.Rat).SetFloat64(f)
	n := r.Denom().BitLen() - 1
	five := new(big.Int).Exp(big.NewInt(5), big.NewInt(int64(n)), nil)
	return decimal(five.Mul(five, r.Num()), n)
}

func castFloat(v Value, bits int) (float64, error) {
	switch {
	case v.kind == KindBoolean:
		return float64(v.num), nil
	case !v.IsNumeric():
		return 0, ErrType
	case bits == 32:
		return float64(v.float32()), nil
	}
	return v.float(), nil
}

// castTime gives a dateTime of a date, and date and time of a dateTime, with its timezone (F&O, 19.1.5).
func castTime(v Value, to Kind, local string) (Value, error) {
	if v.kind != to && v.kind != KindDateTime && (v.kind != KindDate || to != KindDateTime) || v.kind == KindTime && to != KindTime {
		return Value{}, ErrType
	}
	c := v.civil()
	if local == "dateTimeStamp" {
		return dateTimeStamp(v, to)
	}
	switch to {
	case KindDate:
		c.hour, c.minute, c.second, c.nano = 0, 0, 0, 0
	case KindTime:
		c.year, c.month, c.day = referenceYear, referenceMonth, referenceDay
	}
	made := Value{kind: to}
	made.setCivil(c)
	return made, nil
}

func dateTimeStamp(v Value, to Kind) (Value, error) {
	if v.aux == noZone {
		return Value{}, ErrType
	}
	return Typed(string(Value{kind: to, num: v.num, nano: v.nano, aux: v.aux}.appendTime(nil)), xsd+"dateTimeStamp")
}

// castDuration takes the part that the type has.
func castDuration(v Value, local string) (Value, error) {
	if v.kind != KindDuration {
		return Value{}, ErrType
	}
	d := v.duration()
	switch local {
	case "dayTimeDuration":
		d.months = 0
	case "yearMonthDuration":
		d.seconds, d.nano = 0, 0
	}
	return Typed(string(d.appendLexical(nil, local)), xsd+local)
}
