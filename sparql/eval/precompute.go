package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// additive reports whether the solutions of an operator are those of all shards together, and may be joined with outer ones.
func (d *dividing) additive(op algebra.Op) bool { return d.of(op).kind == every && d.transparent(op) }

// share is what each shard makes of its own solutions of an operator that is additive below.
func (d *dividing) share(made, below algebra.Op) algebra.Op {
	f := d.at(made, home{kind: every, slot: algebra.None}).(*algebra.Fragment)
	f.Keys = d.keysIn(below, d.of(below).slot)
	return f
}

// distinct: each shard gives its own rows once.
func (d *dividing) distinct(op *algebra.Distinct) algebra.Op {
	if d.additive(op.Op) && d.transparent(op) {
		return &algebra.Distinct{Op: d.share(op, op.Op), Slots: op.Slots}
	}
	return &algebra.Distinct{Op: d.divide(op.Op), Slots: op.Slots}
}

// group: each shard groups its own solutions.
func (d *dividing) group(op *algebra.Group) algebra.Op {
	if d.additive(op.Op) && d.transparent(op) && d.computed(op) {
		if divided, ok := d.query.Divide(op); ok {
			return divided.Whole(d.share(divided.Part, op.Op))
		}
	}
	out := &algebra.Group{Op: d.divide(op.Op), Keys: slices.Clone(op.Keys), Aggregates: slices.Clone(op.Aggregates)}
	for i := range out.Keys {
		out.Keys[i].Expr = d.expr(op.Op, out.Keys[i].Expr)
	}
	for i := range out.Aggregates {
		out.Aggregates[i].Expr = d.expr(op.Op, out.Aggregates[i].Expr)
	}
	return out
}

// computed reports whether a shard can compute the expressions of an operator by its own quads.
func (d *dividing) computed(op algebra.Op) bool {
	exprs := algebra.Exprs(op)
	return d.beside(algebra.Parts(op)[0], d.exists(exprs, anywhereHome)).kind == every && !slices.ContainsFunc(exprs, volatile)
}

func (d *dividing) order(op *algebra.Order, below algebra.Op) algebra.Op {
	out := &algebra.Order{Op: below, Keys: slices.Clone(op.Keys)}
	for i := range out.Keys {
		out.Keys[i].Expr = d.expr(op.Op, out.Keys[i].Expr)
	}
	return out
}

// slice: no shard gives more rows than all together may have, and if there is an order, the first ones.
func (d *dividing) slice(op *algebra.Slice) algebra.Op {
	most := &algebra.Slice{Limit: op.Offset + op.Limit}
	if op.Limit < 0 || most.Limit < 0 || !d.transparent(op) {
		return &algebra.Slice{Op: d.divide(op.Op), Offset: op.Offset, Limit: op.Limit}
	}
	return &algebra.Slice{Op: d.sliced(op.Op, most), Offset: op.Offset, Limit: op.Limit}
}

// sliced divides what is sliced.
func (d *dividing) sliced(op algebra.Op, most *algebra.Slice) algebra.Op {
	distinct, _ := op.(*algebra.Distinct)
	project, _ := op.(*algebra.Project)
	if distinct != nil {
		project, _ = distinct.Op.(*algebra.Project)
	}
	if project != nil {
		if order, ok := project.Op.(*algebra.Order); ok {
			return d.top(order, project, distinct, most)
		}
	}
	switch {
	case distinct != nil && d.additive(distinct.Op):
		most.Op = distinct
		return &algebra.Distinct{Op: d.share(most, distinct.Op), Slots: distinct.Slots}
	case d.additive(op):
		most.Op = op
		return d.share(most, op)
	}
	return d.divide(op)
}

// top: each shard gives the first rows of its own. Of different rows, that is so if the order is one of what they show.
func (d *dividing) top(order *algebra.Order, project *algebra.Project, distinct *algebra.Distinct, most *algebra.Slice) algebra.Op {
	below := order.Op
	first := &algebra.Order{Op: below, Keys: order.Keys}
	if distinct != nil {
		for _, e := range algebra.Exprs(order) {
			if !e.Uses.Within(algebra.NewSet(project.Slots...)) {
				return d.outside(d.order(order, d.divide(below)), project, distinct)
			}
		}
		first.Op = &algebra.Distinct{Op: &algebra.Project{Op: below, Slots: project.Slots}, Slots: project.Slots}
	}
	if !d.additive(below) || !d.computed(order) {
		return d.outside(d.order(order, d.divide(below)), project, distinct)
	}
	most.Op = first
	return d.outside(&algebra.Order{Op: d.share(most, below), Keys: order.Keys}, project, distinct)
}

func (d *dividing) outside(op algebra.Op, project *algebra.Project, distinct *algebra.Distinct) algebra.Op {
	op = &algebra.Project{Op: op, Slots: project.Slots}
	if distinct != nil {
		op = &algebra.Distinct{Op: op, Slots: distinct.Slots}
	}
	return op
}
