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
			Submission: graph.Submission{MediaType: "application/n-triples", Body: []byte(doc.String())},
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
