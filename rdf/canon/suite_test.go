package canon_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
)

// suiteTest is an entry of the manifest.
type suiteTest struct {
	ID, Type, Name, Action, Result, HashAlgorithm string
}

// TestSuite runs the W3C suite: canonical forms, issued identifier maps, and a poison graph.
func TestSuite(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-canon", "tests")
	passed := map[string]int{}
	tests := suite.Entries[suiteTest](t, filepath.Join(root, "manifest.jsonld"), "entries", 86)
	for _, test := range tests {
		if t.Run(test.ID, func(t *testing.T) { runSuiteTest(t, root, test) }) {
			passed[test.Type]++
		}
	}
	t.Logf("rdf-canon: %d tests, passed %v", len(tests), passed)
}

func runSuiteTest(t *testing.T, root string, test suiteTest) {
	quads := parse(t, readFile(t, filepath.Join(root, test.Action)))
	var opts []canon.Option
	switch test.HashAlgorithm {
	case "SHA384":
		opts = append(opts, canon.WithHash(canon.SHA384))
	case "", "SHA256":
	default:
		t.Fatalf("unknown hash algorithm %q", test.HashAlgorithm)
	}
	got, err := canon.Canonicalize(quads, opts...)
	if test.Type == "rdfc:RDFC10NegativeEvalTest" {
		if !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("error %v, expected ErrLimit", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := readFile(t, filepath.Join(root, test.Result))
	switch test.Type {
	case "rdfc:RDFC10EvalTest":
		if diff := cmp.Diff(string(want), string(got.AppendNQuads(nil))); diff != "" {
			t.Error(diff)
		}
		if ok, err := canon.Isomorphic(quads, parse(t, want)); !ok || err != nil {
			t.Errorf("input and result isomorphic: %v, %v", ok, err)
		}
	case "rdfc:RDFC10MapTest":
		var labels map[string]string
		if err := json.Unmarshal(want, &labels); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(labels, got.Labels); diff != "" {
			t.Error(diff)
		}
	default:
		t.Fatalf("unknown kind of test %q", test.Type)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
