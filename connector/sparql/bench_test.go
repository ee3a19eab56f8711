package sparql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// BenchmarkOut compares three ways into a store in the same run: rows in bulk, as the store takes them at most; the sink; and one
// update per delta. The figure is changes a second.
func BenchmarkOut(b *testing.B) {
	for name, start := range map[string]func() *store{
		"fuseki-tdb2":   func() *store { return fuseki(b, "tdb2") },
		"fuseki-memory": func() *store { return fuseki(b, "memory") },
		"oxigraph":      func() *store { return oxigraph(b, "disk") },
	} {
		b.Run(name, func(b *testing.B) {
			s := start()
			for range 2 { // the first is for the store to get warm
				b.Run("bulk", func(b *testing.B) { benchmarkBulk(b, s) })
				b.Run("sink", func(b *testing.B) { benchmarkSink(b, s) })
				b.Run("one-by-one", func(b *testing.B) { benchmarkOneByOne(b, s) })
			}
		})
	}
}

// rowsOf are rows about new subjects, of about 100 bytes.
func rowsOf(n, from int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("<http://example.org/plant/sensor/%d> <http://example.org/vocabulary/value> \"value %d\" .\n", from+i, from+i)
	}
	return rows
}

const benchRows = 50_000

func benchmarkBulk(b *testing.B, s *store) {
	s.do(b, "DROP ALL")
	for from := 0; b.Loop(); from += benchRows {
		for rows := rowsOf(benchRows, from); len(rows) > 0; {
			n := min(len(rows), 10_000) // 1 MiB
			s.do(b, "INSERT DATA {\n"+strings.Join(rows[:n], "")+"}")
			rows = rows[n:]
		}
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "changes/s")
}

func benchmarkSink(b *testing.B, s *store) {
	s.do(b, "DROP ALL")
	w, err := s.sink(b).Open(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	at := engine.Mark{}
	for from := 0; b.Loop(); from += benchRows {
		for rows := rowsOf(benchRows, from); len(rows) > 0; rows = rows[10_000:] {
			var records []connector.Record
			for _, row := range rows[:10_000] {
				at = engine.Mark{Position: at.Position + 1, ID: fmt.Sprint(at.Position + 1)}
				records = append(records, connector.Record{Mark: at, Body: []byte("TX .\nA " + row + "TC .\n")})
			}
			if err := w.Write(b.Context(), records); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "changes/s")
}

func benchmarkOneByOne(b *testing.B, s *store) {
	s.do(b, "DROP ALL")
	const n = 300
	for from := 0; b.Loop(); from += n {
		for _, row := range rowsOf(n, from) {
			s.do(b, "INSERT DATA { "+row+" }")
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "changes/s")
}
