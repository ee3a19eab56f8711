package nquads_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// TestSuites runs the W3C suites: positive, negative and canonical form.
func TestSuites(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "rdf")
	for _, s := range []struct {
		folder string
		least  int
		opts   []nquads.Option
	}{
		{"rdf11/rdf-n-triples", 70, []nquads.Option{nquads.Triples()}},
		{"rdf11/rdf-n-quads", 87, nil},
		{"rdf12/rdf-n-triples/syntax", 29, []nquads.Option{nquads.Triples()}},
		{"rdf12/rdf-n-triples/c14n", 41, []nquads.Option{nquads.Triples()}},
		{"rdf12/rdf-n-quads/syntax", 27, nil},
		{"rdf12/rdf-n-quads/c14n", 41, nil},
	} {
		folder := filepath.Join(root, filepath.FromSlash(s.folder))
		passed := map[string]int{}
		tests := suite.Manifest(t, filepath.Join(folder, "manifest.ttl"), s.least)
		for _, test := range tests {
			if t.Run(s.folder+"/"+test.Name, func(t *testing.T) { run(t, folder, test, s.opts) }) {
				passed[test.Type]++
			}
		}
		t.Logf("%s: %d tests, passed %v", s.folder, len(tests), passed)
	}
}

func run(t *testing.T, folder string, test suite.Test, opts []nquads.Option) {
	document, err := os.ReadFile(filepath.Join(folder, test.Action))
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	err = nquads.Parse(document, func(q rdf.Quad) error {
		got = nquads.AppendQuad(got, q)
		return nil
	}, opts...)
	switch kind := test.Type; {
	case strings.Contains(kind, "Negative"):
		if err == nil {
			t.Errorf("accepted %s", document)
		}
		t.Log(err)
	case err != nil:
		t.Errorf("refused %s: %v", document, err)
	case strings.HasSuffix(kind, "PositiveC14N"):
		want, err := os.ReadFile(filepath.Join(folder, test.Result))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("canonical form of %s\n got %q\nwant %q", document, got, want)
		}
	case !strings.HasSuffix(kind, "PositiveSyntax"):
		t.Fatalf("unknown kind of test %q", kind)
	}
}
