// Package nquads reads and writes N-Triples and N-Quads, RDF 1.1 and 1.2 (triple terms, base direction, VERSION).
//
// Reading is strict: whatever the grammar does not allow is a [SyntaxError] with line and column, and nothing is
// skipped. No memory is allocated per statement: terms share the input or a buffer that the next statement uses again.
// Whoever keeps a term keeps a clone ([rdf.Term.Clone], [rdf.Quad.Clone]).
//
// Beyond the grammar, IRIs must be absolute, parts of language tags have at most eight characters (BCP 47), and
// rdf:langString and rdf:dirLangString are no datatypes of a literal without a tag.
//
// Sources: RDF 1.1 and 1.2 N-Triples and N-Quads.
package nquads

import (
	"errors"
	"io"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// SyntaxError says where a document departs from its format.
type SyntaxError = rdf.SyntaxError

// Bounds that hold unless an [Option] changes them.
const (
	// DefaultMaxTerm is the number of bytes that a term may have, written as N-Triples has it.
	DefaultMaxTerm = scan.DefaultTerm
	// DefaultMaxDepth is how deeply triple terms may be nested.
	DefaultMaxDepth = scan.DefaultDepth
)

type options struct {
	file         string
	triples      bool
	line         int
	term         int
	depth        int
	document     int64
	blankPrefix  string
	languageCase bool
}

// Option changes how a document is read.
type Option func(*options)

// Triples reads N-Triples: a graph is an error.
func Triples() Option { return func(o *options) { o.triples = true } }

// File sets the name of the document for errors.
func File(name string) Option { return func(o *options) { o.file = name } }

// MaxTerm bounds the bytes of a term; see [DefaultMaxTerm], which 0 stands for, and [scan.MaxTerm].
func MaxTerm(bytes int) Option { return func(o *options) { o.term = bytes } }

// MaxLine bounds the bytes of a line, without its line end; 0 stands for four times the bound of a term, and what stands
// between them. A reader holds no more than this, a read buffer of 64 KiB, and canonical copies of the terms of one line
// that are not written so.
func MaxLine(bytes int) Option { return func(o *options) { o.line = bytes } }

// MaxDepth bounds the nesting of triple terms; see [DefaultMaxDepth], which 0 stands for.
func MaxDepth(depth int) Option { return func(o *options) { o.depth = depth } }

// MaxDocument bounds the bytes of the document. There is no bound by default, or with 0: a reader holds one line at a
// time. The bound is checked whenever something has been read, so quads may come before the error.
func MaxDocument(bytes int64) Option { return func(o *options) { o.document = bytes } }

// BlankPrefix puts prefix before each blank node label. Labels are local to a document; a prefix made from the
// document's identity keeps those of different documents apart, and makes the same ones again when it is read again.
// A prefix that no label can begin with is an error of the first read ([rdf.ErrInvalid]).
func BlankPrefix(prefix string) Option { return func(o *options) { o.blankPrefix = prefix } }

// LanguageCase keeps language tags as they are written. Terms that differ in that alone are then different ones, so it is
// for who does not compare them.
func LanguageCase() Option { return func(o *options) { o.languageCase = true } }

// Reader reads the quads of a document. It is used by one goroutine at a time.
type Reader struct {
	in      *scan.Input
	s       *scan.Scanner
	triples bool
	last    bool  // the window is the last one
	err     error // what Next returns from now on
}

// NewReader returns a reader of the document that r gives. It reads r as it needs, and never beyond an error of r.
func NewReader(r io.Reader, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(scan.NewReader(r, scan.LineLimit(o.line, o.term), o.document), o)
}

// NewBytes returns a reader of a document in memory, which nobody may change while its terms are in use.
func NewBytes(document []byte, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(scan.NewBytes(document, scan.LineLimit(o.line, o.term), o.document), o)
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func newReader(in *scan.Input, o options) *Reader {
	rd := &Reader{in: in, s: scan.New(scan.NQuads, o.depth, o.term), triples: o.triples}
	rd.s.SetFile(o.file)
	rd.s.SetLanguageCase(o.languageCase)
	rd.err = rd.s.SetBlankPrefix(o.blankPrefix)
	return rd
}

// Next reads the next quad into q; in N-Triples, and for the default graph, q.G is the zero Term. It returns [io.EOF]
// after the last one, a [*SyntaxError], or the error of the underlying reader; after an error it returns the same
// again. The terms are valid until the next call.
func (rd *Reader) Next(q *rdf.Quad) error {
	for rd.err == nil {
		if !rd.s.Lines() {
			rd.err = rd.more()
			continue
		}
		rd.s.Begin(1)
		read, err := rd.statement(q)
		if err != nil {
			rd.err = err
		} else if read {
			return nil
		}
	}
	return rd.err
}

// Recover makes Next read on after a [*SyntaxError], from the next line; a statement has one. It reports false where there is
// none, or after another error, and after a line that is too long.
func (rd *Reader) Recover() bool {
	if rd.err != rd.s.Err() || rd.s.Err() == nil || errors.Is(rd.err, rdf.ErrLimit) { //nolint:errorlint // the very error
		return false
	}
	rd.err = nil
	return rd.s.Recover() || !rd.last
}

// more goes on to the next window.
func (rd *Reader) more() error {
	if err := rd.s.Err(); err != nil {
		return err
	}
	if rd.last {
		return io.EOF
	}
	window, last, err := rd.in.Next(rd.s.Leave())
	if err != nil {
		return positioned(rd.s, err)
	}
	rd.last = last
	rd.s.Continue(window)
	return nil
}

// positioned gives the bounds of the input a place; errors of the source stay as they are.
func positioned(s *scan.Scanner, err error) error {
	if !errors.Is(err, rdf.ErrLimit) {
		return err
	}
	return s.Fail(err, "%v", err)
}

// statement reads a line that is not blank. read is false if it is a directive.
func (rd *Reader) statement(q *rdf.Quad) (read bool, err error) {
	if rd.s.Directive("VERSION") {
		if _, ok := rd.s.String("version in double quotes"); !ok {
			return false, rd.s.Err()
		}
		rd.s.End()
		return false, rd.s.EndOfLine()
	}
	if rd.triples {
		err = rd.s.Triple(q)
	} else {
		err = rd.s.Quad(q)
	}
	if err != nil {
		return false, err
	}
	rd.s.End()
	return true, rd.s.EndOfLine()
}

// Parse calls fn for each quad of a document in memory. The terms are valid until fn returns. An error of fn ends it
// and is returned as it is; quads before a syntax error have been handed over by then.
func Parse(document []byte, fn func(rdf.Quad) error, opts ...Option) error {
	rd := NewBytes(document, opts...)
	var q rdf.Quad
	for {
		if err := rd.Next(&q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := fn(q); err != nil {
			return err
		}
	}
}

// ParseTerm reads one term, as it may stand for the object of a statement, with nothing but spaces and tabs around it.
// The result has memory of its own. The error is a [*SyntaxError] whose line is 1.
func ParseTerm(term string) (rdf.Term, error) {
	s := scan.New(scan.NQuads, 0, scan.MaxTerm)
	s.Reset([]byte(term))
	t := s.Term("a term (IRI, blank node, literal or triple term)")
	if t.IsZero() {
		return t, s.Err()
	}
	s.Blanks()
	if s.Offset() < len(term) {
		return rdf.Term{}, s.Expected("nothing after the term")
	}
	return t.Clone(), nil
}
