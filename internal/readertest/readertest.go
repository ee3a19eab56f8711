// Package readertest is what the tests of several readers of documents have in common.
package readertest

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Pieces is a source that gives its text in reads of certain sizes, then one byte at a time. It is used by one goroutine.
type Pieces struct {
	// Text is what is left of it.
	Text []byte
	// Cuts are the sizes of the next reads, each less one.
	Cuts []byte
}

// Read implements [io.Reader].
func (p *Pieces) Read(b []byte) (int, error) {
	if len(p.Text) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(p.Cuts) > 0 {
		n, p.Cuts = int(p.Cuts[0])+1, p.Cuts[1:]
	}
	n = copy(b, p.Text[:min(n, len(p.Text))])
	p.Text = p.Text[n:]
	return n, nil
}

// Collect reads to the end or to an error and returns what came before.
func Collect(rd interface{ Next(q *rdf.Quad) error }) (quads []rdf.Quad, err error) {
	var q rdf.Quad
	for {
		if err := rd.Next(&q); err == io.EOF { //nolint:errorlint // around another error it is no end
			return quads, nil
		} else if err != nil {
			return quads, err
		}
		quads = append(quads, q.Clone())
	}
}

// IsPlace reports whether a document has such a line, and it such a column; the place behind its end counts.
func IsPlace(doc []byte, line, col int) bool {
	text := strings.ReplaceAll(strings.ReplaceAll(string(doc), "\r\n", "\n"), "\r", "\n")
	all := strings.Split(text, "\n")
	return line >= 1 && line <= len(all) && col >= 1 && col <= utf8.RuneCountInString(all[line-1])+1
}

// Numbered returns the terms of quads, with blank nodes that are numbered by their first places: so two lists are the same if the quads are, but
// for the labels of blank nodes.
func Numbered(quads []rdf.Quad) []string {
	numbers := map[string]string{}
	var all []string
	var number func(t rdf.Term) string
	number = func(t rdf.Term) string {
		if parts, ok := t.Triple(); ok {
			return "<<( " + number(parts.S) + " " + number(parts.P) + " " + number(parts.O) + " )>>"
		}
		if t.Kind() != rdf.KindBlank {
			return t.String()
		}
		if numbers[t.String()] == "" {
			numbers[t.String()] = fmt.Sprintf("_:%d", len(numbers))
		}
		return numbers[t.String()]
	}
	for _, q := range quads {
		all = append(all, number(q.S), number(q.P), number(q.O), number(q.G))
	}
	return all
}
