package jsonld

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/piprate/json-gold/ld"

	"github.com/quadrille-stream/quadrille/rdf"
)

// value makes the literal of a value object (Object to RDF Conversion); the zero Term if it is to be left out.
func (m *quadMaker) value(object map[string]any, at place) (rdf.Term, error) {
	datatype, err := m.datatype(object)
	if err != nil {
		return rdf.Term{}, err
	}
	if datatype == "@json" {
		text, err := appendJSON(nil, object["@value"])
		if err != nil {
			return rdf.Term{}, err
		}
		return rdf.TypedLiteral(string(text), jsonType)
	}
	lexical, native, err := lexicalForm(object["@value"], datatype)
	if err != nil {
		return rdf.Term{}, err
	}
	lang, ok := object["@language"].(string)
	if _, given := object["@language"]; given && !ok {
		return rdf.Term{}, &Error{Code: string(ld.InvalidLanguageTaggedString), Msg: "expected a string for @language"}
	}
	if direction, _ := object["@direction"].(string); direction != "" {
		return m.directed(lexical, lang, native, rdf.Direction(direction), at)
	}
	return m.literal(lexical, lang, first(datatype, native), rdf.NoDirection)
}

// datatype returns the @type of a value object, "" if it has none.
func (m *quadMaker) datatype(object map[string]any) (string, error) {
	v, ok := object["@type"]
	if !ok || v == nil {
		return "", nil
	}
	datatype, ok := v.(string)
	if !ok {
		return "", &Error{Code: string(ld.InvalidTypedValue), Msg: "expected an IRI for @type, found " + kindOf(v)}
	}
	if datatype == "@json" {
		return datatype, nil
	}
	if err := rdf.CheckIRI(datatype); err != nil {
		return "", &Error{Code: string(ld.InvalidTypedValue), Msg: err.Error(), Err: err}
	}
	return datatype, nil
}

// first returns the first that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func (m *quadMaker) literal(lexical, lang, datatype string, d rdf.Direction) (t rdf.Term, err error) {
	switch {
	case lang != "":
		t, err = rdf.LangLiteral(lexical, lang, d)
	case datatype != "":
		t, err = rdf.TypedLiteral(lexical, datatype)
	default:
		t, err = rdf.Literal(lexical)
	}
	if err != nil {
		return rdf.Term{}, m.o.dropped(rdf.ErrInvalid, "literal %.100q: %v", lexical, err)
	}
	if lang != "" && m.o.languageCase {
		text := t.String()
		at := strings.LastIndexByte(text, '"') + len(`"@`)
		t = rdf.Trusted(text[:at] + lang + text[at+len(lang):])
	}
	return t, nil
}

// directed makes what stands for a string with a base direction; where there is nothing, it is a literal of the native datatype.
func (m *quadMaker) directed(lexical, lang, native string, d rdf.Direction, at place) (rdf.Term, error) {
	mode := m.o.direction
	if mode == DropDirection || mode == BaseDirection && lang == "" {
		if m.o.keepDirection {
			return rdf.Term{}, &Error{Msg: fmt.Sprintf("string %.100q: its base direction %q has no place in RDF", lexical, d), Err: rdf.ErrInvalid}
		}
		return m.literal(lexical, lang, native, rdf.NoDirection)
	}
	switch mode {
	case BaseDirection:
		return m.literal(lexical, lang, "", d)
	case I18NDatatype:
		return m.literal(lexical, "", i18n+strings.ToLower(lang)+"_"+string(d), rdf.NoDirection)
	case CompoundLiteral:
		return m.compound(lexical, lang, d, at)
	default:
		return rdf.Term{}, &Error{Msg: fmt.Sprintf("unknown direction mode %q", mode)}
	}
}

func (m *quadMaker) compound(lexical, lang string, d rdf.Direction, at place) (rdf.Term, error) {
	node := m.fresh()
	for _, part := range []struct {
		p    rdf.Term
		text string
	}{{rdfValue, lexical}, {rdfLanguage, strings.ToLower(lang)}, {rdfDirection, string(d)}} {
		if part.text == "" && part.p != rdfValue {
			continue
		}
		o, err := rdf.Literal(part.text)
		if err != nil {
			return rdf.Term{}, err
		}
		if err := m.emit(node, part.p, o, at); err != nil {
			return rdf.Term{}, err
		}
	}
	return node, nil
}

// lexicalForm returns the lexical form of a value, and the datatype that it has unless it is given one.
func lexicalForm(v any, datatype string) (lexical, native string, err error) {
	switch v := v.(type) {
	case string:
		return v, "", nil
	case bool:
		return strconv.FormatBool(v), rdf.XSDBoolean, nil
	case json.Number:
		return number(v.String(), datatype)
	case float64:
		return number(strconv.FormatFloat(v, 'g', -1, 64), datatype)
	}
	return "", "", &Error{Code: "invalid value object value", Msg: fmt.Sprintf("expected a scalar, found %T", v)}
}

// maxInteger is where numbers without a fraction begin to be doubles. Fewer digits are kept, also those that a double
// could not hold.
var maxInteger = new(big.Int).Exp(big.NewInt(10), big.NewInt(21), nil)

func number(text, datatype string) (lexical, native string, err error) {
	if n, ok := integer(text); ok && datatype != rdf.XSDDouble && n.CmpAbs(maxInteger) < 0 {
		return n.String(), rdf.XSDInteger, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", "", &Error{Msg: fmt.Sprintf("number %.100s: expected one that a double can hold", text), Err: rdf.ErrLimit}
	}
	return double(f), rdf.XSDDouble, nil
}

// integer returns the value of a JSON number that has no fraction.
func integer(text string) (*big.Int, bool) {
	if !strings.ContainsAny(text, ".eE") && len(text) <= 24 {
		return new(big.Int).SetString(text, 10)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1e21 {
		return nil, false
	}
	n, _ := big.NewFloat(f).Int(nil)
	return n, true
}

// double returns the canonical form of a double, with at most 15 digits after the point.
func double(f float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', 15, 64), "E")
	mantissa = strings.TrimRight(mantissa, "0")
	if strings.HasSuffix(mantissa, ".") {
		mantissa += "0"
	}
	sign := ""
	if exponent[0] == '-' {
		sign = "-"
	}
	if exponent = strings.TrimLeft(exponent[1:], "0"); exponent == "" {
		exponent, sign = "0", ""
	}
	return mantissa + "E" + sign + exponent
}
