package rdfio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
)

var (
	data    = []rdfio.Format{rdfio.NTriples, rdfio.NQuads, rdfio.Turtle, rdfio.TriG, rdfio.RDFXML, rdfio.JSONLD}
	patches = []rdfio.Format{rdfio.Patch, rdfio.PatchBinary}
)

func TestNames(t *testing.T) {
	for name, want := range map[string]rdfio.Format{
		"a.nt": rdfio.NTriples, "dir.nt/a.nq": rdfio.NQuads, "A.TTL.GZ": rdfio.Turtle, "a.b.trig.zst": rdfio.TriG,
		"a.jsonld": rdfio.JSONLD, ".rdfp": rdfio.Patch, "a.trp.gz": rdfio.PatchBinary, "a.ru": rdfio.Update,
		"-": "", "a": "", "a.gz": "", "nt": "", "a.nt.gz.gz": "", "a.nt/b": "", "a.nt.bz2": rdfio.NTriples,
		"a.nt.XZ": rdfio.NTriples, "a.json": rdfio.JSONLD, "a.nquads": rdfio.NQuads, "a.": "", "a.n-quads": "",
		"a.rdf": rdfio.RDFXML, "a.OWL.gz": rdfio.RDFXML, "a.rdfs": rdfio.RDFXML, "a.xml": rdfio.RDFXML,
	} {
		if got, ok := rdfio.ByName(name); got != want || ok != (want != "") {
			t.Errorf("%s: %s, %v", name, got, ok)
		}
	}
	for text, want := range map[string]rdfio.Format{
		"ntriples": rdfio.NTriples, "application/n-triples": rdfio.NTriples, "application/n-quads": rdfio.NQuads,
		"Text/Turtle; charset=UTF-8": rdfio.Turtle, "application/trig": rdfio.TriG, "application/ld+json": rdfio.JSONLD,
		"application/rdf-patch": rdfio.Patch, "application/rdf-patch+thrift": rdfio.PatchBinary,
		"application/sparql-update": rdfio.Update, "update": rdfio.Update,
		"": "", ".": "", "text/plain": "", "gz": "", "text/turtle;": rdfio.Turtle, "Turtle": rdfio.Turtle, "nt": rdfio.NTriples,
		"N-Triples": rdfio.NTriples, ".nq": rdfio.NQuads, "ttl": rdfio.Turtle, "TRIG": rdfio.TriG, "json": rdfio.JSONLD,
		"JSON-LD": rdfio.JSONLD, "rdfp": rdfio.Patch, "rdf-patch": rdfio.Patch, "trp": rdfio.PatchBinary, "ru": rdfio.Update,
		"application/json": rdfio.JSONLD, "application/rdf+xml": rdfio.RDFXML, "rdfxml": rdfio.RDFXML, "RDF/XML": rdfio.RDFXML,
		"rdf": rdfio.RDFXML, "owl": rdfio.RDFXML, "text/xml; charset=utf-8": rdfio.RDFXML, "xml": rdfio.RDFXML,
	} {
		if got, err := rdfio.Parse(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]rdfio.Format{
		"application/xml": rdfio.RDFXML, "Text/XML; charset=utf-8": rdfio.RDFXML, "application/rdf+xml": rdfio.RDFXML,
		"application/x-turtle": rdfio.Turtle, "application/x-trig": rdfio.TriG, "text/x-nquads": rdfio.NQuads,
		"application/ld+json": rdfio.JSONLD, "application/rdf-patch": rdfio.Patch, "application/sparql-update": rdfio.Update,
		"application/json": "", "turtle": "", ".xml": "", "": "", "text/plain": "", "application/sparql-results+xml": "",
	} {
		if got, ok := rdfio.ByMediaType(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
	all := slices.Concat(data, patches)
	for _, f := range all {
		names, suffixes := rdfio.DataNames, rdfio.DataSuffixes
		if f.IsPatch() {
			names, suffixes = rdfio.PatchNames, rdfio.PatchSuffixes
		}
		if byType, err := rdfio.Parse(f.MediaType()); byType != f || err != nil {
			t.Errorf("%s is known by %q as %s, %v", f, f.MediaType(), byType, err)
		}
		if bySuffix, ok := rdfio.ByName("a" + f.Suffix()); bySuffix != f || !ok || !strings.Contains(rdfio.Suffixes, f.Suffix()) || !strings.Contains(suffixes, f.Suffix()) || !strings.Contains(rdfio.ReadNames, string(f)) {
			t.Errorf("%s is known by %q as %s", f, f.Suffix(), bySuffix)
		}
		if !strings.Contains(names, string(f)) || f.IsData() == f.IsChanges() || f.IsData() != slices.Contains(data, f) {
			t.Errorf("%s: %s, %v, %v", f, names, f.IsData(), f.IsChanges())
		}
	}
	if f := rdfio.Format("x"); f.MediaType() != "" || f.Suffix() != "" {
		t.Errorf("%q, %q", f.MediaType(), f.Suffix())
	}
	if f := rdfio.Format(""); f.IsData() || f.IsChanges() || !rdfio.Update.IsChanges() || rdfio.Update.IsPatch() {
		t.Error("no format is one, or update is a patch")
	}
}

func TestCompression(t *testing.T) {
	text := strings.Repeat("some text\n", 10_000)
	for _, name := range []string{"a.nt", "a.nt.gz", "A.NT.ZST", "-"} {
		var b bytes.Buffer
		w, err := rdfio.Compress(name, &b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if small := b.Len() < len(text)/10; small != (strings.Count(name, ".") == 2) {
			t.Errorf("%s: %d bytes of %d", name, b.Len(), len(text))
		}
		whole := slices.Clone(b.Bytes())
		r, err := rdfio.Decompress(name, &b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != text || r.Close() != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if strings.Count(name, ".") < 2 {
			continue
		}
		if r, err = rdfio.Decompress(name, bytes.NewReader(whole[:len(whole)-3])); err == nil {
			_, err = io.ReadAll(r)
		}
		if err == nil {
			t.Errorf("%s: what is cut off was read", name)
		}
	}
}

// TestWrittenIsRead: what is written in each format of data reads as the same statements.
func TestWrittenIsRead(t *testing.T) {
	quads := []rdf.Quad{
		{S: rdf.Trusted("<s:1>"), P: rdf.Trusted("<p:p>"), O: rdf.Trusted(`"a\nb"@en`)},
		{S: rdf.Trusted("<s:1>"), P: rdf.Trusted("<p:p>"), O: rdf.Trusted(`<o:1>`)},
		{S: rdf.Trusted("<s:2>"), P: rdf.Trusted("<p:p>"), O: rdf.Trusted(`"x"`), G: rdf.Trusted("<g:1>")},
	}
	for _, format := range data {
		want := slices.Clone(quads)
		if format.IsTriples() {
			want = want[:2]
		}
		var b bytes.Buffer
		w, err := rdfio.NewDataWriter(&b, format, rdfio.WithPrefixes(turtle.Prefix{Name: "s", IRI: "s:"}))
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range quads {
			err := w.Write(q)
			if named := len(want) == 2 && !q.G.IsZero(); (err != nil) != named {
				t.Errorf("%s: %v: %v", format, q, err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		var got []rdf.Quad
		prefixes := 0
		source := rdfio.Source{File: "f", Prefixes: func(p []turtle.Prefix) { prefixes += len(p) }}
		err = source.Statements(&b, format, func(q rdf.Quad) error { got = append(got, q.Clone()); return nil })
		slices.SortFunc(got, rdf.Quad.Compare)
		slices.SortFunc(want, rdf.Quad.Compare)
		if diff := cmp.Diff(texts(want), texts(got)); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", format, err, diff)
		}
		if wantPrefixes := map[rdfio.Format]int{rdfio.Turtle: 1, rdfio.TriG: 1, rdfio.RDFXML: 3}[format]; prefixes != wantPrefixes {
			t.Errorf("%s: %d prefixes", format, prefixes)
		}
	}
}

func texts(quads []rdf.Quad) (texts []string) {
	for _, q := range quads {
		texts = append(texts, q.String())
	}
	return texts
}

// TestComments: what is said at the end of a document leaves it as it is.
func TestComments(t *testing.T) {
	for format, document := range documents {
		text := rdfio.Comment(format, "a -- b --->\nc")
		if format == rdfio.JSONLD {
			if text != "" {
				t.Errorf("%s: %q", format, text)
			}
			continue
		}
		got, err := read(rdfio.Source{}, strings.NewReader(document+"\n"+text), format)
		if err != nil || len(got) != 1 || !strings.Contains(text, "c") {
			t.Errorf("%s: %q: %v, %v", format, text, got, err)
		}
	}
}

func TestChangesAreRead(t *testing.T) {
	const text = "H id <urn:1> .\nTX .\nA <s:1> <p:1> <o:1> .\nTC .\n"
	for _, format := range patches {
		var b bytes.Buffer
		w, err := rdfio.NewChangeWriter(&b, format, patch.RefuseBlanks)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(patch.Parse([]byte(text), w), w.Flush()); err != nil {
			t.Fatal(err)
		}
		var c patch.Counter
		err = rdfio.Source{File: "f"}.Rows(&b, format, &c)
		if want := (patch.Counter{Headers: 1, Begins: 1, Commits: 1, Adds: 1}); err != nil || c != want {
			t.Errorf("%s: %+v, %v", format, c, err)
		}
	}
}

// TestJSONIsBounded: a document that is too large is refused, by bytes and by statements.
func TestJSONIsBounded(t *testing.T) {
	const document = `{"@id": "s:1", "p:1": [1, 2, 3]}`
	for _, test := range []struct {
		source rdfio.Source
		ok     bool
	}{
		{rdfio.Source{MaxDocument: len(document), MaxQuads: 3}, true},
		{rdfio.Source{MaxDocument: len(document) - 1}, false},
		{rdfio.Source{MaxQuads: 2}, false},
	} {
		err := test.source.Statements(strings.NewReader(document), rdfio.JSONLD, func(rdf.Quad) error { return nil })
		if (err == nil) != test.ok || err != nil && !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("%+v: %v", test.source, err)
		}
	}
}

// TestErrorsNameTheFile, once, whatever they are.
func TestErrorsNameTheFile(t *testing.T) {
	broken := errors.New("broken")
	source := rdfio.Source{File: "f.x"}
	check := func(format rdfio.Format, what string, err error) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), "f.x:") || strings.Count(err.Error(), "f.x") != 1 {
			t.Errorf("%s, %s: %v", format, what, err)
		}
	}
	for _, format := range data {
		none := func(rdf.Quad) error { return nil }
		check(format, "reader", source.Statements(iotest.ErrReader(broken), format, none))
		check(format, "content", source.Statements(strings.NewReader("<s:1> }"), format, none))
		one := `<s:1> <p:1> <o:1> .`
		if format == rdfio.JSONLD {
			one = `{"@id": "s:1", "p:1": 1}`
		}
		if format == rdfio.RDFXML {
			one = documents[format]
		}
		err := source.Statements(strings.NewReader(one), format, func(rdf.Quad) error { return broken })
		if check(format, "function", err); !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
		check(format, "no patch", source.Rows(strings.NewReader(""), format, patch.Tee()))
	}
	for _, format := range patches {
		check(format, "reader", source.Rows(iotest.ErrReader(broken), format, patch.Tee()))
		check(format, "content", source.Rows(strings.NewReader("X"), format, patch.Tee()))
		check(format, "no data", source.Statements(strings.NewReader(""), format, func(rdf.Quad) error { return nil }))
	}
}

// oneContext is a loader of one context.
type oneContext []byte

func (c oneContext) Load(string) ([]byte, error) { return c, nil }

// TestContextsAreCached: with a cache a document with a large context takes a fraction of what it takes without.
func TestContextsAreCached(t *testing.T) {
	var context strings.Builder
	for i := range 500 {
		fmt.Fprintf(&context, `"t%d":"x:t%d",`, i, i)
	}
	loader := oneContext(`{"@context":{` + context.String() + `"p":"x:p"}}`)
	allocated := func(cache *jsonld.Cache) float64 {
		source := rdfio.Source{File: "f", Contexts: loader, Cache: cache}
		return testing.AllocsPerRun(3, func() {
			quads := 0
			document := strings.NewReader(`{"@context":"x:c","@id":"x:s","p":"1"}`)
			err := source.Statements(document, rdfio.JSONLD, func(rdf.Quad) error { quads++; return nil })
			if err != nil || quads != 1 {
				t.Fatal(quads, err)
			}
		})
	}
	if with, without := allocated(jsonld.NewCache()), allocated(nil); with > without/10 {
		t.Errorf("%v allocations with a cache, %v without", with, without)
	}
}

// TestLongLiteralIsCopiedLittle: what is allocated to read a long literal of JSON-LD, in all, is the document, the lexical form
// and the term; to write one, the term, the lexical form and the document. The race detector makes a copy more.
func TestLongLiteralIsCopiedLittle(t *testing.T) {
	const size = 8 << 20
	lexical := strings.Repeat("é, a quote \\\" and a line end\\n", size/30)
	allocated := func(do func() error) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := do()
		if runtime.ReadMemStats(&after); err != nil {
			t.Fatal(err)
		}
		return float64(after.TotalAlloc-before.TotalAlloc) / size
	}
	document := []byte(`{"@id":"x:s","x:p":"` + lexical + `"}`)
	source := rdfio.Source{File: "f", Size: len(document)}
	if n := allocated(func() error {
		return source.Statements(bytes.NewReader(document), rdfio.JSONLD, func(rdf.Quad) error { return nil })
	}); n > 4.5 {
		t.Errorf("%.1f times its size to read it", n)
	}
	q := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(`"` + lexical + `"`)}
	if n := allocated(func() error {
		w, err := rdfio.NewDataWriter(io.Discard, rdfio.JSONLD)
		return errors.Join(err, w.Write(q), w.Flush())
	}); n > 4.5 {
		t.Errorf("%.1f times its size to write it", n)
	}
}

func TestCutCompression(t *testing.T) {
	for name, want := range map[string]string{
		"a.nq.gz": "a.nq", "A.NQ.ZST": "A.NQ", "a.csv.bz2": "a.csv", "*.gz": "*", ".gz": "", "\u0130.gz": "\u0130", "a.gz.zst": "a.gz",
		"a.nq": "a.nq", "a.nq.xz": "a.nq.xz", "a.zip": "a.zip", "gz": "gz", "": "",
	} {
		if got, is := rdfio.CutCompression(name); got != want || is != (name != want) {
			t.Errorf("%q: %q, %v, want %q", name, got, is, want)
		}
	}
}
