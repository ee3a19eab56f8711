package rdfxml

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
)

// ErrForm begins the error of a quad that RDF/XML has no way to write, though other formats have. Test with errors.Is.
var ErrForm = errors.New("RDF/XML has no way to write")

// writeSize is how much a Writer collects before it hands it on.
const writeSize = 64 << 10

// Namespaces that the document declares at its beginning besides those that it was given.
const (
	// maxFound bounds their number, and maxFoundLength the length of each in bytes; what is beyond is declared where it is used.
	maxFound       = 64
	maxFoundLength = 1 << 10
)

// Writer writes RDF/XML through a buffer of 64 KiB. Triples are written in the order in which they come: those with one
// subject that follow each other stand in one element, so whoever wants few words sorts them. What needs RDF 1.2 (a triple
// term, a base direction) says so where it stands. A Writer is used by one goroutine at a time.
//
// The document declares namespaces at its beginning, once: those that it was given ([WithPrefixes]), and those of the predicates that stand in
// what is collected before anything is handed on, up to 64, as ns1, ns2 and so on. What comes later is declared by each element that needs it.
//
// Each predicate is the name of an element, so it has to end in one (NCName), and can't be one of the few of the namespace of RDF
// that are syntax. XML has no controls but tab, LF and CR, and neither U+FFFE nor U+FFFF. A triple that is not so, or that is in
// a graph, is refused ([ErrForm]), and nothing is written of it.
//
// Labels of blank nodes are written so that the reader of this package finds them again. Those that are names stand for themselves; those
// that begin with a digit get "_-" before them.
type Writer struct {
	w        io.Writer
	buf      []byte
	err      error
	prefixes []Prefix
	// The names that stand for the namespaces of RDF and ITS, and for one that has none, which none of the prefixes is.
	rdf, its, other string

	names map[string]bool // the prefixes that are taken; nil once the document has begun
	found int             // namespaces that are declared and were not given
	// itsDeclared says that the namespace of ITS is one of them.
	itsDeclared bool

	ended   bool
	open    bool   // the element of a subject is
	subject []byte // of the last triple
	element []byte // of the triple that is being written
	about   []byte // its subject, as an attribute
	often   [slots]tag
}

// tag is a predicate, and how its element is written.
type tag struct{ iri, name, declares []byte }

// WriterOption changes how a document is written.
type WriterOption func(*Writer)

// WithPrefixes sets the prefixes, which the document declares and uses. A predicate is written with the prefix that stands for
// most of it, if the rest can be a name. One that XML keeps for itself (xml and the like) is left out. A name that is none, or that
// comes twice, and an IRI that is not absolute, are errors of the first write ([rdf.ErrInvalid]).
func WithPrefixes(prefixes ...Prefix) WriterOption {
	return func(w *Writer) { w.prefixes = append(w.prefixes, prefixes...) }
}

// NewWriter returns a writer to w. What was written is with w only after [Writer.Flush].
func NewWriter(w io.Writer, opts ...WriterOption) *Writer {
	out := &Writer{w: w}
	for _, opt := range opts {
		opt(out)
	}
	given := out.prefixes
	out.prefixes = nil
	names := map[string]bool{}
	for _, p := range given {
		if err := checkPrefix(p, names); err != nil {
			out.err = err
			return out
		}
		names[p.Name] = true
		if !xml.IsReserved(p.Name) && p.IRI != xml.Namespace && p.IRI != xml.XMLNS {
			out.prefixes = append(out.prefixes, p)
		}
		if p.IRI == vocab.RDF && p.Name != "" && out.rdf == "" {
			out.rdf = p.Name
		}
	}
	if out.rdf == "" {
		out.rdf = unused("rdf", names)
		out.prefixes = append(out.prefixes, Prefix{out.rdf, vocab.RDF})
	}
	out.its, out.other, out.names = unused("its", names), unused("ns", names), names
	return out
}

func checkPrefix(p Prefix, names map[string]bool) error {
	if p.Name != "" && !xml.IsNCName(p.Name) {
		return fmt.Errorf("%w: prefix %q: expected letters, digits, \"_\", \"-\" and dots, the first a letter or \"_\"", rdf.ErrInvalid, p.Name)
	}
	if err := rdf.CheckIRI(p.IRI); err != nil {
		return fmt.Errorf("prefix %q: %w", p.Name, err)
	}
	if names[p.Name] {
		return fmt.Errorf("%w: prefix %q is given twice", rdf.ErrInvalid, p.Name)
	}
	return nil
}

// unused makes a prefix that is none of those that there are, and one of them.
func unused(name string, names map[string]bool) string {
	for names[name] {
		name += "_"
	}
	names[name] = true
	return name
}

// Write writes one triple. It refuses one whose terms can't stand where they do ([rdf.Quad.Check]), and what RDF/XML can't
// say ([ErrForm]). After an error of the underlying writer it returns that error, and after [Writer.Flush] an error.
func (w *Writer) Write(q rdf.Quad) error {
	if w.err != nil {
		return w.err
	}
	if w.ended {
		return errors.New("the RDF/XML document has been ended")
	}
	if err := q.Check(); err != nil {
		return err
	}
	if !q.G.IsZero() {
		return fmt.Errorf("%w a triple in the graph %s", ErrForm, excerpt(q.G.String()))
	}
	var err error
	if w.element, err = w.property(w.element[:0], q.P, q.O); err != nil {
		return err
	}
	if !w.open || string(w.subject) != q.S.String() {
		if w.about, err = w.resource(w.about[:0], "about", q.S); err != nil {
			return err
		}
		w.begin(q.S)
	}
	w.buf = append(w.buf, "    "...)
	w.buf = append(append(w.buf, w.element...), '\n')
	if len(w.buf) >= writeSize {
		w.handOn()
	}
	return w.err
}

// begin begins the element of a subject.
func (w *Writer) begin(subject rdf.Term) {
	w.endSubject()
	w.open = true
	w.subject = append(w.subject[:0], subject.String()...)
	w.buf = append(append(w.buf, "  <"...), w.rdf...)
	w.buf = append(append(w.buf, ":Description"...), w.about...)
	w.buf = append(w.buf, ">\n"...)
}

func (w *Writer) endSubject() {
	if w.open {
		w.buf = append(append(append(w.buf, "  </"...), w.rdf...), ":Description>\n"...)
		w.open = false
	}
}

// header returns how the document begins.
func (w *Writer) header() []byte {
	head := append([]byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<"), w.rdf...)
	head = append(head, ":RDF"...)
	for i, p := range w.prefixes {
		if i > 0 {
			head = append(head, "\n   "...)
		}
		head = appendDeclaration(head, p.Name, p.IRI)
	}
	return append(head, ">\n"...)
}

// declare has the document declare a namespace at its beginning, under the name, or a new one if that is empty. It returns nil when the
// beginning has been handed on, or is full.
func (w *Writer) declare(iri, name string) *Prefix {
	if w.names == nil || w.found == maxFound || len(iri) > maxFoundLength {
		return nil
	}
	w.found++
	if name == "" {
		name = unused(fmt.Sprint("ns", w.found), w.names)
	}
	w.prefixes = append(w.prefixes, Prefix{Name: name, IRI: strings.Clone(iri)})
	return &w.prefixes[len(w.prefixes)-1]
}

func appendDeclaration(dst []byte, prefix, iri string) []byte {
	dst = append(dst, " xmlns"...)
	if prefix != "" {
		dst = append(append(dst, ':'), prefix...)
	}
	return appendValue(dst, iri)
}

// Flush ends the document, hands everything to the underlying writer and returns its error, which stays. Nothing can be
// written after it.
func (w *Writer) Flush() error {
	if w.err == nil && !w.ended {
		w.endSubject()
		w.buf = append(append(append(w.buf, "</"...), w.rdf...), ":RDF>\n"...)
		w.ended = true
	}
	if w.err == nil {
		w.handOn()
	}
	return w.err
}

func (w *Writer) handOn() {
	if len(w.buf) == 0 {
		return
	}
	if w.names != nil {
		w.names = nil
		w.send(w.header())
	}
	if w.err == nil {
		w.send(w.buf)
	}
	w.buf = w.buf[:0]
}

func (w *Writer) send(b []byte) {
	var n int
	if n, w.err = w.w.Write(b); w.err == nil && n < len(b) {
		w.err = io.ErrShortWrite
	}
}

// property appends the element of a predicate and an object.
func (w *Writer) property(dst []byte, p, o rdf.Term) ([]byte, error) {
	t, err := w.tag(p)
	if err != nil {
		return dst, err
	}
	name := t.name
	dst = append(append(append(dst, '<'), name...), t.declares...)
	switch o.Kind() {
	case rdf.KindLiteral:
		dst, err = w.literal(dst, o)
	case rdf.KindTriple:
		name = slices.Clone(name) // since what is in the triple term may take the place of it
		dst, err = w.triple(dst, o)
	case rdf.KindIRI, rdf.KindBlank, rdf.KindNone:
		if dst, err = w.resource(dst, "resource", o); err == nil {
			dst = append(dst, "/>"...)
		}
		return dst, err
	}
	return append(append(append(dst, "</"...), name...), '>'), err
}

// tag returns how the element of a predicate is written.
func (w *Writer) tag(p rdf.Term) (*tag, error) {
	text := p.String()
	n := len(text)
	known := &w.often[slot(text)]
	if string(known.iri) == text {
		return known, nil
	}
	iri := text[1 : n-1]
	prefix, space, err := w.split(iri)
	if err != nil {
		return nil, err
	}
	known.iri, known.name, known.declares = append(known.iri[:0], text...), known.name[:0], known.declares[:0]
	if prefix == nil {
		prefix = w.declare(iri[:space], "")
	}
	if prefix == nil {
		prefix = &Prefix{Name: w.other}
		known.declares = appendDeclaration(known.declares, w.other, iri[:space])
	}
	if prefix.Name != "" {
		known.name = append(append(known.name, prefix.Name...), ':')
	}
	known.name = append(known.name, iri[space:]...)
	return known, nil
}

// split divides a predicate into a namespace and a name, and returns the prefix that stands for the former, nil if none does.
func (w *Writer) split(iri string) (prefix *Prefix, space int, err error) {
	begin := xml.LocalName(iri)
	switch {
	case begin == len(iri):
		return nil, 0, fmt.Errorf("%w the predicate <%s>, which does not end in a name: a letter or \"_\", and letters, digits, \"_\", \"-\" "+
			"and dots", ErrForm, excerpt(iri))
	case iri[:begin] == vocab.RDF && (isNoProperty(iri[begin:]) || iri[begin:] == "li"):
		return nil, 0, fmt.Errorf("%w the predicate <%s>, whose name is syntax there", ErrForm, excerpt(iri))
	}
	if err := checkChars(iri); err != nil {
		return nil, 0, err
	}
	for i := range w.prefixes {
		p := &w.prefixes[i]
		if n := len(p.IRI); n >= begin && n > space && n < len(iri) && iri[:n] == p.IRI && xml.IsNCName(iri[n:]) {
			prefix, space = p, n
		}
	}
	if prefix == nil {
		space = begin
		if iri[:space] == xml.XMLNS || iri[:space] == xml.Namespace { // which can't be declared: the name begins later
			_, n := utf8.DecodeRuneInString(iri[space:])
			space += n + xml.FirstName(iri[space+n:])
		}
		if space == len(iri) {
			return nil, 0, fmt.Errorf("%w the predicate <%s>, whose namespace is that of XML", ErrForm, excerpt(iri))
		}
	}
	return prefix, space, nil
}

// resource appends the attribute that says an IRI or a blank node, and for an IRI has this name.
func (w *Writer) resource(dst []byte, name string, t rdf.Term) ([]byte, error) {
	dst = append(append(append(dst, ' '), w.rdf...), ':')
	if t.Kind() == rdf.KindBlank {
		dst = append(dst, `nodeID="`...)
		return append(appendNodeID(dst, t.Value()), '"'), nil
	}
	iri := t.Value()
	return appendValue(append(dst, name...), iri), checkChars(iri)
}

// literal appends what stands behind the name of an element whose content is a literal, up to its end.
func (w *Writer) literal(dst []byte, t rdf.Term) ([]byte, error) {
	switch lang, datatype := t.Lang(), t.Datatype(); {
	case lang != "":
		if dir := t.Direction(); dir != rdf.NoDirection {
			dst = w.version(dst)
			if w.itsDeclared = w.itsDeclared || w.declare(itsNS, w.its) != nil; !w.itsDeclared {
				dst = appendDeclaration(dst, w.its, itsNS)
			}
			dst = appendValue(append(append(append(dst, ' '), w.its...), ":version"...), "2.0")
			dst = appendValue(append(append(append(dst, ' '), w.its...), ":dir"...), string(dir))
		}
		dst = appendValue(append(dst, " xml:lang"...), lang)
	case datatype != rdf.XSDString:
		if err := checkChars(datatype); err != nil {
			return dst, err
		}
		dst = appendValue(append(append(append(dst, ' '), w.rdf...), ":datatype"...), datatype)
	}
	lexical := t.Value()
	return appendText(append(dst, '>'), lexical), checkChars(lexical)
}

// version appends the attribute that what RDF 1.2 has needs.
func (w *Writer) version(dst []byte) []byte {
	return append(append(append(dst, ' '), w.rdf...), `:version="1.2"`...)
}

// triple appends what stands behind the name of an element whose content is a triple term, up to its end.
func (w *Writer) triple(dst []byte, t rdf.Term) ([]byte, error) {
	parts, ok := t.Triple()
	if !ok {
		return dst, fmt.Errorf("%w: %s is no triple term", rdf.ErrInvalid, excerpt(t.String()))
	}
	dst = append(append(append(w.version(dst), ' '), w.rdf...), `:parseType="Triple"><`...)
	dst = append(append(dst, w.rdf...), ":Description"...)
	dst, err := w.resource(dst, "about", parts.S)
	if err != nil {
		return dst, err
	}
	if dst, err = w.property(append(dst, '>'), parts.P, parts.O); err != nil {
		return dst, err
	}
	return append(append(append(dst, "</"...), w.rdf...), ":Description>"...), nil
}

// checkChars returns the error of a text that has a character which XML can't hold.
func checkChars(text string) error {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
		case c == 0xEF && (text[i:i+3] == "\uFFFE" || text[i:i+3] == "\uFFFF"):
		default:
			continue
		}
		r, _ := utf8.DecodeRuneInString(text[i:])
		return fmt.Errorf("%w the character %U, which XML can't hold, in %q", ErrForm, r, excerpt(text))
	}
	return nil
}
