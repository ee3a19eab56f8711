package turtle_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// refusal is a document that is not Turtle, and what is said about it.
type refusal struct {
	name, doc string
	line, col int
	message   string
}

var refusals = []refusal{
	{"missing dot", spo + "\n", 2, 1, `expected ",", ";", "~", "{|" or "." after the object, found end of input`},
	{"missing object", "<x:s> <x:p> .", 1, 13, `expected an object (IRI, blank node, literal, list or triple), found "."`},
	{"missing predicate", "<x:s> .", 1, 7, `expected a predicate (IRI or "a"), found "."`},
	{"missing predicate after []", "[] .", 1, 4, `expected a predicate`},
	{"comma after semicolon", spo + " ; , .", 1, 21, `expected a predicate (IRI or "a"), ";" or ".", found ","`},
	{"literal as subject", "'s' a 1 .", 1, 1, `expected a subject (IRI, blank node, "[", "(" or "<<") or a directive`},
	{"number as subject", "1 a 1 .", 1, 1, "expected a subject"},
	{"triple term as subject", "<<( " + spo + " )>> a 1 .", 1, 1, "found a triple term"},
	{"blank node as predicate", "<x:s> [] 1 .", 1, 7, "expected a predicate"},
	{"a as subject", "a a 1 .", 1, 1, "expected a subject"},
	{"a as object", "<x:s> a a .", 1, 9, "expected an object"},
	{"relative IRI", "\n <s> a 1 .", 2, 2, `expected an absolute IRI (there is no base), found relative IRI "s"; @base sets one`},
	{"relative prefix", "PREFIX x: <s>", 1, 11, "expected an absolute IRI"},
	{"space in an IRI", "<x:a b> a 1 .", 1, 5, "found a space"},
	{"space by escape", `<x:\u0020> a 1 .`, 1, 4, "found a space"},
	{"surrogate in an IRI", `<x:\uD800> a 1 .`, 1, 4, "surrogate"},
	{"IRI not UTF-8", "<x:é\xc3> a 1 .", 1, 5, "IRI in UTF-8"},
	{"IRI over two lines", "<x:a\n> a 1 .", 1, 5, "end of line"},
	{"prefix that is not declared", "<x:s> <x:p>\n no:o .", 2, 2, `expected a prefix that has been declared, found "no:"`},
	{"prefix that ends in a dot", "PREFIX a.: <x:>", 1, 8, "expected a prefix with its colon"},
	{"prefix that begins with _", "PREFIX _: <x:>", 1, 8, "expected a prefix with its colon"},
	{"local name in a declaration", "PREFIX a:b <x:>", 1, 10, "expected an IRI in angle brackets"},
	{"local name that begins with -", "PREFIX a: <x:> a:-b a 1 .", 1, 18, "expected a predicate"},
	{"percent without digits", "PREFIX a: <x:> a:%4 a 1 .", 1, 18, "expected a predicate"},
	{"dot after PREFIX", "PREFIX a: <x:> .", 1, 16, "expected a subject"},
	{"no dot after @prefix", "@prefix a: <x:>\n@base <x:> .", 2, 1, `expected "." at the end of the directive`},
	{"@PREFIX", "@PREFIX a: <x:> .", 1, 1, "expected @prefix, @base or @version"},
	{"label that begins with a hyphen", "_:-a a 1 .", 1, 3, "expected a blank node label"},
	{"underscore", "_ a 1 .", 1, 2, `expected ":"`},
	{"open string", "<x:s> a 'o\n' .", 1, 11, "expected the closing quote of the string, found end of line"},
	{"open long string", "<x:s> a '''o\n\n''", 3, 3, "expected the closing quotes of the string, found end of input"},
	{"five quotes", `<x:s> a """o""""" .`, 1, 16, `expected ",", ";"`},
	{"string not UTF-8", "<x:s> a \"\"\"é\n\xed\xa0\x80\"\"\" .", 2, 1, "string in UTF-8"},
	{"surrogates", `<x:s> a '\uD83D\uDE00' .`, 1, 10, "surrogate"},
	{"no escape", `<x:s> a '\-' .`, 1, 10, "expected one of"},
	{"tag of nine letters", `<x:s> a "o"@en-abcdefghi .`, 1, 13, "at most 8"},
	{"bad direction", `<x:s> a "o"@ar--RTL .`, 1, 17, "base direction"},
	{"one caret", `<x:s> a "o"^<x:d> .`, 1, 13, `expected "^^"`},
	{"no datatype", "<x:s> a 'o'^^\n.", 2, 1, "expected a datatype (IRI)"},
	{"langString", "PREFIX r: <" + rdfNS + "> <x:s> a 'o'^^r:langString .", 1, 70, "needs a language tag"},
	{"list without end", "<x:s> a ( 1 .", 1, 13, `expected an item of the list (IRI, blank node, literal, list or triple) or ")", found "."`},
	{"list that ends wrong", "<x:s> a ( 1 ] .", 1, 13, `list or triple) or ")", found "]"`},
	{"property list without end", "<x:s> a [ a 1 .", 1, 15, `expected ",", ";", "~", "{|" or "]" after the object`},
	{"annotation without end", "<x:s> a 1 {| a 1 } .", 1, 18, `expected ",", ";", "~", "{|" or "|}" after the object`},
	{"annotation of an item", "<x:s> a ( 1 {| a 1 |} ) .", 1, 13, "expected an item of the list"},
	{"empty annotation", "<x:s> a 1 {| |} .", 1, 14, "expected a predicate"},
	{"list in a reified triple", "<< <x:s> a () >> a 1 .", 1, 12, "expected the object of the triple"},
	{"properties in a reified triple", "<< <x:s> a [ a 1 ] >> a 1 .", 1, 14, "there can be no predicates and objects here"},
	{"two reifiers in one", "<< <x:s> a 1 ~ <x:r> ~ >> .", 1, 22, `expected ">>"`},
	{"reified triple in a triple term", "<x:s> a <<( <x:s> a << <x:s> a 1 >> )>> .", 1, 21, "found a triple term"},
	{"reifier in a triple term", "<x:s> a <<( <x:s> a 1 ~ )>> .", 1, 23, `expected ")>>" at the end`},
	{"graph in Turtle", "<x:g> { " + spo + " }", 1, 7, "expected a predicate"},
	{"GRAPH in Turtle", "GRAPH <x:g> { }", 1, 1, "expected Turtle, which has no graphs"},
	{"comment not UTF-8", spo + " . # é\xff", 1, 24, "comment in UTF-8"},
	{"second byte order mark", "\uFEFF\uFEFF" + spo + " .", 1, 1, "expected a subject"},
	{"byte order mark inside", spo + " .\n\uFEFF" + spo + " .", 2, 1, "expected a subject"},
	{"version in long quotes", "VERSION '''1.2'''", 1, 9, "expected a version"},
	{"open version", `VERSION "1.2`, 1, 13, "expected the closing quote"},
	{"number as version", "@version 1.2 .", 1, 10, `expected a version in simple quotes, found "1.2"`},
	{"only a version", "@version", 1, 9, `expected a version in simple quotes, found end of input`},
	{"nothing behind a string", "<x:s> a 'o'", 1, 12, `expected "^^", a language tag, or what may follow the literal`},
	{"nothing behind a datatype", "<x:s> a 'o'^^<x:d>", 1, 19, `expected ",", ";"`},
	{"literal in a reified triple", "<< 1 a 1 >> .", 1, 4, "expected the subject of the reified triple"},
	{"literal in a triple term", "<x:s> a <<( 1 a 1 )>> .", 1, 13, "expected the subject of the triple term"},
	{"nothing behind []", "[]", 1, 3, "expected a predicate"},
	{"brace in Turtle", spo + " { a 1 } .", 1, 19, `expected ",", ";"`},
	{"long relative IRI", "<" + strings.Repeat("é", 100) + "> a 1 .", 1, 1, `found relative IRI "` + strings.Repeat("é", 30) + `…"`},
	{"nothing behind an item", "<x:s> a ( 1", 1, 12, `expected an item of the list or ")", found end of input`},
	{"nothing behind a tilde", "<x:s> a 1 ~", 1, 12, "expected a reifier (IRI or blank node)"},
	{"relative base", "BASE <s>", 1, 6, "expected an absolute IRI (there is no base)"},
	{"columns count characters", "<x:é😀> <x:p> \"é\" 1 .", 1, 18, `expected ","`},
}

var refusalsTriG = []refusal{
	{"open graph", "<x:g> { " + spo + " .\n", 2, 1, `or "}", found end of input`},
	{"directive in a graph", "<x:g> { @base <x:> . }", 1, 9, "expected a subject"},
	{"graph in a graph", "<x:g> { <x:g> { } }", 1, 15, "expected a predicate"},
	{"only a dot", "{ . }", 1, 3, "expected a subject"},
	{"dot after a graph", "{ } .", 1, 5, "expected a subject"},
	{"list as graph", "() { }", 1, 4, "expected a predicate"},
	{"properties as graph", "[ a 1 ] { }", 1, 9, `expected a predicate (IRI or "a") or "."`},
	{"literal as graph", "GRAPH 'g' { }", 1, 7, "expected the name of a graph"},
	{"GRAPH without a graph", "GRAPH <x:g> a 1 .", 1, 13, `expected "{"`},
	{"nothing behind GRAPH", "GRAPH", 1, 6, "expected the name of a graph"},
	{"base of a graph", "{ " + spo + " . } <x:s>", 1, 30, `expected a predicate (IRI or "a") or "{", found end of input`},
	{"neither a statement nor a graph", "1", 1, 1, "a directive or a graph"},
	{"brace without a graph", spo + " }", 1, 19, `or "." after the object, found "}"`},
}

func TestRefuses(t *testing.T) {
	checkRefusals(t, refusals)
	checkRefusals(t, refusalsTriG, turtle.TriG())
}

func checkRefusals(t *testing.T, all []refusal, opts ...turtle.Option) {
	for _, c := range all {
		got, err := canonical(c.doc, append(opts, turtle.File("f.ttl"))...)
		var syntax *turtle.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %q: error %v, quads %q", c.name, c.doc, err, got)
			continue
		}
		if syntax.File != "f.ttl" || syntax.Line != c.line || syntax.Col != c.col || !strings.Contains(syntax.Msg, c.message) {
			t.Errorf("%s: %q\n got %v\nwant %d:%d: … %s …", c.name, c.doc, err, c.line, c.col, c.message)
		}
	}
}
