package results

import (
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// csvForm writes CSV: values without their types, lines that end in CR LF.
type csvForm struct{}

func (csvForm) head(b []byte, vars []sparql.Var) []byte {
	for i, v := range vars {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, "\r\n"...)
}

func (csvForm) row(b []byte, terms []rdf.Term) ([]byte, error) {
	for i, t := range terms {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCSV(b, csvValue(t))
	}
	return append(b, "\r\n"...), nil
}

func (csvForm) boolean(b []byte, _ bool) ([]byte, error) { return b, ErrBoolean }

func (csvForm) end(b []byte) []byte { return b }

// csvValue is a term as CSV has it: IRIs and literals by their characters, blank nodes as _:label, triple terms as their text.
func csvValue(t rdf.Term) string {
	switch t.Kind() {
	case rdf.KindBlank, rdf.KindTriple:
		return t.String()
	}
	return t.Value()
}

// appendCSV appends a field, in quotes if it has a quote, a comma or a line end in it.
func appendCSV(b []byte, s string) []byte {
	if !strings.ContainsAny(s, "\",\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// tsvForm writes TSV: terms as Turtle has them, in full; variables with "?".
type tsvForm struct{}

func (tsvForm) head(b []byte, vars []sparql.Var) []byte {
	for i, v := range vars {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(append(b, '?'), v...)
	}
	return append(b, '\n')
}

// row writes canonical texts, which have neither tabs nor line ends in them.
func (tsvForm) row(b []byte, terms []rdf.Term) ([]byte, error) {
	for i, t := range terms {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, t.String()...)
	}
	return append(b, '\n'), nil
}

func (tsvForm) boolean(b []byte, _ bool) ([]byte, error) { return b, ErrBoolean }

func (tsvForm) end(b []byte) []byte { return b }
