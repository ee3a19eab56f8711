package graph_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// replacement is a document with wildcards, each written as *.
func replacement(rows string) []byte {
	return []byte("TX .\n" + strings.ReplaceAll(rows, "*", patch.Any.String()) + "TC .\n")
}

// TestSubmitReplace: what replaces is evaluated where the shard is owned; what is so already is no change, and what comes again under
// its key has no second effect, though the state is another one by then.
func TestSubmitReplace(t *testing.T) {
	g := run(t, config(4))
	submit := func(key, rows string) graph.Result {
		t.Helper()
		results, err := g.Submit(t.Context(), graph.Submission{MediaType: graph.TypeReplace, Body: replacement(rows), Key: key})
		if err != nil || len(results) != 1 {
			t.Fatalf("%v, %v", results, err)
		}
		return results[0]
	}
	const one, two = "D <urn:s> <urn:p> * .\nA <urn:s> <urn:p> \"1\" .\n", "D <urn:s> <urn:p> * .\nA <urn:s> <urn:p> \"2\" .\n"
	for i, step := range []struct {
		key, rows     string
		adds, deletes uint64
		duplicate     bool
	}{
		{"k1", one, 1, 0, false},
		{"k2", one, 0, 0, false},
		{"k3", two, 1, 1, false},
		{"k1", one, 1, 0, true},
		{"k4", "D <urn:s> * * .\n", 0, 1, false},
	} {
		if r := submit(step.key, step.rows); r.Duplicate != step.duplicate || r.Adds != step.adds || r.Deletes != step.deletes {
			t.Errorf("step %d: %+v", i, r)
		}
	}
	_, err := g.Submit(t.Context(), graph.Submission{MediaType: graph.TypeReplace, Body: replacement("A <urn:s> <urn:p> * .\n")})
	if !errors.Is(err, event.ErrBad) {
		t.Errorf("an addition of any term: %v", err)
	}
}

// TestReplaceInEveryGraph: a subject goes with all its graphs, unless the graph is the key: then no shard has them all.
func TestReplaceInEveryGraph(t *testing.T) {
	for key, want := range map[graph.Key]error{graph.Subject: nil, graph.Named: patch.ErrWildcard} {
		cfg := config(4)
		cfg.Key = key
		g := run(t, cfg)
		_, err := g.Submit(t.Context(), graph.Submission{MediaType: graph.TypeReplace, Body: replacement("D <urn:s> * * * .\n")})
		if !errors.Is(err, want) {
			t.Errorf("key %s: %v", key, err)
		}
	}
}

// TestDivideReplace: each shard gets what is about its subjects, and says that wildcards are in it.
func TestDivideReplace(t *testing.T) {
	g := run(t, config(4))
	var rows string
	for _, s := range "abcdefgh" {
		rows += "D <urn:" + string(s) + "> <urn:p> * .\n"
	}
	events, err := g.Divide(graph.Submission{MediaType: graph.TypeReplace, Body: replacement(rows)}, event.Producer{Name: "src/s"}, 1)
	if err != nil || len(events) < 2 {
		t.Fatal(len(events), err)
	}
	for _, ev := range events {
		if ev.MediaType != graph.TypeReplace {
			t.Error(ev.MediaType)
		}
		for row, err := range patch.Rows(ev.Payload) {
			if err != nil || row.Quad.O != patch.Any || row.Quad.P != rdf.Trusted("<urn:p>") {
				t.Errorf("%v, %v", row, err)
			}
		}
	}
}
