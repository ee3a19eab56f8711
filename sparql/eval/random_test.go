package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// maker makes random data, patterns and updates of few terms and variables, so that they meet.
type maker struct {
	number func(most int) int // from 0
	exists bool               // only what the oracle can put terms into
	blanks *int               // blank nodes so far, each of one block of triples
}

var (
	nodeTerms  = terms("<http://e/1>", "<http://e/2>", "<http://e/3>", `"1"^^<`+rdf.XSDInteger+`>`, `"x"`)
	predicates = terms("<http://e/p>", "<http://e/q>", "<http://e/r>")
	graphTerms = terms("<http://e/1>", "<http://e/g>")
	variables  = []sparql.Var{"a", "b", "c", "d"}
)

func terms(texts ...string) (all []rdf.Term) {
	for _, text := range texts {
		all = append(all, rdf.Trusted(text))
	}
	return all
}

func (m maker) term(of []rdf.Term) rdf.Term { return of[m.number(len(of)-1)] }

func (m maker) variable() sparql.Var { return variables[m.number(len(variables)-1)] }

func (m maker) quad() rdf.Quad {
	q := rdf.Quad{S: m.term(nodeTerms[:3]), P: m.term(predicates), O: m.term(nodeTerms)}
	if at := m.number(2); at > 0 {
		q.G = graphTerms[at-1]
	}
	return q
}

func (m maker) quads(most int) (quads []rdf.Quad) {
	for range m.number(most) {
		if q := m.quad(); !slices.Contains(quads, q) {
			quads = append(quads, q)
		}
	}
	return quads
}

func (m maker) node(of []rdf.Term) sparql.Node {
	if m.number(3) == 0 {
		return sparql.Node{Term: m.term(of)}
	}
	return sparql.Node{Var: m.variable()}
}

func (m maker) triple() sparql.Triple {
	t := sparql.Triple{S: m.node(nodeTerms[:3]), O: m.node(nodeTerms)}
	switch m.number(5) {
	case 0:
		t.P = sparql.Node{Var: m.variable()}
	case 1:
		t.Path = m.path(2)
	default:
		t.P = sparql.Node{Term: m.term(predicates)}
	}
	return t
}

func (m maker) path(depth int) sparql.Path {
	kind := m.number(6)
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		return &sparql.PathInverse{Path: m.path(depth - 1)}
	case 2:
		return &sparql.PathSequence{Left: m.path(depth - 1), Right: m.path(depth - 1)}
	case 3:
		return &sparql.PathAlternative{Left: m.path(depth - 1), Right: m.path(depth - 1)}
	case 4, 5:
		many := m.number(1) == 1
		return &sparql.PathRepeat{Path: m.path(depth - 1), Zero: !many || m.number(1) == 1, Many: many}
	case 6:
		n := &sparql.PathNegated{Forward: []rdf.Term{m.term(predicates)}}
		if m.number(1) == 1 {
			n.Backward = []rdf.Term{m.term(predicates)}
		}
		return n
	}
	return sparql.PathIRI{IRI: m.term(predicates)}
}

func (m maker) expr(depth int) sparql.Expr {
	node := func() sparql.Expr { return &sparql.NodeExpr{Node: m.node(nodeTerms)} }
	if depth > 0 {
		switch m.number(3) {
		case 0:
			return &sparql.Binary{Op: sparql.Or, Left: m.expr(depth - 1), Right: m.expr(depth - 1)}
		case 1:
			return &sparql.Unary{Op: sparql.Not, Expr: m.expr(depth - 1)}
		case 2:
			m.exists = true
			return &sparql.Exists{Not: m.number(1) == 1, Group: m.group(1)}
		}
	}
	switch m.number(2) {
	case 0:
		return &sparql.Call{Name: "BOUND", Args: []sparql.Expr{&sparql.NodeExpr{Node: sparql.Node{Var: m.variable()}}}}
	case 1:
		return &sparql.Binary{Op: sparql.NotEqual, Left: node(), Right: node()}
	}
	return &sparql.Binary{Op: sparql.Equal, Left: node(), Right: node()}
}

func (m maker) group(depth int) *sparql.Group {
	g := &sparql.Group{}
	for range m.number(3) {
		g.Elements = append(g.Elements, m.element(depth, g))
	}
	return g
}

func (m maker) element(depth int, before *sparql.Group) sparql.Pattern {
	kinds := 10
	if m.exists {
		kinds = 5
	}
	kind := m.number(kinds)
	if depth == 0 && kind > 1 {
		kind = 0
	}
	switch kind {
	case 1:
		return &sparql.Filter{Expr: m.expr(min(depth, 2))}
	case 2:
		return &sparql.Optional{Group: m.group(depth - 1)}
	case 3:
		return &sparql.Union{Groups: []*sparql.Group{m.group(depth - 1), m.group(depth - 1)}}
	case 4:
		return m.group(depth - 1)
	case 5:
		return &sparql.Minus{Group: m.group(depth - 1)}
	case 6:
		return &sparql.GraphPattern{Name: m.node(graphTerms), Group: m.group(depth - 1)}
	case 7:
		return m.bind(before)
	case 8:
		return m.values()
	case 9:
		return &sparql.SubSelect{Query: m.selection(depth - 1)}
	}
	triples := &sparql.Triples{}
	*m.blanks++
	blank := sparql.Node{Term: rdf.Trusted(fmt.Sprintf("_:n%d", *m.blanks))}
	for range 1 + m.number(2) {
		t := m.triple()
		if m.number(5) == 0 {
			t.O = blank
		}
		if m.number(5) == 0 {
			t.S = blank
		}
		triples.Triples = append(triples.Triples, t)
	}
	return triples
}

// bind binds a variable that is not in scope yet, as the grammar wants it.
func (m maker) bind(before *sparql.Group) sparql.Pattern {
	v := m.variable()
	if slices.Contains(algebra.Visible(before), v) {
		return &sparql.Group{}
	}
	return &sparql.Bind{Expr: &sparql.NodeExpr{Node: m.node(nodeTerms)}, Var: v}
}

func (m maker) values() *sparql.InlineData {
	d := &sparql.InlineData{Vars: []sparql.Var{m.variable()}}
	for range m.number(3) {
		t := rdf.Term{}
		if m.number(3) > 0 {
			t = m.term(nodeTerms)
		}
		d.Rows = append(d.Rows, []rdf.Term{t})
	}
	return d
}

func (m maker) selection(depth int) *sparql.Query {
	q := &sparql.Query{Where: m.group(depth), Distinct: m.number(1) == 1}
	v := m.variable()
	if m.number(2) == 0 {
		q.GroupBy = []sparql.GroupKey{{Var: v}}
		q.Project = []sparql.Projection{{Var: v}}
		if n := m.variable(); n != v && !slices.Contains(algebra.Visible(q.Where), n) {
			q.Project = append(q.Project, sparql.Projection{Var: n, Expr: &sparql.Aggregate{Name: "COUNT"}})
		}
		return q
	}
	q.Project = []sparql.Projection{{Var: v}}
	if other := m.variable(); other != v {
		q.Project = append(q.Project, sparql.Projection{Var: other})
	}
	return q
}

func all() (projections []sparql.Projection) {
	for _, v := range variables {
		projections = append(projections, sparql.Projection{Var: v})
	}
	return projections
}

// filled returns a store with quads.
func filled(t interface{ Fatal(...any) }, quads []rdf.Quad) *memory.Store {
	s := memory.New()
	fill(t, s, quads)
	return s
}

// fill puts quads into a new store.
func fill(t interface{ Fatal(...any) }, s store.Store, quads []rdf.Quad) {
	tx := s.Begin()
	for _, q := range quads {
		if _, err := tx.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		t.Fatal(err)
	}
}

// solutions evaluates a SELECT, and returns its rows as sorted texts.
func solutions(t interface{ Fatal(...any) }, r store.Reader, q *sparql.Query, o Options) (rows []string) {
	prepared, err := Prepare(q, o)
	if err != nil {
		t.Fatal(err)
	}
	err = prepared.Select(context.Background(), r, Identity{}, func(row []rdf.Term) error {
		rows = append(rows, textOf(prepared.Vars(), row))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// TestOracle compares what is evaluated, whatever the order of joins and the operators chosen for them, with what the definitions say:
// on patterns that are small, and shrink, and on evenly distributed ones.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := maker{blanks: new(int), number: func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }}
		compareWithOracle(t, m)
		seed := rapid.Uint64().Draw(t, "seed")
		even := rand.New(rand.NewPCG(seed, 1))
		compareWithOracle(t, maker{blanks: new(int), number: func(most int) int { return even.IntN(most + 1) }})
	})
}

func compareWithOracle(t *rapid.T, m maker) {
	quads := m.quads(12)
	q := &sparql.Query{Where: m.group(3), Project: all()}
	var want []string
	for _, solution := range newOracle(quads).selection(q, rdf.Term{}) {
		want = append(want, solution.text())
	}
	slices.Sort(want)
	view := filled(t, quads).View()
	defer view.Close()
	seed := m.number(1 << 16)
	for range 3 {
		var o Options
		if seed++; seed%3 != 0 {
			o.order = rand.New(rand.NewPCG(uint64(seed), 0)).IntN
		}
		if got := solutions(t, view, q, o); !slices.Equal(got, want) {
			p, _ := Prepare(q, o)
			plan, _ := p.Explain(context.Background(), view, Identity{}, false)
			t.Fatalf("%s\nover\n%s\ngot  %q\nwant %q\nplan\n%v", q, lines(quads), got, want, plan)
		}
	}
}

func lines(quads []rdf.Quad) (text string) {
	for _, q := range quads {
		text += fmt.Sprintln(q)
	}
	return text
}
