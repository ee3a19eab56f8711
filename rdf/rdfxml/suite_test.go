//go:build rdfxmlsuite

// These are the suites of the W3C for RDF/XML, which not everybody has who has the others: run them with -tags rdfxmlsuite.

package rdfxml_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

// TestSuites runs the W3C suites: evaluation and negative. What was read is also written and read again.
func TestSuites(t *testing.T) {
	for _, s := range []struct {
		folder string
		least  int
	}{
		{"w3c/rdf-tests/rdf/rdf11/rdf-xml", 166},
		{"w3c/rdf-tests/rdf/rdf12/rdf-xml/eval", 31},
	} {
		folder := suite.Folder(t, s.folder)
		manifest := filepath.Join(folder, "manifest.ttl")
		base := assumedBase(t, manifest)
		passed := map[string]int{}
		tests := suite.Manifest(t, manifest, s.least)
		for _, test := range tests {
			if t.Run(s.folder+"/"+test.Name, func(t *testing.T) { run(t, folder, test, base+test.Action) }) {
				passed[test.Type]++
			}
		}
		t.Logf("%s: %d tests, passed %v", s.folder, len(tests), passed)
	}
}

var baseOf = regexp.MustCompile(`mf:assumedTestBase\s+<([^>]*)>`)

// assumedBase returns the base IRI that a manifest sets for its tests.
func assumedBase(t *testing.T, manifest string) string {
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	m := baseOf.FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s has no mf:assumedTestBase", manifest)
	}
	return string(m[1])
}

func run(t *testing.T, folder string, test suite.Test, base string) {
	document, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(test.Action)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readertest.Collect(rdfxml.NewReader(bytes.NewReader(document), rdfxml.Base(base)))
	switch {
	case strings.Contains(test.Type, "Negative"):
		if err == nil {
			t.Errorf("accepted %s", document)
		}
		t.Log(err)
		return
	case err != nil:
		t.Fatalf("refused %s: %v", document, err)
	case test.Type != "TestXMLEval":
		t.Fatalf("unknown kind of test %q", test.Type)
	}
	compareWritten(t, got)
	result, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(test.Result)))
	if err != nil {
		t.Fatal(err)
	}
	var want []rdf.Quad
	err = nquads.Parse(result, func(q rdf.Quad) error { want = append(want, q.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if same, err := canon.Isomorphic(got, want); err != nil || !same {
		t.Errorf("%s\n got %v\nwant %v\nerror %v", document, got, want, err)
	}
}
