package expr_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// termRow decodes the term of a slot each time, as an evaluator does whose solutions are ids.
type termRow struct{ terms []rdf.Term }

func (r *termRow) Value(slot int) (value.Value, bool, error) {
	v := value.Of(r.terms[slot])
	return v, !v.IsNone(), nil
}

func (r *termRow) Number() uint64 { return 1 }

var filters = map[string]string{
	"compare":  `?i > 4`,
	"andregex": `?i > 4 && regex(?s, "a")`,
	"strings":  `CONTAINS(?s, "b") && STRSTARTS(STR(?n), "http://e/")`,
	"lang":     `LANGMATCHES(LANG(?e), "en")`,
	"in":       `?n IN (<http://e/a>, <http://e/b>, <http://e/n>)`,
	"arith":    `?i * 2 + 1.5 < 20`,
	"datatype": `DATATYPE(?i) = <http://www.w3.org/2001/XMLSchema#integer>`,
}

func termSolution() *termRow {
	r := &termRow{}
	for _, v := range solution().values {
		r.terms = append(r.terms, v.Term())
	}
	return r
}

// TestFilterAllocations: filters that are computed for each solution take no memory.
func TestFilterAllocations(t *testing.T) {
	for name, text := range filters {
		f, s := compile(t, text, environment()), expr.Solution(termSolution())
		if n := testing.AllocsPerRun(100, func() {
			if ok, err := f.Test(s); !ok || err != nil {
				t.Fatalf("%s: %t, %v", text, ok, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	for name, text := range filters {
		b.Run(name, func(b *testing.B) {
			f, s := compile(b, text, environment()), expr.Solution(termSolution())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Test(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
