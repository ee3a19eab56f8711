package eval

import (
	"context"
	"errors"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
	"github.com/quadrille-stream/quadrille/store"
)

// checkEvery is the number of steps between two looks at the context.
const checkEvery = 1024

// firstComputed is the id of the first term that is in no quad.
const firstComputed = store.DefaultGraph + 1

// exec is one evaluation: the reader, what is computed, and what it has cost so far.
type exec struct {
	ctx  context.Context
	r    store.Reader
	o    *Options
	data dataset
	id   identity
	env  expr.Env
	// asking is what is known of shards, if those are asked for what r would have.
	asking *asking
	// whole is r, if that is shards as one.
	whole *whole

	recent [recents]interned // the last that were looked up
	oldest int               // of recent

	ids   map[rdf.Term]store.ID // of terms that are no part of a quad
	terms []rdf.Term            // from firstComputed
	cache []decoded
	count int // of values that were decoded

	width  int // of a row
	stages []resetter

	steps, unchecked, held int64
	taken                  int64 // from the pool
}

// recents is the number of terms of the text that are known without a look at the store: most texts name few, and those again and
// again.
const recents = 8

// interned is a term that is not zero, with its id.
type interned struct {
	term rdf.Term
	id   store.ID
}

// decoded is an id with its value.
type decoded struct {
	id store.ID
	v  value.Value
}

// resetter forgets what a stage holds, when a pipeline was left before its end.
type resetter interface{ reset() }

// step counts steps, and looks at the context now and then.
func (x *exec) step(n int) error {
	x.steps += int64(n)
	if x.steps > x.o.Steps {
		return &BudgetError{"Steps", x.o.Steps}
	}
	x.unchecked += int64(n)
	if n != 0 && x.unchecked < checkEvery {
		return nil
	}
	x.unchecked = 0
	return x.ctx.Err()
}

// work counts what expressions and sorting do, which is no step, and looks at the context now and then.
func (x *exec) work(n int) error {
	if x.unchecked += int64(n); x.unchecked < checkEvery {
		return nil
	}
	return x.step(0)
}

// hold counts bytes that are kept until they are released.
func (x *exec) hold(bytes int64) error {
	x.held += bytes
	if x.held > x.o.Memory {
		return &BudgetError{"Memory", x.o.Memory}
	}
	if x.held > x.taken && x.o.Pool != nil {
		return x.lease()
	}
	return nil
}

func (x *exec) release(bytes int64) {
	x.held -= bytes
	x.unlease()
}

// termCost is what a term costs besides its text: in the map, and in the list.
const termCost = 80

// intern returns the id of a term, also of one that no quad has.
func (x *exec) intern(t rdf.Term) (store.ID, error) {
	if t.IsZero() {
		return store.Any, nil
	}
	if id, ok := x.ids[t]; ok {
		return id, nil
	}
	id, ok, err := x.r.Lookup(t)
	if err != nil || ok {
		return id, err
	}
	t = t.Clone()
	if err := x.hold(int64(len(t.String())) + termCost); err != nil {
		return store.Any, err
	}
	id = firstComputed + store.ID(len(x.terms))
	x.terms = append(x.terms, t)
	if x.ids == nil {
		x.ids = map[rdf.Term]store.ID{}
	}
	x.ids[t] = id
	return id, nil
}

// constant is intern for a term of the text, which stays as it is.
func (x *exec) constant(t rdf.Term) (store.ID, error) {
	if id, ok, err := x.known(t); ok || err != nil {
		return id, err
	}
	return x.intern(t)
}

// known returns the id of a term of the text that is not zero; ok is false for one that no quad has.
func (x *exec) known(t rdf.Term) (id store.ID, ok bool, err error) {
	for i := range x.recent {
		if x.recent[i].term == t {
			return x.recent[i].id, true, nil
		}
	}
	if id, ok, err = x.r.Lookup(t); ok && err == nil {
		x.recent[x.oldest] = interned{t, id}
		x.oldest = (x.oldest + 1) % recents
	}
	return id, ok, err
}

// quad decodes a quad.
func (x *exec) quad(ids store.Quad) (q rdf.Quad, err error) {
	for i, to := range [...]*rdf.Term{&q.S, &q.P, &q.O, &q.G} {
		id := [...]store.ID{ids.S, ids.P, ids.O, ids.G}[i]
		if id == store.DefaultGraph {
			continue
		}
		if *to, err = x.term(id); err != nil {
			return q, err
		}
	}
	return q, nil
}

// term returns the term of an id, the zero Term for store.Any and for the default graph.
func (x *exec) term(id store.ID) (rdf.Term, error) {
	switch {
	case id >= firstComputed:
		return x.terms[id-firstComputed], nil
	case id == store.Any:
		return rdf.Term{}, nil
	}
	for i := range x.recent {
		if x.recent[i].id == id {
			return x.recent[i].term, nil
		}
	}
	return x.r.Term(id)
}

// cached is the number of values that are kept, firstCached that of who has not decoded a few yet, both powers of 2: most updates decode
// two or three.
const (
	firstCached = 8
	cached      = 256
)

// value returns the value of an id that is bound.
func (x *exec) value(id store.ID) (value.Value, error) {
	if x.cache == nil {
		x.cache = make([]decoded, firstCached)
	}
	entry := &x.cache[id%store.ID(len(x.cache))]
	if entry.id != id {
		t, err := x.term(id)
		if err != nil {
			return value.Value{}, err
		}
		if x.count++; x.count > firstCached && len(x.cache) < cached {
			x.cache = make([]decoded, cached)
			entry = &x.cache[id%cached]
		}
		*entry = decoded{id, value.Of(t)}
	}
	return entry.v, nil
}

// textOfWork is how many bytes of a text count as a step of work.
const textOfWork = 64

// solution is a row as expressions read it.
type solution struct {
	x      *exec
	row    row
	number uint64
	// at is which row of its block it is, if it is marked for the patterns of EXISTS.
	at     int
	marked bool
}

func (s *solution) Value(slot int) (value.Value, bool, error) {
	id := s.row[slot]
	if id == store.Any {
		return value.Value{}, false, nil
	}
	v, err := s.x.value(id)
	if err == nil {
		err = s.x.work(1 + v.Size()/textOfWork)
	}
	return v, true, err
}

func (s *solution) Number() uint64 { return s.number }

// compute returns the id of an expression's value, store.Any if it is an error of the expression.
func (x *exec) compute(f expr.Func, sol *solution) (store.ID, error) {
	v, err := f(sol)
	switch {
	case errors.Is(err, value.ErrType):
		return store.Any, nil
	case err != nil:
		return store.Any, err
	}
	if err := x.work(v.Size() / textOfWork); err != nil {
		return store.Any, err
	}
	return x.intern(v.Term())
}
