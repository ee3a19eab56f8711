package eval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
)

// Division is a query that was divided among shards: into fragments, which each shard evaluates over its own quads, and what is above
// them, which is evaluated by who asks. It may be evaluated any number of times, and concurrently.
type Division struct {
	q           *Query
	tree        *sparql.Query
	o           Options
	key         Key
	text        string
	fragments   []*algebra.Fragment
	visible     int // fragments that stand in the algebra; those behind them are asked for by paths, lists of graphs and descriptions
	fingerprint [16]byte

	hidden    []*algebra.Fragment
	once      sync.Once // undivided is made when it is needed
	undivided *Division
	broken    error

	paths     map[*algebra.Path]*pathFragments
	listing   *algebra.Fragment   // of the named graphs
	described []*algebra.Fragment // the triples of a resource, in the default graph and in the others
}

// Shards are the shards that a query is about, at the positions that it reads. All methods may be called concurrently.
type Shards interface {
	// Number is how many there are. They are numbered from 0.
	Number() int
	// Of returns the shard that has the quads of a key: a subject, or a graph, of which the zero Term is the default graph.
	Of(key rdf.Term) int
	// Ask has a request answered by a shard ([Answerer.Answer]), and calls part for each part of the answer, in their order and one
	// after the other. A part belongs to who gets it. The shard has to wait while a part is being taken, so that what is on its way is
	// bounded. It is called concurrently, for the same shard too, and from within part. It returns the error of part, which ends the
	// answer at the shard as well; that of the context, soon after that ends; or its own if the answer is not whole. A request may only be
	// put to another copy if no part has been given. Whoever bounds the answers that are under way bounds queries instead: of one query,
	// an answer may have to wait until another is whole.
	Ask(ctx context.Context, shard int, request []byte, part func(block []byte) error) error
}

// Divide divides a query among shards by a key. The tree must not be changed any more. The error is an [ErrBudget] for a query with more
// variables or fragments than a request can name, and one of its own for a key that there isn't.
func Divide(q *sparql.Query, key Key, o Options) (*Division, error) {
	if !slices.Contains([]Key{KeySubject, KeyGraph, KeyDataset}, key) {
		return nil, fmt.Errorf("shards can't be divided by %q: the keys are %q, %q and %q", key, KeySubject, KeyGraph, KeyDataset)
	}
	return newDivision(q, q.String(), key, o)
}

// Form says which of [Division.Select], [Division.Ask] and [Division.Triples] evaluates the query.
func (d *Division) Form() sparql.Form { return d.q.form }

// Vars are the columns of a SELECT.
func (d *Division) Vars() []sparql.Var { return d.q.Vars() }

// Local returns the key of the only shard that the query needs, if that is known: then it may as well be evaluated there as a whole
// ([Query]). For [KeyDataset] the key is the zero Term.
func (d *Division) Local() (key rdf.Term, ok bool) {
	if f, whole := d.q.algebra.Op.(*algebra.Fragment); !whole || len(f.Keys) != 1 {
		return rdf.Term{}, false
	}
	for _, f := range d.fragments {
		if len(f.Keys) != 1 || f.Keys[0] != d.fragments[0].Keys[0] {
			return rdf.Term{}, false
		}
	}
	return d.fragments[0].Keys[0], true
}

// Select evaluates a SELECT over shards and calls each for its rows, as [Query.Select] does. Errors are those of that and of the shards.
func (d *Division) Select(ctx context.Context, shards Shards, id Identity, each func([]rdf.Term) error) error {
	if err := d.q.is(sparql.Select); err != nil {
		return err
	}
	d, err := d.of(shards)
	if err != nil {
		return err
	}
	if f, ok := d.q.algebra.Op.(*algebra.Fragment); ok && !f.Merged {
		x := d.asker(ctx, shards, id)
		defer x.end()
		return x.rows(f, d.q.algebra.Columns, each)
	}
	run, err := d.start(ctx, shards, id)
	if err != nil {
		return err
	}
	defer run.end()
	return run.rows(each)
}

// of returns the division for so many shards: one shard evaluates all as it is.
func (d *Division) of(shards Shards) (*Division, error) {
	if d.key == KeyDataset || shards.Number() != 1 {
		return d, nil
	}
	d.once.Do(func() { d.undivided, d.broken = newDivision(d.tree, d.text, KeyDataset, d.o) })
	return d.undivided, d.broken
}

// Ask evaluates an ASK over shards. Errors are those of [Division.Select].
func (d *Division) Ask(ctx context.Context, shards Shards, id Identity) (bool, error) {
	if err := d.q.is(sparql.Ask); err != nil {
		return false, err
	}
	run, err := d.start(ctx, shards, id)
	if err != nil {
		return false, err
	}
	defer run.end()
	return run.holds()
}

// Triples evaluates a CONSTRUCT or a DESCRIBE over shards, as [Query.Triples] does. Errors are those of [Division.Select].
func (d *Division) Triples(ctx context.Context, shards Shards, id Identity, each func(rdf.Triple) error) error {
	if err := d.q.is(sparql.Construct, sparql.Describe); err != nil {
		return err
	}
	run, err := d.start(ctx, shards, id)
	if err != nil {
		return err
	}
	defer run.end()
	return run.triples(each)
}

// Explain is [Query.Explain] over shards: each fragment is shown with the shards that it is for, and the rows that came from them.
func (d *Division) Explain(ctx context.Context, shards Shards, id Identity, analyze bool) (Plan, error) {
	run, err := d.startWith(ctx, shards, id, 0)
	if err != nil {
		return Plan{}, err
	}
	defer run.end()
	return run.explain(analyze)
}

// asker is an evaluation that reads nothing but what shards answer.
func (d *Division) asker(ctx context.Context, shards Shards, id Identity) *exec {
	x := newExec(ctx, nowhere{}, &d.q.o, id)
	x.asking = &asking{Division: d, shards: shards, id: id}
	return x
}

// start begins an evaluation. A fragment that stands alone is read whatever is expected of it.
func (d *Division) start(ctx context.Context, shards Shards, id Identity) (*run, error) {
	return d.startWith(ctx, shards, id, 1)
}

// startWith begins an evaluation, and asks what is expected of fragments if there are more than few.
func (d *Division) startWith(ctx context.Context, shards Shards, id Identity, few int) (*run, error) {
	d, err := d.of(shards)
	if err != nil {
		return nil, err
	}
	x := d.asker(ctx, shards, id)
	err = x.dataset(d.q.data, rdf.Term{})
	if err == nil && d.visible+len(d.paths) > few {
		err = x.describeFragments()
	}
	if err == nil {
		var run *run
		if run, err = x.start(d.q.algebra); err == nil {
			return run, nil
		}
	}
	x.end()
	return nil, err
}

// asking is what an evaluation over shards knows of them.
type asking struct {
	*Division
	shards    Shards
	id        Identity
	estimates []fragment.Estimate // of the fragments, over all shards; nil if nobody has asked
}

// request is a request about a fragment.
func (a *asking) request(number int) *fragment.Request {
	return &fragment.Request{
		Query: a.text, Key: string(a.key), Base: a.q.o.Base, Union: a.q.o.UnionDefault, ID: a.id.ID, Time: a.id.Time,
		Fingerprint: a.fingerprint, Fragment: number,
	}
}

// describeFragments asks all shards how many rows the fragments have.
func (x *exec) describeFragments() error {
	a := x.asking
	var all []asked
	for shard := range a.shards.Number() {
		all = append(all, asked{shard, a.request(fragment.Describe).Append(nil)})
	}
	a.estimates = make([]fragment.Estimate, len(a.fragments))
	return x.gather(all, func(_ int, part []byte) error {
		of, err := fragment.ParseEstimates(part, len(a.fragments))
		for i, e := range of {
			a.estimates[i].Rows += e.Rows
			a.estimates[i].Keys += e.Keys
		}
		return err
	})
}

// estimate is about how many rows a fragment has in all, and how many keys they have.
func (a *asking) estimate(f *algebra.Fragment) fragment.Estimate {
	if a == nil || a.estimates == nil {
		return fragment.Estimate{Rows: reached, Keys: reached}
	}
	return a.estimates[f.Number]
}

// steps is what a path asks shards for, nil if it asks for nothing: its graph has no quads, or there are no shards.
func (a *asking) steps(op *algebra.Path) *pathFragments {
	if a == nil {
		return nil
	}
	return a.paths[op]
}

// fan is how many shards a fragment is asked of, if its key is not bound.
func (a *asking) fan(f *algebra.Fragment) float64 {
	if f.Keys != nil {
		return math.Min(float64(len(f.Keys)), float64(a.shards.Number()))
	}
	return float64(a.shards.Number())
}
