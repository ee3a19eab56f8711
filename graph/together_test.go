package graph_test

import (
	"errors"
	"fmt"
	"slices"
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
			hold(t, nodes[full:full+1], all-1000) // what the text of a query takes isn't left
			for i, g := range nodes {
				err := g.Query(t.Context(), graph.Question{Text: text}, &answer{})
				if i == full && !errors.Is(err, event.ErrBusy) || err != nil && !errors.Is(err, event.ErrBusy) {
					t.Errorf("%s: node %d, while node %d is full: %v", text, i, full, err)
				}
			}
			hold(t, nodes[full:full+1], 1000-all)
		}
		if got := asked(t, nodes[0], graph.Question{Text: text}).lines; len(got) != 10 {
			t.Errorf("%s: %q", text, got)
		}
	}
	refused := 0 // of nodes that ask others for a part: no shard is at all nodes
	for i, g := range nodes {
		others := slices.Delete(slices.Clone(nodes), i, i+1)
		hold(t, others, all-10)
		text := fmt.Sprintf(`SELECT ?x { ?p <urn:name> ?n BIND(CONCAT(?n, "%d") AS ?x) }`, i) // that no node has divided yet
		if err := g.Query(t.Context(), graph.Question{Text: text}, &answer{}); errors.Is(err, event.ErrBusy) {
			refused++
		} else if err != nil {
			t.Errorf("node %d, while the others are full: %v", i, err)
		}
		hold(t, others, 10-all)
	}
	if refused == 0 {
		t.Error("no node is full for what others ask it")
	}
	const update = `DELETE { ?o <urn:by> ?p } WHERE { ?o <urn:by> ?p }`
	for _, room := range []int64{10, 4000} { // for not even the text of an update that is tried; for that alone
		hold(t, nodes[:1], all-room)
		if _, err := nodes[0].Try(t.Context(), graph.Trial{Text: update}); !errors.Is(err, event.ErrBusy) {
			t.Errorf("an update is tried where %d bytes are left: %v", room, err)
		}
		hold(t, nodes[:1], room-all)
	}
	refused = 0 // of nodes that have others take rows for an update
	for i, g := range nodes {
		others := slices.Delete(slices.Clone(nodes), i, i+1)
		hold(t, others, all-10)
		if _, err := g.Try(t.Context(), graph.Trial{Text: `INSERT DATA { ` + rowsOfMany(40) + ` }`}); errors.Is(err, event.ErrBusy) {
			refused++
		} else if err != nil {
			t.Errorf("node %d tries an update, while the others are full: %v", i, err)
		}
		hold(t, others, 10-all)
	}
	if refused == 0 {
		t.Error("no node is full for the rows of what others try")
	}
	if _, err := nodes[0].Try(t.Context(), graph.Trial{Text: update}); err != nil {
		t.Error(err)
	}
	idle(t, nodes, new(atomic.Int64))
	for i, g := range nodes {
		if s := g.Status().Queries; s != (graph.QueryStatus{}) {
			t.Errorf("node %d: %+v", i, s)
		}
	}
}

// hold takes of the nodes' memory for queries, or gives it back.
func hold(t *testing.T, nodes []*graph.Graph, bytes int64) {
	t.Helper()
	for _, g := range nodes {
		if err := g.HoldQueries(bytes); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsOfMany are triples of many subjects.
func rowsOfMany(n int) (text string) {
	for i := range n {
		text += fmt.Sprintf("<urn:new%d> <urn:is> true . ", i)
	}
	return text
}
