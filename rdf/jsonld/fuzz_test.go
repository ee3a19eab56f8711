package jsonld_test

import (
	"errors"
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
