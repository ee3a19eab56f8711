package eval_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// plant is machines with sensors, which have values; some values are no numbers, some machines have no sensor.
func plant(t testing.TB, machines int) *memory.Store {
	t.Helper()
	var text strings.Builder
	for m := range machines {
		fmt.Fprintf(&text, ":m%d a :Machine ; :in :hall%d ; :name 'machine %d' ; :next :m%d .\n", m, m%3, m, (m*7+3)%machines)
		for s := range m % 4 {
			fmt.Fprintf(&text, ":s%d_%d a :Sensor ; :of :m%d ; :value %d.%d ; :unit :u%d .\n", m, s, m, (m*13+s)%50, m%10, s)
			if (m+s)%11 == 0 {
				fmt.Fprintf(&text, ":s%d_%d :value 'broken' .\n", m, s)
			}
		}
		fmt.Fprintf(&text, ":notes%d { :m%d :note [ :text 'n%d' ; :by [ :name 'who' ] ] . :m%d :seen %d }\n", m%2, m, m, m, m%5)
	}
	return trig(t, text.String())
}

// settledQueries have one result, whatever the order of solutions.
var settledQueries = []string{
	"SELECT * { ?s :of ?m ; :value ?v }",
	"SELECT ?h (COUNT(*) AS ?n) { ?m :in ?h } GROUP BY ?h",
	"SELECT ?h (COUNT(?u) AS ?n) (COUNT(DISTINCT ?u) AS ?d) { ?m :in ?h OPTIONAL { ?s :of ?m ; :unit ?u } } GROUP BY ?h",
	"SELECT (COUNT(*) AS ?n) { ?m :nothing ?h }",
	"SELECT (COUNT(*) AS ?n) (SUM(?v) AS ?s) (AVG(?v) AS ?a) (MIN(?v) AS ?low) (MAX(?v) AS ?high) { ?s :value ?v }",
	"SELECT (SUM(?v) AS ?s) (AVG(?v) AS ?a) (MIN(?v) AS ?low) (MAX(?v) AS ?high) (COUNT(*) AS ?n) { ?s :value ?v FILTER(ISNUMERIC(?v)) }",
	"SELECT (SUM(?v) AS ?s) (AVG(?v) AS ?a) (MIN(?v) AS ?low) (SAMPLE(?v) AS ?x) { ?s :none ?v }",
	"SELECT ?u (AVG(?v) AS ?a) (SUM(DISTINCT ?v) AS ?d) (AVG(DISTINCT ?v) AS ?e) (MAX(DISTINCT ?v) AS ?f) " +
		"{ ?s :unit ?u ; :value ?v FILTER(ISNUMERIC(?v)) } GROUP BY ?u",
	"SELECT ?u (SUM(?v) AS ?a) (MIN(?v) AS ?b) { ?s :unit ?u ; :value ?v } GROUP BY ?u HAVING (COUNT(*) > 3)",
	"SELECT (COUNT(*) AS ?c) { ?m :name ?n } GROUP BY (STRLEN(?n))",
	"SELECT ?l (COUNT(*) + 1 AS ?c) (COUNT(DISTINCT *) AS ?d) { ?m :name ?n ; :in ?h } GROUP BY (STRLEN(?n) AS ?l) ORDER BY DESC(?c)",
	"SELECT ?h (STRLEN(GROUP_CONCAT(?n)) AS ?x) (STRLEN(GROUP_CONCAT(DISTINCT ?n; separator='--')) AS ?y) { ?m :in ?h ; :name ?n } GROUP BY ?h",
	"SELECT ?m (COUNT(?s) AS ?n) { ?m a :Machine OPTIONAL { ?s :of ?m } } GROUP BY ?m",
	"SELECT ?m (COUNT(?n) AS ?x) { ?m a :Machine ; :next ?n } GROUP BY ?m HAVING (?x > 0)",
	"SELECT (COUNT(*) AS ?n) { { SELECT ?h (MAX(?x) AS ?y) { ?m :in ?h ; :next ?x } GROUP BY ?h } }",
	"SELECT (SUM(1/?v) AS ?s) { ?x :value ?v }",
	"SELECT (SUM(IF(EXISTS { ?m :next ?m }, 1, 0)) AS ?s) { ?m a :Machine }",
	"SELECT (SUM(IF(EXISTS { ?x :next ?m }, 1, 0)) AS ?s) { ?m a :Machine }",
	"SELECT DISTINCT ?h { ?m :in ?h }",
	"SELECT REDUCED ?h ?u { ?m :in ?h . ?s :of ?m ; :unit ?u } ORDER BY ?h ?u",
	"SELECT ?m ?v { ?s :of ?m ; :value ?v } ORDER BY DESC(?v) ?m ?s LIMIT 7 OFFSET 2",
	"SELECT DISTINCT ?h { ?m :in ?h } ORDER BY DESC(?h) LIMIT 2",
	"SELECT DISTINCT ?h { ?m :in ?h ; :name ?n } ORDER BY ?n LIMIT 2",
	"SELECT ?n (STRLEN(?n) AS ?l) { ?m :name ?n ; :in :hall1 } ORDER BY ?l DESC(?n) LIMIT 3",
	"SELECT ?m { ?m :in ?h FILTER NOT EXISTS { ?s :of ?m } } ORDER BY ?m",
	"SELECT ?m ?v { ?m :in :hall2 OPTIONAL { ?s :of ?m ; :value ?v FILTER(?v > 20 && ?m != :m5) } }",
	"SELECT ?m { ?m :in :hall2 MINUS { ?s :of ?m } }",
	"SELECT ?m { ?m :in :hall2 MINUS { ?s :of ?m MINUS { ?s :unit :u0 } } }",
	"SELECT ?m { ?m a :Machine FILTER(EXISTS { ?s :of ?m MINUS { ?m :in :hall1 } } || ?m = :m0) }",
	"SELECT ?m { ?m a :Machine FILTER NOT EXISTS { ?m :next* ?x . ?x :in ?nothing . ?x :nothing ?y } }",
	"SELECT * { VALUES ?m { :m1 :m2 :m3 UNDEF } ?m :in ?h . ?s :of ?m }",
	"SELECT * { VALUES ?m { :m1 :m2 :m3 } ?m :in ?h OPTIONAL { ?s :of ?m ; :unit :u1 } }",
	"SELECT * { VALUES (?m ?x) { (:m1 1) (:m2 UNDEF) } ?m :in ?h OPTIONAL { ?m :name ?x } }",
	"SELECT * { { :m1 :in ?h } UNION { ?x :name 'machine 3' } UNION { :m2 :in ?h } }",
	"SELECT ?x { :m1 :next+ ?x }", "SELECT ?x { ?x :next+ :m1 }", "SELECT ?x ?y { ?x (:next/:next)* ?y . ?y :in :hall0 }",
	"SELECT ?x { ?x (^:of/:unit)+ ?u }", "SELECT (COUNT(*) AS ?n) { ?x (:next|!(:name|^:in))* ?y }",
	"SELECT ?x { :none :next* ?x }", "SELECT ?x { ?x :next? :m3 }", "SELECT (COUNT(*) AS ?n) { ?x :next? ?y }",
	"SELECT * { GRAPH ?g { ?m :note ?b . ?b :text ?t } }", "SELECT * { GRAPH ?g { ?m :note/:by/:name ?t } }",
	"SELECT * { GRAPH :notes1 { ?m :seen 3 } ?m :in ?h }", "SELECT * { GRAPH ?g { ?m :seen 3 } ?m :in ?h }",
	"SELECT ?g { GRAPH ?g { } }", "SELECT * { GRAPH :notes0 { } }", "SELECT * { GRAPH :nowhere { } }",
	"SELECT ?g ?n { GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?s :seen ?o } } }",
	"SELECT ?g ?n { GRAPH ?g { { SELECT (COUNT(*) AS ?n) { ?s :seen ?o . ?s :note ?x . ?x :text ?y } } MINUS { ?a :b ?n } } }",
	"SELECT ?g ?x { GRAPH ?g { ?m :seen 2 ; (:note|:by)+ ?x } }",
	"SELECT * FROM :notes0 FROM :notes1 { ?m :seen ?n ; :note ?x . ?x :text ?t }",
	"SELECT (COUNT(*) AS ?n) FROM :notes0 FROM NAMED :notes1 { { ?m :seen ?n } UNION { GRAPH ?g { ?m :seen ?n } } UNION { GRAPH ?g { } } }",
	"SELECT ?x FROM :notes0 FROM :notes1 { :m1 (:note|:by)+ ?x }",
	"SELECT * FROM NAMED :notes1 { ?m :seen ?n }",
	"SELECT ?m ?k { ?m :in :hall0 BIND(STRAFTER(STR(?m), 'e/m') AS ?k) { SELECT ?m { ?s :of ?m } GROUP BY ?m HAVING (COUNT(*) > 2) } }",
	"SELECT ?a ?b { ?a :in :hall0 . ?b :in :hall1 . FILTER(STRLEN(STR(?a)) < STRLEN(STR(?b))) }",
	"SELECT ?t { ?m :in ?h ; a ?t FILTER(NOW() > '2020-01-01T00:00:00Z'^^<http://www.w3.org/2001/XMLSchema#dateTime>) } LIMIT 0",
	"ASK { ?s :of ?m . ?m :in :hall1 }", "ASK { ?m :in :hall9 }", "ASK { ?x :next+ ?x }", "ASK { }", "ASK { :m1 :in ?x }",
	"CONSTRUCT { ?m :has ?s } WHERE { ?s :of ?m . ?m :in :hall1 }", "CONSTRUCT { ?h :of 'x' } WHERE { ?m :in ?h }",
	"DESCRIBE :m1 ?s { ?s :of :m2 }", "DESCRIBE :m1 FROM :notes0 FROM :notes1", "DESCRIBE :m1 :m2 FROM NAMED :notes1 FROM :notes0",
	"SELECT ?x FROM NAMED :notes1 { GRAPH ?g { :m1 (:note/:by)* ?x } }", "SELECT ?x FROM NAMED :notes1 { :m1 :note* ?x }",
	"SELECT (COUNT(*) AS ?n) FROM :notes0 { ?x (:note|:by)* ?y }", "SELECT ?g ?n FROM NAMED :notes0 { GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?a :b ?c } } }", "DESCRIBE :none", "DESCRIBE ?m { ?m :in :hall0 }",
	"SELECT * { ?m :in ?h BIND(RAND() AS ?r) FILTER(?r < 0.5) }", "SELECT (UUID() AS ?u) { :m1 :in ?h }",
	"SELECT ?n { ?s :of ?m . ?m :in ?h . ?h :none ?n }", "SELECT ?s { ?s ?p <<( ?a ?b ?c )>> }",
}

// rowsOf evaluates a query and returns what it gives as texts: sorted, unless the query asks for an order.
func rowsOf(t testing.TB, q evaluated) (rows []string) {
	t.Helper()
	ctx := context.Background()
	show := func(terms ...rdf.Term) { rows = append(rows, fmt.Sprint(terms)) }
	var err error
	switch q.form {
	case sparql.Select:
		err = q.rows(ctx, func(row []rdf.Term) error { show(row...); return nil })
	case sparql.Ask:
		var yes bool
		yes, err = q.yes(ctx)
		rows = append(rows, fmt.Sprint(yes))
	default:
		err = q.triples(ctx, func(triple rdf.Triple) error { show(triple.S, triple.P, triple.O); return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	if !q.ordered {
		slices.Sort(rows)
	}
	return rows
}

// overShards is a division with its shards.
func overShards(t testing.TB, text string, shards *eval.InProcess, key eval.Key, o eval.Options) (evaluated, *eval.Division) {
	t.Helper()
	q, err := sparql.ParseQuery(prefix + text)
	if err != nil {
		t.Fatal(err)
	}
	d, err := eval.Divide(q, key, o)
	if err != nil {
		t.Fatal(err)
	}
	return evaluated{
		form: d.Form(), vars: d.Vars(), ordered: len(q.OrderBy) > 0,
		rows: func(ctx context.Context, each func([]rdf.Term) error) error {
			return d.Select(ctx, shards, event, each)
		},
		yes: func(ctx context.Context) (bool, error) { return d.Ask(ctx, shards, event) },
		triples: func(ctx context.Context, each func(rdf.Triple) error) error {
			return d.Triples(ctx, shards, event, each)
		},
	}, d
}

// TestSettled: each kind of query gives over shards what it gives over one store, in the same order if it asks for one.
func TestSettled(t *testing.T) {
	s := plant(t, 16)
	if err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	view := s.View()
	defer view.Close()
	for _, union := range []bool{false, true} {
		o := eval.Options{UnionDefault: union}
		var want [][]string
		for _, text := range settledQueries {
			want = append(want, rowsOf(t, over(t, parse(t, text), o, view)))
		}
		for _, of := range []struct {
			key  eval.Key
			most int
		}{{eval.KeySubject, 64}, {eval.KeyGraph, 8}, {eval.KeyDataset, 1}} {
			for n := 1; n <= of.most; n *= 8 {
				settle(t, eval.Spread(t, view, of.key, n), of.key, o, want)
			}
		}
	}
}

// overHeld is a query over shards that are all here.
func overHeld(t testing.TB, tree *sparql.Query, o eval.Options, shards *eval.InProcess, way int) evaluated {
	t.Helper()
	q, err := eval.Prepare(tree, o)
	if err != nil {
		t.Fatal(err)
	}
	h := shards.Held(way)
	t.Cleanup(h.Close)
	plan := func(ctx context.Context, do func(*eval.Evaluation) error) error {
		e, err := q.Plan(ctx, h, event)
		if err != nil {
			return err
		}
		return do(e)
	}
	return evaluated{
		form: q.Form(), vars: q.Vars(), ordered: len(tree.OrderBy) > 0,
		rows: func(ctx context.Context, each func([]rdf.Term) error) error {
			return plan(ctx, func(e *eval.Evaluation) error { return e.Select(each) })
		},
		yes: func(ctx context.Context) (yes bool, err error) {
			err = plan(ctx, func(e *eval.Evaluation) error { yes, err = e.Ask(); return err })
			return yes, err
		},
		triples: func(ctx context.Context, each func(rdf.Triple) error) error {
			return plan(ctx, func(e *eval.Evaluation) error { return e.Triples(each) })
		},
	}
}

// settle compares what the queries give over shards.
func settle(t *testing.T, shards *eval.InProcess, key eval.Key, o eval.Options, want [][]string) {
	t.Helper()
	for i, text := range settledQueries {
		q, d := overShards(t, text, shards, key, o)
		if got := rowsOf(t, q); !slices.Equal(got, want[i]) {
			plan, _ := d.Explain(t.Context(), shards, event, false)
			t.Errorf("key %s, %d shards, union %t: %s\ngot  %q\nwant %q\n%v", key, shards.Number(), o.UnionDefault, text, got, want[i], plan)
		}
		for way := range eval.Divided + 1 {
			got := rowsOf(t, overHeld(t, parse(t, text), o, shards, way))
			if strings.HasPrefix(text, "CONSTRUCT") { // several shards may make a triple
				got = slices.Compact(got)
			}
			if !slices.Equal(got, want[i]) {
				t.Errorf("key %s, %d shards here, way %d, union %t: %s\ngot  %q\nwant %q", key, shards.Number(), way, o.UnionDefault, text, got, want[i])
			}
		}
	}
}
