package eval_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// TestPathEnds: a path over shards asks for no more than what is needed for the solutions that somebody takes.
func TestPathEnds(t *testing.T) {
	view := ladder(t, 400).View()
	defer view.Close()
	shards := eval.Spread(t, view, eval.KeySubject, 4)
	moved := func(text string) (rows, requests, bindings int) {
		q, err := eval.Divide(parse(t, text), eval.KeySubject, eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		requestsBefore, before := shards.Moved()
		if err := q.Select(t.Context(), shards, event, func([]rdf.Term) error { rows++; return nil }); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		requests, after := shards.Moved()
		return rows, requests - requestsBefore, after - before
	}
	for _, path := range []string{":n0 :p+ ?x", ":n0 :p* ?x", "?x :p* :n400", "?x :p+ ?y", "?x (:p/:p)* ?y", ":n0 (:p|^:p)* ?x", ":n0 :p* :n0", ":n0 (:p/:p) ?x"} {
		rows, _, some := moved("SELECT * { " + path + " } LIMIT 1")
		if rows != 1 || some > 200 {
			t.Errorf("%s: %d rows, %d nodes were asked for", path, rows, some)
		}
	}
	if _, _, bindings := moved("SELECT * { ?a :v '7' FILTER EXISTS { ?a :p* ?x . FILTER(?x != ?a) } }"); bindings > 200 {
		t.Errorf("EXISTS: %d nodes were asked for", bindings)
	}
	for _, path := range []string{"?x :p+ ?y", "?x (:p/:p)* ?y"} {
		rows, requests, _ := moved("SELECT (COUNT(*) AS ?n) { " + path + " }")
		if rows != 1 || requests > 250 {
			t.Errorf("%s: %d requests, although all paths from all nodes were needed", path, requests)
		}
	}
}

// TestPathLooks: who goes along a path over shards looks at the context while it finds out which nodes are new.
func TestPathLooks(t *testing.T) {
	s := memory.New()
	tx := s.Begin()
	const many = 20_000
	for i := range many {
		for _, hub := range []string{"<http://e/a>", "<http://e/b>"} {
			q := rdf.Quad{S: rdf.Trusted(hub), P: rdf.Trusted("<http://e/p>"), O: rdf.Trusted(fmt.Sprintf("<http://e/s%d>", i))}
			if _, err := tx.Add(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		t.Fatal(err)
	}
	view := s.View()
	defer view.Close()
	shards := eval.Spread(t, view, eval.KeySubject, 4)
	q, err := eval.Divide(parse(t, "SELECT (COUNT(*) AS ?n) { VALUES ?x { :a :b } ?x (:p|:q|:r|:s)? ?y }"), eval.KeySubject, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := &looks{Context: context.Background()}
	rows := ""
	err = q.Select(ctx, shards, event, func(row []rdf.Term) error {
		rows += row[0].Value()
		return nil
	})
	if err != nil || rows != fmt.Sprint(2*many+2) || ctx.n < 380 {
		t.Errorf("%s rows, %d looks, %v", rows, ctx.n, err)
	}
}
