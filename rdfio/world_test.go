package rdfio_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// documents are of one statement each.
var documents = map[rdfio.Format]string{
	rdfio.NTriples: "<x:s> <x:p> \"o\"@en-GB .\n",
	rdfio.NQuads:   "<x:s> <x:p> \"o\"@en-GB .\n",
	rdfio.Turtle:   "<x:s> <x:p> \"o\"@en-GB .\n",
	rdfio.TriG:     "{ <x:s> <x:p> 'o'@en-GB }",
	rdfio.RDFXML: `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="x:" r:about="x:s"><x:p xml:lang="en-GB">o</x:p>` +
		`</r:Description>`,
	rdfio.JSONLD: `{"@id":"x:s","x:p":{"@value":"o","@language":"en-GB"}}`,
	rdfio.Patch:  "A <x:s> <x:p> 'o'@en-GB .",
}

// read returns what a document states.
func read(s rdfio.Source, r io.Reader, format rdfio.Format) (got []string, err error) {
	if format.IsData() {
		err = s.Statements(r, format, func(q rdf.Quad) error { got = append(got, q.String()); return nil })
	} else {
		err = s.Rows(r, format, &adds{fn: func(q rdf.Quad) { got = append(got, q.String()) }})
	}
	return got, err
}

type adds struct {
	patch.Ignore
	fn func(rdf.Quad)
}

func (a *adds) Add(q rdf.Quad) error { a.fn(q); return nil }

// TestByteOrderMark: one at the beginning is skipped, also if it comes in pieces; a second one is not.
func TestByteOrderMark(t *testing.T) {
	const mark = "\uFEFF"
	for format, document := range documents {
		for name, r := range map[string]io.Reader{
			"whole":  strings.NewReader(mark + document),
			"pieces": iotest.OneByteReader(strings.NewReader(mark + document)),
		} {
			if got, err := read(rdfio.Source{}, r, format); err != nil || len(got) != 1 {
				t.Errorf("%s, %s: %q, %v", format, name, got, err)
			}
		}
		if got, err := read(rdfio.Source{}, strings.NewReader(mark+mark+document), format); err == nil {
			t.Errorf("%s with two: %q", format, got)
		}
		for _, begin := range []string{mark[:1], mark[:2]} {
			if got, err := read(rdfio.Source{}, strings.NewReader(begin), format); err == nil {
				t.Errorf("%s: half of one: %q", format, got)
			}
		}
		if format == rdfio.JSONLD || format == rdfio.RDFXML {
			continue // of which nothing is no document
		}
		if got, err := read(rdfio.Source{}, strings.NewReader(mark), format); err != nil || len(got) != 0 {
			t.Errorf("%s: nothing else: %q, %v", format, got, err)
		}
	}
}

// TestLanguageCase: tags are lower case, so that they can be compared, unless who reads wants them as they are.
func TestLanguageCase(t *testing.T) {
	binary := func() string {
		var b bytes.Buffer
		w := patch.NewBinaryWriter(&b)
		if err := errors.Join(patch.Parse([]byte(documents[rdfio.Patch]), w, patch.LanguageCase()), w.Flush()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}()
	all := map[rdfio.Format]string{rdfio.PatchBinary: binary}
	for format, document := range documents {
		all[format] = document
	}
	for format, document := range all {
		for keep, want := range map[bool]string{false: `<x:s> <x:p> "o"@en-gb .`, true: `<x:s> <x:p> "o"@en-GB .`} {
			got, err := read(rdfio.Source{LanguageCase: keep}, strings.NewReader(document), format)
			if err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q, %v, expected %q", format, got, err, want)
			}
		}
	}
}

// TestMagic: compressed bytes are known by how they begin, whatever the name.
func TestMagic(t *testing.T) {
	const text = "<x:s> <x:p> <x:o> .\n"
	zipped := func(name string) []byte {
		var b bytes.Buffer
		w, err := rdfio.Compress(name, &b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = io.WriteString(w, text); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	bzip2, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWUvpG+wAAAVZgAAQQAEAFQAAyEAgACI9QBoQAwiyUO1by4R4u5IpwoSCX0jfYA==")
	if err != nil {
		t.Fatal(err)
	}
	skipped := append([]byte{0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x'}, zipped("a.zst")...)
	for name, document := range map[string][]byte{"gzip": zipped("a.gz"), "zstd": zipped("a.zst"), "bzip2": bzip2,
		"a frame to skip": skipped, "two": append(zipped("a.gz"), zipped("a.gz")...)} {
		for _, file := range []string{"-", "a.nt", "a.nt.gz", "a.nt.bz2"} {
			r, err := rdfio.Decompress(file, iotest.OneByteReader(bytes.NewReader(document)))
			if err != nil {
				t.Errorf("%s as %s: %v", name, file, err)
				continue
			}
			if got, err := io.ReadAll(r); err != nil || strings.TrimPrefix(string(got), text) != strings.Repeat(text, len(got)/len(text)-1) {
				t.Errorf("%s as %s: %q, %v", name, file, got, err)
			}
		}
	}
	for _, plain := range []string{"", "B", "BZh9", "BZh:a BZh:b 1 .", "BZh91AY&SX", "\x1f", "(", "P", "\x28\xb5\x2f"} {
		r, err := rdfio.Decompress("-", strings.NewReader(plain))
		if err != nil {
			t.Errorf("%q: %v", plain, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != plain {
			t.Errorf("%q: %q, %v", plain, got, err)
		}
	}
}

// TestCompressionRefused: what can't be read, or written, is said to be so, and how to go on.
func TestCompressionRefused(t *testing.T) {
	for name, document := range map[string]string{"-": "\xfd7zXZ\x00…", "a.nt": "PK\x03\x04…", "a.nt.xz": "x", "a.nt.br": "x", "a.7Z": "x"} {
		if _, err := rdfio.Decompress(name, strings.NewReader(document)); err == nil || !strings.Contains(err.Error(), "decompress it first") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"a.nt.bz2", "a.nt.xz", "a.nt.ZIP"} {
		if _, err := rdfio.Compress(name, io.Discard); err == nil || !strings.Contains(err.Error(), "not written") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := rdfio.Decompress("a.nt.gz", strings.NewReader("plain text")); !errors.Is(err, gzip.ErrHeader) {
		t.Errorf("plain text named .gz: %v", err)
	}
}

// TestCutOff: what ends before it has begun, or anywhere else, is not taken for whole.
func TestCutOff(t *testing.T) {
	for _, name := range []string{"a.nt.gz", "a.nt.zst"} {
		var b bytes.Buffer
		w, err := rdfio.Compress(name, &b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, documents[rdfio.NTriples]); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		for n := range b.Len() {
			r, err := rdfio.Decompress(name, bytes.NewReader(b.Bytes()[:n]))
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if err == nil {
				t.Errorf("%s: %d bytes of %d are taken for all", name, n, b.Len())
			}
		}
	}
	if _, err := rdfio.Decompress("a.zst", iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

// TestWindow: a .zst file may refer back as far as zstd -d takes it, and not farther.
func TestWindow(t *testing.T) {
	for window, good := range map[int]bool{128 << 20: true, 256 << 20: false} {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(false))
		if err != nil {
			t.Fatal(err)
		}
		noise := make([]byte, 1<<20) // what is written in pieces has no length that could stand for the window
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		for range 3 {
			if _, err := w.Write(noise); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := rdfio.Decompress("a.zst", &b)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if good && (err != nil || n != 3<<20) || !good && (!errors.Is(err, zstd.ErrWindowSizeExceeded) || !strings.Contains(err.Error(), "--long=31")) {
			t.Errorf("window %d: %d bytes, %v", window, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// reads counts how often something is read.
type reads struct {
	io.Reader
	count int
}

func (r *reads) Read(b []byte) (int, error) {
	r.count++
	return r.Reader.Read(b)
}

// TestDecompressReadsInBulk: what is compressed is not read in small pieces, each of which is a call of the system.
func TestDecompressReadsInBulk(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	digits := make([]byte, 1<<20) // which are compressed to half of that
	for i := range digits {
		digits[i] = byte('0' + random.IntN(10))
	}
	for _, name := range []string{"a.nq.gz", "a.nq.zst"} {
		var b bytes.Buffer
		w, err := rdfio.Compress(name, &b)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(digits)
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		from := &reads{Reader: &b}
		r, err := rdfio.Decompress(name, from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, digits) || from.count > len(digits)/4096 {
			t.Errorf("%s: %d bytes in %d reads, %v", name, len(got), from.count, err)
		}
	}
}

// TestAllMistakes: reading goes on after a mistake where the format lets it, and each mistake has its place.
func TestAllMistakes(t *testing.T) {
	const lines = "<x:s> <x:p> ] .\n<x:s> <x:p> \"1\" .\n<x:s> x .\n<x:s> <x:p> \"2\" .\n"
	for format, c := range map[rdfio.Format]struct {
		document string
		places   string
		quads    int
	}{
		rdfio.NTriples: {lines, "f:1:13 f:3:7", 2}, rdfio.NQuads: {lines, "f:1:13 f:3:7", 2}, rdfio.Turtle: {lines, "f:1:13 f:3:7", 2},
		rdfio.TriG:   {"<x:g> {\n" + lines + "}\n" + lines, "f:2:13 f:4:7 f:7:13 f:9:7", 4},
		rdfio.RDFXML: {"<e:C xmlns:e='x:'>\n<e:p>a</e:p></e:D>", "f:2:13", 2},
		rdfio.JSONLD: {"[{\"@id\": \"x:s\", \"x:p\": 1},\n ], ]", "f:2:2", 0},
	} {
		var places []string
		place := func(err error) {
			var syntax *rdf.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("%s: %v", format, err)
			}
			places = append(places, fmt.Sprintf("%s:%d:%d", syntax.File, syntax.Line, syntax.Col))
		}
		source := rdfio.Source{File: "f", Mistake: func(err error) error { place(err); return nil }}
		got, err := read(source, strings.NewReader(c.document), format)
		if err != nil {
			place(err)
		}
		if all := strings.Join(places, " "); all != c.places || len(got) != c.quads {
			t.Errorf("%s: %s, %d quads, expected %s and %d", format, all, len(got), c.places, c.quads)
		}
	}
	enough := errors.New("enough")
	source := rdfio.Source{File: "f", Mistake: func(error) error { return enough }}
	if got, err := read(source, strings.NewReader(lines), rdfio.Turtle); !errors.Is(err, enough) || len(got) != 0 {
		t.Errorf("%v, %v, expected the end at the first mistake", got, err)
	}
}
