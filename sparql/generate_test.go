package sparql_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// TestWrittenIsRead makes trees that a text can have, and reads what is written of them.
func TestWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &generator{t: t, size: 60}
		var made tree
		if g.coin() {
			made = g.update()
		} else {
			q := g.query(false)
			q.Prologue = g.prologue()
			made = q
		}
		if fault := rewritten(made); fault != "" {
			t.Fatal(fault)
		}
	})
}

// generator makes trees. What it makes gets simpler when size runs out.
type generator struct {
	t      *rapid.T
	size   int
	fresh  int
	labels []string // of the basic graph pattern
	plain  bool     // no blank nodes
}

// pick returns a number below n, 0 when there has been enough.
func (g *generator) pick(n int) int {
	g.size--
	if g.size < 0 {
		return 0
	}
	return rapid.IntRange(0, n-1).Draw(g.t, "n")
}

func (g *generator) coin() bool { return g.pick(2) == 1 }

// some makes from least to 3 things.
func some[T any](g *generator, least int, one func() T) []T {
	var all []T
	for range max(least, g.pick(4)) {
		all = append(all, one())
	}
	return all
}

func one[T any](g *generator, values ...T) T { return values[g.pick(len(values))] }

func (g *generator) prologue() sparql.Prologue {
	p := sparql.Prologue{Version: one(g, "", "1.2", `"1"`)}
	for range g.pick(4) {
		p.Prefixes = append(p.Prefixes, sparql.Prefix{
			Name: one(g, "", "p", "p.q", "é", "a", "select"),
			IRI:  one(g, "http://e.example/", "http://e.example/a#", "http://e.example/a", rdf.XSDString[:33], "urn:"),
		})
	}
	return p
}

func (g *generator) iri() rdf.Term {
	return rdf.Trusted("<" + one(g, "http://e.example/", "http://e.example/a#b", "http://e.example/a#b.", "http://e.example/a#-x",
		"urn:1.a:b%20c", "urn:é/a", "http://www.w3.org/1999/02/22-rdf-syntax-ns#type", rdf.XSDInteger, "urn:%zz", "urn:a'(b)") + ">")
}

func (g *generator) literal() rdf.Term {
	text := one(g, "", "a", `"'\`, "\n\r\t\b\f\x00\x7f", "\uFFFE\uFFFF", "é\U0001F600", "1", "-1", "+1", "1.", ".5", "1.5", "1e3", "+.5E-3",
		"true", "false", "-0")
	t, err := rdf.Literal(text)
	switch g.pick(4) {
	case 1:
		t, err = rdf.LangLiteral(text, one(g, "en", "de-at"), one(g, rdf.NoDirection, rdf.LTR, rdf.RTL))
	case 2, 3:
		t, err = rdf.TypedLiteral(text, one(g, rdf.XSDInteger, rdf.XSDDecimal, rdf.XSDDouble, rdf.XSDBoolean, "urn:dt", rdf.XSDString))
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return t
}

func (g *generator) variable() sparql.Var {
	return one(g, sparql.Var("x"), "y", "z", "select", "é1", "_a", "0")
}

// newVar is a variable that nothing else has.
func (g *generator) newVar() sparql.Var {
	g.fresh++
	return sparql.Var(fmt.Sprintf("new%d", g.fresh))
}

func (g *generator) varNode() sparql.Node { return sparql.Node{Var: g.variable()} }
func (g *generator) iriNode() sparql.Node { return sparql.Node{Term: g.iri()} }

func (g *generator) name() sparql.Node {
	if g.coin() {
		return g.varNode()
	}
	return g.iriNode()
}

// blank is a blank node of the basic graph pattern.
func (g *generator) blank() sparql.Node {
	if g.plain {
		return g.varNode()
	}
	if len(g.labels) == 0 || g.coin() {
		g.fresh++
		g.labels = append(g.labels, fmt.Sprintf("_:b%d.%d", g.fresh, g.fresh))
	}
	return sparql.Node{Term: rdf.Trusted(one(g, g.labels...))}
}

// node is what may stand as subject or object.
func (g *generator) node() sparql.Node {
	switch g.pick(6) {
	case 0:
		return g.varNode()
	case 1:
		return g.iriNode()
	case 2:
		return g.blank()
	case 3:
		return g.tripleTerm()
	case 4:
		return sparql.Node{Term: g.groundTerm()}
	}
	return sparql.Node{Term: g.literal()}
}

// tripleTerm has a variable or a blank node in it.
func (g *generator) tripleTerm() sparql.Node {
	t := &sparql.Triple{S: g.varNode(), P: g.name(), O: g.node()}
	if g.coin() {
		t.S, t.O = g.node(), g.blank()
	}
	return sparql.Node{Triple: t}
}

// groundTerm is a triple term, or an IRI.
func (g *generator) groundTerm() rdf.Term {
	if g.pick(3) == 0 {
		return g.iri()
	}
	o := g.literal()
	if g.coin() {
		o = g.groundTerm()
	}
	t, err := rdf.TripleTerm(g.iri(), g.iri(), o)
	if err != nil {
		g.t.Fatal(err)
	}
	return t
}

func (g *generator) path(top bool) sparql.Path {
	kinds := 6
	if top {
		kinds = 5
	}
	sub := func() sparql.Path { return g.path(false) }
	if g.size <= 0 {
		return &sparql.PathNegated{}
	}
	switch g.pick(kinds) {
	case 0:
		return &sparql.PathNegated{Forward: some(g, 0, g.iri), Backward: some(g, 0, g.iri)}
	case 1:
		return &sparql.PathInverse{Path: sub()}
	case 2:
		return &sparql.PathSequence{Left: sub(), Right: sub()}
	case 3:
		return &sparql.PathAlternative{Left: sub(), Right: sub()}
	case 4:
		zero := g.coin()
		return &sparql.PathRepeat{Path: sub(), Zero: zero, Many: !zero || g.coin()}
	}
	return sparql.PathIRI{IRI: g.iri()}
}

func (g *generator) triple() sparql.Triple {
	return sparql.Triple{S: g.node(), P: g.name(), O: g.node()}
}

func (g *generator) pathTriple() sparql.Triple {
	t := g.triple()
	if g.coin() {
		t.P, t.Path = sparql.Node{}, g.path(true)
	}
	return t
}

// group makes a group; its blank nodes are its own.
func (g *generator) group() *sparql.Group {
	outer := g.labels
	defer func() { g.labels = outer }()
	g.labels = nil
	if g.pick(8) == 7 {
		return &sparql.Group{Elements: []sparql.Pattern{&sparql.SubSelect{Query: g.query(true)}}}
	}
	group := &sparql.Group{}
	for range g.pick(5) {
		e := g.element()
		if _, filter := e.(*sparql.Filter); !filter {
			g.labels = nil
		}
		if _, before := e.(*sparql.Triples); before && len(group.Elements) > 0 {
			if _, same := group.Elements[len(group.Elements)-1].(*sparql.Triples); same {
				continue
			}
		}
		group.Elements = append(group.Elements, e)
	}
	return group
}

func (g *generator) element() sparql.Pattern {
	switch g.pick(11) {
	case 1:
		return &sparql.Filter{Expr: g.expr(false)}
	case 2:
		return &sparql.Optional{Group: g.group()}
	case 3:
		return &sparql.Union{Groups: append(some(g, 1, g.group), g.group())}
	case 4:
		return &sparql.Minus{Group: g.group()}
	case 5:
		return &sparql.GraphPattern{Name: g.name(), Group: g.group()}
	case 6:
		return &sparql.Service{Silent: g.coin(), Name: g.name(), Group: g.group()}
	case 7:
		return &sparql.Bind{Expr: g.expr(false), Var: g.newVar()}
	case 8:
		return g.inlineData()
	case 9:
		return g.group()
	}
	g.labels = nil
	return &sparql.Triples{Triples: some(g, 1, g.pathTriple)}
}

func (g *generator) inlineData() *sparql.InlineData {
	d := &sparql.InlineData{Vars: some(g, 0, g.newVar)}
	d.Rows = some(g, 0, func() []rdf.Term {
		row := make([]rdf.Term, len(d.Vars))
		for i := range row {
			row[i] = one(g, rdf.Term{}, g.iri(), g.literal(), g.groundTerm())
		}
		return row
	})
	return d
}

var builtins = map[string][2]int{
	"STR": {1, 1}, "RAND": {0, 0}, "CONCAT": {0, 3}, "SUBSTR": {2, 3}, "REPLACE": {3, 4}, "IF": {3, 3}, "ISIRI": {1, 1}, "ISURI": {1, 1},
	"SAMETERM": {2, 2}, "HASLANGDIR": {1, 1}, "STRLANGDIR": {3, 3}, "BNODE": {0, 1}, "TRIPLE": {3, 3}, "COALESCE": {0, 3},
}

// expr makes an expression; aggregates may stand in it if they are allowed.
func (g *generator) expr(aggregates bool) sparql.Expr {
	sub := func() sparql.Expr { return g.expr(aggregates) }
	kinds := 9
	if aggregates {
		kinds = 10
	}
	switch g.pick(kinds) {
	case 1:
		return &sparql.Unary{Op: one(g, sparql.Not, sparql.UnaryMinus, sparql.UnaryPlus), Expr: sub()}
	case 2, 3:
		return &sparql.Binary{Op: one(g, sparql.Or, sparql.And, sparql.Equal, sparql.NotEqual, sparql.Less, sparql.Greater,
			sparql.LessEqual, sparql.GreaterEqual, sparql.Add, sparql.Subtract, sparql.Multiply, sparql.Divide), Left: sub(), Right: sub()}
	case 4:
		return &sparql.In{Not: g.coin(), Expr: sub(), List: some(g, 0, sub)}
	case 5:
		name := one(g, "STR", "RAND", "CONCAT", "SUBSTR", "REPLACE", "IF", "ISIRI", "ISURI", "SAMETERM", "HASLANGDIR", "STRLANGDIR",
			"BNODE", "TRIPLE", "COALESCE")
		n := builtins[name]
		call := &sparql.Call{Name: name}
		for range n[0] + g.pick(n[1]-n[0]+1) {
			call.Args = append(call.Args, sub())
		}
		return call
	case 6:
		f := &sparql.Function{IRI: g.iri(), Args: some(g, 0, sub)}
		f.Distinct = len(f.Args) > 0 && g.coin()
		return f
	case 7:
		return &sparql.Exists{Not: g.coin(), Group: g.group()}
	case 8:
		return &sparql.NodeExpr{Node: one(g, sparql.Node{Term: g.literal()}, g.iriNode(), sparql.Node{Term: g.groundTerm()},
			sparql.Node{Triple: &sparql.Triple{S: g.name(), P: g.name(), O: g.varNode()}})}
	case 9:
		return g.aggregate()
	}
	return &sparql.NodeExpr{Node: g.varNode()}
}

func (g *generator) aggregate() sparql.Expr {
	a := &sparql.Aggregate{Name: one(g, "COUNT", "SUM", "GROUP_CONCAT", "SAMPLE"), Distinct: g.coin()}
	if a.Name != "COUNT" || g.coin() {
		a.Expr = g.expr(false)
	}
	if a.Name == "GROUP_CONCAT" && g.coin() {
		separator := one(g, "", ", ", "\"\n")
		a.Separator = &separator
	}
	return a
}

// query makes a query without a prologue; a subquery is a SELECT.
func (g *generator) query(sub bool) *sparql.Query {
	q := &sparql.Query{Where: g.group()}
	if !sub {
		q.Form = sparql.Form(g.pick(4))
		q.Dataset = g.dataset()
	}
	grouped := g.coin()
	switch q.Form {
	case sparql.Select:
		q.Distinct = g.coin()
		q.Reduced = !q.Distinct && g.coin()
		g.project(q, grouped)
	case sparql.Construct:
		g.labels = nil
		q.Template = some(g, 0, g.triple)
	case sparql.Describe:
		if q.Star = g.coin(); !q.Star {
			q.Describe = some(g, 1, g.name)
		}
		if g.coin() {
			q.Where = nil
		}
	}
	g.modifiers(q, grouped)
	return q
}

func (g *generator) dataset() sparql.Dataset {
	return sparql.Dataset{Default: some(g, 0, g.iri), Named: some(g, 0, g.iri)}
}

// project makes columns: of groups, aggregates alone.
func (g *generator) project(q *sparql.Query, grouped bool) {
	if !grouped {
		if q.Star = g.coin(); !q.Star {
			q.Project = some(g, 1, func() sparql.Projection {
				if g.coin() {
					return sparql.Projection{Var: g.newVar(), Expr: g.expr(false)}
				}
				return sparql.Projection{Var: g.variable()}
			})
		}
		return
	}
	q.Project = some(g, 1, func() sparql.Projection { return sparql.Projection{Var: g.newVar(), Expr: g.aggregate()} })
	q.GroupBy = []sparql.GroupKey{{Var: g.newVar(), Expr: g.expr(false)}, {Var: g.variable()}}
	q.Project = append(q.Project, sparql.Projection{Var: q.GroupBy[0].Var})
	if e := g.expr(false); !isVariable(e) {
		q.GroupBy = append(q.GroupBy, sparql.GroupKey{Expr: e})
	}
}

func isVariable(e sparql.Expr) bool {
	n, ok := e.(*sparql.NodeExpr)
	return ok && n.Node.Var != ""
}

func (g *generator) modifiers(q *sparql.Query, grouped bool) {
	if grouped {
		q.Having = some(g, 0, func() sparql.Expr { return g.expr(true) })
	}
	q.OrderBy = some(g, 0, func() sparql.OrderKey { return sparql.OrderKey{Expr: g.expr(grouped), Descending: g.coin()} })
	for _, n := range []**int64{&q.Limit, &q.Offset} {
		if g.coin() {
			value := one[int64](g, 0, 1, 1<<63-1)
			*n = &value
		}
	}
	if g.coin() {
		q.Values = g.inlineData()
	}
}

func (g *generator) update() *sparql.Update {
	return &sparql.Update{Prologue: g.prologue(), Operations: some(g, 0, g.operation)}
}

func (g *generator) operation() sparql.Operation {
	g.labels = nil
	switch g.pick(6) {
	case 1:
		return &sparql.DeleteData{Quads: some(g, 0, func() sparql.Quad { return g.data(false) })}
	case 2, 3:
		return g.modify()
	case 4:
		return one[sparql.Operation](g, &sparql.Load{Silent: g.coin(), Source: g.iri(), Into: one(g, rdf.Term{}, g.iri())},
			&sparql.Manage{Action: sparql.Create, Silent: g.coin(), Target: sparql.Target{Graph: g.iri()}})
	case 5:
		m := &sparql.Manage{Action: one(g, sparql.Clear, sparql.Drop), Silent: g.coin(), Target: sparql.Target{Kind: sparql.TargetKind(g.pick(4))}}
		if m.Target.Kind == sparql.TargetGraph {
			m.Target.Graph = g.iri()
		}
		return one[sparql.Operation](g, m, &sparql.Transfer{
			Kind: one(g, sparql.TransferAdd, sparql.TransferMove, sparql.TransferCopy), Silent: g.coin(),
			From: one(g, rdf.Term{}, g.iri()), To: one(g, rdf.Term{}, g.iri()),
		})
	}
	return &sparql.InsertData{Quads: some(g, 0, func() sparql.Quad { return g.data(true) })}
}

// data makes a quad without variables.
func (g *generator) data(blanks bool) sparql.Quad {
	q := sparql.Quad{Triple: sparql.Triple{S: g.iriNode(), P: g.iriNode(), O: sparql.Node{Term: one(g, g.literal(), g.groundTerm())}}}
	if blanks && g.coin() {
		q.S = g.blank()
		q.O = sparql.Node{Triple: &sparql.Triple{S: g.iriNode(), P: g.iriNode(), O: g.blank()}}
	}
	if g.coin() {
		q.G = g.iriNode()
	}
	return q
}

func (g *generator) modify() sparql.Operation {
	quad := func() sparql.Quad { return sparql.Quad{Triple: g.triple(), G: one(g, sparql.Node{}, g.name())} }
	m := &sparql.Modify{With: one(g, rdf.Term{}, g.iri()), Using: g.dataset(), Where: g.group()}
	if m.HasDelete = g.coin(); m.HasDelete {
		g.plain = true
		m.Delete = some(g, 0, quad)
		g.plain = false
	}
	if m.HasInsert = !m.HasDelete || g.coin(); m.HasInsert {
		m.Insert = some(g, 0, quad)
	}
	return m
}
