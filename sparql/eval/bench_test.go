package eval_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// sensors is a store with so many sensors in a hundred halls, of five quads each.
func sensors(b testing.TB, n int) *memory.Store {
	b.Helper()
	s := memory.New()
	tx := s.Begin()
	for i := range n {
		sensor := rdf.Trusted(fmt.Sprintf("<http://e/sensor/%d>", i))
		for p, o := range map[string]string{
			"in": fmt.Sprintf("<http://e/hall/%d>", i%100), "value": fmt.Sprintf(`"%d"^^<%s>`, i%1000, rdf.XSDInteger),
			"kind": fmt.Sprintf("<http://e/kind/%d>", i%7), "next": fmt.Sprintf("<http://e/sensor/%d>", (i+1)%n),
			"label": fmt.Sprintf(`"sensor %d"`, i),
		} {
			if _, err := tx.Add(rdf.Quad{S: sensor, P: rdf.Trusted("<http://e/" + p + ">"), O: rdf.Trusted(o)}); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		b.Fatal(err)
	}
	if err := s.Index(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkQuery evaluates queries over 100,000 quads; rows/s is what they give.
func BenchmarkQuery(b *testing.B) {
	s := sensors(b, 20_000)
	for name, text := range benchmarked {
		b.Run(name, func(b *testing.B) {
			view := s.View()
			defer view.Close()
			benchmark(b, over(b, parse(b, text), eval.Options{}, view))
		})
	}
}

// BenchmarkShards evaluates the same queries over one shard and over eight, in this process.
func BenchmarkShards(b *testing.B) {
	view := sensors(b, 20_000).View()
	defer view.Close()
	for _, n := range []int{1, 8} {
		shards := eval.Spread(b, view, eval.KeySubject, n)
		for name, text := range benchmarked {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				q, _ := overShards(b, text, shards, eval.KeySubject, eval.Options{})
				benchmark(b, q)
			})
		}
	}
}

func benchmark(b *testing.B, q evaluated) {
	b.Helper()
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		err := q.rows(context.Background(), func([]rdf.Term) error {
			rows++
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

var benchmarked = map[string]string{
	"lookup":     "SELECT ?v { <http://e/sensor/77> :value ?v }",
	"star":       "SELECT * { ?x :in <http://e/hall/7> ; :value ?v ; :label ?l }",
	"scan":       "SELECT * { ?x :value ?v }",
	"join":       "SELECT * { ?x :value ?v . ?x :in ?h . ?x :kind ?k }",
	"filter":     "SELECT ?x { ?x :value ?v FILTER(?v > 500) }",
	"optional":   "SELECT * { ?x :value ?v OPTIONAL { ?x :next ?y . ?y :in <http://e/hall/3> } }",
	"group":      "SELECT ?h (AVG(?v) AS ?a) { ?x :in ?h ; :value ?v } GROUP BY ?h",
	"order":      "SELECT ?x ?v { ?x :value ?v } ORDER BY DESC(?v) ?x LIMIT 10",
	"distinct":   "SELECT DISTINCT ?h { ?x :in ?h }",
	"path":       "SELECT ?y { <http://e/sensor/77> :next+ ?y }",
	"not exists": "SELECT ?x { ?x :value ?v FILTER NOT EXISTS { ?x :next ?y . ?y :in <http://e/hall/3> } }",
}

// BenchmarkUpdate changes one value by a pattern, with all that an event takes: reading the text, planning, the delta.
func BenchmarkUpdate(b *testing.B) {
	s := sensors(b, 20_000)
	tx := s.Begin()
	defer tx.Rollback()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		text := fmt.Sprintf(prefix+`DELETE { ?x :value ?v } INSERT { ?x :value %d } WHERE { BIND(<http://e/sensor/%d> AS ?x) ?x :value ?v }`, 1000+i, i%20_000)
		u, err := sparql.ParseUpdate(text)
		if err != nil {
			b.Fatal(err)
		}
		prepared, err := eval.PrepareUpdate(u, eval.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var delta rows
		if err := prepared.Run(context.Background(), tx, event, &delta); err != nil || len(delta.adds) != 1 {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplace replaces the value of one subject, as DELETE/INSERT … WHERE, or adds one quad: the text is read, planned, carried
// out and committed.
func BenchmarkReplace(b *testing.B) {
	for name, text := range map[string]func(i int) string{
		"replace": func(i int) string {
			return fmt.Sprintf(`DELETE { <http://e/sensor/%[1]d> <http://e/value> ?v } INSERT { <http://e/sensor/%[1]d> <http://e/value> %[2]d.25 }
		WHERE { <http://e/sensor/%[1]d> <http://e/value> ?v }`, i*7%1000, i)
		},
		"insert": func(i int) string {
			return fmt.Sprintf(`INSERT DATA { <http://e/event/%d> <http://e/value> %d.5 }`, i, i%1000)
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := sensors(b, 20_000)
			texts := make([]string, b.N)
			for i := range texts {
				texts[i] = text(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				u, err := sparql.ParseUpdate(texts[i])
				if err != nil {
					b.Fatal(err)
				}
				prepared, err := eval.PrepareUpdate(u, eval.Options{})
				if err != nil {
					b.Fatal(err)
				}
				tx := s.Begin()
				if err := prepared.Run(context.Background(), tx, event, &patch.Counter{}); err != nil {
					b.Fatal(err)
				}
				if err := tx.Commit(s.Position()+1, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
