package graph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/store"
)

// errLost: a node that had shards of a query doesn't answer any more. What it has given so far can't be gone on with elsewhere, since
// another copy would be of another position; the query as a whole can be asked again.
var errLost = errors.New("a node that had shards of the query doesn't answer any more")

// pinned are the shards of a query, each at one position, at this node or at another, which keeps it until the query ends. It
// implements [eval.Shards].
type pinned struct {
	g         *Graph
	places    map[int]place
	marks     engine.Cursor
	bySubject bool
	cancel    context.CancelCauseFunc
	keeping   sync.WaitGroup // sessions at other nodes
}

// place is where a shard is read: in a view here, or in a session elsewhere.
type place struct {
	view    store.View
	session *session
}

// pinAll opens these shards where they are: at this node if it owns or follows them, else at the owner, or the standby, and if neither
// answers in a copy that is made here. The context that it returns ends with a node that is lost.
func (g *Graph) pinAll(ctx context.Context, q *asked, shards []int) (*pinned, context.Context, error) {
	at := *q
	at.shards = shards
	from, err := g.positions(ctx, &at)
	if err != nil {
		return nil, nil, err
	}
	p := &pinned{g: g, places: map[int]place{}, marks: engine.Cursor{}, bySubject: q.bySubject}
	asking := ctx
	ctx, p.cancel = context.WithCancelCause(ctx)
	open := make([]opening, len(shards))
	for i, s := range shards {
		open[i] = opening{shard: s, position: from[i], nodes: g.holders(s)}
	}
	for len(open) > 0 && err == nil {
		open, err = p.round(ctx, open)
	}
	for s, mark := range p.marks {
		if err == nil {
			err = reached(s, mark, q.after[s])
		}
	}
	if lost := context.Cause(ctx); err != nil && asking.Err() == nil && lost != nil {
		err = lost // a node that had been opened, while others were
	}
	if err != nil {
		p.release()
		return nil, nil, err
	}
	return p, ctx, nil
}

// opening is a shard that is still to be opened, and the nodes where that is to be tried.
type opening struct {
	shard    int
	position uint64
	nodes    []string
	err      error // of the last that was tried
}

// holders are the nodes that have a copy of a shard, this one first; at last this one, which can make a copy.
func (g *Graph) holders(s int) []string {
	state := g.Coordinator().State()
	nodes := []string{state.Assignment.Node(s), state.Standby(s)}
	nodes = slices.DeleteFunc(nodes, func(node string) bool { return node == "" })
	if slices.Contains(nodes, g.name) {
		return []string{g.name}
	}
	return append(nodes, g.name)
}

// holds reports whether this node owns or follows a shard.
func (g *Graph) holds(s int) bool { return g.holders(s)[0] == g.name }

// round tries the next node of each shard, and returns those that have to be tried elsewhere.
func (p *pinned) round(ctx context.Context, open []opening) (again []opening, err error) {
	by := map[string][]opening{}
	for _, o := range open {
		by[o.nodes[0]] = append(by[o.nodes[0]], o)
	}
	var mu sync.Mutex // guards again, err and what is known of shards
	var all sync.WaitGroup
	for node, shards := range by {
		all.Go(func() {
			here := node == p.g.name
			var s *session
			var marks []engine.Mark
			var failed error
			if !here {
				s, marks, failed = p.begin(ctx, node, shards)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case here:
				err = cmp.Or(err, contained(p.g.log, "the beginning of a query", func() error { return p.openHere(ctx, shards) }))
			case failed != nil && !elsewhere(failed):
				err = cmp.Or(err, p.failed(ctx, failed))
			case failed != nil:
				for _, o := range shards {
					o.nodes, o.err = o.nodes[1:], failed
					again = append(again, o)
				}
			default:
				for i, o := range shards {
					p.places[o.shard], p.marks[o.shard] = place{session: s}, marks[i]
				}
			}
		})
	}
	all.Wait()
	return again, cmp.Or(err, ctx.Err())
}

// elsewhere reports whether it is worth asking another node.
func elsewhere(err error) bool {
	switch request.CodeOf(err) {
	case request.NoRoute, request.Lost, request.Busy:
		return true
	case request.Failed:
		kind := request.KindOf(err)
		return kind != kindVersion && kind != kindInternal // which others would do, too
	}
	return false
}

// isBusy reports whether another node has too much to do.
func isBusy(err error) bool {
	return request.CodeOf(err) == request.Busy || request.KindOf(err) == kindBusy
}

// openHere opens shards at this node. No copy is made of one whose nodes have too much to do: that would be more work yet, for all.
func (p *pinned) openHere(ctx context.Context, shards []opening) error {
	for _, o := range shards {
		if isBusy(o.err) {
			return fmt.Errorf("shard %d: %w: %w", o.shard, event.ErrBusy, o.err)
		}
		view, at, err := p.g.searched(ctx, o.shard, o.position, !p.bySubject)
		if err != nil {
			return fmt.Errorf("shard %d: %w", o.shard, errors.Join(err, o.err))
		}
		p.places[o.shard], p.marks[o.shard] = place{view: view}, at
	}
	return nil
}

// begin opens a session at another node, which has these shards then.
func (p *pinned) begin(ctx context.Context, node string, shards []opening) (*session, []engine.Mark, error) {
	want := sessionRequest{BySubject: p.bySubject}
	for _, o := range shards {
		want.Shards, want.Positions = append(want.Shards, o.shard), append(want.Positions, o.position)
	}
	s := &session{node: node}
	answer := make(chan error, 1)
	var marks []engine.Mark
	p.keeping.Go(func() {
		begun := false
		err := p.g.Ask(ctx, node, want.append(nil), func(part []byte) (err error) {
			if !begun { // what comes behind that are signs of nothing
				begun = true
				s.id, marks, err = parseSession(part, len(shards))
				answer <- err
			}
			return err
		})
		if err == nil {
			err = &request.Error{Code: request.Lost, Node: node, Text: "it has ended the session"}
		}
		if !begun {
			answer <- err
			return
		}
		p.cancel(lost(err))
	})
	select {
	case err := <-answer:
		return s, marks, err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// lost is what an error of a node that had given something means for the query.
func lost(err error) error {
	switch request.CodeOf(err) {
	case request.NoRoute, request.Lost:
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return err
}

// release closes the views, and ends the sessions.
func (p *pinned) release() {
	p.cancel(context.Canceled)
	p.keeping.Wait()
	for _, at := range p.places {
		if at.view != nil {
			at.view.Close()
		}
	}
}

// Number implements [eval.Shards].
func (p *pinned) Number() int { return p.g.Shards() }

// Of implements [eval.Shards].
func (p *pinned) Of(key rdf.Term) int { return p.g.shardOf(key) }

// allShards are the numbers of the shards.
func (g *Graph) allShards() []int {
	all := make([]int, g.Shards())
	for s := range all {
		all[s] = s
	}
	return all
}

// shardOf is the shard of a key; with [Dataset] there is but one.
func (g *Graph) shardOf(key rdf.Term) int {
	q := rdf.Quad{S: key}
	if g.splitter.Key == Named {
		q = rdf.Quad{G: key}
	}
	return g.shardOfQuad(q)
}

// shardOfQuad is the shard of a quad.
func (g *Graph) shardOfQuad(q rdf.Quad) int { return shard.Of(g.splitter.Key.Of(q), g.Shards()) }

// Ask implements [eval.Shards]. It is called by goroutines of a query that have nobody above them.
func (p *pinned) Ask(ctx context.Context, s int, content []byte, part func([]byte) error) error {
	return contained(p.g.log, "a query", func() error { return p.ask(ctx, s, content, part) })
}

func (p *pinned) ask(ctx context.Context, s int, content []byte, part func([]byte) error) error {
	at, ok := p.places[s]
	switch {
	case !ok:
		return fmt.Errorf("shard %d: the query doesn't read it", s)
	case at.view != nil:
		view := at.view.Again()
		defer view.Close()
		err := p.g.answerer.Answer(ctx, view, content, part)
		if errors.Is(err, store.ErrClosed) { // the shard has gone elsewhere
			err = fmt.Errorf("%w: %w", errLost, err)
		}
		return err
	}
	err := p.g.Ask(ctx, at.session.node, at.session.ask(s, content), func(block []byte) error { return part(bytes.Clone(block)) })
	return p.failed(ctx, err)
}

// failed tells an error of another node in this one's words.
func (p *pinned) failed(ctx context.Context, err error) error {
	failure, ok := errors.AsType[*request.Error](err)
	switch {
	case !ok:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case failure.Code == request.Stopped:
		return fmt.Errorf("%w: %w", event.ErrStopped, err)
	case isBusy(err):
		return fmt.Errorf("%w: %w", event.ErrBusy, err)
	case failure.Kind == kindCompile:
		return fmt.Errorf("%w: %w", expr.ErrCompile, err)
	case failure.Kind == kindInternal:
		return fmt.Errorf("%w: %w", ErrInternal, err)
	case failure.Kind == kindNoLeader:
		return fmt.Errorf("%w: %w", engine.ErrNoLeader, err)
	case failure.Code == request.TooLarge:
		return fmt.Errorf("%w: its text, written out, with what its parts are joined by, doesn't fit in a request; ask in a shorter one: %w", eval.ErrBudget, err)
	case failure.Kind == kindBudget:
		return fmt.Errorf("%w: %w", eval.ErrBudget, err)
	case failure.Kind == kindSession:
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return lost(err)
}
