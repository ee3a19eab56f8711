// Package jsonld reads and writes JSON-LD 1.1.
//
// Documents are read as they are written: relative IRIs are resolved as in Turtle, numbers keep all their digits, blank nodes
// their labels, and nothing is dropped that the standard does not drop. A remote context is processed once for all objects
// that refer to it from one context. Compaction alone is done by github.com/piprate/json-gold, a panic of which is an error.
//
// By the standard a member that no context defines is left out, and so is a node, property, type or graph whose IRI is
// relative or not well-formed, with its triples, a property that is a blank node, a value or list where a node is expected,
// and a literal whose language tag is not well-formed, or missing where the datatype needs one. With [Strict] each of these
// is an error. What a context maps to null is left out on purpose, and is none.
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
	// DefaultMaxContexts is how many remote contexts a document may refer to, directly or from one.
	DefaultMaxContexts = 1_000
	// DefaultMaxExpanded is the number of bytes that a document's names may have when they are written in full.
	DefaultMaxExpanded = 1 << 30
	// DefaultMaxCopies is how many definitions of terms may be made or copied when contexts are applied, some seconds' work.
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
	file          string
	base          string
	blankPrefix   string
	strict        bool
	languageCase  bool
	keepDirection bool
	direction     DirectionMode
	loader        Loader
	cache         *Cache
	context       []byte
	version10     bool

	document, depth, quads, contexts, expanded, copies int

	nativeTypes, rdfType bool

	memory func(bytes int) error
	owed   int // bytes of memory that it was not told of yet
}

// Option changes how a document is read or written.
type Option func(*options)

// File sets the name of the document for errors.
func File(name string) Option { return func(o *options) { o.file = name } }

// Base sets the IRI that relative IRIs are resolved with. Without it they stay relative, unless a context has @base.
func Base(iri string) Option { return func(o *options) { o.base = iri } }

// BlankPrefix puts prefix before each blank node label. Nodes without a label, or with one that N-Quads can't write, are b0,
// b1 and so on, the same ones whenever the document is read; a written label stays, but gets an underscore more if it has
// been given to such a node before. A prefix made from the document's identity keeps those of different
// documents apart. A prefix that no label can begin with is an error ([rdf.ErrInvalid]).
func BlankPrefix(prefix string) Option { return func(o *options) { o.blankPrefix = prefix } }

// LanguageCase keeps language tags as they are written. Terms that differ in that alone are then different ones, so it is
// for who does not compare them.
func LanguageCase() Option { return func(o *options) { o.languageCase = true } }

// Strict makes an error of whatever the standard would leave out; see the package's documentation. What is written has it:
// nodes of lists with the type rdf:List are no lists then.
func Strict() Option { return func(o *options) { o.strict = true } }

// KeepDirection makes an error of a base direction that the mode of [Direction] has no place for. By the standard such a
// string becomes one without.
func KeepDirection() Option { return func(o *options) { o.keepDirection = true } }

// Direction says how base directions are read, and found again when written.
func Direction(m DirectionMode) Option { return func(o *options) { o.direction = m } }

// Contexts sets where remote contexts come from. Without it a document that refers to one is an error ([ErrContext]).
func Contexts(l Loader) Option { return func(o *options) { o.loader = l } }

// Cached sets where what is made of remote contexts is kept for other documents; nil is the same as without it. [Marshal] does
// not use it.
func Cached(c *Cache) Option { return func(o *options) { o.cache = c } }

// Context sets a JSON document with a context: one that holds before those of the document when it is read, and the one
// to compact with when it is written.
func Context(document []byte) Option { return func(o *options) { o.context = document } }

// Version10 processes as JSON-LD 1.0 did: what came with 1.1 is an error.
func Version10() Option { return func(o *options) { o.version10 = true } }

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

// MaxContexts bounds the remote contexts; see [DefaultMaxContexts], which 0 stands for. One that is referred to again does
// not count again. (A context that always includes itself is an error of its own.) For [Marshal] with a context each reference
// counts, and the other two bounds of contexts are compared with estimates from above.
func MaxContexts(documents int) Option { return func(o *options) { o.contexts = documents } }

// MaxExpanded bounds the bytes of all names written in full, which a short document with a long prefix could make
// arbitrarily many; see [DefaultMaxExpanded], which 0 stands for.
func MaxExpanded(bytes int) Option { return func(o *options) { o.expanded = bytes } }

// MaxCopies bounds the work of contexts inside a document: the definitions of terms that are made or copied; see
// [DefaultMaxCopies], which 0 stands for.
func MaxCopies(terms int) Option { return func(o *options) { o.copies = terms } }

// What a document takes in memory while it is read, in bytes, as measured: a JSON value with what it expands to, a quad without its
// terms, and the definition of a term in a context.
const (
	valueCost      = 256
	quadCost       = 640
	definitionCost = 64
	// toldAtOnce spares the caller of [Memory] the small sums.
	toldAtOnce = 64 << 10
)

// Memory has take called while a document is read, with about how many bytes more it takes in memory, which may be thousands for
// each of the document's own: it is for who reads what strangers send, several documents at once. An error of take ends the reading;
// test for it with errors.Is. What is less than 64 KiB in all isn't told.
func Memory(take func(bytes int) error) Option { return func(o *options) { o.memory = take } }

// takes counts memory.
func (o *options) takes(bytes int) error {
	if o.owed += bytes; o.memory == nil || o.owed < toldAtOnce {
		return nil
	}
	owed := o.owed
	o.owed = 0
	return o.memory(owed)
}

func collect(opts []Option) options {
	var o options
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
	root, _, err := decodeDocument(document, o.file, o)
	if err != nil {
		return nil, err
	}
	if _, ok := root.(string); ok {
		return nil, &Error{File: o.file, Code: string(ld.InvalidInput), Msg: "expected an object or an array, found a string"}
	}
	expanded, err := newProcessor(o).document(root)
	return expanded, o.wrap(err)
}

// guard makes an error of a panic of the library, or of a loader.
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
