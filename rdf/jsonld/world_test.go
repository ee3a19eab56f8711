package jsonld_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

// TestIRIs: relative IRIs are resolved as RFC 3986 says, and nothing else is done to an IRI, wherever it stands.
func TestIRIs(t *testing.T) {
	for reference, want := range map[string]string{
		"": "http://b.x/d/f", "#": "http://b.x/d/f#", "?": "http://b.x/d/f?", "é": "http://b.x/d/é", "a//b": "http://b.x/d/a//b",
		"../u": "http://b.x/u", "%C3%A9": "http://b.x/d/%C3%A9", "a/../../b/.": "http://b.x/b/", "//é.x": "http://é.x", "?#": "http://b.x/d/f?#",
		"http://B.x/%7e/../a": "http://B.x/%7e/../a", "a%2fb": "http://b.x/d/a%2fb", "a&b": "http://b.x/d/a&b",
	} {
		iri := "<" + want + ">"
		for document, want := range map[string]string{
			`{"@id":"x:s","x:p":{"@id":"%s"}}`:                                                                                             "<x:s> <x:p> " + iri,
			`{"@id":"%s","x:p":{"@id":"x:o"}}`:                                                                                             iri + " <x:p> <x:o>",
			`{"@context":{"p":{"@id":"x:p","@type":"@id"}},"@id":"x:s","p":"%s"}`:                                                          "<x:s> <x:p> " + iri,
			`{"@context":{"p":{"@id":"x:p","@type":"@vocab"}},"@id":"x:s","p":"%s"}`:                                                       "<x:s> <x:p> " + iri,
			`{"@id":"x:s","@type":"%s"}`:                                                                                                   "<x:s> <" + rdfNS + "type> " + iri,
			`{"@context":{"p":{"@id":"x:p","@container":"@id"}},"@id":"x:s","p":{"%s":{}}}`:                                                "<x:s> <x:p> " + iri,
			`{"@id":"%s","@graph":{"@id":"x:s","x:p":{"@id":"x:o"}}}`:                                                                      "<x:s> <x:p> <x:o> " + iri,
			`{"@id":"x:s","x:q":[],"x:p":{"@context":{"@base":"http://b.x/d/f"},"@id":"%s"}}`:                                              "<x:s> <x:p> " + iri,
			`{"@context":{"@base":"f"},"@id":"x:s","x:p":{"@id":"%s"}}`:                                                                    "<x:s> <x:p> " + iri,
			`{"@context":{"T":{"@id":"x:T","@context":{"@base":"http://b.x/d/f","p":"x:p"}}},"@type":"T","@reverse":{"x:p":{"@id":"%s"}}}`: "",
		} {
			got, err := lines(fmt.Sprintf(document, reference), jsonld.Base("http://b.x/d/f"))
			if err != nil || want != "" && got != want+" .\n" || want == "" && !strings.Contains(got, iri+" <x:p> ") {
				t.Errorf("%s: %s, %v, expected %s", fmt.Sprintf(document, reference), got, err, want)
			}
		}
	}
}

// TestLostMember: the error names what would be lost; what a context maps to null is meant to be.
func TestLostMember(t *testing.T) {
	_, err := lines(`{"@context":{"p":"http://e.x/p"},"@id":"http://e.x/s","p":"1","name":"lost"}`, jsonld.Strict())
	if !errors.Is(err, rdf.ErrInvalid) || !strings.Contains(err.Error(), `member "name"`) {
		t.Error(err)
	}
	for _, document := range []string{`{"@context":{"name":null},"@id":"x:s","name":"lost","x:p":{"name":{}}}`, `{"@id":"x:s","name":null}`,
		`{"@id":"x:s","x:p":[null,{"@value":null}],"@index":"i"}`, `{}`, `[{"@id":"x:s"}]`} {
		if _, err := lines(document, jsonld.Strict()); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// TestSurrogates: half a pair is an error, with its place, in values, names, contexts and JSON literals.
func TestSurrogates(t *testing.T) {
	for document, at := range map[string]string{
		`{"@id":"x:s","x:p":"\ud83d"}`: "1:21", `{"@id":"x:s","x:p":"a\ude00"}`: "1:22", "{\n\"x:\\uD83D\": 1}": "2:4",
		`["\ud83dx\ude00"]`: "1:3", `["\ud83d\ud83d\ude00"]`: "1:3", `["\\\ud83d"]`: "1:5", `{"@context":{"p":"x:\uDC00"}}`: "1:21",
	} {
		if got, err := lines(document, jsonld.File("f")); err == nil || !strings.HasPrefix(err.Error(), "f:"+at+": ") {
			t.Errorf("%s: %q, %v, expected %s", document, got, err, at)
		}
	}
	for document, want := range map[string]string{`\ud83d\ude00`: "😀", `\\ud83d`: `\\ud83d`, `\uD7FF\uE000`: "\uD7FF\uE000", `\uFFFD`: "\uFFFD"} {
		if got, err := lines(`{"@id":"x:s","x:p":"` + document + `"}`); err != nil || got != "<x:s> <x:p> \""+want+"\" .\n" {
			t.Errorf("%s: %q, %v", document, got, err)
		}
	}
}

// TestDirectionAlone: a string with a base direction and no language is the plain string, unless that is refused.
func TestDirectionAlone(t *testing.T) {
	for _, document := range []string{`{"@context":{"p":{"@id":"x:p","@direction":"rtl"}},"@id":"x:s","p":"y"}`,
		`{"@context":{"@direction":"rtl"},"@id":"x:s","x:p":"y"}`, `{"@id":"x:s","x:p":{"@value":"y","@direction":"ltr"}}`} {
		for _, mode := range []jsonld.DirectionMode{jsonld.DropDirection, jsonld.BaseDirection} {
			got, err := lines(document, jsonld.Strict(), jsonld.Direction(mode))
			if err != nil || got != "<x:s> <x:p> \"y\" .\n" {
				t.Errorf("%s, %q: %q, %v", document, mode, got, err)
			}
			if _, err := lines(document, jsonld.KeepDirection(), jsonld.Direction(mode)); !errors.Is(err, rdf.ErrInvalid) {
				t.Errorf("%s, %q, refused: %v", document, mode, err)
			}
		}
	}
}

// TestWrittenIsIsomorphic: what has no place in a list or value of JSON-LD is written as nodes.
func TestWrittenIsIsomorphic(t *testing.T) {
	const list = "_:l <" + rdfNS + "first> \"1\" .\n_:l <" + rdfNS + "rest> <" + rdfNS + "nil> .\n"
	for name, document := range map[string]string{
		"list as a type":      list + "<x:y> <x:p> _:l .\n<x:x> <" + rdfNS + "type> _:l .\n",
		"list as a type only": list + "<x:x> <" + rdfNS + "type> _:l .\n",
		"type before":         "<x:a> <" + rdfNS + "type> _:l .\n" + list + "<x:y> <x:p> _:l .\n",
		"two owners":          list + "<x:y> <x:p> _:l .\n<x:x> <x:p> _:l .\n",
		"graph's name":        list + "<x:y> <x:p> _:l .\n<x:x> <x:p> <x:o> _:l .\n",
		"other graph":         list + "<x:y> <x:p> _:l <x:g> .\n",
		"typed node":          list + "_:l <" + rdfNS + "type> <" + rdfNS + "List> .\n<x:y> <x:p> _:l .\n",
		"more in the node":    list + "_:l <x:q> \"2\" .\n<x:y> <x:p> _:l .\n",
		"JSON literal":        "<x:s> <x:p> \"{\\\"a\\\": 1.0}\"^^<" + rdfNS + "JSON> .\n",
		"direction":           "_:l <" + rdfNS + "value> \"1\" .\n_:l <" + rdfNS + "direction> \"ltr\" .\n<x:y> <x:p> _:l .\n<x:x> <" + rdfNS + "type> _:l .\n",
	} {
		for _, mode := range []jsonld.DirectionMode{jsonld.BaseDirection, jsonld.CompoundLiteral} {
			quads := quadsOf(t, document)
			written, err := jsonld.Marshal(quads, jsonld.Strict(), jsonld.Direction(mode))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var back []rdf.Quad
			err = jsonld.Parse(written, func(q rdf.Quad) error { back = append(back, q); return nil }, jsonld.Direction(mode), jsonld.Strict())
			if same, err2 := canon.Isomorphic(quads, back); err != nil || err2 != nil || !same {
				t.Errorf("%s, %q: %v, %v\n%s\n%v", name, mode, err, err2, written, back)
			}
		}
	}
}

// counted counts how often it is asked.
type counted struct {
	context string
	n       *int
}

func (c counted) Load(string) ([]byte, error) { *c.n++; return []byte(c.context), nil }

// TestContextOnce: a remote context is read and processed once for a document, however often it is referred to.
func TestContextOnce(t *testing.T) {
	var context strings.Builder
	const terms = 3000
	for i := range terms {
		fmt.Fprintf(&context, `"t%d":{"@id":"x:t%d","@type":"@id"},`, i, i)
	}
	n := 0
	loader := counted{`{"@context":{` + context.String() + `"@vocab":"x:"}}`, &n}
	objects := func(context string) string {
		return "[" + strings.Repeat(`{"@context":`+context+`,"@id":"x:s","t1":"x:o"},`, 1100) + "{}]"
	}
	for _, context := range []string{`"x:c"`, `["x:c",{"a":"x:a"}]`, `["x:c",null,"x:c"]`} {
		n = 0
		quads := 0
		err := jsonld.Parse([]byte(objects(context)), func(rdf.Quad) error { quads++; return nil }, jsonld.Contexts(loader),
			jsonld.MaxContexts(1), jsonld.MaxCopies(3*terms))
		if err != nil || n != 1 || quads != 1100 {
			t.Errorf("%s: %d times, %d quads, %v", context, n, quads, err)
		}
	}
}
