package graph

import (
	"context"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// tries is how often a query is begun whose nodes get lost before the answer has begun.
const tries = 3

// holdsAll reports whether this node owns or follows all of these shards.
func (g *Graph) holdsAll(shards []int) bool {
	for _, s := range shards {
		if !g.holds(s) {
			return false
		}
	}
	return true
}

// division divides a query among the shards.
func (g *Graph) division(q *sparql.Query, o eval.Options) (*eval.Division, error) {
	key := g.splitter.Key
	if g.Shards() == 1 {
		key = Dataset
	}
	return eval.Divide(q, eval.Key(key), o)
}

// answerDivided answers a query by fragments, which the shards answer where they are.
func (g *Graph) answerDivided(ctx context.Context, q *asked, a Answer) error {
	d, err := g.division(q.tree, q.options)
	if err != nil {
		return err
	}
	shards := g.allShards()
	if only, ok := d.Local(); ok {
		shards = []int{g.shardOf(only)}
	}
	answer := &beginning{Answer: a, ctx: ctx}
	for try := 1; ; try++ {
		err := g.answerOver(ctx, d, q, shards, answer)
		switch {
		case !errors.Is(err, errLost) || ctx.Err() != nil:
			return err
		case answer.begun || try == tries:
			return fmt.Errorf("%w: %w; ask again", event.ErrBusy, err)
		}
	}
}

// answerOver answers a query over shards that are pinned for it.
func (g *Graph) answerOver(ctx context.Context, d *eval.Division, q *asked, shards []int, a *beginning) error {
	p, pinned, err := g.pinAll(ctx, q, shards)
	if err != nil {
		return err
	}
	defer p.release()
	a.head = Head{Form: q.tree.Form, Vars: q.query.Vars(), Prefixes: q.tree.Prefixes, Cut: p.marks}
	err = a.take(d.Over(pinned, p, q.id))
	if cause := context.Cause(pinned); err != nil && ctx.Err() == nil && cause != nil {
		return cause // a node is lost
	}
	return err
}

// beginning is an answer that begins when there is something to say, so that what fails before can be tried again.
type beginning struct {
	Answer
	ctx   context.Context
	head  Head
	begun bool
}

// take takes what an evaluation gives.
func (b *beginning) take(e *eval.Evaluation) (err error) {
	switch b.head.Form {
	case sparql.Select:
		err = e.Select(b.Row)
	case sparql.Ask:
		var found bool
		if found, err = e.Ask(); err == nil {
			err = b.Boolean(found)
		}
	default:
		err = e.Triples(b.Triple)
	}
	if err != nil {
		return err
	}
	return b.begin()
}

func (b *beginning) begin() error {
	if b.begun {
		return nil
	}
	b.begun = true
	if err := b.Begin(b.head); err != nil {
		return err
	}
	return b.ctx.Err() // who takes the head may let the time go by
}

// Row implements [Answer].
func (b *beginning) Row(terms []rdf.Term) error {
	if err := b.begin(); err != nil {
		return err
	}
	return b.Answer.Row(terms)
}

// Triple implements [Answer].
func (b *beginning) Triple(t rdf.Triple) error {
	if err := b.begin(); err != nil {
		return err
	}
	return b.Answer.Triple(t)
}

// Boolean implements [Answer].
func (b *beginning) Boolean(found bool) error {
	if err := b.begin(); err != nil {
		return err
	}
	return b.Answer.Boolean(found)
}
