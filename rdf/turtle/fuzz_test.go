package turtle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

const testBase = "http://base.example/a/b?q"

var seedDocuments = []string{
	"",
	"@prefix ex: <x:> .\r\nBASE <//h>\nPREFIX : <#>\rex:s a :o , 'é'@EN-gb--ltr ; ; <p> 1, -1.5, 1.e3, true .",
	"<s> <p> ( 1 (2 _:a) [ a <o> ] () [] ) . ( <x> ) a 1 . [ a 1 ] . [] a 2 .",
	"<s> <p> <o> ~ <r> {| a 1 |} ~ _:anon0 ~ [] {| <p> [ <q> 2 {| a 3 |} ] |} {| a 4 |} , <o2> ~ .",
	"<< <s> a << _:b a 'x' ~ >> ~ <r> >> . << <s> a <<( [] <p> \"\"\"a\n\"b\"\\\"\"\"\" )>> >> <p> 1 .",
	"<g> { <s> a 1 . <s> a 2 } GRAPH _:g { } { [] a '''\r\n''' . } [] { <a> <b> <c>, <d> ; }",
	"VERSION \"1.2\" @version '1.2' . @prefix a.b: <x:y> . a.b:c%41\\,.d a.b: a.b::: .",
	"<s>\n# c\n<p>\n\"a\"\n# c\n^^\n# c\n<http://www.w3.org/2001/XMLSchema#string>\n.",
	"<s> <p> \"\"\"\\uD800\"\"\" . <s> <p> 'a\n' . ex:s a 1 . <a b> a 1 . <1:> a 1 .",
	"<s> <p> ((((((1)))))) .",
}

func seeds(f *testing.F) {
	for _, doc := range seedDocuments {
		f.Add([]byte(doc), []byte{3, 0, 7}, uint16(0), true)
		f.Add([]byte(doc), []byte{}, uint16(24), false)
	}
}

// testDepth is the bound of nesting in the fuzz targets.
const testDepth = 5

// options are those of the fuzz targets.
func options(trig bool, more ...turtle.Option) []turtle.Option {
	opts := append([]turtle.Option{turtle.Base(testBase), turtle.MaxDepth(testDepth)}, more...)
	if trig {
		opts = append(opts, turtle.TriG())
	}
	return opts
}

type failer interface{ Fatalf(string, ...any) }

// comparePieces checks that a document that comes in pieces gives the same quads and the same error, at the same place,
// as the whole, and that the place is one of the document.
func comparePieces(t failer, doc, cuts []byte, limit int, trig bool) {
	opts := options(trig, turtle.MaxLine(limit), turtle.MaxTerm(2*limit), turtle.BlankPrefix("d-"))
	whole, want := readertest.Collect(turtle.NewBytes(doc, opts...))
	for name, source := range map[string]io.Reader{
		"pieces":            &readertest.Pieces{Text: doc, Cuts: cuts},
		"one read":          bytes.NewReader(doc),
		"EOF with the data": iotest.DataErrReader(bytes.NewReader(doc)),
		"EOF with a byte":   iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(doc))),
	} {
		got, err := readertest.Collect(turtle.NewReader(source, opts...))
		if fmt.Sprint(err) != fmt.Sprint(want) || !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q, limit %d\nwhole %v\n      %v\n%s %v\n      %v", doc, limit, whole, want, name, got, err)
		}
	}
	syntax := new(turtle.SyntaxError)
	if want != nil && (!errors.As(want, &syntax) || !readertest.IsPlace(doc, syntax.Line, syntax.Col)) {
		t.Fatalf("%q: error %v has no place in it", doc, want)
	}
}

func FuzzPieces(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, cuts []byte, limit uint16, trig bool) {
		comparePieces(t, doc, cuts, int(limit), trig)
	})
}

// somePrefixes are those that documents are written with.
var somePrefixes = []turtle.Prefix{{Name: "", IRI: "x:"}, {Name: "b", IRI: "http://base.example/"},
	{Name: "b.a", IRI: "http://base.example/a/"}, {Name: "xsd", IRI: "http://www.w3.org/2001/XMLSchema#"}}

// compareWritten checks that what was read can be written, in N-Quads and in Turtle, and reads the same in the same order,
// but for the names of blank nodes, and that terms that were read are terms that N-Quads has.
func compareWritten(t failer, doc []byte, trig bool) {
	first, _ := readertest.Collect(turtle.NewBytes(doc, options(trig)...))
	var lines []byte
	for _, q := range first {
		lines = nquads.AppendQuad(lines, q)
	}
	var again []rdf.Quad
	if err := nquads.Parse(lines, func(q rdf.Quad) error { again = append(again, q.Clone()); return nil }); err != nil ||
		!reflect.DeepEqual(again, first) {
		t.Fatalf("%q\nread       %v\nas N-Quads %v, %v", doc, first, again, err)
	}
	for _, prefixes := range [][]turtle.Prefix{nil, somePrefixes} {
		written := write(t, first, turtle.WithPrefixes(prefixes...))
		second, err := readertest.Collect(turtle.NewBytes(written, turtle.TriG()))
		if err != nil || !sameButLabels(first, second) {
			t.Fatalf("%q\nread    %v\nwritten %q\nread    %v, %v", doc, first, written, second, err)
		}
		if good, decided := isTurtle(string(written), true, 200); decided && !good {
			t.Fatalf("%q\nwritten %q, which is not TriG", doc, written)
		}
	}
}

func write(t failer, quads []rdf.Quad, opts ...turtle.WriterOption) []byte {
	var b bytes.Buffer
	w := turtle.NewWriter(&b, opts...)
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

// sameButLabels reports whether two lists of quads are the same once blank nodes have been numbered by their first
// places.
func sameButLabels(a, b []rdf.Quad) bool {
	return slices.Equal(readertest.Numbered(a), readertest.Numbered(b))
}

func FuzzWriteRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16, trig bool) { compareWritten(t, doc, trig) })
}

// compareGrammar checks that the reader accepts exactly what the grammar does.
func compareGrammar(t failer, doc []byte, trig bool) {
	_, err := readertest.Collect(turtle.NewBytes(doc, options(trig)...))
	want, decided := isTurtle(string(doc), trig, testDepth)
	if decided && want != (err == nil) {
		t.Fatalf("%q (TriG: %v): by the grammar good: %v, but the reader says %v", doc, trig, want, err)
	}
}

func FuzzGrammar(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16, trig bool) { compareGrammar(t, doc, trig) })
}

// fragments are what documents are made of that are nearly good.
var fragments = []string{"<x:s>", "<p>", "<../é#f>", `<x:\u0073>`, `<x:\u0020>`, "<x y>", "<1:>", "_:b", "_:b.c", "_:-",
	"_:anon0", "_:é·", `"o"`, `""`, `''`, `"\t\u00e9\U0001F600"`, `"\uD800"`, `"\\u12"`, `'o"'`, "\"\xff\"", "\"\x01\"",
	"\"\"\"a\n\"b\\\"\"\"\"", "'''\r\n'''", "''''a'''", "@en", "@EN-us--ltr", "@e--up", "@a-", "@abcdefghi", "^^<x:d>", "^^ex:d",
	"^^", "<<(", ")>>", "<<", ">>", "~", "{|", "|}", "{", "}", "[", "]", "[]", "(", ")", "()", ".", "..", ",", ";", " ",
	"\t", "\n", "\r", "\r\n", "# c\n", "VERSION", "@version", "GRAPH", "a", "true", "false", "1", "-1.5", "1.", ".5e-3", "ex:",
	"ex:a.b", `ex:\,%41`, "ex:%4", ":", ":a:b", "e.x:a", "no:a", "\\", "@prefix ex: <x:> .", "PREFIX : <#>", "base <x:/a>",
	"@base <b> .", "@prefix"}

// documents makes statements by the grammar, then spoils some of them.
var documents = rapid.Custom(func(t *rapid.T) []byte {
	m := maker{t: t}
	m.add("@prefix", "ex:", "<x:>", ".", "PREFIX", ":", "<#>")
	for range rapid.IntRange(0, 4).Draw(t, "blocks") {
		switch rapid.IntRange(0, 9).Draw(t, "block") {
		case 0:
			m.add(m.one("", "GRAPH"), m.one("<g>", "_:g", "[]", ":g"), "{")
			m.triples()
			m.add(m.one("", "."), "}")
		case 1:
			m.add("BASE", m.one("<c/d>", "<x:y>", "<http://h/..>"))
		default:
			m.triples()
			m.add(".")
		}
	}
	tokens := m.tokens
	for range rapid.IntRange(0, 2).Draw(t, "faults") {
		at := rapid.IntRange(0, len(tokens)-1).Draw(t, "at")
		tokens[at] = rapid.SampledFrom(append(fragments, "")).Draw(t, "instead")
	}
	space := rapid.SampledFrom(append(slices.Repeat([]string{" "}, 30), "", "\n", "\n\n", "\t ", "\r\n", " # c\r"))
	var b []byte
	for _, token := range tokens {
		b = append(append(b, token...), space.Draw(t, "space")...)
	}
	return b
})

// maker makes the tokens of a document.
type maker struct {
	t      *rapid.T
	tokens []string
	depth  int
}

func (m *maker) add(tokens ...string) { m.tokens = append(m.tokens, tokens...) }

func (m *maker) one(of ...string) string { return rapid.SampledFrom(of).Draw(m.t, "one of") }

func (m *maker) triples() {
	switch rapid.IntRange(0, 6).Draw(m.t, "subject") {
	case 0:
		m.bracket("(", ")", func() { m.object() })
	case 1:
		m.bracket("[", "]", m.properties)
	case 2:
		m.reified()
	default:
		m.add(m.one("<s>", "ex:s", "_:b", "[]", ":", "_:anon1", "<x:é>"))
	}
	m.properties()
}

func (m *maker) bracket(begin, end string, inner func()) {
	m.depth++
	m.add(begin)
	inner()
	m.add(end)
	m.depth--
}

func (m *maker) properties() {
	for i := range rapid.IntRange(1, 2).Draw(m.t, "verbs") {
		if i > 0 {
			m.add(";")
		}
		m.add(m.one("a", "<p>", "ex:p.q", ":p"))
		m.object()
		for m.depth < 3 && rapid.IntRange(0, 4).Draw(m.t, "annotation") == 0 {
			m.add(m.one("", "~", "~ <r>", "~ _:r", "~ []"))
			m.bracket("{|", "|}", m.properties)
		}
	}
}

func (m *maker) simple() {
	m.add(m.one("<o>", "ex:o", "_:b", "[]", "1", "-1.5", "1.e0", "true", `"o"`, `'o'@en`, `"\n\u00e9"@DE--rtl`, `"1"^^ex:d`,
		`"1" ^^ <d>`, "\"\"\"a\nb\"\"\"", "'''\r'''@en", "()", `"1"^^<`+rdf.XSDInteger+">", `"+1.0"^^<`+rdf.XSDDecimal+">"))
}

func (m *maker) object() {
	kind := rapid.IntRange(0, 9).Draw(m.t, "object")
	switch {
	case m.depth > 2 || kind > 3:
		m.simple()
	case kind == 0:
		m.bracket("(", ")", func() { m.object(); m.object() })
	case kind == 1:
		m.bracket("[", "]", m.properties)
	case kind == 2:
		m.reified()
	default:
		m.bracket("<<(", ")>>", func() { m.add(m.one("<s>", "[]"), m.one("a", "ex:p"), m.one("1", "'x'", "_:b", "[]")) })
	}
}

func (m *maker) reified() {
	m.bracket("<<", ">>", func() {
		if m.depth < 3 && rapid.Bool().Draw(m.t, "nested") {
			m.reified()
		} else {
			m.add(m.one("<s>", "_:b"))
		}
		m.add(m.one("a", "ex:p"), m.one("1", "'x'", "_:b", "[]"), m.one("", "~", "~ <r>", "~ []"))
	})
}

// The equalities of the fuzz targets, over documents that are good or nearly so.
func TestNearlyGood(t *testing.T) {
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		doc, trig := documents.Draw(t, "document"), rapid.IntRange(0, 3).Draw(t, "TriG") > 0
		compareGrammar(t, doc, trig)
		compareWritten(t, doc, trig)
		limit := rapid.IntRange(0, 60).Draw(t, "limit")
		comparePieces(t, doc, rapid.SliceOf(rapid.Byte()).Draw(t, "cuts"), limit, trig)
		if _, err := readertest.Collect(turtle.NewBytes(doc, options(trig)...)); err == nil {
			good++
		}
	})
	t.Logf("%d documents were good", good)
}
