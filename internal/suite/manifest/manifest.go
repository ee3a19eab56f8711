// Package manifest reads the manifests of the SPARQL test suites, with this module's own Turtle parser. It is no part of the
// product.
//
// Source: the vocabularies test-manifest, test-query and test-update of the W3C's SPARQL tests, as their README describes them.
package manifest

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// Test is one entry of a manifest. Files are paths; empty where the test has none.
type Test struct {
	// ID is the IRI of the entry. Name is its mf:name, Type the local name of its class, such as "QueryEvaluationTest".
	ID, Name, Type string
	// Action is the file of the query or the update.
	Action string
	// Result is the file of the result of a query.
	Result string
	// Before is the dataset that the query or update meets. After is the one that is left by an update.
	Before, After Dataset
	// Services are the endpoints that SERVICE reaches.
	Services []Service
	// LaxCardinality: of the solutions that REDUCED may leave out, none has to be there twice.
	LaxCardinality bool
}

// Dataset is files: those of the default graph, which are merged, and those of named graphs.
type Dataset struct {
	// Default are the files of the default graph.
	Default []string
	// Named are the named graphs.
	Named []Graph
}

// Graph is a file and the IRI of the graph that it holds.
type Graph struct {
	// Name is the IRI of the graph, File the path of what it holds.
	Name, File string
}

// Service is an endpoint and what it holds.
type Service struct {
	// Endpoint is the IRI that SERVICE names.
	Endpoint string
	Dataset
}

// The namespaces of manifests.
const (
	mf   = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
	qt   = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
	ut   = "http://www.w3.org/2009/sparql/tests/test-update#"
	rdfs = "http://www.w3.org/2000/01/rdf-schema#"
	syn  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
)

// IRI returns the IRI of a file, which is the base of what stands in it.
func IRI(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String()
}

// Read returns the tests of manifests, and of those that they include, in their order. It fails the test if there are fewer than
// least, or if an entry has no class or no action.
func Read(t testing.TB, least int, files ...string) []Test {
	t.Helper()
	var tests []Test
	for _, file := range files {
		tests = append(tests, read(t, file, map[string]bool{})...)
	}
	if len(tests) < least {
		t.Fatalf("%s: %d tests, expected at least %d", strings.Join(files, ", "), len(tests), least)
	}
	return tests
}

func read(t testing.TB, file string, seen map[string]bool) []Test {
	t.Helper()
	if seen[file] {
		return nil
	}
	seen[file] = true
	m := load(t, file)
	var tests []Test
	for _, manifest := range m.subjects(syn+"type", "<"+mf+"Manifest>") {
		for _, included := range m.list(m.one(manifest, mf+"include")) {
			tests = append(tests, read(t, path(included), seen)...)
		}
		for _, entry := range m.list(m.one(manifest, mf+"entries")) {
			tests = append(tests, m.test(t, entry))
		}
	}
	return tests
}

// graph is the triples of a manifest by subject, in the order of the document.
type graph struct {
	file    string
	triples map[rdf.Term][]rdf.Triple
	order   []rdf.Triple
}

func load(t testing.TB, file string) *graph {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := &graph{file: file, triples: map[rdf.Term][]rdf.Triple{}}
	err = turtle.Parse(text, func(q rdf.Quad) error {
		triple := q.Triple().Clone()
		g.triples[triple.S] = append(g.triples[triple.S], triple)
		g.order = append(g.order, triple)
		return nil
	}, turtle.Base(IRI(file)), turtle.File(file))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// subjects are those that have an object for a predicate.
func (g *graph) subjects(predicate, object string) []rdf.Term {
	var all []rdf.Term
	for _, t := range g.order {
		if t.P.Value() == predicate && t.O.String() == object {
			all = append(all, t.S)
		}
	}
	return all
}

// all are the objects that a subject has for a predicate.
func (g *graph) all(s rdf.Term, predicate string) []rdf.Term {
	var objects []rdf.Term
	for _, t := range g.triples[s] {
		if t.P.Value() == predicate {
			objects = append(objects, t.O)
		}
	}
	return objects
}

// one is the first of all, the zero Term if there is none.
func (g *graph) one(s rdf.Term, predicate string) rdf.Term {
	if all := g.all(s, predicate); len(all) > 0 {
		return all[0]
	}
	return rdf.Term{}
}

// list is the members of a list.
func (g *graph) list(head rdf.Term) []rdf.Term {
	var members []rdf.Term
	for !head.IsZero() && head.Value() != syn+"nil" {
		members = append(members, g.one(head, syn+"first"))
		head = g.one(head, syn+"rest")
	}
	return members
}

// test reads an entry.
func (g *graph) test(t testing.TB, entry rdf.Term) Test {
	t.Helper()
	action, result := g.one(entry, mf+"action"), g.one(entry, mf+"result")
	test := Test{
		ID: entry.Value(), Name: g.one(entry, mf+"name").Value(), Type: local(g.one(entry, syn+"type")),
		Action: path(action), Result: path(result), Before: g.dataset(action), After: g.dataset(result),
		LaxCardinality: local(g.one(entry, mf+"resultCardinality")) == "LaxCardinality",
	}
	for _, request := range []string{qt + "query", ut + "request"} {
		if file := g.one(action, request); !file.IsZero() {
			test.Action = path(file)
		}
	}
	for _, service := range g.all(action, qt+"serviceData") {
		test.Services = append(test.Services, Service{g.one(service, qt+"endpoint").Value(), g.dataset(service)})
	}
	if test.Type == "" || action.IsZero() {
		t.Fatalf("%s: entry %s has no class or no action", g.file, entry)
	}
	return test
}

// dataset reads the files that an action or a result names.
func (g *graph) dataset(node rdf.Term) Dataset {
	var d Dataset
	for _, vocabulary := range []string{qt, ut} {
		for _, file := range g.all(node, vocabulary+"data") {
			d.Default = append(d.Default, path(file))
		}
		for _, named := range g.all(node, vocabulary+"graphData") {
			one := Graph{Name: named.Value(), File: path(named)}
			if file := g.one(named, vocabulary+"graph"); !file.IsZero() {
				one = Graph{Name: g.one(named, rdfs+"label").Value(), File: path(file)}
			}
			d.Named = append(d.Named, one)
		}
	}
	return d
}

// local is what stands behind the last "#" of an IRI.
func local(t rdf.Term) string {
	return t.Value()[strings.LastIndexByte(t.Value(), '#')+1:]
}

// path is the file that an IRI names; "" for what is none.
func path(t rdf.Term) string {
	u, err := url.Parse(t.Value())
	if t.Kind() != rdf.KindIRI || err != nil || u.Scheme != "file" {
		return ""
	}
	return filepath.FromSlash(u.Path)
}

// Exceptions returns the tests that a file lists, with the reasons why they are not as their manifest says: a line for each, the name, a
// space, the reason. Lines that begin with "#" are comments. It fails the test if there is no reason.
func Exceptions(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, " ")
		if !ok {
			t.Fatalf("%s: %s has no reason", file, name)
		}
		all[name] = reason
	}
	return all
}
