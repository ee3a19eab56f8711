package value_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

func of(lexical, datatype string) value.Value {
	return value.Of(rdf.Trusted(`"` + lexical + `"^^<` + xsd + datatype + `>`))
}

// TestLexicalSpaces: what is not in the lexical space of its type is of KindOther.
func TestLexicalSpaces(t *testing.T) {
	for datatype, forms := range map[string]struct{ good, bad string }{
		"integer":            {"0 -1 +1 007 99999999999999999999", "1.0 1e0 a +-1 + - 0x1 1_0 ١"},
		"decimal":            {"0 -1.50 +.5 5. 1 123456789012345678901234567890.123", "1e0 . +. INF a 1.2.3 1,5"},
		"double":             {"0 1E0 1e-7 -1.5e+300 .5 5.e1 INF +INF -INF NaN 1e999", "e1 . 1e 1e+ inf nan Infinity 0x1p3 1_0 +NaN"},
		"boolean":            {"true false 1 0", "TRUE yes 2"},
		"byte":               {"-128 127", "-129 128"},
		"short":              {"-32768 32767", "-32769 32768"},
		"int":                {"-2147483648 2147483647", "-2147483649 2147483648"},
		"long":               {"-9223372036854775808 9223372036854775807", "-9223372036854775809 9223372036854775808"},
		"unsignedByte":       {"0 255 -0", "-1 256"},
		"unsignedShort":      {"0 65535", "-1 65536"},
		"unsignedInt":        {"0 4294967295", "-1 4294967296"},
		"unsignedLong":       {"0 18446744073709551615", "-1 18446744073709551616"},
		"nonNegativeInteger": {"0 99999999999999999999", "-1"},
		"positiveInteger":    {"1", "0 -1"},
		"nonPositiveInteger": {"0 -1", "1"},
		"negativeInteger":    {"-1 -99999999999999999999", "0 1"},
		"dateTime": {
			"2000-01-01T00:00:00 -0001-01-01T00:00:00Z 0000-01-01T24:00:00.0 12000-01-01T00:00:00.123456789012+14:00 2000-02-29T23:59:59.5-13:59",
			"2000-01-01 200-01-01T00:00:00 02000-01-01T00:00:00 +2000-01-01T00:00:00 2000-13-01T00:00:00 2000-00-01T00:00:00 2000-01-32T00:00:00 " +
				"1900-02-29T00:00:00 2000-01-01T24:00:01 2000-01-01T23:60:00 2000-01-01T23:59:60 2000-01-01T00:00:00. 2000-01-01T00:00:00+14:01 " +
				"2000-01-01T00:00:00z 2000-01-01T00:00:00Zx 2000-01-01t00:00:00 2000-01-01T0:00:00 1234567890-01-01T00:00:00",
		},
		"dateTimeStamp":     {"2000-01-01T00:00:00Z", "2000-01-01T00:00:00"},
		"date":              {"2000-01-01 2000-01-01Z 2000-01-01-05:00", "2000-01 2000-01-01T 20000101 2001-02-29 2000-04-31 2000-06-31 2000-09-31 2000-11-31"},
		"time":              {"00:00:00 24:00:00Z 12:30:00.5+01:00", "12:30 24:00:00.1 12:30:00+1:00"},
		"gYear":             {"2000 -0001Z 10000", "200 2000-01"},
		"gYearMonth":        {"2000-12 2000-12Z", "2000-13 2000"},
		"gMonth":            {"--12 --01Z", "-12 --13 --12--"},
		"gMonthDay":         {"--02-29 --12-31Z", "--02-30 --04-31 --1-1"},
		"gDay":              {"---31 ---01Z", "---32 --31"},
		"duration":          {"P1Y -P1Y2M3DT4H5M6.7S PT0S P0M", "P PT P1S 1Y P1H PY P1YT -P P1M1Y P-1Y P1.5Y PT1.S P1Y2D3M P9999999999999999999Y"},
		"dayTimeDuration":   {"P1D PT1.5S -P1DT2H", "P1Y P1M P1DT"},
		"yearMonthDuration": {"P1Y P1M -P1Y1M", "P1D PT1H"},
	} {
		for good := range strings.FieldsSeq(forms.good) {
			if k := of(good, datatype).Kind(); k == value.KindOther {
				t.Errorf("%s is no %s", good, datatype)
			}
		}
		for bad := range strings.FieldsSeq(forms.bad + " x") {
			if k := of(bad, datatype).Kind(); k != value.KindOther {
				t.Errorf("%s is a %s", bad, datatype)
			}
		}
		if k := of("", datatype).Kind(); k != value.KindOther {
			t.Errorf("nothing is a %s", datatype)
		}
	}
	if of(strings.Repeat("1", 5000), "integer").Kind() != value.KindOther || of("1."+strings.Repeat("1", 5000), "decimal").Kind() != value.KindOther ||
		of(strings.Repeat("1", 5000), "double").Kind() != value.KindOther {
		t.Error("a number of 5000 digits was decoded")
	}
}

// TestBounded: no chain of multiplications makes numbers without end.
func TestBounded(t *testing.T) {
	for _, start := range []value.Value{of("12345678901234567890", "integer"), of("1.2345678901234567891", "decimal"), of("0.00000000001", "decimal")} {
		v, err := start, error(nil)
		steps := 0
		for ; err == nil; steps++ {
			v, err = value.Mul(v, v)
		}
		if !errors.Is(err, value.ErrType) || steps > 20 {
			t.Errorf("%s: %v after %d multiplications", start.Term(), err, steps)
		}
	}
}

// TestTimes compares with package time.
func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds") // the years 1 to 9999
		nanos := rapid.SampledFrom([]int64{0, 1, 500_000_000, 999_999_999}).Draw(t, "nanoseconds")
		zone := rapid.IntRange(-14*60, 14*60).Draw(t, "zone")
		at := time.Unix(seconds, nanos).In(time.FixedZone("", zone*60))
		if at.Year() < 1 || at.Year() > 9999 {
			return
		}
		v := value.DateTime(at)
		if got, want := v.Lexical(), at.Format(time.RFC3339Nano); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		read := value.Of(v.Term())
		if equal, err := value.Equal(v, read); !equal || err != nil {
			t.Fatalf("%s = %s: %t, %v", v.Term(), read.Term(), equal, err)
		}
		for part, want := range map[value.Part]int{
			value.Year: at.Year(), value.Month: int(at.Month()), value.Day: at.Day(), value.Hours: at.Hour(), value.Minutes: at.Minute(),
		} {
			if got, err := read.Part(part); err != nil || value.Order(got, value.Int(int64(want))) != 0 {
				t.Fatalf("part %d of %s: %s, %v", part, at, got.Term(), err)
			}
		}
		minutes, has, err := read.Zone()
		if minutes != zone || !has || err != nil {
			t.Fatalf("zone %d, %t, %v; want %d", minutes, has, err, zone)
		}
	})
}

// TestPartsOfDates: what is part of a date has the parts that are written, and a timezone.
func TestPartsOfDates(t *testing.T) {
	names := []value.Part{value.Year, value.Month, value.Day, value.Hours, value.Minutes, value.Seconds}
	for _, c := range []struct {
		lexical, local string
		want           [6]int64 // 0: none
	}{
		{"2020-03-04Z", "date", [6]int64{2020, 3, 4}},
		{"12:13:14Z", "time", [6]int64{0, 0, 0, 12, 13, 14}},
		{"2020Z", "gYear", [6]int64{2020}},
		{"-0044Z", "gYear", [6]int64{-44}},
		{"2020-03Z", "gYearMonth", [6]int64{2020, 3}},
		{"--03Z", "gMonth", [6]int64{0, 3}},
		{"--02-29Z", "gMonthDay", [6]int64{0, 2, 29}},
		{"---31Z", "gDay", [6]int64{0, 0, 31}},
		{"P1Y", "duration", [6]int64{}},
		{"20", "gYear", [6]int64{}}, // not one of its forms
	} {
		term, err := rdf.TypedLiteral(c.lexical, xsd+c.local)
		if err != nil {
			t.Fatal(err)
		}
		v := value.Of(term)
		for i, part := range names {
			got, err := v.Part(part)
			if want := c.want[i]; want == 0 && err != value.ErrType || want != 0 && (err != nil || value.Order(got, value.Int(want)) != 0) {
				t.Errorf("part %d of %s: %s, %v", part, v.Term(), got.Term(), err)
			}
		}
		if minutes, has, err := v.Zone(); c.want != [6]int64{} && (minutes != 0 || !has || err != nil) {
			t.Errorf("zone of %s: %d, %t, %v", v.Term(), minutes, has, err)
		}
	}
}

// TestCanonicalTerms are those of XSD 1.1, appendix E.
func TestCanonicalTerms(t *testing.T) {
	for _, c := range []struct {
		v    value.Value
		want string
	}{
		{value.Bool(true), `"true"^^<` + xsd + `boolean>`},
		{value.Bool(false), `"false"^^<` + xsd + `boolean>`},
		{value.Int(-5), `"-5"^^<` + xsd + `integer>`},
		{value.Double(1), `"1.0E0"^^<` + xsd + `double>`},
		{value.Double(-0.00125), `"-1.25E-3"^^<` + xsd + `double>`},
		{value.Double(1e300), `"1.0E300"^^<` + xsd + `double>`},
		{value.Double(0), `"0.0E0"^^<` + xsd + `double>`},
		{value.Double(math.Copysign(0, -1)), `"-0.0E0"^^<` + xsd + `double>`},
		{value.Double(math.NaN()), `"NaN"^^<` + xsd + `double>`},
		{value.Double(math.Inf(-1)), `"-INF"^^<` + xsd + `double>`},
		{value.Float(0.1), `"1.0E-1"^^<` + xsd + `float>`},
		{value.Str("a\"\n"), `"a\"\n"`},
		{value.Str("a\xff"), "\"a\uFFFD\""},
		{value.DateTime(time.Date(2000, 1, 2, 3, 4, 5, 60, time.UTC)), `"2000-01-02T03:04:05.00000006Z"^^<` + xsd + `dateTime>`},
		{value.DateTime(time.Date(-44, 3, 15, 0, 0, 0, 0, time.UTC)), `"-0044-03-15T00:00:00Z"^^<` + xsd + `dateTime>`},
		{value.DateTime(time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)), `"1000-01-01T00:00:00Z"^^<` + xsd + `dateTime>`},
		{value.DateTime(time.Date(999, 1, 1, 0, 0, 0, 0, time.UTC)), `"0999-01-01T00:00:00Z"^^<` + xsd + `dateTime>`},
		{value.DateTime(time.Date(10, 1, 1, 0, 0, 0, 0, time.UTC)), `"0010-01-01T00:00:00Z"^^<` + xsd + `dateTime>`},
		{value.DateTime(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), `"0000-01-01T00:00:00Z"^^<` + xsd + `dateTime>`},
		{value.DateTime(time.Date(12000, 3, 15, 0, 0, 0, 0, time.UTC)), `"12000-03-15T00:00:00Z"^^<` + xsd + `dateTime>`},
		{value.DayTimeDuration(0), `"PT0S"^^<` + xsd + `dayTimeDuration>`},
		{value.DayTimeDuration(-90), `"-PT1H30M"^^<` + xsd + `dayTimeDuration>`},
		{value.DayTimeDuration(30), `"PT30M"^^<` + xsd + `dayTimeDuration>`},
		{value.Value{}, ""},
	} {
		if got := c.v.Term().String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestMade: what isn't a term is a type error that says why.
func TestMade(t *testing.T) {
	for _, make := range []func() (value.Value, error){
		func() (value.Value, error) { return value.IRI("relative") },
		func() (value.Value, error) { return value.Lang("a", "", rdf.NoDirection) },
		func() (value.Value, error) { return value.Lang("a", "en", "up") },
		func() (value.Value, error) { return value.Typed("a", "relative") },
		func() (value.Value, error) { return value.Typed("a", rdf.LangString) },
		func() (value.Value, error) { return value.Triple(value.Str("a"), value.Str("a"), value.Str("a")) },
	} {
		if v, err := make(); !errors.Is(err, value.ErrType) || !errors.Is(err, rdf.ErrInvalid) || !v.IsNone() {
			t.Errorf("%s, %v", v.Term(), err)
		}
	}
}

// TestTypeErrors: what no operator is defined for.
func TestTypeErrors(t *testing.T) {
	none, iri, text, one := value.Value{}, value.Of(rdf.Trusted("<http://e/>")), value.Str("1"), value.Int(1)
	for _, v := range []value.Value{none, iri, text} {
		for name, fn := range map[string]func(a, b value.Value) (value.Value, error){
			"Add": value.Add, "Sub": value.Sub, "Mul": value.Mul, "Div": value.Div,
		} {
			if _, err := fn(v, one); err != value.ErrType {
				t.Errorf("%s(%s, 1): %v", name, v.Term(), err)
			}
			if _, err := fn(one, v); err != value.ErrType {
				t.Errorf("%s(1, %s): %v", name, v.Term(), err)
			}
		}
		for name, fn := range map[string]func(value.Value) (value.Value, error){
			"Neg": value.Neg, "Plus": value.Plus, "Abs": value.Abs, "Ceil": value.Ceil, "Floor": value.Floor, "Round": value.Round,
		} {
			if _, err := fn(v); err != value.ErrType {
				t.Errorf("%s(%s): %v", name, v.Term(), err)
			}
		}
		if _, err := v.Float64(); err != value.ErrType {
			t.Errorf("Float64 of %s: %v", v.Term(), err)
		}
		if _, _, err := v.Zone(); err != value.ErrType {
			t.Errorf("Zone of %s: %v", v.Term(), err)
		}
		if _, _, _, ok := v.Parts(); ok {
			t.Errorf("%s has parts", v.Term())
		}
	}
	if _, err := value.Equal(none, one); err != value.ErrType {
		t.Errorf("nothing = 1: %v", err)
	}
	if _, err := value.EBV(iri); err != value.ErrType {
		t.Errorf("the truth of an IRI: %v", err)
	}
	if _, err := value.Cast(one, "http://e/t"); err != value.ErrType {
		t.Errorf("a cast to an unknown type: %v", err)
	}
	if none.IsLiteral() || none.IsNumeric() || none.Datatype() != "" || none.Lexical() != "" {
		t.Error("no value is something")
	}
}

// TestAllocations: numbers, booleans, dates and plain strings are decoded and compared without memory.
func TestAllocations(t *testing.T) {
	terms := []rdf.Term{
		rdf.Trusted(`"text"`), rdf.Trusted(`"text"@en`), rdf.Trusted("<http://e/>"), of("5", "integer").Term(), of("12.75", "decimal").Term(),
		of("1.5E3", "double").Term(), of("true", "boolean").Term(), of("2000-01-01T00:00:00.5Z", "dateTime").Term(), of("2000-01-01", "date").Term(),
	}
	five := value.Int(5)
	if n := testing.AllocsPerRun(100, func() {
		for _, term := range terms {
			v := value.Of(term)
			_, _ = value.Equal(v, five)
			_, _ = value.Compare(v, v)
			_, _ = value.EBV(v)
			_ = value.Order(v, five)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOf(f *testing.F) {
	for _, lexical := range lexicals {
		f.Add(lexical, "dateTime", "1", "decimal")
	}
	f.Fuzz(func(t *testing.T, lexical, datatype, otherLexical, otherDatatype string) {
		a, err := value.Typed(lexical, xsd+datatype)
		b, otherErr := value.Typed(otherLexical, xsd+otherDatatype)
		if err != nil || otherErr != nil {
			return
		}
		checkPair(t, a, b)
		for _, fn := range []func(a, b value.Value) (value.Value, error){value.Add, value.Sub, value.Mul, value.Div} {
			if v, err := fn(a, b); err == nil && value.Order(value.Of(v.Term()), v) != 0 {
				t.Errorf("%s is read as another value", v.Term())
			}
		}
		for _, to := range datatypes {
			v, err := value.Cast(a, xsd+to)
			if err == nil && value.Of(v.Term()).Kind() == value.KindOther {
				t.Errorf("%s as %s is %s", a.Term(), to, v.Term())
			}
		}
	})
}
