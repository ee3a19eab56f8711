package nquads_test

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// TestTripleDepth: what is made can be read, so deep and no deeper; text that looks like the end of a triple term is none.
func TestTripleDepth(t *testing.T) {
	s, p := rdf.Trusted("<urn:s>"), rdf.Trusted("<urn:p>")
	for _, inner := range []string{"<urn:o>", `"a )>>"`, `"a"^^<urn:)>`, "_:b"} {
		made := rdf.Trusted(inner)
		for depth := 1; depth <= rdf.MaxTripleDepth; depth++ {
			var err error
			if made, err = rdf.TripleTerm(s, p, made); err != nil {
				t.Fatalf("%s, %d deep: %v", inner, depth, err)
			}
		}
		if err := nquads.Parse([]byte("<urn:s> <urn:p> "+made.String()+" .\n"), func(rdf.Quad) error { return nil }); err != nil {
			t.Errorf("%s: %v", inner, err)
		}
		if _, err := rdf.TripleTerm(s, p, made); !errors.Is(err, rdf.ErrDepthLimit) || !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("%s, one deeper: %v", inner, err)
		}
	}
}
