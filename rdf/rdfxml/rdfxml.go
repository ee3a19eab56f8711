// Package rdfxml reads and writes RDF/XML, RDF 1.1 and 1.2 (triple terms, annotations, base direction).
//
// Reading is strict: whatever the grammar does not allow is a [SyntaxError] with line and column, and nothing is skipped. It
// streams: a quad comes with the tag that completes it, and what is held is a tag, the elements that are open, and the literal
// that is being read. No memory is allocated per statement: terms share a buffer that is used again. Whoever keeps a term keeps
// a clone ([rdf.Term.Clone], [rdf.Quad.Clone]).
//
// The document has to be well-formed XML, in UTF-8, UTF-16, ISO-8859-1, windows-1252 or US-ASCII. Nothing outside of it is ever
// read. Entities that its DTD declares in the document stand for text, and for no more than 16 times the document and 1 MiB; those
// that are elsewhere, parameter entities, and defaults of attributes are errors where they matter.
//
// Beyond the grammar, language tags are those of BCP 47, IRIs are absolute once they are resolved and have no characters that an
// IRI can't have, and white space may stand in an element that has rdf:resource and the like. Relative IRIs are resolved as
// RFC 3986, section 5.2, says, strictly; absolute ones stay as they are written. The value of rdf:parseType="Literal", and
// of any that is not known, is in exclusive canonical XML with comments.
//
// Of RDF 1.2, its:dir and rdf:parseType="Triple" mean something where rdf:version is in scope with another value than 1.1;
// elsewhere the former is ignored, and so is the element with the latter, as the W3C's tests have it. rdf:annotation and
// rdf:annotationNodeID need no version.
//
// Blank node labels are local to the document. Those that have none in it are anon0, anon1, …, numbered in the order of the
// document. A written label of that form stays, and its number is left out; only if the number had been given before, the
// label gets one underscore more, so that they never meet. A name that ends in a dot, and in hyphens behind it, gets one hyphen
// more, since a label can't end in a dot; "_-" before what is a label and no name is taken away: the writer puts it there.
//
// Sources: RDF 1.1 XML Syntax, and the draft of RDF 1.2 XML Syntax; XML Base; Exclusive XML Canonicalization 1.0; RFC 3986.
package rdfxml

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/labels"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
	"github.com/quadrille-stream/quadrille/rdf/scan"
)

// SyntaxError says where a document departs from its format.
type SyntaxError = rdf.SyntaxError

// Bounds that hold unless an [Option] changes them.
const (
	// DefaultMaxTerm is the number of bytes that a term may have, written as N-Triples has it. A tag, a comment and a processing
	// instruction may have what four terms need; see [MaxTag].
	DefaultMaxTerm = scan.DefaultTerm
	// DefaultMaxDepth is how deeply elements may be nested.
	DefaultMaxDepth = 10_000
	// DefaultMaxTripleDepth is how deeply triple terms may be nested. It is the bound of the readers of N-Quads and RDF Patch, so
	// that they take what was read.
	DefaultMaxTripleDepth = scan.DefaultDepth
	// DefaultMaxPrefixes is the number of bytes that the namespaces may have which hold at one place, each with 64 more.
	DefaultMaxPrefixes = 16 << 20
	// DefaultMaxAttributes is how many attributes an element may have, with those that declare namespaces.
	DefaultMaxAttributes = 10_000
	// DefaultMaxDTD is the number of bytes of a document type declaration.
	DefaultMaxDTD = 1 << 20
	// DefaultMaxIDs is how many values of rdf:ID are remembered.
	DefaultMaxIDs = 1_000_000
)

type options struct {
	file         string
	base         string
	blankPrefix  string
	languageCase bool
	term         int
	tag          int
	depth        int
	tripleDepth  int
	prefixes     int
	attributes   int
	dtd          int
	ids          int
	document     int64
}

// Option changes how a document is read.
type Option func(*options)

// File sets the name of the document for errors.
func File(name string) Option { return func(o *options) { o.file = name } }

// Base sets the IRI that relative ones are resolved against where the document sets no other one by xml:base. Without either, a
// relative IRI is an error, and so is rdf:ID. A base that is no absolute IRI is an error of the first read ([rdf.ErrInvalid]).
func Base(iri string) Option { return func(o *options) { o.base = iri } }

// MaxTerm bounds the bytes of a term, resolved and with its namespace; see [DefaultMaxTerm], which 0 stands for, and
// [scan.MaxTerm].
func MaxTerm(bytes int) Option { return func(o *options) { o.term = bytes } }

// MaxTag bounds the bytes of a tag, of a comment and of a processing instruction, and of what the value of an attribute stands for; 0
// stands for what four terms need.
func MaxTag(bytes int) Option { return func(o *options) { o.tag = bytes } }

// MaxDepth bounds the nesting of elements and of triple terms; see [DefaultMaxDepth] and [DefaultMaxTripleDepth], which 0
// stands for.
func MaxDepth(depth int) Option { return func(o *options) { o.depth, o.tripleDepth = depth, depth } }

// MaxPrefixes bounds the bytes of the namespaces at one place; see [DefaultMaxPrefixes], which 0 stands for.
func MaxPrefixes(bytes int) Option { return func(o *options) { o.prefixes = bytes } }

// MaxAttributes bounds the attributes of an element; see [DefaultMaxAttributes], which 0 stands for.
func MaxAttributes(n int) Option { return func(o *options) { o.attributes = n } }

// MaxDTD bounds the bytes of a document type declaration; see [DefaultMaxDTD], which 0 stands for.
func MaxDTD(bytes int) Option { return func(o *options) { o.dtd = bytes } }

// MaxIDs bounds how many values of rdf:ID are remembered, each in 100 bytes at most; see [DefaultMaxIDs], which 0 stands for. That
// one is there twice is an error if one of the two is among the first ones that the document has.
func MaxIDs(n int) Option { return func(o *options) { o.ids = n } }

// MaxDocument bounds the bytes of the document. There is no bound by default, or with 0. Quads may come before the error.
func MaxDocument(bytes int64) Option { return func(o *options) { o.document = bytes } }

// BlankPrefix puts prefix before each blank node label. Labels are local to a document; a prefix made from the
// document's identity keeps those of different documents apart, and makes the same ones again when it is read again.
// A prefix that no label can begin with is an error of the first read ([rdf.ErrInvalid]).
func BlankPrefix(prefix string) Option { return func(o *options) { o.blankPrefix = prefix } }

// LanguageCase keeps language tags as they are written. Terms that differ in that alone are then different ones, so it is
// for who does not compare them.
func LanguageCase() Option { return func(o *options) { o.languageCase = true } }

// Reader reads the quads of a document, all of them in the default graph. It is used by one goroutine at a time.
type Reader struct {
	x   *xml.Scanner
	o   options
	err error // what Next returns from now on

	queue []rdf.Quad // that were read and are not yet handed over
	next  int        // the first of them
	arena []byte     // where their terms are
	stack []frame
	bases []iri.Base // those in scope, the innermost last; the first one is that of the document, which may be none
	// triples are the graphs of the open elements with rdf:parseType="Triple", the innermost last.
	triples []graph

	held int // bytes of the terms of what is open

	lexical   []byte    // of the literal that is being read
	canonical canonical // of one of XML
	attrs     attributes
	nodes     labels.Issuer // of blank nodes
	often     [slots]word   // IRIs of elements and attributes, by slot
	languages map[string]string
	ids       map[[2]uint64]struct{} // hashes of those of rdf:ID
	seeds     [2]maphash.Seed
	prefixes  []Prefix
}

// Prefix is a name for the beginning of IRIs.
type Prefix struct {
	// Name is written without the colon; it may be empty.
	Name string
	// IRI is what the name stands for.
	IRI string
}

// NewReader returns a reader of the document that r gives. It reads r as it needs, and never beyond an error of r.
func NewReader(r io.Reader, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(xml.NewReader(r, o.xml()), o)
}

// NewBytes returns a reader of a document in memory, which nobody may change meanwhile.
func NewBytes(document []byte, opts ...Option) *Reader {
	o := collect(opts)
	return newReader(xml.NewBytes(document, o.xml()), o)
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	o.term = scan.TermLimit(o.term)
	o.depth = bound(o.depth, DefaultMaxDepth)
	o.tripleDepth = bound(o.tripleDepth, DefaultMaxTripleDepth)
	o.prefixes = bound(o.prefixes, DefaultMaxPrefixes)
	o.attributes = bound(o.attributes, DefaultMaxAttributes)
	o.dtd = bound(o.dtd, DefaultMaxDTD)
	o.ids = bound(o.ids, DefaultMaxIDs)
	return o
}

func bound(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}

func (o *options) xml() xml.Options {
	return xml.Options{File: o.file, Markup: scan.LineLimit(o.tag, o.term), Depth: o.depth, Attributes: o.attributes,
		Namespaces: o.prefixes, Entities: o.dtd, Document: o.document}
}

func newReader(x *xml.Scanner, o options) *Reader {
	rd := &Reader{x: x, o: o, nodes: labels.Issuer{Name: made}, bases: make([]iri.Base, 1)}
	if o.blankPrefix != "" {
		if _, err := rdf.Blank(o.blankPrefix + "x"); err != nil {
			rd.err = fmt.Errorf("prefix for blank node labels: %w", err)
		}
	}
	if o.base != "" {
		if err := rdf.CheckIRI(o.base); err != nil {
			rd.err = fmt.Errorf("base of the document: %w", err)
		}
		rd.bases[0].Set(o.base)
	}
	return rd
}

// Next reads the next quad into q. It returns [io.EOF] after the last one, a [*SyntaxError], or the error of the underlying
// reader; after an error it returns the same again. The terms are valid until the next call.
func (rd *Reader) Next(q *rdf.Quad) error {
	for rd.next == len(rd.queue) {
		if rd.err != nil {
			return rd.err
		}
		rd.queue, rd.next, rd.arena = rd.queue[:0], 0, rd.arena[:0]
		rd.err = rd.token()
	}
	*q = rd.queue[rd.next]
	rd.next++
	return nil
}

// token takes one.
func (rd *Reader) token() error {
	kind, err := rd.x.Next()
	if err != nil {
		return err
	}
	switch kind {
	case xml.EOF:
		return io.EOF
	case xml.Start:
		rd.start()
	case xml.End:
		rd.end()
	case xml.Text:
		rd.text()
	case xml.Comment, xml.Instruction:
		if f := rd.top(); f != nil && f.kind == xmlLiteral {
			rd.markup(kind)
		}
	case xml.None:
	}
	return rd.x.Err()
}

// Prefixes returns the namespaces that the root element declares, those of the XML itself left out, once it has been read: with
// the first quad, or at the end.
func (rd *Reader) Prefixes() []Prefix { return rd.prefixes }

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
