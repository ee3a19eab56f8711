package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// sequence are operators that are evaluated one behind the other, as they stand, and without a plan: patterns of subjects that the text names,
// of which there are few quads each, alone or optional, BIND and FILTER. Most updates of one subject are such, and their plan would take as long as
// what they do. Each operator is pushed the solutions of the one that it stands on and nothing more, so that it gives what the definitions give.
//
// Of an [algebra.LeftJoin] it is the right side, which is a pattern; of an [algebra.Extend] and an [algebra.Filter] the expressions.
type sequence []algebra.Op

// mostJoinedInSequence is the number of patterns that are joined as they stand: of more, the order may matter.
const mostJoinedInSequence = 2

// longestSequence is the number of operators that a sequence has at most: each has room for rows of its own, whose width grows with the
// number of variables, and a plan joins those that bind variables.
const longestSequence = 16

// sequenceOf returns the operators of a pattern from the first on; ok is false if it has others, or too many.
func sequenceOf(op algebra.Op) (s sequence, ok bool) {
	ok = s.add(op) && len(s) <= longestSequence
	return s, ok
}

// add adds the operators of a pattern; it reports false if it has others.
func (s *sequence) add(op algebra.Op) bool {
	below, ok := algebra.Op(algebra.Unit{}), false
	switch op := op.(type) {
	case algebra.Unit:
		return true
	case *algebra.Pattern:
		ok = namesSubject(op)
	case *algebra.Join:
		*s = append(*s, op.Parts...)
		return len(op.Parts) <= mostJoinedInSequence && !slices.ContainsFunc(op.Parts, func(part algebra.Op) bool { return !namesSubject(part) })
	case *algebra.LeftJoin:
		below, ok = op.Left, len(op.Conditions) == 0 && namesSubject(op.Right)
	case *algebra.Extend:
		below, ok = op.Op, looksAtRow(op.Expr)
	case *algebra.Filter:
		below, ok = op.Op, !slices.ContainsFunc(op.Conditions, func(e *algebra.Expr) bool { return !looksAtRow(e) })
	}
	if !ok || !s.add(below) {
		return false
	}
	*s = append(*s, op)
	return true
}

// namesSubject reports whether an operator is a pattern whose subject is a term of the text.
func namesSubject(op algebra.Op) bool {
	p, ok := op.(*algebra.Pattern)
	return ok && p.S.Slot == algebra.None && p.S.Triple == nil
}

// looksAtRow reports whether an expression looks at nothing but the solution, and at no number of it.
func looksAtRow(e *algebra.Expr) bool { return len(e.Exists) == 0 && !volatile(e) }

// run calls each for the solutions, which are rows of so many slots.
func (s sequence) run(x *exec, width int, each func(row) error) error {
	x.width = width
	for _, op := range s {
		if _, ok := op.(*algebra.LeftJoin); ok {
			x.width++ // for the numbers of its rows
		}
	}
	number := algebra.Slot(width)
	n := &node{}
	var next stage = &sink{each: each}
	for _, op := range slices.Backward(s) {
		made, err := x.sequenceStage(op, n, number, next)
		if err != nil {
			return err
		}
		if _, ok := op.(*algebra.LeftJoin); ok {
			number++
		}
		next = made
	}
	if err := next.push(&block{ids: make([]store.ID, x.width), width: x.width, n: 1}); err != nil {
		return err
	}
	return next.flush()
}

// sequenceStage makes the stage of an operator; number is the slot for the numbers of its rows.
func (x *exec) sequenceStage(op algebra.Op, n *node, number algebra.Slot, next stage) (_ stage, err error) {
	out := &output{x: x, node: n, next: next, b: block{width: x.width}}
	switch op := op.(type) {
	case *algebra.LeftJoin:
		o := &optional{number: number, out: out}
		right, _ := op.Right.(*algebra.Pattern) // as sequenceOf has found
		s := &scan{}
		o.sol, o.right = &solution{x: x}, s
		return o, s.begin(x, right, &output{x: x, node: n, next: &sink{each: o.found}, b: block{width: x.width}})
	case *algebra.Extend:
		e := &extend{slots: []algebra.Slot{op.Slot}, sol: &solution{x: x}, out: out}
		e.funcs, err = x.compileAll([]planned{{Expr: op.Expr}}, e.sol)
		return e, err
	case *algebra.Filter:
		f := &filter{sol: &solution{x: x}, out: out}
		conditions := make([]planned, len(op.Conditions))
		for i, e := range op.Conditions {
			conditions[i].Expr = e
		}
		f.tests, err = x.compileAll(conditions, f.sol)
		return f, err
	}
	pattern, _ := op.(*algebra.Pattern)
	s := &scan{}
	return s, s.begin(x, pattern, out)
}
