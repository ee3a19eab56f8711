package sparql_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/internal/suite/manifest"
	"github.com/quadrille-stream/quadrille/sparql"
)

func suiteRoot(t testing.TB) string {
	t.Helper()
	return filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql")
}

// TestSuites reads all queries and updates of the W3C's suites: those that are said to be wrong are errors, all others are read, and
// what is written of them is read as an equal tree. testdata/exceptions.txt has those that are otherwise, each with its reason.
func TestSuites(t *testing.T) {
	root := suiteRoot(t)
	expected := manifest.Exceptions(t, filepath.Join("testdata", "exceptions.txt"))
	for _, of := range []struct {
		manifest string
		least    int
	}{
		{"sparql10/manifest.ttl", 482}, // the 483rd, dawg-optional-filter-005-simplified, is declared and not listed
		{"sparql11/manifest-sparql11-query.ttl", 328},
		{"sparql11/manifest-sparql11-update.ttl", 157},
		{"sparql11/manifest-sparql11-results.ttl", 10},
		{"sparql11/manifest-sparql11-fed.ttl", 10},
		{"sparql12/manifest.ttl", 269},
	} {
		t.Run(of.manifest, func(t *testing.T) {
			for _, test := range manifest.Read(t, of.least, filepath.Join(root, of.manifest)) {
				name := strings.TrimPrefix(test.ID, manifest.IRI(root)+"/")
				err := suiteTest(t, test)
				_, listed := expected[name]
				delete(expected, name)
				switch {
				case err == "" && listed:
					t.Errorf("%s is as it should be, and in the list of exceptions: take it out", name)
				case err != "" && !listed:
					t.Errorf("%s: %s", name, err)
				}
			}
		})
	}
	for name := range expected {
		t.Errorf("%s is in the list of exceptions, and in no manifest", name)
	}
}

// suiteTest says what is not as a test wants it; "" if all is.
func suiteTest(t *testing.T, test manifest.Test) string {
	t.Helper()
	text, err := os.ReadFile(test.Action)
	if err != nil {
		t.Fatal(err)
	}
	negative := strings.Contains(test.Type, "Negative")
	tree, err := parse(string(text), strings.Contains(test.Type, "Update"), sparql.Base(manifest.IRI(test.Action)))
	switch {
	case negative && err == nil:
		return "no error"
	case negative:
		return ""
	case err != nil:
		return err.Error()
	}
	return rewritten(tree)
}

// TestFiles reads every query and update of the suites, also those that no manifest lists: there is never a panic, and what is
// written is read as an equal tree.
func TestFiles(t *testing.T) {
	read := 0
	err := filepath.WalkDir(suiteRoot(t), func(path string, _ fs.DirEntry, err error) error {
		update := strings.HasSuffix(path, ".ru")
		if err != nil || !update && !strings.HasSuffix(path, ".rq") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		tree, err := parse(string(text), update, sparql.Base(manifest.IRI(path)))
		if err != nil {
			return nil
		}
		read++
		if fault := rewritten(tree); fault != "" {
			t.Errorf("%s: %s", path, fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const least = 900
	if read < least {
		t.Errorf("%d files were read, expected at least %d", read, least)
	}
}
