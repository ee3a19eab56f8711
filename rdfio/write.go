package rdfio

import (
	"bufio"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// DataWriter writes RDF data. What was written is with the underlying writer only after Flush, which is called once, at
// the end. It is used by one goroutine at a time.
type DataWriter interface {
	// Write writes one statement. It doesn't keep its terms.
	Write(q rdf.Quad) error
	// Flush ends the document.
	Flush() error
}

// WriteOption changes how RDF data is written.
type WriteOption func(*writing)

type writing struct {
	prefixes []turtle.Prefix
	depth    int
}

// WithPrefixes gives Turtle, TriG and RDF/XML prefixes.
func WithPrefixes(prefixes ...turtle.Prefix) WriteOption {
	return func(w *writing) { w.prefixes = prefixes }
}

// MaxDepth bounds how deeply objects and arrays are nested in JSON-LD; 0 stands for [jsonld.DefaultMaxDepth].
func MaxDepth(depth int) WriteOption { return func(w *writing) { w.depth = depth } }

// NewDataWriter returns a writer of RDF data. A format of triples refuses a statement in a named graph. All but JSON-LD
// streams; that holds [MaxJSONQuads] statements at most.
func NewDataWriter(w io.Writer, format Format, opts ...WriteOption) (DataWriter, error) {
	var o writing
	for _, opt := range opts {
		opt(&o)
	}
	switch format {
	case NTriples:
		return triplesOnly{nquads.NewWriter(w), format}, nil
	case NQuads:
		return nquads.NewWriter(w), nil
	case Turtle:
		return triplesOnly{turtle.NewWriter(w, turtle.WithPrefixes(o.prefixes...)), format}, nil
	case TriG:
		return turtle.NewWriter(w, turtle.WithPrefixes(o.prefixes...)), nil
	case RDFXML:
		prefixes := make([]rdfxml.Prefix, len(o.prefixes))
		for i, p := range o.prefixes {
			prefixes[i] = rdfxml.Prefix(p)
		}
		return triplesOnly{rdfxml.NewWriter(w, rdfxml.WithPrefixes(prefixes...)), format}, nil
	case JSONLD:
		return &jsonWriter{w: w, depth: o.depth}, nil
	}
	return nil, fmt.Errorf("%s is no RDF data", format)
}

// triplesOnly refuses named graphs.
type triplesOnly struct {
	DataWriter
	format Format
}

func (t triplesOnly) Write(q rdf.Quad) error {
	if !q.G.IsZero() {
		return fmt.Errorf("a statement is in the graph %s, for which %s has no place; use nquads, trig or jsonld", q.G,
			t.format)
	}
	return t.DataWriter.Write(q)
}

// jsonWriter holds what it writes until the end.
type jsonWriter struct {
	w     io.Writer
	depth int
	quads []rdf.Quad
}

func (j *jsonWriter) Write(q rdf.Quad) error {
	if len(j.quads) == MaxJSONQuads {
		return fmt.Errorf("JSON-LD of more than %d statements: %w", MaxJSONQuads, rdf.ErrLimit)
	}
	j.quads = append(j.quads, q.Clone())
	return nil
}

func (j *jsonWriter) Flush() error {
	quads := j.quads
	j.quads = nil // so that what is done with can be freed
	document, err := jsonld.Marshal(quads, jsonld.MaxQuads(MaxJSONQuads), jsonld.MaxDepth(j.depth), jsonld.Strict())
	if err != nil {
		return err
	}
	if len(document) > MaxJSONDocument {
		return fmt.Errorf("JSON-LD of more than %d bytes: %w; a format that streams has no such bound", MaxJSONDocument, rdf.ErrLimit)
	}
	_, err = j.w.Write(append(document, '\n'))
	return err
}

// ChangeWriter writes changes. What was written is with the underlying writer only after Flush. It is used by one
// goroutine at a time.
type ChangeWriter interface {
	patch.Change
	// Flush ends the changes.
	Flush() error
}

// MaxUpdateTransaction bounds the bytes of the terms of a transaction that is written as SPARQL Update, which is held
// until it commits.
const MaxUpdateTransaction = 1 << 30

// NewChangeWriter returns a writer of an RDF Patch or of SPARQL Update. blank is for the latter: what stands for blank
// nodes.
func NewChangeWriter(w io.Writer, format Format, blank patch.BlankPolicy) (ChangeWriter, error) {
	switch format {
	case Patch:
		return patch.NewWriter(w), nil
	case PatchBinary:
		return patch.NewBinaryWriter(w), nil
	case Update:
		return newUpdateWriter(w, blank), nil
	}
	return nil, fmt.Errorf("%s holds no changes", format)
}

// updateWriter puts a buffer behind a [patch.UpdateWriter].
type updateWriter struct {
	*patch.UpdateWriter
	w *bufio.Writer
}

func newUpdateWriter(w io.Writer, blank patch.BlankPolicy) updateWriter {
	b := bufio.NewWriter(w)
	emit := func(request []byte) error { _, err := b.Write(request); return err }
	return updateWriter{patch.NewUpdateWriter(emit, blank, patch.MaxTransaction(MaxUpdateTransaction)), b}
}

func (u updateWriter) Flush() error {
	if err := u.UpdateWriter.Flush(); err != nil {
		return err
	}
	return u.w.Flush()
}
