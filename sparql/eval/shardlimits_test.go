package eval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// TestUnsettled: where SPARQL leaves open which solutions there are, or in which order, those over shards are some that may be.
func TestUnsettled(t *testing.T) {
	view := plant(t, 20).View()
	defer view.Close()
	shards := eval.Spread(t, view, eval.KeySubject, 8)
	all := rowsOf(t, over(t, parse(t, "SELECT ?m ?h { ?m :in ?h }"), eval.Options{}, view))
	for text, want := range map[string]int{
		"SELECT ?m ?h { ?m :in ?h } LIMIT 5": 5, "SELECT ?m ?h { ?m :in ?h } OFFSET 3 LIMIT 5": 5, "SELECT ?m ?h { ?m :in ?h } OFFSET 17": 3,
		"SELECT ?m ?h { ?m :in ?h } OFFSET 17 LIMIT 9": 3, "SELECT DISTINCT ?m ?h { ?m :in ?h } LIMIT 6": 6,
		"SELECT ?m ?h { ?m :in ?h . ?x :next ?m } LIMIT 4": 4, "SELECT ?m ?h { ?m :in ?h FILTER EXISTS { ?x :next ?m } } LIMIT 2": 2,
	} {
		q, _ := overShards(t, text, shards, eval.KeySubject, eval.Options{})
		rows := rowsOf(t, q)
		if len(rows) != want || len(slices.Compact(slices.Clone(rows))) != want {
			t.Errorf("%s: %q, expected %d different rows", text, rows, want)
		}
		for _, row := range rows {
			if !slices.Contains(all, row) {
				t.Errorf("%s: %s is no solution", text, row)
			}
		}
	}
}

// TestUnsettledGroups: SAMPLE gives a value of the group, GROUP_CONCAT all of them.
func TestUnsettledGroups(t *testing.T) {
	view := plant(t, 20).View()
	defer view.Close()
	of := map[rdf.Term][]string{}
	err := prepare(t, "SELECT ?h ?n { ?m :in ?h ; :name ?n }", eval.Options{}).Select(t.Context(), view, event, func(row []rdf.Term) error {
		of[row[0]] = append(of[row[0]], row[1].Value())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	shards := eval.Spread(t, view, eval.KeySubject, 8)
	const text = "SELECT ?h (SAMPLE(?n) AS ?one) (GROUP_CONCAT(?n; separator='|') AS ?all) (GROUP_CONCAT(DISTINCT ?k; separator='|') AS ?kinds) " +
		"{ ?m :in ?h ; :name ?n ; a ?k } GROUP BY ?h"
	_, d := overShards(t, text, shards, eval.KeySubject, eval.Options{})
	groups := 0
	err = d.Select(t.Context(), shards, event, func(row []rdf.Term) error {
		groups++
		want, got := of[row[0]], strings.Split(row[2].Value(), "|")
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Contains(want, row[1].Value()) || !slices.Equal(got, want) || row[3].Value() != "http://e/Machine" {
			t.Errorf("%v, of %q", row, want)
		}
		return nil
	})
	if err != nil || groups != len(of) {
		t.Errorf("%d groups, expected %d: %v", groups, len(of), err)
	}
}
