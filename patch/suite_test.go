package patch_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/patch"
)

// TestSuite reads the documents that other implementations test theirs with. They refuse a file whose name has
// "malformed" in it, and one with "bad" for a log that is linked by id and prev.
func TestSuite(t *testing.T) {
	const leastGood, leastBad = 8, 4
	var good, bad int
	for _, file := range suiteFiles(t) {
		name := filepath.Base(file)
		malformed, refuse := strings.Contains(name, "malformed"), strings.Contains(name, "bad")
		if malformed || refuse {
			bad++
		} else {
			good++
		}
		t.Run(name, func(t *testing.T) {
			doc, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case malformed:
				refused(t, doc)
			case refuse:
				refused(t, doc, patch.RequireID())
			default:
				accepted(t, doc)
			}
		})
	}
	t.Logf("%d good, %d bad", good, bad)
	if good < leastGood || bad < leastBad {
		t.Errorf("%d good and %d bad documents, expected at least %d and %d", good, bad, leastGood, leastBad)
	}
}

// suiteFiles lists the documents of the suite.
func suiteFiles(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join(suite.Root(t), "rdf-patch", "*", "*.rdfp"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func refused(t *testing.T, doc []byte, opts ...patch.Option) {
	var n patch.Counter
	err := patch.Parse(doc, &n, opts...)
	var syntax *patch.SyntaxError
	if !errors.As(err, &syntax) || syntax.Line < 2 || syntax.Col != 1 { // the faults are whole rows, not the first ones
		t.Errorf("accepted, or without a place: %v\n%s", err, doc)
	}
	t.Log(err)
}

// accepted checks that all rows of a document were read, and can be written and read again.
func accepted(t *testing.T, doc []byte) {
	rows := read(t, doc, patch.RequireTransactions(), patch.RequireID())
	if lines := countRows(doc); len(rows) != lines {
		t.Errorf("%d rows of %d\n%s", len(rows), lines, doc)
	}
	var b bytes.Buffer
	w := patch.NewWriter(&b)
	if err := drive(rows, w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if again := read(t, b.Bytes(), patch.RequireTransactions(), patch.RequireID()); !slices.Equal(again, rows) {
		t.Errorf("\nread  %v\nagain %v", rows, again)
	}
}

// countRows counts the lines that are no comments: the documents have one row a line.
func countRows(doc []byte) (n int) {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			n++
		}
	}
	return n
}
