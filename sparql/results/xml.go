package results

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// The namespaces of the XML format.
const (
	sparqlNamespace = "http://www.w3.org/2005/sparql-results#"
	itsNamespace    = "http://www.w3.org/2005/11/its"
	xmlNamespace    = "http://www.w3.org/XML/1998/namespace"
)

// ErrCharacter is in the error of a literal with a character that no document of XML 1.0 may have, such as U+0001.
var ErrCharacter = errors.New("XML has no form for a character")

// xmlForm writes XML, one solution a line.
type xmlForm struct {
	// bindings are the start tags of the variables.
	bindings []string
}

const xmlBegin = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<sparql xmlns="` + sparqlNamespace + `" xmlns:its="` + itsNamespace + `" its:version="2.0">` + "\n<head>"

func (f *xmlForm) head(b []byte, vars []sparql.Var) []byte {
	b = append(b, xmlBegin...)
	for _, v := range vars {
		name, _ := appendXML(nil, string(v)) // the name of a variable has no such characters
		f.bindings = append(f.bindings, `<binding name="`+string(name)+`">`)
		b = append(b, `<variable name="`...)
		b = append(append(b, name...), `"/>`...)
	}
	return append(b, "</head>\n<results>\n"...)
}

func (f *xmlForm) row(b []byte, terms []rdf.Term) ([]byte, error) {
	b = append(b, "<result>"...)
	for i, t := range terms {
		if t.IsZero() {
			continue
		}
		var err error
		if b, err = appendXMLTerm(append(b, f.bindings[i]...), t); err != nil {
			return b, fmt.Errorf("column %d: %w", i+1, err)
		}
		b = append(b, `</binding>`...)
	}
	return append(b, "</result>\n"...), nil
}

func (f *xmlForm) boolean(b []byte, holds bool) ([]byte, error) {
	b = append(append(b, xmlBegin...), "</head>\n<boolean>"...)
	return append(strconv.AppendBool(b, holds), "</boolean>\n</sparql>\n"...), nil
}

func (f *xmlForm) end(b []byte) []byte { return append(b, "</results>\n</sparql>\n"...) }

func appendXMLTerm(b []byte, t rdf.Term) ([]byte, error) {
	element := "uri"
	switch t.Kind() {
	case rdf.KindTriple:
		return appendXMLTriple(b, t)
	case rdf.KindBlank:
		element = "bnode"
	case rdf.KindLiteral:
		element = "literal"
	}
	b = append(append(b, '<'), element...)
	b = append(appendXMLType(b, t), '>')
	b, err := appendXML(b, t.Value())
	return append(append(append(b, "</"...), element...), '>'), err
}

// appendXMLType appends what a literal has besides its lexical form, as attributes.
func appendXMLType(b []byte, t rdf.Term) []byte {
	if tag := t.Lang(); tag != "" {
		b = append(append(append(b, ` xml:lang="`...), tag...), '"')
		if dir := t.Direction(); dir != rdf.NoDirection {
			b = append(append(append(b, ` its:dir="`...), dir...), '"')
		}
		return b
	}
	if datatype := t.Datatype(); datatype != "" && datatype != rdf.XSDString {
		b, _ = appendXML(append(b, ` datatype="`...), datatype) // an IRI has no such characters
		b = append(b, '"')
	}
	return b
}

func appendXMLTriple(b []byte, t rdf.Term) ([]byte, error) {
	parts, _ := t.Triple()
	b = append(b, "<triple>"...)
	for _, part := range [...]struct {
		element string
		term    rdf.Term
	}{{"subject", parts.S}, {"predicate", parts.P}, {"object", parts.O}} {
		var err error
		b = append(append(append(b, '<'), part.element...), '>')
		if b, err = appendXMLTerm(b, part.term); err != nil {
			return b, err
		}
		b = append(append(append(b, "</"...), part.element...), '>')
	}
	return append(b, "</triple>"...), nil
}

// appendXML appends text for an element or an attribute. A carriage return is written as a reference, since readers make line ends
// of it.
func appendXML(b []byte, s string) ([]byte, error) {
	if at := strings.IndexFunc(s, notXML); at >= 0 {
		return b, fmt.Errorf("%w: U+%04X; write JSON or TSV", ErrCharacter, []rune(s[at:min(len(s), at+4)])[0])
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '"':
			b = append(b, "&quot;"...)
		case '\r':
			b = append(b, "&#xD;"...)
		default:
			b = append(b, c)
		}
	}
	return b, nil
}

// notXML reports whether a character is none of Char in XML 1.0.
func notXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}
