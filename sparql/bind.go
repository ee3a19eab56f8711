package sparql

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
)

// ErrBind is in every error of [Update.Bind].
var ErrBind = errors.New("variable can't be bound")

// Bind returns an update with terms in the places of variables: in its templates, patterns and expressions. The update stays as it is, and
// shares what has no variables with what is returned. A term is never read as text, so no value makes anything else of the update than a
// term.
//
// It is an [ErrBind] to bind a variable that the update itself gives a value, by BIND, AS, VALUES, GROUP BY, or a SELECT that names it, or that BOUND asks for; to
// put a literal where an IRI stands, as a subject, predicate or graph; and to bind a blank node, which is another one in each update.
func (u *Update) Bind(terms map[Var]rdf.Term) (*Update, error) {
	b := binding{terms: terms}
	for _, v := range slices.Sorted(maps.Keys(terms)) {
		if k := terms[v].Kind(); k == rdf.KindBlank || k == rdf.KindNone {
			b.fail(v, "a blank node is another one in each update")
		}
	}
	out := &Update{Prologue: u.Prologue}
	for _, op := range u.Operations {
		if m, ok := op.(*Modify); ok {
			bound := *m
			bound.Delete, bound.Insert, bound.Where = b.quads(m.Delete), b.quads(m.Insert), b.group(m.Where)
			op = &bound
		}
		out.Operations = append(out.Operations, op)
	}
	return out, b.err
}

// binding puts terms in the places of variables.
type binding struct {
	terms map[Var]rdf.Term
	err   error // the first
}

func (b *binding) fail(v Var, format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: ?%s: %s", ErrBind, v, fmt.Sprintf(format, args...))
	}
}

// free fails for a variable that the update gives a value.
func (b *binding) free(v Var, by string) Var {
	if _, bound := b.terms[v]; bound {
		b.fail(v, "%s gives it a value", by)
	}
	return v
}

// unasked fails for a variable of which BOUND asks whether it has a value: a term can't stand there.
func (b *binding) unasked(v Var) {
	if _, bound := b.terms[v]; bound {
		b.fail(v, "BOUND asks for it")
	}
}

func (b *binding) node(n Node) Node {
	if n.Triple != nil {
		t := b.triple(*n.Triple)
		return Node{Triple: &t}
	}
	if t, bound := b.terms[n.Var]; bound && n.Var != "" {
		return Node{Term: t}
	}
	return n
}

// iri is node where an IRI is to be.
func (b *binding) iri(n Node, what string) Node {
	bound := b.node(n)
	if n.Var != "" && bound.Var == "" && bound.Term.Kind() != rdf.KindIRI {
		b.fail(n.Var, "it stands for a %s, and %s is no IRI", what, bound.Term)
	}
	return bound
}

func (b *binding) triple(t Triple) Triple {
	t.S, t.O = b.iri(t.S, "subject"), b.node(t.O)
	if t.Path == nil {
		t.P = b.iri(t.P, "predicate")
	}
	return t
}

func (b *binding) triples(list []Triple) []Triple { return each(list, b.triple) }

func (b *binding) quads(list []Quad) []Quad {
	return each(list, func(q Quad) Quad { return Quad{Triple: b.triple(q.Triple), G: b.iri(q.G, "graph")} })
}

func (b *binding) groups(list []*Group) []*Group { return each(list, b.group) }

func (b *binding) group(g *Group) *Group {
	if g == nil {
		return nil
	}
	return &Group{Elements: each(g.Elements, b.pattern), Pos: g.Pos}
}

func (b *binding) pattern(p Pattern) Pattern {
	switch p := p.(type) {
	case *Triples:
		return &Triples{Triples: b.triples(p.Triples)}
	case *Filter:
		return &Filter{Expr: b.expr(p.Expr), Pos: p.Pos}
	case *Optional:
		return &Optional{Group: b.group(p.Group)}
	case *Union:
		return &Union{Groups: b.groups(p.Groups)}
	case *Minus:
		return &Minus{Group: b.group(p.Group)}
	case *GraphPattern:
		return &GraphPattern{Name: b.iri(p.Name, "graph"), Group: b.group(p.Group)}
	case *Service:
		bound := *p
		bound.Name, bound.Group = b.iri(p.Name, "service"), b.group(p.Group)
		return &bound
	case *Bind:
		return &Bind{Expr: b.expr(p.Expr), Var: b.free(p.Var, "BIND"), Pos: p.Pos}
	case *InlineData:
		return b.values(p)
	case *SubSelect:
		return &SubSelect{Query: b.query(p.Query)}
	case *Group:
		return b.group(p)
	}
	return p
}

func (b *binding) values(d *InlineData) *InlineData {
	if d != nil {
		each(d.Vars, func(v Var) Var { return b.free(v, "VALUES") })
	}
	return d
}

func (b *binding) query(q *Query) *Query {
	bound := *q
	bound.Project = each(q.Project, func(p Projection) Projection { return Projection{Var: b.free(p.Var, "SELECT"), Expr: b.expr(p.Expr)} })
	bound.GroupBy = each(q.GroupBy, func(k GroupKey) GroupKey { return GroupKey{Var: b.free(k.Var, "GROUP BY"), Expr: b.expr(k.Expr)} })
	bound.OrderBy = each(q.OrderBy, func(k OrderKey) OrderKey { return OrderKey{Expr: b.expr(k.Expr), Descending: k.Descending} })
	bound.Having, bound.Where, bound.Values = b.exprs(q.Having), b.group(q.Where), b.values(q.Values)
	return &bound
}

func (b *binding) exprs(list []Expr) []Expr { return each(list, b.expr) }

func (b *binding) expr(e Expr) Expr {
	switch e := e.(type) {
	case *NodeExpr:
		return &NodeExpr{Node: b.node(e.Node), Pos: e.Pos}
	case *Unary:
		return &Unary{Op: e.Op, Expr: b.expr(e.Expr)}
	case *Binary:
		return &Binary{Op: e.Op, Left: b.expr(e.Left), Right: b.expr(e.Right)}
	case *In:
		return &In{Not: e.Not, Expr: b.expr(e.Expr), List: b.exprs(e.List)}
	case *Call:
		for _, arg := range e.Args {
			if n, is := arg.(*NodeExpr); is && e.Name == "BOUND" {
				b.unasked(n.Node.Var)
			}
		}
		return &Call{Name: e.Name, Args: b.exprs(e.Args), Pos: e.Pos}
	case *Function:
		bound := *e
		bound.Args = b.exprs(e.Args)
		return &bound
	case *Aggregate:
		bound := *e
		bound.Expr = b.expr(e.Expr)
		return &bound
	case *Exists:
		return &Exists{Not: e.Not, Group: b.group(e.Group), Pos: e.Pos}
	}
	return e
}

// each makes a list of what fn makes of each; nil of nil.
func each[T any](list []T, fn func(T) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, item := range list {
		out[i] = fn(item)
	}
	return out
}
