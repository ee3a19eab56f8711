package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// operations are on what orders makes; most need, or change, quads of several subjects together.
var operations = []string{
	`INSERT DATA { <urn:order1> <urn:by> <urn:person1>, <urn:person2> GRAPH <urn:g1> { <urn:new> <urn:of> <urn:thing1>, _:b . _:b <urn:name> "b" } }`,
	`INSERT DATA { [] <urn:name> "nobody" }`,
	`DELETE DATA { <urn:order1> <urn:by> <urn:person1>, <urn:person5> . <urn:person3> <urn:name> "person 3" }`,
	`DELETE { ?o <urn:by> ?p } INSERT { ?p <urn:ordered> ?o . ?o <urn:buyer> ?n } WHERE { ?o <urn:by> ?p . ?p <urn:name> ?n }`,
	`DELETE WHERE { ?p <urn:knows> ?q . ?q <urn:knows> ?r }`,
	`INSERT { ?p <urn:owes> ?sum } WHERE { SELECT ?p (SUM(?price) AS ?sum) { ?o <urn:by>|<urn:buyer> ?p . GRAPH ?g { ?o <urn:of> ?t } ?t <urn:price> ?price } GROUP BY ?p }`,
	`WITH <urn:g1> DELETE { ?o <urn:of> ?t } INSERT { ?t <urn:in> ?o } WHERE { ?o <urn:of> ?t }`,
	`WITH <urn:none> INSERT { <urn:x> <urn:y> 1 } WHERE {}`,
	`WITH <urn:none> INSERT { <urn:x> <urn:y> 2 } WHERE { OPTIONAL { ?s ?p ?o } }`,
	`INSERT { GRAPH ?g { ?t <urn:priced> ?price } } USING <urn:g0> USING NAMED <urn:g2> WHERE { ?o <urn:of> ?t GRAPH ?g { ?o2 <urn:of> ?t } BIND(3 AS ?price) }`,
	`INSERT { [] <urn:about> ?p ; <urn:is> <<( ?p <urn:name> ?n )>> . ?n <urn:no> ?p . ?p ?n ?unbound } WHERE { ?p <urn:name> ?n . ?q <urn:knows> ?p }`,
	`INSERT { <urn:any> <urn:there> true } WHERE { ?a <urn:ordered> ?b . ?b <urn:buyer> ?n }`,
	`INSERT { <urn:x> <urn:p> [] } WHERE { ?a <urn:knows> ?b . ?b <urn:name> "person 4" }`,
	`CLEAR GRAPH <urn:g1>`, `CLEAR DEFAULT`, `DROP NAMED`, `CLEAR ALL`, `CREATE GRAPH <urn:c>`,
	`ADD <urn:g0> TO DEFAULT`, `COPY DEFAULT TO <urn:g2>`, `MOVE <urn:g2> TO <urn:g0>`, `MOVE SILENT <urn:none> TO <urn:g0>`, `COPY <urn:g1> TO <urn:g1>`,
	`DELETE { <urn:order3> ?p ?o } INSERT { <urn:order3> ?p <urn:person1> } WHERE { <urn:order3> ?p ?o }`,
	`DELETE { ?s ?p ?o } INSERT { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(ISIRI(?o)) }`,
}

// quadsOf are all quads of a pipeline.
func quadsOf(t testing.TB, g *graph.Graph) (all []rdf.Quad) {
	t.Helper()
	var b bytes.Buffer
	_, err := g.WriteData(context.Background(), &b, graph.DataOptions{})
	if err == nil {
		err = nquads.Parse(b.Bytes(), func(q rdf.Quad) error {
			all = append(all, q.Clone())
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// deltaOn is what an update changes of quads, by one store.
func deltaOn(t *rapid.T, quads []rdf.Quad, text string) (string, error) {
	s := memory.New()
	tx := s.Begin()
	for _, q := range quads {
		if _, err := tx.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := sparql.ParseUpdate(text)
	if err != nil {
		t.Fatal(text, err)
	}
	u, err := eval.PrepareUpdate(tree, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return written(func(c patch.Change) error {
		return u.Run(context.Background(), tx, eval.Identity{ID: "x", Time: time.Now()}, c)
	})
}

var label = regexp.MustCompile(`_:[^ ]+`)

// written are the rows of a delta, in order, with blank nodes that are one.
func written(emit func(patch.Change) error) (string, error) {
	var b bytes.Buffer
	w := patch.NewWriter(&b)
	if err := emit(w); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	lines := strings.SplitAfter(label.ReplaceAllString(b.String(), "_:b"), "\n")
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}

// TestTry: what an update would change of a pipeline is what it changes of one store that has all quads, whatever its operations, each of which
// sees what those before it have done, and whoever has the shards. Nothing is changed by it.
func TestTry(t *testing.T) {
	var pipelines [][]*graph.Graph
	for _, of := range []struct {
		nodes, shards int
		key           graph.Key
	}{{1, 1, graph.Subject}, {1, 8, graph.Subject}, {4, 8, graph.Subject}, {3, 5, graph.Named}, {2, 4, graph.Dataset}} {
		nodes, _ := cluster(t, of.nodes, of.shards, of.key)
		orders(t, nodes[0])
		pipelines = append(pipelines, nodes)
	}
	quads := quadsOf(t, pipelines[0][0])
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfN(rapid.SampledFrom(operations), 1, 4).Draw(t, "operations")
		for i := range chosen {
			chosen[i] = strings.ReplaceAll(chosen[i], "_:b", fmt.Sprint("_:b", i)) // two operations share no label
		}
		text := strings.Join(chosen, " ;\n")
		of := rapid.IntRange(0, len(pipelines)-1).Draw(t, "pipeline")
		at := rapid.IntRange(0, len(pipelines[of])-1).Draw(t, "node")
		want, failed := deltaOn(t, quads, text)
		d, err := pipelines[of][at].Try(context.Background(), graph.Trial{Text: text})
		if (err != nil) != (failed != nil) || err != nil && !errors.Is(err, eval.ErrNoGraph) {
			t.Fatalf("%v, expected %v", err, failed)
		}
		if err != nil {
			return
		}
		got, err := written(d.Emit)
		if err != nil || got != want {
			t.Fatalf("%v:\n%s\nexpected\n%s", err, got, want)
		}
	})
	slices.SortFunc(quads, rdf.Quad.Compare)
	for i, nodes := range pipelines {
		after := quadsOf(t, nodes[0])
		slices.SortFunc(after, rdf.Quad.Compare)
		if !slices.Equal(quads, after) {
			t.Errorf("pipeline %d: the quads are others now", i)
		}
	}
}

// TestTryIsTheSame: with one id and time the same update makes the same rows, with the same labels, whoever is asked.
func TestTryIsTheSame(t *testing.T) {
	nodes, _ := cluster(t, 3, 8, graph.Subject)
	orders(t, nodes[0])
	const text = `INSERT { [] <urn:about> ?g } WHERE { GRAPH ?g { ?o <urn:of> ?t } } ; INSERT { ?p <urn:has> _:r } WHERE { ?p <urn:knows> ?q BIND(RAND() AS ?r) }`
	all := map[string]bool{}
	for _, g := range nodes {
		for range 4 {
			d, err := g.Try(t.Context(), graph.Trial{Text: text, ID: "x", Now: time.Unix(0, 0)})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			w := patch.NewWriter(&b)
			if err := d.Emit(w); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			all[b.String()] = true
			if n := strings.Count(b.String(), "\nA "); n != 40+10 {
				t.Fatalf("%d additions: each solution has a blank node of its own:\n%s", n, b.String())
			}
		}
	}
	if len(all) != 1 {
		t.Errorf("%d different patches", len(all))
	}
}

// TestTryLarge: rows that don't fit in a request come to another node's shards in pieces, and go back so.
func TestTryLarge(t *testing.T) {
	nodes, _ := cluster(t, 2, 2, graph.Subject)
	var data strings.Builder
	const rows = 4000
	for i := range rows {
		data.WriteString("<urn:s" + strings.Repeat("x", 100) + strings.Repeat("y", i%100) + "> <urn:p> " + strings.Repeat("1", i/100+1) + " . ")
	}
	for i, g := range nodes {
		d, err := g.Try(t.Context(), graph.Trial{Text: "INSERT DATA { " + data.String() + "} ; INSERT { ?s <urn:also> ?o } WHERE { ?s <urn:p> ?o } ; DELETE WHERE { ?s <urn:p> ?o }"})
		if err != nil {
			t.Fatal(i, err)
		}
		var n patch.Counter
		if err := d.Emit(&n); err != nil || n.Adds != rows || n.Deletes != 0 || len(d.Cut) != 2 {
			t.Errorf("node %d: %d additions and %d deletions at %v, %v", i, n.Adds, n.Deletes, d.Cut, err)
		}
	}
}

// TestTryFails: what can't be tried, and why.
func TestTryFails(t *testing.T) {
	cfg := config(4)
	cfg.Queries = graph.QueryLimits{Concurrent: 1, Steps: 2000}
	g := run(t, cfg)
	orders(t, g)
	for text, want := range map[string]error{
		"LOAD <http://e/>": event.ErrNotLocal,
		"INSERT { ?s ?p ?o } WHERE { SERVICE <http://e/> { ?s ?p ?o } }":           event.ErrNotLocal,
		"COPY <urn:nothing> TO <urn:g>":                                            eval.ErrNoGraph,
		"INSERT { ?s <urn:x> ?z } WHERE { ?s ?p ?o . ?x ?y ?z . ?a ?b ?c }":        eval.ErrBudget,
		"INSERT DATA { <urn:s> <urn:p> 1 } ; COPY SILENT <urn:nothing> TO <urn:g>": nil,
	} {
		if _, err := g.Try(t.Context(), graph.Trial{Text: text}); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := g.Try(t.Context(), graph.Trial{Text: "INSERT DATA { <s> <p> 1 }"}); err == nil {
		t.Error("a relative IRI without a base")
	}
	if d, err := g.Try(t.Context(), graph.Trial{Text: "INSERT DATA { <s> <p> 1 }", Base: "http://e/"}); err != nil || len(d.Cut) != 1 {
		t.Errorf("local to a shard: %v of %v", err, d)
	}
	if _, err := g.Try(t.Context(), graph.Trial{Text: "CLEAR ALL", After: engine.Cursor{4: {Position: 1}}}); !errors.Is(err, node.ErrCursor) {
		t.Errorf("behind the ends: %v", err)
	}
}
