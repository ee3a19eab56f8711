package graph

import (
	"context"
	"errors"

	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// answerLocally answers a query by views of this node. If a shard goes elsewhere before the answer has begun, it is asked for there.
func (g *Graph) answerLocally(ctx context.Context, q *asked, from []uint64, a Answer) error {
	b := &beginning{Answer: a, ctx: ctx}
	err := g.answerHere(ctx, q, from, b)
	if errors.Is(err, store.ErrClosed) && !b.begun {
		return g.answerDivided(ctx, q, a)
	}
	return err
}

// answerHere answers a query by views that are pinned for it.
func (g *Graph) answerHere(ctx context.Context, q *asked, from []uint64, a *beginning) error {
	cut, err := g.pin(ctx, q, from)
	if err != nil {
		return err
	}
	defer cut.release()
	a.head = Head{Form: q.tree.Form, Vars: q.query.Vars(), Prefixes: q.tree.Prefixes, Cut: cut.marks}
	if len(cut.views) == 0 { // no quad is asked for
		cut.views = append(cut.views, memory.New().View())
	}
	p := &pinned{g: g, places: map[int]place{}}
	held := &eval.Held{Shards: p, Key: eval.Key(g.splitter.Key)}
	for i, view := range cut.views {
		p.places[i] = place{view: view}
		held.Views = append(held.Views, view)
	}
	e, err := q.query.Plan(ctx, held, q.id)
	if err != nil {
		return err
	}
	return a.take(e)
}
