package jsonld_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// lines parses a document and writes its quads.
func lines(document string, opts ...jsonld.Option) (string, error) {
	var text []byte
	err := jsonld.Parse([]byte(document), func(q rdf.Quad) error {
		text = nquads.AppendQuad(text, q)
		return nil
	}, opts...)
	return string(text), err
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, document, want string
		opts                 []jsonld.Option
	}{
		{"nothing", `{}`, "", nil},
		{"null", ` null `, "", nil},
		{"a number", `1`, "", nil},
		{"scalars", `[1, null]`, "", nil},
		{"blank node labels", `[{"@id": "_:z", "x:p": {"@id": "_:a", "x:q": {}}}, {"@id": "_:a", "x:r": {"@id": "_:z"}}]`,
			"_:m-a <x:q> _:m-b0 .\n_:m-z <x:p> _:m-a .\n_:m-a <x:r> _:m-z .\n", []jsonld.Option{jsonld.BlankPrefix("m-")}},
		{"graph", `{"@id": "x:g", "@graph": {"@id": "x:s", "x:p": "o"}}`, "<x:s> <x:p> \"o\" <x:g> .\n", nil},
		{"base", `{"@id": "s", "x:p": {"@id": "../o"}}`, "<http://h/a/s> <x:p> <http://h/o> .\n",
			[]jsonld.Option{jsonld.Base("http://h/a/b")}},
		{"reverse", `{"@id": "x:s", "@reverse": {"x:p": {"@id": "x:o"}}}`, "<x:o> <x:p> <x:s> .\n", nil},
		{"list", `{"@id": "x:s", "x:p": {"@list": [1, []]}}`, "_:b0 <" + rdfNS + "first> \"1\"^^<" + rdf.XSDInteger + "> .\n" +
			"_:b0 <" + rdfNS + "rest> <" + rdfNS + "nil> .\n<x:s> <x:p> _:b0 .\n", nil},
		{"arrays in a list", `{"@id": "x:s", "x:p": {"@list": [[], ["1"], [[]]]}}`, "_:b0 <" + rdfNS + "first> \"1\" .\n" +
			"_:b0 <" + rdfNS + "rest> <" + rdfNS + "nil> .\n<x:s> <x:p> _:b0 .\n", nil},
		{"arrays in a container of lists", `{"@context": {"p": {"@id": "x:p", "@container": "@list"}}, "@id": "x:s", "p": {"@list": [[]]}}`,
			"_:b0 <" + rdfNS + "first> <" + rdfNS + "nil> .\n_:b0 <" + rdfNS + "rest> <" + rdfNS + "nil> .\n<x:s> <x:p> _:b0 .\n", nil},
		{"language", `{"@id": "x:s", "x:p": {"@value": "o", "@language": "EN-gb"}}`, "<x:s> <x:p> \"o\"@en-gb .\n", nil},
		{"given context", `{"@id": "x:s", "name": "o"}`, "<x:s> <x:name> \"o\" .\n",
			[]jsonld.Option{jsonld.Context([]byte(`{"@context": {"name": "x:name"}}`))}},
		{"what the standard drops", `[{"@id": "relative", "x:p": {"@id": "x:s", "x:q": 1}}, {"@id": "x:s", "p": 1, "x:p": [
			{"@id": "r"}, {"@id": "x:a b"}, {"@value": "v", "@language": "a b"}], "@type": "t"}]`,
			"<x:s> <x:q> \"1\"^^<" + rdf.XSDInteger + "> .\n", nil},
		{"a list of a property that is dropped", `{"@id": "x:s", "_:p": {"@list": [1, {"@id": "x:o", "x:p": "o"}]}}`,
			"<x:o> <x:p> \"o\" .\n", nil},
		{"a list of a node that is dropped", `{"@id": "s", "x:p": {"@list": [[2], {"@id": "x:o", "x:q": {"@list": [{}]}}]}}`,
			"_:b2 <" + rdfNS + "first> _:b3 .\n_:b2 <" + rdfNS + "rest> <" + rdfNS + "nil> .\n<x:o> <x:q> _:b2 .\n", nil},
		{"a direction of a node that is dropped", `{"@id": "s", "x:p": {"@value": "v", "@direction": "rtl"}}`, "",
			[]jsonld.Option{jsonld.Direction(jsonld.CompoundLiteral)}},
		{"a list where a node is expected in a graph", `{"@context": {"p": {"@id": "x:p", "@container": "@graph"}}, "@id": "x:s",
			"p": {"@list": ["o"]}}`, "<x:s> <x:p> _:b0 .\n", nil},
		{"a relative key of a map of types", `{"@context": {"p": {"@id": "x:p", "@container": "@type"}}, "@id": "x:s",
			"p": {"t": {"@id": "x:o", "@type": "u"}}}`, "<x:o> <" + rdfNS + "type> <http://h/u> .\n<x:s> <x:p> <x:o> .\n",
			[]jsonld.Option{jsonld.Base("http://h/")}},
		{"a direction and a language without a value", `{"@id": "x:s", "x:p": {"@id": "x:o", "@direction": "rtl", "@language": "en"}}`,
			"<x:s> <x:p> <x:o> .\n", nil},
		{"a graph in a graph that is dropped", `{"@id": "g", "@graph": {"@id": "x:g", "x:p": "lost", "@graph": {"@id": "x:s", "x:p": "o"}}}`,
			"<x:s> <x:p> \"o\" <x:g> .\n", nil},
		{"a number with a direction", `{"@id": "x:s", "x:p": {"@value": 5, "@direction": "rtl"}}`,
			"<x:s> <x:p> \"5\"^^<" + rdf.XSDInteger + "> .\n", nil},
		{"a member with an empty name", `{"@context": {"@vocab": "x:v"}, "@id": "x:s", "": ["o", {"@id": "x:o"}]}`,
			"<x:s> <x:v> \"o\" .\n<x:s> <x:v> <x:o> .\n", nil},
		{"nothing included", `{"@id": "x:s", "@included": [], "x:p": "o"}`, "<x:s> <x:p> \"o\" .\n", nil},
		{"nothing that can be included", `{"@id": "x:s", "@included": ["a", null, {}], "x:p": "o"}`, "<x:s> <x:p> \"o\" .\n", nil},
	} {
		got, err := lines(c.document, c.opts...)
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

const rdfNS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

// Numbers keep what a double would lose, and have their canonical forms.
func TestNumbers(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0 integer", "-0": "0 integer", "5.0": "5 integer", "1e3": "1000 integer", "-7": "-7 integer",
		"9007199254740993": "9007199254740993 integer", "123456789012345678901": "123456789012345678901 integer",
		"1000000000000000000000": "1.0E21 double", "1e21": "1.0E21 double", "5.5": "5.5E0 double", "1e-7": "1.0E-7 double",
		"0.1": "1.0E-1 double", "-123456.789": "-1.23456789E5 double", "1e300": "1.0E300 double", "-0.0": "0 integer",
	} {
		lexical, datatype, _ := strings.Cut(want, " ")
		got, err := lines(`{"@id": "x:s", "x:p": ` + number + `}`)
		full := "<x:s> <x:p> \"" + lexical + "\"^^<http://www.w3.org/2001/XMLSchema#" + datatype + "> .\n"
		if err != nil || got != full {
			t.Errorf("%s: %v\n got %s\nwant %s", number, err, got, full)
		}
	}
	if _, err := lines(`{"@id": "x:s", "x:p": 1e999}`); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("1e999: %v", err)
	}
	got, err := lines(`{"@id": "x:s", "x:p": {"@value": 5, "@type": "` + rdf.XSDDouble + `"}}`)
	if want := "<x:s> <x:p> \"5.0E0\"^^<" + rdf.XSDDouble + "> .\n"; err != nil || got != want {
		t.Errorf("%v, %s", err, got)
	}
}

func TestJSONLiteral(t *testing.T) {
	got, err := lines(`{"@id": "x:s", "x:p": {"@type": "@json", "@value":
		{"b": [1.50, 1e30, 1e-7, -0.0, null, true], "\u20ac": "\u0007\n\"", "a": {}, "\ud83d\ude00": 1, "\ufb33": 2}}}`)
	want := `{"a":{},"b":[1.5,1e+30,1e-7,0,null,true],"€":"\u0007\n\"","😀":1,"` + "\ufb33" + `":2}`
	literal, _ := rdf.TypedLiteral(want, rdfNS+"JSON")
	if full := "<x:s> <x:p> " + literal.String() + " .\n"; err != nil || got != full {
		t.Errorf("%v\n got %s\nwant %s", err, got, full)
	}
}

func TestDirection(t *testing.T) {
	const document = `{"@id": "x:s", "x:p": {"@value": "o", "@language": "AR", "@direction": "rtl"}}`
	for mode, want := range map[jsonld.DirectionMode]string{
		jsonld.DropDirection: "<x:s> <x:p> \"o\"@ar .\n",
		jsonld.BaseDirection: "<x:s> <x:p> \"o\"@ar--rtl .\n",
		jsonld.I18NDatatype:  "<x:s> <x:p> \"o\"^^<https://www.w3.org/ns/i18n#ar_rtl> .\n",
		jsonld.CompoundLiteral: "_:b0 <" + rdfNS + "value> \"o\" .\n_:b0 <" + rdfNS + "language> \"ar\" .\n" +
			"_:b0 <" + rdfNS + "direction> \"rtl\" .\n<x:s> <x:p> _:b0 .\n",
	} {
		got, err := lines(document, jsonld.Direction(mode))
		if err != nil || got != want {
			t.Errorf("%s: %v\n got %s\nwant %s", mode, err, got, want)
		}
		back, err := jsonld.Marshal(quadsOf(t, got), jsonld.Direction(mode))
		again, errAgain := lines(string(back), jsonld.Direction(mode))
		if err != nil || errAgain != nil || again != want {
			t.Errorf("%s: %s: %v, %v\n got %s\nwant %s", mode, back, err, errAgain, again, want)
		}
	}
	if _, err := lines(document, jsonld.Direction("sideways")); err == nil {
		t.Error("an unknown mode")
	}
}

func quadsOf(t interface{ Fatal(...any) }, document string) (quads []rdf.Quad) {
	err := nquads.Parse([]byte(document), func(q rdf.Quad) error { quads = append(quads, q.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return quads
}

// What is left out by the standard is an error if that is asked for.
func TestStrict(t *testing.T) {
	for _, document := range []string{
		`{"@id": "relative", "x:p": 1}`, `{"@id": "x:s", "x:p": {"@id": "relative"}}`, `{"@id": "x:s", "@type": "relative"}`,
		`{"@id": "x:s", "x:p": {"@value": "v", "@language": "a b"}}`, `{"@id": "g", "@graph": {"@id": "x:s", "x:p": 1}}`,
		`{"@context": {"@vocab": "_:b"}, "@id": "x:s", "p": 1}`, `{"@id": "x:s", "x:p q": 1}`,
		`{"@context": {"p": "x:p"}, "@id": "x:s", "p": "1", "name": "lost"}`, `{"@id": "x:s", "x:p": {"name": "lost"}}`,
		`{"@context": {"n": "@nest"}, "@id": "x:s", "n": {"name": "lost"}}`, `{"@id": "x:s", "@reverse": {"name": {"@id": "x:o"}}}`,
		`{"@id": "x:s", "x:p": {"@id": "@unknown"}}`, `{"@id": "x:s", "@type": "@unknown"}`, `{"@id": "x:s", "@unknown": 1}`,
		`{"@id": "x:s", "@container": "@set", "x:p": 1}`, `["value", {"@id": "x:s", "x:p": 1}]`, `{"@graph": ["value"]}`,
		`{"@context": {"p": {"@id": "x:p", "@container": "@graph"}}, "p": [{"@list": []}]}`,
		`{"@context": {"p": {"@id": "x:p", "@container": "@graph"}}, "p": ["value"]}`,
		`{"@id": "x:s", "x:p": {"@id": "x:o", "@direction": "rtl"}}`,
		`{"@graph": [{"@value": "value"}]}`, `{"@list": [1]}`, `{"@graph": [{"@list": [1]}]}`,
	} {
		if got, err := lines(document, jsonld.Strict()); !errors.Is(err, rdf.ErrInvalid) || got != "" {
			t.Errorf("%s: %q, %v", document, got, err)
		}
		if _, err := lines(document); err != nil {
			t.Errorf("%s: %v, not strict", document, err)
		}
	}
}

// What is no JSON has its place; what is no JSON-LD has the name of the document and the standard's code.
func TestErrors(t *testing.T) {
	for document, want := range map[string]string{
		"":                      "f.jsonld:1:1: expected the rest of a JSON value, found end of input",
		"{\n \"é\": x}":         "f.jsonld:2:7: expected a value in JSON, found 'x'",
		"{\"a\": 1} x":          "f.jsonld:1:10: expected nothing after the document's value",
		"{\"a\": 1,\n\"a\": 2}": "f.jsonld:2:3: member \"a\" is there twice",
		"[\"\xff\"]":            "f.jsonld:1:3: expected UTF-8",
		"[1":                    "f.jsonld:1:3: expected the rest of a JSON value, found end of input",
		`"x:y"`:                 "f.jsonld: invalid input: expected an object or an array, found a string",
		`{"@id": 1}`:            "f.jsonld: invalid @id value: expected an IRI, found a number",
		`{"@context": 1}`:       "f.jsonld: invalid local context: expected an object, an IRI or null, found a number",
		`{"@id": "x:s", "@index": "a", "x:p": {"@id": "x:s", "@index": "b"}}`: "f.jsonld: conflicting indexes: <x:s> has \"a\" and \"b\"",
		`{"@included": {}}`:                 "f.jsonld: invalid @included value: expected nodes, found none",
		`{"@context": {"@version": 1e999}}`: "f.jsonld:1:31: expected a version, found 1e999",
	} {
		got, err := lines(document, jsonld.File("f.jsonld"))
		if err == nil || err.Error() != want || got != "" {
			t.Errorf("%q: %q\n got %v\nwant %s", document, got, err, want)
		}
	}
	broken := errors.New("broken")
	n := 0
	err := jsonld.Parse([]byte(`{"@id": "x:s", "x:p": [1, 2]}`), func(rdf.Quad) error { n++; return broken })
	if !errors.Is(err, broken) || n != 1 {
		t.Errorf("%v after %d quads", err, n)
	}
	if _, err := lines("{}", jsonld.BlankPrefix("a:b")); !errors.Is(err, rdf.ErrInvalid) {
		t.Errorf("prefix that can't be written: %v", err)
	}
}

func TestBounds(t *testing.T) {
	deep := strings.Repeat(`{"x:p": `, 5) + "1" + strings.Repeat("}", 5)
	long := `{"@context": {"@vocab": "x:` + strings.Repeat("v", 1000) + `", "q": "p:` + strings.Repeat("q", 1000) +
		`", "p": "x:"}, "@id": "x:s", "a": 1, "b": 2}`
	for _, c := range []struct {
		name, document string
		fits, over     jsonld.Option
	}{
		{"document", `{"@id": "x:s"}`, jsonld.MaxDocument(14), jsonld.MaxDocument(13)},
		{"depth", deep, jsonld.MaxDepth(5), jsonld.MaxDepth(4)},
		{"quads", `{"@id": "x:s", "x:p": [1, 2, 3]}`, jsonld.MaxQuads(3), jsonld.MaxQuads(2)},
		{"copies", `{"@context": {"a": "x:a", "b": "x:b"}, "@id": "x:s", "a": [{"@context": {"c": "x:c"}}, {"@context": null}]}`,
			jsonld.MaxCopies(3), jsonld.MaxCopies(2)},
		{"copies of scoped contexts", `{"@context": {"a": {"@id": "x:a", "@context": {"b": "x:b"}}}, "a": {"b": [{}, {}]}}`,
			jsonld.MaxCopies(3), jsonld.MaxCopies(2)},
		{"expanded", long, jsonld.MaxExpanded(20_000), jsonld.MaxExpanded(2_000)},
	} {
		if _, err := lines(c.document, c.fits); err != nil {
			t.Errorf("%s that fits: %v", c.name, err)
		}
		if got, err := lines(c.document, c.over); !errors.Is(err, rdf.ErrLimit) || got != "" {
			t.Errorf("%s over the bound: %v", c.name, err)
		}
	}
	for name, depth := range map[string]int{"default that fits": jsonld.DefaultMaxDepth, "default": jsonld.DefaultMaxDepth + 1,
		"deeper than any stack": 1_000_000} {
		_, err := lines(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		if fits := name == "default that fits"; fits != (err == nil) || !fits && !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("depth, %s: %v", name, err)
		}
	}
	quads := quadsOf(t, "<x:s> <x:p> <x:a> .\n<x:s> <x:p> <x:b> .\n")
	if _, err := jsonld.Marshal(quads, jsonld.MaxQuads(1)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("quads to write: %v", err)
	}
}

func TestMarshal(t *testing.T) {
	quads := quadsOf(t, `<x:s> <x:p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .
<x:s> <x:p> "o"@en .
<x:s> <x:p> "o"@en .
<x:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <x:T> .
<x:s> <x:json> "{\"a\":[1]}"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> <x:g> .
`)
	for want, opts := range map[string][]jsonld.Option{
		`[{"@graph":[{"@id":"x:s","x:json":[{"@type":"@json","@value":{"a":[1]}}]}],"@id":"x:g"},{"@id":"x:s","@type":["x:T"],"x:p":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"1"},{"@language":"en","@value":"o"}]}]`: nil,
		`{"@context":{"p":"x:p"},"@graph":[{"@graph":[{"@id":"x:s","x:json":{"@type":"@json","@value":{"a":[1]}}}],"@id":"x:g"},{"@id":"x:s","@type":"x:T","p":[1,{"@language":"en","@value":"o"}]}]}`: {
			jsonld.Context([]byte(`{"@context": {"p": "x:p"}}`)), jsonld.NativeTypes()},
	} {
		got, err := jsonld.Marshal(quads, opts...)
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
	for _, document := range []string{"<x:s> <x:p> <<( <x:a> <x:b> <x:c> )>> .",
		`<x:s> <x:p> "{"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .`} {
		if got, err := jsonld.Marshal(quadsOf(t, document), jsonld.File("out.jsonld")); err == nil ||
			!strings.HasPrefix(err.Error(), "out.jsonld: ") {
			t.Errorf("%s: %s, %v", document, got, err)
		}
	}
	if _, err := jsonld.Marshal(make([]rdf.Quad, 1)); !errors.Is(err, rdf.ErrInvalid) {
		t.Error(err)
	}
	remote := jsonld.Context([]byte(`{"@context": "https://x.example/"}`))
	if _, err := jsonld.Marshal(quads, remote); !errors.Is(err, jsonld.ErrContext) {
		t.Error(err)
	}
}

// What the standard's algorithm would lose is written as nodes, and read again.
func TestNothingIsLost(t *testing.T) {
	const first, rest, null = "<" + rdfNS + "first>", "<" + rdfNS + "rest>", "<" + rdfNS + "nil>"
	direction := "_:a <" + rdfNS + "direction> \"ltr\" .\n_:a <" + rdfNS + "value> \"v\" .\n<x:s> <x:p> _:a .\n"
	for name, document := range map[string]string{
		"list in another graph": "<x:s> <x:p> _:a .\n_:a " + first + " 1 <x:g> .\n_:a " + rest + " " + null + " <x:g> .\n",
		"list of itself":        "_:a " + first + " _:a .\n_:a " + rest + " " + null + " .\n",
		"lists of each other": "_:a " + first + " _:b .\n_:a " + rest + " " + null + " .\n_:b " + first + " _:a .\n_:b " + rest +
			" " + null + " .\n",
		"list that is a graph": "<x:s> <x:p> _:a .\n_:a " + first + " <x:o> .\n_:a " + rest + " " + null + " .\n" +
			"<x:s> <x:p> <x:o> _:a .\n",
		"direction":            direction,
		"direction and more":   direction + "_:a <x:more> <x:o> .\n",
		"direction of many":    direction + "_:a <" + rdfNS + "value> \"w\" .\n",
		"typed direction":      direction + "_:a <" + rdfNS + "language> \"en\"^^<x:d> .\n",
		"direction of a graph": direction + "<x:s> <x:p> <x:o> _:a .\n",
	} {
		quads := quadsOf(t, strings.ReplaceAll(document, " 1 ", " \"1\" "))
		mode := jsonld.Direction(jsonld.CompoundLiteral)
		written, err := jsonld.Marshal(quads, mode)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		back, err := lines(string(written), mode)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if same, err := canon.Isomorphic(quads, quadsOf(t, back)); !same || err != nil {
			t.Errorf("%s: %v\n%s\n%s\n%s", name, err, document, written, back)
		}
	}
}

// Lists in lists are bounded as what is read is.
func TestDeepLists(t *testing.T) {
	nested := func(n int) []rdf.Quad {
		var quads []rdf.Quad
		blank := func(i int) rdf.Term { return rdf.Trusted(fmt.Sprintf("_:b%d", i)) }
		for i := range n {
			quads = append(quads, rdf.Quad{S: blank(i), P: rdf.Trusted("<" + rdfNS + "first>"), O: blank(i + 1)},
				rdf.Quad{S: blank(i), P: rdf.Trusted("<" + rdfNS + "rest>"), O: rdf.Trusted("<" + rdfNS + "nil>")})
		}
		return append(quads, rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: blank(0)})
	}
	const most = jsonld.DefaultMaxDepth/2 - 2 // fit into DefaultMaxDepth: each list takes an object and an array
	for n, fits := range map[int]bool{most: true, most + 1: false, 2 * most: false} {
		quads := nested(n)
		for range 2 { // the innermost list first, and the outermost
			written, err := jsonld.Marshal(quads)
			if fits {
				_, err = lines(string(written))
			}
			if fits && err != nil || !fits && !errors.Is(err, rdf.ErrDepthLimit) {
				t.Errorf("%d lists: %v", n, err)
			}
			slices.Reverse(quads)
		}
	}
}

// datasets have what JSON-LD writes in ways of its own: types, lists, graphs, tags.
var datasets = rapid.Custom(func(t *rapid.T) string {
	resource := rapid.SampledFrom([]string{"<x:a>", "<http://h/b?c#d>", "_:a", "_:b", "_:c", "<" + rdfNS + "nil>"})
	property := rapid.SampledFrom([]string{"<x:p>", "<" + rdfNS + "type>", "<" + rdfNS + "first>", "<" + rdfNS + "rest>"})
	object := rapid.OneOf(resource, resource, rapid.SampledFrom([]string{`"o"`, `"\n\u00e9"@en-us`, `"o"@ar--rtl`, `"1"^^<x:d>`,
		`"1.50"^^<` + rdf.XSDDecimal + `>`, `"[1,{}]"^^<` + rdfNS + `JSON>`, `"true"^^<` + rdf.XSDBoolean + `>`}))
	graph := rapid.SampledFrom([]string{"", "", "<x:g>", "_:a", "<x:a>"})
	var b strings.Builder
	for range rapid.IntRange(0, 8).Draw(t, "quads") {
		fmt.Fprintf(&b, "%s %s %s %s .\n", resource.Draw(t, "s"), property.Draw(t, "p"), object.Draw(t, "o"),
			graph.Draw(t, "g"))
	}
	return b.String()
})

// What is written is read as the same dataset, in expanded and in compacted form, and the same set makes the same
// document.
func TestWriteRead(t *testing.T) {
	context := jsonld.Context([]byte(`{"@context": {"p": "x:p", "type": "@type", "@vocab": "http://h/"}}`))
	direction := jsonld.Direction(jsonld.BaseDirection)
	rapid.Check(t, func(t *rapid.T) {
		quads := quadsOf(t, datasets.Draw(t, "dataset"))
		for _, opts := range [][]jsonld.Option{{direction}, {direction, context}, {direction, jsonld.RDFType()}} {
			document, err := jsonld.Marshal(quads, opts...)
			if err != nil {
				t.Fatalf("%v: %v", quads, err)
			}
			var back []rdf.Quad
			err = jsonld.Parse(document, func(q rdf.Quad) error { back = append(back, q); return nil }, direction)
			if err != nil {
				t.Fatalf("%v\n%s: %v", quads, document, err)
			}
			if same, err := canon.Isomorphic(quads, back); !same || err != nil {
				t.Fatalf("%v\n%s\n%v: %v", quads, document, back, err)
			}
		}
	})
}

// TestWrittenJSON: what is written is JSON that encoding/json reads as the same values, with its escapes and nothing else.
func TestWrittenJSON(t *testing.T) {
	var lexical strings.Builder
	for r := rune(0); r < 0x180; r++ {
		lexical.WriteRune(r)
	}
	lexical.WriteString("\u2028😀")
	o, err := rdf.Literal(lexical.String())
	if err != nil {
		t.Fatal(err)
	}
	var want any = []any{map[string]any{"@id": "x:s", "x:p": []any{map[string]any{"@value": lexical.String()}}}}
	written, err := jsonld.Marshal([]rdf.Quad{{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: o}})
	var got any
	if err2 := json.Unmarshal(written, &got); err != nil || err2 != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v\n%s", err, err2, written)
	}
	for value, want := range map[string]string{`"5"^^<` + rdf.XSDInteger + ">": "5", `"-7.25E0"^^<` + rdf.XSDDouble + ">": "-7.25",
		`"true"^^<` + rdf.XSDBoolean + ">": "true"} {
		written, err := jsonld.Marshal([]rdf.Quad{{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(value)}}, jsonld.NativeTypes())
		if want = `[{"@id":"x:s","x:p":[{"@value":` + want + `}]}]`; err != nil || string(written) != want {
			t.Errorf("%s: %s, %v, expected %s", value, written, err, want)
		}
	}
}
