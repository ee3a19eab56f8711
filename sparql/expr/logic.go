package expr

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

func (c *compiler) unary(e *sparql.Unary) (code, error) {
	operand, err := c.expr(e.Expr)
	if err != nil {
		return code{}, err
	}
	switch e.Op {
	case sparql.Not:
		return unaryOf(not, operand), nil
	case sparql.UnaryMinus:
		return unaryOf(value.Neg, operand), nil
	case sparql.UnaryPlus:
		return unaryOf(value.Plus, operand), nil
	}
	return code{}, fmt.Errorf("%w: %q is no operator of one operand", ErrCompile, string(e.Op))
}

func not(v value.Value) (value.Value, error) {
	b, err := value.EBV(v)
	return value.Bool(!b), err
}

func (c *compiler) binary(e *sparql.Binary) (code, error) {
	left, err := c.expr(e.Left)
	if err != nil {
		return code{}, err
	}
	right, err := c.expr(e.Right)
	if err != nil {
		return code{}, err
	}
	switch e.Op {
	case sparql.And:
		return both(left, right, false), nil
	case sparql.Or:
		return both(left, right, true), nil
	}
	fn := operators[e.Op]
	if fn == nil {
		return code{}, fmt.Errorf("%w: %q is no operator of two operands", ErrCompile, string(e.Op))
	}
	return binaryOf(fn, left, right), nil
}

// operators are those of two values. Those of logic are not among them: they don't need both.
var operators = map[sparql.Op]func(a, b value.Value) (value.Value, error){
	sparql.Equal: func(a, b value.Value) (value.Value, error) {
		equal, err := value.Equal(a, b)
		return value.Bool(equal), err
	},
	sparql.NotEqual: func(a, b value.Value) (value.Value, error) {
		equal, err := value.Equal(a, b)
		return value.Bool(!equal), err
	},
	sparql.Less:         compared(func(c int) bool { return c == -1 }),
	sparql.Greater:      compared(func(c int) bool { return c == 1 }),
	sparql.LessEqual:    compared(func(c int) bool { return c == -1 || c == 0 }),
	sparql.GreaterEqual: compared(func(c int) bool { return c == 1 || c == 0 }),
	sparql.Add:          value.Add,
	sparql.Subtract:     value.Sub,
	sparql.Multiply:     value.Mul,
	sparql.Divide:       value.Div,
}

func compared(holds func(c int) bool) func(a, b value.Value) (value.Value, error) {
	return func(a, b value.Value) (value.Value, error) {
		c, err := value.Compare(a, b)
		return value.Bool(holds(c)), err
	}
}

// both computes && (decides: false) and || (decides: true), by the table of 17.2: an operand with the value that decides makes up
// for an error of the other one.
func both(left, right code, decides bool) code {
	fn := func(s Solution) (value.Value, error) {
		a, errA := left.fn.truth(s)
		switch {
		case errA == nil && a == decides:
			return value.Bool(decides), nil
		case errA != nil && !isType(errA):
			return value.Value{}, errA
		}
		b, errB := right.fn.truth(s)
		switch {
		case errB != nil:
			return value.Value{}, errB
		case b == decides:
			return value.Bool(decides), nil
		case errA != nil:
			return value.Value{}, errA
		}
		return value.Bool(!decides), nil
	}
	if left.constant && right.constant {
		return constant(fn(nil))
	}
	return code{fn: fn}
}

// in compiles IN: a = x || a = y || …
func (c *compiler) in(e *sparql.In) (code, error) {
	operand, err := c.expr(e.Expr)
	if err != nil {
		return code{}, err
	}
	list, err := c.exprs(e.List)
	if err != nil {
		return code{}, err
	}
	find := finder(list)
	fn := func(s Solution) (value.Value, error) {
		v, err := operand.fn(s)
		if err != nil {
			return v, err
		}
		found, err := find(v, s)
		return value.Bool(found != e.Not), err
	}
	if operand.constant && allConstant(list) {
		return constant(fn(nil)), nil
	}
	return code{fn: fn}, nil
}

func allConstant(list []code) bool {
	for _, item := range list {
		if !item.constant {
			return false
		}
	}
	return true
}

// finder looks for a value in a list. In a list of constants, IRIs are looked up.
func finder(list []code) func(v value.Value, s Solution) (bool, error) {
	one := func(v value.Value, s Solution) (bool, error) { return search(list, v, s) }
	if !allConstant(list) {
		return one
	}
	iris, failed := make(map[string]bool), error(nil)
	for _, item := range list {
		if item.err != nil {
			failed = item.err
		} else if item.v.Kind() == value.KindIRI {
			iris[item.v.Term().String()] = true
		}
	}
	return func(v value.Value, s Solution) (bool, error) {
		if v.Kind() != value.KindIRI {
			return one(v, s)
		}
		if iris[v.Term().String()] {
			return true, nil
		}
		return false, failed
	}
}

// search compares with one after the other. An error counts if none is equal.
func search(list []code, v value.Value, s Solution) (bool, error) {
	var failed error
	for _, item := range list {
		w, err := item.fn(s)
		if err == nil {
			var equal bool
			if equal, err = value.Equal(v, w); equal {
				return true, nil
			}
		}
		if err != nil && !isType(err) {
			return false, err
		}
		if err != nil {
			failed = err
		}
	}
	return false, failed
}

// condition compiles IF.
func condition(args []code) code {
	return code{fn: func(s Solution) (value.Value, error) {
		holds, err := args[0].fn.truth(s)
		switch {
		case err != nil:
			return value.Value{}, err
		case holds:
			return args[1].fn(s)
		}
		return args[2].fn(s)
	}}
}

// coalesce gives the first of its arguments that is no error.
func coalesce(args []code) code {
	return code{fn: func(s Solution) (value.Value, error) {
		for _, arg := range args {
			v, err := arg.fn(s)
			if err == nil || !isType(err) {
				return v, err
			}
		}
		return value.Value{}, value.ErrType
	}}
}

// bound compiles BOUND, whose argument is a variable.
func (c *compiler) bound(call *sparql.Call) (code, error) {
	node, ok := call.Args[0].(*sparql.NodeExpr)
	if !ok || node.Node.Var == "" {
		return code{}, fmt.Errorf("%w: BOUND at %s takes a variable", ErrCompile, place(call.Pos))
	}
	slot, ok := c.env.Slot(node.Node.Var)
	if !ok {
		return constant(value.Bool(false), nil), nil
	}
	return code{fn: func(s Solution) (value.Value, error) {
		_, bound, err := s.Value(slot)
		return value.Bool(bound), err
	}}, nil
}
