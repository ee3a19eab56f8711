package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Writer writes one result: either Head and then any number of Row, or Boolean; Close ends it. It must not be used concurrently.
// An error of the writer below stays: nothing more is written.
type Writer struct {
	w       *bufio.Writer
	form    form
	state   state
	columns int
	room    []byte
}

// form appends what a format has for each part of a result.
type form interface {
	head(b []byte, vars []sparql.Var) []byte
	row(b []byte, terms []rdf.Term) ([]byte, error)
	boolean(b []byte, holds bool) ([]byte, error)
	end(b []byte) []byte
}

// state is what a Writer has written.
type state uint8

const (
	begun state = iota
	headed
	ended
)

// ErrOrder is in the error of a call of [Writer] that may not come where it does.
var ErrOrder = errors.New("results: call out of order")

// NewWriter writes to w in a format.
func NewWriter(w io.Writer, f Format) (*Writer, error) {
	made, err := newForm(f)
	if err != nil {
		return nil, err
	}
	buffer := buffers.Get().(*bufio.Writer)
	buffer.Reset(w)
	return &Writer{w: buffer, form: made}, nil
}

// buffers are those of writers that were closed: most results are shorter than a buffer.
var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 32<<10) }}

func newForm(f Format) (form, error) {
	switch f {
	case JSON:
		return &jsonForm{}, nil
	case XML:
		return &xmlForm{}, nil
	case CSV:
		return csvForm{}, nil
	case TSV:
		return tsvForm{}, nil
	}
	return nil, fmt.Errorf("results: format %q is none of json, xml, csv, tsv", string(f))
}

// Head names the columns, in order.
func (w *Writer) Head(vars []sparql.Var) error {
	if w.state != begun {
		return fmt.Errorf("%w: Head was called, or the result is a boolean", ErrOrder)
	}
	w.state, w.columns = headed, len(vars)
	return w.write(w.form.head(w.room[:0], vars))
}

// Row writes a solution: a term for each variable of Head, the zero Term for one that is unbound. A solution that the format can't
// hold is an error ([ErrCharacter]), and the result is as if Row hadn't been called.
func (w *Writer) Row(terms []rdf.Term) error {
	if w.state != headed || len(terms) != w.columns {
		return fmt.Errorf("%w: a row of %d terms for %d variables", ErrOrder, len(terms), w.columns)
	}
	b, err := w.form.row(w.room[:0], terms)
	if err != nil {
		return err
	}
	return w.write(b)
}

// Boolean writes the result of ASK, all but its end. CSV and TSV have none: [ErrBoolean].
func (w *Writer) Boolean(b bool) error {
	if w.state != begun {
		return fmt.Errorf("%w: Boolean behind Head or Boolean", ErrOrder)
	}
	text, err := w.form.boolean(w.room[:0], b)
	if err != nil {
		return err
	}
	w.state = ended
	return w.write(text)
}

// Flush passes on what is written so far. Behind Close there is nothing left.
func (w *Writer) Flush() error {
	if w.w == nil {
		return nil
	}
	return w.w.Flush()
}

// Close writes the end of the result and passes all on. It doesn't close the writer below. A second call does nothing.
func (w *Writer) Close() error {
	switch w.state {
	case begun:
		return fmt.Errorf("%w: Close before Head or Boolean", ErrOrder)
	case headed:
		w.state = ended
		if err := w.write(w.form.end(w.room[:0])); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil || w.w == nil {
		return err
	}
	w.w.Reset(nil) // so that it holds nothing of the writer below
	buffers.Put(w.w)
	w.w = nil
	return nil
}

// write keeps the memory of b for what comes next, if that isn't much.
func (w *Writer) write(b []byte) error {
	const most = 1 << 20
	if w.room = b; cap(b) > most {
		w.room = nil
	}
	_, err := w.w.Write(b)
	return err
}
