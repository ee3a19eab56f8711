package nquads_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// document makes rows of a factory's sensors: IRIs, typed literals, a graph; about 200 bytes a row.
func document(rows int) []byte {
	var b []byte
	for i := range rows {
		b = fmt.Appendf(b, "<http://plant.example/line/%d/sensor/%d> <http://www.w3.org/ns/sosa/hasSimpleResult> "+
			"\"%d.%02d\"^^<http://www.w3.org/2001/XMLSchema#decimal> <http://plant.example/line/%d> .\n",
			i%17, i%2003, i%90, i%100, i%17)
	}
	return b
}

const benchRows = 10_000

func perRow(b *testing.B, bytesPerOp int) {
	b.SetBytes(int64(bytesPerOp))
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(bytesPerOp)/benchRows, "B/row")
}

func BenchmarkParse(b *testing.B) {
	doc := document(benchRows)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if err := nquads.Parse(doc, func(rdf.Quad) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkReader(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		rd := nquads.NewReader(bytes.NewReader(doc))
		var q rdf.Quad
		for {
			err := rd.Next(&q)
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	perRow(b, len(doc))
}

func BenchmarkWriter(b *testing.B) {
	doc := document(benchRows)
	var quads []rdf.Quad
	if err := nquads.Parse(doc, func(q rdf.Quad) error { quads = append(quads, q.Clone()); return nil }); err != nil {
		b.Fatal(err)
	}
	w := nquads.NewWriter(io.Discard)
	b.ReportAllocs()
	for b.Loop() {
		for _, q := range quads {
			if err := w.Write(q); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	perRow(b, len(doc))
}
