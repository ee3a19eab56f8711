package graph

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// TypePatch is the media type of RDF Patch as text; [MediaTypes] are all that strangers may send.
const TypePatch = dataset.MediaType

// TypeReplace is that of RDF Patch as text with wildcards, see [patch.Replace]: the owner of a shard makes the exact delta of it.
// Submit and Divide read it, too, once all nodes of the pipeline know it; until then the error is [event.ErrBusy]. A Logic of
// one's own has to know it.
const TypeReplace = dataset.ReplaceMediaType

// MaxStatements bounds what a document in JSON-LD may make, which is held as a whole.
const MaxStatements = 1_000_000

// documents are the formats that Submit reads.
var documents = []rdfio.Format{rdfio.Patch, rdfio.PatchBinary, rdfio.NQuads, rdfio.NTriples,
	rdfio.TriG, rdfio.Turtle, rdfio.JSONLD}

// MediaTypes returns the media types of the documents that Submit reads.
func MediaTypes() []string {
	types := make([]string, len(documents))
	for i, format := range documents {
		types[i] = format.MediaType()
	}
	return types
}

// formatOf returns the format of a media type.
func formatOf(mediaType string) (rdfio.Format, error) {
	media, _, _ := mime.ParseMediaType(mediaType)
	for _, format := range documents {
		if format.MediaType() == media {
			return format, nil
		}
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
		if format := g.Coordinator().State().Settings.Format; format < coordinator.FormatReplace {
			return split, fmt.Errorf("%w: some node of the pipeline doesn't know yet what replaces old values: upgrade all", event.ErrBusy)
		}
		return by.Patch(s.Body)
	}
	format, err := formatOf(s.MediaType)
	if err != nil {
		return split, err
	}
	switch format {
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
			source := rdfio.Source{File: "document", BlankPrefix: prefix, MaxDocument: len(s.Body), MaxQuads: MaxStatements,
				MaxTerm: dataset.MaxRow}
			return source.Statements(bytes.NewReader(s.Body), format, add)
		})
	}
}

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

// tooLarge makes the splitter's error for a transaction that is too large the one that all know.
func tooLarge(err error) error {
	var large *dataset.TransactionTooLargeError
	if errors.As(err, &large) {
		return fmt.Errorf("%w: %w", event.ErrTooLarge, err)
	}
	return err
}
