package eval

import (
	"iter"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
	"github.com/quadrille-stream/quadrille/store"
)

// importer makes ids of the terms in blocks.
type importer struct {
	x     *exec
	r     fragment.Reader
	terms []store.ID // of the block
	ids   []store.ID
}

// read reads a block and calls each for its rows, whose ids are valid until it returns.
func (m *importer) read(block []byte, each func(number uint64, ids []store.ID) error) error {
	m.terms = m.terms[:0]
	return m.r.Read(block, func(number uint64, cells []fragment.Cell) error {
		if err := m.take(cells); err != nil {
			return err
		}
		return each(number, m.ids)
	})
}

func (m *importer) take(cells []fragment.Cell) error {
	for i := len(m.terms); i < len(m.r.Terms); i++ {
		id, err := m.x.intern(m.r.Terms[i])
		if err != nil {
			return err
		}
		m.terms = append(m.terms, id)
	}
	m.ids = m.ids[:0]
	for _, c := range cells {
		if c.Term >= 0 {
			m.ids = append(m.ids, m.terms[c.Term])
		} else {
			m.ids = append(m.ids, c.ID)
		}
	}
	return nil
}

// rows gives the rows of a fragment that is the whole query, as they come.
func (x *exec) rows(f *algebra.Fragment, columns []algebra.Slot, each func([]rdf.Term) error) error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	at := map[algebra.Slot]int{}
	for i, slot := range f.Slots {
		at[slot] = i
	}
	var requests []asked
	for _, shard := range x.asking.targets(f) {
		requests = append(requests, asked{shard, x.asking.request(f.Number).Append(nil)})
	}
	r := &fragment.Reader{Width: len(f.Slots)}
	terms, inline := make([]rdf.Term, len(columns)), make([]store.ID, len(columns))
	take := func(_ uint64, cells []fragment.Cell) error {
		for i, slot := range columns {
			k, bound := at[slot]
			if !bound {
				continue // nothing binds it
			}
			if err := x.show(&terms[i], &inline[i], cells[k], r.Terms); err != nil {
				return err
			}
		}
		if err := x.step(1); err != nil {
			return err
		}
		return each(terms)
	}
	return x.gather(requests, func(_ int, part []byte) error { return r.Read(part, take) })
}

// show makes the term of a cell; inline is the id of the term that is there, if it has one.
func (x *exec) show(t *rdf.Term, inline *store.ID, c fragment.Cell, terms []rdf.Term) (err error) {
	switch {
	case c.Term >= 0:
		*t, *inline = terms[c.Term], store.Any
	case c.ID == store.Any:
		*t, *inline = rdf.Term{}, store.Any
	case c.ID != *inline:
		*t, err = x.r.Term(c.ID)
		*inline = c.ID
	}
	return err
}

// nowhere reads a store without quads, which knows the ids that are the same everywhere.
type nowhere struct{}

func (nowhere) Lookup(t rdf.Term) (store.ID, bool, error) {
	if t.IsZero() {
		return store.DefaultGraph, true, nil
	}
	id, ok := store.InlineID(t)
	return id, ok, nil
}

func (nowhere) Term(id store.ID) (rdf.Term, error) {
	if id == store.DefaultGraph {
		return rdf.Term{}, nil
	}
	t, ok := store.InlineTerm(id)
	if !ok {
		return t, store.ErrNoTerm
	}
	return t, nil
}

func (nowhere) Match(store.Pattern) iter.Seq2[store.Quad, error] { return none }

func (nowhere) Blocks(store.Pattern, []store.Quad, func([]store.Quad) error) error { return nil }

func (nowhere) Count(store.Pattern) (int, error) { return 0, nil }

func (nowhere) Statistics(store.ID) (store.Statistics, error) { return store.Statistics{}, nil }
