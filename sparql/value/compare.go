package value

import (
	"cmp"
	"math"
	"math/big"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Unordered is what [Compare] gives for two numbers one of which is NaN: neither less, equal nor greater, and no error.
const Unordered = 2

// SameTerm reports whether two values are of the same term (17.4.1.8).
func SameTerm(a, b Value) bool {
	if a.held && b.held {
		return a.text == b.text
	}
	return a.Term() == b.Term()
}

// Equal computes a = b (17.3, 17.4.1.7). Literals whose value nobody knows are equal if they are the same term, different from one
// with a language tag, and a type error otherwise; so are no value, and two dates of which only one has a timezone, where it matters
// which the other one would have (XSD, E.3.3: SPARQL's operators know no dates. For times, F&O has an implicit timezone).
func Equal(a, b Value) (bool, error) {
	switch {
	case a.IsNumeric() && b.IsNumeric():
		return compareNumbers(a, b) == 0, nil
	case a.kind == KindNone || b.kind == KindNone:
		return false, ErrType
	case a.kind != b.kind:
		if (a.kind == KindOther || b.kind == KindOther) && a.IsLiteral() && b.IsLiteral() && a.kind != KindLang && b.kind != KindLang {
			return false, ErrType
		}
		return false, nil
	}
	return equalOfKind(a, b)
}

func equalOfKind(a, b Value) (bool, error) {
	switch a.kind {
	case KindString:
		return equalStrings(a, b), nil
	case KindBoolean:
		return a.num == b.num, nil
	case KindDate:
		if vague(a, b) {
			return false, ErrType
		}
		return a.num == b.num, nil
	case KindDateTime, KindTime:
		return a.num == b.num && a.nano == b.nano, nil
	case KindGregorian:
		return a.num == b.num && a.Datatype() == b.Datatype(), nil
	case KindDuration:
		return a.duration() == b.duration(), nil
	case KindTriple:
		return equalTriples(a, b)
	case KindOther:
		if !SameTerm(a, b) {
			return false, ErrType
		}
		return true, nil
	}
	return SameTerm(a, b), nil
}

func equalStrings(a, b Value) bool {
	if a.held == b.held {
		return a.text == b.text // the canonical texts, or the characters
	}
	return a.Lexical() == b.Lexical()
}

// equalTriples is (s = s) && (p = p) && (o = o), so that what is false beats an error.
func equalTriples(a, b Value) (bool, error) {
	if SameTerm(a, b) {
		return true, nil
	}
	as, ap, ao, _ := a.Parts()
	bs, bp, bo, _ := b.Parts()
	if !SameTerm(as, bs) || !SameTerm(ap, bp) {
		return false, nil
	}
	return Equal(ao, bo)
}

// Compare returns -1, 0 or 1 as a is less than, equal to or greater than b by the operator < of 17.3, or [Unordered]. What "<" isn't
// defined for is a type error: it is for two numbers, strings, booleans, dateTimes, dates, times, yearMonthDurations or
// dayTimeDurations, and for two triple terms part by part, IRIs and blank nodes excepted.
func Compare(a, b Value) (int, error) {
	if a.kind == KindInteger && b.kind == KindInteger && a.big == nil && b.big == nil {
		return cmp.Compare(a.num, b.num), nil
	}
	if a.IsNumeric() && b.IsNumeric() {
		return compareNumbers(a, b), nil
	}
	if a.kind != b.kind {
		return 0, ErrType
	}
	switch a.kind {
	case KindString:
		return compareStrings(a, b), nil
	case KindBoolean:
		return cmp.Compare(a.num, b.num), nil
	case KindDateTime, KindDate, KindTime:
		if a.kind == KindDate && vague(a, b) {
			return 0, ErrType
		}
		return compareTimes(a, b), nil
	case KindDuration:
		if t := a.Datatype(); t != b.Datatype() || t == XSDDuration {
			return 0, ErrType
		}
		return a.duration().compare(b.duration()), nil
	}
	return 0, ErrType
}

// compareStrings compares by code point, which UTF-8 keeps (F&O, the collation of code points).
func compareStrings(a, b Value) int { return strings.Compare(a.Lexical(), b.Lexical()) }

// vague reports whether only one of two dates has a timezone, and they are no farther apart than timezones are.
func vague(a, b Value) bool {
	const farthest = 14 * 60 * 60
	apart := a.num - b.num
	return (a.aux == noZone) != (b.aux == noZone) && apart <= farthest && apart >= -farthest
}

func compareTimes(a, b Value) int {
	return cmp.Or(cmp.Compare(a.num, b.num), cmp.Compare(a.nano, b.nano))
}

// compareNumbers compares in the type that both are promoted to (F&O, 4.3; XPath, B.1).
func compareNumbers(a, b Value) int {
	switch max(a.kind, b.kind) {
	case KindInteger, KindDecimal:
		return compareExact(a, b)
	case KindFloat:
		return compareFloats(float64(a.float32()), float64(b.float32()))
	}
	return compareFloats(a.float(), b.float())
}

func compareFloats(a, b float64) int {
	if a != a || b != b {
		return Unordered
	}
	return cmp.Compare(a, b)
}

// compareExact compares integers and decimals.
func compareExact(a, b Value) int {
	if x, y, ok := smallAligned(a, b); ok {
		return cmp.Compare(x, y)
	}
	x, y, _ := aligned(a, b)
	return x.Cmp(y)
}

// smallAligned is aligned without math/big; ok is false if an int64 can't hold one of the mantissas.
func smallAligned(a, b Value) (x, y int64, ok bool) {
	if a.big != nil || b.big != nil {
		return 0, 0, false
	}
	scale := max(a.aux, b.aux)
	x, okX := scaled(a.num, int(scale-a.aux))
	y, okY := scaled(b.num, int(scale-b.aux))
	return x, y, okX && okY
}

// scaled returns m × 10^by, if an int64 holds it.
func scaled(m int64, by int) (int64, bool) {
	if by >= len(pow10) {
		return 0, m == 0
	}
	return mul(m, pow10[by])
}

// aligned returns the mantissas of two integers or decimals for the greater of their scales.
func aligned(a, b Value) (x, y *big.Int, scale int) {
	scale = int(max(a.aux, b.aux))
	return a.mantissa(scale - int(a.aux)), b.mantissa(scale - int(b.aux)), scale
}

// mantissa returns that of an integer or decimal times 10^by. It is not to be changed.
func (v Value) mantissa(by int) *big.Int {
	m := v.big
	if m == nil {
		m = big.NewInt(v.num)
	}
	if by <= 0 {
		return m
	}
	return new(big.Int).Mul(m, power(by))
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// float returns a number as a double.
func (v Value) float() float64 {
	switch v.kind {
	case KindFloat, KindDouble:
		return math.Float64frombits(uint64(v.num))
	case KindInteger:
		if v.big == nil {
			return float64(v.num)
		}
	}
	if v.big == nil && v.num == v.num<<11>>11 && v.aux <= 22 {
		return float64(v.num) / math.Pow10(int(v.aux)) // both are exact, so the quotient is rounded once
	}
	f, _ := v.rational().Float64()
	return f
}

// float32 returns a number as a float.
func (v Value) float32() float32 {
	switch v.kind {
	case KindFloat, KindDouble:
		return float32(v.float())
	case KindInteger:
		if v.big == nil {
			return float32(v.num)
		}
	}
	f, _ := v.rational().Float32()
	return f
}

// rational returns a finite number exactly.
func (v Value) rational() *big.Rat {
	if v.kind == KindFloat || v.kind == KindDouble {
		return new(big.Rat).SetFloat64(v.float())
	}
	return new(big.Rat).SetFrac(v.mantissa(0), power(int(v.aux)))
}

// EBV returns the effective boolean value (17.2.2). Terms that have none are a type error.
func EBV(v Value) (bool, error) {
	switch v.kind {
	case KindBoolean:
		return v.num != 0, nil
	case KindString, KindLang:
		return !v.empty(), nil
	case KindInteger, KindDecimal:
		return v.num != 0 || v.big != nil, nil
	case KindFloat, KindDouble:
		f := v.float()
		return f != 0 && f == f, nil
	case KindOther:
		return false, illTypedEBV(v)
	}
	return false, ErrType
}

// empty reports whether a string has no characters.
func (v Value) empty() bool {
	if v.held {
		return strings.HasPrefix(v.text, `""`)
	}
	return v.text == ""
}

// illTypedEBV returns nil for a boolean or number whose lexical form isn't one: its effective boolean value is false.
func illTypedEBV(v Value) error {
	local, ok := strings.CutPrefix(rdf.Trusted(v.text).Datatype(), xsd)
	if k := kindOf(local); ok && (k == KindBoolean || k >= KindInteger && k <= KindDouble) {
		return nil
	}
	return ErrType
}

// Float64 returns a number as the nearest double. What is no number is a type error.
func (v Value) Float64() (float64, error) {
	if !v.IsNumeric() {
		return 0, ErrType
	}
	return v.float(), nil
}
