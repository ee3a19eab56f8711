package graph_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
)

// TestQueriesHoldTogether: where others hold the memory of a node, a query that is asked there, or has shards there, is told that it is
// busy; afterwards it is answered, and nothing is held.
func TestQueriesHoldTogether(t *testing.T) {
	nodes, _ := cluster(t, 3, 8, graph.Subject)
	orders(t, nodes[0])
	const all = 1 << 30
	for _, text := range []string{
		`SELECT ?p ?n { ?p <urn:name> ?n } ORDER BY ?n`, `SELECT ?n (COUNT(*) AS ?c) { ?o <urn:by> ?p . ?p <urn:name> ?n } GROUP BY ?n`,
		`SELECT DISTINCT ?x { <urn:person3> <urn:knows>+ ?x }`, `SELECT ?x { ?p <urn:name> ?n BIND(CONCAT(?n, "!") AS ?x) }`,
	} {
		for full := range nodes {
			if err := nodes[full].HoldQueries(all - 1000); err != nil { // what the text of a query takes isn't left
				t.Fatal(err)
			}
			for i, g := range nodes {
				err := g.Query(t.Context(), graph.Question{Text: text}, &answer{})
				if i == full && !errors.Is(err, event.ErrBusy) || err != nil && !errors.Is(err, event.ErrBusy) {
					t.Errorf("%s: node %d, while node %d is full: %v", text, i, full, err)
				}
			}
			if err := nodes[full].HoldQueries(1000 - all); err != nil {
				t.Fatal(err)
			}
		}
		if got := asked(t, nodes[0], graph.Question{Text: text}).lines; len(got) != 10 {
			t.Errorf("%s: %q", text, got)
		}
	}
	if err := nodes[1].HoldQueries(all - 10); err != nil { // a node that is asked for a part
		t.Fatal(err)
	}
	if err := nodes[0].Query(t.Context(), graph.Question{Text: `SELECT ?x { ?p <urn:name> ?n BIND(CONCAT(?n, "?") AS ?x) }`}, &answer{}); !errors.Is(err, event.ErrBusy) {
		t.Errorf("%v", err)
	}
	if err := nodes[1].HoldQueries(10 - all); err != nil {
		t.Fatal(err)
	}
	idle(t, nodes, new(atomic.Int64))
	for i, g := range nodes {
		if s := g.Status().Queries; s != (graph.QueryStatus{}) {
			t.Errorf("node %d: %+v", i, s)
		}
	}
}
