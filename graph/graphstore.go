package graph

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// ErrOtherGraph: a document for one graph has a statement, or a row, of another.
var ErrOtherGraph = errors.New("it is about another graph than the one that is changed")

// GraphState is what is known of a graph before it is changed.
type GraphState struct {
	// Exists: it has quads.
	Exists bool
	// Cut is how far the shards went that can have quads of it.
	Cut engine.Cursor
}

// Document is one of RDF data, or of changes.
type Document struct {
	// Name is what errors call it where there are several; such an error is a [DocumentError].
	Name string
	// MediaType is that of the Body, which UpdateGraph doesn't keep.
	MediaType string
	Body      []byte
}

// DocumentError says which of several documents is wrong.
type DocumentError struct {
	// Name is the document's.
	Name string
	// Err is what is wrong with it.
	Err error
}

// Error names the document.
func (e *DocumentError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *DocumentError) Unwrap() error { return e.Err }

// GraphUpdate changes one graph.
type GraphUpdate struct {
	// Graph is its name, an IRI, or the zero Term for the default graph.
	Graph rdf.Term
	// Documents are of RDF data, whose statements are added, each with blank nodes of its own; or one RDF Patch as text. Their statements
	// and rows are about the graph, or name none.
	Documents []Document
	// Key is the sender's idempotency key, as in a [Submission].
	Key string
	// Base is what relative IRIs of the documents are resolved against where they have no base themselves; empty: they are mistakes.
	Base string
	// Replace: what the documents don't have goes out. They have then to be of data; without any, all goes out.
	Replace bool
	// If, unless nil, is asked before anything is changed. Its error ends the update and is returned; otherwise the update
	// builds on that state: a shard to which anything was committed since refuses its part with a [ConflictError]. Where the graph is
	// in one shard, nothing is changed then; where it is in several, others may have committed their parts, which the [PartialError] says.
	If func(GraphState) error
}

// patch reports whether the update is an RDF Patch.
func (u *GraphUpdate) patch() bool {
	return !u.Replace && len(u.Documents) == 1 && u.Documents[0].MediaType == TypePatch
}

// size is that of the documents in bytes.
func (u *GraphUpdate) size() (n int) {
	for i := range u.Documents {
		n += len(u.Documents[i].Body)
	}
	return n
}

// identity is the fingerprint of what the update says.
func (u *GraphUpdate) identity() uint64 {
	content := sha256.New()
	fmt.Fprintf(content, "%s %t", u.Graph, u.Replace)
	for _, d := range u.Documents {
		fmt.Fprintf(content, " %s %d\n", d.MediaType, len(d.Body))
		content.Write(d.Body)
	}
	return fingerprint(content)
}

// UpdateGraph changes a graph, and says what was known of it before. The change is one transaction in each shard, of which the shard's
// owner makes the exact delta, in the order of its shard: so a statement that stays is no change, and what others change in the shard comes
// before or after it as a whole.
//
// To replace a graph is to have each shard that can have quads of it take out all of them but what the documents say ([TypeReplace]),
// whatever it has by then. Nothing is known, or copied, of it here. Different shards are changed by themselves: of two who replace a graph
// at the same time, one may be the last in some shards and the other in others.
//
// Before that the graph is looked for, which is a query, with the bounds of one ([QueryLimits]). Errors are those of [Graph.Submit] and
// [Graph.Query], [ErrOtherGraph], [rdf.ErrInvalid] for a name that is no IRI, and that of If.
func (g *Graph) UpdateGraph(ctx context.Context, u GraphUpdate) ([]Result, GraphState, error) {
	if err := CheckKey(u.Key); err != nil {
		return nil, GraphState{}, err
	}
	state, err := g.graphState(ctx, u.Graph)
	if err == nil && u.If != nil {
		err = u.If(state)
	}
	switch {
	case err != nil:
		return nil, state, err
	case u.Replace && len(u.Documents) == 0 && !state.Exists && u.Key == "" && u.If == nil:
		return nil, state, nil // one that comes meanwhile comes just afterwards
	}
	identity := u.identity()
	split, err := g.graphSplit(&u, identity)
	if err != nil {
		return nil, state, tooLarge(err)
	}
	var heads map[int]string
	if u.If != nil {
		if heads, err = g.heads(ctx, state.Cut); err != nil {
			return nil, state, err
		}
	}
	results, err := g.commitOn(ctx, split, u.Key, identity, heads)
	return results, state, err
}

// heads are the ids of the newest deltas at a cut.
func (g *Graph) heads(ctx context.Context, cut engine.Cursor) (map[int]string, error) {
	heads := map[int]string{}
	for s, at := range cut {
		var err error
		if heads[s], err = g.Head(ctx, s, at.Position); err != nil {
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	return heads, nil
}

// graphState asks whether a graph is there.
func (g *Graph) graphState(ctx context.Context, name rdf.Term) (GraphState, error) {
	pattern := "?s ?p ?o"
	switch {
	case name.IsZero():
	case name.Kind() != rdf.KindIRI:
		return GraphState{}, fmt.Errorf("%w: %s as the name of a graph: expected an IRI", rdf.ErrInvalid, name)
	default:
		pattern = "GRAPH " + name.String() + " { ?s ?p ?o }"
	}
	found := &existence{}
	err := g.Query(ctx, Question{Text: "ASK { " + pattern + " }"}, found)
	return found.GraphState, err
}

// existence takes the answer to whether a graph is there.
type existence struct {
	Answer // of which an ASK has no more than what follows
	GraphState
}

// Begin implements [Answer].
func (e *existence) Begin(h Head) error {
	e.Cut = h.Cut
	return nil
}

// Boolean implements [Answer].
func (e *existence) Boolean(found bool) error {
	e.Exists = found
	return nil
}

// graphSplit divides the change by shard.
func (g *Graph) graphSplit(u *GraphUpdate, identity uint64) (dataset.Split, error) {
	splitter := g.splitter
	if u.If != nil {
		splitter = splitter.Whole() // what builds on a head is one event in each shard
	}
	if u.patch() {
		return g.graphPatch(u, splitter)
	}
	scope := rand.Text()
	if u.Key != "" {
		scope = fmt.Sprintf("%s %016x", u.Key, identity)
	}
	statements := func(prefix string, add func(rdf.Quad) error) error { return g.graphStatements(u, prefix, add) }
	if !u.Replace {
		return splitter.Statements(u.size(), scope, statements)
	}
	text := patch.AppendDelete(patch.AppendBegin(nil), rdf.Quad{S: patch.Any, P: patch.Any, O: patch.Any, G: u.Graph})
	_, err := splitter.Statements(0, scope, func(prefix string, _ func(rdf.Quad) error) error {
		return statements(prefix, func(q rdf.Quad) error {
			if q.S == patch.Any || q.P == patch.Any || q.O == patch.Any {
				return fmt.Errorf("%s stands for every term, and can't be data", patch.Any)
			}
			text = patch.AppendAdd(text, q)
			return nil
		})
	})
	if err != nil {
		return dataset.Split{}, err
	}
	return g.divide(splitter, Submission{MediaType: TypeReplace, Body: patch.AppendCommit(text)}, nil)
}

// graphPatch divides a patch of the graph.
func (g *Graph) graphPatch(u *GraphUpdate, splitter dataset.Splitter) (dataset.Split, error) {
	text := &boundedBuffer{most: maxTransaction}
	w := patch.NewWriter(text)
	body := u.Documents[0].Body
	err := patch.Parse(body, &intoGraph{Change: w, name: u.Graph}, patch.OnePrev(), patch.MaxRow(len(body)+1), patch.MaxTerm(dataset.MaxRow))
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return dataset.Split{}, err
	}
	return g.divide(splitter, Submission{MediaType: TypePatch, Body: text.Bytes()}, nil)
}

// graphStatements reads documents of data into the graph.
func (g *Graph) graphStatements(u *GraphUpdate, prefix string, add func(rdf.Quad) error) error {
	into := func(q rdf.Quad) error {
		if !q.G.IsZero() && q.G != u.Graph {
			return fmt.Errorf("%w: %s", ErrOtherGraph, q)
		}
		q.G = u.Graph
		return add(q)
	}
	for i, d := range u.Documents {
		own := prefix
		if len(u.Documents) > 1 {
			own = fmt.Sprintf("%s%d-", prefix, i)
		}
		err := g.graphDocument(&d, u.Base, own, into)
		if err != nil && d.Name != "" {
			err = &DocumentError{Name: d.Name, Err: err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// graphDocument reads a document of data, whose blank nodes get the prefix.
func (g *Graph) graphDocument(d *Document, base, prefix string, into func(rdf.Quad) error) error {
	format, err := formatOf(d.MediaType)
	if err == nil && !format.IsData() {
		err = fmt.Errorf("%w: %q: expected RDF data", event.ErrMediaType, d.MediaType)
	}
	if err != nil {
		return err
	}
	nq := []nquads.Option{nquads.BlankPrefix(prefix), nquads.MaxLine(len(d.Body) + 1), nquads.MaxTerm(dataset.MaxRow)}
	switch format {
	case rdfio.NQuads:
		return nquads.Parse(d.Body, into, nq...)
	case rdfio.NTriples:
		return nquads.Parse(d.Body, into, append(nq, nquads.Triples())...)
	}
	return g.local(d.Body, format, prefix, base, into)
}

// intoGraph puts the rows of a patch into a graph.
type intoGraph struct {
	patch.Change
	name rdf.Term
}

func (i *intoGraph) into(q rdf.Quad) (rdf.Quad, error) {
	if !q.G.IsZero() && q.G != i.name {
		return q, fmt.Errorf("%w: %s", ErrOtherGraph, q)
	}
	q.G = i.name
	return q, nil
}

// Add implements [patch.Change].
func (i *intoGraph) Add(q rdf.Quad) error {
	q, err := i.into(q)
	if err != nil {
		return err
	}
	return i.Change.Add(q)
}

// Delete implements [patch.Change].
func (i *intoGraph) Delete(q rdf.Quad) error {
	q, err := i.into(q)
	if err != nil {
		return err
	}
	return i.Change.Delete(q)
}
