package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// dividing divides a query into fragments: the largest parts that shards can evaluate by their own quads.
type dividing struct {
	*homes
	query    *algebra.Query
	division *Division
	// outer are the variables that get their values from outside, for which a part is evaluated again and again.
	outer algebra.Set
}

// divide returns an operator with the same solutions, in which fragments stand for what shards evaluate.
func (d *dividing) divide(op algebra.Op) algebra.Op {
	h := d.of(op)
	if h.kind == anywhere || h.kind != scattered && d.transparent(op) {
		return d.at(op, h)
	}
	switch op := op.(type) {
	case *algebra.Pattern, *algebra.Graphs:
		return d.merged(op)
	case *algebra.Path:
		return d.dividePath(op)
	case *algebra.Join:
		return d.conjunction(op, nil)
	case *algebra.Filter:
		return d.conjunction(op.Op, op.Conditions)
	case *algebra.LeftJoin:
		return d.optional(op)
	case *algebra.Minus:
		return &algebra.Minus{Left: d.divide(op.Left), Right: d.divide(op.Right)}
	case *algebra.Union:
		return &algebra.Union{Parts: d.all(op.Parts)}
	case *algebra.Extend:
		return &algebra.Extend{Op: d.divide(op.Op), Slot: op.Slot, Expr: d.expr(op.Op, op.Expr)}
	}
	return d.divideWhole(op)
}

// at is a part at home.
func (d *dividing) at(op algebra.Op, h home) algebra.Op {
	if h.kind == anywhere {
		return op
	}
	f := &algebra.Fragment{Op: op, Key: h.slot}
	if h.kind == one {
		f.Keys = []rdf.Term{h.term}
	} else {
		f.Keys = d.keysIn(op, h.slot)
	}
	return f
}

// keysIn are the only keys that the solutions of a part can have, nil if nobody knows.
func (d *dividing) keysIn(op algebra.Op, slot algebra.Slot) []rdf.Term {
	switch op := op.(type) {
	case *algebra.Values:
		if slot != algebra.None && d.facts.Certain(op).Has(slot) {
			return op.Column(slot)
		}
	case *algebra.Join:
		for _, part := range op.Parts {
			if keys := d.keysIn(part, slot); keys != nil {
				return keys
			}
		}
	case *algebra.LeftJoin:
		return d.keysIn(op.Left, slot)
	case *algebra.Minus:
		return d.keysIn(op.Left, slot)
	case *algebra.Filter, *algebra.Extend, *algebra.Project, *algebra.Distinct, *algebra.Group:
		return d.keysIn(algebra.Parts(op)[0], slot)
	}
	return nil
}

// merged is a pattern, or the list of graphs, of which several shards may have the same solution.
func (d *dividing) merged(op algebra.Op) *algebra.Fragment {
	if path, ok := op.(*algebra.Path); ok { // whose solutions don't say by which triple
		op = d.query.Negated(path, path.Path.(*sparql.PathNegated).Forward)
	}
	f := &algebra.Fragment{Op: op, Key: algebra.None, Merged: true, Slots: d.facts.Possible(op).Slots()}
	if _, ok := op.(*algebra.Graphs); !ok && d.key == KeyGraph {
		f.Keys = d.data.Default
	}
	return f
}

// transparent reports whether a part may be joined with what the outer variables have in place of being evaluated for it.
func (d *dividing) transparent(op algebra.Op) bool {
	return d.outer.Empty() || !d.facts.Mentioned(op).Meets(d.outer) || plain(op) && d.facts.Safe(op, d.outer)
}

func (d *dividing) all(parts []algebra.Op) []algebra.Op {
	divided := make([]algebra.Op, len(parts))
	for i, part := range parts {
		divided[i] = d.divide(part)
	}
	return divided
}

// expr divides the patterns of EXISTS in an expression on the solutions of an operator. The expression may stand elsewhere, too, so
// that it isn't changed.
func (d *dividing) expr(of algebra.Op, e *algebra.Expr) *algebra.Expr {
	if e == nil || len(e.Exists) == 0 {
		return e
	}
	inside := *d
	inside.outer = d.outer.Union(d.facts.Possible(of))
	divided := *e
	divided.Exists = slices.Clone(e.Exists)
	for i, exists := range e.Exists {
		divided.Exists[i].Op = inside.divide(exists.Op)
	}
	return &divided
}

func (d *dividing) exprs(of algebra.Op, exprs []*algebra.Expr) (divided []*algebra.Expr) {
	for _, e := range exprs {
		divided = append(divided, d.expr(of, e))
	}
	return divided
}

// divideWhole divides what looks at all solutions.
func (d *dividing) divideWhole(op algebra.Op) algebra.Op {
	switch op := op.(type) {
	case *algebra.Graph:
		d.list()
		inside := *d
		inside.outer = d.outer.Union(algebra.NewSet(op.Each))
		return &algebra.Graph{Name: op.Name, Each: op.Each, Op: inside.divide(op.Op)}
	case *algebra.Group:
		return d.group(op)
	case *algebra.Project:
		return &algebra.Project{Op: d.divide(op.Op), Slots: op.Slots}
	case *algebra.Distinct:
		return d.distinct(op)
	case *algebra.Order:
		return d.order(op, d.divide(op.Op))
	case *algebra.Slice:
		return d.slice(op)
	}
	return op // SERVICE
}
