package mapping_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/mapping"
)

// factory is a declaration of a usual kind: eight quads of a message of ten fields.
const factory = `
prefixes: {ex: "http://example.org/", sosa: "http://www.w3.org/ns/sosa/", unit: "http://qudt.org/vocab/unit/"}
mappings:
  observation:
    mode: MODE
    s: http://example.org/observation/$(sensor)/$(seq)
    po:
      - [a, sosa:Observation]
      - [sosa:madeBySensor, "http://example.org/sensor/$(sensor)~iri"]
      - [sosa:hasSimpleResult, $(value), xsd:double]
      - [sosa:resultTime, {value: $(ts), time: ms}]
      - [sosa:observedProperty, "http://example.org/property/$(property)~iri"]
      - [ex:line, $(place.line)]
      - [ex:quality, $(quality)]
      - [rdfs:label, "$(property) of $(sensor)", en~lang]
`

const observation = `{"sensor": "t-0815", "seq": 123456, "value": 21.53, "ts": 1769846400500, "property": "temperature",
 "place": {"line": "line 7", "hall": "B"}, "quality": 192, "unit": "°C", "operator": "ann", "batch": "2026-05"}`

// BenchmarkJSON maps messages of ten fields to eight quads each, written as RDF Patch: what the target of DESIGN is about.
func BenchmarkJSON(b *testing.B) { benchmark(b, "add") }

// BenchmarkReplace does the same with the deletion of what was there.
func BenchmarkReplace(b *testing.B) { benchmark(b, "replace") }

func benchmark(b *testing.B, mode string) {
	m, err := compile(b, strings.Replace(factory, "MODE", mode, 1)).Get("observation")
	if err != nil {
		b.Fatal(err)
	}
	msg := mapping.Message{Body: []byte(observation)}
	var out []byte
	for b.Loop() {
		if out, err = m.AppendPatch(out[:0], msg); err != nil {
			b.Fatal(err)
		}
	}
	quads := strings.Count(string(out), "\nA ")
	if quads != 8 {
		b.Fatal(quads)
	}
	b.ReportMetric(float64(quads)*float64(b.N)/b.Elapsed().Seconds(), "quads/s")
}
