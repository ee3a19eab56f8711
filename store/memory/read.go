package memory

import (
	"iter"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// open panics if the transaction has ended. What it reads, and what the methods below read, needs no lock: only the writer
// changes it, who is the caller.
func (t *tx) open() *Store {
	if t.m.tx != t {
		panic("store: the transaction has ended")
	}
	return t.m
}

func (t *tx) Lookup(term rdf.Term) (store.ID, bool, error) {
	d := &t.open().terms
	id, ok := d.find(term.String(), d.hash(term.String()))
	if !ok {
		return store.Any, false, nil
	}
	return public(id), true, nil
}

func (t *tx) Term(id store.ID) (rdf.Term, error) {
	d := &t.open().terms
	switch {
	case id == store.DefaultGraph:
		return rdf.Term{}, nil
	case id == store.Any || id > math.MaxUint32 || !d.used(uint32(id)):
		return rdf.Term{}, store.ErrNoTerm
	}
	return rdf.Trusted(d.text(uint32(id))), nil
}

func (t *tx) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		m := t.open()
		c, ok := compile(p)
		switch {
		case !ok:
		case c.exact():
			if _, there := m.quads.find(c.want, m.quads.hash(c.want)); there {
				yield(store.Quad(p), nil)
			}
		default:
			t.scan(&c, yield)
		}
	}
}

// scan yields the quads that fit, by a look at those of the subject, or at all.
func (t *tx) scan(p *pattern, yield func(store.Quad, error) bool) {
	m, changes := t.m, t.m.changes
	rows := m.quads.all()
	if p.mask[0] != 0 {
		rows = m.quads.of(p.want[0])
	}
	for row := range rows {
		q := m.quads.rows.at(row)
		if !p.fits(q) {
			continue
		}
		if !yield(publicQuad(q), nil) {
			return
		}
		if m.changes != changes { // the rows are others
			yield(store.Quad{}, store.ErrChanged)
			return
		}
	}
}

func (t *tx) Count(p store.Pattern) (n int, err error) {
	if p == (store.Pattern{}) {
		return int(t.open().quads.len), nil
	}
	for _, err := range t.Match(p) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (t *tx) Statistics(predicate store.ID) (store.Statistics, error) { return count(t, predicate) }

// count finds the statistics by a look at every quad.
func count(r store.Reader, predicate store.ID) (s store.Statistics, err error) {
	subjects, objects := map[store.ID]struct{}{}, map[store.ID]struct{}{}
	for q, err := range r.Match(store.Pattern{P: predicate}) {
		if err != nil {
			return store.Statistics{}, err
		}
		s.Quads++
		subjects[q.S], objects[q.O] = struct{}{}, struct{}{}
	}
	s.Subjects, s.Objects = len(subjects), len(objects)
	return s, nil
}
