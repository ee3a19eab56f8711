package eval_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// fragmentsOf lists the fragments of a plan: where they are evaluated, the operator that shards evaluate, and the rows that came.
func fragmentsOf(p eval.Plan) (list []string) {
	if p.Operator == "Fragment" {
		list = append(list, fmt.Sprintf("%s: %s, %d", p.Detail, p.Parts[0].Operator, p.Rows))
	}
	for _, part := range p.Parts {
		list = append(list, fragmentsOf(part)...)
	}
	return list
}

// TestFragments: what goes to shards as one, to which, and how many rows come. Of 200 machines in 3 halls 133 are not in hall 0; those
// that are have 100 sensors.
func TestFragments(t *testing.T) {
	s := plant(t, 200)
	if err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	view := s.View()
	defer view.Close()
	shards := eval.Spread(t, view, eval.KeySubject, 8)
	for _, test := range []struct {
		query              string
		fragments          []string
		requests, bindings int // without those for estimates
	}{
		{
			"SELECT * { ?m a :Machine ; :in ?h ; :name ?n OPTIONAL { ?m :next ?x } FILTER(STRLEN(?n) > 3) MINUS { ?m :in :hall0 } }",
			[]string{"0 in all shards: Project, 133"}, 8, 0,
		},
		{"SELECT * { :m1 :in ?h ; :name ?n }", []string{"0 in the shard of <http://e/m1>: Project, 1"}, 1, 0},
		{"SELECT * { VALUES ?m { :m1 :m2 } ?m :in ?h ; :name ?n }", []string{"0 in the shards of 2 keys: Project, 2"}, 2, 0},
		{
			"SELECT ?n { ?s :unit :u2 ; :value ?v ; :of ?m . ?m :name ?n FILTER(?v > 40) }",
			[]string{"0 in all shards: Filter, 10", "1 in the shard of each ?m for ?m: Pattern, 10"}, 12, 10,
		},
		{
			"SELECT ?h { ?s a :Sensor ; :of ?m ; :value ?v . ?m :in ?h FILTER(?m IN (:m2, :m3)) }", // five sensors of two machines
			[]string{"0 in all shards: Filter, 5", "1 in the shard of each ?m for ?m: Pattern, 5"}, 10, 2,
		},
		{
			"SELECT ?n { ?m :name 'machine 3' ; :next ?n . ?n :next ?o OPTIONAL { ?n :nothing ?x } }",
			[]string{"0 in all shards: Join, 1", "1 in the shard of each ?n for ?n: LeftJoin, 1"}, 9, 1,
		},
		{"SELECT ?h (COUNT(*) AS ?n) { ?m :in ?h } GROUP BY ?h", []string{"0 in all shards: Group, 24"}, 8, 0},
		{"SELECT (AVG(?v) AS ?n) { ?m :value ?v }", []string{"0 in all shards: Group, 8"}, 8, 0},
		{"SELECT ?m (COUNT(*) AS ?n) { ?m :in ?h } GROUP BY ?m", []string{"0 in all shards: Project, 200"}, 8, 0},
		{"SELECT DISTINCT ?h { ?m :in ?h }", []string{"0 in all shards: Distinct, 24"}, 8, 0},
		{"SELECT ?m { ?m :name ?n } ORDER BY ?n LIMIT 3", []string{"0 in all shards: Slice, 24"}, 8, 0},
		{
			"SELECT ?m { ?m :in :hall1 FILTER NOT EXISTS { ?s :of ?m } }",
			[]string{"1 in all shards: Pattern, 67", "0 in all shards for ?m: Pattern, 100"}, 24, 8 * 67, // for the first 16 rows, and for the others
		},
		{
			"SELECT ?u { VALUES ?u { :u0 :u1 :none } FILTER EXISTS { ?s :unit ?u } }",
			[]string{"0 in all shards for ?u: Pattern, 16"}, 8, 8 * 3,
		},
	} {
		_, d := overShards(t, test.query, shards, eval.KeySubject, eval.Options{})
		requests, bindings := shards.Moved()
		plan, err := d.Explain(t.Context(), shards, event, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := fragmentsOf(plan); !slices.Equal(got, test.fragments) {
			t.Errorf("%s: %q, expected %q\n%v", test.query, got, test.fragments, plan)
		}
		requestsNow, bindingsNow := shards.Moved()
		if r, b := requestsNow-requests-8, bindingsNow-bindings; r != test.requests || b != test.bindings {
			t.Errorf("%s: %d requests with %d bindings, expected %d with %d", test.query, r, b, test.requests, test.bindings)
		}
	}
}

// TestPathRounds: a path goes breadth first, so that the number of requests is that of its length, not of its nodes.
func TestPathRounds(t *testing.T) {
	s := ladder(t, 20) // 40 steps with two ways each
	view := s.View()
	defer view.Close()
	shards := eval.Spread(t, view, eval.KeySubject, 4)
	q, _ := overShards(t, "SELECT ?x { :n0 :p+ ?x }", shards, eval.KeySubject, eval.Options{})
	if rows := rowsOf(t, q); len(rows) != 60 {
		t.Errorf("%d nodes", len(rows))
	}
	if requests, bindings := shards.Moved(); bindings != 61 || requests > 61 {
		t.Errorf("%d requests with %d bindings, expected 61 of them", requests, bindings)
	}
}
