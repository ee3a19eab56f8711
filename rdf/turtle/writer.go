package turtle

import (
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

const (
	// writeSize is how much a Writer collects before it hands it on.
	writeSize = 64 << 10
	// statementSize is how long a statement may get before the next quad begins another one, so that a reader with
	// the default bounds takes what is written, and must not hold much for an error's sake.
	statementSize = 64 << 10
)

// Writer writes Turtle, and TriG where quads have graphs, through a buffer of 64 KiB. Quads are written in the order in
// which they come: those that follow each other in one graph, with one subject, or with one subject and predicate, are
// written together, so whoever wants few words sorts them. Before the first quad that needs RDF 1.2 (a triple term, a
// base direction) it writes VERSION "1.2". A Writer is used by one goroutine at a time.
//
// Labels of blank nodes are written as they are, and none is left out, so what was written reads as the same quads.
type Writer struct {
	w        io.Writer
	buf      []byte
	err      error
	prefixes []Prefix
	short    shorthand // of the prefixes

	began   bool // the prefixes are written
	version bool // so is the version
	open    bool // a statement is open: of subject and predicate
	size    int  // its bytes so far
	subject,
	predicate,
	graph []byte // of the last quad; an empty graph is the default one
}

// WriterOption changes how a document is written.
type WriterOption func(*Writer)

// WithPrefixes sets the prefixes, which the document declares and uses. An IRI is written with the prefix that stands
// for most of it, if the rest can be a local name without escapes. A name that Turtle can't write or that comes twice,
// and an IRI that is not absolute, are errors of the first write ([rdf.ErrInvalid]).
func WithPrefixes(prefixes ...Prefix) WriterOption {
	return func(w *Writer) { w.prefixes = append(w.prefixes, prefixes...) }
}

// NewWriter returns a writer to w. What was written is with w only after [Writer.Flush].
func NewWriter(w io.Writer, opts ...WriterOption) *Writer {
	out := &Writer{w: w}
	for _, opt := range opts {
		opt(out)
	}
	if out.err = checkPrefixes(out.prefixes); out.err == nil {
		out.short = newShorthand(out.prefixes)
	}
	return out
}

func checkPrefixes(prefixes []Prefix) error {
	names := make(map[string]struct{}, len(prefixes))
	for _, p := range prefixes {
		if !scan.IsPrefix(p.Name) {
			return fmt.Errorf("%w: prefix %q: expected letters, digits, \"_\", \"-\" and inner dots, the first a letter",
				rdf.ErrInvalid, p.Name)
		}
		if err := rdf.CheckIRI(p.IRI); err != nil {
			return fmt.Errorf("prefix %q: %w", p.Name, err)
		}
		if _, twice := names[p.Name]; twice {
			return fmt.Errorf("%w: prefix %q is given twice", rdf.ErrInvalid, p.Name)
		}
		names[p.Name] = struct{}{}
	}
	return nil
}

// Write writes one quad. It refuses a quad whose terms can't stand where they do ([rdf.Quad.Check]). After an error
// of the underlying writer it returns that error.
func (w *Writer) Write(q rdf.Quad) error {
	if w.err != nil {
		return w.err
	}
	if err := q.Check(); err != nil {
		return err
	}
	w.begin(q)
	before := len(w.buf)
	switch {
	case !w.open:
		w.indent(0)
		w.term(q.S)
		w.buf = append(w.buf, ' ')
		w.verb(q.P)
	case string(w.predicate) != q.P.String():
		w.buf = append(w.buf, " ;\n"...)
		w.indent(1)
		w.verb(q.P)
	default:
		w.buf = append(w.buf, " ,\n"...)
		w.indent(2)
	}
	w.term(q.O)
	w.keep(q, len(w.buf)-before)
	if len(w.buf) >= writeSize {
		w.handOn()
	}
	return w.err
}

// begin writes what must stand before a quad, and ends what can't go on with it.
func (w *Writer) begin(q rdf.Quad) {
	if !w.began {
		w.began = true
		for _, p := range w.prefixes {
			w.buf = fmt.Appendf(w.buf, "@prefix %s: <%s> .\n", p.Name, p.IRI)
		}
	}
	if string(w.subject) != q.S.String() || w.size > statementSize {
		w.endStatement()
	}
	needsVersion := !w.version && is12(q.O)
	if needsVersion || string(w.graph) != q.G.String() {
		w.endGraph()
	}
	if needsVersion {
		w.version = true
		w.buf = append(w.buf, "VERSION \"1.2\"\n"...)
	}
	if len(w.graph) == 0 && !q.G.IsZero() {
		w.graph = append(w.graph[:0], q.G.String()...)
		w.term(q.G)
		w.buf = append(w.buf, " {\n"...)
	}
}

// is12 reports whether an object needs RDF 1.2. Most literals end otherwise than a base direction does.
func is12(o rdf.Term) bool {
	switch text := o.String(); text[len(text)-1] {
	case 'r', 'l':
		return o.Direction() != rdf.NoDirection
	case '>':
		return o.Kind() == rdf.KindTriple
	}
	return false
}

// keep remembers what the next quad is compared with.
func (w *Writer) keep(q rdf.Quad, written int) {
	if !w.open {
		w.open, w.size = true, 0
		w.subject = append(w.subject[:0], q.S.String()...)
	}
	if string(w.predicate) != q.P.String() {
		w.predicate = append(w.predicate[:0], q.P.String()...)
	}
	w.size += written
}

// indent begins a line, so many steps deeper than a statement.
func (w *Writer) indent(steps int) {
	if len(w.graph) > 0 {
		steps++
	}
	const spaces = "            "
	w.buf = append(w.buf, spaces[:4*steps]...)
}

func (w *Writer) endStatement() {
	if w.open {
		w.buf = append(w.buf, " .\n"...)
		w.open = false
	}
}

func (w *Writer) endGraph() {
	w.endStatement()
	if len(w.graph) > 0 {
		w.buf = append(w.buf, "}\n"...)
		w.graph = w.graph[:0]
	}
}

// Flush ends the statement and the graph that are open, hands everything to the underlying writer and returns its error,
// which stays. More can be written after it.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.endGraph()
		w.handOn()
	}
	return w.err
}

func (w *Writer) handOn() {
	if len(w.buf) == 0 {
		return
	}
	var n int
	if n, w.err = w.w.Write(w.buf); w.err == nil && n < len(w.buf) {
		w.err = io.ErrShortWrite
	}
	w.buf = w.buf[:0]
}

func (w *Writer) term(t rdf.Term) { w.buf = w.short.appendTerm(w.buf, t) }

// verb writes a predicate and the space behind it.
func (w *Writer) verb(p rdf.Term) {
	if p == vocab.Type {
		w.buf = append(w.buf, "a "...)
		return
	}
	w.buf = append(w.short.appendOften(w.buf, p.String()), ' ')
}
