package sparql_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// BenchmarkOut compares ways into a store: rows in bulk, as INSERT DATA in requests of several sizes; the sink, with batches as the
// pipeline hands them over; and one update per delta, over a connection that is kept. They take turns with the same store, so that
// how much it holds, and how busy the machine is, is the same to all. What is written is there before the time is taken; the sink
// alone makes its requests within it. The figures are changes a second, what the sink comes to beside the best of the sizes and
// beside one by one, and what that best comes to beside one by one, which nobody can be above.
func BenchmarkOut(b *testing.B) {
	for _, of := range []struct {
		name  string
		start func() *store
	}{
		{"fuseki-tdb2", func() *store { return fuseki(b, "tdb2") }},
		{"fuseki-memory", func() *store { return fuseki(b, "memory") }},
		{"oxigraph-disk", func() *store { return oxigraph(b, "disk") }},
		{"oxigraph-memory", func() *store { return oxigraph(b, "memory") }},
		{"blazegraph", func() *store { return blazegraph(b) }},
	} {
		b.Run(of.name, func(b *testing.B) { benchmarkWays(b, of.start()) })
	}
}

// way is one into a store: it writes rows about subjects from a number on, and returns how long that took.
type way struct {
	name  string
	rows  int
	write func(b *testing.B, s *store, n, from int) time.Duration
	taken time.Duration
}

const (
	benchRounds = 5
	benchRows   = 10_000
)

func benchmarkWays(b *testing.B, s *store) {
	keepConnections(b)
	sink := &way{name: "sink", rows: benchRows, write: benchmarkSink(b, s)}
	one := &way{name: "one-by-one", rows: 100, write: bulkOf(1)}
	bulks := []*way{
		{name: "bulk-1000", rows: benchRows, write: bulkOf(1000)},
		{name: "bulk-3000", rows: benchRows, write: bulkOf(3000)},
		{name: "bulk-10000", rows: benchRows, write: bulkOf(10_000)}, // 1 MiB
	}
	ways := append([]*way{sink, one}, bulks...)
	next := 0
	round := func(turn int) {
		for i := range ways {
			w := ways[(i+turn)%len(ways)]
			w.taken += w.write(b, s, w.rows, next)
			next += w.rows
		}
	}
	for turn := range 2 { // for the store to get warm
		round(turn)
	}
	for _, w := range ways {
		w.taken = 0
	}
	rounds := 0
	for b.Loop() {
		for turn := range benchRounds {
			round(turn)
			rounds++
		}
	}
	rate := func(w *way) float64 { return float64(rounds*w.rows) / w.taken.Seconds() }
	best := 0.0
	for _, w := range bulks {
		best = max(best, rate(w))
	}
	for _, w := range ways {
		b.ReportMetric(rate(w), w.name+"/s")
	}
	b.ReportMetric(100*rate(sink)/best, "%bulk")
	b.ReportMetric(rate(sink)/rate(one), "×one")
	b.ReportMetric(best/rate(one), "bulk×one")
	b.ReportMetric(0, "ns/op")
}

// keepConnections has the other ways use a connection again, as the sink does.
func keepConnections(b *testing.B) {
	before := client
	client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	b.Cleanup(func() {
		client.CloseIdleConnections()
		client = before
	})
}

// rowsOf are rows about new subjects, of about 100 bytes.
func rowsOf(n, from int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("<http://example.org/plant/sensor/%d> <http://example.org/vocabulary/value> \"value %d\" .\n", from+i, from+i)
	}
	return rows
}

// bulkOf sends so many rows with each request.
func bulkOf(size int) func(b *testing.B, s *store, n, from int) time.Duration {
	return func(b *testing.B, s *store, n, from int) time.Duration {
		var updates []string
		for rows := rowsOf(n, from); len(rows) > 0; {
			m := min(len(rows), size)
			updates = append(updates, "INSERT DATA {\n"+strings.Join(rows[:m], "")+"}")
			rows = rows[m:]
		}
		begin := time.Now()
		for _, update := range updates {
			s.do(b, update)
		}
		return time.Since(begin)
	}
}

// benchmarkSink hands over records of a row each, as many at a time as the pipeline does: 1 MiB, with 256 bytes for each.
func benchmarkSink(b *testing.B, s *store) func(b *testing.B, s *store, n, from int) time.Duration {
	w, err := s.sink(b).Open(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.Close() })
	at := engine.Mark{}
	return func(b *testing.B, s *store, n, from int) time.Duration {
		var batches [][]connector.Record
		size := 1 << 20
		for _, row := range rowsOf(n, from) {
			at = engine.Mark{Position: at.Position + 1, ID: fmt.Sprint(at.Position + 1)}
			r := connector.Record{Mark: at, Body: []byte("TX .\nA " + row + "TC .\n")}
			if size += 256 + len(r.Body); size > 1<<20 {
				batches, size = append(batches, nil), 256+len(r.Body)
			}
			batches[len(batches)-1] = append(batches[len(batches)-1], r)
		}
		begin := time.Now()
		for _, records := range batches {
			if err := w.Write(b.Context(), records); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
}
