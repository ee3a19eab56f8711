package turtle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// quadsOf reads N-Quads.
func quadsOf(t *testing.T, doc string) (quads []rdf.Quad) {
	t.Helper()
	err := nquads.Parse([]byte(doc), func(q rdf.Quad) error { quads = append(quads, q.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return quads
}

func TestWriter(t *testing.T) {
	quads := quadsOf(t, `<x:s> <`+rdfNS+`type> <x:c/T> .
<x:s> <x:p> <x:o> .
<x:s> <x:p> "a\n"@en .
<x:s> <x:q> "1"^^<`+xsd+`integer> .
<x:s> <x:p> "true"^^<`+xsd+`boolean> .
_:b <x:p> "2026-11-24"^^<`+xsd+`date> .
_:b <x:p> <x:> <x:g> .
_:b <x:p> _:b <x:g> .
_:b <x:p> <y:p> <x:g> .
_:b <x:p> "o"@ar--rtl <x:g> .
_:b <x:p> <<( <x:s> <`+rdfNS+`type> "1.5"^^<`+xsd+`decimal> )>> _:g .
_:b <x:p> "" .
`)
	const want = `@prefix : <x:> .
@prefix c: <x:c/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:s a c:T ;
    :p :o ,
        "a\n"@en ;
    :q 1 ;
    :p true .
_:b :p "2026-11-24"^^xsd:date .
:g {
    _:b :p : ,
            _:b ,
            <y:p> .
}
VERSION "1.2"
:g {
    _:b :p "o"@ar--rtl .
}
_:g {
    _:b :p <<( :s <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> 1.5 )>> .
}
_:b :p "" .
`
	prefixes := []turtle.Prefix{{Name: "", IRI: "x:"}, {Name: "c", IRI: "x:c/"}, {Name: "xsd", IRI: xsd}}
	written := string(write(t, quads, turtle.WithPrefixes(prefixes...)))
	if written != want {
		t.Errorf("%s\nexpected %s", written, want)
	}
	again, err := readertest.Collect(turtle.NewBytes([]byte(written), turtle.TriG()))
	if err != nil || fmt.Sprint(again) != fmt.Sprint(quads) {
		t.Errorf("%v, %v\nexpected %v", again, err, quads)
	}
}

func TestWriterRefuses(t *testing.T) {
	var b bytes.Buffer
	w := turtle.NewWriter(&b)
	s, o := rdf.Trusted("<x:s>"), rdf.Trusted(`"o"`)
	for _, q := range []rdf.Quad{{}, {S: o, P: s, O: s}, {S: s, P: o, O: s}, {S: s, P: s}, {S: s, P: s, O: s, G: o}} {
		if err := w.Write(q); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("%v: %v, expected a refusal", q, err)
		}
	}
	if err := w.Flush(); err != nil || b.Len() > 0 {
		t.Errorf("%q, %v", b.Bytes(), err)
	}
	// Flush ends what is open, and more may come.
	if err := errors.Join(w.Write(rdf.Quad{S: s, P: s, O: o}), w.Flush(), w.Flush(), w.Write(rdf.Quad{S: s, P: s, O: o}),
		w.Flush()); err != nil {
		t.Error(err)
	}
	if got, want := b.String(), "<x:s> <x:s> \"o\" .\n<x:s> <x:s> \"o\" .\n"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
	for _, prefixes := range [][]turtle.Prefix{{{Name: "a.", IRI: "x:"}}, {{Name: "1", IRI: "x:"}}, {{Name: "a", IRI: "x"}},
		{{Name: "a", IRI: "x: "}}, {{Name: "a", IRI: "x:"}, {Name: "a", IRI: "y:"}}} {
		w := turtle.NewWriter(&b, turtle.WithPrefixes(prefixes...))
		if err := w.Write(rdf.Quad{S: s, P: s, O: o}); !errors.Is(err, rdf.ErrInvalid) || w.Flush() != err {
			t.Errorf("%v: %v", prefixes, err)
		}
	}
}

// limited takes so many bytes, then fails, or takes part without saying so.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left < len(b) {
		return l.left, l.err
	}
	l.left -= len(b)
	return len(b), nil
}

// The error of the underlying writer comes back, and stays.
func TestWriterErrors(t *testing.T) {
	full := errors.New("disk full")
	q := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(`"` + strings.Repeat("o", 10_000) + `"`)}
	for given, want := range map[error]error{full: full, nil: io.ErrShortWrite} {
		w := turtle.NewWriter(&limited{left: 100_000, err: given})
		rows := 0
		var err error
		for ; err == nil && rows < 1000; rows++ {
			err = w.Write(q)
		}
		if err != want || rows > 20 {
			t.Errorf("%v after %d rows, expected %v", err, rows, want)
		}
		if err := w.Write(q); err != want {
			t.Errorf("then %v, expected %v", err, want)
		}
		if err := w.Flush(); err != want {
			t.Errorf("then %v, expected %v", err, want)
		}
	}
}

// A subject with any number of quads is written in statements that a reader with the default bounds takes.
func TestWriterEndsLongStatements(t *testing.T) {
	quad := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(`"` + strings.Repeat("o", 1000) + `"`)}
	quads := make([]rdf.Quad, 3000)
	for i := range quads {
		quads[i] = quad
	}
	written := write(t, quads)
	again, err := readertest.Collect(turtle.NewBytes(written))
	if err != nil || len(again) != len(quads) {
		t.Errorf("%d quads, %v", len(again), err)
	}
	if n := bytes.Count(written, []byte(" .\n")); n < 2 || n > 100 {
		t.Errorf("%d statements", n)
	}
}

func TestAppendTerm(t *testing.T) {
	prefixes := []turtle.Prefix{{Name: "a", IRI: "x:a"}, {Name: "", IRI: "x:"}, {Name: "b", IRI: "x:b/"}, {Name: "c", IRI: "x:b/c"}}
	for term, want := range map[string]string{
		"<x:a>": "a:", "<x:ab>": "a:b", "<x:b/c>": "c:", "<x:b/c/d>": "<x:b/c/d>", "<x:b/d>": "b:d", "<x:b/-d>": "<x:b/-d>",
		"<x:c>": ":c", "<x:c.>": "<x:c.>", "<x:c.d>": ":c.d", "<x:%41>": ":%41", "<x:%4>": "<x:%4>", "<x:é·:1>": ":é·:1",
		"<x:·>": "<x:·>", "<x:(>": "<x:(>", "<y:s>": "<y:s>", "_:b": "_:b", `"a"`: `"a"`, `"a"@en`: `"a"@en`,
		`"\"^^<x:a>"`: `"\"^^<x:a>"`, `"1"^^<x:ab>`: `"1"^^a:b`, `"1"^^<y:>`: `"1"^^<y:>`,
		"<<( <x:a> <x:b/d> <<( _:b <y:p> <x:> )>> )>>": "<<( a: b:d <<( _:b <y:p> : )>> )>>",
	} {
		if got := string(turtle.AppendTerm(nil, rdf.Trusted(term), prefixes...)); got != want {
			t.Errorf("%s: %s, expected %s", term, got, want)
		}
	}
}

// What is written without quotes is exactly what reads as the same literal.
func TestBareLiterals(t *testing.T) {
	types := []string{"boolean", "integer", "decimal", "double"}
	for lexical, bare := range map[string]string{
		"true": "boolean", "false": "boolean", "TRUE": "", "1 ": "", "": "", "1": "integer", "-01": "integer", "+1": "integer",
		"--1": "", "+": "", "1.": "", ".": "", "1.0": "decimal", "-.5": "decimal", "+1.50": "decimal", "1.0.": "", "1e5": "double",
		"1.e5": "double", ".5E-3": "double", "1.5e+10": "double", "e5": "", ".e5": "", "1e": "", "1e+": "", "1e5.": "", "INF": "",
		"NaN": "", "1e5x": "", "١": "",
	} {
		for _, datatype := range types {
			term, err := rdf.TypedLiteral(lexical, xsd+datatype)
			if err != nil {
				t.Fatal(err)
			}
			text := string(turtle.AppendTerm(nil, term))
			if want := datatype == bare; (text == lexical) != want {
				t.Errorf("%v is written %s", term, text)
			}
			quads, err := readertest.Collect(turtle.NewBytes([]byte("<x:s> <x:p> " + text + " .")))
			if err != nil || len(quads) != 1 || quads[0].O != term {
				t.Errorf("%v is written %s and read %v, %v", term, text, quads, err)
			}
		}
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	quads := quadsOf(t, strings.Repeat(`<x:s/1> <x:p> "o"^^<x:dé> <x:g> .
_:b <`+rdfNS+`type> <x:s/a.very.long.local.name.with.many.dots.in.it> .
_:b <x:p> <<( _:b <x:p> "1"^^<`+xsd+`integer> )>> .
`, 10))
	w := turtle.NewWriter(io.Discard, turtle.WithPrefixes(turtle.Prefix{Name: "x", IRI: "x:"}, turtle.Prefix{Name: "s", IRI: "x:s/"}))
	all := func() {
		for _, q := range quads {
			if err := w.Write(q); err != nil {
				t.Error(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
	}
	if allocs := testing.AllocsPerRun(100, all); allocs >= 1 {
		t.Errorf("%v allocations", allocs)
	}
}

// However many prefixes there are, an IRI gets the one that stands for most of it and leaves a local name.
func TestManyPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		iri := rapid.Custom(func(t *rapid.T) string {
			return "x:" + rapid.StringOfN(rapid.RuneFrom([]rune("ab/.")), 0, 6, -1).Draw(t, "rest")
		})
		var prefixes []turtle.Prefix
		for i, begin := range rapid.SliceOfN(iri, 0, 40).Draw(t, "prefixes") {
			prefixes = append(prefixes, turtle.Prefix{Name: fmt.Sprintf("p%d", i), IRI: begin})
		}
		term := iri.Draw(t, "term")
		want, most := "<"+term+">", -1
		for _, p := range prefixes {
			local, ok := strings.CutPrefix(term, p.IRI)
			if name := string(turtle.AppendTerm(nil, rdf.Trusted("<y:"+local+">"), turtle.Prefix{Name: "y", IRI: "y:"})); ok &&
				name == "y:"+local && len(p.IRI) > most {
				want, most = p.Name+":"+local, len(p.IRI)
			}
		}
		if got := string(turtle.AppendTerm(nil, rdf.Trusted("<"+term+">"), prefixes...)); got != want {
			t.Fatalf("%s: %s, expected %s of %v", term, got, want, prefixes)
		}
	})
}

// Among many prefixes, too, the one that stands for the most wins, also where the other one ends at a slash.
func TestLongerPrefixWins(t *testing.T) {
	prefixes := []turtle.Prefix{{Name: "short", IRI: "x:a/"}, {Name: "long", IRI: "x:a/b"}}
	for i := range 100 {
		prefixes = append(prefixes, turtle.Prefix{Name: fmt.Sprintf("p%d", i), IRI: fmt.Sprintf("y:%d/", i)})
	}
	for iri, want := range map[string]string{
		"<x:a/bc>": "long:c", "<x:a/c>": "short:c", "<y:7/c>": "p7:c", "<y:7/c/d>": "<y:7/c/d>", "<x:c>": "<x:c>",
	} {
		if got := string(turtle.AppendTerm(nil, rdf.Trusted(iri), prefixes...)); got != want {
			t.Errorf("%s: %s, expected %s", iri, got, want)
		}
	}
}
