package algebra

import (
	"github.com/quadrille-stream/quadrille/sparql"
)

// visible lists the variables that are in scope behind a group (18.2.1), in the order of their first place.
type visible struct {
	vars []sparql.Var
	seen map[sparql.Var]bool
}

// Visible lists the variables that are in scope behind a group, in the order of the text: those of SELECT *.
func Visible(g *sparql.Group) []sparql.Var {
	v := visible{seen: map[sparql.Var]bool{}}
	if g != nil {
		v.group(g)
	}
	return v.vars
}

func (v *visible) add(name sparql.Var) {
	if name != "" && name[0] != '.' && !v.seen[name] {
		v.seen[name] = true
		v.vars = append(v.vars, name)
	}
}

func (v *visible) group(g *sparql.Group) {
	for _, element := range g.Elements {
		v.pattern(element)
	}
}

func (v *visible) pattern(p sparql.Pattern) {
	switch p := p.(type) {
	case *sparql.Group:
		v.group(p)
	case *sparql.Triples:
		for _, t := range p.Triples {
			v.triple(t)
		}
	case *sparql.Optional:
		v.group(p.Group)
	case *sparql.Union:
		for _, g := range p.Groups {
			v.group(g)
		}
	case *sparql.GraphPattern:
		v.node(p.Name)
		v.group(p.Group)
	case *sparql.Service:
		v.node(p.Name)
		v.group(p.Group)
	case *sparql.Bind:
		v.add(p.Var)
	case *sparql.InlineData:
		for _, name := range p.Vars {
			v.add(name)
		}
	case *sparql.SubSelect:
		for _, name := range columns(p.Query) {
			v.add(name)
		}
	}
}

func (v *visible) triple(t sparql.Triple) {
	v.node(t.S)
	if t.Path == nil {
		v.node(t.P)
	}
	v.node(t.O)
}

func (v *visible) node(n sparql.Node) {
	v.add(n.Var)
	if n.Triple != nil {
		v.triple(*n.Triple)
	}
}

// columns lists what a SELECT projects.
func columns(q *sparql.Query) []sparql.Var {
	if q.Star {
		v := visible{seen: map[sparql.Var]bool{}}
		if q.Where != nil {
			v.group(q.Where)
		}
		if q.Values != nil {
			v.pattern(q.Values)
		}
		return v.vars
	}
	var vars []sparql.Var
	for _, p := range q.Project {
		vars = append(vars, p.Var)
	}
	return vars
}

// eachExpr calls fn for e and every expression in it, but not for those of the patterns of EXISTS. What is in an aggregate is left
// out if fn returns false for that.
func eachExpr(e sparql.Expr, fn func(sparql.Expr) bool) {
	if e == nil || !fn(e) {
		return
	}
	var in []sparql.Expr
	switch e := e.(type) {
	case *sparql.Unary:
		in = []sparql.Expr{e.Expr}
	case *sparql.Binary:
		in = []sparql.Expr{e.Left, e.Right}
	case *sparql.In:
		in = append([]sparql.Expr{e.Expr}, e.List...)
	case *sparql.Call:
		in = e.Args
	case *sparql.Function:
		in = e.Args
	case *sparql.Aggregate:
		in = []sparql.Expr{e.Expr}
	}
	for _, inner := range in {
		eachExpr(inner, fn)
	}
}

// exprVars lists the variables of an expression outside of the patterns of EXISTS and, unless in says so, of aggregates.
func exprVars(e sparql.Expr, in bool) []sparql.Var {
	v := visible{seen: map[sparql.Var]bool{}}
	eachExpr(e, func(e sparql.Expr) bool {
		switch e := e.(type) {
		case *sparql.NodeExpr:
			v.node(e.Node)
		case *sparql.Aggregate:
			return in
		}
		return true
	})
	return v.vars
}

// aggregatesOf lists the aggregates of expressions.
func aggregatesOf(exprs []sparql.Expr) (found []*sparql.Aggregate) {
	seen := map[*sparql.Aggregate]bool{}
	for _, e := range exprs {
		eachExpr(e, func(e sparql.Expr) bool {
			a, ok := e.(*sparql.Aggregate)
			if ok && !seen[a] {
				seen[a] = true
				found = append(found, a)
			}
			return !ok
		})
	}
	return found
}

// Calls reports whether the expression calls a built-in function, outside of the patterns of EXISTS, that fits.
func (e *Expr) Calls(fits func(name string) bool) (found bool) {
	eachExpr(e.Expr, func(e sparql.Expr) bool {
		call, ok := e.(*sparql.Call)
		found = found || ok && fits(call.Name)
		return true
	})
	return found
}
