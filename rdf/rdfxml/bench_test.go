package rdfxml_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

// perObservation is the number of statements of an observation.
const perObservation = 9

// observations makes the observations of a factory's sensors as tools write them: prefixes, typed nodes, values of attributes,
// blank nodes, text, numbers, dates; about 800 bytes each.
func observations(count int) []byte {
	b := []byte(`<?xml version="1.0"?>
<!DOCTYPE rdf:RDF [ <!ENTITY xsd "http://www.w3.org/2001/XMLSchema#"> ]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
    xmlns:sosa="http://www.w3.org/ns/sosa/" xmlns:qudt="http://qudt.org/schema/qudt/" xml:base="http://plant.example/">
`)
	for i := range count {
		b = fmt.Appendf(b, `  <sosa:Observation rdf:about="observation/%[1]d">
    <sosa:madeBySensor rdf:resource="line/sensor-%[2]d"/>
    <sosa:hasFeatureOfInterest rdf:resource="http://plant.example/machine/%[3]d"/>
    <sosa:resultTime rdf:datatype="&xsd;dateTime">2026-11-%02[4]dT%02[5]d:%02[6]d:00Z</sosa:resultTime>
    <sosa:hasResult>
      <qudt:QuantityValue>
        <qudt:numericValue rdf:datatype="&xsd;decimal">%[5]d.%02[6]d</qudt:numericValue>
        <qudt:unit rdf:resource="http://qudt.org/vocab/unit/DEG_C"/>
      </qudt:QuantityValue>
    </sosa:hasResult>
    <rdfs:label xml:lang="de">Beobachtung %[1]d &quot;Lüfter&quot;</rdfs:label>
  </sosa:Observation>
`, i, i%2003, i%97, 1+i%28, i%24, i%60)
	}
	return append(b, "</rdf:RDF>\n"...)
}

func BenchmarkReader(b *testing.B) {
	doc := observations(1000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		rd := rdfxml.NewReader(bytes.NewReader(doc))
		var q rdf.Quad
		for rd.Next(&q) == nil {
			n++
		}
	}
	if n != b.N*1000*perObservation {
		b.Fatalf("%d statements in %d runs", n, b.N)
	}
	statements(b, doc)
}

func BenchmarkWriter(b *testing.B) {
	doc := observations(1000)
	quads, err := readertest.Collect(rdfxml.NewBytes(doc))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := rdfxml.NewWriter(io.Discard, rdfxml.WithPrefixes(rdfxml.Prefix{Name: "sosa", IRI: "http://www.w3.org/ns/sosa/"}))
		for _, q := range quads {
			if err := w.Write(q); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	statements(b, doc)
}

func statements(b *testing.B, doc []byte) {
	b.SetBytes(int64(len(doc)))
	b.ReportMetric(float64(b.N)*1000*perObservation/b.Elapsed().Seconds(), "statements/s")
}
