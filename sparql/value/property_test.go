package value_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

const xsd = "http://www.w3.org/2001/XMLSchema#"

// lexicals are forms, good and bad, that meet every branch of the readers of literals.
var lexicals = []string{
	"", "a", "b", "0", "-0", "1", "01", "+1", "1.0", "1.50", "-1.5", ".5", "5.", "1e0", "1E400", "-1e-400", "INF", "-INF", "NaN", "true", "false",
	"16777216", "16777217", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
	"1" + strings.Repeat("0", 400), "2" + strings.Repeat("0", 400), "-1" + strings.Repeat("0", 400), "-2" + strings.Repeat("0", 400),
	"0.1", "0.10000000000000000555", "123456789012345678901234567890.5", "2000-01-01", "2000-01-01Z", "2000-01-01+14:00", "2000-02-30",
	"2000-01-01T00:00:00", "2000-01-01T00:00:00.5Z", "2000-01-01T24:00:00", "-0001-12-31T23:59:59.999999999-14:00", "12:00:00", "00:00:00Z",
	"24:00:00", "2000", "2000Z", "--12", "--02-29", "---31", "2000-12", "P1Y", "-P12M", "P1D", "PT24H", "PT0.5S", "P1Y1D", "P", "é\U00010000\uFFFD",
}

var datatypes = []string{
	"string", "boolean", "integer", "decimal", "float", "double", "byte", "unsignedLong", "nonPositiveInteger", "dateTime", "dateTimeStamp", "date",
	"time", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay", "duration", "dayTimeDuration", "yearMonthDuration", "hexBinary",
}

// terms draws any term, and rarely none.
func terms() *rapid.Generator[rdf.Term] {
	return rapid.Custom(func(t *rapid.T) rdf.Term { return drawTerm(t, 3) })
}

func drawTerm(t *rapid.T, depth int) rdf.Term {
	switch kind := rapid.IntRange(0, 19).Draw(t, "kind"); {
	case kind == 0:
		return rdf.Term{}
	case kind <= 2:
		return rdf.Trusted(rapid.SampledFrom([]string{"_:a", "_:b", "_:a1"}).Draw(t, "blank"))
	case kind <= 4:
		return rdf.Trusted(rapid.SampledFrom([]string{"<http://a>", "<http://a/b>", "<http://b>"}).Draw(t, "iri"))
	case kind == 5 && depth > 0:
		o := drawTerm(t, depth-1)
		if o.IsZero() {
			o = rdf.Trusted("_:o")
		}
		return rdf.Trusted("<<( _:s <http://p> " + o.String() + " )>>")
	case kind <= 7:
		tag := rapid.SampledFrom([]string{"en", "en-gb", "en--ltr", "en--rtl"}).Draw(t, "tag")
		return rdf.Trusted(fmt.Sprintf("%q@%s", rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text"), tag))
	case kind <= 9:
		lexical := rapid.SampledFrom(lexicals).Draw(t, "string")
		literal, _ := rdf.Literal(lexical)
		return literal
	}
	datatype := rapid.SampledFrom(datatypes).Draw(t, "datatype")
	literal, err := rdf.TypedLiteral(rapid.SampledFrom(lexicals).Draw(t, "lexical"), xsd+datatype)
	if err != nil {
		t.Fatal(err)
	}
	return literal
}

// all has every lexical form with every datatype.
func all() []value.Value {
	var values []value.Value
	for _, text := range []string{"", "_:a", "_:b", "<http://a>", "<http://a/b>", `"a"@en`, `"b"@en`, `"a"@en--ltr`, "<<( _:s <http://p> 1 )>>"} {
		values = append(values, value.Of(rdf.Trusted(text)))
	}
	for _, datatype := range append(datatypes, "unknown") {
		for _, lexical := range lexicals {
			literal, err := rdf.TypedLiteral(lexical, xsd+datatype)
			if err != nil {
				panic(err)
			}
			values = append(values, value.Of(literal))
		}
	}
	return values
}

// TestTermStays: a value that was made of a term gives that term.
func TestTermStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		term := terms().Draw(t, "term")
		v := value.Of(term)
		if v.Term() != term {
			t.Fatalf("%s became %s", term, v.Term())
		}
		if v.Lexical() != term.Value() && v.IsLiteral() || v.Datatype() != term.Datatype() || v.Lang() != term.Lang() || v.Direction() != term.Direction() {
			t.Fatalf("%s: %q %q %q %q", term, v.Lexical(), v.Datatype(), v.Lang(), v.Direction())
		}
	})
}

// TestCanonical: a computed value is that of its term, and the term is canonical.
func TestCanonical(t *testing.T) {
	for _, v := range all() {
		plus, err := value.Plus(v)
		if err != nil {
			continue
		}
		again := value.Of(plus.Term())
		if again.Kind() != plus.Kind() || value.Order(again, plus) != 0 {
			t.Errorf("%s became %s", plus.Term(), again.Term())
		}
		if value.Order(plus, v) != 0 {
			t.Errorf("+%s is %s", v.Term(), plus.Term())
		}
		twice, _ := value.Plus(again)
		if twice.Term() != plus.Term() {
			t.Errorf("%s is not canonical: %s", plus.Term(), twice.Term())
		}
	}
}

// TestOrderIsTotal: of any three values, and agrees with Compare and Equal.
func TestOrderIsTotal(t *testing.T) {
	values := all()
	for _, a := range values {
		for _, b := range values {
			checkPair(t, a, b)
		}
	}
	slices.SortStableFunc(values, value.Order)
	for i, a := range values {
		for _, b := range values[i+1:] {
			if value.Order(a, b) > 0 {
				t.Fatalf("sorted, %s stands before %s, and comes behind it", a.Term(), b.Term())
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := value.Of(terms().Draw(t, "a")), value.Of(terms().Draw(t, "b")), value.Of(terms().Draw(t, "c"))
		checkPair(t, a, b)
		if value.Order(a, b) <= 0 && value.Order(b, c) <= 0 && value.Order(a, c) > 0 {
			t.Fatalf("%s <= %s <= %s, and not %s <= %s", a.Term(), b.Term(), c.Term(), a.Term(), c.Term())
		}
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func checkPair(t fataler, a, b value.Value) {
	order := value.Order(a, b)
	if order != -value.Order(b, a) {
		t.Fatalf("the order of %s and %s: %d and %d", a.Term(), b.Term(), order, value.Order(b, a))
	}
	c, err := value.Compare(a, b)
	d, back := value.Compare(b, a)
	if err != back || c != -d && c != value.Unordered || c == value.Unordered && d != c {
		t.Fatalf("%s and %s: %d %v, and %d %v", a.Term(), b.Term(), c, err, d, back)
	}
	equal, equalErr := value.Equal(a, b)
	if other, otherErr := value.Equal(b, a); other != equal || otherErr != equalErr {
		t.Fatalf("%s = %s: %t %v, and %t %v", a.Term(), b.Term(), equal, equalErr, other, otherErr)
	}
	if err == nil && c != value.Unordered && (c == 0) != equal {
		t.Fatalf("%s and %s: compared %d, equal %t", a.Term(), b.Term(), c, equal)
	}
	if err == nil && c != value.Unordered && c != 0 && order != c {
		t.Fatalf("%s and %s: compared %d, ordered %d", a.Term(), b.Term(), c, order)
	}
	if value.SameTerm(a, b) && order != 0 {
		t.Fatalf("%s and %s: the same term, ordered %d", a.Term(), b.Term(), order)
	}
}

// numbers draws integers and decimals, small and large.
func numbers() *rapid.Generator[string] {
	return rapid.StringMatching(`-?([0-9]{1,3}|[0-9]{15,22}|[0-9]{40})(\.[0-9]{1,3}|\.[0-9]{15,25}|)`)
}

func number(text string) (value.Value, *big.Rat) {
	datatype := "integer"
	if strings.Contains(text, ".") {
		datatype = "decimal"
	}
	r, _ := new(big.Rat).SetString(text)
	return value.Of(rdf.Trusted(`"` + text + `"^^<` + xsd + datatype + `>`)), r
}

func rational(t *rapid.T, v value.Value, err error) *big.Rat {
	if err != nil {
		t.Fatalf("%v", err)
	}
	r, ok := new(big.Rat).SetString(v.Lexical())
	if !ok {
		t.Fatalf("%s is no number", v.Term())
	}
	return r
}

// TestExactArithmetic compares integers and decimals with math/big.
func TestExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, x := number(numbers().Draw(t, "a"))
		b, y := number(numbers().Draw(t, "b"))
		sum, err := value.Add(a, b)
		if got := rational(t, sum, err); got.Cmp(new(big.Rat).Add(x, y)) != 0 {
			t.Fatalf("sum %s", got)
		}
		other, _ := value.Add(b, a)
		if other.Term() != sum.Term() {
			t.Fatalf("a + b = %s, b + a = %s", sum.Term(), other.Term())
		}
		difference, err := value.Sub(a, b)
		if got := rational(t, difference, err); got.Cmp(new(big.Rat).Sub(x, y)) != 0 {
			t.Fatalf("difference %s", got)
		}
		product, err := value.Mul(a, b)
		if got := rational(t, product, err); got.Cmp(new(big.Rat).Mul(x, y)) != 0 {
			t.Fatalf("product %s", got)
		}
		if c, err := value.Compare(a, b); c != x.Cmp(y) || err != nil {
			t.Fatalf("compared %d, %v", c, err)
		}
		if y.Sign() != 0 {
			checkQuotient(t, a, b, x, y)
		}
		checkRounding(t, a, x)
	})
}

// checkQuotient wants 18 digits, behind the point or from the first that isn't zero.
func checkQuotient(t *rapid.T, a, b value.Value, x, y *big.Rat) {
	quotient, err := value.Div(a, b)
	if quotient.Kind() != value.KindDecimal {
		t.Fatalf("the quotient is %s", quotient.Term())
	}
	exact := new(big.Rat).Quo(x, y)
	off := new(big.Rat).Sub(rational(t, quotient, err), exact)
	least := new(big.Rat).Abs(exact)
	if one := big.NewRat(1, 1); least.Cmp(one) > 0 {
		least = one
	}
	bound := new(big.Rat).Mul(least, new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)))
	if off.Abs(off).Cmp(bound) > 0 {
		t.Fatalf("quotient %s is off by %s", quotient.Term(), off.FloatString(40))
	}
}

func checkRounding(t *rapid.T, a value.Value, x *big.Rat) {
	floor := new(big.Int).Div(x.Num(), x.Denom())
	half := new(big.Rat).Add(x, big.NewRat(1, 2))
	nearest := new(big.Int).Div(half.Num(), half.Denom())
	ceiling := new(big.Int).Neg(new(big.Int).Div(new(big.Int).Neg(x.Num()), x.Denom()))
	for _, c := range []struct {
		fn   func(value.Value) (value.Value, error)
		want *big.Int
	}{{value.Floor, floor}, {value.Ceil, ceiling}, {value.Round, nearest}} {
		got, err := c.fn(a)
		if r := rational(t, got, err); !r.IsInt() || r.Num().Cmp(c.want) != 0 || got.Kind() != a.Kind() {
			t.Fatalf("rounded %s, want %s", got.Term(), c.want)
		}
	}
	abs, err := value.Abs(a)
	if rational(t, abs, err).Cmp(new(big.Rat).Abs(x)) != 0 {
		t.Fatalf("abs %s", abs.Term())
	}
}

// TestDoubles: the canonical form of a double is read as the same double.
func TestDoubles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		back, err := value.Of(value.Double(f).Term()).Float64()
		if err != nil || math.Float64bits(back) != math.Float64bits(f) && f == f {
			t.Fatalf("%v became %v: %v", f, back, err)
		}
		single := float32(f)
		back, err = value.Of(value.Float(single).Term()).Float64()
		if err != nil || float32(back) != single && single == single {
			t.Fatalf("%v became %v: %v", single, back, err)
		}
		exact, err := value.Cast(value.Double(f), rdf.XSDDecimal)
		if err == nil {
			if again, err := value.Cast(exact, rdf.XSDDouble); err != nil || value.Order(again, value.Double(f)) != 0 {
				t.Fatalf("%v by decimal: %s, %s", f, exact.Term(), again.Term())
			}
		}
	})
}
