package turtle_test

import (
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
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// TestSuites runs the W3C suites: positive, negative and evaluation. What was read is also written and read again.
func TestSuites(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "rdf")
	for _, s := range []struct {
		folders []string
		least   []int
		opts    []turtle.Option
	}{
		{[]string{"rdf11/rdf-turtle"}, []int{313}, nil},
		{[]string{"rdf11/rdf-trig"}, []int{356}, []turtle.Option{turtle.TriG()}},
		{[]string{"rdf12/rdf-turtle/syntax", "rdf12/rdf-turtle/eval"}, []int{74, 29}, nil},
		{[]string{"rdf12/rdf-trig/syntax", "rdf12/rdf-trig/eval"}, []int{35, 25}, []turtle.Option{turtle.TriG()}},
	} {
		for i, name := range s.folders {
			folder := filepath.Join(root, filepath.FromSlash(name))
			base := assumedBase(t, filepath.Join(folder, "manifest.ttl"))
			passed := map[string]int{}
			tests := suite.Manifest(t, filepath.Join(folder, "manifest.ttl"), s.least[i])
			for _, test := range tests {
				opts := append([]turtle.Option{turtle.Base(base + test.Action)}, s.opts...)
				if t.Run(name+"/"+test.Name, func(t *testing.T) { run(t, folder, test, opts) }) {
					passed[test.Type]++
				}
			}
			t.Logf("%s: %d tests, passed %v", name, len(tests), passed)
		}
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

func run(t *testing.T, folder string, test suite.Test, opts []turtle.Option) {
	document, err := os.ReadFile(filepath.Join(folder, test.Action))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readertest.Collect(turtle.NewBytes(document, opts...))
	if err == nil {
		again, err := readertest.Collect(turtle.NewBytes(write(t, got, turtle.WithPrefixes(somePrefixes...)), turtle.TriG()))
		if err != nil || !sameButLabels(got, again) {
			t.Errorf("%s\nread %v\nwritten and read %v, %v", document, got, again, err)
		}
	}
	switch kind := test.Type; {
	case strings.Contains(kind, "Negative"):
		if err == nil {
			t.Errorf("accepted %s", document)
		}
		t.Log(err)
		return
	case err != nil:
		t.Fatalf("refused %s: %v", document, err)
	case strings.HasSuffix(kind, "Eval"):
		result, err := os.ReadFile(filepath.Join(folder, test.Result))
		if err != nil {
			t.Fatal(err)
		}
		compareResult(t, document, result, got)
	case !strings.HasSuffix(kind, "PositiveSyntax"):
		t.Fatalf("unknown kind of test %q", kind)
	}
}

// compareResult checks that quads are those of an N-Quads document, but for the names of blank nodes.
func compareResult(t *testing.T, document, result []byte, got []rdf.Quad) {
	var want []rdf.Quad
	err := nquads.Parse(result, func(q rdf.Quad) error { want = append(want, q.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	same, err := canon.Isomorphic(got, want)
	if err != nil || !same {
		t.Errorf("%s\n got %v\nwant %v\nerror %v", document, got, want, err)
	}
}
