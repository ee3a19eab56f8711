package eval_test

import (
	"context"
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// holding are queries that hold memory: rows to be sorted, joined and grouped, terms that are made, nodes of paths.
var holding = []string{
	"SELECT ?s ?v { ?s :value ?v } ORDER BY ?v",
	"SELECT DISTINCT ?v { ?s :value ?v }",
	"SELECT ?v (COUNT(*) AS ?n) (SAMPLE(?s) AS ?one) { ?s :value ?v } GROUP BY ?v",
	"SELECT ?s ?x { ?s :value ?v BIND(CONCAT(STR(?s), \" made\") AS ?x) }",
	"SELECT * { ?s :value ?v { SELECT ?v (COUNT(?t) AS ?n) { ?t :value ?v } GROUP BY ?v } }",
}

// TestPool: what evaluations hold is counted together, over one store and over shards, and all of it is given back, however they end.
func TestPool(t *testing.T) {
	s := sensors(t, 3000)
	view := s.View()
	defer view.Close()
	pool := eval.NewPool(64 << 20)
	o := eval.Options{Pool: pool}
	shards := eval.Spread(t, view, eval.KeySubject, 4)
	shards.Bound(o)
	boom := errors.New("enough")
	for _, text := range holding {
		q := parse(t, text)
		d, err := eval.Divide(q, eval.KeySubject, o)
		if err != nil {
			t.Fatal(err)
		}
		most, n := int64(0), 0
		row := func(ends error) func([]rdf.Term) error {
			return func([]rdf.Term) error {
				n++
				most = max(most, pool.Held())
				return ends
			}
		}
		for what, e := range map[string]evaluated{"one store": over(t, q, o, view), "shards": {rows: func(ctx context.Context, each func([]rdf.Term) error) error {
			return d.Select(ctx, shards, event, each)
		}}} {
			if most, n = 0, 0; e.rows(t.Context(), row(nil)) != nil || n == 0 || most == 0 {
				t.Errorf("%s: %s: %d rows, %d bytes were held", what, text, n, most)
			}
			if err := e.rows(t.Context(), row(boom)); !errors.Is(err, boom) {
				t.Errorf("%s: %s: %v", what, text, err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if err := e.rows(ended, row(nil)); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %s: %v", what, text, err)
			}
			others := int64(64<<20 - 10<<10) // are held by somebody else
			if err := pool.Take(others); err != nil {
				t.Fatal(err)
			}
			if err := e.rows(t.Context(), row(nil)); !errors.Is(err, eval.ErrPool) || errors.Is(err, eval.ErrBudget) {
				t.Errorf("%s: %s: %v", what, text, err)
			}
			pool.Give(others)
			func() {
				defer func() { _ = recover() }()
				_ = e.rows(t.Context(), func([]rdf.Term) error { panic("a fault") })
			}()
			if held := pool.Held(); held != 0 {
				t.Fatalf("%s: %s: %d bytes are still held", what, text, held)
			}
		}
	}
}
