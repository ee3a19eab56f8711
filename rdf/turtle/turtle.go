// Package turtle reads and writes Turtle and TriG, RDF 1.1 and 1.2 (triple terms, reifiers, annotations, base direction,
// VERSION).
//
// Reading is strict: whatever the grammar does not allow is a [SyntaxError] with line and column, and nothing is
// skipped. The reader is a machine that takes one token at a time, so that a statement of any shape needs no more memory
// than what is open in it, and a quad comes with the line that completes it (a string that ends its line may still get a
// datatype on the next one). No memory is allocated per statement: terms share the input or a buffer that is used again.
// Whoever keeps a term keeps a clone ([rdf.Term.Clone], [rdf.Quad.Clone]).
//
// Beyond the grammar, parts of language tags have at most eight characters (BCP 47), and rdf:langString and
// rdf:dirLangString are no datatypes of a literal without a tag. Relative IRIs are resolved as RFC 3986, section 5.2,
// says, strictly; absolute ones stay as they are written.
//
// Blank node labels are local to the document. Those that stand for [] and the like are anon0, anon1, …, numbered in the
// order of the document. A written label of that form stays, and its number is left out; only if the number had been given
// before, the label gets one underscore more, so that they never meet.
//
// Sources: RDF 1.1 and 1.2 Turtle and TriG; RFC 3986, section 5.
package turtle

import (
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/labels"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// SyntaxError says where a document departs from its format.
type SyntaxError = rdf.SyntaxError

// Bounds that hold unless an [Option] changes them.
const (
	// DefaultMaxTerm is the number of bytes that a term may have, written as N-Triples has it.
	DefaultMaxTerm = scan.DefaultTerm
	// DefaultMaxDepth is how deeply lists, blank node property lists, annotations and triples may be nested.
	DefaultMaxDepth = 10_000
	// DefaultMaxTripleDepth is how deeply triple terms may be nested, also those that reifiers stand for. It is the bound
	// of the readers of N-Quads and RDF Patch, so that they take what was read.
	DefaultMaxTripleDepth = scan.DefaultDepth
	// DefaultMaxPrefixes is the number of bytes that the names and IRIs of all prefixes may have together.
	DefaultMaxPrefixes = 16 << 20
)

type options struct {
	file         string
	base         string
	trig         bool
	line         int
	term         int
	depth        int
	tripleDepth  int
	prefixes     int
	document     int64
	blankPrefix  string
	languageCase bool
}

// Option changes how a document is read.
type Option func(*options)

// TriG reads TriG: Turtle in graphs. Without it, a graph is an error.
func TriG() Option { return func(o *options) { o.trig = true } }

// File sets the name of the document for errors.
func File(name string) Option { return func(o *options) { o.file = name } }

// Base sets the IRI that relative ones are resolved against until the document sets another one. Without either, a
// relative IRI is an error. A base that is no absolute IRI is an error of the first read ([rdf.ErrInvalid]).
func Base(iri string) Option { return func(o *options) { o.base = iri } }

// MaxTerm bounds the bytes of a term, with its prefix expanded; see [DefaultMaxTerm], which 0 stands for, and
// [scan.MaxTerm].
func MaxTerm(bytes int) Option { return func(o *options) { o.term = bytes } }

// MaxLine bounds the bytes of a line that are held at once; 0 stands for four times the bound of a term, and what stands
// between them. A line of more than 256 KiB, or than the bound, is read in parts that end between terms, so that it may have
// any length, as a statement may; what can't be divided, a term or a comment, is an error over the bound. Besides, a reader
// holds a read buffer of 64 KiB, and the terms of what is open in the statement.
func MaxLine(bytes int) Option { return func(o *options) { o.line = bytes } }

// MaxDepth bounds the nesting of lists, blank node property lists, annotations, reified triples and triple terms; see
// [DefaultMaxDepth] and [DefaultMaxTripleDepth], which 0 stands for. The terms of what is open at once may have four
// times the bound of a term.
func MaxDepth(depth int) Option { return func(o *options) { o.depth, o.tripleDepth = depth, depth } }

// MaxPrefixes bounds the bytes of all prefixes; see [DefaultMaxPrefixes], which 0 stands for.
func MaxPrefixes(bytes int) Option { return func(o *options) { o.prefixes = bytes } }

// MaxDocument bounds the bytes of the document. There is no bound by default, or with 0. The bound is checked whenever
// something has been read, so quads may come before the error.
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
	in   *scan.Input
	s    *scan.Scanner
	o    options
	last bool  // the window is the last one
	from int   // where the token begins that is being read
	err  error // what Next returns from now on

	state    state
	context  state // what a term that is being read is for, where it takes several steps
	stack    []frame
	quote    byte     // of the long string that is open
	inString bool     // the window begins in one
	begin    int      // where it began in the scratch buffer
	lexical  rdf.Term // the string whose datatype or tag may follow
	dotted   bool     // the directive ends in a dot
	prefix   string   // the one that is being declared
	inGraph  bool
	graph    rdf.Term
	graphBuf []byte
	nodes    labels.Issuer // of blank nodes
	label    []byte

	base     iri.Base
	prefixes prefixes
	resolved []byte
}

// NewReader returns a reader of the document that r gives. It reads r as it needs, and never beyond an error of r.
func NewReader(r io.Reader, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(scan.NewReader(r, o.line, o.document), o)
}

// NewBytes returns a reader of a document in memory, which nobody may change while its terms are in use.
func NewBytes(document []byte, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(scan.NewBytes(document, o.line, o.document), o)
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	o.term = scan.TermLimit(o.term)
	o.line = scan.LineLimit(o.line, o.term)
	o.depth = bound(o.depth, DefaultMaxDepth)
	o.tripleDepth = bound(o.tripleDepth, DefaultMaxTripleDepth)
	o.prefixes = bound(o.prefixes, DefaultMaxPrefixes)
	return o
}

func bound(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}

func newReader(in *scan.Input, o options) *Reader {
	rd := &Reader{in: in, s: scan.New(scan.Turtle, 0, o.term), o: o, label: []byte("_:" + o.blankPrefix),
		nodes: labels.Issuer{Name: made}}
	rd.s.SetFile(o.file)
	rd.s.SetLanguageCase(o.languageCase)
	in.DivideBy(rd.divide)
	rd.prefixes.most = o.prefixes
	if o.blankPrefix != "" {
		if _, err := rdf.Blank(o.blankPrefix + "x"); err != nil {
			rd.err = fmt.Errorf("prefix for blank node labels: %w", err)
		}
	}
	if o.base != "" {
		if err := rdf.CheckIRI(o.base); err != nil {
			rd.err = fmt.Errorf("base of the document: %w", err)
		}
		rd.base.Set(o.base)
	}
	return rd
}

// Next reads the next quad into q; for the default graph, q.G is the zero Term. It returns [io.EOF] after the last one,
// a [*SyntaxError], or the error of the underlying reader; after an error it returns the same again. The terms are valid
// until the next call.
func (rd *Reader) Next(q *rdf.Quad) error {
	for rd.err == nil {
		var c byte
		if rd.state < tokenless {
			var ok bool
			if c, ok = rd.s.Token(); !ok {
				rd.err = rd.more()
				continue
			}
			rd.from = rd.s.Offset()
		}
		switch rd.step(q, c) {
		case emitted:
			return nil
		case failed:
			rd.err = rd.s.Err()
		}
	}
	return rd.err
}

var errPrefixes = fmt.Errorf("prefixes %w", rdf.ErrLimit)

// more goes on to the next window.
func (rd *Reader) more() error {
	if err := rd.s.Err(); err != nil {
		return err
	}
	if rd.last {
		return rd.end()
	}
	if rd.state == afterObject {
		rd.keepObject(rd.top())
	}
	window, last, err := rd.in.Next(rd.s.Leave())
	if err != nil {
		return rd.positioned(err)
	}
	rd.last, rd.from, rd.inString = last, 0, rd.state == long
	rd.s.Continue(window)
	return nil
}

// divide returns how much of a line can be read before more of it has come.
func (rd *Reader) divide(line []byte) int {
	if rd.state == long {
		return scan.Divide(line, rd.quote)
	}
	return scan.Divide(line, 0)
}

// Recover makes Next read on after a [*SyntaxError], behind the dot that ends the statement which it is in: one outside of
// strings, IRIs and comments. What has no such dot, such as PREFIX, is left out together with the statement behind it. A
// graph ends where its brace is. It reports false where there is no error, after another one, or one of a bound, and where
// the document ends before such a dot.
func (rd *Reader) Recover() bool {
	if rd.err != rd.s.Err() || rd.s.Err() == nil || errors.Is(rd.err, rdf.ErrLimit) { //nolint:errorlint // the very error
		return false
	}
	open := byte(0)
	if rd.inString && rd.from == 0 {
		open = rd.quote
	}
	for {
		var found bool
		if open, found = rd.s.RecoverStatement(rd.from, open, rd.inGraph); found {
			break
		}
		if rd.last {
			return false
		}
		if rd.quote = open; open != 0 {
			rd.state = long
		} else {
			rd.state = document
		}
		if rd.err = rd.more(); rd.err != nil {
			return true // which Next says
		}
	}
	rd.err, rd.state, rd.inString, rd.stack = nil, document, false, rd.stack[:0]
	if !rd.inGraph {
		rd.graph = rdf.Term{}
	}
	return true
}

// end ends the document.
func (rd *Reader) end() error {
	if rd.state == document && !rd.inGraph {
		return io.EOF
	}
	return rd.s.Expected(rd.expected())
}

// positioned gives the bounds of the input a place; errors of the source stay as they are.
func (rd *Reader) positioned(err error) error {
	if !errors.Is(err, rdf.ErrLimit) {
		return err
	}
	return rd.s.Fail(err, "%v", err)
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
