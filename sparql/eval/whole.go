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
	switch {
	case len(h.Views) > maxParts:
	case h.Key == KeySubject:
		w.place = 0
	case h.Key == KeyGraph:
		w.place = 3
	}
	return w
}

// whole reads shards as one store. No quad is in two of them. Who asks for quads of a known key asks one shard, others ask all.
//
// An id says where a term is at home, if the key is the subject: the shard that has the term's quads if it is a subject, and the id there. So
// subjects cost nothing to translate. All other terms, such as literals, and IRIs that their home has never heard of, have ids of a
// dictionary, which counts as memory of the evaluation. What an id of one is in the other is known from the second time on.
//
//	id at home   = 001, shard (17 bits), id in that shard (44 bits)
//	id otherwise = number in the dictionary
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
	r store.Reader
	// known are ids of the whole for those of the part, ids those of the part for the whole's: nothing for a term that it doesn't have.
	known, ids translations
}

const (
	homeBit   store.ID = 1 << 61
	localBits          = 44
	maxLocal  store.ID = 1<<localBits - 1
	maxParts           = 1 << 17
)

// atHome is the id of a term that a part has under an id of its own.
func atHome(part int, id store.ID) store.ID { return homeBit | store.ID(part)<<localBits | id }

// isAtHome reports whether an id says where its term is at home.
func isAtHome(id store.ID) bool { return id < 2*homeBit && id&homeBit != 0 }

// asHome takes such an id apart.
func asHome(id store.ID) (part int, local store.ID) {
	return int(id &^ homeBit >> localBits), id & maxLocal
}

// quadPlaces are the terms of a quad.
func quadPlaces(q *store.Quad) [4]*store.ID { return [4]*store.ID{&q.S, &q.P, &q.O, &q.G} }

// isShared reports whether an id is the same everywhere.
func isShared(id store.ID) bool { return id == store.Any || id >= store.DefaultGraph || id.IsInline() }

// mayBeSubject reports whether a term has a home, if the key is the subject.
func mayBeSubject(t rdf.Term) bool {
	kind := t.Kind()
	return kind == rdf.KindIRI || kind == rdf.KindBlank
}

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
	known, err := w.number(at, id, t)
	if err != nil {
		return store.Any, err
	}
	return known, w.put(&p.known, id, known)
}

// number finds the id of a term that a part has.
func (w *whole) number(at int, id store.ID, t rdf.Term) (store.ID, error) {
	if home, local, ok, err := w.lookupHome(t, at, id); ok || err != nil {
		return atHome(home, local), err
	}
	known, fresh := w.terms.insert(t)
	if !fresh {
		return known, nil
	}
	if err := w.put(&w.parts[at].ids, known, id); err != nil {
		return store.Any, err
	}
	return known, w.x.hold(int64(entryCost + len(t.String())))
}

// lookupHome looks for a term where it is at home. That a part has it under an id is known, -1: of none.
func (w *whole) lookupHome(t rdf.Term, at int, id store.ID) (home int, local store.ID, ok bool, err error) {
	if w.place != 0 || !mayBeSubject(t) {
		return 0, 0, false, nil
	}
	if home = w.of(t); home != at {
		if id, ok, err = w.parts[home].r.Lookup(t); !ok || err != nil {
			return 0, 0, false, err
		}
	}
	return home, id, id <= maxLocal, nil
}

// put keeps a translation.
func (w *whole) put(t *translations, from, to store.ID) error {
	if !t.put(from, to) {
		return nil
	}
	return w.x.hold(t.bytes() * 3 / 4) // of a quarter it is known
}

// translated makes a quad of a part one of the whole. Places that were asked for have their ids already.
func (w *whole) translated(at int, q *store.Quad, asked *store.Pattern) (err error) {
	switch {
	case asked.S != store.Any:
		q.S = asked.S
	case w.place == 0 && q.S <= maxLocal:
		q.S = atHome(at, q.S)
	default:
		q.S, err = w.translate(at, q.S)
	}
	for i, id := range [3]*store.ID{&q.P, &q.O, &q.G} {
		if bound := [3]store.ID{asked.P, asked.O, asked.G}[i]; bound != store.Any {
			*id = bound
		} else if err == nil {
			*id, err = w.translate(at, *id)
		}
	}
	return err
}

// in returns the id that a part has for one of the whole; ok is false if it has none.
func (w *whole) in(at int, id store.ID) (store.ID, bool, error) {
	switch {
	case id > store.DefaultGraph:
		return nothing, false, nil
	case isShared(id):
		return id, true, nil
	case isAtHome(id):
		if home, local := asHome(id); home == at {
			return local, true, nil
		}
	}
	p := &w.parts[at]
	if known := p.ids.get(id); known != store.Any {
		return known, known != nothing, nil
	}
	t, err := w.Term(id)
	if errors.Is(err, store.ErrNoTerm) {
		return nothing, false, nil
	}
	if err != nil {
		return nothing, false, err
	}
	local, ok, err := p.r.Lookup(t)
	if err != nil {
		return nothing, false, err
	}
	if !ok {
		local = nothing
	}
	return local, ok, w.put(&p.ids, id, local)
}

// home returns the part that has the quads of a key, -1 if none has.
func (w *whole) home(key store.ID) (int, error) {
	switch {
	case isAtHome(key):
		home, _ := asHome(key)
		return home, nil
	case w.place == 0 && key <= maxLocal, key > store.DefaultGraph:
		return -1, nil // its home has never heard of it
	}
	t, err := w.Term(key)
	if errors.Is(err, store.ErrNoTerm) {
		return -1, nil
	}
	return w.of(t), err
}

// targets are the parts that may have quads of a pattern.
func (w *whole) targets(p *store.Pattern) ([]int, error) {
	if w.place < 0 {
		return w.all, nil
	}
	key := [4]store.ID{p.S, p.P, p.O, p.G}[w.place]
	if key == store.Any {
		return w.all, nil
	}
	at, err := w.home(key)
	if at < 0 || err != nil {
		return nil, err
	}
	return w.all[at : at+1], nil
}

// each calls fn for the parts that may have quads of a pattern, with the pattern in their ids.
func (w *whole) each(p store.Pattern, fn func(at int, p store.Pattern) error) error {
	targets, err := w.targets(&p)
	if err != nil {
		return err
	}
	for _, at := range targets {
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
	if home, local, ok, err := w.lookupHome(t, -1, 0); ok || err != nil {
		return atHome(home, local), err == nil, err
	}
	if id := w.terms.find(t); id != store.Any {
		return id, true, nil
	}
	for at := range w.parts {
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
	case isAtHome(id):
		if home, local := asHome(id); home < len(w.parts) {
			return w.parts[home].r.Term(local)
		}
	case w.terms.has(id):
		return w.terms.entries[id-1], nil
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

// enoughSampled is the number of quads from which on what some shards have tells what all have.
const enoughSampled = 256

// sampled calls fn for one shard after the other, until they have enough quads together, of which fn returns how many there are. It
// returns how many times as many all have. Where quads are divided by graphs, of which few may have most, all are asked.
func (w *whole) sampled(predicate store.ID, fn func(at int, predicate store.ID) (quads int, err error)) (times float64, err error) {
	quads := 0
	for i := range w.parts {
		id, ok, err := w.in(i, predicate)
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		n, err := fn(i, id)
		if err != nil {
			return 0, err
		}
		if quads += n; quads >= enoughSampled && w.place == 0 {
			return float64(len(w.parts)) / float64(i+1), nil
		}
	}
	return 1, nil
}

// about is about the number of quads that fit a pattern.
func (w *whole) about(p store.Pattern) (float64, error) {
	if targets, err := w.targets(&p); len(targets) < len(w.all) || err != nil {
		n, err := w.Count(p)
		return float64(n), err
	}
	sum := 0
	times, err := w.sampled(p.P, func(at int, _ store.ID) (int, error) {
		there, ok, err := w.pattern(at, p)
		if !ok || err != nil {
			return 0, err
		}
		n, err := w.parts[at].r.Count(there)
		sum += n
		return n, err
	})
	return times * float64(sum), err
}

// Statistics implements [store.Reader]. They are about those of all shards.
func (w *whole) Statistics(predicate store.ID) (all store.Statistics, err error) {
	var subjects, objects different
	times, err := w.sampled(predicate, func(at int, predicate store.ID) (int, error) {
		some, err := w.parts[at].r.Statistics(predicate)
		subjects.add(some.Subjects, some.Quads)
		objects.add(some.Objects, some.Quads)
		return some.Quads, err
	})
	all.Quads = int(times * float64(subjects.quads))
	all.Subjects, all.Objects = subjects.all(times), objects.all(times)
	if w.place == 0 {
		all.Subjects = int(times * float64(subjects.sum))
	}
	return all, err
}

// different estimates how many different terms parts have together.
type different struct{ parts, quads, sum int }

// add adds a part that has so many terms in so many quads.
func (d *different) add(terms, quads int) {
	d.parts, d.quads, d.sum = d.parts+1, d.quads+quads, d.sum+terms
}

// all is about the number in so many times as many parts. What the parts have is taken for draws from as many terms as explain how often
// they come again in one: n draws from m terms give m(1-exp(-n/m)) different ones.
func (d *different) all(times float64) int {
	most := times * float64(d.sum)
	if d.parts == 0 || d.sum == d.quads {
		return int(most)
	}
	n := float64(d.parts)
	drawn, found := float64(d.quads)/n, float64(d.sum)/n
	low, high := found, most
	for range halvings {
		m := (low + high) / 2
		if m*(1-math.Exp(-drawn/m)) < found {
			low = m
		} else {
			high = m
		}
	}
	return int(math.Ceil(low * (1 - math.Exp(-times*float64(d.quads)/low))))
}

// halvings is how often a range is halved in which an estimate is.
const halvings = 16
