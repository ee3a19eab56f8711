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
	"github.com/quadrille-stream/quadrille/store"
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

// GraphUpdate changes one graph.
type GraphUpdate struct {
	// Graph is its name, the zero Term for the default graph.
	Graph rdf.Term
	// Submission is a document of RDF data, whose statements are added, or an RDF Patch as text. Its statements and rows are about the
	// graph, or name none.
	Submission
	// Base is what relative IRIs of the document are resolved against where it has no base itself; empty: they are mistakes.
	Base string
	// Replace: what the document doesn't have goes out. The document has then to be one of data.
	Replace bool
	// If, unless nil, is asked before anything is changed. Its error ends the update and is returned; otherwise the update
	// builds on that state: a shard to which anything was committed since refuses its part with a [ConflictError]. Where the graph is
	// in one shard, nothing is changed then; where it is in several, others may have committed their parts, which the [PartialError] says.
	If func(GraphState) error
}

// UpdateGraph changes a graph, and says what was known of it before. The change is of one transaction in each shard, and each shard's
// owner makes its exact delta: so a statement that stays is no change, whoever else changes the graph meanwhile.
//
// To replace a graph is to replace, by [TypeReplace], all in it that is about each subject that it has, or that the document has. A
// statement about a subject that the graph got while this was under way stays: as if it had come just afterwards.
//
// It is one of the queries that run at a time ([QueryLimits]), and the graph is read within the time of one. Errors are those of
// [Graph.Submit] and [Graph.View], [ErrOtherGraph], and that of If.
func (g *Graph) UpdateGraph(ctx context.Context, u GraphUpdate) ([]Result, GraphState, error) {
	if err := CheckKey(u.Key); err != nil {
		return nil, GraphState{}, err
	}
	leave, err := g.queries.enter(ctx) // the subjects of a graph take memory until the change is committed
	if err != nil {
		return nil, GraphState{}, err
	}
	defer leave()
	of := graphReading{g: g, name: u.Graph}
	state, err := of.read(ctx, u.Replace)
	if err == nil && u.If != nil {
		err = u.If(state)
	}
	if err != nil {
		return nil, state, err
	}
	content := sha256.New()
	fmt.Fprintf(content, "%s %t %s\n", u.Graph, u.Replace, u.MediaType)
	content.Write(u.Body)
	identity := fingerprint(content)
	split, err := g.graphSplit(&u, of.subjects, identity)
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

// graphReading is what a graph has when it is about to be changed.
type graphReading struct {
	g        *Graph
	name     rdf.Term
	subjects []byte // rows that delete all about each
}

// maxSubjects bounds the bytes of those rows.
const maxSubjects = maxTransaction

// read looks at the shards that can have quads of the graph, for its subjects if they are needed, within the time of a query.
func (r *graphReading) read(ctx context.Context, subjects bool) (state GraphState, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.g.queries.Time)
	defer cancel()
	q := &asked{}
	switch r.g.splitter.Key {
	case Subject:
		q.shards = r.g.allShards()
	default:
		q.shards = []int{r.g.shardOf(r.name)}
	}
	from, err := r.g.positions(ctx, q)
	if err != nil {
		return state, err
	}
	cut, err := r.g.pin(ctx, q, from)
	if err != nil {
		return state, err
	}
	defer cut.release()
	state.Cut = cut.marks
	for _, view := range cut.views {
		found, err := r.shard(ctx, view, subjects)
		if err != nil {
			return state, err
		}
		state.Exists = state.Exists || found
	}
	return state, nil
}

// shard looks at the quads of the graph in a shard.
func (r *graphReading) shard(ctx context.Context, view store.View, subjects bool) (found bool, err error) {
	id, known, err := view.Lookup(r.name)
	if err != nil || !known {
		return false, err
	}
	seen := map[store.ID]bool{}
	for q, err := range view.Match(store.Pattern{G: id}) {
		if err == nil && !found {
			err = ctx.Err()
		}
		if err != nil {
			return found, err
		}
		if found = true; !subjects {
			break
		}
		if seen[q.S] {
			continue
		}
		seen[q.S] = true
		s, err := view.Term(q.S)
		if err != nil {
			return found, err
		}
		r.subjects = patch.AppendDelete(r.subjects, rdf.Quad{S: s, P: patch.Any, O: patch.Any, G: r.name})
		switch {
		case len(r.subjects) > maxSubjects:
			return found, fmt.Errorf("%w: the graph has too many subjects to be replaced at once", event.ErrTooLarge)
		case len(seen)%checkSubjects == 0 && ctx.Err() != nil:
			return found, ctx.Err()
		}
	}
	return found, nil
}

// checkSubjects is the number of subjects between two looks at the context.
const checkSubjects = 1024

// graphSplit divides the change by shard.
func (g *Graph) graphSplit(u *GraphUpdate, subjects []byte, identity uint64) (dataset.Split, error) {
	splitter := g.splitter
	if u.If != nil {
		splitter = splitter.Whole() // what builds on a head is one event in each shard
	}
	if u.MediaType == TypePatch && !u.Replace {
		var text boundedBuffer
		text.most = maxTransaction
		body := patch.NewWriter(&text)
		rows := &intoGraph{Change: body, name: u.Graph}
		if err := patch.Parse(u.Body, rows, patch.OnePrev(), patch.MaxRow(len(u.Body)+1), patch.MaxTerm(dataset.MaxRow)); err != nil {
			return dataset.Split{}, err
		}
		if err := body.Flush(); err != nil {
			return dataset.Split{}, err
		}
		return g.divide(splitter, Submission{MediaType: TypePatch, Body: text.Bytes()}, nil)
	}
	format, err := formatOf(u.MediaType)
	if err == nil && !format.IsData() {
		err = fmt.Errorf("%w: %q: expected RDF data", event.ErrMediaType, u.MediaType)
	}
	if err != nil {
		return dataset.Split{}, err
	}
	scope := rand.Text()
	if u.Key != "" {
		scope = fmt.Sprintf("%s %016x", u.Key, identity)
	}
	if !u.Replace {
		return splitter.Statements(len(u.Body), scope, func(prefix string, add func(rdf.Quad) error) error {
			return g.graphStatements(u, format, prefix, add)
		})
	}
	text := append(patch.AppendBegin(nil), subjects...)
	_, err = splitter.Statements(0, scope, func(prefix string, _ func(rdf.Quad) error) error {
		return g.graphStatements(u, format, prefix, func(q rdf.Quad) error {
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

// graphStatements reads a document of data into the graph.
func (g *Graph) graphStatements(u *GraphUpdate, format rdfio.Format, prefix string, add func(rdf.Quad) error) error {
	into := func(q rdf.Quad) error {
		if !q.G.IsZero() && q.G != u.Graph {
			return fmt.Errorf("%w: %s", ErrOtherGraph, q)
		}
		q.G = u.Graph
		return add(q)
	}
	nq := []nquads.Option{nquads.BlankPrefix(prefix), nquads.MaxLine(len(u.Body) + 1), nquads.MaxTerm(dataset.MaxRow)}
	switch format {
	case rdfio.NQuads:
		return nquads.Parse(u.Body, into, nq...)
	case rdfio.NTriples:
		return nquads.Parse(u.Body, into, append(nq, nquads.Triples())...)
	}
	return g.local(u.Body, format, prefix, u.Base, into)
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
