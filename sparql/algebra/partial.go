package algebra

import (
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Divided is a group of parts of groups: of what one shard has, and of what all have.
type Divided struct {
	// Part is evaluated over the solutions of each shard. It has no group of nothing.
	Part *Group
	// Whole makes of the rows of all parts, which take the place of of, what the group would be of all solutions.
	Whole func(of Op) Op
}

// Divide divides a group into groups of parts, which have the same keys and what their aggregates need of each part; ok is false for a
// group that needs all solutions. Aggregates of different values, and keys, are different values in the parts; SUM and AVG of floating
// point numbers add them in another order.
func (q *Query) Divide(g *Group) (divided Divided, ok bool) {
	p := partial{query: q, part: &Group{Op: g.Op, Partial: true}, whole: &Group{}}
	for _, key := range g.Keys {
		p.part.Keys = append(p.part.Keys, key)
		p.whole.Keys = append(p.whole.Keys, Key{Slot: key.Slot})
	}
	for _, a := range g.Aggregates {
		if !p.aggregate(a) {
			return Divided{}, false
		}
	}
	return Divided{p.part, p.over}, true
}

// partial divides a group.
type partial struct {
	query       *Query
	part, whole *Group
	averages    []average
}

// average is a slot that gets the quotient of two others.
type average struct{ slot, sum, n Slot }

func (p *partial) aggregate(a Aggregate) bool {
	switch {
	case a.Call.Distinct && a.Call.Expr == nil:
		for _, slot := range a.Visible {
			p.key(Key{Slot: slot})
		}
		p.whole.Aggregates = append(p.whole.Aggregates, a)
	case a.Call.Distinct:
		slot := p.query.Fresh("distinct")
		p.key(Key{Slot: slot, Expr: a.Expr})
		p.take(a.Slot, a.Call.Name, slot, a.Call)
	case a.Call.Name == "COUNT":
		p.take(a.Slot, "SUM", p.give(a, "COUNT"), nil)
	case a.Call.Name == "AVG":
		of := average{a.Slot, p.query.Fresh("sum"), p.query.Fresh("count")}
		p.take(of.sum, "SUM", p.give(a, "SUM"), nil)
		p.take(of.n, "SUM", p.give(a, "COUNT"), nil)
		p.averages = append(p.averages, of)
	case slices.Contains([]string{"SUM", "MIN", "MAX", "SAMPLE"}, a.Call.Name):
		p.take(a.Slot, a.Call.Name, p.give(a, a.Call.Name), nil)
	default:
		return false
	}
	return true
}

// key adds a key to the groups of the parts.
func (p *partial) key(k Key) {
	if !slices.ContainsFunc(p.part.Keys, func(other Key) bool { return other.Slot == k.Slot }) {
		p.part.Keys = append(p.part.Keys, k)
	}
}

// give computes an aggregate of each part, and returns its slot.
func (p *partial) give(a Aggregate, name string) Slot {
	a.Call = &sparql.Aggregate{Name: name, Expr: a.Call.Expr, Pos: a.Call.Pos}
	a.Slot = p.query.Fresh("part")
	p.part.Aggregates = append(p.part.Aggregates, a)
	return a.Slot
}

// take computes an aggregate of what the parts have in a slot, of different values and with a separator if like says so.
func (p *partial) take(slot Slot, name string, of Slot, like *sparql.Aggregate) {
	call := &sparql.Aggregate{Name: name}
	if like != nil {
		call.Distinct, call.Separator = like.Distinct, like.Separator
	}
	e := slotExpr(p.query, of)
	call.Expr = e.Expr
	p.whole.Aggregates = append(p.whole.Aggregates, Aggregate{Slot: slot, Call: call, Expr: e})
}

// over is the group of all parts.
func (p *partial) over(of Op) Op {
	p.whole.Op = of
	var op Op = p.whole
	for _, a := range p.averages {
		op = &Extend{op, a.slot, p.quotient(a)}
	}
	return op
}

// slotExpr is an expression that is a variable.
func slotExpr(q *Query, slot Slot) *Expr {
	v := q.Names[slot]
	e := &Expr{Expr: varExpr(v), Uses: NewSet(slot)}
	e.vars.add(v, slot)
	return e
}

func varExpr(v sparql.Var) sparql.Expr { return &sparql.NodeExpr{Node: sparql.Node{Var: v}} }

// quotient is what AVG is: 0 of nothing.
func (p *partial) quotient(a average) *Expr {
	sum, n := p.query.Names[a.sum], p.query.Names[a.n]
	zero := &sparql.NodeExpr{Node: sparql.Node{Term: rdf.Trusted(`"0"^^<` + rdf.XSDInteger + `>`)}}
	e := &Expr{
		Expr: &sparql.Call{Name: "IF", Args: []sparql.Expr{
			&sparql.Binary{Op: sparql.Equal, Left: varExpr(n), Right: zero}, varExpr(sum),
			&sparql.Binary{Op: sparql.Divide, Left: varExpr(sum), Right: varExpr(n)},
		}},
		Uses: NewSet(a.sum, a.n),
	}
	e.vars.add(sum, a.sum)
	e.vars.add(n, a.n)
	return e
}

// Negated is a path of one step that is none of some IRIs, as a pattern whose predicate is a variable.
func (q *Query) Negated(op *Path, not []rdf.Term) Op {
	slot := q.Fresh("predicate")
	e := slotExpr(q, slot)
	in := &sparql.In{Not: true, Expr: e.Expr}
	for _, iri := range not {
		in.List = append(in.List, &sparql.NodeExpr{Node: sparql.Node{Term: iri}})
	}
	e.Expr = in
	return &Filter{&Pattern{S: op.S, P: Node{Slot: slot}, O: op.O, G: op.G, Pos: op.Pos}, []*Expr{e}}
}
