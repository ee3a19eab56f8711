// Package jsonld reads and writes JSON-LD 1.1.
//
// Contexts are processed, and documents expanded and compacted, by github.com/piprate/json-gold; what that makes is
// turned into quads, and quads into it, here, so that every term is checked by package rdf, numbers keep all their
// digits, and nothing is dropped that the standard does not drop. A panic of the library is an error.
//
// By the standard a node, property, type or graph whose IRI is relative or not well-formed is left out with its
// triples, and so are properties that are blank nodes, and literals whose language tag is not well-formed, or missing
// where the datatype needs one. With [Strict] each of these is an error.
//
// Nothing is ever read from the network or the disk unless the caller gives a [Loader] that does so.
//
// Sources: JSON-LD 1.1, JSON-LD 1.1 Processing Algorithms and API (W3C Recommendations, 16 July 2020); RFC 8785 for
// JSON literals.
package jsonld

import (
	"errors"
	"fmt"

	"github.com/piprate/json-gold/ld"

	"github.com/quadrille-stream/quadrille/rdf"
)

// SyntaxError says where a document is no JSON, or over a bound.
type SyntaxError = rdf.SyntaxError

// Error is a document that is JSON but breaks a rule of JSON-LD, or quads that JSON-LD can't hold.
type Error struct {
	// File is the name of the document, if the caller has set one.
	File string
	// Code is the error code of the standard, such as "invalid @id value", or "" if it has none for the case.
	Code string
	// Msg says what is wrong.
	Msg string
	// Err is the cause, if there is one that can be tested for, such as [ErrContext] or [rdf.ErrLimit].
	Err error
}

// Error returns "file: code: message", without what is not known.
func (e *Error) Error() string {
	text := e.Msg
	if e.Code != "" && text != "" {
		text = e.Code + ": " + text
	} else if e.Code != "" {
		text = e.Code
	}
	if e.File != "" {
		text = e.File + ": " + text
	}
	return text
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.Err }

// Bounds that hold unless an [Option] changes them.
const (
	// DefaultMaxDocument is the number of bytes that a document may have.
	DefaultMaxDocument = 16 << 20
	// DefaultMaxDepth is how deeply objects and arrays may be nested, in documents and contexts.
	DefaultMaxDepth = 5_000
	// DefaultMaxQuads is the number of quads that a document may make.
	DefaultMaxQuads = 1_000_000
	// DefaultMaxContexts is how often a document may refer to a remote context, directly or from one.
	DefaultMaxContexts = 1_000
	// DefaultMaxExpanded is the number of bytes that a document's names may have when they are written in full.
	DefaultMaxExpanded = 1 << 30
	// DefaultMaxCopies is how many definitions of terms may be copied when contexts are applied, some seconds' work.
	DefaultMaxCopies = 50_000_000
)

// DirectionMode says what becomes of a string's base direction, for which JSON-LD 1.1 has no one way.
type DirectionMode string

// The ways of writing a base direction in RDF.
const (
	// DropDirection leaves it out, as the standard does unless told otherwise.
	DropDirection DirectionMode = ""
	// BaseDirection makes literals of RDF 1.2 with language tag and base direction. Where there is no tag, there is no
	// direction either. When written, such literals keep their direction in every mode.
	BaseDirection DirectionMode = "base-direction"
	// I18NDatatype makes a datatype of language tag and direction (https://www.w3.org/ns/i18n#en_ltr).
	I18NDatatype DirectionMode = "i18n-datatype"
	// CompoundLiteral makes a blank node with rdf:value, rdf:language and rdf:direction.
	CompoundLiteral DirectionMode = "compound-literal"
)

type options struct {
	file         string
	base         string
	blankPrefix  string
	strict       bool
	languageCase bool
	direction    DirectionMode
	loader       Loader
	context      []byte
	mode         string

	document, depth, quads, contexts, expanded, copies int

	nativeTypes, rdfType bool
}

// Option changes how a document is read or written.
type Option func(*options)

// File sets the name of the document for errors.
func File(name string) Option { return func(o *options) { o.file = name } }

// Base sets the IRI that relative IRIs are resolved with. Without it they stay relative, unless a context has @base.
func Base(iri string) Option { return func(o *options) { o.base = iri } }

// BlankPrefix puts prefix before each blank node label. The labels are b0, b1 and so on, whatever the document calls
// its nodes, the same ones whenever it is read; a prefix made from the document's identity keeps those of different
// documents apart. A prefix that no label can begin with is an error ([rdf.ErrInvalid]).
func BlankPrefix(prefix string) Option { return func(o *options) { o.blankPrefix = prefix } }

// LanguageCase keeps language tags as they are written. Terms that differ in that alone are then different ones, so it is
// for who does not compare them.
func LanguageCase() Option { return func(o *options) { o.languageCase = true } }

// Strict makes an error of whatever the standard would leave out; see the package's documentation. A base direction
// that [DropDirection] would leave out counts.
func Strict() Option { return func(o *options) { o.strict = true } }

// Direction says how base directions are read, and found again when written.
func Direction(m DirectionMode) Option { return func(o *options) { o.direction = m } }

// Contexts sets where remote contexts come from. Without it a document that refers to one is an error ([ErrContext]).
func Contexts(l Loader) Option { return func(o *options) { o.loader = l } }

// Context sets a JSON document with a context: one that holds before those of the document when it is read, and the one
// to compact with when it is written.
func Context(document []byte) Option { return func(o *options) { o.context = document } }

// Version10 processes as JSON-LD 1.0 did: what came with 1.1 is an error.
func Version10() Option { return func(o *options) { o.mode = ld.JsonLd_1_0 } }

// NativeTypes writes booleans, integers and doubles as JSON has them. It does not keep their lexical forms.
func NativeTypes() Option { return func(o *options) { o.nativeTypes = true } }

// RDFType writes rdf:type as a property like others, not as @type.
func RDFType() Option { return func(o *options) { o.rdfType = true } }

// MaxDocument bounds the bytes of the document; see [DefaultMaxDocument], which 0 stands for.
func MaxDocument(bytes int) Option { return func(o *options) { o.document = bytes } }

// MaxDepth bounds the nesting; see [DefaultMaxDepth], which 0 stands for.
func MaxDepth(depth int) Option { return func(o *options) { o.depth = depth } }

// MaxQuads bounds what a document makes; see [DefaultMaxQuads], which 0 stands for.
func MaxQuads(quads int) Option { return func(o *options) { o.quads = quads } }

// MaxContexts bounds the references to remote contexts; see [DefaultMaxContexts], which 0 stands for. Each use of a
// term whose own context is a remote one counts. (A context that always includes itself is an error of its own.)
func MaxContexts(references int) Option { return func(o *options) { o.contexts = references } }

// MaxExpanded bounds the bytes of all names written in full, which a short document with a long prefix could make
// arbitrarily many; see [DefaultMaxExpanded], which 0 stands for. It is compared with an estimate from above, the
// number of the document's strings times the longest IRI that its contexts can make, before the document is expanded.
func MaxExpanded(bytes int) Option { return func(o *options) { o.expanded = bytes } }

// MaxCopies bounds the work of contexts inside a document, each of which copies the one that it changes; see
// [DefaultMaxCopies], which 0 stands for. It is compared with an estimate from above, the number of contexts (with
// terms that have contexts of their own, as many more as the document has strings) times the number of all terms.
func MaxCopies(terms int) Option { return func(o *options) { o.copies = terms } }

func collect(opts []Option) options {
	o := options{mode: ld.JsonLd_1_1}
	for _, opt := range opts {
		opt(&o)
	}
	for _, bound := range []struct {
		set  *int
		base int
	}{
		{&o.document, DefaultMaxDocument}, {&o.depth, DefaultMaxDepth}, {&o.quads, DefaultMaxQuads},
		{&o.contexts, DefaultMaxContexts}, {&o.expanded, DefaultMaxExpanded}, {&o.copies, DefaultMaxCopies},
	} {
		if *bound.set <= 0 {
			*bound.set = bound.base
		}
	}
	return o
}

// Parse calls fn for each quad of a document in memory. The terms have memory of their own. A quad that the document
// states twice may come twice. An error of fn ends it and is returned as it is; other errors, a [*SyntaxError] or an
// [*Error] but for a bad [BlankPrefix], come before the first quad. Any number of goroutines may call at once.
func Parse(document []byte, fn func(rdf.Quad) error, opts ...Option) error {
	o := collect(opts)
	if o.blankPrefix != "" {
		if _, err := rdf.Blank(o.blankPrefix + "b0"); err != nil {
			return fmt.Errorf("prefix for blank node labels: %w", err)
		}
	}
	expanded, err := expand(document, &o)
	if err != nil {
		return err
	}
	quads, err := toQuads(expanded, &o)
	if err != nil {
		return err
	}
	for _, q := range quads {
		if err := fn(q); err != nil {
			return err
		}
	}
	return nil
}

// expand brings a document into expanded form.
func expand(document []byte, o *options) ([]any, error) {
	root, strings, err := decodeDocument(document, o.file, o)
	if err != nil {
		return nil, err
	}
	r := newRemote(o, strings)
	if err := r.look(root); err != nil {
		return nil, o.wrap(err)
	}
	settings, err := o.settings(r)
	if err != nil {
		return nil, err
	}
	var expanded []any
	if _, ok := root.(string); ok {
		return nil, &Error{File: o.file, Code: string(ld.InvalidInput), Msg: "expected an object or an array, found a string"}
	}
	err = guard(func() (err error) {
		expanded, err = ld.NewJsonLdProcessor().Expand(root, settings)
		return err
	})
	return expanded, o.wrap(err)
}

// settings is the options of the library.
func (o *options) settings(r *remote) (*ld.JsonLdOptions, error) {
	s := ld.NewJsonLdOptions(o.base)
	s.ProcessingMode = o.mode
	s.DocumentLoader = r
	if o.context != nil {
		context, _, err := decodeDocument(o.context, "context", o)
		if err != nil {
			return nil, err
		}
		if err := r.look(map[string]any{"@context": context}); err != nil {
			return nil, o.wrap(err)
		}
		s.ExpandContext = context
	}
	return s, nil
}

// guard makes an error of a panic of the library.
func guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Msg: fmt.Sprintf("the document is not what the JSON-LD processor expects: %v", r)}
		}
	}()
	return call()
}

// wrap gives an error of the library, or of a loader, the document's name. nil stays nil.
func (o *options) wrap(err error) error {
	if err == nil {
		return nil
	}
	own := &Error{File: o.file, Msg: err.Error(), Err: err}
	var library *ld.JsonLdError
	if errors.As(err, &library) {
		own.Code, own.Msg = string(library.Code), ""
		if library.Details != nil {
			own.Msg = fmt.Sprint(library.Details)
		}
	}
	var known *Error // perhaps of a loader, inside of one of the library
	if errors.As(err, &known) {
		own.Code, own.Msg, own.Err = first(known.Code, own.Code), known.Msg, known.Err
	}
	return own
}
