package algebra

import (
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// Translate makes the algebra of a query. It doesn't change the tree, and needs it no longer than its expressions.
func Translate(q *sparql.Query) *Query {
	s := newScope()
	out := &Query{Op: Rewrite(s.query(q))}
	if q.Form == sparql.Select {
		out.Vars = columns(q)
		for _, v := range out.Vars {
			out.Columns = append(out.Columns, s.slot(v))
		}
	}
	for i := range q.Template {
		out.Template = append(out.Template, s.template(&q.Template[i]))
	}
	out.Describe = s.describe(q)
	out.Names = s.names
	return out
}

// describe lists what DESCRIBE names; "*" is every variable.
func (s scope) describe(q *sparql.Query) (nodes []Node) {
	if q.Form == sparql.Describe && q.Star {
		for _, v := range columns(q) {
			nodes = append(nodes, Node{Slot: s.slot(v)})
		}
	}
	for _, n := range q.Describe {
		nodes = append(nodes, s.templateNode(n))
	}
	return nodes
}

// Modify is an operation DELETE … INSERT … WHERE in algebra.
type Modify struct {
	Query
	// Delete and Insert are the templates, in the order of the tree's.
	Delete, Insert []Quad
}

// TranslateModify makes the algebra of an operation. Its graph of WITH is the default graph of the templates here; what it is in the
// pattern is a matter of the dataset.
func TranslateModify(m *sparql.Modify) *Modify {
	s := newScope()
	out := &Modify{}
	out.Op = Rewrite(s.whole(m.Where))
	out.Delete = s.quads(m.Delete, m.With)
	out.Insert = s.quads(m.Insert, m.With)
	out.Names = s.names
	return out
}

func (s scope) quads(quads []sparql.Quad, with rdf.Term) []Quad {
	out := make([]Quad, len(quads))
	for i := range quads {
		g := s.templateNode(quads[i].G)
		if g == (Node{Slot: None}) {
			g.Term = with
		}
		out[i] = Quad{s.template(&quads[i].Triple), g}
	}
	return out
}

// template translates a triple of a template, in which a blank node stays one.
func (s scope) template(t *sparql.Triple) Triple {
	return Triple{s.templateNode(t.S), s.templateNode(t.P), s.templateNode(t.O)}
}

func (s scope) templateNode(n sparql.Node) Node {
	switch {
	case n.Triple != nil:
		t := s.template(n.Triple)
		return Node{Slot: None, Triple: &t}
	case n.Var != "":
		return Node{Slot: s.slot(n.Var)}
	}
	return Node{Slot: None, Term: n.Term}
}

// query translates a query with its modifiers (18.2.4 and 18.2.5).
func (s scope) query(q *sparql.Query) Op {
	var op Op = Unit{}
	if q.Where != nil {
		op = s.whole(q.Where)
	}
	op, aggregates := s.grouping(op, q)
	having := []*Expr(nil)
	for _, e := range q.Having {
		for _, part := range conjuncts(e) {
			having = append(having, s.aggregating(part, aggregates))
		}
	}
	if len(having) > 0 {
		op = &Filter{op, having}
	}
	if q.Values != nil {
		op = join(op, s.values(q.Values))
	}
	for _, p := range q.Project {
		if p.Expr != nil {
			op = &Extend{op, s.slot(p.Var), s.aggregating(p.Expr, aggregates)}
		}
	}
	return s.modifiers(op, q, aggregates)
}

func (s scope) modifiers(op Op, q *sparql.Query, aggregates map[*sparql.Aggregate]Slot) Op {
	if len(q.OrderBy) > 0 {
		order := &Order{Op: op}
		for _, key := range q.OrderBy {
			order.Keys = append(order.Keys, OrderKey{s.aggregating(key.Expr, aggregates), key.Descending})
		}
		op = order
	}
	if q.Form == sparql.Select {
		var slots []Slot
		for _, v := range columns(q) {
			slots = append(slots, s.slot(v))
		}
		op = &Project{op, slots}
		if q.Distinct || q.Reduced {
			op = &Distinct{op, slots}
		}
	}
	if q.Limit == nil && q.Offset == nil {
		return op
	}
	slice := &Slice{Op: op, Limit: -1}
	if q.Limit != nil {
		slice.Limit = *q.Limit
	}
	if q.Offset != nil {
		slice.Offset = *q.Offset
	}
	return slice
}

// aggregating is expr for what stands behind grouping.
func (s scope) aggregating(e sparql.Expr, aggregates map[*sparql.Aggregate]Slot) *Expr {
	out := s.expr(e)
	out.aggregates = aggregates
	for _, a := range aggregatesOf([]sparql.Expr{e}) {
		out.Uses.Add(aggregates[a])
	}
	return out
}

// grouping translates GROUP BY and aggregates (18.2.4.1).
func (s scope) grouping(op Op, q *sparql.Query) (Op, map[*sparql.Aggregate]Slot) {
	exprs := behindGrouping(q)
	aggregates := aggregatesOf(exprs)
	if len(q.GroupBy) == 0 && len(aggregates) == 0 && len(q.Having) == 0 {
		return op, nil
	}
	group := &Group{Op: op}
	for _, key := range q.GroupBy {
		group.Keys = append(group.Keys, s.groupKey(key))
	}
	shown := s.visibleSlots(q)
	slots := map[*sparql.Aggregate]Slot{}
	for _, a := range aggregates {
		slots[a] = s.fresh("aggregate")
		group.Aggregates = append(group.Aggregates, s.aggregate(slots[a], a, shown))
	}
	s.samples(group, q, exprs)
	return group, slots
}

func (s scope) groupKey(key sparql.GroupKey) Key {
	if key.Expr == nil {
		return Key{Slot: s.slot(key.Var)}
	}
	var slot Slot
	if key.Var != "" {
		slot = s.slot(key.Var)
	} else {
		slot = s.fresh("key")
	}
	return Key{slot, s.expr(key.Expr)}
}

func (s scope) aggregate(slot Slot, a *sparql.Aggregate, shown []Slot) Aggregate {
	out := Aggregate{Slot: slot, Call: a, Visible: shown}
	e := a.Expr
	if e == nil {
		e = &sparql.NodeExpr{Node: sparql.Node{Term: trueTerm}}
	}
	out.Expr = s.expr(e)
	return out
}

var trueTerm = rdf.Trusted(`"true"^^<` + rdf.XSDBoolean + `>`)

func (s scope) visibleSlots(q *sparql.Query) (slots []Slot) {
	for _, v := range Visible(q.Where) {
		slots = append(slots, s.slot(v))
	}
	return slots
}

// behindGrouping lists the expressions that are computed of groups.
func behindGrouping(q *sparql.Query) (exprs []sparql.Expr) {
	for _, p := range q.Project {
		if p.Expr != nil {
			exprs = append(exprs, p.Expr)
		} else {
			exprs = append(exprs, &sparql.NodeExpr{Node: sparql.Node{Var: p.Var}})
		}
	}
	exprs = append(exprs, q.Having...)
	for _, key := range q.OrderBy {
		exprs = append(exprs, key.Expr)
	}
	return exprs
}

// samples gives a variable that is no key, and stands outside of aggregates, one of its values in the group.
func (s scope) samples(group *Group, q *sparql.Query, exprs []sparql.Expr) {
	known := map[sparql.Var]bool{}
	for _, p := range q.Project {
		known[p.Var] = known[p.Var] || p.Expr != nil
	}
	for _, key := range q.GroupBy {
		known[key.Var] = true
	}
	for _, e := range exprs {
		for _, v := range exprVars(e, false) {
			if known[v] {
				continue
			}
			known[v] = true
			call := &sparql.Aggregate{Name: "SAMPLE", Expr: &sparql.NodeExpr{Node: sparql.Node{Var: v}}}
			group.Aggregates = append(group.Aggregates, s.aggregate(s.slot(v), call, nil))
		}
	}
}
