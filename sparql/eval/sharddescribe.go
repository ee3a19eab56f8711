package eval

import (
	"iter"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// triples are those of resources, as shards have said.
type triples struct {
	x       *exec
	pullers []*puller
	slots   [3]algebra.Slot
	of      map[store.ID][]store.Quad
	held    int64
}

func newTriples(x *exec) *triples {
	t := &triples{x: x, of: map[store.ID][]store.Quad{}}
	for _, f := range x.asking.described {
		of := f.Op.(*algebra.Pattern)
		t.slots = [3]algebra.Slot{of.S.Slot, of.P.Slot, of.O.Slot}
		t.pullers = append(t.pullers, x.puller(f, of.S.Slot))
	}
	return t
}

// ask asks for the triples of resources, and of the blank nodes that they lead to, breadth first. What was asked for before is
// forgotten. No more is asked for once there is as much as the descriptions may have.
func (t *triples) ask(ids []store.ID) error {
	t.x.release(t.held)
	t.held = 0
	clear(t.of)
	for left := len(ids) * t.x.o.Description; len(ids) > 0 && left > 0; {
		found, err := t.pull(ids)
		if err != nil {
			return err
		}
		left -= len(found)
		if ids, err = t.open(found); err != nil {
			return err
		}
	}
	return nil
}

// pull asks for the triples of ids.
func (t *triples) pull(ids []store.ID) (found []store.Quad, err error) {
	for _, id := range ids {
		t.of[id] = nil
	}
	for _, p := range t.pullers {
		p.sink.each = func(r row) error {
			q := store.Quad{S: r[t.slots[0]], P: r[t.slots[1]], O: r[t.slots[2]]}
			t.of[q.S] = append(t.of[q.S], q)
			found = append(found, q)
			t.held += quadCost
			return t.x.hold(quadCost)
		}
		for _, id := range ids {
			if err := p.add(func(r row) { r[t.slots[0]] = id }); err != nil {
				return nil, err
			}
		}
		if err := p.finish(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// quadCost is what a quad costs that is kept, twice for a while.
const quadCost = 64

// open are the blank nodes among objects that nobody has asked for.
func (t *triples) open(found []store.Quad) (ids []store.ID, err error) {
	seen := map[store.ID]bool{}
	for _, q := range found {
		if _, ok := t.of[q.O]; ok || seen[q.O] {
			continue
		}
		term, err := t.x.term(q.O)
		if err != nil {
			return nil, err
		}
		if term.Kind() == rdf.KindBlank {
			seen[q.O] = true
			ids = append(ids, q.O)
		}
	}
	return ids, nil
}

// about yields the triples of a resource.
func (t *triples) about(id store.ID) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		for _, q := range t.of[id] {
			if !yield(q, nil) {
				return
			}
		}
	}
}
