package sparql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
)

// oneQuad is an update as an event has it.
const oneQuad = `INSERT DATA { GRAPH <http://e.example/plant/7> {
  <http://e.example/machine/12> <http://e.example/vocab#temperature> "21.5"^^<http://www.w3.org/2001/XMLSchema#decimal> } }`

// shortQuad is the same with prefixes.
const shortQuad = `PREFIX v: <http://e.example/vocab#> PREFIX m: <http://e.example/machine/>
INSERT DATA { GRAPH <http://e.example/plant/7> { m:12 v:temperature 21.5 } }`

// manyQuads is an INSERT DATA of that many bytes at least, in one line or in many.
func manyQuads(bytes int, lineEnd string) string {
	var b strings.Builder
	b.WriteString("PREFIX v: <http://e.example/vocab#> INSERT DATA {" + lineEnd)
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, `<http://e.example/machine/%d> a v:Machine ; v:label "the machine %d"@en ; v:temperature %d.5 .%s`, i, i, i%50, lineEnd)
	}
	b.WriteString("}")
	return b.String()
}

const someQuery = `PREFIX foaf: <http://xmlns.com/foaf/0.1/>
SELECT ?name (COUNT(?friend) AS ?friends)
WHERE {
  ?person a foaf:Person ; foaf:name ?name ; foaf:knows+ ?friend .
  OPTIONAL { ?person foaf:age ?age FILTER (?age > 17 && lang(?name) = "en") }
  FILTER NOT EXISTS { ?person foaf:nick ?nick }
}
GROUP BY ?name HAVING (COUNT(?friend) > 3) ORDER BY DESC(?friends) LIMIT 10`

func BenchmarkParseUpdate(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"quad", oneQuad}, {"prefixes", shortQuad}, {"1MiB", manyQuads(1<<20, "\n")}, {"8MiB", manyQuads(8<<20, "\n")},
		{"8MiB-one-line", manyQuads(8<<20, " ")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sparql.ParseUpdate(bench.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseQuery(b *testing.B) {
	b.SetBytes(int64(len(someQuery)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sparql.ParseQuery(someQuery); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	u, err := sparql.ParseUpdate(manyQuads(1<<20, "\n"))
	if err != nil {
		b.Fatal(err)
	}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = u.Append(text[:0])
	}
	b.SetBytes(int64(len(text)))
}
