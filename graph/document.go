package graph

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// TypePatch is the media type of RDF Patch as text; [MediaTypes] are all that strangers may send.
const TypePatch = dataset.MediaType

// Bounds of JSON-LD, which is held as a whole, and takes up to hundreds of times its text then.
const (
	// MaxStatements bounds those of a document.
	MaxStatements = 200_000
	// MaxMemory bounds what all documents that are read or written at one time take in memory, in bytes, by an estimate.
	MaxMemory = 512 << 20
)

// TypeReplace is that of RDF Patch as text with wildcards, see [patch.Replace]: the owner of a shard makes the exact delta of it.
// Submit and Divide read it, too, once all nodes of the pipeline know it; until then the error is [event.ErrBusy]. A Logic of
// one's own has to know it.
const TypeReplace = dataset.ReplaceMediaType

// TypeUpdate is that of SPARQL Update. What is evaluated on the state, which is all but INSERT DATA and DELETE DATA, is read once all
// nodes of the pipeline know it; until then the error is [event.ErrBusy]. A Logic of one's own has to know it.
const TypeUpdate = dataset.UpdateMediaType

// documents are the formats that Submit reads.
var documents = []rdfio.Format{rdfio.Patch, rdfio.PatchBinary, rdfio.Update, rdfio.NQuads, rdfio.NTriples,
	rdfio.TriG, rdfio.Turtle, rdfio.RDFXML, rdfio.JSONLD}

// MediaTypes returns the media types of the documents that Submit reads. It reads those that [rdfio.ByMediaType] takes for one of them, too.
func MediaTypes() []string {
	types := make([]string, len(documents))
	for i, format := range documents {
		types[i] = format.MediaType()
	}
	return types
}

// formatOf returns the format of a media type.
func formatOf(mediaType string) (rdfio.Format, error) {
	if format, ok := rdfio.ByMediaType(mediaType); ok && slices.Contains(documents, format) {
		return format, nil
	}
	return "", fmt.Errorf("%w: %q; send %s", event.ErrMediaType, mediaType, strings.Join(MediaTypes(), ", "))
}

// divide divides a document; scope returns what its blank nodes are named by, where the format leaves that open.
func (g *Graph) divide(by dataset.Splitter, s Submission, scope func() string) (split dataset.Split, err error) {
	split, err = g.read(by, s, scope)
	err = tooLarge(err)
	if err == nil && split.HasPrev && by.Key != dataset.Dataset {
		err = fmt.Errorf("%w, this one's is %q", event.ErrPrev, by.Key)
	}
	return split, err
}

// read divides a document by its format.
func (g *Graph) read(by dataset.Splitter, s Submission, scope func() string) (split dataset.Split, err error) {
	if s.MediaType == TypeReplace {
		if err := g.knows(coordinator.FormatReplace, "what replaces old values"); err != nil {
			return split, err
		}
		split, err := by.Replacement(s.Body)
		if err == nil && split.Clears {
			err = g.knows(coordinator.FormatClear, "what replaces a graph")
		}
		return split, err
	}
	format, err := formatOf(s.MediaType)
	if err != nil {
		return split, err
	}
	switch format {
	case rdfio.Update:
		return g.update(by, s.Body, scope)
	case rdfio.Patch:
		return by.Patch(s.Body)
	case rdfio.PatchBinary:
		return binaryPatch(by, s.Body)
	case rdfio.NQuads:
		return by.Quads(s.Body, scope())
	case rdfio.NTriples:
		return by.Quads(s.Body, scope(), nquads.Triples())
	default:
		return by.Statements(len(s.Body), scope(), func(prefix string, add func(rdf.Quad) error) error {
			return g.local(s.Body, format, prefix, "", add)
		})
	}
}

// knows is [event.ErrBusy] while some node of the pipeline doesn't know what comes from a format on.
func (g *Graph) knows(format int, what string) error {
	if g.Coordinator().State().Settings.Format < format {
		return fmt.Errorf("%w: some node of the pipeline doesn't know %s yet: upgrade all", event.ErrBusy, what)
	}
	return nil
}

// update divides a SPARQL Update.
func (g *Graph) update(by dataset.Splitter, text []byte, scope func() string) (dataset.Split, error) {
	split, err := by.Update(text, scope)
	if local, not := errors.AsType[*eval.NotLocalError](err); not {
		tree, _ := sparql.ParseUpdate(string(text)) // which has been read before
		return split, &NotLocalError{local, eval.Outside(tree) != nil}
	}
	if err == nil && split.MediaType == TypeUpdate {
		err = g.knows(coordinator.FormatUpdate, "SPARQL Update")
	}
	return split, err
}

// local reads a document of a format in which blank nodes may have no label.
func (g *Graph) local(body []byte, format rdfio.Format, prefix, base string, add func(rdf.Quad) error) error {
	switch format {
	case rdfio.JSONLD:
		return g.jsonLD(body, prefix, base, add)
	case rdfio.RDFXML:
		return rdfxml.Parse(body, add, rdfxml.BlankPrefix(prefix), rdfxml.Base(base), rdfxml.MaxTag(len(body)+1),
			rdfxml.MaxTerm(dataset.MaxRow))
	}
	opts := []turtle.Option{turtle.BlankPrefix(prefix), turtle.Base(base), turtle.MaxLine(len(body) + 1), turtle.MaxTerm(dataset.MaxRow)}
	if format == rdfio.TriG {
		opts = append(opts, turtle.TriG())
	}
	return turtle.Parse(body, add, opts...)
}

// jsonLD reads a document, which takes its part of the memory that there is for all of them.
func (g *Graph) jsonLD(body []byte, prefix, base string, add func(rdf.Quad) error) error {
	held := holding{of: &g.held}
	defer held.release()
	return jsonld.Parse(body, add, jsonld.BlankPrefix(prefix), jsonld.Base(base), jsonld.MaxDocument(len(body)+1),
		jsonld.MaxQuads(MaxStatements), jsonld.Memory(held.take), jsonld.Strict(), jsonld.Direction(jsonld.BaseDirection))
}

// holding is what one document takes of a budget of memory, in bytes.
type holding struct {
	of    *atomic.Int64 // what all take
	bytes int64
}

// take fails with [event.ErrTooLarge] if the document is too large for the budget, with [event.ErrBusy] if others use it.
func (h *holding) take(bytes int) error {
	n := int64(bytes)
	if h.bytes+n > MaxMemory {
		return fmt.Errorf("%w: JSON-LD is held as a whole, and this document takes more than %d bytes of memory; send it in parts, or "+
			"in another format", event.ErrTooLarge, MaxMemory)
	}
	if h.of.Add(n) > MaxMemory {
		h.of.Add(-n)
		return fmt.Errorf("%w: other documents in JSON-LD use the memory that there is for them", event.ErrBusy)
	}
	h.bytes += n
	return nil
}

func (h *holding) release() { h.of.Add(-h.bytes) }

// binaryPatch divides a patch in binary form, in which a term that is repeated takes a byte: its text is bounded, too.
func binaryPatch(by dataset.Splitter, body []byte) (dataset.Split, error) {
	text := &boundedBuffer{most: maxTransaction}
	w := patch.NewWriter(text)
	err := patch.NewBinaryReader(bytes.NewReader(body)).Run(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return dataset.Split{}, err
	}
	return by.Patch(text.Bytes())
}

// boundedBuffer takes so many bytes.
type boundedBuffer struct {
	bytes.Buffer
	most int
}

// Write implements [io.Writer].
func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, fmt.Errorf("%w: the patch has more than %d bytes as text; send it in parts, at the ends of transactions",
			event.ErrTooLarge, b.most)
	}
	return b.Buffer.Write(p)
}

// tooLarge makes an error of the splitter, or of a reader, for what is over a limit the one that all know.
func tooLarge(err error) error {
	var large *dataset.TransactionTooLargeError
	if !errors.Is(err, event.ErrTooLarge) && (errors.As(err, &large) || errors.Is(err, rdf.ErrLimit)) {
		return fmt.Errorf("%w: %w", event.ErrTooLarge, err)
	}
	return err
}
