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
	if id, inline := store.InlineID(term); inline {
		return id, true, nil
	}
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
	case id.IsInline():
		return inlineTerm(id)
	case id == store.Any || id > math.MaxUint32 || !d.used(uint32(id)):
		return rdf.Term{}, store.ErrNoTerm
	}
	return rdf.Trusted(d.text(uint32(id))), nil
}

func inlineTerm(id store.ID) (rdf.Term, error) {
	term, ok := store.InlineTerm(id)
	if !ok {
		return rdf.Term{}, store.ErrNoTerm
	}
	return term, nil
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

// fitting yields the quads that fit: by the index, or by a look at those of the subject, or at all.
func (t *tx) fitting(p *pattern) iter.Seq[quad] {
	m := t.m
	if x := m.index.Load(); x != nil {
		return x.quads(p)
	}
	rows := m.quads.all()
	if p.mask[0] != 0 {
		rows = m.quads.of(p.want[0])
	}
	return func(yield func(quad) bool) {
		for row := range rows {
			if q := m.quads.rows.at(row); p.fits(q) && !yield(*q) {
				return
			}
		}
	}
}

func (t *tx) scan(p *pattern, yield func(store.Quad, error) bool) {
	m, changes := t.m, t.m.changes
	for q := range t.fitting(p) {
		if !yield(publicQuad(&q), nil) {
			return
		}
		if m.changes != changes { // the rows are others
			yield(store.Quad{}, store.ErrChanged)
			return
		}
	}
}

func (t *tx) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	m := t.open()
	x := m.index.Load()
	c, ok := compile(p)
	if x == nil || !ok || c.exact() {
		return store.InBlocks(t.Match(p), block, each)
	}
	changes := m.changes
	return x.blocks(&c, block, each, func() error {
		if m.changes != changes {
			return store.ErrChanged
		}
		return nil
	})
}

func (t *tx) Count(p store.Pattern) (n int, err error) {
	m := t.open()
	if p == (store.Pattern{}) {
		return int(m.quads.len), nil
	}
	if x := m.index.Load(); x != nil {
		if c, ok := compile(p); ok {
			return x.count(&c), nil
		}
		return 0, nil
	}
	return countMatches(t, p)
}

func countMatches(r store.Reader, p store.Pattern) (n int, err error) {
	for _, err := range r.Match(p) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (t *tx) Statistics(predicate store.ID) (store.Statistics, error) {
	m := t.open()
	if m.index.Load() == nil {
		return countTerms(t, predicate)
	}
	return m.statistics(t, predicate)
}

// statistics counts the quads as r does, and takes what else the index knows now, since it is an estimate.
func (m *Store) statistics(r store.Reader, predicate store.ID) (s store.Statistics, err error) {
	if predicate > math.MaxUint32 {
		return s, nil
	}
	quads, err := r.Count(store.Pattern{P: predicate})
	if err != nil || quads == 0 {
		return s, err
	}
	s = m.index.Load().statistics(uint32(predicate))
	return store.Statistics{Quads: quads, Subjects: min(max(s.Subjects, 1), quads), Objects: min(max(s.Objects, 1), quads)}, nil
}

// countTerms finds the statistics by a look at every quad.
func countTerms(r store.Reader, predicate store.ID) (s store.Statistics, err error) {
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
