package expr

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// ErrCompile is in the error of an expression that can't be compiled: a function with a number of arguments that it doesn't take, an
// aggregate or EXISTS where none may be.
var ErrCompile = errors.New("expression can't be computed")

// Compile makes a function of an expression. What is constant in it is computed at once. A function that nobody knows compiles to one
// that is an error of the expression, and is noted in [Env.Unknown].
func Compile(e sparql.Expr, env *Env) (Func, error) {
	made, err := newCompiler(env).expr(e)
	if err != nil {
		return nil, err
	}
	return made.fn, nil
}

// Constant returns the value of an expression that is the same for every solution, such as 60 * 60; ok is false if it depends on the
// solution, gives something new with each call, is an error, or can't be compiled.
func Constant(e sparql.Expr, env *Env) (v value.Value, ok bool) {
	made, err := newCompiler(env).expr(e)
	if err != nil || !made.constant || made.err != nil {
		return value.Value{}, false
	}
	return made.v, true
}

// Test computes an expression as FILTER and HAVING do: its effective boolean value, false for an error of the expression.
func (f Func) Test(s Solution) (bool, error) {
	holds, err := f.truth(s)
	if err != nil && isType(err) {
		return false, nil
	}
	return holds, err
}

// truth computes the effective boolean value.
func (f Func) truth(s Solution) (bool, error) {
	v, err := f(s)
	if err != nil {
		return false, err
	}
	return value.EBV(v)
}

// isType reports whether an error is one of the expression.
func isType(err error) bool { return errors.Is(err, value.ErrType) }

// code is a compiled expression.
type code struct {
	fn Func
	// constant: v, or the error err, is what fn gives for every solution.
	constant bool
	v        value.Value
	err      error
	// reads is the work that the constants among the arguments of a function are for each solution.
	reads int
}

func constant(v value.Value, err error) code {
	return code{constant: true, v: v, err: err, fn: func(Solution) (value.Value, error) { return v, err }}
}

// failure is an expression that is always an error.
var failure = constant(value.Value{}, value.ErrType)

// compiler holds what the functions of one environment share.
type compiler struct {
	env   *Env
	limit int
	base  iri.Base
	now   value.Value
}

func newCompiler(env *Env) *compiler {
	c := &compiler{env: env, limit: env.TextLimit, now: value.DateTime(env.Now)}
	if c.limit <= 0 {
		c.limit = DefaultTextLimit
	}
	if env.Base != "" {
		c.base.Set(env.Base)
	}
	return c
}

func (c *compiler) expr(e sparql.Expr) (code, error) {
	made, err := c.uncounted(e)
	if err != nil || c.env.Work == nil {
		return made, err
	}
	return c.counted(work(e), made)
}

// tell tells of work that goes on.
func (c *compiler) tell(work int) error {
	if c.env.Work == nil {
		return nil
	}
	return c.env.Work(work)
}

// textOfWork is how many bytes of a text count as an operator.
const textOfWork = 64

// work is how many operators an expression counts as, without those in it and what its value's length adds.
func work(e sparql.Expr) int {
	switch e := e.(type) {
	case *sparql.Binary:
		if e.Op == sparql.And || e.Op == sparql.Or {
			return 0
		}
		return 1
	case *sparql.In:
		return 1 + len(e.List)
	case *sparql.Unary, *sparql.Call, *sparql.Function:
		return 1
	}
	return 0
}

// counted is code that tells of its work: so many operators, and the length of its value.
func (c *compiler) counted(n int, made code) (code, error) {
	switch {
	case n == 0:
		return made, nil
	case made.constant:
		return made, c.env.Work(n + made.v.Size()/textOfWork)
	}
	n += made.reads
	fn, work := made.fn, c.env.Work
	made.fn = func(s Solution) (value.Value, error) {
		v, err := fn(s)
		if broken := work(n + v.Size()/textOfWork); broken != nil {
			return v, broken
		}
		return v, err
	}
	return made, nil
}

func (c *compiler) uncounted(e sparql.Expr) (code, error) {
	switch e := e.(type) {
	case *sparql.NodeExpr:
		return c.node(e.Node)
	case *sparql.Unary:
		return c.unary(e)
	case *sparql.Binary:
		return c.binary(e)
	case *sparql.In:
		return c.in(e)
	case *sparql.Call:
		return c.call(e)
	case *sparql.Function:
		return c.function(e)
	case *sparql.Aggregate:
		return c.aggregate(e)
	case *sparql.Exists:
		return c.exists(e)
	}
	return code{}, fmt.Errorf("%w: %T is no expression", ErrCompile, e)
}

func (c *compiler) exprs(list []sparql.Expr) ([]code, error) {
	made := make([]code, len(list))
	for i, e := range list {
		var err error
		if made[i], err = c.expr(e); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// node compiles a variable, a term, or a triple term with variables.
func (c *compiler) node(n sparql.Node) (code, error) {
	switch {
	case n.Var != "":
		return c.variable(n.Var), nil
	case n.Triple == nil:
		return constant(value.Of(n.Term), nil), nil
	}
	var parts [3]code
	for i, part := range [...]sparql.Node{n.Triple.S, n.Triple.P, n.Triple.O} {
		var err error
		if parts[i], err = c.node(part); err != nil {
			return code{}, err
		}
	}
	return ternary(value.Triple, parts[0], parts[1], parts[2]), nil
}

func (c *compiler) variable(v sparql.Var) code {
	slot, ok := c.env.Slot(v)
	if !ok {
		return failure
	}
	return variableAt(slot)
}

func variableAt(slot int) code {
	return code{fn: func(s Solution) (value.Value, error) {
		v, bound, err := s.Value(slot)
		if err == nil && !bound {
			err = value.ErrType
		}
		return v, err
	}}
}

// aggregate reads the value that grouping has computed.
func (c *compiler) aggregate(a *sparql.Aggregate) (code, error) {
	if c.env.Aggregate != nil {
		if slot, ok := c.env.Aggregate(a); ok {
			return variableAt(slot), nil
		}
	}
	return code{}, fmt.Errorf("%w: %s at %s is an aggregate, which may stand in SELECT, HAVING and ORDER BY of a query that groups, "+
		"and not inside another one", ErrCompile, a.Name, place(a.Pos))
}

func (c *compiler) exists(e *sparql.Exists) (code, error) {
	if c.env.Exists == nil {
		return code{}, fmt.Errorf("%w: EXISTS at %s: there is no graph to look in", ErrCompile, place(e.Pos))
	}
	found, err := c.env.Exists(e.Group)
	if err != nil {
		return code{}, err
	}
	return code{fn: func(s Solution) (value.Value, error) {
		b, err := found(s)
		return value.Bool(b != e.Not), err
	}}, nil
}

func place(p sparql.Pos) string {
	if p == (sparql.Pos{}) {
		return "no place in the text"
	}
	return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
}

// unaryOf makes code of a function of one value that depends on nothing else, and folds what is constant.
func unaryOf(fn func(a value.Value) (value.Value, error), a code) code {
	if a.constant {
		if a.err != nil {
			return a
		}
		return constant(fn(a.v))
	}
	return code{fn: func(s Solution) (value.Value, error) {
		v, err := a.fn(s)
		if err != nil {
			return v, err
		}
		return fn(v)
	}}
}

// binaryOf is unaryOf for two values.
func binaryOf(fn func(a, b value.Value) (value.Value, error), a, b code) code {
	if b.constant && b.err == nil {
		return unaryOf(func(v value.Value) (value.Value, error) { return fn(v, b.v) }, a)
	}
	return code{fn: func(s Solution) (value.Value, error) {
		v, err := a.fn(s)
		if err != nil {
			return v, err
		}
		w, err := b.fn(s)
		if err != nil {
			return w, err
		}
		return fn(v, w)
	}}
}

// ternary is unaryOf for three values.
func ternary(fn func(a, b, c value.Value) (value.Value, error), a, b, c code) code {
	if c.constant && c.err == nil {
		return binaryOf(func(v, w value.Value) (value.Value, error) { return fn(v, w, c.v) }, a, b)
	}
	return code{fn: func(s Solution) (value.Value, error) {
		var args [3]value.Value
		for i, f := range [...]Func{a.fn, b.fn, c.fn} {
			var err error
			if args[i], err = f(s); err != nil {
				return value.Value{}, err
			}
		}
		return fn(args[0], args[1], args[2])
	}}
}

// function compiles a cast. Any other function is unknown.
func (c *compiler) function(f *sparql.Function) (code, error) {
	datatype := f.IRI.Value()
	args, err := c.exprs(f.Args)
	if err != nil {
		return code{}, err
	}
	if !Known(f.IRI) {
		c.env.unknown = append(c.env.unknown, f.IRI)
		return failure, nil
	}
	if len(args) != 1 {
		return code{}, fmt.Errorf("%w: the cast %s at %s has %d arguments, and takes one", ErrCompile, f.IRI, place(f.Pos), len(args))
	}
	return unaryOf(func(v value.Value) (value.Value, error) { return value.Cast(v, datatype) }, args[0]), nil
}
