package jsonld_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

// contextsByIRI is a loader whose contexts may change.
type contextsByIRI map[string]string

func (c contextsByIRI) Load(iri string) ([]byte, error) {
	if text, ok := c[iri]; ok {
		return []byte(text), nil
	}
	return nil, jsonld.ErrContext
}

// largeContext has so many terms, "t0" and so on.
func largeContext(terms int, more string) string {
	var b strings.Builder
	for i := range terms {
		fmt.Fprintf(&b, `"t%d":{"@id":"x:t%d","@type":"@id"},`, i, i)
	}
	return `{"@context":{` + b.String() + more + `"@version":1.1}}`
}

// TestCacheSharesWork: a context that one document has made costs the next one nothing, also where it stands among others.
func TestCacheSharesWork(t *testing.T) {
	loader := contextsByIRI{"x:c": largeContext(1000, ""), "x:d": largeContext(1000, `"d":"x:d",`), "x:both": `{"@context":["x:d","x:c"]}`}
	for _, context := range []string{`"x:c"`, `["x:c","x:d"]`, `["x:c",{"a":"x:a"}]`, `"x:both"`} {
		document := `{"@context":` + context + `,"@id":"","t1":"o"}`
		cache := jsonld.NewCache()
		for i := range 3 {
			base := fmt.Sprintf("http://b.x/%d", i)
			opts := []jsonld.Option{jsonld.Contexts(loader), jsonld.Base(base), jsonld.Strict()}
			if _, err := lines(document, append(opts, jsonld.MaxCopies(900))...); !errors.Is(err, rdf.ErrLimit) {
				t.Fatalf("%s alone: %v, expected more work than that", context, err)
			}
			if opts = append(opts, jsonld.Cached(cache)); i > 0 {
				opts = append(opts, jsonld.MaxCopies(900))
			}
			got, err := lines(document, opts...)
			if want := "<" + base + "> <x:t1> <http://b.x/o> .\n"; err != nil || got != want {
				t.Errorf("%s: %s, %v, expected %s", context, got, err, want)
			}
		}
	}
}

// TestCacheChangesNothing: what a document is read as does not depend on what has been read before, with another base, other
// bounds, or when a context or one that it includes has changed.
func TestCacheChangesNothing(t *testing.T) {
	loader := contextsByIRI{
		"x:plain": `{"@context":{"p":"x:p"}}`, "x:vocab": `{"@context":{"@vocab":""}}`, "x:slash": `{"@context":{"a/b":{"@type":"@id"}}}`,
		"x:once": `{"@context":{"@propagate":false,"p":"x:once"}}`, "x:null": `{"@context":null}`, "x:list": `{"@context":[]}`,
		"x:includes": `{"@context":["x:plain",{"q":"x:q"}]}`, "x:imports": `{"@context":{"@import":"x:plain","q":"x:q"}}`,
		"x:scoped":    `{"@context":{"p":{"@id":"x:scoped","@context":"x:plain"}}}`,
		"x:protected": `{"@context":{"@protected":true,"p":"x:protected"}}`, "x:vocabIncluded": `{"@context":["x:vocab",{"q":"x:q"}]}`,
		"x:base": `{"@context":{"@base":"http://other.x/","p":"x:p"}}`, "x:deep": `{"@context":{"p":{"@id":"x:p","@context":{}}}}`,
	}
	var contexts []string
	for iri := range loader {
		contexts = append(contexts, `"`+iri+`"`, `["x:plain","`+iri+`"]`, `["`+iri+`","x:plain"]`, `[null,"`+iri+`"]`,
			`[{"@base":"http://inner.x/"},"`+iri+`"]`, `["`+iri+`",{"p":"x:mine"}]`, `{"@import":"`+iri+`"}`)
	}
	cache := jsonld.NewCache()
	for _, plain := range []string{`{"@context":{"p":"x:p"}}`, `{"@context":{"p":"x:changed","@vocab":"x:"}}`, `{"@context":{"p":"x:p"}}`, `{`} {
		loader["x:plain"] = plain
		for _, context := range contexts {
			document := `{"@context":` + context + `,"@id":"s","p":{"@id":"o","p":"1","q":"2","r":"3","a/b":"i"}}`
			for _, base := range []string{"http://a.x/", "http://b.x/c", ""} {
				for _, more := range [][]jsonld.Option{nil, {jsonld.MaxDepth(3)}, {jsonld.Version10()}, {jsonld.MaxContexts(1)}} {
					opts := append(more, jsonld.Contexts(loader), jsonld.Base(base))
					want, err := lines(document, opts...)
					got, err2 := lines(document, append(opts, jsonld.Cached(cache))...)
					if got != want || fmt.Sprint(err) != fmt.Sprint(err2) {
						t.Fatalf("%s, base %q, x:plain is %s: %s, %v, expected %s, %v", document, base, plain, got, err2, want, err)
					}
				}
			}
		}
	}
}

// TestCacheIsBounded: when contexts are many the oldest are forgotten, and one that is too large is not kept.
func TestCacheIsBounded(t *testing.T) {
	loader := contextsByIRI{"x:huge": largeContext(1000, `"long":"x:`+strings.Repeat("a", 33<<20)+`",`)}
	for i := range 12 {
		loader[fmt.Sprintf("x:%d", i)] = largeContext(1000, `"long":"x:`+strings.Repeat("a", 3<<20)+`",`)
	}
	cache := jsonld.NewCache()
	read := func(iri string, more ...jsonld.Option) error {
		opts := append(more, jsonld.Contexts(loader), jsonld.Cached(cache), jsonld.MaxDocument(64<<20))
		_, err := lines(`{"@context":"`+iri+`","@id":"x:s","t1":"x:o"}`, opts...)
		return err
	}
	for iri := range loader {
		if err := errors.Join(read("x:0"), read("x:0", jsonld.MaxCopies(1)), read(iri)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		if err := read(fmt.Sprintf("x:%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := read("x:0", jsonld.MaxCopies(1)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("36 MiB of contexts are kept: %v", err)
	}
	if err := errors.Join(read("x:huge"), read("x:huge")); err != nil {
		t.Error(err)
	}
	if err := read("x:huge", jsonld.MaxCopies(1)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("33 MiB of a context are kept: %v", err)
	}
}

// TestCacheIsShared: any number of documents are read with one cache at once.
func TestCacheIsShared(t *testing.T) {
	loader := contextsByIRI{"x:c": largeContext(100, `"s":{"@id":"x:s","@context":{"@vocab":"x:inner/"}},`)}
	cache := jsonld.NewCache()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			document := fmt.Sprintf(`{"@context":["x:c",{"a%d":"x:a"}],"@id":"x:%d","s":{"@id":"x:o","p":"1"}}`, i, i)
			want := fmt.Sprintf("<x:o> <x:inner/p> \"1\" .\n<x:%d> <x:s> <x:o> .\n", i)
			for range 20 {
				if got, err := lines(document, jsonld.Contexts(loader), jsonld.Cached(cache)); err != nil || got != want {
					t.Errorf("%s, %v, expected %s", got, err, want)
				}
			}
		})
	}
	group.Wait()
}
