package graph

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// Trial is an update that isn't carried out: what it would change is asked.
type Trial struct {
	// Text is the update: SPARQL.
	Text string
	// Base is what relative IRIs of the text are resolved against where it has no BASE; empty: they are mistakes.
	Base string
	// ID is what RAND, UUID, STRUUID and the labels of new blank nodes are made of: with the same on the same quads they are the same.
	// Empty: they are new.
	ID string
	// Now is what NOW gives. Default: the time of the call.
	Now time.Time
	// After and Time are those of a [Question].
	After engine.Cursor
	Time  time.Duration
}

// Delta is what an update would change.
type Delta struct {
	// Cut is how far each shard goes that was looked at.
	Cut engine.Cursor

	net patch.Net
}

// Emit hands the delta to c, once: as one transaction, deletions first, each row a real change, each quad at most once.
func (d *Delta) Emit(c patch.Change) error { return d.net.Emit(c) }

// Try returns what an update would change on a cut of the shards (see [Graph.Query]), which nobody changes: also of an update that is not
// local to a shard. Each of its operations is evaluated over all shards, as a query is, on what those before it would have done, which
// only this call sees. What it would change has at most 64 MiB as rows. What a pipeline makes of the update later may be something
// else, since others change it meanwhile.
//
// Errors are those of [Graph.Query]; *[NotLocalError] for LOAD and SERVICE, since a node asks nobody; [eval.ErrNoGraph]; and [event.ErrBusy],
// too, if nodes get lost again and again.
func (g *Graph) Try(ctx context.Context, t Trial) (d *Delta, err error) {
	err = g.admitted(t.Text, func() error {
		d, err = g.tryInTime(ctx, &t)
		return err
	})
	return d, err
}

func (g *Graph) tryInTime(ctx context.Context, t *Trial) (*Delta, error) {
	tree, err := g.trialTree(t)
	if err != nil {
		return nil, err
	}
	limit := min(cmp.Or(t.Time, g.queries.Time), g.queries.Time)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: it took more than %v; change less at once", context.DeadlineExceeded, limit))
	defer cancel()
	end, err := g.queries.run(ctx)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	defer end()
	id := eval.Identity{ID: cmp.Or(t.ID, rand.Text()), Time: t.Now}
	if id.Time.IsZero() {
		id.Time = time.Now()
	}
	for try := 1; ; try++ {
		d, err := g.try(ctx, tree, t, id)
		switch {
		case !errors.Is(err, errLost) || ctx.Err() != nil:
			return d, causeOf(ctx, err)
		case try == tries:
			return nil, fmt.Errorf("%w: %w; ask again", event.ErrBusy, err)
		}
	}
}

// trialTree reads an update.
func (g *Graph) trialTree(t *Trial) (*sparql.Update, error) {
	tree, err := sparql.ParseUpdate(t.Text, sparql.Base(t.Base))
	if err != nil {
		return nil, err
	}
	if err := eval.Outside(tree); err != nil {
		if local, not := errors.AsType[*eval.NotLocalError](err); not {
			return nil, &NotLocalError{local, true}
		}
		return nil, err
	}
	return tree, g.checkCursor(t.After)
}

// try is Try over shards that are pinned once.
func (g *Graph) try(ctx context.Context, tree *sparql.Update, of *Trial, id eval.Identity) (_ *Delta, err error) {
	p, pinned, err := g.pinAll(ctx, &asked{after: of.After}, g.triedShards(tree))
	if err != nil {
		return nil, err
	}
	defer p.release()
	d := &Delta{Cut: p.marks, net: patch.Net{Effective: true}}
	limits := &g.queries.QueryLimits
	t := &trial{pinned: p, ctx: pinned, prologue: tree.Prologue, id: id, net: &d.net,
		options: eval.Options{Steps: limits.Steps, Memory: limits.Memory, Pool: g.queries.memory, Base: of.Base}}
	defer func() { g.queries.memory.Give(int64(t.taken)) }()
	if err = d.net.Begin(); err != nil {
		return nil, err
	}
	for i, op := range tree.Operations {
		t.number = i
		if err = t.operation(op); err != nil {
			err = fmt.Errorf("operation %d: %w", i+1, err)
			break
		}
	}
	if lost := context.Cause(pinned); err != nil && ctx.Err() == nil && lost != nil {
		return nil, lost
	}
	return d, cmp.Or(err, d.net.Commit())
}

// triedShards are those that an update can be about.
func (g *Graph) triedShards(tree *sparql.Update) []int {
	where, err := eval.LocalUpdate(tree, eval.Key(g.splitter.Key))
	switch {
	case err == nil && g.splitter.Key == Dataset:
		return []int{g.shardOf(rdf.Term{})}
	case err == nil && !where.Every && len(where.Keys) == 1 && where.Keys[0].Kind() != rdf.KindBlank && !slices.ContainsFunc(tree.Operations, looksForGraph):
		return []int{g.shardOf(where.Keys[0])}
	}
	return g.allShards()
}

// looksForGraph reports whether it is asked besides, in all shards, whether a graph is there.
func looksForGraph(op sparql.Operation) bool {
	m, is := op.(*sparql.Modify)
	return is && !m.With.IsZero()
}

// trial is an update that is tried.
type trial struct {
	*pinned
	ctx      context.Context // of the shards
	prologue sparql.Prologue
	id       eval.Identity
	options  eval.Options
	net      *patch.Net // what has changed so far
	number   int        // of the operation
	taken    int        // bytes of all rows

	deletes, inserts rowsByShard // of the operation
}

// rowsByShard are the rows of one kind, each once.
type rowsByShard struct {
	seen map[rdf.Quad]struct{}
	text map[int][]byte
}

// add takes a quad, by add's form of a row.
func (t *trial) add(to *rowsByShard, q rdf.Quad, row func([]byte, rdf.Quad) []byte) error {
	if to.seen == nil {
		to.seen, to.text = map[rdf.Quad]struct{}{}, map[int][]byte{}
	}
	if _, twice := to.seen[q]; twice {
		return nil
	}
	q = q.Clone()
	s := t.g.shardOfQuad(q)
	to.seen[q] = struct{}{}
	before := len(to.text[s])
	to.text[s] = row(to.text[s], q)
	more := len(to.text[s]) - before
	if t.taken+more > maxTried {
		return fmt.Errorf("%w: it comes to more than %d bytes of changes; try it in parts", event.ErrTooLarge, maxTried)
	}
	err := t.options.Pool.Take(int64(more))
	if err == nil {
		t.taken += more
	}
	return err
}

func (t *trial) insert(q rdf.Quad) error { return t.add(&t.inserts, q, patch.AppendAdd) }
func (t *trial) delete(q rdf.Quad) error { return t.add(&t.deletes, q, patch.AppendDelete) }

// flush makes the changes of an operation, deletions first, and takes those that are some.
func (t *trial) flush() error {
	for s := range t.g.Shards() {
		rows := append(inOrder(t.deletes.text[s]), inOrder(t.inserts.text[s])...)
		if len(rows) == 0 {
			continue
		}
		effective, err := t.change(t.ctx, s, rows)
		if err != nil {
			return err
		}
		for row, err := range patch.Rows(effective, patch.Trusted()) {
			switch {
			case err != nil:
			case row.Deleted:
				err = t.net.Delete(row.Quad)
			default:
				err = t.net.Add(row.Quad)
			}
			if err != nil {
				return err
			}
		}
	}
	t.deletes, t.inserts = rowsByShard{}, rowsByShard{}
	return nil
}

// inOrder are rows in an order that doesn't depend on which solution came first.
func inOrder(rows []byte) []byte {
	lines := bytes.SplitAfter(rows, []byte("\n"))
	slices.SortFunc(lines, bytes.Compare)
	return bytes.Join(lines, nil)
}

// operation tries an operation, on what those before it have done.
func (t *trial) operation(op sparql.Operation) (err error) {
	switch op := op.(type) {
	case *sparql.InsertData:
		err = t.data(op.Quads, t.insert)
	case *sparql.DeleteData:
		err = t.data(op.Quads, t.delete)
	case *sparql.Modify:
		err = t.modify(op)
	case *sparql.Manage:
		for _, clear := range clearing(op) {
			err = cmp.Or(err, t.modify(clear))
		}
	case *sparql.Transfer:
		err = t.transfer(op)
	default:
		err = fmt.Errorf("%T can't be tried", op)
	}
	if err != nil {
		return err
	}
	return t.flush()
}

// data takes the quads of INSERT DATA and DELETE DATA.
func (t *trial) data(quads []sparql.Quad, take func(rdf.Quad) error) error {
	for i := range quads {
		q, err := eval.Ground(&quads[i], t.prefix)
		if err == nil {
			err = cmp.Or(take(q), t.ctx.Err())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// modify takes what the solutions of a DELETE … INSERT … WHERE delete and insert.
func (t *trial) modify(op *sparql.Modify) error {
	q, vars := solving(t.prologue, op)
	if err := t.with(op, q); err != nil {
		return err
	}
	d, err := t.g.division(q, t.options)
	if err != nil {
		return err
	}
	made := &instance{places: vars, prefix: t.prefix(), alike: map[string]int{}}
	id := t.id
	id.ID = fmt.Sprint(id.ID, " ", t.number)
	return d.Select(t.ctx, t, id, func(row []rdf.Term) error {
		made.solution(row)
		for i := range op.Delete {
			if q, ok := made.quad(&op.Delete[i], op.With); ok {
				if err := t.delete(q); err != nil {
					return err
				}
			}
		}
		for i := range op.Insert {
			if q, ok := made.quad(&op.Insert[i], op.With); ok {
				if err := t.insert(q); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// with has a query look at the graph of WITH as its default graph, beside the named graphs that there are. A graph without quads is none to
// GRAPH, which has no solutions there; as a default graph it is an empty one.
func (t *trial) with(op *sparql.Modify, q *sparql.Query) error {
	if op.With.IsZero() || len(op.Using.Default)+len(op.Using.Named) > 0 {
		return nil
	}
	there, err := t.isThere(op.With)
	switch {
	case err != nil:
		return err
	case there:
		q.Where = named(sparql.Node{Term: op.With}, op.Where)
		return nil
	}
	g := sparql.Var("g")
	d, err := t.g.division(&sparql.Query{Distinct: true, Project: []sparql.Projection{{Var: g}}, Where: named(sparql.Node{Var: g}, inGraph(rdf.Term{}))}, t.options)
	if err != nil {
		return err
	}
	q.Dataset.Default = []rdf.Term{op.With}
	return d.Select(t.ctx, t, t.id, func(row []rdf.Term) error {
		if row[0].Kind() == rdf.KindIRI { // FROM NAMED names no other
			q.Dataset.Named = append(q.Dataset.Named, row[0].Clone())
		}
		return nil
	})
}

// transfer takes what ADD, MOVE and COPY change.
func (t *trial) transfer(op *sparql.Transfer) error {
	if op.From == op.To {
		return nil
	}
	if !op.From.IsZero() {
		there, err := t.isThere(op.From)
		switch {
		case err != nil:
			return err
		case !there && op.Silent:
			return nil
		case !there:
			return fmt.Errorf("%w: %s has no quads", eval.ErrNoGraph, op.From)
		}
	}
	if op.Kind != sparql.TransferAdd {
		if err := t.modify(clearingGraph(op.To)); err != nil {
			return err
		}
	}
	all := &sparql.Modify{Insert: []sparql.Quad{{Triple: anyTriple, G: sparql.Node{Term: op.To}}}, Where: inGraph(op.From)}
	if op.Kind == sparql.TransferMove {
		all.Delete = []sparql.Quad{{Triple: anyTriple, G: sparql.Node{Term: op.From}}}
	}
	return t.modify(all)
}

// isThere reports whether a graph has quads.
func (t *trial) isThere(graph rdf.Term) (bool, error) {
	d, err := t.g.division(&sparql.Query{Form: sparql.Ask, Where: inGraph(graph)}, t.options)
	if err != nil {
		return false, err
	}
	return d.Ask(t.ctx, t, t.id)
}

// prefix is what labels of new blank nodes of the operation begin with.
func (t *trial) prefix() string {
	return "t" + strings.ToLower(shortHash(fmt.Sprint(t.id.ID, " ", t.number)))
}
