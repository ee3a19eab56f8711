package eval

import (
	"container/heap"
	"errors"
	"slices"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
	"github.com/quadrille-stream/quadrille/store"
)

// order plans ORDER BY; most is the number of rows that are asked for, -1 for all.
func (p *planner) order(op *algebra.Order, most int64, g given) (*node, error) {
	inner, err := p.plan(op.Op, g)
	if err != nil {
		return nil, err
	}
	after := p.after(g, op.Op, inner.estimate)
	n := &node{name: "Order", parts: []*node{inner}, estimate: inner.estimate}
	keys := make([]planned, len(op.Keys))
	for i, key := range op.Keys {
		if keys[i], err = p.expr(key.Expr, after); err != nil {
			return nil, err
		}
	}
	n.parts = append(n.parts, existsParts(keys)...)
	n.build = func(next stage) (stage, error) {
		s := &order{x: p.exec, op: op, most: most, sol: &solution{x: p.exec}, out: p.output(n, next)}
		var err error
		if s.keys, err = p.compileAll(keys, s.sol); err != nil {
			return nil, err
		}
		p.stages = append(p.stages, s)
		return inner.build(s)
	}
	return n, nil
}

// order sorts rows: in runs, which are merged, so that no step takes long.
type order struct {
	x    *exec
	op   *algebra.Order
	most int64
	keys []expr.Func
	sol  *solution

	rows   []sorted // without a bound: those of the run that grows; else a heap with the last row first
	runs   [][]sorted
	held   int64
	number uint64
	err    error // of a look at the context while rows were compared
	out    *output
}

// sorted is a row with the values of its keys.
type sorted struct {
	ids    []store.ID
	keys   []value.Value
	number uint64 // rows that are beside each other stay in the order in which they came
}

// runRows is the number of rows of a run.
const runRows = 1 << 13

func (s *order) push(b *block) error {
	for i := range b.n {
		if err := s.take(b.row(i)); err != nil {
			return err
		}
	}
	return s.x.step(b.n)
}

// take keeps a row, if it may be one of those that are asked for.
func (s *order) take(r row) error {
	s.number++
	s.sol.row, s.sol.number = r, s.number
	one := sorted{keys: make([]value.Value, len(s.keys)), number: s.number}
	for i, f := range s.keys {
		v, err := f(s.sol)
		if err != nil && !errors.Is(err, value.ErrType) {
			return err
		}
		if err == nil {
			one.keys[i] = v
		}
	}
	if s.most >= 0 {
		return s.among(one, r)
	}
	if err := s.keep(&one, r); err != nil {
		return err
	}
	s.rows = append(s.rows, one)
	if len(s.rows) == runRows {
		s.endRun()
	}
	return s.err
}

// keep copies what a row needs. Values of a store's terms may keep more than their own text alive.
func (s *order) keep(one *sorted, r row) error {
	one.ids = append(one.ids[:0], r...)
	cost := s.cost(one)
	s.held += cost
	return s.x.hold(cost)
}

// sortedCost is what a row costs besides its ids and keys, keyCost what a key does besides the text of its value.
const (
	sortedCost = 64
	keyCost    = 64
)

func (s *order) cost(one *sorted) int64 {
	return int64(sortedCost + 8*len(one.ids) + keyCost*len(one.keys))
}

// among keeps a row if it comes before the last one of those that are asked for.
func (s *order) among(one sorted, r row) error {
	h := (*lastFirst)(s)
	if int64(len(s.rows)) < s.most {
		if err := s.keep(&one, r); err != nil {
			return err
		}
		heap.Push(h, one)
		return s.err
	}
	if s.most == 0 || s.compare(&one, &s.rows[0]) >= 0 {
		return s.err
	}
	one.ids = append(s.rows[0].ids[:0], r...)
	s.rows[0] = one
	heap.Fix(h, 0)
	return s.err
}

// compare is the order of rows. After an error, which is in err, all are the same.
func (s *order) compare(a, b *sorted) int {
	if s.err == nil {
		s.err = s.x.work(len(s.op.Keys))
	}
	if s.err != nil {
		return 0
	}
	for i := range s.op.Keys {
		c := value.Order(a.keys[i], b.keys[i])
		if long := min(a.keys[i].Size(), b.keys[i].Size()); long >= textOfWork {
			s.err = s.x.work(long / textOfWork)
		}
		if c == 0 && s.err == nil {
			continue
		}
		if s.op.Keys[i].Descending {
			return -c
		}
		return c
	}
	switch {
	case a.number < b.number:
		return -1
	case a.number > b.number:
		return 1
	}
	return 0
}

func (s *order) endRun() {
	slices.SortFunc(s.rows, func(a, b sorted) int { return s.compare(&a, &b) })
	s.runs = append(s.runs, s.rows)
	s.rows = nil
}

func (s *order) flush() error {
	if len(s.rows) > 0 {
		s.endRun()
	}
	m := &merging{s}
	heap.Init(m)
	for len(s.runs) > 0 && s.err == nil {
		if _, err := s.out.add(s.runs[0][0].ids); err != nil {
			return err
		}
		if s.runs[0] = s.runs[0][1:]; len(s.runs[0]) > 0 {
			heap.Fix(m, 0)
		} else {
			heap.Pop(m)
		}
	}
	if s.err != nil {
		return s.err
	}
	s.reset()
	return s.out.flush()
}

func (s *order) reset() {
	s.x.release(s.held)
	s.rows, s.runs, s.held, s.number, s.err = nil, nil, 0, 0, nil
}

// lastFirst is a heap of rows whose last is on top.
type lastFirst order

func (h *lastFirst) Len() int           { return len(h.rows) }
func (h *lastFirst) Less(i, j int) bool { return (*order)(h).compare(&h.rows[i], &h.rows[j]) > 0 }
func (h *lastFirst) Swap(i, j int)      { h.rows[i], h.rows[j] = h.rows[j], h.rows[i] }
func (h *lastFirst) Push(one any)       { h.rows = append(h.rows, one.(sorted)) }

// Pop isn't needed: rows only take the place of others.
func (h *lastFirst) Pop() any { return nil }

// merging is a heap of runs, by their first row.
type merging struct{ s *order }

func (m *merging) Len() int           { return len(m.s.runs) }
func (m *merging) Less(i, j int) bool { return m.s.compare(&m.s.runs[i][0], &m.s.runs[j][0]) < 0 }
func (m *merging) Swap(i, j int)      { m.s.runs[i], m.s.runs[j] = m.s.runs[j], m.s.runs[i] }
func (m *merging) Push(any)           {}

func (m *merging) Pop() any {
	last := len(m.s.runs) - 1
	m.s.runs = m.s.runs[:last]
	return nil
}
