package patch

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// The rows without terms, as [Writer] writes them.
const (
	beginRow  = "TX .\n"
	commitRow = "TC .\n"
	abortRow  = "TA .\n"
)

// AppendAdd appends the row "A s p o g ." and its line end. Like the other Append functions it trusts its terms, and
// allocates only to grow dst.
func AppendAdd(dst []byte, q rdf.Quad) []byte { return appendQuad(append(dst, "A "...), q) }

// AppendDelete appends the row "D s p o g ." and its line end.
func AppendDelete(dst []byte, q rdf.Quad) []byte { return appendQuad(append(dst, "D "...), q) }

func appendQuad(dst []byte, q rdf.Quad) []byte {
	dst = append(dst, q.S.String()...)
	dst = append(dst, ' ')
	dst = append(dst, q.P.String()...)
	dst = append(dst, ' ')
	dst = append(dst, q.O.String()...)
	return appendGraph(dst, q.G)
}

func appendGraph(dst []byte, graph rdf.Term) []byte {
	if !graph.IsZero() {
		dst = append(dst, ' ')
		dst = append(dst, graph.String()...)
	}
	return append(dst, " .\n"...)
}

// AppendHeader appends the row "H name value ." and its line end. A name that is no word (a letter, then letters,
// digits, "_" and "-") is quoted.
func AppendHeader(dst []byte, name string, value rdf.Term) []byte {
	dst = append(dst, "H "...)
	if isWord(name) {
		dst = append(dst, name...)
	} else {
		dst = appendString(dst, name)
	}
	return appendGraph(dst, value)
}

func isWord(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

func appendString(dst []byte, s string) []byte {
	return append(rdf.AppendEscaped(append(dst, '"'), s), '"')
}

// AppendBegin appends the row "TX ." and its line end.
func AppendBegin(dst []byte) []byte { return append(dst, beginRow...) }

// AppendCommit appends the row "TC ." and its line end.
func AppendCommit(dst []byte) []byte { return append(dst, commitRow...) }

// AppendAbort appends the row "TA ." and its line end.
func AppendAbort(dst []byte) []byte { return append(dst, abortRow...) }

// AppendAddPrefix appends the row `PA "prefix" <iri> graph .` and its line end.
func AppendAddPrefix(dst []byte, graph rdf.Term, prefix, iri string) []byte {
	dst = appendString(append(dst, "PA "...), prefix)
	dst = append(append(append(dst, " <"...), iri...), '>')
	return appendGraph(dst, graph)
}

// AppendDeletePrefix appends the row `PD "prefix" graph .` and its line end.
func AppendDeletePrefix(dst []byte, graph rdf.Term, prefix string) []byte {
	return appendGraph(appendString(append(dst, "PD "...), prefix), graph)
}

// writeSize is how much a Writer collects before it hands it on.
const writeSize = 64 << 10

// Writer is a [Change] that writes RDF Patch text, one row a line, terms in full as N-Quads has them. It writes through
// a buffer of 64 KiB. A row that it refuses (what it refuses is said with each method) leaves no trace; it looks
// neither inside terms nor whether transactions are well formed. After an error of the underlying writer no row is
// taken.
//
// Blank nodes are written as _:label. The text reader of Apache Jena 5.6.0 drops the first character of such a label, so
// that two of them can become one; give it patches with blank nodes in binary form ([BinaryWriter]).
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

var _ Change = (*Writer)(nil)

// NewWriter returns a writer to w. What was written is with w only after [Writer.Flush].
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Flush hands everything to the underlying writer and returns its error, which stays.
func (w *Writer) Flush() error {
	if len(w.buf) > 0 && w.err == nil {
		var n int
		if n, w.err = w.w.Write(w.buf); w.err == nil && n < len(w.buf) {
			w.err = io.ErrShortWrite
		}
	}
	w.buf = w.buf[:0]
	return w.err
}

func (w *Writer) row() error {
	if w.err != nil || len(w.buf) >= writeSize {
		return w.Flush()
	}
	return nil
}

// Header writes an H row. It refuses a name that is not valid UTF-8, and a zero value ([rdf.ErrInvalid]).
func (w *Writer) Header(name string, value rdf.Term) error {
	if err := checkHeader(name, value); err != nil {
		return err
	}
	w.buf = AppendHeader(w.buf, name, value)
	return w.row()
}

// checkHeader returns the error of a header that can't be read again.
func checkHeader(name string, value rdf.Term) error {
	if value.IsZero() {
		return fmt.Errorf("%w: header %q: expected a value, found no term", rdf.ErrInvalid, name)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("%w: header name %q: not valid UTF-8", rdf.ErrInvalid, name)
	}
	return nil
}

// Begin writes TX.
func (w *Writer) Begin() error {
	w.buf = AppendBegin(w.buf)
	return w.row()
}

// Commit writes TC.
func (w *Writer) Commit() error {
	w.buf = AppendCommit(w.buf)
	return w.row()
}

// Abort writes TA.
func (w *Writer) Abort() error {
	w.buf = AppendAbort(w.buf)
	return w.row()
}

// AddPrefix writes a PA row. It refuses what [rdf.CheckIRI] does, a prefix that Turtle has not ([scan.IsPrefix]), and a
// graph that is neither an IRI, a blank node nor no term.
func (w *Writer) AddPrefix(graph rdf.Term, prefix, iri string) error {
	if err := rdf.CheckIRI(iri); err != nil {
		return err
	}
	if err := checkPrefix(graph, prefix); err != nil {
		return err
	}
	w.buf = AppendAddPrefix(w.buf, graph, prefix, iri)
	return w.row()
}

func checkPrefix(graph rdf.Term, prefix string) error {
	if !scan.IsPrefix(prefix) {
		return fmt.Errorf("%w: prefix %q: expected one as Turtle has them, without colon", rdf.ErrInvalid, prefix)
	}
	if k := graph.Kind(); k == rdf.KindLiteral || k == rdf.KindTriple {
		return fmt.Errorf("%w: graph of prefix %q: expected an IRI or a blank node, found %s", rdf.ErrInvalid, prefix, k)
	}
	return nil
}

// DeletePrefix writes a PD row, and refuses what AddPrefix does.
func (w *Writer) DeletePrefix(graph rdf.Term, prefix string) error {
	if err := checkPrefix(graph, prefix); err != nil {
		return err
	}
	w.buf = AppendDeletePrefix(w.buf, graph, prefix)
	return w.row()
}

// Add writes an A row. It refuses a quad whose terms can't stand where they do ([rdf.Quad.Check]).
func (w *Writer) Add(q rdf.Quad) error {
	if err := q.Check(); err != nil {
		return err
	}
	w.buf = AppendAdd(w.buf, q)
	return w.row()
}

// Delete writes a D row, and refuses what Add does.
func (w *Writer) Delete(q rdf.Quad) error {
	if err := q.Check(); err != nil {
		return err
	}
	w.buf = AppendDelete(w.buf, q)
	return w.row()
}
