package results

import (
	"bufio"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// csvForm writes CSV: values without their types, lines that end in CR LF.
type csvForm struct{}

func (csvForm) head(w *bufio.Writer, vars []sparql.Var) {
	for i, v := range vars {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(string(v))
	}
	w.WriteString("\r\n")
}

func (csvForm) row(w *bufio.Writer, terms []rdf.Term) error {
	for i, t := range terms {
		if i > 0 {
			w.WriteByte(',')
		}
		csvField(w, csvValue(t))
	}
	_, err := w.WriteString("\r\n")
	return err
}

func (csvForm) boolean(*bufio.Writer, bool) error { return ErrBoolean }

func (csvForm) end(*bufio.Writer) {}

// csvValue is a term as CSV has it: IRIs and literals by their characters, blank nodes as _:label, triple terms as their text.
func csvValue(t rdf.Term) string {
	switch t.Kind() {
	case rdf.KindBlank, rdf.KindTriple:
		return t.String()
	}
	return t.Value()
}

func csvField(w *bufio.Writer, s string) {
	if !strings.ContainsAny(s, "\",\r\n") {
		w.WriteString(s)
		return
	}
	w.WriteByte('"')
	for {
		before, after, found := strings.Cut(s, `"`)
		w.WriteString(before)
		if !found {
			break
		}
		w.WriteString(`""`)
		s = after
	}
	w.WriteByte('"')
}

// tsvForm writes TSV: terms as Turtle has them, in full; variables with "?".
type tsvForm struct{}

func (tsvForm) head(w *bufio.Writer, vars []sparql.Var) {
	for i, v := range vars {
		if i > 0 {
			w.WriteByte('\t')
		}
		w.WriteByte('?')
		w.WriteString(string(v))
	}
	w.WriteByte('\n')
}

// row writes canonical texts, which have neither tabs nor line ends in them.
func (tsvForm) row(w *bufio.Writer, terms []rdf.Term) error {
	for i, t := range terms {
		if i > 0 {
			w.WriteByte('\t')
		}
		w.WriteString(t.String())
	}
	return w.WriteByte('\n')
}

func (tsvForm) boolean(*bufio.Writer, bool) error { return ErrBoolean }

func (tsvForm) end(*bufio.Writer) {}
