package canon_test

import (
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
)

// factory makes observations of a factory's sensors, in no order; of every few quads one group has a blank node.
func factory(quads, blankEvery int) []rdf.Quad {
	all := make([]rdf.Quad, 0, quads)
	predicates := []rdf.Term{rdf.Trusted("<http://www.w3.org/ns/sosa/hasSimpleResult>"),
		rdf.Trusted("<http://www.w3.org/ns/sosa/resultTime>"), rdf.Trusted("<http://www.w3.org/ns/sosa/madeBySensor>")}
	for i := range quads {
		n := i / 3 * 7919 % quads
		s := rdf.Trusted(fmt.Sprintf("<http://plant.example/observation/%d>", n))
		if blankEvery > 0 && i/3%blankEvery == 0 {
			s = rdf.Trusted(fmt.Sprintf("_:b%d", n))
		}
		o := rdf.Trusted(fmt.Sprintf("\"%d.5\"^^<http://www.w3.org/2001/XMLSchema#decimal>", n))
		all = append(all, rdf.Quad{S: s, P: predicates[i%3], O: o, G: rdf.Trusted("<http://plant.example/line/1>")})
	}
	return all
}

func benchmark(b *testing.B, quads []rdf.Quad, run func() error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(quads))/b.Elapsed().Seconds(), "quads/s")
}

func BenchmarkCanonicalize(b *testing.B) {
	for _, c := range []struct {
		name              string
		quads, blankEvery int
	}{{"ground/1M", 1_000_000, 0}, {"blank/100k", 100_000, 1}, {"mixed/100k", 100_000, 10}} {
		b.Run(c.name, func(b *testing.B) {
			quads := factory(c.quads, c.blankEvery)
			benchmark(b, quads, func() error { _, err := canon.Canonicalize(quads); return err })
		})
	}
	b.Run("pairs/2k", func(b *testing.B) {
		quads := connect(2000, "a", func(i, j int) bool { return i^1 == j })
		benchmark(b, quads, func() error { _, err := canon.Canonicalize(quads); return err })
	})
}

func BenchmarkIsomorphic(b *testing.B) {
	for _, c := range []struct {
		name              string
		quads, blankEvery int
	}{{"ground/100k", 100_000, 0}, {"blank/100k", 100_000, 1}} {
		b.Run(c.name, func(b *testing.B) {
			quads := factory(c.quads, c.blankEvery)
			benchmark(b, quads, func() error {
				if same, err := canon.Isomorphic(quads, quads); !same || err != nil {
					return fmt.Errorf("%v, %w", same, err)
				}
				return nil
			})
		})
	}
}
