package results

import (
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// jsonForm writes JSON, one solution a line.
type jsonForm struct {
	// names are the variables as members, quoted and with a colon.
	names []string
	rows  bool
}

func (f *jsonForm) head(b []byte, vars []sparql.Var) []byte {
	b = append(b, `{"head":{"vars":[`...)
	for i, v := range vars {
		quoted := string(appendJSON(nil, string(v)))
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quoted...)
		f.names = append(f.names, quoted+":")
	}
	return append(b, `]},"results":{"bindings":[`...)
}

func (f *jsonForm) row(b []byte, terms []rdf.Term) ([]byte, error) {
	if f.rows {
		b = append(b, ',')
	}
	f.rows = true
	b = append(b, "\n{"...)
	first := true
	for i, t := range terms {
		if t.IsZero() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendJSONTerm(append(b, f.names[i]...), t)
	}
	return append(b, '}'), nil
}

func (f *jsonForm) boolean(b []byte, holds bool) ([]byte, error) {
	b = append(b, `{"head":{},"boolean":`...)
	return append(strconv.AppendBool(b, holds), "}\n"...), nil
}

func (f *jsonForm) end(b []byte) []byte {
	if f.rows {
		b = append(b, '\n')
	}
	return append(b, "]}}\n"...)
}

func appendJSONTerm(b []byte, t rdf.Term) []byte {
	switch t.Kind() {
	case rdf.KindIRI:
		b = append(b, `{"type":"uri","value":`...)
	case rdf.KindBlank:
		b = append(b, `{"type":"bnode","value":`...)
	case rdf.KindTriple:
		return appendJSONTriple(b, t)
	default:
		b = append(b, `{"type":"literal",`...)
		b = appendJSONType(b, t)
		b = append(b, `"value":`...)
	}
	return append(appendJSON(b, t.Value()), '}')
}

// appendJSONType appends what a literal has besides its lexical form.
func appendJSONType(b []byte, t rdf.Term) []byte {
	if tag := t.Lang(); tag != "" {
		b = append(append(append(b, `"xml:lang":"`...), tag...), `",`...)
		if dir := t.Direction(); dir != rdf.NoDirection {
			b = append(append(append(b, `"its:dir":"`...), dir...), `",`...)
		}
		return b
	}
	if datatype := t.Datatype(); datatype != rdf.XSDString {
		b = append(appendJSON(append(b, `"datatype":`...), datatype), ',')
	}
	return b
}

func appendJSONTriple(b []byte, t rdf.Term) []byte {
	parts, _ := t.Triple()
	b = append(b, `{"type":"triple","value":{"subject":`...)
	b = appendJSONTerm(b, parts.S)
	b = appendJSONTerm(append(b, `,"predicate":`...), parts.P)
	b = appendJSONTerm(append(b, `,"object":`...), parts.O)
	return append(b, `}}`...)
}

// appendJSON appends a quoted string.
func appendJSON(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7F {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
