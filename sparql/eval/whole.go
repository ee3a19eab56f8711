package eval

import (
	"errors"
	"iter"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// newWhole returns a reader of the quads of all shards, which are divided by a key. It is for one evaluation.
func newWhole(x *exec, h *Held) *whole {
	w := &whole{x: x, of: h.Of, place: -1, all: make([]int, len(h.Views)), parts: make([]part, len(h.Views))}
	for i, r := range h.Views {
		w.parts[i].r, w.all[i] = r, i
	}
	switch h.Key {
	case KeySubject:
		w.place = 0
	case KeyGraph:
		w.place = 3
	}
	return w
}

// whole reads shards as one store. No quad is in two of them. Who asks for quads of a known key asks one shard, others ask all.
//
// Ids are those of a dictionary of its own, which has the terms that came across: an id of a shard is one of it by a look at a table, from
// the second time on. What the dictionary takes counts as memory of the evaluation.
type whole struct {
	x     *exec
	of    func(rdf.Term) int
	place int // of the key in a quad, -1 if there is none
	parts []part
	all   []int // the numbers of the parts
	terms dictionary
}

// part is a shard of a whole.
type part struct {
	r     store.Reader
	known translations // of its ids
	// ids are those that it has for the terms of the dictionary, as far as they were needed: store.Any for one that was not, nothing for a
	// term that it doesn't have.
	ids []store.ID
}

// entry is a term that came across, with the shard and the id where it did.
type entry struct {
	term rdf.Term
	id   store.ID
	part int32
	home int32 // the shard that has it as a key, from 1; 0: nobody has asked
}

// quadPlaces are the terms of a quad.
func quadPlaces(q *store.Quad) [4]*store.ID { return [4]*store.ID{&q.S, &q.P, &q.O, &q.G} }

// isShared reports whether an id is the same everywhere.
func isShared(id store.ID) bool { return id == store.Any || id >= store.DefaultGraph || id.IsInline() }

// translate makes an id of a part one of the whole.
func (w *whole) translate(at int, id store.ID) (store.ID, error) {
	if isShared(id) {
		return id, nil
	}
	p := &w.parts[at]
	if known := p.known.get(id); known != store.Any {
		return known, nil
	}
	t, err := p.r.Term(id)
	if err != nil {
		return store.Any, err
	}
	known, fresh := w.terms.insert(t)
	if fresh {
		w.terms.entry(known).part, w.terms.entry(known).id = int32(at), id
		if err := w.x.hold(int64(entryCost + len(t.String()))); err != nil {
			return store.Any, err
		}
	}
	if p.known.put(id, known) {
		err = w.x.hold(p.known.bytes() / 2)
	}
	return known, err
}

// translated makes a quad of a part one of the whole. Places that were asked for have their ids already.
func (w *whole) translated(at int, q *store.Quad, asked *store.Pattern) (err error) {
	bound := [4]store.ID{asked.S, asked.P, asked.O, asked.G}
	for i, id := range quadPlaces(q) {
		if bound[i] != store.Any {
			*id = bound[i]
		} else if *id, err = w.translate(at, *id); err != nil {
			return err
		}
	}
	return nil
}

// in returns the id that a part has for one of the whole; ok is false if it has none.
func (w *whole) in(at int, id store.ID) (store.ID, bool, error) {
	switch {
	case id > store.DefaultGraph:
		return nothing, false, nil
	case isShared(id):
		return id, true, nil
	case !w.terms.has(id):
		return nothing, false, nil
	}
	e := w.terms.entry(id)
	if int(e.part) == at {
		return e.id, true, nil
	}
	p := &w.parts[at]
	if have := len(p.ids); int(id) > have {
		more := w.terms.room() - have
		p.ids = append(p.ids, make([]store.ID, more)...)
		if err := w.x.hold(int64(8 * more)); err != nil {
			return nothing, false, err
		}
	}
	known := &p.ids[id-1]
	if *known == store.Any {
		there, ok, err := p.r.Lookup(e.term)
		if err != nil {
			return nothing, false, err
		}
		if *known = nothing; ok {
			*known = there
		}
	}
	return *known, *known != nothing, nil
}

// home returns the part that has the quads of a key, -1 if none has.
func (w *whole) home(key store.ID) int {
	switch {
	case key == store.DefaultGraph:
		return w.of(rdf.Term{})
	case isShared(key) || !w.terms.has(key):
		return -1
	}
	e := w.terms.entry(key)
	if e.home == 0 {
		e.home = int32(w.of(e.term)) + 1
	}
	return int(e.home) - 1
}

// targets are the parts that may have quads of a pattern.
func (w *whole) targets(p *store.Pattern) []int {
	if w.place < 0 {
		return w.all
	}
	key := [4]store.ID{p.S, p.P, p.O, p.G}[w.place]
	if key == store.Any {
		return w.all
	}
	if at := w.home(key); at >= 0 {
		return w.all[at : at+1]
	}
	return nil
}

// each calls fn for the parts that may have quads of a pattern, with the pattern in their ids.
func (w *whole) each(p store.Pattern, fn func(at int, p store.Pattern) error) error {
	for _, at := range w.targets(&p) {
		there, ok, err := w.pattern(at, p)
		if ok && err == nil {
			err = fn(at, there)
		}
		if err == nil {
			err = w.x.work(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pattern is a pattern in the ids of a part; ok is false if that lacks a term of it.
func (w *whole) pattern(at int, p store.Pattern) (_ store.Pattern, ok bool, err error) {
	for _, id := range quadPlaces((*store.Quad)(&p)) {
		if *id, ok, err = w.in(at, *id); !ok || err != nil {
			return p, false, err
		}
	}
	return p, true, nil
}

// Lookup implements [store.Reader].
func (w *whole) Lookup(t rdf.Term) (store.ID, bool, error) {
	if t.IsZero() {
		return store.DefaultGraph, true, nil
	}
	if id, ok := store.InlineID(t); ok {
		return id, true, nil
	}
	if id := w.terms.find(t); id != store.Any {
		return id, true, nil
	}
	first := w.of(t)
	for i := range w.parts {
		at := (first + i) % len(w.parts)
		id, ok, err := w.parts[at].r.Lookup(t)
		if err != nil {
			return store.Any, false, err
		}
		if ok {
			known, err := w.translate(at, id)
			return known, err == nil, err
		}
	}
	return store.Any, false, nil
}

// Term implements [store.Reader].
func (w *whole) Term(id store.ID) (rdf.Term, error) {
	switch {
	case id == store.DefaultGraph:
		return rdf.Term{}, nil
	case id.IsInline():
		if t, ok := store.InlineTerm(id); ok {
			return t, nil
		}
	case w.terms.has(id):
		return w.terms.entry(id).term, nil
	}
	return rdf.Term{}, store.ErrNoTerm
}

// Match implements [store.Reader].
func (w *whole) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		err := w.each(p, func(at int, there store.Pattern) error {
			for q, err := range w.parts[at].r.Match(there) {
				if err == nil {
					err = w.translated(at, &q, &p)
				}
				if err != nil {
					return err
				}
				if !yield(q, nil) {
					return errFound
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errFound) {
			yield(store.Quad{}, err)
		}
	}
}

// Blocks implements [store.Reader].
func (w *whole) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	return w.each(p, func(at int, there store.Pattern) error {
		return w.parts[at].r.Blocks(there, block, func(quads []store.Quad) error {
			for i := range quads {
				if err := w.translated(at, &quads[i], &p); err != nil {
					return err
				}
			}
			return each(quads)
		})
	})
}

// Count implements [store.Reader].
func (w *whole) Count(p store.Pattern) (n int, err error) {
	err = w.each(p, func(at int, there store.Pattern) error {
		some, err := w.parts[at].r.Count(there)
		n += some
		return err
	})
	return n, err
}

// Statistics implements [store.Reader].
func (w *whole) Statistics(predicate store.ID) (all store.Statistics, err error) {
	var subjects, objects different
	for at := range w.parts {
		id, ok, err := w.in(at, predicate)
		if err != nil {
			return all, err
		}
		if !ok {
			continue
		}
		some, err := w.parts[at].r.Statistics(id)
		if err != nil {
			return all, err
		}
		all.Quads += some.Quads
		subjects.add(some.Subjects, some.Quads)
		objects.add(some.Objects, some.Quads)
	}
	all.Subjects, all.Objects = subjects.all(), objects.all()
	if w.place == 0 {
		all.Subjects = subjects.sum
	}
	return all, nil
}

// different estimates how many different terms parts have together.
type different struct{ parts, quads, sum int }

// add adds a part that has so many terms in so many quads.
func (d *different) add(terms, quads int) {
	d.parts, d.quads, d.sum = d.parts+1, d.quads+quads, d.sum+terms
}

// all is about the number in all parts. What the parts have is taken for draws from as many terms as explain how often they come again
// in one: n draws from m terms give m(1-exp(-n/m)) different ones.
func (d *different) all() int {
	if d.parts < 2 || d.sum == d.quads {
		return d.sum
	}
	n := float64(d.parts)
	drawn, found := float64(d.quads)/n, float64(d.sum)/n
	low, high := found, float64(d.sum)
	for range halvings {
		m := (low + high) / 2
		if m*(1-math.Exp(-drawn/m)) < found {
			low = m
		} else {
			high = m
		}
	}
	return int(math.Ceil(low * (1 - math.Exp(-float64(d.quads)/low))))
}

// halvings is how often a range is halved in which an estimate is.
const halvings = 16
