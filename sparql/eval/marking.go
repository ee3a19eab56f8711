package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// marking finds out for which rows of a block a pattern has a solution, for all of them at once: where shards are asked for solutions,
// a question for each row would take its way for each.
type marking struct {
	x      *exec
	root   *node
	number algebra.Slot
	first  stage
	marks  []bool // of the rows of the block
	one    block  // of a row that is asked for alone
}

// marking plans a pattern for rows that are given; nil if it has to be evaluated for each row alone.
func (p *planner) marking(op algebra.Op, g given) (*marking, error) {
	if p.asking == nil || !plain(op) || !p.facts.Safe(op, g.possible) {
		return nil, nil
	}
	number := p.hidden()
	g.fresh = false
	if f, ok := op.(*algebra.Fragment); ok && algebra.NewSet(f.Slots...).Within(g.certain) && len(f.Slots) > 0 {
		root, err := p.joining(f, g, true)
		return &marking{x: p.exec, root: root, number: number}, err
	}
	root, err := p.plan(op, g)
	return &marking{x: p.exec, root: root, number: number}, err
}

// plain reports whether a part is made of operators alone to which a variable is as good as the term in its place.
func plain(op algebra.Op) bool {
	switch op := op.(type) {
	case *algebra.Pattern, *algebra.Graphs, *algebra.Values, algebra.Unit, algebra.Nothing, *algebra.Join, *algebra.Filter, *algebra.Union,
		*algebra.Extend, *algebra.LeftJoin, *algebra.Fragment:
	case *algebra.Path:
		if _, ok := op.Path.(*sparql.PathNegated); !ok {
			return false
		}
	default:
		return false
	}
	for _, e := range algebra.Exprs(op) {
		if len(e.Exists) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(algebra.Parts(op), func(part algebra.Op) bool { return !plain(part) })
}

// build makes the stages, once the width of rows is known.
func (m *marking) build() (err error) {
	if m.first == nil {
		m.first, err = m.root.build(&sink{each: func(r row) error {
			m.marks[r[m.number]-1] = true
			return nil
		}})
	}
	return err
}

// mark finds out which rows of a block have a solution.
func (m *marking) mark(b *block) error {
	m.marks = append(m.marks[:0], make([]bool, b.n)...)
	for i := range b.n {
		b.row(i)[m.number] = store.ID(i + 1)
	}
	if err := m.first.push(b); err != nil {
		return err
	}
	return m.first.flush()
}

// has reports whether a row that isn't one of a block has a solution.
func (m *marking) has(r row) (bool, error) {
	m.one = block{ids: append(m.one.ids[:0], r...), width: len(r), n: 1}
	if err := m.mark(&m.one); err != nil {
		return false, err
	}
	return m.marks[0], nil
}

// blockMinus plans a MINUS whose right side is asked for all rows of a block at once; nil if it isn't.
func (p *planner) blockMinus(op *algebra.Minus, g given) (*node, error) {
	marks, err := p.marking(op.Right, g)
	if marks == nil || err != nil {
		return nil, err
	}
	n := &node{name: "Minus", parts: []*node{marks.root}, estimate: g.rows}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		return &blockMinus{marks: marks, out: x.output(n, next)}, marks.build()
	}
	return n, nil
}

// blockMinus hands on the rows for which the right side has no solution.
type blockMinus struct {
	marks *marking
	out   *output
}

func (m *blockMinus) push(b *block) error {
	if err := m.marks.mark(b); err != nil {
		return err
	}
	for i, gone := range m.marks.marks {
		if gone {
			continue
		}
		if _, err := m.out.add(b.row(i)); err != nil {
			return err
		}
	}
	return m.out.x.step(b.n)
}

func (m *blockMinus) flush() error { return m.out.flush() }
