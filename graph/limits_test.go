package graph_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// TestRowsAreMeasuredAlike: whatever the format, a change of the most bytes is taken, and one more is too large, by what is committed
// and not by what was sent.
func TestRowsAreMeasuredAlike(t *testing.T) {
	g := run(t, config(1))
	const around = len(`A <urn:s> <urn:p> "" .`)
	const most = dataset.MaxRow - around
	x := func(n int) string { return strings.Repeat("x", n) }
	lines := strings.Repeat("\n", most/2) // each is written as \n
	for _, test := range []struct{ media, before, fits, after string }{
		{"application/rdf-patch", `A <urn:s> <urn:p> "`, x(most), `" .`},
		{"application/n-quads", `<urn:s> <urn:p> "`, x(most), `" .`},
		{"application/n-triples", `<urn:s> <urn:p> "`, strings.Repeat(`\u0078`, most), `" .`},
		{"text/turtle", `<urn:s> <urn:p> "`, x(most), `" .`},
		{"text/turtle", `<urn:s> <urn:p> '''`, lines + x(most%2), `''' .`},
		{"text/turtle", `<urn:s> <urn:p> "`, strings.Repeat(`\U00000078`, most), `" .`},
		{"application/trig", `{ <urn:s> <urn:p> "`, x(most), `" }`},
		{"application/rdf+xml", `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="urn:s"><p xmlns="urn:">`, x(most), `</p></r:Description>`},
		{"application/rdf+xml", `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="urn:s" e:p="`, strings.Repeat("&#120;", most), `" xmlns:e="urn:"/>`},
		{"application/ld+json", `{"@id":"urn:s","urn:p":"`, x(most), `"}`},
		{"application/ld+json", `{"@id":"urn:s","urn:p":"`, strings.Repeat(`\u0001`, most/6) + x(most%6), `"}`},
	} {
		for more := range 2 {
			s := graph.Submission{MediaType: test.media, Body: []byte(test.before + test.fits + x(more) + test.after)}
			results, err := g.Submit(t.Context(), s)
			if errors.Is(err, event.ErrTooLarge) != (more > 0) || (err == nil) != (len(results) == 1) {
				t.Errorf("%s %.40s, %d more: %+v, %.200v", test.media, s.Body, more, results, err)
			}
		}
	}
}

// TestJSONLDTakesItsPart: what a document takes in memory is bounded, for all documents together, and given back.
func TestJSONLDTakesItsPart(t *testing.T) {
	g := run(t, config(1))
	submit := func(body string) error {
		_, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/ld+json", Body: []byte(body)})
		return err
	}
	if err := submit(`{"@graph":[` + strings.Repeat("{},", graph.MaxMemory/256+1000) + `{}]}`); !errors.Is(err, event.ErrTooLarge) {
		t.Errorf("a large one: %v", err)
	}
	prefix := `{"@context":{"p":"urn:` + strings.Repeat("x", 1<<20) + `:"},"@graph":[` // its names are long in full
	err := submit(prefix + strings.Repeat(`{"@id":"p:a"},`, 600) + `{}]}`)
	if !errors.Is(err, event.ErrTooLarge) || !strings.Contains(err.Error(), "memory") {
		t.Errorf("long names: %.200v", err)
	}
	terms := `{"@context":{"a0":"urn:a"` // each of its nodes has them all, and one more
	for i := range 1000 {
		terms += fmt.Sprintf(`,"a%d":"urn:a"`, i+1)
	}
	layers := `{"@context":[` + strings.Repeat(`{"b":"urn:b"},`, 20) + `{}]},`
	err = submit(terms + `},"@graph":[` + strings.Repeat(layers, 10_000) + `{}]}`)
	if !errors.Is(err, event.ErrTooLarge) || !strings.Contains(err.Error(), "memory") {
		t.Errorf("many contexts: %.200v", err)
	}
	long := strings.Repeat("x", 1<<20-100) // its datatype is made anew for each value
	err = submit(`{"@context":{"p":{"@id":"urn:p","@type":"urn:` + long + `"}},"p":[` + strings.Repeat("1,", 600) + `1]}`)
	if !errors.Is(err, event.ErrTooLarge) || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a small one of long terms: %.200v", err)
	}
	some := `{"@id":"urn:s","urn:p":[` + strings.Repeat(`"x",`, 1000) + `"y"]}`
	if err := submit(some); err != nil {
		t.Error(err)
	}
	write := func() error {
		var b bytes.Buffer
		_, err := g.WriteData(t.Context(), &b, graph.DataOptions{Format: rdfio.JSONLD})
		return err
	}
	if held := g.Hold(graph.MaxMemory - 1000); held != graph.MaxMemory-1000 {
		t.Errorf("%d bytes are still held", held-graph.MaxMemory+1000)
	}
	if err := submit(some); !errors.Is(err, event.ErrBusy) {
		t.Errorf("while others are read: %v", err)
	}
	if err := write(); !errors.Is(err, event.ErrBusy) {
		t.Errorf("written while others are read: %v", err)
	}
	g.Hold(1000 - graph.MaxMemory)
	if err := errors.Join(submit(some), write()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if held := g.Hold(0); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

// TestFormsThatHaveNoPlace: what JSON-LD or RDF/XML can't hold is the form's error, which says it once, and others have it.
func TestFormsThatHaveNoPlace(t *testing.T) {
	for _, test := range []struct {
		format    rdfio.Format
		row, says string
	}{
		{rdfio.JSONLD, `<urn:s> <urn:p> <<( <urn:a> <urn:b> "c" )>> .`, "JSON-LD 1.1 has no triple terms"},
		{rdfio.JSONLD, `<urn:s> <urn:p> "{"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .`, "invalid JSON literal"},
		{rdfio.RDFXML, `<urn:s> <urn:1> "a" .`, "RDF/XML has no way to write the predicate <urn:1>, which does not end in a name"},
	} {
		row := test.row
		g := run(t, config(1))
		if _, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte(row)}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, err := g.WriteData(t.Context(), &b, graph.DataOptions{Format: test.format})
		if !errors.Is(err, graph.ErrForm) || strings.Count(err.Error(), test.says) != 1 || strings.Contains(err.Error(), "form") || b.Len() > 0 {
			t.Errorf("%s: %v, %q", row, err, b.String())
		}
		if _, err := g.WriteData(t.Context(), &b, graph.DataOptions{Format: rdfio.TriG}); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", row, err)
		}
	}
}

// TestOverLimits: what a reader refuses for its size is too large, with its place.
func TestOverLimits(t *testing.T) {
	g := run(t, config(1))
	for media, body := range map[string]string{
		"text/turtle":         "<urn:s> <urn:p> \n" + strings.Repeat("[ <urn:p> ", 11_000),
		"application/ld+json": "\n" + strings.Repeat("[", jsonld.DefaultMaxDepth+1),
		"application/rdf+xml": "<a xmlns='urn:'>\n" + strings.Repeat("<b><a>", 6_000),
	} {
		_, err := g.Submit(t.Context(), graph.Submission{MediaType: media, Body: []byte(body)})
		syntax, ok := errors.AsType[*rdf.SyntaxError](err)
		if !errors.Is(err, event.ErrTooLarge) || !ok || syntax.Line != 2 {
			t.Errorf("%s: %.200v", media, err)
		}
	}
	list := `{"@id":"urn:s","urn:p":{"@list":[` + strings.Repeat("1,", graph.MaxStatements/2) + `1]}}`
	if _, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/ld+json", Body: []byte(list)}); !errors.Is(err, event.ErrTooLarge) {
		t.Errorf("statements: %v", err)
	}
}

// TestContextsOfOthers: who sends a document hears what it can do, and nothing of options of Go.
func TestContextsOfOthers(t *testing.T) {
	g := run(t, config(1))
	_, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/ld+json", Body: []byte(`{"@context":"http://e/c","@id":"urn:s"}`)})
	if !errors.Is(err, jsonld.ErrContext) || !strings.Contains(err.Error(), "put the context itself") || strings.Contains(err.Error(), "older") {
		t.Error(err)
	}
}
