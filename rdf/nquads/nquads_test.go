package nquads_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

const (
	spo = "<x:s> <x:p> <x:o>"
	xsd = "http://www.w3.org/2001/XMLSchema#"
)

// canonical reads a document and returns the quads that came before the end or the error, as they are written.
func canonical(doc string, opts ...nquads.Option) (string, error) {
	var got []byte
	err := nquads.Parse([]byte(doc), func(q rdf.Quad) error {
		got = nquads.AppendQuad(got, q)
		return nil
	}, opts...)
	return string(got), err
}

// What the suites don't ask.
func TestAccepts(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", ""},
		{"blank lines and comments", "\n \t\r\n# é\r\r  # two", ""},
		{"no space anywhere", `<x:s><x:p>"o"@en<x:g>.`, "<x:s> <x:p> \"o\"@en <x:g> .\n"},
		{"dense triple term", `<x:s><x:p><<(_:a<x:p>"o"^^<x:d>)>>_:g.#c`,
			"<x:s> <x:p> <<( _:a <x:p> \"o\"^^<x:d> )>> _:g .\n"},
		{"line ends of all kinds", spo + ".\r" + spo + ".\n" + spo + ".\r\n\n\r" + spo + ".",
			strings.Repeat(spo+" .\n", 4)},
		{"space before a tag and a datatype", `<x:s> <x:p> "o" @EN-gb .` + "\n" + `<x:s> <x:p> "1" ^^ <x:d> .`,
			"<x:s> <x:p> \"o\"@en-gb .\n<x:s> <x:p> \"1\"^^<x:d> .\n"},
		{"xsd:string", `<x:s> <x:p> "o"^^<` + xsd + `strin\u0067> .`, "<x:s> <x:p> \"o\" .\n"},
		{"datatype as long as xsd:string", `<x:s> <x:p> "o"^^<` + xsd + `double> .`,
			`<x:s> <x:p> "o"^^<` + xsd + "double> .\n"},
		{"controls in a string", "<x:s> <x:p> \"\x00\t\x7f\" .", `<x:s> <x:p> "\u0000\t\u007F" .` + "\n"},
		{"U+FFFE", "<x:s> <x:p> \"é\uFFFE\" .", `<x:s> <x:p> "é\uFFFE" .` + "\n"},
		{"U+FFFF", "<x:s> <x:p> \"é\uFFFF\" .", `<x:s> <x:p> "é\uFFFF" .` + "\n"},
		{"escapes in an IRI", `<x:\u0073é\U0001F600s> <x:p> <x:o> .`, "<x:sé😀s> <x:p> <x:o> .\n"},
		{"tabs in a triple term", "_:a <x:p> <<(\t_:a <x:p> _:b )>> .\n_:a <x:p> <<( _:a\t<x:p> _:b )>> .\n" +
			"_:a <x:p> <<( _:a <x:p>\t_:b )>> .\n_:a <x:p> <<( _:a <x:p> _:b\t)>> .",
			strings.Repeat("_:a <x:p> <<( _:a <x:p> _:b )>> .\n", 4)},
		{"escapes", `<x:s> <x:p> "\u0022\u005c\u000a\u00e9\U0001F600\'" .`, `<x:s> <x:p> "\"\\\né😀'" .` + "\n"},
		{"U+FFFD is a character", "<x:\uFFFD> <x:p> \"\uFFFD\" .", "<x:\uFFFD> <x:p> \"\uFFFD\" .\n"},
		{"labels", "_:a.b <x:p> _:1- _:é·.", "_:a.b <x:p> _:1- _:é· .\n"},
		{"version", "VERSION \"1.2\" # c\n" + spo + " .\nVERSION\"1.1\"", spo + " .\n"},
	} {
		got, err := canonical(c.doc)
		if err != nil || got != c.want {
			t.Errorf("%s: %q\n got %q\nwant %q\nerror %v", c.name, c.doc, got, c.want, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		line, col int
		message   string
	}{
		{"missing dot", spo + "\n", 1, 18, `expected graph (IRI or blank node) or "." at the end`},
		{"missing dot after the graph", spo + " <x:g>", 1, 24, `expected "." at the end`},
		{"line end inside", "<x:s>\n<x:p> <x:o> .", 1, 6, "expected predicate (IRI), found end of line"},
		{"two statements a line", spo + " . " + spo + " .", 1, 21, "expected end of line"},
		{"label and two dots", "_:a <x:p> _:b..", 1, 15, "expected end of line"},
		{"literal as subject", "\n\r\n  \"s\" <x:p> <x:o> .", 3, 3, "expected subject (IRI or blank node), found a literal"},
		{"literal as graph", spo + ` "g" .`, 1, 19, "expected graph"},
		{"triple term as graph", spo + " <<( " + spo + " )>> .", 1, 19, "expected graph"},
		{"triple term as subject", "<<( " + spo + " )>> <x:p> <x:o> .", 1, 1, "found a triple term"},
		{"reified triple", "<x:s> <x:p> << " + spo + " >> .", 1, 15, `expected "("`},
		{"blank node as predicate", "<x:s> _:p <x:o> .", 1, 7, "expected predicate (IRI), found a blank node"},
		{"relative IRI", "<s> <x:p> <x:o> .", 1, 1, "expected an absolute IRI"},
		{"scheme with a bad character", "<a_b:s> <x:p> <x:o> .", 1, 1, "expected an absolute IRI"},
		{"control in an IRI", "<x:\x1b> <x:p> <x:o> .", 1, 4, `found "\x1b"`},
		{"space by escape", `<x:\u0020> <x:p> <x:o> .`, 1, 4, "found a space"},
		{"escape of strings in an IRI", `<x:\n> <x:p> <x:o> .`, 1, 4, `expected \u or \U`},
		{"IRI not UTF-8", "<x:é\xc3> <x:p> <x:o> .", 1, 5, "IRI in UTF-8"},
		{"open IRI", "<x:s", 1, 5, `expected ">"`},
		{"label that begins with a hyphen", "_:-a <x:p> <x:o> .", 1, 3, "expected a blank node label"},
		{"prefixed name", "ex:s <x:p> <x:o> .", 1, 1, "prefixed name"},
		{"number", "<x:s> <x:p> 1 .", 1, 13, "expected object"},
		{"boolean", "<x:s> <x:p> true .", 1, 13, "expected object"},
		{"single quotes", "<x:s> <x:p> 'o' .", 1, 13, "expected object"},
		{"three quotes", `<x:s> <x:p> """o""" .`, 1, 15, "expected graph"},
		{"bracketed blank node", "<_:s> <x:p> <x:o> .", 1, 1, "absolute IRI"},
		{"open string", "<x:s> <x:p> \"o\n", 1, 15, "expected the closing quote of the string, found end of line"},
		{"string not UTF-8", "<x:s> <x:p> \"é\xed\xa0\x80\" .", 1, 15, "string in UTF-8"},
		{"escape cut short", `<x:s> <x:p> "\u00e" .`, 1, 14, "expected 4 hexadecimal digits"},
		{"long escape cut short", `<x:s> <x:p> "\U0001F60" .`, 1, 14, "expected 8 hexadecimal digits"},
		{"surrogates", `<x:s> <x:p> "\uD83D\uDE00" .`, 1, 14, "surrogate"},
		{"above Unicode", `<x:s> <x:p> "\UFFFFFFFF" .`, 1, 14, ""},
		{"capital direction", `<x:s> <x:p> "o"@ar--RTL .`, 1, 21, "base direction"},
		{"tag that ends in a hyphen", `<x:s> <x:p> "o"@ar- .`, 1, 20, `after "-"`},
		{"tag of nine letters", `<x:s> <x:p> "o"@en-abcdefghi .`, 1, 17, "at most 8"},
		{"one caret", `<x:s> <x:p> "o"^<x:d> .`, 1, 17, `expected "^^"`},
		{"tag and datatype", `<x:s> <x:p> "o"@en^^<x:d> .`, 1, 19, "expected graph"},
		{"blank node as datatype", `<x:s> <x:p> "o"^^_:d .`, 1, 18, "expected datatype (IRI)"},
		{"langString", `<x:s> <x:p> "o"^^<` + rdf.LangString + `> .`, 1, 18, "needs a language tag"},
		{"dirLangString", `<x:s> <x:p> "o"^^<` + rdf.DirLangString + `> .`, 1, 18, "needs a language tag"},
		{"comment not UTF-8", spo + " . # é\xff", 1, 24, "comment in UTF-8"},
		{"second byte order mark", "\uFEFF\uFEFF" + spo + " .", 1, 1, "expected subject"},
		{"byte order mark inside", spo + " .\n\uFEFF" + spo + " .", 2, 1, "expected subject"},
		{"version in single quotes", "VERSION '1.2'", 1, 9, "version in double quotes"},
		{"version with a tag", `VERSION "1.2"@en`, 1, 9, "version in double quotes"},
		{"version with a datatype", `VERSION "1.2"^^<` + xsd + `string>`, 1, 9, "version in double quotes"},
		{"version with a dot", `VERSION "1.2" .`, 1, 15, "end of line"},
		{"version in small letters", `version "1.2"`, 1, 1, "expected subject"},
		{"columns count characters", "<x:é😀> <x:p> \"é\" 1 .", 1, 18, "expected graph"},
	} {
		got, err := canonical(c.doc, nquads.File("f.nq"))
		var syntax *nquads.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %q: error %v, quads %q", c.name, c.doc, err, got)
			continue
		}
		if syntax.File != "f.nq" || syntax.Line != c.line || syntax.Col != c.col || !strings.Contains(syntax.Msg, c.message) {
			t.Errorf("%s: %q\n got %v\nwant %d:%d: … %s …", c.name, c.doc, err, c.line, c.col, c.message)
		}
	}
}

func TestTriples(t *testing.T) {
	if got, err := canonical(spo+" .\n", nquads.Triples()); err != nil || got != spo+" .\n" {
		t.Errorf("%q, %v", got, err)
	}
	_, err := canonical(spo+" <x:g> .\n", nquads.Triples())
	if syntax := new(nquads.SyntaxError); !errors.As(err, &syntax) || syntax.Col != 19 {
		t.Errorf("a graph: %v", err)
	}
}

// Quads before an error have been handed over, and nothing after it; the error stays.
func TestQuadsBeforeAnError(t *testing.T) {
	rd := nquads.NewBytes([]byte(spo + " .\n" + spo + " .\nx\n" + spo + " .\n"))
	var q rdf.Quad
	for range 2 {
		if err := rd.Next(&q); err != nil || q.Triple().O.String() != "<x:o>" {
			t.Fatalf("%v, %v", q, err)
		}
	}
	err := rd.Next(&q)
	syntax := new(nquads.SyntaxError)
	if !errors.As(err, &syntax) || syntax.Line != 3 {
		t.Errorf("%v, expected an error in line 3", err)
	}
	if again := rd.Next(&q); again != err {
		t.Errorf("%v, then %v", err, again)
	}
	rd = nquads.NewBytes(nil)
	for range 2 {
		if err := rd.Next(&q); err != io.EOF {
			t.Errorf("%v, expected EOF", err)
		}
	}
}

// An error of the source or of the caller comes back as it is, after the whole lines before it.
func TestForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	rd := nquads.NewReader(io.MultiReader(strings.NewReader(spo+" .\n<x:s>"), iotest.ErrReader(broken)))
	var q rdf.Quad
	if err := rd.Next(&q); err != nil {
		t.Error(err)
	}
	if err := rd.Next(&q); err != broken {
		t.Errorf("%v, expected the error of the source", err)
	}
	n := 0
	err := nquads.Parse([]byte(spo+" .\n"+spo+" .\n"), func(rdf.Quad) error { n++; return broken })
	if err != broken || n != 1 {
		t.Errorf("%v after %d quads", err, n)
	}
	if err := nquads.NewReader(noProgress{}).Next(&q); err != io.ErrNoProgress {
		t.Errorf("a source that gives nothing: %v", err)
	}
}

type noProgress struct{}

func (noProgress) Read([]byte) (int, error) { return 0, nil }

// A live stream is followed: a quad comes once its line is there, though the source has not ended.
func TestQuadsComeWithTheirLine(t *testing.T) {
	r, w := io.Pipe()
	rd := nquads.NewReader(r)
	for _, object := range []string{"<x:1>", "<x:2>"} {
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(w, "<x:s> <x:p> "+object+" .\n")
			written <- err
		}()
		var q rdf.Quad
		if err := rd.Next(&q); err != nil || q.O.String() != object {
			t.Errorf("got %v, %v, expected object %s", q, err, object)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
}

func nested(depth int) string {
	return "<x:s> <x:p> " + strings.Repeat("<<( _:a <x:p> ", depth) + "_:b" + strings.Repeat(" )>>", depth) + " ."
}

func TestBounds(t *testing.T) {
	line := spo + " ."
	limit := func(n int) []nquads.Option { return []nquads.Option{nquads.MaxLine(n)} }
	term := func(n int) []nquads.Option { return []nquads.Option{nquads.MaxTerm(n)} }
	document := func(n int) []nquads.Option { return []nquads.Option{nquads.MaxDocument(int64(n))} }
	for _, c := range []struct {
		name, doc string
		opts      []nquads.Option
		line, col int // 0: no error
	}{
		{"line that fits", line, limit(len(line)), 0, 0},
		{"with LF", line + "\n" + line + "\n", limit(len(line)), 0, 0},
		{"with CR", line + "\r" + line + "\r", limit(len(line)), 0, 0},
		{"with CR LF", line + "\r\n" + line + "\r\n", limit(len(line)), 0, 0},
		{"with empty lines", line + "\r\r\n" + line + "\r\r", limit(len(line)), 0, 0},
		{"second too long, with CR LF", line + "\r\n" + line + "x", limit(len(line)), 2, 1},
		{"second too long, with CR", line + "\r" + line + "x\r", limit(len(line)), 2, 1},
		{"too long", "#\n" + line, limit(len(line) - 1), 2, 1},
		{"too long with LF", "#\n" + line + "\n#", limit(len(line) - 1), 2, 1},
		{"too long with CR", "#\n" + line + "\r#", limit(len(line) - 1), 2, 1},
		{"too long with CR LF", "#\r\n" + line + "\r\n#", limit(len(line) - 1), 2, 1},
		{"line by the bound of a term", "#\n# " + strings.Repeat("x", 4*10+63), term(10), 2, 1},
		{"terms that fit", `<x:s> <x:p> "abc" <x:g> .`, term(5), 0, 0},
		{"subject too long", `<x:ss> <x:p> "abc" .`, term(5), 1, 19},
		{"predicate too long", `<x:s> <x:pp> "abc" .`, term(5), 1, 19},
		{"object too long", `<x:s> <x:p> "abcd" .`, term(5), 1, 19},
		{"object too long when written", `<x:s> <x:p> "\u0001" .`, term(7), 1, 22},
		{"graph too long", `<x:s> <x:p> "abc" <x:gg> .`, term(5), 1, 25},
		{"triple term too long", `<x:s> <x:p> <<(<x:s> <x:p> <x:o>)>> .`, term(24), 1, 36},
		{"long by default", `<x:s> <x:p> "` + strings.Repeat("14.118878 48.591250,", 100_000) + `" .`, nil, 0, 0},
		{"boundless", line, limit(math.MaxInt), 0, 0},
		{"depth that fits", nested(3), []nquads.Option{nquads.MaxDepth(3)}, 0, 0},
		{"too deep", nested(3), []nquads.Option{nquads.MaxDepth(2)}, 1, 41},
		{"default depth that fits", nested(nquads.DefaultMaxDepth), nil, 0, 0},
		{"default depth", nested(nquads.DefaultMaxDepth + 1), nil, 1, 13 + 14*nquads.DefaultMaxDepth},
		{"deeper than any stack", nested(40_000), nil, 1, 13 + 14*nquads.DefaultMaxDepth},
		{"document that fits", line + "\n" + line, document(2*len(line) + 1), 0, 0},
		{"document too long", line + "\n" + line, document(2 * len(line)), 1, 1},
	} {
		for _, source := range []struct {
			name string
			wrap func(io.Reader) io.Reader
		}{{"bytes", nil}, {"reader", func(r io.Reader) io.Reader { return r }}, {"EOF with the data", iotest.DataErrReader}} {
			rd := nquads.NewBytes([]byte(c.doc), c.opts...)
			if source.wrap != nil {
				rd = nquads.NewReader(source.wrap(strings.NewReader(c.doc)), c.opts...)
			}
			err := drain(rd)
			var syntax *nquads.SyntaxError
			switch {
			case c.line == 0:
				if err != nil {
					t.Errorf("%s from %s: %v", c.name, source.name, err)
				}
			case !errors.As(err, &syntax) || !errors.Is(err, rdf.ErrLimit) || syntax.Line != c.line || syntax.Col != c.col:
				t.Errorf("%s from %s: %v, expected ErrLimit at %d:%d", c.name, source.name, err, c.line, c.col)
			}
		}
	}
}

// drain reads to the end.
func drain(rd *nquads.Reader) error {
	var q rdf.Quad
	for {
		if err := rd.Next(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// endless is a source without end and without a line end, but that a CR may end each read.
type endless struct {
	read int
	cr   bool
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '#'
		if e.cr && i == len(b)-1 {
			b[i] = '\r'
		}
	}
	e.read += len(b)
	return len(b), nil
}

// A line without end is given up near the bound: the source is not read on, nor held.
func TestEndlessLine(t *testing.T) {
	const limit = 300_000
	source := &endless{}
	var q rdf.Quad
	if err := nquads.NewReader(source, nquads.MaxLine(limit)).Next(&q); !errors.Is(err, rdf.ErrLimit) {
		t.Error(err)
	}
	if source.read > limit+128<<10 {
		t.Errorf("read %d bytes", source.read)
	}
	source = &endless{}
	rd := nquads.NewReader(source, nquads.MaxLine(limit), nquads.MaxDocument(1000))
	if err := rd.Next(&q); !errors.Is(err, rdf.ErrLimit) || source.read > 128<<10 {
		t.Errorf("%v after %d bytes", err, source.read)
	}
	err := nquads.NewReader(&endless{cr: true}, nquads.MaxLine(1000)).Next(&q)
	if !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("%v, where a CR ends each read", err)
	}
}

func TestBlankPrefix(t *testing.T) {
	got, err := canonical("_:a <x:p> <<( _:b <x:p> _:a )>> _:g .", nquads.BlankPrefix("m7-"))
	if want := "_:m7-a <x:p> <<( _:m7-b <x:p> _:m7-a )>> _:m7-g .\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := canonical("", nquads.BlankPrefix("a:b")); !errors.Is(err, rdf.ErrInvalid) {
		t.Errorf("prefix that can't be written: %v", err)
	}
}

func TestParseTerm(t *testing.T) {
	for text, want := range map[string]string{
		"<x:a>":                             "<x:a>",
		" \t_:b ":                           "_:b",
		`"a\u0062"@EN--ltr`:                 `"ab"@en--ltr`,
		`"1" ^^ <x:d> `:                     `"1"^^<x:d>`,
		"<<(_:a<x:p>\"\t\")>>":              `<<( _:a <x:p> "\t" )>>`,
		`"o"^^<` + rdf.XSDString + `>     `: `"o"`,
	} {
		term, err := nquads.ParseTerm(text)
		if err != nil || term.String() != want {
			t.Errorf("%q: %q, %v", text, term, err)
		}
	}
	for _, text := range []string{"", " ", "<x:a> .", "<x:a> <x:b>", "_:", "_:a.", "x:a", "1", "'o'", "<a>", "<x:a>\n", "# c",
		`"o"@`, "<<( _:a <x:p> )>>", nested(40)} {
		term, err := nquads.ParseTerm(text)
		if syntax := new(nquads.SyntaxError); !errors.As(err, &syntax) || syntax.Line != 1 || !term.IsZero() {
			t.Errorf("%q: %q, %v", text, term, err)
		}
	}
}

// Memory for a document does not grow with its rows, whether or not their terms are canonical.
func TestAllocationsDoNotGrow(t *testing.T) {
	for name, rows := range map[string]string{
		"canonical":     string(document(10)),
		"not canonical": strings.Repeat(`<x:\u0073> <x:p> <<(_:a<x:p>"\u00e9"@DE)>> _:g .`+"\n", 10),
	} {
		allocs := func(times int) float64 {
			text := strings.Repeat(rows, times)
			doc, source := []byte(text), strings.NewReader(text)
			return testing.AllocsPerRun(1, func() {
				if err := nquads.Parse(doc, func(rdf.Quad) error { return nil }); err != nil {
					t.Error(err)
				}
				source.Reset(text)
				if err := drain(nquads.NewReader(source)); err != nil {
					t.Error(err)
				}
			})
		}
		const runtimes = 10 // allocations of the runtime, which may be at work besides
		if few, many := allocs(10), allocs(400); many > few+runtimes {
			t.Errorf("%s: %v allocations for 100 rows, %v for 4,000", name, few, many)
		}
	}
}
