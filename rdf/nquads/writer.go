package nquads

import (
	"io"

	"github.com/quadrille-stream/quadrille/rdf"
)

// writeSize is how much a Writer collects before it hands it on.
const writeSize = 64 << 10

// Writer writes canonical N-Quads through a buffer of 64 KiB. It is used by one goroutine at a time.
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

// NewWriter returns a writer to w. What was written is with w only after [Writer.Flush].
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one quad. It refuses a quad whose terms can't stand where they do ([rdf.Quad.Check]). After an error
// of the underlying writer it returns that error.
func (w *Writer) Write(q rdf.Quad) error {
	if w.err != nil {
		return w.err
	}
	if err := q.Check(); err != nil {
		return err
	}
	w.buf = AppendQuad(w.buf, q)
	if len(w.buf) >= writeSize {
		return w.Flush()
	}
	return nil
}

// Flush hands everything to the underlying writer and returns its error, which stays.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		var n int
		if n, w.err = w.w.Write(w.buf); w.err == nil && n < len(w.buf) {
			w.err = io.ErrShortWrite
		}
		w.buf = w.buf[:0]
	}
	return w.err
}

// AppendQuad appends the quad as a line of canonical N-Quads, with its line end. With a zero graph it is N-Triples.
// It allocates only to grow dst.
func AppendQuad(dst []byte, q rdf.Quad) []byte {
	dst = append(dst, q.S.String()...)
	dst = append(dst, ' ')
	dst = append(dst, q.P.String()...)
	dst = append(dst, ' ')
	dst = append(dst, q.O.String()...)
	if !q.G.IsZero() {
		dst = append(dst, ' ')
		dst = append(dst, q.G.String()...)
	}
	return append(dst, " .\n"...)
}
