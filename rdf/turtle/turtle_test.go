package turtle_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

const (
	spo   = "<x:s> <x:p> <x:o>"
	xsd   = "http://www.w3.org/2001/XMLSchema#"
	rdfNS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
)

// canonical reads a document and returns the quads that came before the end or the error, as N-Quads.
func canonical(doc string, opts ...turtle.Option) (string, error) {
	var got []byte
	err := turtle.Parse([]byte(doc), func(q rdf.Quad) error {
		got = nquads.AppendQuad(got, q)
		return nil
	}, opts...)
	return string(got), err
}

// What the suites don't ask, or ask only up to the names of blank nodes and the order.
func TestAccepts(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", ""},
		{"comments", "\n \t\r\n# é\r\r  # two", ""},
		{"lists", "<x:s> <x:p> (1 (_:b)), () .",
			"<x:s> <x:p> _:anon0 .\n_:anon0 <" + rdfNS + `first> "1"^^<` + xsd + "integer> .\n" +
				"_:anon0 <" + rdfNS + "rest> _:anon1 .\n_:anon1 <" + rdfNS + "first> _:anon2 .\n" +
				"_:anon2 <" + rdfNS + "first> _:b .\n_:anon2 <" + rdfNS + "rest> <" + rdfNS + "nil> .\n" +
				"_:anon1 <" + rdfNS + "rest> <" + rdfNS + "nil> .\n<x:s> <x:p> <" + rdfNS + "nil> .\n"},
		{"property lists", "[ <x:p> [ <x:q> [] ; ] ; <x:r> <x:o> ] <x:t> <x:o> .",
			"_:anon0 <x:p> _:anon1 .\n_:anon1 <x:q> _:anon2 .\n_:anon0 <x:r> <x:o> .\n_:anon0 <x:t> <x:o> .\n"},
		{"written labels stay", "_:anon0 <x:p> [], _:anon0_, _:anon, _:anonx, _:anon2x, _:anon_ .",
			"_:anon0 <x:p> _:anon1 .\n_:anon0 <x:p> _:anon0_ .\n_:anon0 <x:p> _:anon .\n_:anon0 <x:p> _:anonx .\n" +
				"_:anon0 <x:p> _:anon2x .\n_:anon0 <x:p> _:anon_ .\n"},
		{"written labels that were made before", "<x:s> <x:p> [], _:anon0, _:anon0_ .",
			"<x:s> <x:p> _:anon0 .\n<x:s> <x:p> _:anon0_ .\n<x:s> <x:p> _:anon0__ .\n"},
		{"annotations", spo + " {| <x:q> 'a' |} ~ <x:r> ~ {| <x:q> 'b' {| <x:q> 'c' |} |} {| <x:q> 'd' |} .",
			spo + " .\n_:anon0 <" + rdfNS + "reifies> <<( " + spo + " )>> .\n_:anon0 <x:q> \"a\" .\n" +
				"<x:r> <" + rdfNS + "reifies> <<( " + spo + " )>> .\n_:anon1 <" + rdfNS + "reifies> <<( " + spo + " )>> .\n" +
				"_:anon1 <x:q> \"b\" .\n_:anon2 <" + rdfNS + "reifies> <<( _:anon1 <x:q> \"b\" )>> .\n_:anon2 <x:q> \"c\" .\n" +
				"_:anon3 <" + rdfNS + "reifies> <<( " + spo + " )>> .\n_:anon3 <x:q> \"d\" .\n"},
		{"reified triples", "<< << " + spo + " ~ <x:r> >> <x:q> 'a' >> <x:t> << " + spo + " >> .",
			"<x:r> <" + rdfNS + "reifies> <<( " + spo + " )>> .\n_:anon0 <" + rdfNS + "reifies> <<( <x:r> <x:q> \"a\" )>> .\n" +
				"_:anon1 <" + rdfNS + "reifies> <<( " + spo + " )>> .\n_:anon0 <x:t> _:anon1 .\n"},
		{"annotated blank node and empty list", "<x:s> <x:p> [ <x:q> 1 ] ~ <x:r> , () ~ <x:r> .",
			"<x:s> <x:p> _:anon0 .\n_:anon0 <x:q> \"1\"^^<" + xsd + "integer> .\n" +
				"<x:r> <" + rdfNS + "reifies> <<( <x:s> <x:p> _:anon0 )>> .\n<x:s> <x:p> <" + rdfNS + "nil> .\n" +
				"<x:r> <" + rdfNS + "reifies> <<( <x:s> <x:p> <" + rdfNS + "nil> )>> .\n"},
		{"triple terms", "<x:s> <x:p> <<( [] a <<(<x:s>a'x'@EN)>> )>>, <x:o> .",
			"<x:s> <x:p> <<( _:anon0 <" + rdfNS + "type> <<( <x:s> <" + rdfNS + "type> \"x\"@en )>> )>> .\n" + spo + " .\n"},
		{"numbers", "<x:s> <x:p> 1, -.5, 1.E0, 1.<x:s> <x:p> 2.0.",
			`<x:s> <x:p> "1"^^<` + xsd + "integer> .\n" + `<x:s> <x:p> "-.5"^^<` + xsd + "decimal> .\n" +
				`<x:s> <x:p> "1.E0"^^<` + xsd + "double> .\n" + `<x:s> <x:p> "1"^^<` + xsd + "integer> .\n" +
				`<x:s> <x:p> "2.0"^^<` + xsd + "decimal> .\n"},
		{"strings over lines", "<x:s> <x:p> '''a\r\n\\u0062\"\"''\\''''\n# c\n^^\n# c\n<x:d>, \"\"\"\n\"\"\"\n@EN\n.",
			"<x:s> <x:p> \"a\\r\\nb\\\"\\\"'''\"^^<x:d> .\n<x:s> <x:p> \"\\n\"@en .\n"},
		{"xsd:string", "@prefix x: <" + xsd + "> . <x:s> <x:p> 'o'^^x:string, \"o\"^^<" + xsd + "strin\\u0067> ~ <x:r> .",
			"<x:s> <x:p> \"o\" .\n<x:s> <x:p> \"o\" .\n<x:r> <" + rdfNS + "reifies> <<( <x:s> <x:p> \"o\" )>> .\n"},
		{"escapes in local names", `PREFIX é.x: <x:e/> é.x:a.b.c é.x:%41\,\%\~b é.x:1-:, é.x:.`,
			"<x:e/a.b.c> <x:e/%41,%~b> <x:e/1-:> .\n<x:e/a.b.c> <x:e/%41,%~b> <x:e/> .\n"},
		{"keywords in any case, and as prefixes", "pReFiX base: <x:> BaSe <x:b/> @prefix graph: <g> . base:s graph:p <o> .",
			"<x:s> <x:b/gp> <x:b/o> .\n"},
		{"prefixes and bases that change", "@base <x:a/> . @prefix p: <b/> . p:s a <o> . @base <c/> . @prefix p: <d> . p:s a <o> .",
			"<x:a/b/s> <" + rdfNS + "type> <x:a/o> .\n<x:a/c/ds> <" + rdfNS + "type> <x:a/c/o> .\n"},
		{"a before anything", "<x:s>a<x:o>,true;a[],false.",
			"<x:s> <" + rdfNS + "type> <x:o> .\n<x:s> <" + rdfNS + "type> \"true\"^^<" + xsd + "boolean> .\n" +
				"<x:s> <" + rdfNS + "type> _:anon0 .\n<x:s> <" + rdfNS + "type> \"false\"^^<" + xsd + "boolean> .\n"},
	} {
		got, err := canonical(c.doc)
		if err != nil || got != c.want {
			t.Errorf("%s: %q\n got %q\nwant %q\nerror %v", c.name, c.doc, got, c.want, err)
		}
	}
}

func TestTriG(t *testing.T) {
	doc := "<g> { " + spo + " } { " + spo + " . <x:s> <x:p> [] } GRAPH [] { [ <x:p> _:g ] } _:g { } [] { " + spo + " . }\n" +
		"<x:s> <x:p> <x:o> . graph <g>\n{ " + spo + " {| a 1 |} }"
	want := spo + " <x:b/g> .\n" + spo + " .\n<x:s> <x:p> _:anon0 .\n_:anon2 <x:p> _:g _:anon1 .\n" + spo + " _:anon3 .\n" +
		spo + " .\n" + spo + " <x:b/g> .\n_:anon4 <" + rdfNS + "reifies> <<( " + spo + " )>> <x:b/g> .\n" +
		"_:anon4 <" + rdfNS + "type> \"1\"^^<" + xsd + "integer> <x:b/g> .\n"
	if got, err := canonical(doc, turtle.TriG(), turtle.Base("x:b/")); err != nil || got != want {
		t.Errorf("got %s\nwant %s\nerror %v", got, want, err)
	}
}

// Quads before an error have been handed over, and nothing after it; the error stays.
func TestQuadsBeforeAnError(t *testing.T) {
	rd := turtle.NewBytes([]byte(spo + ", 1 . x\n" + spo + " .\n"))
	var q rdf.Quad
	for range 2 {
		if err := rd.Next(&q); err != nil || q.S.String() != "<x:s>" {
			t.Fatalf("%v, %v", q, err)
		}
	}
	err := rd.Next(&q)
	if syntax := new(turtle.SyntaxError); !errors.As(err, &syntax) || syntax.Col != 24 {
		t.Errorf("%v, expected an error in column 24", err)
	}
	if again := rd.Next(&q); again != err {
		t.Errorf("%v, then %v", err, again)
	}
	rd = turtle.NewBytes(nil)
	for range 2 {
		if err := rd.Next(&q); err != io.EOF {
			t.Errorf("%v, expected EOF", err)
		}
	}
}

// An error of the source or of the caller comes back as it is, after what came before it.
func TestForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	rd := turtle.NewReader(io.MultiReader(strings.NewReader(spo+" ,\n<x:"), iotest.ErrReader(broken)))
	var q rdf.Quad
	if err := rd.Next(&q); err != nil {
		t.Error(err)
	}
	if err := rd.Next(&q); err != broken {
		t.Errorf("%v, expected the error of the source", err)
	}
	n := 0
	err := turtle.Parse([]byte(spo+" .\n"+spo+" .\n"), func(rdf.Quad) error { n++; return broken })
	if err != broken || n != 1 {
		t.Errorf("%v after %d quads", err, n)
	}
}

// A live stream is followed: a quad comes with the line that completes it, though neither the statement nor the source
// has ended.
func TestQuadsComeWithTheirLine(t *testing.T) {
	r, w := io.Pipe()
	rd := turtle.NewReader(r)
	for _, c := range [][2]string{
		{"<x:s> <x:p> <x:0>\n", "<x:0>"}, {", <x:1>\n", "<x:1>"}, {";\n<x:p> [ <x:p> '''\n", "_:anon0"},
		{"2''' ;\n", `"\n2"`}, {"<x:q> <x:3>\n", "<x:3>"},
	} {
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(w, c[0])
			written <- err
		}()
		var q rdf.Quad
		if err := rd.Next(&q); err != nil || q.O.String() != c[1] {
			t.Fatalf("%q: %v, %v, expected object %s", c[0], q, err, c[1])
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlankPrefix(t *testing.T) {
	doc := "_:a <x:p> <<( _:b <x:p> [] )>> . GRAPH _:g { [] <x:p> _:anon0 }"
	want := "_:m7-a <x:p> <<( _:m7-b <x:p> _:m7-anon0 )>> .\n_:m7-anon1 <x:p> _:m7-anon0_ _:m7-g .\n"
	for range 2 { // the same labels again
		if got, err := canonical(doc, turtle.BlankPrefix("m7-"), turtle.TriG()); err != nil || got != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := canonical("", turtle.BlankPrefix("a:b")); !errors.Is(err, rdf.ErrInvalid) {
		t.Errorf("prefix that can't be written: %v", err)
	}
}

func TestPrefixes(t *testing.T) {
	rd := turtle.NewBytes([]byte("PREFIX a: <x:a> PREFIX : <x:> PREFIX a: <x:b>"))
	if err := drain(rd); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(rd.Prefixes()), "[{a x:b} { x:}]"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
	var doc []byte
	for i := range 300 { // more than are looked up fast
		doc = fmt.Appendf(doc, "PREFIX p%d: <x:%d/> ", i, i)
	}
	for i := range 300 {
		doc = fmt.Appendf(doc, "p%d:s a p%d:o .\n", i, 299-i)
	}
	quads, err := readertest.Collect(turtle.NewBytes(doc))
	if err != nil || len(quads) != 300 {
		t.Fatalf("%d quads, %v", len(quads), err)
	}
	for i, q := range quads {
		if s, o := fmt.Sprintf("x:%d/s", i), fmt.Sprintf("x:%d/o", 299-i); q.S.Value() != s || q.O.Value() != o {
			t.Errorf("%v, expected %s and %s", q, s, o)
		}
	}
}

// Memory for a document does not grow with its statements, whatever they hold.
func TestAllocationsDoNotGrow(t *testing.T) {
	const begin = "@prefix ex: <x:> .\n"
	statements := "ex:s a ex:o, <r>, ( 1 [] 'é'@DE ) ; <x:\\u0073> [ ex:p \"\"\"a\nb\"\"\"^^ex:d ] ~ {| a _:b |} .\n" +
		"<< ex:s ex:p\\, 1.5 ~ [] >> a <<( ex:s a true )>> . GRAPH ex:g { _:anon1 a <#f>, <../g> . }\n"
	allocs := func(times int) float64 {
		text := begin + strings.Repeat(statements, times)
		doc, source := []byte(text), strings.NewReader(text)
		opts := []turtle.Option{turtle.TriG(), turtle.Base("http://base.example/a/b"), turtle.BlankPrefix("d-")}
		return testing.AllocsPerRun(1, func() {
			if err := turtle.Parse(doc, func(rdf.Quad) error { return nil }, opts...); err != nil {
				t.Error(err)
			}
			source.Reset(text)
			if err := drain(turtle.NewReader(source, opts...)); err != nil {
				t.Error(err)
			}
		})
	}
	if few, many := allocs(20), allocs(2000); many > few+10 { // of the runtime, which may be at work besides
		t.Errorf("%v allocations for 40 statements, %v for 4,000", few, many)
	}
}
