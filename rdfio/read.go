package rdfio

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
	"github.com/quadrille-stream/quadrille/rdf/scan"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// Defaults of [Source] for JSON-LD, whose documents are held as a whole: larger than those of package jsonld, for files of
// one's own. What strangers send wants smaller ones.
const (
	// MaxJSONDocument bounds the bytes of a document.
	MaxJSONDocument = 1 << 30
	// MaxJSONQuads bounds its statements; also those that are written.
	MaxJSONQuads = 10_000_000
)

// MaxTerm is the highest bound of a term that a [Source] can have, in bytes.
const MaxTerm = scan.MaxTerm

// Source is what is known of a document besides its bytes. All of it may be left out.
type Source struct {
	// File is the name of the document for errors.
	File string
	// Base is the IRI that relative ones in Turtle, TriG, RDF/XML and JSON-LD are resolved against.
	Base string
	// BlankPrefix is put before the label of each blank node.
	BlankPrefix string
	// MaxTerm bounds the bytes of a term in all formats but JSON-LD, MaxDepth the nesting. Defaults: those of the readers.
	MaxTerm, MaxDepth int
	// Size is how many bytes the document probably has; 0 if that is not known. Memory for a JSON-LD document is made by it.
	Size int
	// LanguageCase keeps language tags as they are written, for who does not compare terms.
	LanguageCase bool
	// MaxDocument bounds the bytes of a JSON-LD document, MaxQuads its statements. Defaults: [MaxJSONDocument], [MaxJSONQuads].
	MaxDocument, MaxQuads int
	// Contexts gives the remote contexts of JSON-LD. Default: there are none.
	Contexts jsonld.Loader
	// Cache, unless it is nil, keeps those contexts for other documents that have it, too.
	Cache *jsonld.Cache
	// Mistake, unless it is nil, is called with each mistake of a document, unless it returns an error: the other lines of
	// N-Triples, N-Quads and RDF Patch in text form, and the other statements of Turtle and TriG, are read all the same. A mistake
	// in JSON-LD, whose statements are known when all of it has been read, in RDF/XML, whose elements stand in each other, and in a
	// binary patch, whose rows are found by what was read before them, ends the reading.
	Mistake func(error) error
	// Prefixes, unless it is nil, is called once, before the first statement or at the end, with the prefixes that Turtle
	// or TriG has declared by then, or the root element of RDF/XML.
	Prefixes func([]turtle.Prefix)
}

// Statements calls fn for each statement of a document of RDF data. Its terms are valid until fn returns. Errors have
// the place in the document, or, as those of fn and r, the file's name. All but JSON-LD streams.
func (s Source) Statements(r io.Reader, format Format, fn func(rdf.Quad) error) error {
	switch format {
	case NTriples, NQuads:
		return s.lines(r, format, fn)
	case Turtle, TriG:
		return s.turtle(r, format, fn)
	case RDFXML:
		return s.rdfXML(r, fn)
	case JSONLD:
		return s.json(r, fn)
	}
	return fmt.Errorf("%s: %s is no RDF data", s.File, format)
}

func (s Source) lines(r io.Reader, format Format, fn func(rdf.Quad) error) error {
	opts := []nquads.Option{nquads.File(s.File), nquads.BlankPrefix(s.BlankPrefix), nquads.MaxTerm(s.MaxTerm),
		nquads.MaxDepth(s.MaxDepth)}
	if format == NTriples {
		opts = append(opts, nquads.Triples())
	}
	if s.LanguageCase {
		opts = append(opts, nquads.LanguageCase())
	}
	return s.runOn(nquads.NewReader(r, opts...), fn)
}

// runOn is run that goes on after mistakes, if they are asked for.
func (s Source) runOn(rd recovering, fn func(rdf.Quad) error) error {
	for {
		err := s.run(rd, fn)
		if s.Mistake == nil || !isSyntax(err) || !rd.Recover() {
			return err
		}
		if err := s.Mistake(err); err != nil {
			return err
		}
	}
}

// isSyntax reports whether an error is a mistake in a document.
func isSyntax(err error) bool {
	var syntax *rdf.SyntaxError
	return errors.As(err, &syntax)
}

// quads is what the readers of data have in common.
type quads interface {
	// Next reads the next statement.
	Next(q *rdf.Quad) error
}

// recovering is a reader that goes on after mistakes.
type recovering interface {
	quads
	// Recover makes Next read on after a mistake, and reports false if it can't.
	Recover() bool
}

func (s Source) run(rd quads, fn func(rdf.Quad) error) error {
	var q rdf.Quad
	for {
		switch err := rd.Next(&q); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.named(err)
		}
		if err := fn(q); err != nil {
			return s.named(err)
		}
	}
}

func (s Source) turtle(r io.Reader, format Format, fn func(rdf.Quad) error) error {
	opts := []turtle.Option{turtle.File(s.File), turtle.BlankPrefix(s.BlankPrefix), turtle.MaxTerm(s.MaxTerm),
		turtle.MaxDepth(s.MaxDepth)}
	if s.LanguageCase {
		opts = append(opts, turtle.LanguageCase())
	}
	if s.Base != "" {
		opts = append(opts, turtle.Base(s.Base))
	}
	if format == TriG {
		opts = append(opts, turtle.TriG())
	}
	rd := turtle.NewReader(r, opts...)
	fn, end := s.telling(fn, rd.Prefixes)
	return end(s.runOn(rd, fn))
}

// telling makes fn tell the prefixes first, once, and end tell them where there was no statement.
func (s Source) telling(fn func(rdf.Quad) error, prefixes func() []turtle.Prefix) (first func(rdf.Quad) error, end func(error) error) {
	if s.Prefixes == nil {
		return fn, func(err error) error { return err }
	}
	told := false
	tell := func() {
		if !told {
			told = true
			s.Prefixes(prefixes())
		}
	}
	first = func(q rdf.Quad) error { tell(); return fn(q) }
	return first, func(err error) error {
		if err == nil {
			tell()
		}
		return err
	}
}

func (s Source) rdfXML(r io.Reader, fn func(rdf.Quad) error) error {
	opts := []rdfxml.Option{rdfxml.File(s.File), rdfxml.BlankPrefix(s.BlankPrefix), rdfxml.MaxTerm(s.MaxTerm), rdfxml.MaxDepth(s.MaxDepth)}
	if s.LanguageCase {
		opts = append(opts, rdfxml.LanguageCase())
	}
	if s.Base != "" {
		opts = append(opts, rdfxml.Base(s.Base))
	}
	rd := rdfxml.NewReader(r, opts...)
	fn, end := s.telling(fn, func() (all []turtle.Prefix) {
		for _, p := range rd.Prefixes() {
			all = append(all, turtle.Prefix(p))
		}
		return all
	})
	return end(s.run(rd, fn))
}

func (s Source) json(r io.Reader, fn func(rdf.Quad) error) error {
	most := cmp.Or(s.MaxDocument, MaxJSONDocument)
	var document bytes.Buffer
	document.Grow(min(max(s.Size, 0), most) + bytes.MinRead)
	if _, err := document.ReadFrom(io.LimitReader(r, int64(most)+1)); err != nil { // one byte more, which the parser refuses
		return s.named(err)
	}
	opts := []jsonld.Option{jsonld.File(s.File), jsonld.BlankPrefix(s.BlankPrefix), jsonld.MaxDocument(most),
		jsonld.MaxDepth(s.MaxDepth), jsonld.MaxQuads(cmp.Or(s.MaxQuads, MaxJSONQuads)), jsonld.Strict(),
		jsonld.Direction(jsonld.BaseDirection), jsonld.Cached(s.Cache)}
	if s.LanguageCase {
		opts = append(opts, jsonld.LanguageCase())
	}
	if s.Base != "" {
		opts = append(opts, jsonld.Base(s.Base))
	}
	if s.Contexts != nil {
		opts = append(opts, jsonld.Contexts(s.Contexts))
	}
	return s.named(jsonld.Parse(document.Bytes(), fn, opts...))
}

// Rows drives c with the rows of an RDF Patch. Errors have the place in the document, or, as those of c and r, the
// file's name. It streams.
func (s Source) Rows(r io.Reader, format Format, c patch.Change) error {
	opts := []patch.Option{patch.File(s.File), patch.BlankPrefix(s.BlankPrefix), patch.MaxTerm(s.MaxTerm),
		patch.MaxDepth(s.MaxDepth)}
	if s.LanguageCase {
		opts = append(opts, patch.LanguageCase())
	}
	var from patch.Source
	switch format {
	case Patch:
		if s.Mistake != nil {
			opts = append(opts, patch.Mistakes(s.Mistake))
		}
		from = patch.NewReader(r, opts...)
	case PatchBinary:
		from = patch.NewBinaryReader(r, opts...)
	default:
		return fmt.Errorf("%s: %s is no RDF Patch", s.File, format)
	}
	return s.named(from.Run(c))
}

// named puts the file's name before an error that has none.
func (s Source) named(err error) error {
	if err == nil || HasPlace(err) {
		return err
	}
	return fmt.Errorf("%s: %w", s.File, err)
}

// HasPlace reports whether an error says where in a document it is.
func HasPlace(err error) bool {
	var syntax *rdf.SyntaxError
	var binary *patch.BinaryError
	var json *jsonld.Error
	return errors.As(err, &syntax) || errors.As(err, &binary) || errors.As(err, &json)
}
