package eval

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
)

// fuzzedShards are the same data as fuzzed, over three shards.
func fuzzedShards(t testing.TB, key Key) *InProcess {
	t.Helper()
	view := fuzzed(t).View()
	defer view.Close()
	shards := Spread(t, view, key, 3)
	shards.Bound(Options{Steps: 20_000, Memory: 1 << 20})
	return shards
}

// fuzzShards evaluates a query over shards, and returns what it gives as fuzzRun does.
func fuzzShards(t *testing.T, q *sparql.Query, shards *InProcess) (rows []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	d, err := Divide(q, shards.key, Options{Steps: 20_000, Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	switch d.Form() {
	case sparql.Select:
		err = d.Select(ctx, shards, Identity{}, func(row []rdf.Term) error {
			text := ""
			for _, term := range row {
				text += term.String() + " "
			}
			rows = append(rows, text)
			return nil
		})
	case sparql.Ask:
		var yes bool
		if yes, err = d.Ask(ctx, shards, Identity{}); yes {
			rows = append(rows, "yes")
		}
	default:
		err = d.Triples(ctx, shards, Identity{}, func(rdf.Triple) error { return nil })
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, fragment.ErrEncoding) || errors.Is(err, ErrDivision) {
		t.Fatalf("%v: %v", q, err)
	}
	slices.Sort(rows)
	return rows, err
}

// FuzzAnswer: whatever bindings another node sends, and for whatever fragment, they are answered or refused within the bounds.
func FuzzAnswer(f *testing.F) {
	shards := fuzzedShards(f, KeySubject)
	f.Add("SELECT * { ?s <http://e/p> ?o . ?o <http://e/p> ?x OPTIONAL { ?x ?p ?s } }", 0, uint8(1), []byte("\x01\x0c<http://e/a>\x01\x02"))
	f.Add("SELECT * { GRAPH ?g { ?s <http://e/p>* ?o } }", 1, uint8(2), []byte("\x00\x01\x00\x00"))
	f.Add("SELECT (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s", -1, uint8(0), []byte{})
	f.Fuzz(func(t *testing.T, text string, number int, bound uint8, bindings []byte) {
		q, err := sparql.ParseQuery(text)
		if err != nil {
			return
		}
		d, err := Divide(q, KeySubject, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var slots []algebra.Slot
		for i := range bound % 4 {
			slots = append(slots, algebra.Slot(i))
		}
		if len(slots) == 0 {
			bindings = nil
		}
		request := (&asking{Division: d}).request(max(number, fragment.Describe))
		request.Bindings, request.Once = bindings, bound > 100
		for _, slot := range slots {
			request.Bound = append(request.Bound, int(slot))
		}
		_ = shards.Ask(t.Context(), 0, request.Append(nil), func([]byte) error { return nil })
	})
}
