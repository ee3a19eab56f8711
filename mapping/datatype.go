package mapping

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
)

const (
	xsd         = "http://www.w3.org/2001/XMLSchema#"
	xsdString   = rdf.XSDString
	xsdInteger  = rdf.XSDInteger
	xsdDecimal  = rdf.XSDDecimal
	xsdDouble   = rdf.XSDDouble
	xsdBoolean  = rdf.XSDBoolean
	xsdDateTime = xsd + "dateTime"
)

// lexical says which texts a datatype has.
type lexical struct {
	expects string
	form    *regexp.Regexp
	check   func(text string) bool
}

const (
	instant = "a time such as 2026-01-31T08:00:00Z"
	zone    = `(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?`
	clock   = `(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?|24:00:00(\.0+)?)`
	day     = `-?([1-9]\d{3,}|0\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])`
)

// lexicals are the datatypes whose texts are looked at; others take any.
var lexicals = func() map[string]lexical {
	all := map[string]lexical{
		xsdDecimal:            {"digits, with a point or not", regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)$`), nil},
		xsdDouble:             {"a number", double, nil},
		xsd + "float":         {"a number", double, nil},
		xsdBoolean:            {"true, false, 1 or 0", regexp.MustCompile(`^(true|false|1|0)$`), nil},
		xsdDateTime:           {instant, regexp.MustCompile(`^` + day + `T` + clock + zone + `$`), realDay},
		xsd + "dateTimeStamp": {instant, regexp.MustCompile(`^` + day + `T` + clock + strings.TrimSuffix(zone, "?") + `$`), realDay},
		xsd + "date":          {"a date such as 2026-01-31", regexp.MustCompile(`^` + day + zone + `$`), realDay},
		xsd + "time":          {"a time of day such as 08:00:00", regexp.MustCompile(`^` + clock + zone + `$`), nil},
		xsd + "anyURI":        {"an IRI without spaces", regexp.MustCompile(`^\S*$`), nil},
	}
	for name, bounds := range integers {
		all[xsd+name] = wholeNumber(bounds[0], bounds[1])
	}
	return all
}()

var double = regexp.MustCompile(`^([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?INF|NaN)$`)

// integers are those of whole numbers, with their bounds; an empty one is none.
var integers = map[string][2]string{
	"integer": {"", ""}, "nonNegativeInteger": {"0", ""}, "positiveInteger": {"1", ""}, "nonPositiveInteger": {"", "0"},
	"negativeInteger": {"", "-1"}, "long": {"-9223372036854775808", "9223372036854775807"}, "int": {"-2147483648", "2147483647"},
	"short": {"-32768", "32767"}, "byte": {"-128", "127"}, "unsignedLong": {"0", "18446744073709551615"},
	"unsignedInt": {"0", "4294967295"}, "unsignedShort": {"0", "65535"}, "unsignedByte": {"0", "255"},
}

var whole = regexp.MustCompile(`^[+-]?\d+$`)

// wholeNumber is that of whole numbers within bounds.
func wholeNumber(least, most string) lexical {
	expects := "a whole number"
	if least != "" {
		expects += ", at least " + least
	}
	if most != "" {
		expects += ", at most " + most
	}
	return lexical{expects, whole, func(text string) bool {
		return (least == "" || !lessInteger(text, least)) && (most == "" || !lessInteger(most, text))
	}}
}

// lessInteger compares whole numbers of any length.
func lessInteger(a, b string) bool {
	negativeA, digitsA := integerParts(a)
	negativeB, digitsB := integerParts(b)
	if negativeA != negativeB {
		return negativeA
	}
	if negativeA {
		digitsA, digitsB = digitsB, digitsA
	}
	if len(digitsA) != len(digitsB) {
		return len(digitsA) < len(digitsB)
	}
	return digitsA < digitsB
}

// integerParts divides a whole number; 0 has no digits and is not negative.
func integerParts(text string) (negative bool, digits string) {
	digits = strings.TrimLeft(text, "+-")
	digits = strings.TrimLeft(digits, "0")
	return text[0] == '-' && digits != "", digits
}

// realDay reports whether a date, which has the form of one, is in the calendar.
func realDay(text string) bool {
	text = strings.TrimPrefix(text, "-")
	year, rest, _ := strings.Cut(text, "-")
	y, err := strconv.Atoi(year[max(0, len(year)-8):]) // the calendar repeats after 400 years
	month, _ := strconv.Atoi(rest[:2])
	d, _ := strconv.Atoi(rest[3:5])
	return err == nil && d <= time.Date(2000+y%400, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// checkLexical reports a text that a datatype doesn't have.
func checkLexical(text, datatype string) error {
	l, known := lexicals[datatype]
	if !known || l.form.MatchString(text) && (l.check == nil || l.check(text)) {
		return nil
	}
	return wrongValue(text, "expected %s (%s)", l.expects, strings.TrimPrefix(datatype, xsd))
}

// jsonDatatype is the datatype that a number of JSON has: that of whole numbers, or double.
func jsonDatatype(number string) string {
	if strings.ContainsAny(number, ".eE") {
		return xsdDouble
	}
	return xsdInteger
}

// formatDouble writes a number with a point or an exponent, so that it reads as what it is.
func formatDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return strings.Replace(text, "e", "E", 1)
}

// timeUnits are the units in which a number may count since 1970.
var timeUnits = map[string]int64{"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}

// errTime says what a time may be.
var errTime = errors.New("expected a number of the unit since 1970, within the years 0 to 9999")

// timeOf is the time that a number of a unit since 1970 means, which may have a fraction.
func timeOf(number string, unit string) (string, error) {
	per := timeUnits[unit]
	whole, fraction, _ := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if strings.ContainsAny(number, "eE") || err != nil {
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || math.Abs(f/float64(per)) > 1e12 {
			return "", wrongValue(number, "%w", errTime)
		}
		n, fraction = int64(math.Floor(f)), ""
	}
	seconds, rest := n/per, n%per
	nanos := rest * (1e9 / per)
	if unit != "ns" && fraction != "" && strings.Trim(fraction, "0123456789") == "" {
		part, _ := strconv.ParseFloat("0."+fraction, 64)
		if strings.HasPrefix(whole, "-") {
			part = -part
		}
		nanos += int64(math.Round(part * float64(1e9/per)))
	}
	t := time.Unix(seconds, nanos).UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return "", wrongValue(number, "%w", errTime)
	}
	return t.Format(time.RFC3339Nano), nil
}
