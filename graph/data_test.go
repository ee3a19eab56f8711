package graph_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// TestWriteDataIsBounded: what is held as a whole has a bound; what streams has none.
func TestWriteDataIsBounded(t *testing.T) {
	g := run(t, config(2))
	if _, err := g.SubmitQuads(t.Context(), "", nil, quads("a", "b")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		format rdfio.Format
		most   int
		held   bool
	}{{rdfio.JSONLD, 1, true}, {rdfio.JSONLD, 2, false}, {rdfio.NQuads, 1, false}, {rdfio.TriG, 1, false}} {
		var b bytes.Buffer
		_, err := g.WriteData(t.Context(), &b, graph.DataOptions{Format: test.format, MaxHeld: test.most})
		if errors.Is(err, graph.ErrHeld) != test.held || (err == nil) == test.held || (b.Len() == 0) != test.held {
			t.Errorf("%+v: %v, %q", test, err, b.String())
		}
	}
}

// TestWriteDataBegins: the marks are told before anything is written, they are those of the cursor while nothing is committed,
// and an error ends it.
func TestWriteDataBegins(t *testing.T) {
	g := run(t, config(2))
	if _, err := g.SubmitQuads(t.Context(), "", nil, quads("a")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	var ends engine.Cursor
	enough := error(nil)
	begin := func(at engine.Cursor) error {
		if b.Len() > 0 {
			t.Error("something was written before")
		}
		ends = at
		return enough
	}
	cursor, err := g.WriteData(t.Context(), &b, graph.DataOptions{Begin: begin})
	if err != nil || len(ends) != 2 || !maps.Equal(ends, cursor) || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%v at %v, then %v: %s", err, ends, cursor, b.String())
	}
	b.Reset()
	enough = errors.New("enough")
	if _, err := g.WriteData(t.Context(), &b, graph.DataOptions{Begin: begin}); !errors.Is(err, enough) || b.Len() > 0 {
		t.Errorf("%v, %q", err, b.String())
	}
}

func TestSelection(t *testing.T) {
	iri := func(s string) rdf.Term { return rdf.Trusted("<" + s + ">") }
	q := rdf.Quad{S: iri("urn:s"), P: iri("urn:p"), O: iri("urn:o"), G: iri("urn:g")}
	named, none := iri("urn:g"), rdf.Term{}
	for _, test := range []struct {
		only     graph.Selection
		all, has bool
	}{
		{graph.Selection{}, true, true},
		{graph.Selection{Subject: iri("urn:s")}, false, true},
		{graph.Selection{Subject: iri("urn:p")}, false, false},
		{graph.Selection{Predicate: iri("urn:p"), Graph: &named}, false, true},
		{graph.Selection{Predicate: iri("urn:s"), Graph: &named}, false, false},
		{graph.Selection{Graph: &none}, false, false},
	} {
		if test.only.All() != test.all || test.only.Has(q) != test.has {
			t.Errorf("%+v: all %v, has %v", test.only, test.only.All(), test.only.Has(q))
		}
	}
}
