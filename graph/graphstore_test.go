package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/rdf"
)

// TestGraphChangedMeanwhile: what is committed between the condition and the change is not overwritten. A graph in one shard is as it was then;
// of one in several, the error says which have committed their part.
func TestGraphChangedMeanwhile(t *testing.T) {
	for _, key := range []graph.Key{graph.Named, graph.Subject} {
		cfg := config(4)
		cfg.Key = key
		g := run(t, cfg)
		people(t, g)
		var doc strings.Builder
		for i := range 8 {
			fmt.Fprintf(&doc, "<urn:p%d> <urn:age> \"new\" .\n", i)
		}
		_, state, err := g.UpdateGraph(t.Context(), graph.GraphUpdate{Graph: rdf.Trusted("<urn:g>"), Replace: true,
			Documents: []graph.Document{{MediaType: "application/n-triples", Body: []byte(doc.String())}},
			If: func(graph.GraphState) error {
				_, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte("<urn:p3> <urn:age> \"meanwhile\" <urn:g> .\n")})
				return err
			}})
		if _, conflict := errors.AsType[*graph.ConflictError](err); !conflict || !state.Exists {
			t.Fatalf("key %s: %v of %+v", key, err, state)
		}
		all := asked(t, g, graph.Question{Text: `SELECT ?s ?o { GRAPH <urn:g> { ?s <urn:age> ?o } }`}).lines
		text := strings.Join(all, "\n")
		partial, some := errors.AsType[*graph.PartialError](err)
		if some != (key == graph.Subject) || some == (strings.Count(text, "new") == 0) || some && len(partial.Done) != 3 {
			t.Errorf("key %s: %v; %s", key, err, text)
		}
		if !strings.Contains(text, `<urn:p3> "3"`) || !strings.Contains(text, `<urn:p3> "meanwhile"`) {
			t.Errorf("key %s: what came meanwhile was overwritten: %s", key, text)
		}
	}
}

// TestReplaceGraph: each shard that can have quads of a graph takes out what the new content lacks, whatever the shard has by then: also one
// in which the door has seen none.
func TestReplaceGraph(t *testing.T) {
	for key, shards := range map[graph.Key]int{graph.Subject: 4, graph.Named: 1, graph.Dataset: 1} {
		cfg := config(4)
		cfg.Key = key
		g := run(t, cfg)
		if _, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte("<urn:a> <urn:p> \"1\" <urn:g> .\n<urn:a> <urn:p> \"1\" .\n")}); err != nil {
			t.Fatal(err)
		}
		put := graph.GraphUpdate{Graph: rdf.Trusted("<urn:g>"), Replace: true,
			Documents: []graph.Document{{MediaType: "text/turtle", Body: []byte(`<urn:a> <urn:p> "1", "2" .`)}}}
		results, state, err := g.UpdateGraph(t.Context(), put)
		if err != nil || len(results) != shards || !state.Exists {
			t.Fatalf("key %s: %v of %+v, %v", key, results, state, err)
		}
		if all := asked(t, g, graph.Question{Text: `SELECT ?s ?o { GRAPH <urn:g> { ?s ?p ?o } }`}).lines; len(all) != 2 {
			t.Errorf("key %s: %v", key, all)
		}
		put.Documents = nil
		if results, _, err = g.UpdateGraph(t.Context(), put); err != nil || len(results) != shards {
			t.Errorf("key %s: %v, %v", key, results, err)
		}
		if all := asked(t, g, graph.Question{Text: `SELECT ?s ?o { GRAPH <urn:g> { ?s ?p ?o } } `}).lines; len(all) != 0 {
			t.Errorf("key %s: %v", key, all)
		}
		if all := asked(t, g, graph.Question{Text: `SELECT ?s ?o { ?s ?p ?o }`}).lines; len(all) != 1 {
			t.Errorf("key %s: the default graph has %v", key, all)
		}
		if results, state, err = g.UpdateGraph(t.Context(), put); err != nil || len(results) != 0 || state.Exists {
			t.Errorf("key %s: nothing to take out: %v, %+v, %v", key, results, state, err)
		}
		put.Graph = rdf.Trusted("_:b")
		if _, _, err = g.UpdateGraph(t.Context(), put); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("key %s: a blank node as a name: %v", key, err)
		}
	}
}
