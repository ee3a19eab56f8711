package eval

import (
	"maps"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// mu is a solution mapping. The variable of a blank node has its text for a name.
type mu map[sparql.Var]rdf.Term

// oracle evaluates queries bottom-up, by the definitions of section 18 and nothing else: every operator is computed of the multisets
// of its parts. Data may have no blank nodes (substitution would make variables of them).
type oracle struct {
	quads []rdf.Quad
	named []rdf.Term
	slots map[sparql.Var]int
}

func newOracle(quads []rdf.Quad) *oracle {
	o := &oracle{quads: quads, slots: map[sparql.Var]int{}}
	for _, q := range quads {
		if !q.G.IsZero() && !slices.Contains(o.named, q.G) {
			o.named = append(o.named, q.G)
		}
	}
	return o
}

// compatible: 18.3.
func compatible(a, b mu) bool {
	for v, t := range a {
		if u, ok := b[v]; ok && u != t {
			return false
		}
	}
	return true
}

func merged(a, b mu) mu {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func joinAll(left, right []mu) (all []mu) {
	for _, a := range left {
		for _, b := range right {
			if compatible(a, b) {
				all = append(all, merged(a, b))
			}
		}
	}
	return all
}

func (o *oracle) leftJoin(left, right []mu, holds func(mu) bool) (all []mu) {
	for _, a := range left {
		joined := false
		for _, b := range right {
			if compatible(a, b) && holds(merged(a, b)) {
				all, joined = append(all, merged(a, b)), true
			}
		}
		if !joined {
			all = append(all, a)
		}
	}
	return all
}

func minusAll(left, right []mu) (all []mu) {
	for _, a := range left {
		gone := slices.ContainsFunc(right, func(b mu) bool {
			shared := false
			for v := range a {
				_, ok := b[v]
				shared = shared || ok
			}
			return shared && compatible(a, b)
		})
		if !gone {
			all = append(all, a)
		}
	}
	return all
}

// group evaluates the elements of a group, and returns its filters apart.
func (o *oracle) group(g *sparql.Group, graph rdf.Term) (all []mu, filters []sparql.Expr) {
	all = []mu{{}}
	for _, element := range g.Elements {
		switch e := element.(type) {
		case *sparql.Filter:
			filters = append(filters, e.Expr)
		case *sparql.Optional:
			right, conditions := o.group(e.Group, graph)
			all = o.leftJoin(all, right, func(m mu) bool { return o.hold(conditions, m, graph) })
		case *sparql.Minus:
			all = minusAll(all, o.whole(e.Group, graph))
		case *sparql.Bind:
			for i, m := range all {
				if t, ok := o.value(e.Expr, m, graph); ok {
					all[i] = merged(m, mu{e.Var: t})
				}
			}
		default:
			all = joinAll(all, o.pattern(element, graph))
		}
	}
	return all, filters
}

func (o *oracle) whole(g *sparql.Group, graph rdf.Term) []mu {
	all, filters := o.group(g, graph)
	return slices.DeleteFunc(all, func(m mu) bool { return !o.hold(filters, m, graph) })
}

func (o *oracle) pattern(p sparql.Pattern, graph rdf.Term) (all []mu) {
	switch p := p.(type) {
	case *sparql.Group:
		return o.whole(p, graph)
	case *sparql.Triples:
		all = []mu{{}}
		for _, t := range p.Triples {
			all = joinAll(all, o.triple(t, graph))
		}
	case *sparql.Union:
		for _, g := range p.Groups {
			all = append(all, o.whole(g, graph)...)
		}
	case *sparql.GraphPattern:
		return o.inGraph(p)
	case *sparql.InlineData:
		for _, row := range p.Rows {
			m := mu{}
			for i, v := range p.Vars {
				if !row[i].IsZero() {
					m[v] = row[i]
				}
			}
			all = append(all, m)
		}
	case *sparql.SubSelect:
		return o.selection(p.Query, graph)
	}
	return all
}

func (o *oracle) inGraph(p *sparql.GraphPattern) (all []mu) {
	for _, name := range o.named {
		switch {
		case p.Name.Var != "":
			all = append(all, joinAll(o.whole(p.Group, name), []mu{{p.Name.Var: name}})...)
		case p.Name.Term == name:
			all = o.whole(p.Group, name)
		}
	}
	return all
}

// unify binds a node to a term.
func unify(m mu, n sparql.Node, t rdf.Term) bool {
	v := n.Var
	if v == "" {
		if n.Term.Kind() != rdf.KindBlank {
			return n.Term == t
		}
		v = sparql.Var(n.Term.String())
	}
	if have, ok := m[v]; ok {
		return have == t
	}
	m[v] = t
	return true
}

func (o *oracle) triple(t sparql.Triple, graph rdf.Term) (all []mu) {
	if t.Path != nil {
		for _, pair := range o.path(t.Path, graph, t.S.Term, t.O.Term) {
			if m := (mu{}); unify(m, t.S, pair[0]) && unify(m, t.O, pair[1]) {
				all = append(all, m)
			}
		}
		return all
	}
	for _, q := range o.quads {
		if m := (mu{}); q.G == graph && unify(m, t.S, q.S) && unify(m, t.P, q.P) && unify(m, t.O, q.O) {
			all = append(all, m)
		}
	}
	return all
}

type pair [2]rdf.Term

// path evaluates a path whose ends are terms, or variables (18.4).
func (o *oracle) path(p sparql.Path, graph, from, to rdf.Term) (all []pair) {
	switch p := p.(type) {
	case sparql.PathIRI:
		return o.edges(graph, func(q rdf.Quad) bool { return q.P == p.IRI })
	case *sparql.PathInverse:
		return inverse(o.path(p.Path, graph, to, from))
	case *sparql.PathAlternative:
		return append(o.path(p.Left, graph, from, to), o.path(p.Right, graph, from, to)...)
	case *sparql.PathSequence:
		return compose(o.path(p.Left, graph, from, rdf.Term{}), o.path(p.Right, graph, rdf.Term{}, to))
	case *sparql.PathNegated:
		if len(p.Forward) > 0 || len(p.Backward) == 0 {
			all = o.edges(graph, func(q rdf.Quad) bool { return !slices.Contains(p.Forward, q.P) })
		}
		if len(p.Backward) > 0 {
			all = append(all, inverse(o.edges(graph, func(q rdf.Quad) bool { return !slices.Contains(p.Backward, q.P) }))...)
		}
		return all
	case *sparql.PathRepeat:
		return o.repeat(p, graph, from, to)
	}
	return nil
}

func (o *oracle) edges(graph rdf.Term, fits func(rdf.Quad) bool) (all []pair) {
	for _, q := range o.quads {
		if q.G == graph && fits(q) {
			all = append(all, pair{q.S, q.O})
		}
	}
	return all
}

func inverse(pairs []pair) (all []pair) {
	for _, p := range pairs {
		all = append(all, pair{p[1], p[0]})
	}
	return all
}

func compose(left, right []pair) (all []pair) {
	for _, a := range left {
		for _, b := range right {
			if a[1] == b[0] {
				all = append(all, pair{a[0], b[1]})
			}
		}
	}
	return all
}

// repeat is the closure as a set: from the first end if that is a term, or both are variables, else backwards from the other one.
func (o *oracle) repeat(p *sparql.PathRepeat, graph, from, to rdf.Term) []pair {
	set := map[pair]bool{}
	step := o.path(p.Path, graph, from, rdf.Term{})
	if from.IsZero() {
		step = o.path(p.Path, graph, rdf.Term{}, to)
	}
	for _, one := range step {
		set[one] = true
	}
	for grown := p.Many; grown; {
		grown = false
		for _, next := range compose(slices.Collect(maps.Keys(set)), step) {
			grown = grown || !set[next]
			set[next] = true
		}
	}
	if p.Zero {
		nodes := []rdf.Term{from, to}
		for _, q := range o.quads {
			if q.G == graph {
				nodes = append(nodes, q.S, q.O)
			}
		}
		for _, n := range nodes {
			if !n.IsZero() {
				set[pair{n, n}] = true
			}
		}
	}
	return slices.Collect(maps.Keys(set))
}

// selection evaluates a SELECT without aggregates but for COUNT(*), and without ORDER BY.
func (o *oracle) selection(q *sparql.Query, graph rdf.Term) (all []mu) {
	solutions := o.whole(q.Where, graph)
	if len(q.GroupBy) > 0 {
		solutions = counted(q, solutions)
	}
	seen := map[string]bool{}
	for _, m := range solutions {
		kept := mu{}
		for _, p := range q.Project {
			if t, ok := m[p.Var]; ok {
				kept[p.Var] = t
			}
		}
		key := kept.text()
		if q.Distinct && seen[key] {
			continue
		}
		seen[key] = true
		all = append(all, kept)
	}
	return all
}

// counted groups by variables, and counts the solutions of each group as the variable of the projection that is an expression.
func counted(q *sparql.Query, solutions []mu) (all []mu) {
	groups, counts := map[string]mu{}, map[string]int64{}
	for _, m := range solutions {
		key := mu{}
		for _, k := range q.GroupBy {
			if t, ok := m[k.Var]; ok {
				key[k.Var] = t
			}
		}
		groups[key.text()] = key
		counts[key.text()]++
	}
	for text, key := range groups {
		for _, p := range q.Project {
			if p.Expr != nil {
				key[p.Var] = value.Int(counts[text]).Term()
			}
		}
		all = append(all, key)
	}
	return all
}

// text is the same for mappings that are the same.
func (m mu) text() (text string) {
	for _, v := range slices.Sorted(maps.Keys(m)) {
		text += string(v) + "=" + m[v].String() + " "
	}
	return text
}

func (o *oracle) hold(conditions []sparql.Expr, m mu, graph rdf.Term) bool {
	for _, e := range conditions {
		f, s := o.compile(e, m, graph)
		if ok, err := f.Test(s); err != nil {
			panic(err)
		} else if !ok {
			return false
		}
	}
	return true
}

func (o *oracle) value(e sparql.Expr, m mu, graph rdf.Term) (rdf.Term, bool) {
	f, s := o.compile(e, m, graph)
	v, err := f(s)
	return v.Term(), err == nil
}

// binding is a mapping as expressions read it.
type binding struct {
	o *oracle
	m mu
}

func (b binding) Number() uint64 { return 0 }

func (b binding) Value(slot int) (value.Value, bool, error) {
	for v, at := range b.o.slots {
		if t, ok := b.m[v]; at == slot && ok {
			return value.Of(t), true, nil
		}
	}
	return value.Value{}, false, nil
}

func (o *oracle) compile(e sparql.Expr, m mu, graph rdf.Term) (expr.Func, expr.Solution) {
	f, err := expr.Compile(e, &expr.Env{
		Now: time.Unix(0, 0).UTC(),
		Slot: func(v sparql.Var) (int, bool) {
			if _, ok := o.slots[v]; !ok {
				o.slots[v] = len(o.slots)
			}
			return o.slots[v], true
		},
		Exists: func(g *sparql.Group) (func(expr.Solution) (bool, error), error) {
			return func(expr.Solution) (bool, error) { return len(o.whole(substitute(g, m), graph)) > 0, nil }, nil
		},
	})
	if err != nil {
		panic(err)
	}
	return f, binding{o, m}
}

// substitute puts the terms of a mapping in place of variables (18.6), in the patterns that the tests make for EXISTS.
func substitute(g *sparql.Group, m mu) *sparql.Group {
	out := &sparql.Group{}
	for _, element := range g.Elements {
		switch e := element.(type) {
		case *sparql.Triples:
			triples := &sparql.Triples{}
			for _, t := range e.Triples {
				t.S, t.P, t.O = substituteNode(t.S, m), substituteNode(t.P, m), substituteNode(t.O, m)
				triples.Triples = append(triples.Triples, t)
			}
			out.Elements = append(out.Elements, triples)
		case *sparql.Filter:
			out.Elements = append(out.Elements, &sparql.Filter{Expr: substituteExpr(e.Expr, m)})
		case *sparql.Optional:
			out.Elements = append(out.Elements, &sparql.Optional{Group: substitute(e.Group, m)})
		case *sparql.Union:
			u := &sparql.Union{}
			for _, g := range e.Groups {
				u.Groups = append(u.Groups, substitute(g, m))
			}
			out.Elements = append(out.Elements, u)
		case *sparql.Group:
			out.Elements = append(out.Elements, substitute(e, m))
		default:
			panic("no pattern of EXISTS")
		}
	}
	return out
}

func substituteNode(n sparql.Node, m mu) sparql.Node {
	if t, ok := m[n.Var]; ok && n.Var != "" {
		return sparql.Node{Term: t}
	}
	return n
}

func substituteExpr(e sparql.Expr, m mu) sparql.Expr {
	switch e := e.(type) {
	case *sparql.NodeExpr:
		return &sparql.NodeExpr{Node: substituteNode(e.Node, m)}
	case *sparql.Binary:
		return &sparql.Binary{Op: e.Op, Left: substituteExpr(e.Left, m), Right: substituteExpr(e.Right, m)}
	case *sparql.Unary:
		return &sparql.Unary{Op: e.Op, Expr: substituteExpr(e.Expr, m)}
	case *sparql.Call: // BOUND of a variable that has a value
		if n, ok := e.Args[0].(*sparql.NodeExpr); ok {
			if _, bound := m[n.Node.Var]; bound {
				return &sparql.NodeExpr{Node: sparql.Node{Term: value.Bool(true).Term()}}
			}
		}
		return e
	case *sparql.Exists:
		return &sparql.Exists{Not: e.Not, Group: substitute(e.Group, m)}
	}
	return e
}
