package patch

import (
	"bytes"
	"errors"
	"iter"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Ignore is a [Change] that takes every row and does nothing. Embed it in one that is about some kinds of rows only.
type Ignore struct{}

var _ Change = Ignore{}

// Header does nothing.
func (Ignore) Header(string, rdf.Term) error { return nil }

// Begin does nothing.
func (Ignore) Begin() error { return nil }

// Commit does nothing.
func (Ignore) Commit() error { return nil }

// Abort does nothing.
func (Ignore) Abort() error { return nil }

// AddPrefix does nothing.
func (Ignore) AddPrefix(rdf.Term, string, string) error { return nil }

// DeletePrefix does nothing.
func (Ignore) DeletePrefix(rdf.Term, string) error { return nil }

// Add does nothing.
func (Ignore) Add(rdf.Quad) error { return nil }

// Delete does nothing.
func (Ignore) Delete(rdf.Quad) error { return nil }

// Row is an addition or a deletion.
type Row struct {
	// Deleted: the quad goes out; else it comes in.
	Deleted bool
	// Quad is what changes. Its terms are parts of the document.
	Quad rdf.Quad
}

// Rows iterates over the additions and deletions of a patch in text form, in order, those of aborted transactions included:
// the body of a record has none. A syntax error comes last, with a zero Row.
func Rows(body []byte, opts ...Option) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := Parse(body, rowYielder{yield: yield}, opts...)
		if err != nil && !errors.Is(err, errEnough) {
			yield(Row{}, err)
		}
	}
}

// errEnough ends a reading whose reader has had enough.
var errEnough = errors.New("enough")

type rowYielder struct {
	Ignore
	yield func(Row, error) bool
}

func (r rowYielder) Add(q rdf.Quad) error    { return r.row(Row{Quad: q}) }
func (r rowYielder) Delete(q rdf.Quad) error { return r.row(Row{Deleted: true, Quad: q}) }

func (r rowYielder) row(row Row) error {
	if !r.yield(row, nil) {
		return errEnough
	}
	return nil
}

// CountRows counts the additions and deletions of a record's body, or of another text with a row in each line, as a [Writer] writes
// it, without reading them.
func CountRows(body []byte) (adds, deletes int) {
	for line := range bytes.Lines(body) {
		switch {
		case bytes.HasPrefix(line, []byte("A ")):
			adds++
		case bytes.HasPrefix(line, []byte("D ")):
			deletes++
		}
	}
	return adds, deletes
}
