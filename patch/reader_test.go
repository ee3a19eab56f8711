package patch_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// canonical reads a patch and returns the rows that came before the end or the error, as Writer writes them.
func canonical(doc string, opts ...patch.Option) (string, error) {
	var b bytes.Buffer
	w := patch.NewWriter(&b)
	err := patch.Parse([]byte(doc), w, opts...)
	if err := w.Flush(); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.String(), err
}

const (
	spo  = "<x:s> <x:p> <x:o>"
	long = "http://www.w3.org/2001/XMLSchema#"
)

func TestAccepts(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", ""},
		{"only comments", "# one\n\n  # two", ""},
		{"no space before the dot", "TX.\nTC.", "TX .\nTC .\n"},
		{"no space anywhere", "A<x:s><x:p><x:o>.D<x:s><x:p>\"o\"<x:g>.", "A " + spo + " .\nD <x:s> <x:p> \"o\" <x:g> .\n"},
		{"comments", "TX . # begin\n# inside\nA <x:s> # of a row\n <x:p> <x:o> .# end\nTC .",
			"TX .\nA " + spo + " .\nTC .\n"},
		{"several rows a line", "TX . A " + spo + " . TC .", "TX .\nA " + spo + " .\nTC .\n"},
		{"row over several lines", "A\n<x:s>\r\n<x:p>\r\t<x:o>\n.", "A " + spo + " .\n"},
		{"several transactions", "TX .\nTC .\nTX .\nTA .\nTX .\nTC .", "TX .\nTC .\nTX .\nTA .\nTX .\nTC .\n"},
		{"TB", "TB .\nTC .", "TX .\nTC .\n"},
		{"graph", "D " + spo + " <x:g> .\nD " + spo + " _:g .", "D " + spo + " <x:g> .\nD " + spo + " _:g .\n"},
		{"triple term", "A <x:s> <x:p> <<( <x:s> <x:p> \"o\" )>> .", "A <x:s> <x:p> <<( <x:s> <x:p> \"o\" )>> .\n"},
		{"triple term, old spelling", "A <x:s> <x:p> << <x:s> <x:p> \"o\" >> .",
			"A <x:s> <x:p> <<( <x:s> <x:p> \"o\" )>> .\n"},
		{"triple terms, nested and dense", "A <x:s><x:p><<(_:a<x:p><<_:b<x:p>1>>)>>.",
			"A <x:s> <x:p> <<( _:a <x:p> <<( _:b <x:p> \"1\"^^<" + long + "integer> )>> )>> .\n"},
		{"integers", "A <x:s> <x:p> 1 .\nA <x:s> <x:p> -01.\nA <x:s> <x:p> +7.",
			"A <x:s> <x:p> \"1\"^^<" + long + "integer> .\nA <x:s> <x:p> \"-01\"^^<" + long + "integer> .\n" +
				"A <x:s> <x:p> \"+7\"^^<" + long + "integer> .\n"},
		{"decimals", "A <x:s> <x:p> 1.50 .\nA <x:s> <x:p> -.5.",
			"A <x:s> <x:p> \"1.50\"^^<" + long + "decimal> .\nA <x:s> <x:p> \"-.5\"^^<" + long + "decimal> .\n"},
		{"doubles", "A <x:s> <x:p> 1e6 .\nA <x:s> <x:p> 1.E-6.\nA <x:s> <x:p> .5e+1 .",
			"A <x:s> <x:p> \"1e6\"^^<" + long + "double> .\nA <x:s> <x:p> \"1.E-6\"^^<" + long + "double> .\n" +
				"A <x:s> <x:p> \".5e+1\"^^<" + long + "double> .\n"},
		{"booleans", "A <x:s> <x:p> true .\nA <x:s> <x:p> false.",
			"A <x:s> <x:p> \"true\"^^<" + long + "boolean> .\nA <x:s> <x:p> \"false\"^^<" + long + "boolean> .\n"},
		{"single quotes", `A <x:s> <x:p> 'a"b\'c' .` + "\n" + `A <x:s> <x:p> 'x'@EN .` + "\n" + `A <x:s> <x:p> '1'^^<x:d> .`,
			`A <x:s> <x:p> "a\"b'c" .` + "\n" + `A <x:s> <x:p> "x"@en .` + "\n" + `A <x:s> <x:p> "1"^^<x:d> .` + "\n"},
		{"strings over several lines", "A <x:s> <x:p> \"\"\"a\n\"b\" # c\r\n\\\"\"\"\"@EN .\nA <x:s> <x:p> '''''' .\n" +
			"A <x:s> <x:p> '''it's''' .",
			`A <x:s> <x:p> "a\n\"b\" # c\r\n\""@en .` + "\nA <x:s> <x:p> \"\" .\nA <x:s> <x:p> \"it's\" .\n"},
		{"both spellings of blank nodes", "A _:a <x:p> <_:b.1> <_:é> .", "A _:a <x:p> _:b.1 _:é .\n"},
		{"labels before the dot", "A <x:s> <x:p> _:b.\nA <x:s> <x:p> _:b.c.",
			"A <x:s> <x:p> _:b .\nA <x:s> <x:p> _:b.c .\n"},
		{"header keys in any case", "H ID <uuid:1> .\nH Prev <uuid:2> .\nTX .\nTC .\nH PREVIOUS <uuid:1>.\nH iD <uuid:3>.",
			"H id <uuid:1> .\nH prev <uuid:2> .\nTX .\nTC .\nH prev <uuid:1> .\nH id <uuid:3> .\n"},
		{"other headers", "H Made-By_2 'me' .\nH \"two words\" 7 .\nH 'id' _:b .",
			"H Made-By_2 \"me\" .\nH \"two words\" \"7\"^^<" + long + "integer> .\nH id _:b .\n"},
		{"id and prev of different patches", "H id <uuid:1> .\nTX .\nTC .\nH prev <uuid:1> .\nH id <uuid:2> .",
			"H id <uuid:1> .\nTX .\nTC .\nH prev <uuid:1> .\nH id <uuid:2> .\n"},
		{"words", "H dc.title 'x' .\nH é \"x\" .\nH 名.前-1 1 .\nPA rdf <x:> .\nPA é.b-1 'x:' <x:g> .\nPD rdf.\nPD rdf <x:g>.\nPD PD .\n",
			"H \"dc.title\" \"x\" .\nH \"é\" \"x\" .\nH \"名.前-1\" \"1\"^^<" + long + "integer> .\nPA \"rdf\" <x:> .\n" +
				"PA \"é.b-1\" <x:> <x:g> .\nPD \"rdf\" .\nPD \"rdf\" <x:g> .\nPD \"PD\" .\n"},
		{"prefixes", "PA \"ex\" <http://e/> .\nPA '' \"http://e/\" <x:g>.\nPD \"ex\" .\nPD '' _:g .",
			"PA \"ex\" <http://e/> .\nPA \"\" <http://e/> <x:g> .\nPD \"ex\" .\nPD \"\" _:g .\n"},
		{"rows outside a transaction", "A " + spo + " .\nPD \"ex\" .\nD " + spo + " .",
			"A " + spo + " .\nPD \"ex\" .\nD " + spo + " .\n"},
		{"escapes", `A <x:\u0073> <x:p> "\u0041\U0001F600\t\'" .`, "A <x:s> <x:p> \"A\U0001F600\\t'\" .\n"},
		{"direction", `A <x:s> <x:p> "x"@ar--rtl .`, "A <x:s> <x:p> \"x\"@ar--rtl .\n"},
		{"xsd:string", `A <x:s> <x:p> "x"^^<` + long + `string> .`, "A <x:s> <x:p> \"x\" .\n"},
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
		{"unknown code", "TX .\nX " + spo + " .", 2, 1, `expected a row code (H, TX, TC, TA, PA, PD, A or D), found "X"`},
		{"code in small letters", "a " + spo + " .", 1, 1, `found "a"`},
		{"longer code", "TXN .", 1, 1, `found "TXN"`},
		{"label before two dots", "A <x:s> <x:p> _:b..", 1, 19, "expected a row code"},
		{"row without a code", "TX .\n  " + spo + " .", 2, 3, "expected a row code"},
		{"empty row", "TX .\n.", 2, 1, "expected a row code"},
		{"two dots", "TX . .", 1, 6, "expected a row code"},
		{"prefixed subject", "A ex:s <x:p> <x:o> .", 1, 3, `prefixed name "ex:…" (prefixes are not expanded`},
		{"prefixed predicate", "A <x:s>\n ex:p <x:o> .", 2, 2, "prefixed name"},
		{"prefixed object", "A <x:s> <x:p> ex:o .", 1, 15, "prefixed name"},
		{"prefixed object like a boolean", "A <x:s> <x:p> true:o .", 1, 15, "prefixed name"},
		{"prefixed graph", "A " + spo + " ex:g .", 1, 21, "prefixed name"},
		{"prefixed datatype", `A <x:s> <x:p> "1"^^xsd:int .`, 1, 20, "prefixed name"},
		{"a for rdf:type", "A <x:s> a <x:o> .", 1, 9, "expected predicate (IRI)"},
		{"old closer for the new spelling", "A <x:s> <x:p> <<( " + spo + " >> .", 1, 37, `expected ")>>"`},
		{"new closer for the old spelling", "A <x:s> <x:p> << " + spo + " )>> .", 1, 36, `expected ">>"`},
		{"closer in two pieces", "A <x:s> <x:p> << " + spo + " > > .", 1, 36, `expected ">>"`},
		{"two terms in a triple term", "A <x:s> <x:p> <<( <x:s> <x:p> )>> .", 1, 31, "expected object"},
		{"triple term as subject", "A << " + spo + " >> <x:p> <x:o> .", 1, 3, "expected subject (IRI or blank node), found a triple term"},
		{"missing dot", "A " + spo + "\nTC .", 2, 1, `expected graph (IRI or blank node) or "."`},
		{"missing dot after the graph", "A " + spo + " <x:g>\nA " + spo + " .", 2, 1, `expected "." at the end`},
		{"missing dot after TX", "TX\nTC .", 2, 1, `expected "." at the end`},
		{"missing dot after a header", "H id <x:1>\nTX .", 2, 1, `expected "." at the end`},
		{"missing dot at the end of input", "TX .\nA " + spo + " ", 2, 21, "end of input"},
		{"row cut short", "A <x:s> <x:p> .", 1, 15, "expected object"},
		{"row of code alone", "A .", 1, 3, "expected subject"},
		{"five terms", "A " + spo + " <x:g> <x:h> .", 1, 27, `expected "." at the end of the statement, found an IRI`},
		{"literal as subject", `A "s" <x:p> <x:o> .`, 1, 3, "expected subject (IRI or blank node), found a literal"},
		{"number as subject", `A 1 <x:p> <x:o> .`, 1, 3, "expected subject"},
		{"blank node as predicate", "A <x:s> _:p <x:o> .", 1, 9, "expected predicate (IRI), found a blank node"},
		{"bracketed blank node as predicate", "A <x:s> <_:p> <x:o> .", 1, 9, "IRI"},
		{"literal as graph", "A " + spo + ` "g" .`, 1, 21, "expected graph"},
		{"relative IRI", "A <s> <x:p> <x:o> .", 1, 3, "expected an absolute IRI"},
		{"space in an IRI", "A <x:s> <x:p> <x: o> .", 1, 18, "found a space"},
		{"colon in a bracketed label", "A <_:a:b> <x:p> <x:o> .", 1, 7, `expected ">" after the blank node label`},
		{"empty label", "A _: <x:p> <x:o> .", 1, 5, "expected a blank node label"},
		{"variable", "A ?s <x:p> <x:o> .", 1, 3, "expected subject"},
		{"bad escape", `A <x:s> <x:p> "\q" .`, 1, 16, "expected one of"},
		{"surrogate", `A <x:s> <x:p> "\uD800" .`, 1, 16, "surrogate"},
		{"above Unicode", `A <x:s> <x:p> "\U00110000" .`, 1, 16, "U+10FFFF"},
		{"open string", "A <x:s> <x:p> \"x\nA " + spo + " .", 1, 17, "expected the closing quote"},
		{"open string over lines", "A <x:s> <x:p> '''x''\n .", 2, 3, "expected the closing quotes"},
		{"not UTF-8", "A <x:s> <x:p> \"\xff\" .", 1, 16, "UTF-8"},
		{"comment not UTF-8", "# é\xff\nTX .", 1, 4, "UTF-8"},
		{"column counts characters", "A <x:é> <x:é> \"éé\" 1 .", 1, 20, "expected graph"},
		{"empty language tag", `A <x:s> <x:p> "x"@ .`, 1, 19, "expected a language tag"},
		{"long language tag", `A <x:s> <x:p> "x"@abcdefghi .`, 1, 19, "at most 8"},
		{"direction", `A <x:s> <x:p> "x"@en--up .`, 1, 23, `expected base direction`},
		{"langString without tag", `A <x:s> <x:p> "x"^^<` + rdf.LangString + `> .`, 1, 20, "needs a language tag"},
		{"letters after a number", "A <x:s> <x:p> 1a .", 1, 16, "expected the end of the number"},
		{"two signs", "A <x:s> <x:p> --1 .", 1, 15, "expected object"},
		{"boolean in capitals", "A <x:s> <x:p> TRUE .", 1, 15, "expected object"},
		{"TC without TX", "TC .", 1, 1, "found TC without TX"},
		{"TA without TX", "TX .\nTC .\n TA .", 3, 2, "found TA without TX"},
		{"TX inside a transaction", "TX .\nTX .", 2, 1, "expected TC or TA, found TX"},
		{"TB inside a transaction", "TX .\nTB .", 2, 1, "expected TC or TA, found TX"},
		{"open transaction at the end", "TX .\nA " + spo + " .\n", 3, 1, "expected TC or TA for the open transaction"},
		{"header inside a transaction", "TX .\nH id <x:1> .\nTC .", 2, 1, "header inside a transaction"},
		{"same id and prev", "H id <uuid:1> .\nH prev <uuid:1> .", 2, 1, "expected id and prev to differ, found <uuid:1>"},
		{"same prev and id", "H PREVIOUS <uuid:1> .\nH Id <uuid:1> .", 2, 1, "expected id and prev to differ"},
		{"same id and prev, written otherwise", `H id "a" .` + "\n" + `H prev '\u0061' .`, 2, 1, "expected id and prev to differ"},
		{"header without value", "H id .", 1, 6, "expected header value"},
		{"header without name", "H <x:1> .", 1, 3, "expected header name"},
		{"header name with a tag", `H "id"@en <x:1> .`, 1, 3, "expected header name"},
		{"header name with a datatype", `H "id" ^^<` + long + `string> <x:1> .`, 1, 3, "expected header name"},
		{"prefix with colon", `PA "ex:" <x:> .`, 1, 4, "expected a prefix as Turtle has them"},
		{"prefix as a name", `PA ex: <x:> .`, 1, 4, "expected prefix (word or string, without colon)"},
		{"prefix that is no word", `PA 1x <x:> .`, 1, 4, "expected prefix (word or string, without colon)"},
		{"header that is no word", `H _x <x:> .`, 1, 3, "expected header name"},
		{"prefix without IRI", `PA "ex" .`, 1, 9, "expected IRI of the prefix"},
		{"relative prefix IRI", `PA "ex" "e" .`, 1, 9, "absolute IRI"},
		{"prefix with a datatype", `PD "ex"^^<` + long + `string> .`, 1, 4, "expected prefix (word or string, without colon)"},
		{"control in an IRI", "A <x:\x1b[m> <x:p> <x:o> .", 1, 6, `found "\x1b"`},
		{"number for the prefix IRI", `PA "ex" 1 .`, 1, 9, "expected the IRI of the prefix, found literal"},
		{"literal as the prefix graph", `PD "ex" "g" .`, 1, 9, "expected graph"},
		{"N-Quads", spo + " .", 1, 1, "expected a row code"},
		{"SPARQL", "INSERT DATA { " + spo + " }", 1, 1, `found "INSERT"`},
	} {
		got, err := canonical(c.doc, patch.File("f.rdfp"))
		var syntax *patch.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %q: error %v, rows %q", c.name, c.doc, err, got)
			continue
		}
		if syntax.File != "f.rdfp" || syntax.Line != c.line || syntax.Col != c.col || !strings.Contains(syntax.Msg, c.message) {
			t.Errorf("%s: %q\n got %v\nwant %d:%d: … %s …", c.name, c.doc, err, c.line, c.col, c.message)
		}
	}
}

func TestRequireTransactions(t *testing.T) {
	doc := "H id <x:1> .\nTX .\nA " + spo + " .\nTC .\n"
	if _, err := canonical(doc, patch.RequireTransactions()); err != nil {
		t.Error(err)
	}
	for _, row := range []string{"A " + spo + " .", "D " + spo + " .", `PA "ex" <x:> .`, `PD "ex" .`} {
		got, err := canonical(doc+" "+row, patch.RequireTransactions())
		var syntax *patch.SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != 5 || syntax.Col != 2 ||
			!strings.Contains(syntax.Msg, "outside a transaction") || got != doc {
			t.Errorf("%s outside a transaction: %v, rows %q", row, err, got)
		}
	}
}

func TestRequireID(t *testing.T) {
	good := "H id <x:1> .\nTX .\nTC .\nH PREV <x:1> .\nH ID <x:2> .\nTX .\nA " + spo + " .\nTA .\n"
	if _, err := canonical(good, patch.RequireID()); err != nil {
		t.Error(err)
	}
	for _, doc := range []string{"TX .", "H other <x:1> .\n TX .", "H prev <x:1> .\nTX .", good + "TX ."} {
		_, err := canonical(doc, patch.RequireID())
		line, col := strings.Count(doc, "\n")+1, 1+strings.Count(doc, " TX")
		var syntax *patch.SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != line || syntax.Col != col || !strings.Contains(syntax.Msg, "header id") {
			t.Errorf("%q: %v, expected an error at %d:%d", doc, err, line, col)
		}
		if _, err := canonical(doc + "TC ."); err != nil {
			t.Errorf("%q without the option: %v", doc, err)
		}
	}
	if _, err := canonical("A "+spo+" .", patch.RequireID()); err != nil {
		t.Errorf("a row outside a transaction is no matter of ids: %v", err)
	}
}

// Rows before an error have been handed over, in order, and nothing after it.
func TestRowsBeforeAnError(t *testing.T) {
	good := "TX .\nA " + spo + " .\n"
	got, err := canonical(good + "A ex:s <x:p> <x:o> .\nD " + spo + " .\nTC .\n")
	if err == nil || got != good {
		t.Errorf("rows %q, error %v", got, err)
	}
}

func TestBounds(t *testing.T) {
	row := "A " + spo + " .\n"
	nested := func(depth int) string {
		return "A <x:s> <x:p> " + strings.Repeat("<<( _:a <x:p> ", depth) + "1" + strings.Repeat(" )>>", depth) + " ."
	}
	lines := func(n int) string { return "A " + strings.Repeat("\n", n-1) + spo + " ." }
	for _, c := range []struct {
		name, doc string
		opts      []patch.Option
		line, col int // 0: no error
	}{
		{"row that fits", row, []patch.Option{patch.MaxRow(len(row) - 1)}, 0, 0},
		{"rows that fit, with CR LF", "TX .\r\nTC .\r\n", []patch.Option{patch.MaxRow(4)}, 0, 0},
		{"rows that fit, with CR", "TX .\rTC .\r", []patch.Option{patch.MaxRow(4)}, 0, 0},
		{"boundless", row, []patch.Option{patch.MaxRow(math.MaxInt)}, 0, 0},
		{"row too long", "TX .\n" + row, []patch.Option{patch.MaxRow(len(row) - 2)}, 2, 1},
		{"row too long over lines", "TX .\nA <x:s>\n<x:p>\n<x:o> .\nTC .\n", []patch.Option{patch.MaxRow(12)}, 2, 1},
		{"row by the bound of a term", "# x\nA <x:s> <x:p> \"" + strings.Repeat("x", 4*10+64) + "\" .", []patch.Option{patch.MaxTerm(10)}, 2, 1},
		{"term too long", "A <x:s> <x:p> 'abcd' .", []patch.Option{patch.MaxTerm(5)}, 1, 22},
		{"long term too long", "A <x:s> <x:p> '''abcd''' .", []patch.Option{patch.MaxTerm(5)}, 1, 26},
		{"header too long", "H id <x:abc> .", []patch.Option{patch.MaxTerm(5)}, 1, 13},
		{"long by default", "A <x:s> <x:p> '''" + strings.Repeat("14.118878 48.591250,\n", 60_000) + "''' .", nil, 0, 0},
		{"depth that fits", nested(3), []patch.Option{patch.MaxDepth(3)}, 0, 0},
		{"too deep", nested(3), []patch.Option{patch.MaxDepth(2)}, 1, 43},
		{"default depth that fits", nested(patch.DefaultMaxDepth), nil, 0, 0},
		{"default depth", nested(patch.DefaultMaxDepth + 1), nil, 1, 15 + 14*patch.DefaultMaxDepth},
		{"document that fits", row + row, []patch.Option{patch.MaxDocument(int64(2 * len(row)))}, 0, 0},
		{"document too long", row + row, []patch.Option{patch.MaxDocument(int64(2*len(row) - 1))}, 1, 1},
		{"lines that fit", lines(patch.MaxRowLines), nil, 0, 0},
		{"number of rows that fits", row + row, []patch.Option{patch.MaxRows(2)}, 0, 0},
		{"too many rows", row + row + "oops", []patch.Option{patch.MaxRows(2)}, 3, 1},
		{"too many lines", lines(patch.MaxRowLines + 1), nil, patch.MaxRowLines, 1},
	} {
		var n patch.Counter
		stream := patch.NewReader(iotest.DataErrReader(strings.NewReader(c.doc)), c.opts...)
		for way, err := range map[string]error{"whole": patch.Parse([]byte(c.doc), &n, c.opts...), "stream": stream.Run(&n)} {
			var syntax *patch.SyntaxError
			switch {
			case c.line == 0:
				if err != nil {
					t.Errorf("%s, %s: %v", c.name, way, err)
				}
			case !errors.As(err, &syntax) || !errors.Is(err, rdf.ErrLimit) || syntax.Line != c.line || syntax.Col != c.col:
				t.Errorf("%s, %s: %v, expected ErrLimit at %d:%d", c.name, way, err, c.line, c.col)
			}
		}
	}
}

func TestBlankPrefix(t *testing.T) {
	got, err := canonical("A _:a <x:p> <<( <_:b> <x:p> _:a )>> _:g .", patch.BlankPrefix("m7-"))
	if want := "A _:m7-a <x:p> <<( _:m7-b <x:p> _:m7-a )>> _:m7-g .\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := canonical("", patch.BlankPrefix("a:b")); !errors.Is(err, rdf.ErrInvalid) {
		t.Errorf("prefix that can't be written: %v", err)
	}
}

// An error of the source or of the Change comes back as it is.
func TestForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	rd := patch.NewReader(io.MultiReader(strings.NewReader("TX .\nTC .\n"), iotest.ErrReader(broken)))
	var n patch.Counter
	if err := rd.Run(&n); err != broken || n.Commits != 1 {
		t.Errorf("source: %v after %+v", err, n)
	}
	if err := patch.Parse([]byte("TX ."), failing{broken}); err != broken {
		t.Errorf("change: %v", err)
	}
}

// A live stream is followed: a row is handed over once its line is there, though the source has not ended.
func TestRowsComeWithTheirLine(t *testing.T) {
	r, w := io.Pipe()
	got := make(chan rdf.Quad)
	done := make(chan error, 1)
	go func() { done <- patch.NewReader(r).Run(follower{got}) }()
	for _, object := range []string{"<x:1>", "<x:2>"} {
		if _, err := io.WriteString(w, "A <x:s> <x:p> "+object+" .\n"); err != nil {
			t.Fatal(err)
		}
		if q := <-got; q.O.String() != object {
			t.Errorf("got %v, expected object %s", q, object)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type follower struct{ got chan<- rdf.Quad }

func (follower) Header(string, rdf.Term) error            { return nil }
func (follower) Begin() error                             { return nil }
func (follower) Commit() error                            { return nil }
func (follower) Abort() error                             { return nil }
func (follower) AddPrefix(rdf.Term, string, string) error { return nil }
func (follower) DeletePrefix(rdf.Term, string) error      { return nil }
func (f follower) Add(q rdf.Quad) error                   { f.got <- q.Clone(); return nil }
func (follower) Delete(rdf.Quad) error                    { return nil }

// failing fails every row.
type failing struct{ err error }

func (f failing) Header(string, rdf.Term) error            { return f.err }
func (f failing) Begin() error                             { return f.err }
func (f failing) Commit() error                            { return f.err }
func (f failing) Abort() error                             { return f.err }
func (f failing) AddPrefix(rdf.Term, string, string) error { return f.err }
func (f failing) DeletePrefix(rdf.Term, string) error      { return f.err }
func (f failing) Add(rdf.Quad) error                       { return f.err }
func (f failing) Delete(rdf.Quad) error                    { return f.err }
