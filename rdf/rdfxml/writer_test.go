package rdfxml_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

type failer interface{ Fatalf(string, ...any) }

// quadsOf reads N-Quads.
func quadsOf(t failer, text string) (quads []rdf.Quad) {
	err := nquads.Parse([]byte(text), func(q rdf.Quad) error { quads = append(quads, q.Clone()); return nil })
	if err != nil {
		t.Fatalf("%v", err)
	}
	return quads
}

func write(t failer, quads []rdf.Quad, opts ...rdfxml.WriterOption) []byte {
	var b bytes.Buffer
	w := rdfxml.NewWriter(&b, opts...)
	for _, q := range quads {
		if err := w.Write(q); err != nil {
			t.Fatalf("%v: %v", q, err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatalf("%v", err)
	}
	return b.Bytes()
}

func TestWriter(t *testing.T) {
	quads := quadsOf(t, `<x:s> <http://e.example/ns#p> <x:o?a&b> .
<x:s> <http://e.example/ns#q> "a<b>&\"'\r\n\t]]>é"@en .
<x:s> <http://other.example/1a%20b.c> "1"^^<x:d> .
_:b <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> _:0a.b-c .
_:b <http://e.example/ns#1p-\u00B7q> "x"@ar--rtl .
_:b <http://e.example/ns#p> <<( _:b <http://www.w3.org/1999/02/22-rdf-syntax-ns#value> <<( <x:s> <x:p> " " )>> )>> .
`)
	got := write(t, quads, rdfxml.WithPrefixes(rdfxml.Prefix{Name: "e", IRI: "http://e.example/ns#"}, rdfxml.Prefix{Name: "its", IRI: "x:its"},
		rdfxml.Prefix{Name: "XMLa", IRI: "x:xml"}, rdfxml.Prefix{Name: "long", IRI: "http://e.example/ns#1p-"}, rdfxml.Prefix{IRI: "http://e.example/"}))
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:e="http://e.example/ns#"
    xmlns:its="x:its"
    xmlns:long="http://e.example/ns#1p-"
    xmlns="http://e.example/"
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns:ns1="http://other.example/1a%20"
    xmlns:ns2="http://e.example/ns#1"
    xmlns:its_="http://www.w3.org/2005/11/its"
    xmlns:ns4="x:">
  <rdf:Description rdf:about="x:s">
    <e:p rdf:resource="x:o?a&amp;b"/>
    <e:q xml:lang="en">a&lt;b&gt;&amp;"'&#xD;
	]]&gt;é</e:q>
    <ns1:b.c rdf:datatype="x:d">1</ns1:b.c>
  </rdf:Description>
  <rdf:Description rdf:nodeID="b">
    <rdf:type rdf:nodeID="_-0a.b-c"/>
    <ns2:p-·q rdf:version="1.2" its_:version="2.0" its_:dir="rtl" xml:lang="ar">x</ns2:p-·q>
    <e:p rdf:version="1.2" rdf:parseType="Triple"><rdf:Description rdf:nodeID="b"><rdf:value rdf:version="1.2" rdf:parseType="Triple">` +
		`<rdf:Description rdf:about="x:s"><ns4:p> </ns4:p></rdf:Description></rdf:value></rdf:Description></e:p>
  </rdf:Description>
</rdf:RDF>
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	compareWritten(t, quads)
	if got := string(write(t, nil)); got != `<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
</rdf:RDF>
` {
		t.Errorf("nothing is written as %s", got)
	}
}

// TestWriterPrefixes: the namespace of RDF may have another name, and its own may be taken.
func TestWriterPrefixes(t *testing.T) {
	const ns = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	quads := quadsOf(t, "<x:s> <"+ns+"type> <x:C> .\n<x:s> <rdf:p> \"a\"@en--ltr .\n<x:s> <http://www.w3.org/2000/xmlns/abc> \"b\" .\n")
	for _, prefixes := range [][]rdfxml.Prefix{
		{{Name: "rdf", IRI: "rdf:"}, {Name: "ns", IRI: "ns:"}}, {{Name: "syn", IRI: ns}}, {{IRI: ns}}, {{Name: "rdf", IRI: ns}},
		{{Name: "xmlns", IRI: "rdf:"}, {Name: "xml", IRI: "x:"}, {Name: "x", IRI: "http://www.w3.org/2000/xmlns/"}},
	} {
		text := write(t, quads, rdfxml.WithPrefixes(prefixes...))
		got, err := readertest.Collect(rdfxml.NewBytes(text))
		if err != nil || !slices.Equal(got, quads) {
			t.Errorf("%v: %s\n%v, %v", prefixes, text, got, err)
		}
	}
	for _, prefixes := range [][]rdfxml.Prefix{
		{{Name: "a", IRI: "relative"}}, {{Name: "a", IRI: "x:"}, {Name: "a", IRI: "y:"}}, {{Name: "1", IRI: "x:"}}, {{Name: "a:b", IRI: "x:"}},
	} {
		w := rdfxml.NewWriter(io.Discard, rdfxml.WithPrefixes(prefixes...))
		if err := w.Write(quads[0]); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("%v: %v", prefixes, err)
		}
	}
}

// TestWriterNamespaces: namespaces are declared once, at the beginning, as long as they are few and short and come in time; others where
// they are used. What is collected for that is no more than the buffer.
func TestWriterNamespaces(t *testing.T) {
	var b bytes.Buffer
	w := rdfxml.NewWriter(&b, rdfxml.WithPrefixes(rdfxml.Prefix{Name: "ns2", IRI: "x:given#"}))
	var quads []rdf.Quad
	put := func(predicate, object string) {
		q := quadsOf(t, "<x:s> <"+predicate+"> "+object+" .\n")[0]
		quads = append(quads, q)
		if err := w.Write(q); err != nil {
			t.Fatal(err)
		}
	}
	long := "x:" + strings.Repeat("l", 2000) + "/"
	for range 3 {
		put(long+"p", `"far"`)
		put("x:given#p", `"given"`)
		for i := range 70 {
			put(fmt.Sprintf("x:%d/p", i), `<<( <x:s> <x:q> "a"@ar--rtl )>>`)
		}
	}
	for i := 0; b.Len() == 0; i++ {
		if put("x:3/p", `"again"`); i > 10_000 {
			t.Fatal("nothing is handed on")
		}
	}
	put("x:late/p", `"late"`)
	put("x:late/p", `"later"@ar--rtl`)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for declared, want := range map[string]int{`xmlns:ns2="x:given#"`: 1, `="x:3/"`: 1, `="x:"`: 1, `="http://www.w3.org/2005/11/its"`: 1,
		`xmlns:ns1="x:0/"`: 1, `xmlns:ns2_="x:"`: 1, `xmlns:ns="x:69/"`: 3, `xmlns:ns="x:late/"`: 2, `xmlns:ns="` + long: 3} {
		if got := strings.Count(text, declared); got != want {
			t.Errorf("%.40s stands %d times, not %d", declared, got, want)
		}
	}
	if got, err := readertest.Collect(rdfxml.NewBytes(b.Bytes())); err != nil || !slices.Equal(got, quads) {
		t.Errorf("%v: %d of %d are read", err, len(got), len(quads))
	}
}

// TestWriterRefuses what RDF/XML can't say, names it, and goes on.
func TestWriterRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`<x:s> <http://e.example/p/> "o" .`:                                    "<http://e.example/p/>",
		`<x:s> <http://e.example/1> "o" .`:                                     "<http://e.example/1>",
		`<x:s> <x:> "o" .`:                                                     "<x:>",
		`<x:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#li> "o" .`:          "syntax-ns#li>",
		`<x:s> <http://www.w3.org/1999/02/22-rdf-syntax-ns#Description> "o" .`: "syntax-ns#Description>",
		`<x:s> <http://www.w3.org/2000/xmlns/a> "o" .`:                         "xmlns/a>",
		`<x:s> <x:p> "a\u0001b" .`:                                             "U+0001",
		`<x:s> <x:p> "a\uFFFFb" .`:                                             "U+FFFF",
		"<x:s> <x:p> <x:\uFFFE> .":                                             "U+FFFE",
		"<x:\uFFFE> <x:p> <x:o> .":                                             "U+FFFE",
		"<x:s> <x:p> \"a\"^^<x:\uFFFE> .":                                      "U+FFFE",
		`<x:s> <x:p> <x:o> <x:g> .`:                                            "<x:g>",
		`<x:s> <x:p> <<( <x:s> <http://e.example/1> "o" )>> .`:                 "<http://e.example/1>",
		`<x:s> <x:p> <<( <x:s> <x:p> "\b" )>> .`:                               "U+0008",
	} {
		var b bytes.Buffer
		w := rdfxml.NewWriter(&b)
		good := quadsOf(t, "<x:a> <x:p> <x:o> .\n<x:a> <x:p> \"good\" .\n")
		for i, q := range slices.Concat(good[:1], quadsOf(t, text), good[1:]) {
			err := w.Write(q)
			if i == 1 && (!errors.Is(err, rdfxml.ErrForm) || !strings.Contains(err.Error(), want)) || i != 1 && err != nil {
				t.Errorf("%s: %v", q, err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
		if got, err := readertest.Collect(rdfxml.NewBytes(b.Bytes())); err != nil || !slices.Equal(got, good) {
			t.Errorf("%s: %s\n%v, %v", text, b.Bytes(), got, err)
		}
	}
	w := rdfxml.NewWriter(io.Discard)
	if err := w.Write(rdf.Quad{S: rdf.Trusted(`"s"`), P: rdf.Trusted("<x:p>"), O: rdf.Trusted("<x:o>")}); !errors.Is(err, rdf.ErrInvalid) {
		t.Error(err)
	}
	if err := errors.Join(w.Flush(), w.Flush()); err != nil {
		t.Error(err)
	}
	if err := w.Write(quadsOf(t, "<x:s> <x:p> <x:o> .")[0]); err == nil {
		t.Error("written behind the end")
	}
}

// limited fails after so many bytes.
type limited struct{ left int }

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.left {
		return l.left, io.ErrClosedPipe
	}
	l.left -= len(b)
	return len(b), nil
}

func TestWriterErrors(t *testing.T) {
	q := quadsOf(t, "<x:s> <x:p> \""+strings.Repeat("a", 1000)+"\" .")[0]
	w := rdfxml.NewWriter(&limited{100_000})
	var err error
	for n := 0; n < 1000 && err == nil; n++ {
		err = w.Write(q)
	}
	if !errors.Is(err, io.ErrClosedPipe) || !errors.Is(w.Write(q), io.ErrClosedPipe) || !errors.Is(w.Flush(), io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestLabelsStay from the writer to the reader, and different names are different labels.
func TestLabelsStay(t *testing.T) {
	for _, label := range []string{"b", "_b", "é.c", "anon1", "b-1", "0", "_-", "_-0", "_-_-0", "_-a", "0-", "a.-", "a.--", "_-0.-", "0.-", "_-·", "_-.-"} {
		node, err := rdf.Blank(label)
		if err != nil {
			t.Fatal(err)
		}
		text := write(t, []rdf.Quad{{S: node, P: rdf.Trusted("<x:p>"), O: node}})
		got, err := readertest.Collect(rdfxml.NewBytes(text))
		if err != nil || len(got) != 1 || got[0].S != node || got[0].O != node {
			t.Errorf("%s: %s\n%v, %v", label, text, got, err)
		}
	}
	names := []string{"a", "a.", "a.-", "a.--", "_-", "_-0", "_-_-0", "_-_-_-0", "_-.", "_-.0", "_-0.", "_-0.-", "_-a", "_-_-a", "_-_-", "_-_-."}
	seen := map[rdf.Term]string{}
	for _, name := range names {
		got, err := readertest.Collect(rdfxml.NewBytes([]byte(in("<e:C rdf:nodeID='" + name + "'/>"))))
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", name, got, err)
		}
		if _, err := rdf.Blank(got[0].S.Value()); err != nil || seen[got[0].S] != "" {
			t.Errorf("%s is %s, and so is %q, %v", name, got[0].S, seen[got[0].S], err)
		}
		seen[got[0].S] = name
	}
}

// randomTerms draws terms, some of which XML writes with care.
type randomTerms struct{ t *rapid.T }

func (r randomTerms) iri() rdf.Term {
	return rdf.Trusted("<" + rapid.SampledFrom([]string{"x:a", "http://e.example/é?q=1&r='2'", "x:%20b#c", "urn:a:b"}).Draw(r.t, "IRI") + ">")
}

func (r randomTerms) blank() rdf.Term {
	return rdf.Trusted("_:" + rapid.SampledFrom([]string{"a", "0", "anon0", "anon1", "_-0", "a.-", "a.-b", "é", "anon0_"}).Draw(r.t, "label"))
}

func (r randomTerms) subject() rdf.Term {
	if rapid.Bool().Draw(r.t, "is blank") {
		return r.blank()
	}
	return r.iri()
}

func (r randomTerms) predicate() rdf.Term {
	return rdf.Trusted("<" + rapid.SampledFrom([]string{"x:p", "http://e.example/q", "http://e.example/ns#1é-2", "http://www.w3.org/1999/02/22-rdf-syntax-ns#_1",
		"http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "http://www.w3.org/2000/xmlns/xml", "x:xmlns", "http://e.example/a/%41b"}).Draw(r.t, "predicate") + ">")
}

func (r randomTerms) object(depth int) rdf.Term {
	text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune(" \t\n\r<>&\"']-é𝄞a\u007f\u0085\u2028\uFFFD")), rapid.Rune().
		Filter(func(c rune) bool { return c >= ' ' && c != 0xFFFE && c != 0xFFFF }))).Draw(r.t, "text")
	var term rdf.Term
	var err error
	switch rapid.IntRange(0, 6).Draw(r.t, "kind") {
	case 0:
		return r.blank()
	case 1:
		return r.iri()
	case 2:
		term, err = rdf.TypedLiteral(text, r.iri().Value())
	case 3:
		term, err = rdf.LangLiteral(text, rapid.SampledFrom([]string{"en", "de-at-1901"}).Draw(r.t, "tag"),
			rapid.SampledFrom([]rdf.Direction{"", rdf.LTR, rdf.RTL}).Draw(r.t, "direction"))
	case 4:
		if depth < 4 {
			term, err = rdf.TripleTerm(r.subject(), r.predicate(), r.object(depth+1))
			break
		}
		fallthrough
	default:
		term, err = rdf.Literal(text)
	}
	if err != nil {
		r.t.Fatalf("%v", err)
	}
	return term
}

// TestWrittenIsRead: what was written is the same graph, and its triples come in the same order.
func TestWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := randomTerms{t}
		var quads []rdf.Quad
		for range rapid.IntRange(0, 12).Draw(t, "triples") {
			quads = append(quads, rdf.Quad{S: r.subject(), P: r.predicate(), O: r.object(0)})
		}
		compareWritten(t, quads)
	})
}

// somePrefixes are those that documents are written with.
var somePrefixes = []rdfxml.Prefix{{IRI: "x:"}, {Name: "e", IRI: "http://e.example/"}, {Name: "rdf", IRI: "http://e.example/ns#"}, {Name: "its", IRI: "x:x"}}

// compareWritten checks that triples are read as they were written, but for the labels of blank nodes.
func compareWritten(t failer, quads []rdf.Quad) {
	for _, prefixes := range [][]rdfxml.Prefix{nil, somePrefixes} {
		text := write(t, quads, rdfxml.WithPrefixes(prefixes...))
		got, err := readertest.Collect(rdfxml.NewReader(bytes.NewReader(text)))
		if err != nil || !slices.Equal(readertest.Numbered(got), readertest.Numbered(quads)) {
			t.Fatalf("%v\nis written as %s\nand read as %v, %v", quads, text, got, err)
		}
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	quads := quadsOf(t, "<x:s> <http://e.example/p> \"a\"@en .\n<x:s> <http://e.example/q> <x:o> .\n_:b <x:p> \"1\"^^<x:d> .\n")
	w := rdfxml.NewWriter(io.Discard)
	if n := testing.AllocsPerRun(1000, func() {
		for _, q := range quads {
			if err := w.Write(q); err != nil {
				t.Fatal(err)
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
