package jsonld_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// FuzzParse checks that whatever comes, the answer is quads that N-Quads can hold, the same ones again, or an error of
// this package; in particular that no panic of the library comes through.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"@context": {"p": "x:p", "q": {"@id": "x:q", "@container": "@list"}}, "@id": "x:s", "p": [1, {"q": [2, 3.5]}]}`,
		`{"@context": {"@version": 1.1, "@vocab": "x:", "n": "@nest", "l": {"@container": "@language"}}, "n": {"l": {"en": "a"}}}`,
		`[{"@id": "_:a", "@type": ["x:T"], "@graph": [{"@reverse": {"x:p": {}}}], "@included": {"@id": "x:i", "x:p": null}}]`,
		`{"@context": {"t": {"@id": "x:t", "@type": "@json"}, "i": {"@container": ["@graph", "@id"]}}, "t": [{}], "i": {"x:g": {}}}`,
		`{"@context": [null, "https://x.example/"], "@set": [{"@list": [{"@value": true, "@type": "x:b"}]}]}`,
		`{"@context": {"@import": "x", "@propagate": false, "@direction": "rtl", "@language": "en"}, "x:p": "v"}`,
		`{"@type": {"@id": 1}}`, `{"@reverse": {"@reverse": 1}}`, `{"@value": {}, "@language": 1}`, `{"@graph": {"@graph": 1}}`,
		`{"@context": {"a": {"@reverse": "x:r", "@index": "b"}, "b": {"@container": "@type", "@context": {}}}, "a": {"b": 1}}`,
		`{"@id": "x:s", "x:p": {"@list": [[]]}, "x:q": {"@set": null}, "@index": []}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		first, err := parseAll(t, document)
		second, again := parseAll(t, document)
		if first != second || (err == nil) != (again == nil) {
			t.Fatalf("%q\nfirst  %s, %v\nsecond %s, %v", document, first, err, second, again)
		}
		if err := nquads.Parse([]byte(first), func(rdf.Quad) error { return nil }); err != nil {
			t.Fatalf("%q\n%s: %v", document, first, err)
		}
	})
}

func parseAll(t *testing.T, document []byte) (string, error) {
	text, err := lines(string(document), jsonld.File("f"), jsonld.Base("http://h/a/b"))
	var syntax *jsonld.SyntaxError
	var own *jsonld.Error
	if err != nil && !errors.As(err, &syntax) && !errors.As(err, &own) {
		t.Fatalf("%q: %T %v", document, err, err)
	}
	return text, err
}

// FuzzJSON compares what is read of JSON with what encoding/json makes of it: a JSON literal has the same value, and what is
// no JSON is an error.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0,2.5e-3,1E+2,true,false,null,"",{}],"\u00e9\/\"\\\b\f\n\r\t":"é\ud83d\ude00"}`, `[1,]`, `{"a":1,}`,
		`01`, `1.`, `.5`, `-`, `+1`, `1e`, `1e+`, `tru`, `nulll`, `"a`, "\"\n\"", `"\x"`, `"\u12g4"`, `"\u12`, `"\u`, `"\`, `[`, `[1 2]`, `{"a" 1}`,
		`{1:2}`, `{,}`, `[,]`, `{`, `{"a"`, `{"a":`, `"\u001F"`, "\"\x1f\"", "[\f1]", " \t\r\n1 ", `"\uD834\uDD1E"`, `--1`, `1-`, `"\u00` + "\x10" + `0"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		document := `{"@id":"x:s","x:p":{"@type":"@json","@value":` + string(value) + `}}`
		var literal string
		err := jsonld.Parse([]byte(document), func(q rdf.Quad) error { literal = q.O.Value(); return nil })
		if !json.Valid([]byte(document)) {
			if err == nil {
				t.Fatalf("%q was read as %q", value, literal)
			}
			return
		}
		var want, got any
		if err != nil || json.Unmarshal(value, &want) != nil || want == nil { // twice the same member, half of a pair, an end of the literal
			return
		}
		if err := json.Unmarshal([]byte(literal), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q was read as %q, %v", value, literal, err)
		}
	})
}

// What is JSON and what is not is told by the seeds without exception.
func TestJSON(t *testing.T) {
	for text, good := range map[string]bool{`[1,-0,2.5e-3,1E+2,true,false,null,"",{},[]]`: true, `"\u00e9\/\"\\\b\f\n\r\t"`: true, " \t\r\n1 ": true,
		`[1,]`: false, `{"a":1,}`: false, `01`: false, `1.`: false, `-`: false, `1e`: false, `1e+`: false, `nulll`: false, `"\x"`: false,
		`"\u12g4"`: false, `{1:2}`: false, `[,]`: false, `[1 2]`: false, `{"a" 1}`: false, "\"\x1f\"": false, "[\f1]": false, `--1`: false, `1-`: false,
		"\"\\u00\x10" + `0"`: false, `"\u00`: false} {
		document := `{"@id":"x:s","x:p":{"@type":"@json","@value":` + text + `}}`
		if json.Valid([]byte(document)) != good {
			t.Errorf("%q is taken for one that is %v", text, good)
		}
		if got, err := lines(document); (err == nil) != good {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}
