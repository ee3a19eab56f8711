package canon

import (
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// The properties of a triple term that stands as a node. No IRI has spaces in it.
var (
	termSubject   = rdf.Trusted("<subject of the triple term>")
	termPredicate = rdf.Trusted("<predicate of the triple term>")
	termObject    = rdf.Trusted("<object of the triple term>")
)

// none stands in an edge where its quad has no node.
const none = -1

// The places of an edge's nodes.
const (
	subject = iota
	object
	graphName
	places
)

// edge is a quad with the nodes that stand in it; none where the term is no node.
type edge struct {
	quad  rdf.Quad
	nodes [places]int32
}

// graph is the quads with blank nodes of one dataset or more. Its nodes are the blank nodes, and the triple terms that
// have blank nodes in them.
type graph struct {
	terms []rdf.Term // of each node
	edges []edge
	of    [][]int32 // the edges of each node, each once
	ids   map[rdf.Term]int32
}

func newGraph() *graph { return &graph{ids: map[rdf.Term]int32{}} }

// add adds quads, each of which is there once and has a blank node. Nodes of earlier calls are not met again after
// forget.
func (g *graph) add(quads []rdf.Quad) {
	for _, q := range quads {
		g.connect(q)
	}
}

// forget makes the blank nodes of what is added from now on other ones.
func (g *graph) forget() { clear(g.ids) }

func (g *graph) connect(q rdf.Quad) {
	e := edge{quad: q, nodes: [places]int32{g.node(q.S), g.node(q.O), g.node(q.G)}}
	id := int32(len(g.edges))
	g.edges = append(g.edges, e)
	for place, n := range e.nodes {
		if n != none && !contains(e.nodes[:place], n) {
			g.of[n] = append(g.of[n], id)
		}
	}
}

func contains(nodes []int32, n int32) bool {
	for _, other := range nodes {
		if other == n {
			return true
		}
	}
	return false
}

// node returns the node of a term, none if it has no blank node in it.
func (g *graph) node(t rdf.Term) int32 {
	if !hasBlank(t) {
		return none
	}
	if n, ok := g.ids[t]; ok {
		return n
	}
	n := int32(len(g.terms))
	g.ids[t] = n
	g.terms = append(g.terms, t)
	g.of = append(g.of, nil)
	if parts, ok := t.Triple(); ok {
		g.connect(rdf.Quad{S: t, P: termSubject, O: parts.S})
		g.connect(rdf.Quad{S: t, P: termPredicate, O: parts.P})
		g.connect(rdf.Quad{S: t, P: termObject, O: parts.O})
	}
	return n
}

// term returns what stands at a place of an edge's quad.
func (e *edge) term(place int) rdf.Term {
	switch place {
	case subject:
		return e.quad.S
	case object:
		return e.quad.O
	}
	return e.quad.G
}

// hasBlank reports whether a term is a blank node or a triple term with one in it.
func hasBlank(t rdf.Term) bool {
	switch t.Kind() {
	case rdf.KindBlank:
		return true
	case rdf.KindTriple:
		if !strings.Contains(t.String(), "_:") { // the common case, found without taking the term apart
			return false
		}
		parts, _ := t.Triple()
		return hasBlank(parts.S) || hasBlank(parts.O)
	default:
		return false
	}
}
