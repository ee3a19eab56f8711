package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// conjunction divides parts that are joined, and conditions on their solutions: parts with the same home are one fragment, and a
// condition goes to the one that has its variables.
type conjunction struct {
	*dividing
	groups []*together
	rest   []algebra.Op    // parts that no fragment has
	left   []*algebra.Expr // conditions that no fragment has
	// large: there is so much that it is not sorted, each part is a fragment of its own.
	large bool
}

// mostSorted is how many parts, conditions and optional parts of a join are sorted to the fragments that have their variables: the work
// grows faster than their number.
const mostSorted = 256

// together is parts with the same home.
type together struct {
	home home
	op   algebra.Op
}

func (d *dividing) conjunction(op algebra.Op, conditions []*algebra.Expr) algebra.Op {
	c := d.conjoin(op, conditions)
	return c.end(op)
}

func (d *dividing) conjoin(op algebra.Op, conditions []*algebra.Expr) *conjunction {
	parts := algebra.Joined(op)
	c := &conjunction{dividing: d, large: len(parts)+len(conditions) > mostSorted}
	for _, part := range parts {
		c.add(part)
	}
	if c.large {
		c.left = conditions
		return c
	}
	for _, e := range conditions {
		c.filter(e)
	}
	return c
}

func (c *conjunction) add(part algebra.Op) {
	h := c.of(part)
	switch {
	case h.kind == anywhere || h.kind == scattered || !c.transparent(part):
		c.rest = append(c.rest, part)
		return
	case h != keylessHome && !c.large:
		for _, g := range c.groups {
			if g.home == h {
				g.op = algebra.JoinOf(g.op, part)
				return
			}
		}
	}
	c.groups = append(c.groups, &together{home: h, op: part})
}

// others are the variables that parts outside of a group may bind.
func (c *conjunction) others(of *together) (possible algebra.Set) {
	for _, g := range c.groups {
		if g != of {
			possible = possible.Union(c.facts.Possible(g.op))
		}
	}
	for _, part := range c.rest {
		possible = possible.Union(c.facts.Possible(part))
	}
	return possible
}

// filter puts a condition into a group that it is about alone, if there is one.
func (c *conjunction) filter(e *algebra.Expr) {
	for _, g := range c.groups {
		filtered := &algebra.Filter{Op: g.op, Conditions: []*algebra.Expr{e}}
		if f, ok := g.op.(*algebra.Filter); ok {
			filtered = &algebra.Filter{Op: f.Op, Conditions: append(slices.Clone(f.Conditions), e)}
		}
		if algebra.Settled([]*algebra.Expr{e}, c.others(g), c.facts.Certain(g.op)) && c.of(filtered) == g.home && c.transparent(filtered) {
			g.op = filtered
			return
		}
	}
	c.left = append(c.left, e)
}

// optional puts an optional part into a group that it is about alone, if there is one; around are those that are around all.
func (c *conjunction) optional(l *algebra.LeftJoin, around []*algebra.LeftJoin) bool {
	mentioned := c.facts.Mentioned(l.Right)
	for _, g := range c.groups {
		joined := &algebra.LeftJoin{Left: g.op, Right: l.Right, Conditions: l.Conditions}
		others, certain := c.others(g), c.facts.Certain(g.op)
		for _, a := range around {
			others = others.Union(c.facts.Possible(a.Right))
		}
		if !others.Intersect(mentioned).Within(certain) || !algebra.Settled(l.Conditions, others, certain) {
			continue
		}
		optional := c.facts.Possible(l.Right).Without(certain)
		if c.uses(optional, around) || c.of(joined) != g.home || !c.transparent(joined) {
			continue
		}
		g.op = joined
		return true
	}
	return false
}

// uses reports whether conditions, or optional parts, that stay outside of the groups would find these variables.
func (c *conjunction) uses(slots algebra.Set, around []*algebra.LeftJoin) bool {
	for _, e := range c.left {
		if e.Uses.Meets(slots) {
			return true
		}
	}
	for _, a := range around {
		if c.facts.Mentioned(a.Right).Meets(slots) || slices.ContainsFunc(a.Conditions, func(e *algebra.Expr) bool { return e.Uses.Meets(slots) }) {
			return true
		}
	}
	return false
}

// end is the join of all; of is what it has been made of.
func (c *conjunction) end(of algebra.Op) algebra.Op {
	var parts []algebra.Op
	for _, g := range c.groups {
		parts = append(parts, c.at(g.op, g.home))
	}
	for _, part := range c.rest {
		parts = append(parts, c.divide(part))
	}
	op := algebra.JoinOf(parts...)
	if len(c.left) == 0 {
		return op
	}
	return &algebra.Filter{Op: op, Conditions: c.exprs(of, c.left)}
}

// optional divides optional parts, one around the other.
func (d *dividing) optional(op *algebra.LeftJoin) algebra.Op {
	var chain []*algebra.LeftJoin // from the inside out
	below := algebra.Op(op)
	for {
		l, ok := below.(*algebra.LeftJoin)
		if !ok {
			break
		}
		chain = append(chain, l)
		below = l.Left
	}
	slices.Reverse(chain)
	var conditions []*algebra.Expr
	core := below
	if f, ok := below.(*algebra.Filter); ok {
		core, conditions = f.Op, f.Conditions
	}
	c := d.conjoin(core, conditions)
	var around []*algebra.LeftJoin
	for _, l := range chain {
		if c.large || len(chain) > mostSorted || !c.optional(l, around) {
			around = append(around, l)
		}
	}
	divided := c.end(core)
	for _, l := range around {
		conditions := d.exprs(&algebra.Join{Parts: []algebra.Op{l.Left, l.Right}}, l.Conditions)
		divided = &algebra.LeftJoin{Left: divided, Right: d.divide(l.Right), Conditions: conditions}
	}
	return divided
}
