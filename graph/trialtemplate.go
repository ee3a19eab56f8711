package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// solving is the query that gives the solutions of an operation, and the places in its rows of the variables that its templates have.
func solving(prologue sparql.Prologue, op *sparql.Modify) (*sparql.Query, map[sparql.Var]int) {
	q := &sparql.Query{Prologue: prologue, Dataset: op.Using, Where: op.Where}
	f := &found{places: map[sparql.Var]int{}}
	for _, quads := range [][]sparql.Quad{op.Delete, op.Insert} {
		for i := range quads {
			f.triple(&quads[i].Triple)
			f.node(quads[i].G)
		}
	}
	for _, v := range f.vars {
		q.Project = append(q.Project, sparql.Projection{Var: v})
	}
	q.Star = len(f.vars) == 0
	q.Distinct = !f.blank && !q.Star // which makes other quads of each solution
	if q.Star && !f.blank {
		one := int64(1)
		q.Limit = &one
	}
	return q, f.places
}

// found is what templates have.
type found struct {
	vars   []sparql.Var
	places map[sparql.Var]int
	blank  bool // there is a blank node
}

func (f *found) triple(t *sparql.Triple) {
	f.node(t.S)
	f.node(t.P)
	f.node(t.O)
}

func (f *found) node(n sparql.Node) {
	switch {
	case n.Triple != nil:
		f.triple(n.Triple)
	case n.Var != "":
		if _, known := f.places[n.Var]; !known {
			f.places[n.Var] = len(f.vars)
			f.vars = append(f.vars, n.Var)
		}
	case n.Term.Kind() == rdf.KindBlank:
		f.blank = true
	}
}

// instance makes quads of templates for a solution.
type instance struct {
	places map[sparql.Var]int
	row    []rdf.Term
	prefix string
	// label is what labels of the solution's blank nodes have behind the prefix, once it is made: of what it binds, and of how many alike came
	// before it, so that it doesn't depend on the order in which solutions come.
	label string
	alike map[string]int
}

// solution begins another solution.
func (i *instance) solution(row []rdf.Term) { i.row, i.label = row, "" }

// blank makes a blank node of a template's.
func (i *instance) blank(name string) (rdf.Term, error) {
	if i.label == "" {
		var text strings.Builder
		for _, t := range i.row {
			text.WriteString(t.String() + "\n")
		}
		hash := shortHash(text.String())
		i.label = fmt.Sprintf("%s-%d-", hash, i.alike[hash])
		i.alike[hash]++
	}
	return rdf.Blank(i.prefix + i.label + name)
}

// quad makes a quad; ok is false if it is none.
func (i *instance) quad(of *sparql.Quad, with rdf.Term) (q rdf.Quad, ok bool) {
	for _, part := range [...]struct {
		of sparql.Node
		to *rdf.Term
	}{{of.S, &q.S}, {of.P, &q.P}, {of.O, &q.O}} {
		if *part.to, ok = i.term(part.of); !ok {
			return q, false
		}
	}
	q.G = with
	if of.G != (sparql.Node{}) {
		if q.G, ok = i.term(of.G); !ok {
			return q, false
		}
	}
	return q, q.Check() == nil
}

// term makes a term; ok is false if a variable isn't bound, or there is no such term.
func (i *instance) term(n sparql.Node) (rdf.Term, bool) {
	switch {
	case n.Triple != nil:
		s, okS := i.term(n.Triple.S)
		p, okP := i.term(n.Triple.P)
		o, okO := i.term(n.Triple.O)
		if !okS || !okP || !okO {
			return rdf.Term{}, false
		}
		t, err := rdf.TripleTerm(s, p, o)
		return t, err == nil
	case n.Var != "":
		t := i.row[i.places[n.Var]]
		return t, !t.IsZero()
	case n.Term.Kind() == rdf.KindBlank:
		t, err := i.blank(n.Term.Value())
		return t, err == nil
	}
	return n.Term, true
}

// anyTriple is a pattern of every triple.
var anyTriple = sparql.Triple{S: sparql.Node{Var: "s"}, P: sparql.Node{Var: "p"}, O: sparql.Node{Var: "o"}}

// inGraph is all of a graph.
func inGraph(name rdf.Term) *sparql.Group {
	all := &sparql.Group{Elements: []sparql.Pattern{&sparql.Triples{Triples: []sparql.Triple{anyTriple}}}}
	if name.IsZero() {
		return all
	}
	return named(sparql.Node{Term: name}, all)
}

func named(graph sparql.Node, all *sparql.Group) *sparql.Group {
	return &sparql.Group{Elements: []sparql.Pattern{&sparql.GraphPattern{Name: graph, Group: all}}}
}

func clearingGraph(name rdf.Term) *sparql.Modify {
	return &sparql.Modify{Delete: []sparql.Quad{{Triple: anyTriple, G: sparql.Node{Term: name}}}, Where: inGraph(name)}
}

// clearing is what CLEAR and DROP do.
func clearing(op *sparql.Manage) (list []*sparql.Modify) {
	switch {
	case op.Action == sparql.Create:
		return nil
	case op.Target.Kind == sparql.TargetGraph:
		return []*sparql.Modify{clearingGraph(op.Target.Graph)}
	}
	if op.Target.Kind != sparql.TargetNamed {
		list = append(list, clearingGraph(rdf.Term{}))
	}
	if op.Target.Kind != sparql.TargetDefault {
		g := sparql.Node{Var: "g"}
		list = append(list, &sparql.Modify{Delete: []sparql.Quad{{Triple: anyTriple, G: g}}, Where: named(g, inGraph(rdf.Term{}))})
	}
	return list
}

// shortHash is a text of letters and digits that is made of another.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:10])
}
