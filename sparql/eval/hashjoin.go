package eval

import (
	"math"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/store"
)

// built is the solutions of a pattern that is evaluated alone, in a hash table by the variables that they and the rows given bind
// for certain.
type built struct {
	sub     *subplan
	keys    []algebra.Slot
	columns []algebra.Slot // of the table: the keys first
	table   *table
	// alone: the solutions are the same whatever the base row is.
	alone   bool
	version int // of the base row that the table is for, -1: none yet
	key     []store.ID
}

// built plans the pattern of a hash table.
func (p *planner) built(op algebra.Op, g given) (*built, error) {
	sub, err := p.subplan(op, g.base)
	if err != nil {
		return nil, err
	}
	keys := p.facts.Certain(op).Intersect(g.certain).Without(g.base.certain)
	rest := p.facts.Possible(op).Without(keys)
	b := &built{sub: sub, keys: keys.Slots(), version: -1}
	b.columns = append(b.keys[:len(b.keys):len(b.keys)], rest.Slots()...)
	b.alone = !p.facts.Mentioned(op).Meets(g.base.bound)
	b.key = make([]store.ID, len(b.keys))
	return b, nil
}

// prepare evaluates the pattern, unless it has been for this base row.
func (b *built) prepare() error {
	if b.table == nil {
		b.table = b.sub.x.table(len(b.columns), len(b.keys))
	}
	if b.version >= 0 && (b.alone || b.version == b.sub.base.version) {
		return nil
	}
	b.table.reset()
	r := make(row, len(b.columns))
	err := b.sub.run(func(from row) error {
		for i, slot := range b.columns {
			r[i] = from[slot]
		}
		_, err := b.table.add(r)
		return err
	})
	if err == nil {
		b.version = b.sub.base.version
	}
	return err
}

// first returns the number of the first row of the table that may fit, -1 if there is none; next the one behind it.
func (b *built) first(r row) int32 {
	for i, slot := range b.keys {
		b.key[i] = r[slot]
	}
	return b.table.find(b.key)
}

func (b *built) next(i int32) int32 { return b.table.following(i) }

// hashJoin plans a pattern that is evaluated alone and joined by a hash table.
func (p *planner) hashJoin(op algebra.Op, g given) (*node, error) {
	b, err := p.built(op, g)
	if err != nil {
		return nil, err
	}
	n := &node{name: "HashJoin", detail: p.list(b.keys), parts: []*node{b.sub.root}, estimate: hashed(g, b)}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		return &hashJoin{b: b, out: x.output(n, next)}, b.sub.build()
	}
	return n, nil
}

func hashed(g given, b *built) float64 {
	if len(b.keys) == 0 {
		return g.rows * math.Max(1, b.sub.root.estimate)
	}
	return math.Max(g.rows, b.sub.root.estimate)
}

// hashJoin joins rows with those of a table.
type hashJoin struct {
	b   *built
	out *output
}

func (h *hashJoin) push(b *block) error {
	if err := h.b.prepare(); err != nil {
		return err
	}
	for i := range b.n {
		r := b.row(i)
		for at := h.b.first(r); at >= 0; at = h.b.next(at) {
			if err := h.out.x.step(1); err != nil {
				return err
			}
			to, err := h.out.add(r)
			if err != nil {
				return err
			}
			if !merge(to, h.b.columns, h.b.table.row(at)) {
				h.out.drop()
			}
		}
	}
	return nil
}

func (h *hashJoin) flush() error { return h.out.flush() }

// leftJoin plans OPTIONAL: its pattern is evaluated for rows of the left side, or once into a hash table.
func (p *planner) leftJoin(op *algebra.LeftJoin, g given) (*node, error) {
	left, err := p.plan(op.Left, g)
	if err != nil {
		return nil, err
	}
	g = p.after(g, op.Left, left.estimate)
	g.fresh = false
	after := p.after(g, op.Right, g.rows)
	conditions, err := p.exprs(op.Conditions, after)
	if err != nil {
		return nil, err
	}
	hashed := !p.safe(g, op.Right)
	if !hashed {
		if hashed, err = p.hashes(op.Right, g); err != nil {
			return nil, err
		}
	}
	plan := p.optional
	if hashed {
		plan = p.hashOptional
	}
	n, err := plan(op, conditions, g)
	if err != nil {
		return nil, err
	}
	return chain(left, n), nil
}

func (p *planner) hashOptional(op *algebra.LeftJoin, conditions []planned, g given) (*node, error) {
	b, err := p.built(op.Right, g)
	if err != nil {
		return nil, err
	}
	n := &node{
		name: "HashOptional", detail: p.list(b.keys), parts: append([]*node{b.sub.root}, existsParts(conditions)...), estimate: hashed(g, b),
	}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &hashOptional{b: b, sol: &solution{x: x}, out: x.output(n, next)}
		if s.tests, err = x.compileAll(conditions, s.sol); err != nil {
			return nil, err
		}
		return s, b.sub.build()
	}
	return n, nil
}

// hashOptional joins rows with those of a table, or leaves them as they are.
type hashOptional struct {
	b     *built
	tests []expr.Func
	sol   *solution
	out   *output
}

func (h *hashOptional) push(b *block) error {
	if err := h.b.prepare(); err != nil {
		return err
	}
	for i := range b.n {
		r := b.row(i)
		joined, err := h.join(r)
		if err != nil {
			return err
		}
		if !joined {
			if _, err := h.out.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *hashOptional) join(r row) (joined bool, err error) {
	for at := h.b.first(r); at >= 0; at = h.b.next(at) {
		if err := h.out.x.step(1); err != nil {
			return false, err
		}
		to, err := h.out.add(r)
		if err != nil {
			return false, err
		}
		ok := merge(to, h.b.columns, h.b.table.row(at))
		if ok {
			h.sol.row = to
			if ok, err = holds(h.tests, h.sol); err != nil {
				return false, err
			}
		}
		if ok {
			joined = true
		} else {
			h.out.drop()
		}
	}
	return joined, nil
}

func (h *hashOptional) flush() error { return h.out.flush() }
