package turtle_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// perObservation is the number of statements of an observation.
const perObservation = 16

// observations makes the observations of a factory's sensors as people write them: prefixes, lists of predicates and
// objects, a collection, blank nodes, IRIs with and without a base, text, numbers, dates; about 640 bytes each.
func observations(count int) []byte {
	b := []byte(`@prefix sosa: <http://www.w3.org/ns/sosa/> .
@prefix ssn: <http://www.w3.org/ns/ssn/> .
@prefix qudt: <http://qudt.org/schema/qudt/> .
@prefix unit: <http://qudt.org/vocab/unit/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix obs: <http://plant.example/observation/> .
@prefix line: <http://plant.example/line/> .
@base <http://plant.example/> .

`)
	for i := range count {
		b = fmt.Appendf(b, `# observation %[1]d
obs:%[1]d a sosa:Observation ;
    sosa:madeBySensor line:sensor-%[2]d ;
    sosa:observedProperty line:temperature , line:vibration ;
    sosa:hasFeatureOfInterest <http://plant.example/machine/%[3]d> , <machine/%[3]d/motor> ;
    sosa:resultTime "2026-11-%02[4]dT%02[5]d:%02[6]d:00Z"^^xsd:dateTime ;
    sosa:hasResult [ a qudt:QuantityValue ; qudt:numericValue "%[5]d.%02[6]d"^^xsd:decimal ; qudt:unit unit:DEG_C ] ;
    ssn:wasOriginatedBy ( _:stimulus%[2]d ) ;
    rdfs:label "Beobachtung %[1]d \"Lüfter\""@de ;
    sosa:hasSimpleResult %[5]d.%02[6]d .

`, i, i%2003, i%97, 1+i%28, i%24, i%60)
	}
	return b
}

// statements reports rates, and the processor time of this process or of another one since before.
func statements(b *testing.B, doc []byte, count int, cpu time.Duration) {
	b.SetBytes(int64(len(doc)))
	b.ReportMetric(float64(b.N)*float64(count)/b.Elapsed().Seconds(), "statements/s")
	if cpu > 0 {
		b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	}
}

func BenchmarkParse(b *testing.B) {
	doc := observations(1000)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if err := turtle.Parse(doc, func(rdf.Quad) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	if n != b.N*1000*perObservation {
		b.Fatalf("%d statements in %d runs", n, b.N)
	}
	statements(b, doc, 1000*perObservation, 0)
}

func BenchmarkReader(b *testing.B) {
	doc := observations(1000)
	b.ReportAllocs()
	for b.Loop() {
		if err := drain(turtle.NewReader(bytes.NewReader(doc))); err != nil {
			b.Fatal(err)
		}
	}
	statements(b, doc, 1000*perObservation, 0)
}

func BenchmarkWriter(b *testing.B) {
	doc := observations(1000)
	rd := turtle.NewBytes(doc)
	quads, err := readertest.Collect(rd)
	if err != nil {
		b.Fatal(err)
	}
	w := turtle.NewWriter(io.Discard, turtle.WithPrefixes(rd.Prefixes()...))
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
	statements(b, doc, len(quads), 0)
}

// The number of prefixes must not matter.
func BenchmarkWriterPrefixes(b *testing.B) {
	for _, n := range []int{29, 2900} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var prefixes []turtle.Prefix
			for i := range n {
				prefixes = append(prefixes, turtle.Prefix{Name: fmt.Sprintf("p%d", i), IRI: fmt.Sprintf("http://example.org/%d/", i)})
			}
			s, p, o := rdf.Trusted("<http://example.org/7/s>"), rdf.Trusted("<http://example.org/9/p>"), rdf.Trusted("<http://example.org/11/o>")
			w := turtle.NewWriter(io.Discard, turtle.WithPrefixes(prefixes...))
			for b.Loop() {
				if err := w.Write(rdf.Quad{S: s, P: p, O: o}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
