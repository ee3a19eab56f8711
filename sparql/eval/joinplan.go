package eval

import (
	"math"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// join plans parts that are joined, and conditions on their solutions: the part that makes the fewest rows of those so far comes
// next, one that shares no variable with them last, and each condition as soon as its variables are settled.
func (p *planner) join(parts []algebra.Op, conditions []*algebra.Expr, g given) (*node, error) {
	rest := append([]algebra.Op(nil), parts...)
	waiting := append([]*algebra.Expr(nil), conditions...)
	var nodes []*node
	var err error
	for len(rest) > 0 {
		if err := p.step(len(rest)); err != nil {
			return nil, err
		}
		if waiting, nodes, err = p.conditions(waiting, rest, nodes, &g); err != nil {
			return nil, err
		}
		next, err := p.cheapest(rest, g)
		if err != nil {
			return nil, err
		}
		op := rest[next]
		n, err := p.part(op, g)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		g = p.after(g, op, n.estimate)
		rest = append(rest[:next:next], rest[next+1:]...)
	}
	if _, nodes, err = p.conditions(waiting, nil, nodes, &g); err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return p.unit(g), nil
	}
	return chain(nodes...), nil
}

// conditions plans those whose variables no part that is left changes. Before the first part there is nothing to filter, unless
// a row is given.
func (p *planner) conditions(waiting []*algebra.Expr, rest []algebra.Op, nodes []*node, g *given) ([]*algebra.Expr, []*node, error) {
	if len(waiting) == 0 {
		return nil, nodes, nil
	}
	var open algebra.Set
	for _, part := range rest {
		if err := p.work(partWork); err != nil {
			return nil, nil, err
		}
		open = open.Union(p.facts.Possible(part))
	}
	var ready, left []*algebra.Expr
	for _, e := range waiting {
		if e.Uses.Intersect(open).Within(g.certain) {
			ready = append(ready, e)
		} else {
			left = append(left, e)
		}
	}
	if len(ready) == 0 {
		return left, nodes, nil
	}
	n, err := p.filter(ready, *g)
	if err != nil {
		return nil, nil, err
	}
	g.rows, g.fresh = math.Max(1, n.estimate), false
	return left, append(nodes, n), nil
}

// partWork is the work of comparing a part with others.
const partWork = 8

// cheapest chooses the part that is next.
func (p *planner) cheapest(rest []algebra.Op, g given) (int, error) {
	if p.o.order != nil {
		return p.o.order(len(rest)), nil
	}
	best, least := 0, math.Inf(1)
	if len(rest) == 1 {
		return 0, nil
	}
	for i, op := range rest {
		if err := p.work(partWork); err != nil {
			return 0, err
		}
		cost, err := p.growth(op, g)
		if err != nil {
			return 0, err
		}
		if !g.fresh && !connected(p.facts.Possible(op), g) {
			cost = (cost + 1) * 1e9
		}
		if cost < least {
			best, least = i, cost
		}
	}
	return best, nil
}

// connected reports whether an operator that may bind these variables has something to do with the rows so far, or has none.
func connected(possible algebra.Set, g given) bool {
	return possible.Empty() || possible.Meets(g.possible)
}

// part plans a part for the rows before it: by a look for each row, or as a hash table if it has fewer solutions than there are rows.
func (p *planner) part(op algebra.Op, g given) (*node, error) {
	if g.fresh || !p.safe(g, op) {
		return p.plan(op, g)
	}
	hashed, err := p.hashes(op, g)
	if err != nil {
		return nil, err
	}
	if hashed {
		return p.hashJoin(op, g)
	}
	return p.plan(op, g)
}

// leastHashed is the number of rows for which a hash table is worth its while.
const leastHashed = 64

// hashes reports whether a part is better evaluated once than for each row.
func (p *planner) hashes(op algebra.Op, g given) (bool, error) {
	if p.facts.Certain(op).Intersect(g.certain).Without(g.base.certain).Empty() {
		return false, nil
	}
	if p.o.order != nil {
		return p.o.order(2) == 1, nil
	}
	if f, ok := op.(*algebra.Fragment); ok {
		return p.readsWhole(f, g)
	}
	if _, ok := op.(*algebra.Path); ok || g.rows < leastHashed {
		return false, nil
	}
	alone, err := p.estimate(op)
	return 4*alone < g.rows, err
}
