package replay

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// TestReplay: what an aborted transaction has done, to quads, prefixes and counts, is taken back; rows outside of
// transactions count when they are settled.
func TestReplay(t *testing.T) {
	r := New()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	apply := func(text string) { t.Helper(); must(patch.Parse([]byte(text), r)); must(r.Settle()) }
	r.Declare([]turtle.Prefix{{Name: "a", IRI: "urn:a"}, {Name: "b", IRI: "urn:b"}})
	must(patch.Parse([]byte("A <s:1> <p:1> \"1\" .\nA <s:2> <p:1> \"2\" .\n"), r))
	must(r.EndData())
	apply("TX .\nD <s:1> <p:1> \"1\" .\nD <s:9> <p:1> \"9\" .\nA <s:2> <p:1> \"2\" .\nA <s:3> <p:1> \"3\" .\nPD \"a\" .\nTC .\n")
	apply("TX .\nD <s:2> <p:1> \"2\" .\nA <s:4> <p:1> \"4\" .\nPA \"c\" <urn:c> .\nPD \"b\" .\nTA .\n")
	apply("A <s:5> <p:1> \"5\" .\nPA \"d\" <urn:d> .\nPA \"e\" <urn:e> <g:1> .\n")

	var subjects []string
	for q, err := range r.Quads() {
		must(err)
		subjects = append(subjects, q.S.Value())
	}
	slices.Sort(subjects)
	if diff := cmp.Diff([]string{"s:2", "s:3", "s:5"}, subjects); diff != "" || r.Len() != 3 {
		t.Errorf("%d quads: %s", r.Len(), diff)
	}
	if diff := cmp.Diff(map[string]string{"b": "urn:b", "d": "urn:d"}, r.Prefixes()); diff != "" {
		t.Error(diff)
	}
	if got := r.Counts(); got != (Counts{Transactions: 2, Aborted: 1, Adds: 2, Deletes: 1}) {
		t.Errorf("%+v", got)
	}
}
