package rdf_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
)

func must(t testing.TB, term rdf.Term, err error) rdf.Term {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return term
}

func iri(t testing.TB, text string) rdf.Term {
	t.Helper()
	term, err := rdf.IRI(text)
	return must(t, term, err)
}

func TestAccessors(t *testing.T) {
	s, p := iri(t, "http://e/s"), iri(t, "http://e/p")
	blank, err := rdf.Blank("b.1")
	must(t, blank, err)
	plain, err := rdf.Literal("a\t\"b\"\\\n\x00\x7f\uffff'é\U0001F600")
	must(t, plain, err)
	str, err := rdf.TypedLiteral("x", rdf.XSDString)
	must(t, str, err)
	typed, err := rdf.TypedLiteral("1", rdf.XSDInteger)
	must(t, typed, err)
	lang, err := rdf.LangLiteral("hi", "EN-gb", rdf.NoDirection)
	must(t, lang, err)
	dir, err := rdf.LangLiteral("hi", "ar", rdf.RTL)
	must(t, dir, err)
	inner, err := rdf.TripleTerm(blank, p, plain)
	must(t, inner, err)
	triple, err := rdf.TripleTerm(s, p, inner)
	must(t, triple, err)
	for _, c := range []struct {
		term                        rdf.Term
		text                        string
		kind                        rdf.Kind
		value, datatype, lang, keys string
		dir                         rdf.Direction
	}{
		{rdf.Term{}, "", rdf.KindNone, "", "", "", "", ""},
		{s, "<http://e/s>", rdf.KindIRI, "http://e/s", "", "", "http://e/s", ""},
		{blank, "_:b.1", rdf.KindBlank, "b.1", "", "", "_:b.1", ""},
		{plain, `"a\t\"b\"\\\n\u0000\u007F\uFFFF'é😀"`, rdf.KindLiteral,
			"a\t\"b\"\\\n\x00\x7f\uffff'é\U0001F600", rdf.XSDString, "", `"a\t\"b\"\\\n\u0000\u007F\uFFFF'é😀"`, ""},
		{str, `"x"`, rdf.KindLiteral, "x", rdf.XSDString, "", `"x"`, ""},
		{typed, `"1"^^<` + rdf.XSDInteger + `>`, rdf.KindLiteral, "1", rdf.XSDInteger, "",
			`"1"^^<` + rdf.XSDInteger + `>`, ""},
		{lang, `"hi"@en-gb`, rdf.KindLiteral, "hi", rdf.LangString, "en-gb", `"hi"@en-gb`, ""},
		{dir, `"hi"@ar--rtl`, rdf.KindLiteral, "hi", rdf.DirLangString, "ar", `"hi"@ar--rtl`, rdf.RTL},
		{inner, "<<( _:b.1 <http://e/p> " + plain.String() + " )>>", rdf.KindTriple, "", "", "",
			"<<( _:b.1 <http://e/p> " + plain.String() + " )>>", ""},
	} {
		if got := c.term.String(); got != c.text {
			t.Errorf("text %q, expected %q", got, c.text)
		}
		if c.term.Kind() != c.kind || c.term.Value() != c.value || c.term.Datatype() != c.datatype ||
			c.term.Lang() != c.lang || c.term.Direction() != c.dir || c.term.Key() != c.keys {
			t.Errorf("%s: kind %v value %q datatype %q lang %q dir %q key %q", c.text, c.term.Kind(), c.term.Value(),
				c.term.Datatype(), c.term.Lang(), c.term.Direction(), c.term.Key())
		}
		if c.term.Clone() != c.term {
			t.Errorf("clone of %q differs", c.text)
		}
	}
	if got, ok := triple.Triple(); !ok || got != (rdf.Triple{S: s, P: p, O: inner}) {
		t.Errorf("parts of %v: %v %v", triple, got, ok)
	}
	if got, ok := inner.Triple(); !ok || got != (rdf.Triple{S: blank, P: p, O: plain}) {
		t.Errorf("parts of %v: %v %v", inner, got, ok)
	}
	if _, ok := s.Triple(); ok {
		t.Error("an IRI has parts")
	}
}

func TestConstructorsRefuse(t *testing.T) {
	for name, make := range map[string]func() (rdf.Term, error){
		"empty IRI":           func() (rdf.Term, error) { return rdf.IRI("") },
		"relative IRI":        func() (rdf.Term, error) { return rdf.IRI("a/b") },
		"scheme of digits":    func() (rdf.Term, error) { return rdf.IRI("1a:b") },
		"space in a scheme":   func() (rdf.Term, error) { return rdf.IRI("a b:c") },
		"no scheme":           func() (rdf.Term, error) { return rdf.IRI("//e/x") },
		"space":               func() (rdf.Term, error) { return rdf.IRI("http://e/ x") },
		"angle bracket":       func() (rdf.Term, error) { return rdf.IRI("http://e/>") },
		"backslash":           func() (rdf.Term, error) { return rdf.IRI(`http://e/\`) },
		"IRI not UTF-8":       func() (rdf.Term, error) { return rdf.IRI("http://e/\xff") },
		"empty label":         func() (rdf.Term, error) { return rdf.Blank("") },
		"label with colon":    func() (rdf.Term, error) { return rdf.Blank("a:b") },
		"label ends in dot":   func() (rdf.Term, error) { return rdf.Blank("a.") },
		"label begins with -": func() (rdf.Term, error) { return rdf.Blank("-a") },
		"label not UTF-8":     func() (rdf.Term, error) { return rdf.Blank("a\xff") },
		"label begins with ·": func() (rdf.Term, error) { return rdf.Blank("·a") },
		"literal not UTF-8":   func() (rdf.Term, error) { return rdf.Literal("\xed\xa0\x80") },
		"relative datatype":   func() (rdf.Term, error) { return rdf.TypedLiteral("1", "integer") },
		"langString untagged": func() (rdf.Term, error) { return rdf.TypedLiteral("1", rdf.LangString) },
		"dirLangString":       func() (rdf.Term, error) { return rdf.TypedLiteral("1", rdf.DirLangString) },
		"empty tag":           func() (rdf.Term, error) { return rdf.LangLiteral("1", "", "") },
		"tag of digits":       func() (rdf.Term, error) { return rdf.LangLiteral("1", "12", "") },
		"long tag":            func() (rdf.Term, error) { return rdf.LangLiteral("1", "en-ninechars", "") },
		"tag with direction":  func() (rdf.Term, error) { return rdf.LangLiteral("1", "en--ltr", "") },
		"tag ends in -":       func() (rdf.Term, error) { return rdf.LangLiteral("1", "en-", "") },
		"direction":           func() (rdf.Term, error) { return rdf.LangLiteral("1", "en", "LTR") },
		"no subject":          func() (rdf.Term, error) { return rdf.TripleTerm(rdf.Term{}, iri(t, "a:b"), iri(t, "a:b")) },
		"blank predicate": func() (rdf.Term, error) {
			return rdf.TripleTerm(iri(t, "a:b"), rdf.Trusted("_:b"), iri(t, "a:b"))
		},
		"literal subject": func() (rdf.Term, error) {
			return rdf.TripleTerm(rdf.Trusted(`"x"`), iri(t, "a:b"), iri(t, "a:b"))
		},
		"no object": func() (rdf.Term, error) { return rdf.TripleTerm(iri(t, "a:b"), iri(t, "a:b"), rdf.Term{}) },
	} {
		if term, err := make(); !errors.Is(err, rdf.ErrInvalid) || !term.IsZero() {
			t.Errorf("%s: term %v, error %v", name, term, err)
		}
	}
}

func TestQuadCheck(t *testing.T) {
	s := iri(t, "a:b")
	good := rdf.Quad{S: s, P: s, O: s}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, graph := range []string{`"x"`, "<<( <a:b> <a:b> <a:b> )>>"} {
		bad := good
		bad.G = rdf.Trusted(graph)
		if err := bad.Check(); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("graph %s: %v", graph, err)
		}
	}
}

// Terms are equal exactly if their parts are.
func TestLiteralProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lexical := strings.ToValidUTF8(rapid.String().Draw(t, "lexical"), "")
		term, err := rdf.Literal(lexical)
		if err != nil {
			t.Fatal(err)
		}
		if term.Value() != lexical {
			t.Fatalf("%q came back as %q", lexical, term.Value())
		}
		typed, err := rdf.TypedLiteral(lexical, "http://e/d")
		if err != nil || typed.Value() != lexical || typed.Datatype() != "http://e/d" || typed == term {
			t.Fatalf("%v %v", typed, err)
		}
		tagged, err := rdf.LangLiteral(lexical, "dE-AT", rdf.LTR)
		same, err2 := rdf.LangLiteral(lexical, "De-at", rdf.LTR)
		if err != nil || err2 != nil || tagged != same || tagged.Value() != lexical || tagged.Lang() != "de-at" {
			t.Fatalf("%v %v %v %v", tagged, same, err, err2)
		}
		triple, err := rdf.TripleTerm(rdf.Trusted("_:a"), rdf.Trusted("<p:p>"), tagged)
		if err != nil {
			t.Fatal(err)
		}
		outer, err := rdf.TripleTerm(rdf.Trusted("<s:s>"), rdf.Trusted("<p:p>"), triple)
		if err != nil {
			t.Fatal(err)
		}
		parts, ok := outer.Triple()
		if !ok || parts.O != triple {
			t.Fatalf("parts of %v: %v", outer, parts)
		}
		if parts, ok = parts.O.Triple(); !ok || parts.O != tagged {
			t.Fatalf("parts of %v: %v", triple, parts)
		}
	})
}

// Whatever text is passed off as trusted, no method panics, and what is cut out is part of the text.
func FuzzTrusted(f *testing.F) {
	for _, text := range []string{"", "<", "<<", "<<( ", "<<( a b c )>>", `"`, `"\`, `"\u12"`, `"a"^^`, `"a"@--`, "_", "_:",
		"<<( <<( a )>> )>>", `<<( "a b c )>>`, `<<( )>> )>>`, ">", ")>>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		term := rdf.Trusted(text)
		_ = term.Value()
		parts, _ := term.Triple()
		for _, part := range []string{term.Key(), term.Datatype(), term.Lang(), string(term.Direction()),
			parts.S.String(), parts.P.String(), parts.O.String()} {
			if !strings.Contains(text, part) && part != rdf.XSDString && part != rdf.LangString && part != rdf.DirLangString {
				t.Errorf("%q is no part of %q", part, text)
			}
		}
	})
}

// Each constructor accepts no more than it can give back.
func FuzzConstructors(f *testing.F) {
	f.Add("http://e/s", "b1", "lexical", "en")
	f.Add("a:b\x00", "·", "\xff", "EN-x--")
	f.Fuzz(func(t *testing.T, iri, label, lexical, lang string) {
		if term, err := rdf.IRI(iri); err == nil && (term.Value() != iri || strings.ContainsAny(iri, "<>\"{}|^`\\ \n") ||
			!strings.Contains(iri, ":") || !utf8.ValidString(iri)) {
			t.Errorf("IRI %q", iri)
		}
		if term, err := rdf.Blank(label); err == nil && (term.Value() != label || strings.ContainsAny(label, ": \n<>\"")) {
			t.Errorf("label %q", label)
		}
		if term, err := rdf.Literal(lexical); (err == nil) != utf8.ValidString(lexical) || err == nil && term.Value() != lexical {
			t.Errorf("literal %q", lexical)
		}
		if term, err := rdf.LangLiteral("", lang, ""); err == nil && term.Lang() != strings.ToLower(lang) {
			t.Errorf("tag %q", lang)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	literal := rdf.Trusted(`"1"^^<` + rdf.XSDInteger + `>`)
	triple := rdf.Trusted("<<( <s:s> <p:p> \"o\" )>>")
	id := rdf.Trusted("<http://e/s>")
	var n int
	if allocs := testing.AllocsPerRun(100, func() {
		parts, _ := triple.Triple()
		n += len(id.Key()) + len(id.Value()) + len(literal.Key()) + len(literal.Datatype()) + len(literal.Value()) +
			len(literal.Lang()) + len(parts.O.Value())
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestClone(t *testing.T) {
	buffer := []byte("<s:s><p:p>_:b")
	text := string(buffer)
	q := rdf.Quad{S: rdf.Trusted(text[:5]), P: rdf.Trusted(text[5:10]), O: rdf.Trusted(text[10:])}
	if q.Clone() != q || q.Triple().Clone() != q.Triple() {
		t.Errorf("clone of %v is %v", q, q.Clone())
	}
	q.G = q.S
	if q.Clone() != q {
		t.Errorf("clone of %v is %v", q, q.Clone())
	}
	if allocs := testing.AllocsPerRun(100, func() { sink = q.Clone() }); allocs > 1 {
		t.Errorf("a clone took %v allocations", allocs)
	}
}

var sink rdf.Quad

func TestCompare(t *testing.T) {
	a, b := rdf.Trusted("<a:a>"), rdf.Trusted("<b:b>")
	less := rdf.Quad{S: a, P: b, O: a}
	more := rdf.Quad{S: a, P: b, O: b}
	graph := rdf.Quad{S: a, P: b, O: a, G: a}
	for _, c := range []struct {
		x, y rdf.Quad
		want int
	}{{less, less, 0}, {less, more, -1}, {more, less, 1}, {more, graph, -1}, {graph, less, 1}} {
		if got := c.x.Compare(c.y); got != c.want {
			t.Errorf("compare %v with %v: %d, expected %d", c.x, c.y, got, c.want)
		}
	}
	if got, want := graph.String(), "<a:a> <b:b> <a:a> <a:a> ."; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}

func TestSyntaxError(t *testing.T) {
	err := &rdf.SyntaxError{Line: 2, Col: 3, Msg: "expected x", Err: rdf.ErrLimit}
	if got, want := err.Error(), "line 2, column 3: expected x"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
	err.File = "a.nq"
	if got, want := err.Error(), "a.nq:2:3: expected x"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
	if !errors.Is(err, rdf.ErrLimit) {
		t.Error("cause is lost")
	}
}
