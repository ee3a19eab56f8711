package manifest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/internal/suite/manifest"
)

// TestSuites reads all manifests of SPARQL: each test has the files that its class needs.
func TestSuites(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql")
	for _, of := range []struct {
		least int
		files []string
	}{
		{482, []string{"sparql10/manifest.ttl"}}, // the 483rd, dawg-optional-filter-005-simplified, is declared and not listed
		{328, []string{"sparql11/manifest-sparql11-query.ttl"}},
		{157, []string{"sparql11/manifest-sparql11-update.ttl"}},
		{10, []string{"sparql11/manifest-sparql11-results.ttl"}},
		{10, []string{"sparql11/manifest-sparql11-fed.ttl"}},
		{269, []string{"sparql12/manifest.ttl"}},
	} {
		for i, file := range of.files {
			of.files[i] = filepath.Join(root, file)
		}
		tests := manifest.Read(t, of.least, of.files...)
		t.Log(len(tests), of.files)
		for _, test := range tests {
			check(t, test)
		}
	}
}

func check(t *testing.T, test manifest.Test) {
	t.Helper()
	exists(t, test, test.Action)
	for _, d := range []manifest.Dataset{test.Before, test.After} {
		for _, file := range d.Default {
			exists(t, test, file)
		}
		for _, g := range d.Named {
			exists(t, test, g.File)
			if g.Name == "" {
				t.Errorf("%s: a graph without a name", test.ID)
			}
		}
	}
	for _, s := range test.Services {
		if s.Endpoint == "" || len(s.Default)+len(s.Named) == 0 {
			t.Errorf("%s: a service without a name or without data", test.ID)
		}
	}
	if test.Type == "QueryEvaluationTest" || test.Type == "CSVResultFormatTest" {
		exists(t, test, test.Result)
	}
}

func exists(t *testing.T, test manifest.Test, file string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		t.Errorf("%s (%s): %v", test.ID, test.Type, err)
	}
}

// TestRead is a manifest with all that a test can have.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const prefixes = `
		prefix mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#>
		prefix qt: <http://www.w3.org/2001/sw/DataAccess/tests/test-query#>
		prefix ut: <http://www.w3.org/2009/sparql/tests/test-update#>
		prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#>
		prefix : <#>
	`
	write("one.ttl", prefixes+`
		<> a mf:Manifest; mf:entries (:q).
		:q a mf:QueryEvaluationTest; mf:name "a query"; mf:resultCardinality mf:LaxCardinality; mf:result <r.srx>;
		   mf:action [qt:query <q.rq>; qt:data <1.ttl>, <2.ttl>; qt:graphData <g.ttl>;
		     qt:serviceData [qt:endpoint <http://e.example/>; qt:data <s.ttl>]].
	`)
	file := write("manifest.ttl", prefixes+`
		<> a mf:Manifest; mf:include (<one.ttl>); mf:entries (:u).
		:u a mf:UpdateEvaluationTest; mf:name "an update"; mf:result [ut:data <after.ttl>];
		   mf:action [ut:request <u.ru>; ut:graphData [ut:graph <g.ttl>; rdfs:label "http://g.example/"]].
	`)
	in := func(name string) string { return filepath.Join(dir, name) }
	want := []manifest.Test{
		{
			ID: manifest.IRI(in("one.ttl")) + "#q", Name: "a query", Type: "QueryEvaluationTest", Action: in("q.rq"), Result: in("r.srx"),
			LaxCardinality: true,
			Before: manifest.Dataset{
				Default: []string{in("1.ttl"), in("2.ttl")},
				Named:   []manifest.Graph{{Name: manifest.IRI(in("g.ttl")), File: in("g.ttl")}},
			},
			Services: []manifest.Service{{Endpoint: "http://e.example/", Dataset: manifest.Dataset{Default: []string{in("s.ttl")}}}},
		},
		{
			ID: manifest.IRI(file) + "#u", Name: "an update", Type: "UpdateEvaluationTest", Action: in("u.ru"),
			Before: manifest.Dataset{Named: []manifest.Graph{{Name: "http://g.example/", File: in("g.ttl")}}},
			After:  manifest.Dataset{Default: []string{in("after.ttl")}},
		},
	}
	if diff := cmp.Diff(want, manifest.Read(t, 2, file)); diff != "" {
		t.Error(diff)
	}
}

func TestExceptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "exceptions.txt")
	if err := os.WriteFile(file, []byte("# a comment\n\na/b#c what it is\nd because\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a/b#c": "what it is", "d": "because"}
	if diff := cmp.Diff(want, manifest.Exceptions(t, file)); diff != "" {
		t.Error(diff)
	}
}
