package patch_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// document makes the rows of a factory's observations (SOSA), in transactions of six: each value and time deleted and
// added anew, with the line as the graph; about 170 bytes a row.
func document(rows int) []byte {
	const (
		plant = "http://plant.example/"
		sosa  = "http://www.w3.org/ns/sosa/"
		xsd   = "http://www.w3.org/2001/XMLSchema#"
	)
	var b []byte
	for i := range rows / 6 {
		s := fmt.Sprintf("<%sobservation/%d>", plant, i%2003)
		g := fmt.Sprintf("<%sline/%d> .\n", plant, i%17)
		b = append(b, "TX .\n"...)
		b = fmt.Appendf(b, "A %s <%smadeBySensor> <%ssensor/%d> %s", s, sosa, plant, i%2003, g)
		b = fmt.Appendf(b, "A %s <http://www.w3.org/2000/01/rdf-schema#label> \"Temperatur %d\"@de %s", s, i%2003, g)
		for _, code := range []string{"D", "A"} {
			b = fmt.Appendf(b, "%s %s <%shasSimpleResult> \"%d.%06d\"^^<%sdecimal> %s", code, s, sosa, i%90, i, xsd, g)
			b = fmt.Appendf(b, "%s %s <%sresultTime> \"2026-01-01T%02d:%02d:00Z\"^^<%sdateTime> %s", code, s, sosa, i%24, i%60,
				xsd, g)
		}
		b = append(b, "TC .\n"...)
	}
	return b
}

// benchRows are the A and D rows of the benchmarks' patch.
const benchRows = 12_000

// perRow reports what a row costs; rows are A and D rows, those of transactions come on top.
func perRow(b *testing.B, bytesPerOp int) {
	b.SetBytes(int64(bytesPerOp))
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(bytesPerOp)/benchRows, "B/row")
}

func BenchmarkParse(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.Parse(doc, &n, patch.RequireTransactions()); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkReader(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.NewReader(bytes.NewReader(doc)).Run(&n); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

// BenchmarkReadWrite is a patch that is read and written again.
func BenchmarkReadWrite(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		w := patch.NewWriter(io.Discard)
		if err := patch.NewReader(bytes.NewReader(doc)).Run(w); err != nil {
			b.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkInvert(b *testing.B) {
	doc := bytes.ReplaceAll(bytes.ReplaceAll(document(benchRows), []byte("TX .\n"), nil), []byte("TC .\n"), nil)
	doc = append(append([]byte("TX .\n"), doc...), "TC .\n"...)
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.Parse(doc, patch.Invert(&n, 0)); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkAppend(b *testing.B) {
	doc := document(benchRows)
	var quads []rdf.Quad
	for _, r := range read(b, doc) {
		if r.code == "A" || r.code == "D" {
			quads = append(quads, r.quad)
		}
	}
	for _, c := range []struct {
		name string
		fn   func([]byte, rdf.Quad) []byte
	}{{"Add", patch.AppendAdd}, {"Delete", patch.AppendDelete}, {"Quad", nquads.AppendQuad}} {
		b.Run(c.name, func(b *testing.B) {
			buf := make([]byte, 0, 2*len(doc))
			b.ReportAllocs()
			for b.Loop() {
				buf = buf[:0]
				for _, q := range quads {
					buf = c.fn(buf, q)
				}
			}
			perRow(b, len(buf))
		})
	}
}
