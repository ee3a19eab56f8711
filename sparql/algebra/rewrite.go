package algebra

import (
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Rewrite returns an operator with the same solutions: joins are flat, filters stand as deep as they can, what has no solution is
// gone. It may change op.
func Rewrite(op Op) Op {
	for _, e := range Exprs(op) {
		for i := range e.Exists {
			e.Exists[i].Op = Rewrite(e.Exists[i].Op)
		}
	}
	switch op := op.(type) {
	case *Join:
		for i := range op.Parts {
			op.Parts[i] = Rewrite(op.Parts[i])
		}
		return rewriteJoin(op.Parts)
	case *Union:
		return rewriteUnion(op)
	case *Filter:
		return push(op.Conditions, Rewrite(op.Op))
	case *LeftJoin:
		op.Left, op.Right = Rewrite(op.Left), Rewrite(op.Right)
		return rewriteLeftJoin(op)
	case *Minus:
		op.Left, op.Right = Rewrite(op.Left), Rewrite(op.Right)
		if op.Left == (Nothing{}) || op.Right == (Nothing{}) || !Possible(op.Left).Meets(Possible(op.Right)) {
			return op.Left
		}
	case *Values:
		if len(op.Rows) == 0 {
			return Nothing{}
		}
	case *Extend:
		op.Op = Rewrite(op.Op)
		if op.Op == (Nothing{}) {
			return Nothing{}
		}
	default:
		return rewriteRest(op)
	}
	return op
}

func rewriteRest(op Op) Op {
	switch op := op.(type) {
	case *Graph:
		op.Op = Rewrite(op.Op)
	case *Group:
		op.Op = Rewrite(op.Op)
	case *Project:
		op.Op = Rewrite(op.Op)
	case *Distinct:
		op.Op = Rewrite(op.Op)
	case *Order:
		op.Op = Rewrite(op.Op)
	case *Slice:
		op.Op = Rewrite(op.Op)
	}
	return op
}

func rewriteUnion(u *Union) Op {
	parts := make([]Op, len(u.Parts))
	for i, part := range u.Parts {
		parts[i] = Rewrite(part)
	}
	return unionOf(parts)
}

// unionOf is the union of parts that are rewritten.
func unionOf(rewritten []Op) Op {
	var parts []Op
	for _, part := range rewritten {
		switch part := part.(type) {
		case Nothing:
		case *Union:
			parts = append(parts, part.Parts...)
		default:
			parts = append(parts, part)
		}
	}
	switch len(parts) {
	case 0:
		return Nothing{}
	case 1:
		return parts[0]
	}
	return &Union{parts}
}

func rewriteLeftJoin(l *LeftJoin) Op {
	if l.Left == (Nothing{}) || l.Right == (Nothing{}) {
		return l.Left
	}
	if l.left = nil; len(l.Conditions) > 0 {
		l.left = Possible(l.Left)
	}
	var rest []*Expr
	for _, e := range l.Conditions {
		if settled([]*Expr{e}, l.left, Certain(l.Right)) {
			l.Right = push([]*Expr{e}, l.Right)
		} else {
			rest = append(rest, e)
		}
	}
	l.Conditions = rest
	if l.Right == (Nothing{}) {
		return l.Left
	}
	return l
}

// push filters op by conditions, as deep inside as they mean the same.
func push(conditions []*Expr, op Op) Op {
	var left []*Expr
	for _, e := range conditions {
		switch constant(e) {
		case "true":
			continue
		case "false":
			return Nothing{}
		}
		if !pushInto(e, &op) {
			left = append(left, e)
		}
		if op == (Nothing{}) {
			return op
		}
	}
	if len(left) == 0 {
		return op
	}
	if f, ok := op.(*Filter); ok {
		return &Filter{f.Op, append(append([]*Expr(nil), f.Conditions...), left...)}
	}
	return &Filter{op, left}
}

// pushInto puts a condition into what op is made of, if it may stand there.
func pushInto(e *Expr, op *Op) bool {
	one := []*Expr{e}
	switch o := (*op).(type) {
	case Nothing:
		return true
	case *Union:
		for i := range o.Parts {
			o.Parts[i] = push(one, o.Parts[i])
		}
		*op = unionOf(o.Parts)
		return true
	case *LeftJoin:
		if !e.Uses.Intersect(Possible(o.Right)).Within(Certain(o.Left)) {
			return false
		}
		o.Left = push(one, o.Left)
		*op = rewriteLeftJoin(o)
		return true
	case *Minus:
		o.Left = push(one, o.Left)
		if o.Left == (Nothing{}) {
			*op = o.Left
		}
		return true
	case *Extend:
		if e.Uses.Has(o.Slot) {
			return false
		}
		o.Op = push(one, o.Op)
		if o.Op == (Nothing{}) {
			*op = o.Op
		}
		return true
	}
	return false
}

// constant returns "true" or "false" for a condition that is a boolean, "" for any other.
func constant(e *Expr) string {
	n, ok := e.Expr.(*sparql.NodeExpr)
	if !ok || n.Node.Term.Datatype() != rdf.XSDBoolean {
		return ""
	}
	switch n.Node.Term.Value() {
	case "true", "1":
		return "true"
	case "false", "0":
		return "false"
	}
	return ""
}
