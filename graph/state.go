package graph

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// StateTypes returns the media types of the documents that [Graph.Replacement] reads: those of RDF data. It reads
// those that [rdfio.ByMediaType] takes for one of them, too.
func StateTypes() (types []string) {
	for _, format := range documents {
		if format.IsData() {
			types = append(types, format.MediaType())
		}
	}
	return types
}

// Replacement returns the [TypeReplace] that makes of a subject, in all graphs, what a document says, which is all that there is of
// it; nothing, if it has no bytes. The subject is an IRI without brackets, or _:label, and so is every one in the document. Blank
// nodes keep their labels, as in RDF Patch, since other documents name them. In Turtle, TriG, RDF/XML and JSON-LD, which can
// leave labels out, there must be none. Errors say what is wrong with the document, or, for JSON-LD, are [event.ErrBusy].
func (g *Graph) Replacement(subject string, s Submission) (Submission, error) {
	term, err := subjectTerm(subject)
	if err != nil {
		return s, err
	}
	body := patch.AppendDelete(patch.AppendBegin(nil), rdf.Quad{S: term, P: patch.Any, O: patch.Any, G: patch.Any})
	if len(s.Body) > 0 {
		err = g.statements(s, func(q rdf.Quad) error {
			switch {
			case q.S != term:
				return fmt.Errorf("a statement is about %s: expected all to be about %s", q.S, term)
			case q.O == patch.Any || q.P == patch.Any || q.G == patch.Any:
				return fmt.Errorf("%s stands for every term, and can't be data", patch.Any)
			}
			body = patch.AppendAdd(body, q)
			return nil
		})
	}
	return Submission{MediaType: TypeReplace, Body: patch.AppendCommit(body)}, err
}

// subjectTerm reads a subject as it is a key.
func subjectTerm(key string) (rdf.Term, error) {
	term, err := rdf.IRI(key)
	if label, blank := strings.CutPrefix(key, "_:"); blank {
		term, err = rdf.Blank(label)
	}
	if err == nil && term == patch.Any {
		err = errors.New("it stands for every term")
	}
	if err != nil {
		return term, fmt.Errorf("subject %.200q: expected an IRI without brackets, or _:label: %w", key, err)
	}
	return term, nil
}

// statements reads a document of RDF data, whose labels stay.
func (g *Graph) statements(s Submission, fn func(rdf.Quad) error) error {
	format, err := formatOf(s.MediaType)
	if err != nil {
		return err
	}
	labelled := func(q rdf.Quad) error {
		if hasBlank(q.S) || hasBlank(q.O) || hasBlank(q.G) {
			return fmt.Errorf("%s: in %s a blank node may have no label, and nobody could name it again; send N-Quads", q, format)
		}
		return fn(q)
	}
	switch format {
	case rdfio.NQuads:
		return nquads.Parse(s.Body, fn, nquads.MaxLine(len(s.Body)+1))
	case rdfio.NTriples:
		return nquads.Parse(s.Body, fn, nquads.MaxLine(len(s.Body)+1), nquads.Triples())
	}
	if format.IsData() {
		return g.local(s.Body, format, "", "", labelled)
	}
	return fmt.Errorf("%s: expected a document of data, not of changes", s.MediaType)
}

// hasBlank reports whether a term is a blank node, or has one in it.
func hasBlank(t rdf.Term) bool {
	if parts, ok := t.Triple(); ok {
		return hasBlank(parts.S) || hasBlank(parts.O)
	}
	return t.Kind() == rdf.KindBlank
}
