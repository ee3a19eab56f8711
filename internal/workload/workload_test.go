package workload_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/workload"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/sparql"
)

const triples = 20_000

func written(t *testing.T, write func(io.Writer, int, uint64) error, seed uint64) []byte {
	var b bytes.Buffer
	if err := write(&b, triples, seed); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestData: what is written is N-Triples, about as many as were asked for, and the same for the same seed alone.
func TestData(t *testing.T) {
	writers := map[string]func(io.Writer, int, uint64) error{"sensors": workload.WriteSensors}
	for _, mix := range workload.Mixes() {
		writers[mix.Name] = mix.Write
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			document := written(t, write, 1)
			seen := map[string]bool{}
			err := nquads.Parse(document, func(q rdf.Quad) error {
				seen[q.String()] = true
				return nil
			}, nquads.Triples())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(seen); n < triples*8/10 || n > triples*12/10 {
				t.Errorf("%d triples, not about %d", n, triples)
			}
			if !bytes.Equal(document, written(t, write, 1)) {
				t.Error("the same seed makes other data")
			}
			if bytes.Equal(document, written(t, write, 2)) {
				t.Error("another seed makes the same data")
			}
		})
	}
}

// TestQueries: each instance of a template is a query.
func TestQueries(t *testing.T) {
	const instances = 3
	for _, mix := range workload.Mixes() {
		queries := mix.Queries(triples, instances, 1)
		if len(queries) < 15*instances {
			t.Errorf("%s has %d queries", mix.Name, len(queries))
		}
		again := mix.Queries(triples, instances, 1)
		for i, q := range queries {
			if _, err := sparql.ParseQuery(q.Text); err != nil {
				t.Errorf("%s: %s: %v", mix.Name, q.Template, err)
			}
			if q != again[i] {
				t.Errorf("%s: %s: the same seed makes another query", mix.Name, q.Template)
			}
		}
	}
}
