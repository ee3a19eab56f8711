package differential

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf/canon"
)

// TestReaders compares what all readers make of many documents.
func TestReaders(t *testing.T) {
	c := &comparison{files: suiteFiles(t), seed: number(t, "QUADRILLE_SEED", 1)}
	c.oxigraph, c.javascript = peers(t)
	docs := number(t, "QUADRILLE_DOCS", 3000) / uint64(len(formats))
	for _, f := range formats {
		t.Run(string(f), func(t *testing.T) { c.compare(t, f, docs) })
	}
}

// mostFailures is how many documents of a format are shrunk and shown.
const mostFailures = 10

// comparison is a run with some seed.
type comparison struct {
	oxigraph, javascript *peer
	seed                 uint64
	files                map[format][][]byte // of the conformance suites
}

// compare compares the answers for many documents of a format.
func (c *comparison) compare(t *testing.T, f format, docs uint64) {
	var accepted, failed int
	explained := map[string]int{}
	for n := range docs {
		doc := c.document(t, f, n)
		if f.ours(doc).reason == "" {
			accepted++
		}
		got := c.check(t, f, doc)
		for _, name := range got.known {
			explained[name]++
		}
		if got.difference == "" || len(got.known) > 0 {
			continue
		}
		if failed++; failed <= mostFailures {
			c.show(t, f, n, doc, got)
		}
	}
	t.Logf("%d documents, %d of them accepted, %d answers that are not explained", docs, accepted, failed)
	for _, k := range differences {
		if explained[k.name] > 0 {
			t.Logf("%4d: %s", explained[k.name], k.name)
		}
	}
}

// show fails the test with a small document that has the difference of this one.
func (c *comparison) show(t *testing.T, f format, n uint64, doc []byte, was outcome) {
	small := shrink(doc, func(d []byte) bool {
		got := c.check(t, f, d)
		return got.difference == was.difference && len(got.known) == 0
	})
	first, second := c.order(f)
	t.Errorf("document %d of seed %d: %s\n%q\nours: %v\n%s: %v\n%s: %v", n, c.seed, was.difference, small, f.ours(small),
		first.name, first.read(t, f, small), second.name, second.read(t, f, small))
}

// order returns the peer that is asked about each document of a format, and the one whose answer is shown as a second opinion.
func (c *comparison) order(f format) (first, second *peer) {
	if f == formatJSONLD {
		return c.javascript, c.oxigraph
	}
	return c.oxigraph, c.javascript
}

// outcome is what a comparison shows: how the answers differ, if they do, and what is known of that, if it explains it.
type outcome struct {
	difference string
	known      []string
}

// check compares our answer with the first peer's.
func (c *comparison) check(t *testing.T, f format, doc []byte) outcome {
	t.Helper()
	first, _ := c.order(f)
	r := reading{f.ours(doc), first.read(t, f, doc)}
	if same(r.ours, r.theirs) {
		return outcome{}
	}
	return outcome{r.difference(), c.explain(t, f, string(doc), r)}
}

// explain returns the names of the known differences that explain one together, none if they don't.
func (c *comparison) explain(t *testing.T, f format, doc string, r reading) (names []string) {
	first, _ := c.order(f)
	for _, k := range differences {
		if name := unrepaired(f, r); name != "" {
			return append(names, name)
		}
		if k.repair == nil || !slices.Contains(k.formats, f) {
			continue
		}
		repaired := k.repair(doc)
		if repaired == doc {
			continue
		}
		doc, names = repaired, append(names, k.name)
		r = reading{f.ours([]byte(doc)), first.read(t, f, []byte(doc))}
		if r.ours.reason == "" && same(r.ours, r.theirs) {
			return names
		}
	}
	return nil
}

// unrepaired returns the name of a known difference that shows in the answers alone.
func unrepaired(f format, r reading) string {
	for _, k := range differences {
		if k.repair == nil && slices.Contains(k.formats, f) && k.differs(r) {
			return k.name
		}
	}
	return ""
}

// same reports whether two answers are the same: both a refusal, or quads that differ in the labels of blank nodes alone. Those
// of which that can't be told within the bounds of package canon are taken for the same.
func same(a, b answer) bool {
	if a.reason != "" || b.reason != "" {
		return a.reason != "" && b.reason != ""
	}
	equal, err := canon.Isomorphic(a.quads, b.quads)
	return equal || err != nil
}

// difference says how the answers differ.
func (r reading) difference() string {
	switch {
	case r.ours.reason != "":
		return "we alone refuse"
	case r.theirs.reason != "":
		return "the peer alone refuses"
	}
	return "other quads"
}

// String returns the answer in words, short.
func (a answer) String() string {
	text := "refused, " + a.reason
	if a.reason == "" {
		text = fmt.Sprint("accepted, ", a.quads)
	}
	return text[:min(len(text), 1000)]
}

// document returns the n-th document of a format: one third as generated, the others changed, of which some are the suites'.
func (c *comparison) document(t *testing.T, f format, n uint64) []byte {
	rng := rand.New(rand.NewPCG(c.seed, n))
	if f == formatRDFXML {
		return documentRDFXML(t, rng)
	}
	doc := generate(rng, f)
	if rng.IntN(3) == 0 {
		if got := f.ours(doc); got.reason != "" && f != formatJSONLD { // a context and what refers to it may not fit
			t.Fatalf("the generated document %d is refused: %s\n%q", n, got.reason, doc)
		}
		return doc
	}
	if files := c.files[f]; len(files) > 0 && rng.IntN(3) == 0 {
		doc = files[rng.IntN(len(files))]
	}
	m := &mutator{rng, generate(rng, f)}
	return m.mutate(f, doc)
}

// suiteFiles are the documents of the conformance suites, as far as they are there.
func suiteFiles(t *testing.T) map[format][][]byte {
	root := os.Getenv("QUADRILLE_SUITES")
	files := map[format][][]byte{}
	if root == "" {
		return files
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		for _, f := range formats {
			if strings.HasSuffix(name, f.suffix()) {
				text, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				files[f] = append(files[f], text[:min(len(text), 10_000)])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// number returns the value of an environment variable.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
