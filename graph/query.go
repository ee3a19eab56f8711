package graph

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
)

// Question is a query, and what it is asked of.
type Question struct {
	// Text is the query: SPARQL.
	Text string
	// Base is what relative IRIs of the text are resolved against where it has no BASE; empty: they are mistakes.
	Base string
	// Dataset, if it names graphs, takes the place of what the text says of FROM and FROM NAMED.
	Dataset sparql.Dataset
	// After names records that the answer must know of, such as those of a change that the client has made: a shard that it has is
	// read there or later. Each other shard is read at the end of its log, as it is when the query comes, or later.
	After engine.Cursor
	// Time bounds how long the answer may take, its writing among it. Default, and most, that of [QueryLimits].
	Time time.Duration
}

// Head is what is known of an answer before its first row. Other answers share what is in it: it must not be changed.
type Head struct {
	// Form says what follows: Row, Triple or Boolean.
	Form sparql.Form
	// Vars are the columns of a SELECT.
	Vars []sparql.Var
	// Prefixes are those of the text.
	Prefixes []sparql.Prefix
	// Cut is how far each shard goes that the query reads: the newest record that the answer knows of. Given as [Question.After] of
	// another query, at whichever node, no answer of that is older.
	Cut engine.Cursor
}

// Answer takes what a query gives. Its methods are called by one goroutine, and an error of theirs ends the query, which
// returns it.
type Answer interface {
	// Begin is called once, before all else.
	Begin(Head) error
	// Row takes a solution of a SELECT: a term for each of Vars, the zero Term where one is not bound. It is valid until Row returns.
	Row([]rdf.Term) error
	// Triple takes one of a CONSTRUCT or a DESCRIBE. Where all shards have a part in it, one may come again.
	Triple(rdf.Triple) error
	// Boolean takes the answer of an ASK.
	Boolean(bool) error
}

// Query answers a query over a cut of the shards: the state of each that it needs, at one position, which is at or behind the end of
// its log when the query came. The states are pinned before the answer begins, so that it is of this cut whatever comes in meanwhile.
//
// A query all of whose shards this node owns or follows is evaluated here ([eval.Query.Plan]). Others are divided ([eval.Divide]): shards
// of other nodes are asked where they are, and this node makes a copy of one where nobody has it. Bounds of steps and memory are those of
// each shard, and of what is above them. When a node is lost before the answer has begun, the query is begun again, of another cut; when
// that happens later, it is an error.
//
// Errors: a *[rdf.SyntaxError] of the text;
// [event.ErrBusy] after the bounded wait for those that run; [node.ErrCursor] of an After that no log has; [eval.ErrBudget],
// [eval.ErrService]; [context.DeadlineExceeded] when Time is over; those of the engine; [event.ErrStopped]; [ErrInternal]; and that of the
// Answer.
func (g *Graph) Query(ctx context.Context, q Question, a Answer) error {
	return g.admitted(q.Text, func() error { return g.query(ctx, q, a) })
}

// admitted has fn answer a question with this text, if there is room for one more and for its text. A fault of the program is an error of it.
func (g *Graph) admitted(text string, fn func() error) error {
	return contained(g.log, "a query", func() error {
		leave, err := g.queries.admit()
		if err != nil {
			return err
		}
		defer leave()
		cost := eval.TextCost * int64(len(text))
		if err := g.queries.memory.Take(cost); err != nil {
			return full(err)
		}
		defer g.queries.memory.Give(cost)
		return full(fn())
	})
}

func (g *Graph) query(ctx context.Context, q Question, a Answer) error {
	asked, err := g.ask(q)
	if err != nil {
		return err
	}
	limit := asked.time
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%w: the answer took more than %v; ask for less at once", context.DeadlineExceeded, limit))
	defer cancel()
	return causeOf(ctx, g.inTurn(ctx, asked, a))
}

// full is the error of a query for which others have left no memory.
func full(err error) error {
	if errors.Is(err, eval.ErrPool) {
		return fmt.Errorf("%w: %w", event.ErrBusy, err)
	}
	return err
}

// inTurn answers a query when there is a place for it. One that is answered here asks before where its shards must be: that is waiting, and
// takes no place from those that work.
func (g *Graph) inTurn(ctx context.Context, q *asked, a Answer) (err error) {
	locally := g.holdsAll(q.shards)
	var from []uint64
	if locally {
		if from, err = g.positions(ctx, q); err != nil {
			return err
		}
	}
	end, err := g.queries.run(ctx)
	if err != nil {
		return err
	}
	defer end()
	if locally {
		return moved(g.answerLocally(ctx, q, from, a))
	}
	return g.answerDivided(ctx, q, a)
}

// moved is the error of who reads a shard that has left this node meanwhile: where it is now, it can be read.
func moved(err error) error {
	if errors.Is(err, store.ErrClosed) {
		return fmt.Errorf("%w: the shard has gone to another node; ask again: %w", event.ErrBusy, err)
	}
	return err
}

// causeOf tells why a context has ended, if that is the error.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// asked is a question that is understood.
type asked struct {
	tree  *sparql.Query
	query *eval.Query
	id    eval.Identity
	after engine.Cursor
	time  time.Duration

	options eval.Options

	// shards are those that it needs; bySubject: the subject of every pattern is known.
	shards    []int
	bySubject bool
}

// ask reads a question, and says which shards can answer it.
func (g *Graph) ask(q Question) (*asked, error) {
	limits := &g.queries.QueryLimits
	options := eval.Options{Steps: limits.Steps, Memory: limits.Memory, Pool: g.queries.memory, Base: q.Base}
	made, err := g.prepared.of(&q, options)
	if err != nil {
		return nil, err
	}
	a := &asked{tree: made.tree, query: made.query, options: options, after: q.After, time: min(cmp.Or(q.Time, limits.Time), limits.Time), id: eval.Identity{ID: rand.Text(), Time: time.Now()}}
	if err := g.checkCursor(q.After); err != nil {
		return nil, err
	}
	g.locate(a)
	return a, nil
}

// checkCursor returns an error if a cursor is of shards that there are not.
func (g *Graph) checkCursor(c engine.Cursor) error {
	for s := range c {
		if s < 0 || s >= g.Shards() {
			return cursorError(s, "the pipeline has shards 0 to %d", g.Shards()-1)
		}
	}
	return nil
}

// locate finds the shards that a query is local to.
func (g *Graph) locate(a *asked) {
	key := g.splitter.Key
	where, err := a.query.Local(eval.Key(key))
	switch {
	case err != nil, where.Every:
		a.shards = g.allShards()
	case key == Dataset:
		a.shards = []int{g.shardOf(rdf.Term{})}
	}
	for _, k := range where.Keys {
		a.shards = append(a.shards, g.shardOf(k))
	}
	a.bySubject = key == Subject && len(where.Keys) == 1
}
