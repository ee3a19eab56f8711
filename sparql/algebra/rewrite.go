package algebra

import (
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Rewrite returns an operator with the same solutions: joins are flat, filters stand as deep as they can, what has no solution is
// gone. It may change op. Of what would take very long, only a part is done.
func Rewrite(op Op) Op {
	if _, ok := op.(*Pattern); ok {
		return op
	}
	r := rewriter{facts: NewFacts(), effort: maxEffort}
	return r.rewrite(op)
}

// maxEffort is about how many operators are looked at to find better places for conditions and optional parts. A text of a megabyte
// may have so many of both that all of them with all would be billions.
const maxEffort = 1 << 17

// rewriter rewrites one pattern.
type rewriter struct {
	// facts are of operators that were rewritten. A condition that finds another place changes nothing in what they bind, and what is
	// gone has no solution, which binds what you like.
	facts  *Facts
	effort int // that is left
}

// spend reports whether there is effort left for a look at so many words of sets.
func (r *rewriter) spend(words int) bool {
	r.effort -= 1 + words/16
	return r.effort > 0
}

func (r *rewriter) rewrite(op Op) Op {
	for _, e := range Exprs(op) {
		for i := range e.Exists {
			e.Exists[i].Op = r.rewrite(e.Exists[i].Op)
		}
	}
	switch op := op.(type) {
	case *Join:
		for i := range op.Parts {
			op.Parts[i] = r.rewrite(op.Parts[i])
		}
		return r.rewriteJoin(op.Parts)
	case *Union:
		return r.rewriteUnion(op)
	case *Filter:
		return r.push(op.Conditions, r.rewrite(op.Op))
	case *LeftJoin:
		op.Left, op.Right = r.rewrite(op.Left), r.rewrite(op.Right)
		return r.rewriteLeftJoin(op)
	case *Minus:
		op.Left, op.Right = r.rewrite(op.Left), r.rewrite(op.Right)
		if op.Left == (Nothing{}) || op.Right == (Nothing{}) || !r.facts.Possible(op.Left).Meets(r.facts.Possible(op.Right)) {
			return op.Left
		}
	case *Values:
		if len(op.Rows) == 0 {
			return Nothing{}
		}
	case *Extend:
		op.Op = r.rewrite(op.Op)
		if op.Op == (Nothing{}) {
			return Nothing{}
		}
	default:
		return r.rewriteRest(op)
	}
	return op
}

func (r *rewriter) rewriteRest(op Op) Op {
	switch op := op.(type) {
	case *Graph:
		op.Op = r.rewrite(op.Op)
	case *Group:
		op.Op = r.rewrite(op.Op)
	case *Project:
		op.Op = r.rewrite(op.Op)
	case *Distinct:
		op.Op = r.rewrite(op.Op)
	case *Order:
		op.Op = r.rewrite(op.Op)
	case *Slice:
		op.Op = r.rewrite(op.Op)
	}
	return op
}

func (r *rewriter) rewriteUnion(u *Union) Op {
	parts := make([]Op, len(u.Parts))
	for i, part := range u.Parts {
		parts[i] = r.rewrite(part)
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
			if parts == nil {
				parts = part.Parts // which is not used any more
			} else {
				parts = append(parts, part.Parts...)
			}
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

func (r *rewriter) rewriteLeftJoin(l *LeftJoin) Op {
	if l.Left == (Nothing{}) || l.Right == (Nothing{}) {
		return l.Left
	}
	if len(l.Conditions) > 0 {
		r.settle(l)
	}
	if l.Right == (Nothing{}) {
		return l.Left
	}
	return l
}

// settle puts conditions of an optional group into it, if they don't look at the left side.
func (r *rewriter) settle(l *LeftJoin) {
	left, right := r.facts.Possible(l.Left), r.facts.Certain(l.Right)
	var rest []*Expr
	for _, e := range l.Conditions {
		if r.spend(len(left)) && settled([]*Expr{e}, left, right) {
			l.Right = r.push([]*Expr{e}, l.Right)
		} else {
			rest = append(rest, e)
		}
	}
	l.Conditions = rest
}

// push filters op by conditions, as deep inside as they mean the same.
func (r *rewriter) push(conditions []*Expr, op Op) Op {
	var left []*Expr
	for _, e := range conditions {
		switch constant(e) {
		case "true":
			continue
		case "false":
			return Nothing{}
		}
		if !r.pushInto(e, &op) {
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
func (r *rewriter) pushInto(e *Expr, op *Op) bool {
	if !r.spend(len(e.Uses)) {
		return false
	}
	one := []*Expr{e}
	switch o := (*op).(type) {
	case Nothing:
		return true
	case *Union:
		for i := range o.Parts {
			o.Parts[i] = r.push(one, o.Parts[i])
		}
		*op = unionOf(o.Parts)
		return true
	case *LeftJoin:
		if !e.Uses.Intersect(r.facts.Possible(o.Right)).Within(r.facts.Certain(o.Left)) {
			return false
		}
		o.Left = r.push(one, o.Left)
		*op = r.rewriteLeftJoin(o)
		return true
	case *Minus:
		o.Left = r.push(one, o.Left)
		if o.Left == (Nothing{}) {
			*op = o.Left
		}
		return true
	case *Extend:
		if e.Uses.Has(o.Slot) {
			return false
		}
		o.Op = r.push(one, o.Op)
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
