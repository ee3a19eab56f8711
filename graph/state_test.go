package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/graph"
)

// TestReplacement: a document that is all that there is of a subject makes it that, in all graphs, and nothing deletes it.
func TestReplacement(t *testing.T) {
	g := run(t, config(4))
	submit := func(s graph.Submission) graph.Result {
		t.Helper()
		results, err := g.Submit(t.Context(), s)
		if err != nil || len(results) != 1 {
			t.Fatalf("%v, %v", results, err)
		}
		return results[0]
	}
	submit(graph.Submission{MediaType: graph.TypePatch, Body: []byte("TX .\nA <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"1\" <urn:g> .\n" +
		"A <urn:s> <urn:p> \"1\" <urn:h> .\nTC .\n")})
	for _, step := range []struct {
		media, body   string
		adds, deletes uint64
	}{
		{"application/n-quads", "<urn:s> <urn:p> \"1\" <urn:g> .\n<urn:s> <urn:p> _:b .\n", 1, 2},
		{"application/n-quads", "<urn:s> <urn:p> _:b .\n<urn:s> <urn:p> \"1\" <urn:g> .\n", 0, 0}, // the label is the same
		{"application/trig", "<urn:s> <urn:p> 1 . <urn:g> { <urn:s> <urn:p> \"1\" }", 1, 1},
		{"application/ld+json", `{"@id": "urn:s", "urn:p": "2"}`, 1, 2},
		{"application/n-triples", "<urn:s> <urn:p> \"2\" .\n", 0, 0},
		{"text/turtle", "<urn:s> <urn:p> \"3\" .\n", 1, 1},
		{"application/rdf+xml", `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="urn:s"><p xmlns="urn:">3</p></r:Description>`, 0, 0},
		{"application/n-quads", "", 0, 1},
		{"text/plain", "", 0, 0},
	} {
		s, err := g.Replacement("urn:s", graph.Submission{MediaType: step.media, Body: []byte(step.body)})
		if err != nil {
			t.Fatal(step, err)
		}
		if r := submit(s); r.Adds != step.adds || r.Deletes != step.deletes {
			t.Errorf("%+v: %+v", step, r)
		}
	}
}

// TestReplacementMistakes: what is not the state of the subject is said.
func TestReplacementMistakes(t *testing.T) {
	g := run(t, config(4))
	for _, test := range []struct{ subject, media, body, want string }{
		{"pump", "application/n-quads", "", "expected an IRI without brackets, or _:label"},
		{"", "application/n-quads", "", "expected an IRI"},
		{"_:", "application/n-quads", "", "expected an IRI"},
		{"urn:quadrille:any", "application/n-quads", "", "stands for every term"},
		{"urn:s", "application/n-quads", "<urn:t> <urn:p> \"1\" .\n", "expected all to be about <urn:s>"},
		{"urn:s", "application/n-quads", "<urn:s> <urn:p> <urn:quadrille:any> .\n", "can't be data"},
		{"urn:s", "application/n-quads", "<urn:s> <urn:p>", "expected"},
		{"urn:s", "application/n-triples", "<urn:s> <urn:p> <urn:o> <urn:g> .\n", "expected"},
		{"urn:s", "text/turtle", "<urn:s> <urn:p> [] .", "send N-Quads"},
		{"urn:s", "application/trig", "_:g { <urn:s> <urn:p> 1 }", "send N-Quads"},
		{"urn:s", "text/turtle", "<urn:s> <urn:p> <<( <urn:s> <urn:p> [] )>> .", "send N-Quads"},
		{"urn:s", "application/ld+json", `{"@id": "urn:s", "urn:p": {"urn:q": 1}}`, "send N-Quads"},
		{"urn:s", "application/rdf+xml", `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="urn:s"><p xmlns="urn:" r:nodeID="b"/>` +
			`</r:Description>`, "send N-Quads"},
		{"urn:s", "application/rdf-patch", "A <urn:s> <urn:p> \"1\" .\n", "not of changes"},
		{"urn:s", "text/csv", "a,b\n", "text/csv"},
	} {
		_, err := g.Replacement(test.subject, graph.Submission{MediaType: test.media, Body: []byte(test.body)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if types := graph.StateTypes(); len(types) != 6 || slices.Contains(types, graph.TypePatch) {
		t.Error(types)
	}
}
