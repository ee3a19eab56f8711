package sparql_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// FuzzQuery: a text is read or is an error with its place, and what is written of a query is read as an equal one.
func FuzzQuery(f *testing.F) {
	f.Add(someQuery)
	f.Add("ASK { ?s ?p -1, 'a'@en--ltr, <<( ?s a 1 )>> ~ _:b {| a [] |} FILTER(- 1 <- 2 && ?x IN (1)) }")
	seeds(f, ".rq")
	f.Fuzz(func(t *testing.T, text string) { fuzz(t, text, false) })
}

// FuzzUpdate is FuzzQuery for updates.
func FuzzUpdate(f *testing.F) {
	f.Add(oneQuad)
	f.Add(shortQuad + "; DELETE { GRAPH ?g { ?s ?p ?o } } USING <urn:g> WHERE { ?s ?p ( 1 [] ) } ; COPY <urn:a> TO DEFAULT")
	seeds(f, ".ru")
	f.Fuzz(func(t *testing.T, text string) { fuzz(t, text, true) })
}

// seeds adds the files of the suites, if they are there.
func seeds(f *testing.F, suffix string) {
	f.Helper()
	f.Add("")
	root := suite.Optional(f)
	if root == "" {
		return
	}
	err := filepath.WalkDir(filepath.Join(root, "w3c", "rdf-tests", "sparql"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, suffix) {
			return err
		}
		text, err := os.ReadFile(path)
		f.Add(string(text))
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

func fuzz(t *testing.T, text string, update bool) {
	t.Helper()
	tree, err := parse(text, update, sparql.Base("http://e.example/a/b"), sparql.MaxDepth(50))
	if err != nil {
		var syntax *rdf.SyntaxError
		if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Col < 1 || syntax.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
			t.Fatalf("%q: error %#v", text, err)
		}
		return
	}
	if fault := rewritten(tree); fault != "" {
		t.Fatal(fault)
	}
}
