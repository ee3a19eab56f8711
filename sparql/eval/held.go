package eval

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// Held are shards that are all here.
type Held struct {
	// Shards has their requests answered.
	Shards
	// Views are those of the shards, which stay open as long as the evaluation lasts. One alone has all quads that are asked for.
	Views []store.Reader
	// Key is what their quads are divided by.
	Key Key

	few, many float64 // of tests: in place of fewRows and manyRows
}

// Evaluation is a query that is planned for shards that are all here, and is evaluated once, in one of these ways: the shards as one
// store, which suits all that needs few of their quads; one shard after the other, if each gives its part of the result alone; or divided
// ([Division]), which suits what reads much in each shard and takes little from there.
type Evaluation struct {
	q *Query
	evaluating
	end func()
}

// evaluating is a way to evaluate a query.
type evaluating interface {
	rows(each func([]rdf.Term) error) error
	holds() (bool, error)
	triples(each func(rdf.Triple) error) error
}

// fewRows is the number of rows from which on it matters that what leaves a shard is translated term by term, manyRows that from which on
// the terms may take too much memory.
const (
	fewRows  = 4_000
	manyRows = 400_000
)

// Plan plans a query over shards that are all here. The context is that of the evaluation, too. Errors are those of [Query.Select] and
// [Divide].
func (q *Query) Plan(ctx context.Context, h *Held, id Identity) (*Evaluation, error) {
	x := newExec(ctx, h.Views[0], &q.o, id)
	if len(h.Views) > 1 {
		x.whole = newWhole(x, h)
		x.r = x.whole
	}
	run, err := q.plan(x)
	if err != nil {
		return nil, err
	}
	rows := run.sub.root.rowsBelow()
	if rows < cmp.Or(h.few, fewRows) || len(h.Views) == 1 {
		return &Evaluation{q, run, run.end}, nil
	}
	if where, err := q.Local(h.Key); err == nil && where.Every && !counts(q.algebra.Op) {
		return &Evaluation{q, &succession{q, ctx, h, id}, run.end}, nil
	}
	d, err := Divide(q.tree, h.Key, q.o)
	if err == nil && rows < cmp.Or(h.many, manyRows) && d.visible+len(d.paths) > 1 {
		return &Evaluation{q, run, run.end}, nil
	}
	run.end()
	if err != nil {
		return nil, err
	}
	return d.Over(ctx, h, id), nil
}

// counts reports whether a pattern has expressions whose values are made of the numbers of its solutions.
func counts(op algebra.Op) bool {
	if slices.ContainsFunc(algebra.Exprs(op), volatile) {
		return true
	}
	return eachBelow(op, func(part algebra.Op) error {
		if counts(part) {
			return errFound
		}
		return nil
	}) != nil
}

// rowsBelow is about how many rows an operator and those below it make, as far as statistics tell.
func (n *node) rowsBelow() float64 {
	sum := 0.0
	for _, part := range n.parts {
		sum += part.rowsBelow()
	}
	if n.name == joinName {
		return sum // its rows are those of its last part
	}
	return sum + n.estimate
}

// Select is [Query.Select].
func (e *Evaluation) Select(each func([]rdf.Term) error) error {
	if err := e.q.is(sparql.Select); err != nil {
		return err
	}
	defer e.end()
	return e.rows(each)
}

// Ask is [Query.Ask].
func (e *Evaluation) Ask() (bool, error) {
	if err := e.q.is(sparql.Ask); err != nil {
		return false, err
	}
	defer e.end()
	return e.holds()
}

// Triples is [Query.Triples], but for a triple that several shards make: each of them may give it.
func (e *Evaluation) Triples(each func(rdf.Triple) error) error {
	if err := e.q.is(sparql.Construct, sparql.Describe); err != nil {
		return err
	}
	defer e.end()
	return e.triples(each)
}

// succession evaluates a query over one shard after the other.
type succession struct {
	q    *Query
	ctx  context.Context
	held *Held
	id   Identity
}

// each calls fn for each shard.
func (s *succession) each(fn func(r store.Reader, id Identity) error) error {
	for i, r := range s.held.Views {
		id := s.id
		id.ID = fmt.Sprint(id.ID, " ", i) // labels of new blank nodes are made of it: no two shards make the same
		if err := fn(r, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *succession) rows(each func([]rdf.Term) error) error {
	return s.each(func(r store.Reader, id Identity) error { return s.q.Select(s.ctx, r, id, each) })
}

func (s *succession) triples(each func(rdf.Triple) error) error {
	return s.each(func(r store.Reader, id Identity) error { return s.q.Triples(s.ctx, r, id, each) })
}

func (s *succession) holds() (found bool, err error) {
	err = s.each(func(r store.Reader, id Identity) error {
		if !found {
			found, err = s.q.Ask(s.ctx, r, id)
		}
		return err
	})
	return found, err
}

// Over returns the evaluation of a query over shards, which each of its methods begins.
func (d *Division) Over(ctx context.Context, shards Shards, id Identity) *Evaluation {
	return &Evaluation{d.q, &fragmented{d, ctx, shards, id}, func() {}}
}

// fragmented evaluates a query by fragments.
type fragmented struct {
	d      *Division
	ctx    context.Context
	shards Shards
	id     Identity
}

func (d *fragmented) rows(each func([]rdf.Term) error) error {
	return d.d.Select(d.ctx, d.shards, d.id, each)
}

func (d *fragmented) holds() (bool, error) { return d.d.Ask(d.ctx, d.shards, d.id) }

func (d *fragmented) triples(each func(rdf.Triple) error) error {
	return d.d.Triples(d.ctx, d.shards, d.id, each)
}
