package jsonld_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

// readings makes a document of a factory's observations, three quads each.
func readings(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"@context": {"@vocab": "http://plant.example/#", "sensor": {"@type": "@id"}}, "@graph": [`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"@id": "http://plant.example/o/%d", "result": %d.5, "time": "2026-01-01T00:00:00Z", `+
			`"sensor": "x:s%d"}`, i, i%100, i%17)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	document := readings(1000)
	quads := 0
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		if err := jsonld.Parse(document, func(rdf.Quad) error { quads++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(quads)/b.Elapsed().Seconds(), "quads/s")
}

func BenchmarkMarshal(b *testing.B) {
	var quads []rdf.Quad
	if err := jsonld.Parse(readings(1000), func(q rdf.Quad) error { quads = append(quads, q); return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsonld.Marshal(quads); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(quads))/b.Elapsed().Seconds(), "quads/s")
}
