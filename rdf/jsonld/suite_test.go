package jsonld_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// suiteBase is where the suite's documents are by their IRIs.
const suiteBase = "https://w3c.github.io/json-ld-api/tests/"

// suiteTest is an entry of a manifest.
type suiteTest struct {
	ID              string   `json:"@id"`
	Type            []string `json:"@type"`
	Name            string
	Input, Expect   string
	ExpectErrorCode string
	Option          struct {
		Base, ExpandContext, SpecVersion, ProcessingMode, RDFDirection string
		UseNativeTypes, UseRDFType                                     bool
	}
}

// suiteLoader gives the contexts of the suite from its folder.
type suiteLoader struct{ root string }

func (l suiteLoader) Load(iri string) ([]byte, error) {
	name, ok := strings.CutPrefix(iri, suiteBase)
	if !ok {
		return nil, jsonld.ErrContext
	}
	return os.ReadFile(filepath.Join(l.root, filepath.FromSlash(name)))
}

func (test suiteTest) options(t *testing.T, root string) []jsonld.Option {
	base := suiteBase + test.Input
	if test.Option.Base != "" {
		base = test.Option.Base
	}
	opts := []jsonld.Option{jsonld.File(test.Input), jsonld.Base(base), jsonld.Contexts(suiteLoader{root}),
		jsonld.Direction(jsonld.DirectionMode(test.Option.RDFDirection))}
	if test.Option.ExpandContext != "" {
		opts = append(opts, jsonld.Context(readFile(t, filepath.Join(root, test.Option.ExpandContext))))
	}
	if test.Option.ProcessingMode == "json-ld-1.0" || test.Option.SpecVersion == "json-ld-1.0" {
		opts = append(opts, jsonld.Version10())
	}
	if test.Option.UseNativeTypes {
		opts = append(opts, jsonld.NativeTypes())
	}
	if test.Option.UseRDFType {
		opts = append(opts, jsonld.RDFType())
	}
	return opts
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestToRDF runs the W3C suite of reading.
func TestToRDF(t *testing.T) {
	runSuite(t, "toRdf", 467, func(t *testing.T, root string, test suiteTest) error { return runToRDF(t, root, test) })
}

// TestToRDFCached runs it with one cache for all documents.
func TestToRDFCached(t *testing.T) {
	cache := jsonld.Cached(jsonld.NewCache())
	for range 2 {
		runSuite(t, "toRdf", 467, func(t *testing.T, root string, test suiteTest) error { return runToRDF(t, root, test, cache) })
	}
}

// TestFromRDF runs the W3C suite of writing.
func TestFromRDF(t *testing.T) { runSuite(t, "fromRdf", 54, runFromRDF) }

// runSuite runs the tests of a manifest and compares those that fail with the list of known failures, which must be
// exact.
func runSuite(t *testing.T, name string, least int, run func(t *testing.T, root string, test suiteTest) error) {
	root := filepath.Join(suite.Root(t), "w3c", "json-ld-api", "tests")
	tests := suite.Entries[suiteTest](t, filepath.Join(root, name+"-manifest.jsonld"), "sequence", least)
	known := knownFailures(t, name)
	passed, failed := map[string]int{}, 0
	for _, test := range tests {
		id := strings.TrimPrefix(test.ID, "#")
		reason, listed := known[id]
		delete(known, id)
		kind := strings.TrimPrefix(test.Type[0], "jld:")
		switch err := run(t, root, test); {
		case err == nil && listed:
			t.Errorf("%s %q passes, but testdata/failures.txt lists it: %s", id, test.Name, reason)
		case err != nil && !listed:
			t.Errorf("%s %q: %v", id, test.Name, err)
		case err == nil:
			passed[kind]++
		default:
			failed++
		}
	}
	for id := range known {
		t.Errorf("testdata/failures.txt lists %s, which the manifest doesn't have", id)
	}
	t.Logf("%s: %d tests, passed %v, known failures %d", name, len(tests), passed, failed)
}

// knownFailures reads the lines "suite id reason" of a suite.
func knownFailures(t *testing.T, name string) map[string]string {
	known := map[string]string{}
	for line := range strings.Lines(string(readFile(t, "testdata/failures.txt"))) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if strings.HasPrefix(line, "#") || len(fields) < 3 || fields[0] != name {
			if line := strings.TrimSpace(line); line != "" && line[0] != '#' && len(fields) < 3 {
				t.Fatalf("testdata/failures.txt: %q has no reason", line)
			}
			continue
		}
		known[fields[1]] = fields[2]
	}
	return known
}

func runToRDF(t *testing.T, root string, test suiteTest, more ...jsonld.Option) error {
	document, err := os.ReadFile(filepath.Join(root, test.Input))
	if err != nil {
		return err
	}
	var quads []rdf.Quad
	err = jsonld.Parse(document, func(q rdf.Quad) error {
		quads = append(quads, q)
		return nil
	}, append(test.options(t, root), more...)...)
	if slices.Contains(test.Type, "jld:NegativeEvaluationTest") {
		return checkCode(err, test.ExpectErrorCode)
	}
	if err != nil || test.Expect == "" {
		return err
	}
	var want []rdf.Quad
	if err := nquads.Parse(readFile(t, filepath.Join(root, test.Expect)), func(q rdf.Quad) error {
		want = append(want, q.Clone())
		return nil
	}); err != nil {
		return fmt.Errorf("expected result: %w", err)
	}
	same, err := canon.Isomorphic(quads, want)
	if err == nil && !same {
		err = errors.New(cmp.Diff(form(t, want), form(t, quads)))
	}
	return err
}

func form(t *testing.T, quads []rdf.Quad) []string {
	d, err := canon.Canonicalize(quads)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(d.AppendNQuads(nil)), "\n")
}

func checkCode(err error, code string) error {
	var own *jsonld.Error
	if err == nil {
		return fmt.Errorf("no error, expected %q", code)
	}
	if !errors.As(err, &own) || own.Code != code {
		return fmt.Errorf("expected %q: %w", code, err)
	}
	return nil
}

func runFromRDF(t *testing.T, root string, test suiteTest) error {
	var quads []rdf.Quad
	if err := nquads.Parse(readFile(t, filepath.Join(root, test.Input)), func(q rdf.Quad) error {
		quads = append(quads, q.Clone())
		return nil
	}); err != nil {
		return err
	}
	got, err := jsonld.Marshal(quads, test.options(t, root)...)
	if slices.Contains(test.Type, "jld:NegativeEvaluationTest") {
		return checkCode(err, test.ExpectErrorCode)
	}
	if err != nil {
		return err
	}
	diff := cmp.Diff(unordered(t, readFile(t, filepath.Join(root, test.Expect))), unordered(t, got))
	if diff != "" {
		return errors.New(diff)
	}
	return nil
}

// unordered decodes JSON and sorts all arrays but those of @list, whose order alone has a meaning, and JSON literals.
func unordered(t *testing.T, text []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	sortArrays(v, "")
	return v
}

func sortArrays(v any, member string) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if name != "@value" {
				sortArrays(value, name)
			}
		}
	case []any:
		for _, item := range v {
			sortArrays(item, "")
		}
		if member != "@list" {
			slices.SortFunc(v, func(a, b any) int { return strings.Compare(text(a), text(b)) })
		}
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
