package jsonld_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

// Without a loader a context is an error that names it and the ways out; nothing is fetched.
func TestNoLoader(t *testing.T) {
	for _, document := range []string{`{"@context": "https://x.example/c", "p": 1}`,
		`{"@context": {"@import": "https://x.example/c"}, "p": 1}`,
		`{"@context": {"p": {"@id": "x:p", "@context": "https://x.example/c"}}, "p": {}}`} {
		_, err := lines(document, jsonld.File("f.jsonld"))
		var own *jsonld.Error
		if !errors.Is(err, jsonld.ErrContext) || !errors.As(err, &own) || own.Code != "loading remote context failed" {
			t.Errorf("%s: %v", document, err)
			continue
		}
		for _, part := range []string{"f.jsonld: ", "https://x.example/c", "put the context itself"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %q", part, err)
			}
		}
	}
	if _, err := lines(`{"@context": "relative"}`); err == nil {
		t.Error("a relative context without a base")
	}
	if _, err := lines(`{"@context": "/etc/passwd"}`, jsonld.Base("file:///")); !errors.Is(err, jsonld.ErrContext) {
		t.Errorf("a file: %v", err)
	}
}

func files(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func TestFolder(t *testing.T) {
	loader, err := jsonld.Folder(files(
		"contexts.json", `{"https://x.example/c": "c.jsonld", "https://x.example/d/e": "sub/e.jsonld", "x:gone": "gone",
			"x:bad": "bad", "x:self": "self", "x:a": "a", "x:b": "b", "x:deep": "deep"}`,
		"c.jsonld", `{"@context": ["d/e", {"p": "x:p"}]}`, // relative to the context, not to the document
		"sub/e.jsonld", `{"@context": {"@version": 1.1, "q": "x:q"}}`, "bad", `{"@context": `,
		"self", `{"@context": "x:self"}`, "a", `{"@context": [{}, "x:b"]}`, "b", `{"@context": ["x:a"]}`,
		"deep", `{"@context": {"p": {"@id": "x:p", "@context": "x:deep"}}}`,
	))
	if err != nil {
		t.Fatal(err)
	}
	contexts := jsonld.Contexts(loader)
	for range 2 { // nothing that the library does to a context stays
		got, err := lines(`{"@context": "https://x.example/c", "@id": "x:s", "p": 1, "q": "o"}`, contexts)
		if want := "<x:s> <x:p> \"1\"^^<" + rdf.XSDInteger + "> .\n<x:s> <x:q> \"o\" .\n"; err != nil || got != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
	for iri, want := range map[string]string{
		"x:gone": "file does not exist", "x:bad": "x:bad:1:14: ", "x:other": "no such context",
		"x:self": "recursive context inclusion: x:self", "x:a": "recursive context inclusion: x:a",
	} {
		if _, err := lines(`{"@context": "`+iri+`"}`, contexts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", iri, err, want)
		}
	}
	// A scoped context may name its own document, which is loaded once.
	nested := `{"@context": "x:deep", "@id": "x:s", "p": {"p": {"p": {}}}}`
	if _, err := lines(nested, contexts, jsonld.MaxContexts(1)); err != nil {
		t.Error(err)
	}
	two := `[{"@context": "x:deep"}, {"@context": "https://x.example/d/e"}]`
	if _, err := lines(two, contexts, jsonld.MaxContexts(1)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("contexts over the bound: %v", err)
	}
}

func TestFolderErrors(t *testing.T) {
	for _, folder := range []fstest.MapFS{files(), files("contexts.json", "[]"), files("contexts.json", `{"x:a": "../a"}`),
		files("contexts.json", strings.Repeat(" ", 5<<20))} {
		if _, err := jsonld.Folder(folder); err == nil {
			t.Errorf("%v: no error", folder)
		}
	}
}

func TestLoaders(t *testing.T) {
	var all jsonld.Loaders
	for i := range 2 {
		l, err := jsonld.Folder(files("contexts.json", fmt.Sprintf(`{"x:%d": "c", "x:both": "c"}`, i), "c", fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	for iri, want := range map[string]string{"x:0": "0", "x:1": "1", "x:both": "0", "x:2": ""} {
		got, err := all.Load(iri)
		if string(got) != want || errors.Is(err, jsonld.ErrContext) != (want == "") {
			t.Errorf("%s: %q, %v", iri, got, err)
		}
	}
}

// server is one that counts the requests it gets.
func server(t *testing.T) (*httptest.Server, *atomic.Int32) {
	var requests atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Path {
		case "/c", "/below/c":
			w.Header().Set("Content-Type", "application/ld+json")
			fmt.Fprint(w, `{"@context": {"p": "x:p"}}`)
		case "/page":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Link", `</c>; rel="alternate"; type="application/ld+json"`)
		case "/stray":
			w.Header().Set("Link", `</secret>; rel="alternate"; type="application/ld+json"`)
		case "/out":
			http.Redirect(w, r, "/secret", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/c", http.StatusFound)
		case "/big":
			fmt.Fprint(w, strings.Repeat(" ", 5<<20))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, &requests
}

// Only what is on the list is fetched, only over https, and once.
func TestWeb(t *testing.T) {
	s, requests := server(t)
	var allowed []string
	for _, path := range []string{"/c", "/page", "/stray", "/out", "/round", "/moved", "/big", "/none", "/below/"} {
		allowed = append(allowed, s.URL+path)
	}
	transport := s.Client().Transport.(*http.Transport)
	transport.DisableKeepAlives = true
	web, err := jsonld.NewWeb(allowed, transport)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/c", "/page", "/moved", "/below/c"} {
		for range 2 {
			got, err := lines(`{"@context": "`+s.URL+path+`", "@id": "x:s", "p": "o"}`, jsonld.Contexts(web))
			if want := "<x:s> <x:p> \"o\" .\n"; err != nil || got != want {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		}
	}
	if n := requests.Load(); n != 6 { // two of them took two
		t.Errorf("%d requests, expected that each context is fetched once", n)
	}
	before := requests.Load()
	for _, iri := range []string{s.URL + "/secret", s.URL + "/c?x", s.URL + "/below/../secret",
		s.URL + "/below/%2e%2e/secret", "http" + strings.TrimPrefix(s.URL, "https") + "/c", "file:///etc/passwd",
		strings.Replace(s.URL, "//", "//u@", 1) + "/c"} {
		if _, err := web.Load(iri); !errors.Is(err, jsonld.ErrContext) {
			t.Errorf("%s: %v", iri, err)
		}
	}
	if requests.Load() != before {
		t.Error("something that is not on the list was fetched")
	}
	for path, want := range map[string]string{"/stray": "not on the list", "/out": "not on the list",
		"/round": "redirects", "/big": "over its limit", "/none": "404"} {
		_, err := web.Load(s.URL + path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, expected %q", path, err, want)
		}
	}
}

func TestWebList(t *testing.T) {
	for _, entry := range []string{"http://x.example/c", "x.example", "https://", "https://u:p@x.example/", ":", ""} {
		if _, err := jsonld.NewWeb([]string{entry}, nil); err == nil {
			t.Errorf("%q: no error", entry)
		}
	}
	web, err := jsonld.NewWeb(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := web.Load("https://x.example/c"); !errors.Is(err, jsonld.ErrContext) {
		t.Error(err)
	}
}

// A loader that panics is an error with the document's name.
func TestPanicIsAnError(t *testing.T) {
	_, err := lines(`{"@context": "x:c"}`, jsonld.File("f"), jsonld.Contexts(panicking{}))
	var own *jsonld.Error
	if !errors.As(err, &own) || !strings.HasPrefix(err.Error(), "f: ") || !strings.HasSuffix(err.Error(), "out of order") {
		t.Error(err)
	}
}

type panicking struct{}

func (panicking) Load(string) ([]byte, error) { panic("out of order") }
