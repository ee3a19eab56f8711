package opcua

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/rdf"
)

// convert makes a value of a built-in type, or an array of such, of a term.
func convert(term rdf.Term, kind ua.TypeID, rank int32) (*ua.Variant, error) {
	switch k := term.Kind(); {
	case k != rdf.KindLiteral && k != rdf.KindIRI:
		return nil, fmt.Errorf("it is a %s", k)
	case isArray(term, rank):
		return convertArray(term, kind, rank)
	case kind == ua.TypeIDExtensionObject:
		return convertStructure(term)
	}
	value, err := valueFrom(term.Value(), term.Lang(), kind)
	if err != nil {
		return nil, fmt.Errorf("it is none of type %s: %w", typeNames[kind], err)
	}
	return ua.NewVariant(value)
}

// valueFrom is what a variant of the type holds.
func valueFrom(text, lang string, kind ua.TypeID) (any, error) {
	switch kind {
	case ua.TypeIDBoolean:
		return parseBool(text)
	case ua.TypeIDString:
		return text, nil
	case ua.TypeIDLocalizedText:
		return ua.NewLocalizedTextWithLocale(text, lang), nil
	case ua.TypeIDXMLElement:
		return ua.XMLElement(text), nil
	case ua.TypeIDDateTime:
		return dateTime(text)
	case ua.TypeIDByteString:
		return base64.StdEncoding.DecodeString(text)
	case ua.TypeIDGUID:
		if !guid.MatchString(text) {
			return nil, errors.New("expected a GUID")
		}
		return ua.NewGUID(text), nil
	case ua.TypeIDNodeID:
		return ua.ParseNodeID(text)
	}
	return number(text, kind)
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// dateTime reads a time. What gopcua writes holds three centuries.
func dateTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err == nil && (at.Year() < 1678 || at.Year() > 2261) {
		err = errors.New("expected a time of 1678 to 2261")
	}
	return at, err
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errors.New("expected true or false")
}

// number makes one of a type with so many bits; what is out of its range is an error.
func number(text string, kind ua.TypeID) (any, error) {
	switch kind {
	case ua.TypeIDSByte:
		n, err := integer(text, 8)
		return int8(n), err
	case ua.TypeIDInt16:
		n, err := integer(text, 16)
		return int16(n), err
	case ua.TypeIDInt32:
		n, err := integer(text, 32)
		return int32(n), err
	case ua.TypeIDInt64:
		return integer(text, 64)
	case ua.TypeIDByte:
		n, err := natural(text, 8)
		return byte(n), err
	case ua.TypeIDUint16:
		n, err := natural(text, 16)
		return uint16(n), err
	case ua.TypeIDUint32:
		n, err := natural(text, 32)
		return uint32(n), err
	case ua.TypeIDUint64:
		return natural(text, 64)
	case ua.TypeIDFloat:
		n, err := float(text, 32)
		return float32(n), err
	case ua.TypeIDDouble:
		return float(text, 64)
	}
	return nil, errors.New("values of this type are not written")
}

// integer reads a whole number, which may be written as one of floating point.
func integer(text string, bits int) (int64, error) { return strconv.ParseInt(whole(text), 10, bits) }

// natural reads a whole number that is not negative.
func natural(text string, bits int) (uint64, error) {
	return strconv.ParseUint(strings.TrimPrefix(whole(text), "+"), 10, bits)
}

// whole writes a whole number without point and exponent, as far as floating point holds it exactly; another text as it is.
func whole(text string) string {
	const exact = 1 << 53
	if n, err := float(text, 64); err == nil && n == math.Trunc(n) && math.Abs(n) <= exact && strings.ContainsAny(text, ".eE") {
		return strconv.FormatInt(int64(n), 10)
	}
	return text
}

// xsdFloat is how XML Schema writes floating point and decimal numbers.
var xsdFloat = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

func float(text string, bits int) (float64, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "INF", "+INF":
		return math.Inf(1), nil
	case "-INF":
		return math.Inf(-1), nil
	}
	if !xsdFloat.MatchString(text) {
		return 0, errors.New("expected a number")
	}
	return strconv.ParseFloat(text, bits)
}
