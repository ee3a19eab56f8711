package sparql_test

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// TestRefuses has mistakes, with the place and the message of each. The text of an update begins with "U: ".
func TestRefuses(t *testing.T) {
	for _, test := range refused {
		text, update := strings.CutPrefix(test.text, "U: ")
		_, err := parse(text, update, sparql.File("f"))
		var syntax *rdf.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s\nerror %v, expected f:%s", test.text, err, test.err)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), "f:"); got != test.err {
			t.Errorf("{%q, `%s`},", test.text, got)
		}
	}
}

// TestTakes has texts that are nearly mistakes.
func TestTakes(t *testing.T) {
	for _, text := range []string{
		"SELECT*{}", "select (count(*)as ?c){}", "ASK{?s?p?o}", "ASK {} VALUES () { () }", "\uFEFFASK {}", "ASK { } # end",
		"ASK { FILTER(1<2&&?a<?b) }", "ASK { FILTER(1-1 = 0) }", "ASK { FILTER(?a+1*2 < .5e3) }", "ASK { ?a $b 'c'@en-US--rtl }",
		"ASK { ?s <urn:p>+/<urn:q>?|^<urn:r>* ?o }", "ASK { ?s !() ?o }", "ASK { ?s a*/a ?o }", "SELECT ?x ?x {}", "SELECT (1 AS ?x) (?x + 1 AS ?y) {}",
		"SELECT (COUNT(*) AS ?n) (?n * 2 AS ?m) {}", "SELECT (SUM(?x) AS ?n) {} HAVING (AVG(?x) > 2) ORDER BY MAX(?x)",
		"CONSTRUCT { _:a <urn:p> ?o } WHERE { _:a <urn:q> ?o }", "CONSTRUCT WHERE { [] <urn:p> ( 1 ) }", "DESCRIBE <urn:a>", "DESCRIBE ?x {?x a ?y}",
		"ASK { _:a a ?x FILTER(?x = 1) _:a a ?y }", "ASK { _:a a ?x FILTER EXISTS { _:b a ?x } _:a a ?y }", "ASK { ?s ?p 1. }", "ASK { ?s ?p 1.5.}",
		"ASK { ?x <urn:p> ?y MINUS { ?z a ?z } BIND(1 AS ?z) }", "ASK { { BIND(1 AS ?z) } UNION { BIND(2 AS ?z) } }",
		"SELECT ?x { { SELECT (1 AS ?x) {} } } GROUP BY (?x)", "ASK { ?s ?p ?o ;; ?q ?r ; . }", "ASK { <<?s ?p ?o>> }", "ASK { <<?s ?p ?o ~>> ?p 1 ~ <urn:r> {| a 1 |} {| a 2 |} ~ }",
		"U: ", "U: PREFIX : <urn:>", "U: CLEAR ALL;", "U: INSERT DATA{_:a a _:b};INSERT DATA{_:c a _:d}", "U: DELETE WHERE { GRAPH ?g {} }",
		"U: INSERT{_:a a ?x}WHERE{?x a ?y};INSERT{_:a a ?x}WHERE{?x a ?y}", "U: PREFIX a:<urn:a> CLEAR GRAPH a:x ; PREFIX a:<urn:b> CLEAR GRAPH a:x",
	} {
		body, update := strings.CutPrefix(text, "U: ")
		tree, err := parse(body, update)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if fault := rewritten(tree); fault != "" {
			t.Errorf("%s: %s", text, fault)
		}
	}
}

func TestOptions(t *testing.T) {
	q, err := sparql.ParseQuery("ASK { <a> x:b y:c }", sparql.Base("http://e.example/d/f"), sparql.Prefixes(sparql.Prefix{Name: "x", IRI: "urn:x"},
		sparql.Prefix{Name: "y", IRI: "urn:y"}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.String(), "ASK\nWHERE {\n  <http://e.example/d/a> <urn:xb> <urn:yc> .\n}\n"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
	for _, opt := range []sparql.Option{sparql.Base("x"), sparql.Prefixes(sparql.Prefix{Name: "x", IRI: "a b"})} {
		if _, err := sparql.ParseQuery("ASK {}", opt); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("error %v, expected ErrInvalid", err)
		}
	}
}

// TestBounds: what is nested deeply, has many operators or is long is refused, and what is within the bounds can be read and written
// on a small stack.
func TestBounds(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20))
	for _, nest := range [][2]string{
		{"ASK ", "{"}, {"ASK { FILTER ", "("}, {"ASK { FILTER (", "!"}, {"ASK { FILTER (", "-("}, {"ASK { ?s ", "("},
		{"ASK { ?s ?p ", "("}, {"ASK { ?s ?p ", "[?p "}, {"ASK { ?s ?p ", "<<( ?s ?p "}, {"ASK { ?s ?p ", "<< ?s ?p "},
		{"ASK { ?s ?p ?o ", "{| ?p ?o "}, {"ASK { VALUES ?x { ", "<<( <urn:s> a "}, {"ASK { FILTER ", "EXISTS { FILTER "},
		{"ASK { FILTER ", "STR("}, {"ASK { FILTER (", "<<( ?s ?p "}, {"ASK { ?s ^", "(^"}, {"ASK ", "{ SELECT * "},
		{"ASK { FILTER ", "<urn:f>("}, {"ASK { FILTER (1 IN ", "(1 IN "},
	} {
		_, err := sparql.ParseQuery(nest[0]+strings.Repeat(nest[1], 100_000), sparql.MaxLength(4<<20))
		if !errors.Is(err, rdf.ErrDepthLimit) {
			t.Errorf("%s%s…: %v, expected ErrDepthLimit", nest[0], nest[1], err)
		}
	}
	for _, chain := range []string{"ASK { FILTER (1%s) }", "ASK { ?s <urn:p>%s ?o }"} {
		for _, op := range []string{"||1", "&&1", "+1", "*1", "/<urn:p>", "|<urn:p>"} {
			text := fmt.Sprintf(chain, strings.Repeat(op, 20_000))
			q, err := sparql.ParseQuery(text)
			if strings.Contains(chain, "FILTER") == strings.Contains(op, "urn") {
				continue
			}
			if err != nil {
				t.Errorf("20,000 times %s: %v", op, err)
			} else if _, err = sparql.ParseQuery(q.String()); err != nil {
				t.Errorf("20,000 times %s, written: %v", op, err)
			}
			if _, err := sparql.ParseQuery(strings.Replace(text, op, op+op, 1)); !errors.Is(err, rdf.ErrLimit) {
				t.Errorf("20,001 times %s: %v, expected ErrLimit", op, err)
			}
		}
	}
	deep := "ASK " + strings.Repeat("{", sparql.DefaultMaxDepth) + strings.Repeat("}", sparql.DefaultMaxDepth)
	q, err := sparql.ParseQuery(deep)
	if err != nil {
		t.Fatal(err)
	}
	if fault := rewritten(q); fault != "" {
		t.Error(fault)
	}
	if _, err := sparql.ParseQuery("ASK {{}}", sparql.MaxDepth(1)); !errors.Is(err, rdf.ErrDepthLimit) {
		t.Errorf("error %v, expected ErrDepthLimit", err)
	}
	long := "ASK {} #" + strings.Repeat(" ", sparql.DefaultMaxQuery)
	if _, err := sparql.ParseQuery(long); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("error %v, expected ErrLimit", err)
	}
	if _, err := sparql.ParseQuery(long, sparql.MaxLength(len(long))); err != nil {
		t.Error(err)
	}
	if _, err := sparql.ParseUpdate("#" + strings.Repeat(" ", sparql.DefaultMaxUpdate)); !errors.Is(err, rdf.ErrLimit) {
		t.Errorf("error %v, expected ErrLimit", err)
	}
}

// TestParts: each kind of part counts.
func TestParts(t *testing.T) {
	for _, text := range []struct{ before, part, after string }{
		{"ASK { ?s ?p ", "1, ", "1 }"}, {"ASK { ?s ?p ( ", "1 ", ") }"}, {"ASK { ", "{} ", "}"}, {"ASK { FILTER (1 IN (", "1, ", "1)) }"},
		{"ASK { FILTER (1 ", "+1 ", ") }"}, {"ASK { ?s !(a", "|a", ") ?o }"}, {"ASK { ?s a", "/a", " ?o }"}, {"ASK { VALUES ?x { ", "1 ", "} }"},
		{"ASK { VALUES () { ", "() ", "} }"}, {"SELECT ", "?x ", "{}"}, {"ASK {} HAVING ", "NOW() ", ""},
	} {
		whole := text.before + strings.Repeat(text.part, 50) + text.after
		if _, err := sparql.ParseQuery(whole, sparql.MaxParts(200)); err != nil {
			t.Errorf("%s: %v", whole, err)
		}
		if _, err := sparql.ParseQuery(whole, sparql.MaxParts(49)); !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("%s: error %v, expected ErrLimit", whole, err)
		}
	}
}

// TestMadeLabels: a blank node without a label has none that is written, wherever that stands.
func TestMadeLabels(t *testing.T) {
	u, err := sparql.ParseUpdate("INSERT DATA { _:anon1 a [], [], [] . _:anon0 a _:anon0_ , _:anon2, _:anon2_ }")
	if err != nil {
		t.Fatal(err)
	}
	want := "INSERT DATA {\n  _:anon1 a _:anon2, _:anon3, _:anon4 .\n  _:anon0 a _:anon0_, _:anon2_, _:anon2__ .\n}\n"
	if got := u.String(); got != want {
		t.Errorf("%s, expected %s", got, want)
	}
}

// TestPositions: places are counted in characters; CR, LF and both together end a line.
func TestPositions(t *testing.T) {
	q, err := sparql.ParseQuery("ASK { 'é😀'\r\n ?p ?o .\r\t?s ?p ?o .\n\n  FILTER (?x) }")
	if err != nil {
		t.Fatal(err)
	}
	triples := q.Where.Elements[0].(*sparql.Triples).Triples
	for i, want := range []sparql.Pos{{Line: 1, Column: 7}, {Line: 3, Column: 2}} {
		if got := triples[i].Pos; got != want {
			t.Errorf("triple %d is at %v, expected %v", i, got, want)
		}
	}
	filter := q.Where.Elements[1].(*sparql.Filter)
	if want := (sparql.Pos{Line: 5, Column: 3}); filter.Pos != want {
		t.Errorf("FILTER is at %v, expected %v", filter.Pos, want)
	}
	if want := (sparql.Pos{Line: 5, Column: 11}); filter.Expr.(*sparql.NodeExpr).Pos != want {
		t.Errorf("?x is at %v, expected %v", filter.Expr.(*sparql.NodeExpr).Pos, want)
	}
}

// TestSuggest: the error for a prefix that is not declared offers what the caller knows, before what everybody means by it.
func TestSuggest(t *testing.T) {
	known := sparql.Suggest(sparql.Prefix{Name: "ex", IRI: "http://example/"}, sparql.Prefix{Name: "foaf", IRI: "urn:mine"})
	for text, want := range map[string]string{
		"ASK { ex:a ?p 1 }":      `found "ex:"; PREFIX ex: <http://example/> declares it`,
		"ASK { foaf:a ?p 1 }":    `found "foaf:"; PREFIX foaf: <urn:mine> declares it`,
		"ASK { rdfs:a ?p 1 }":    `found "rdfs:"; PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> declares it`,
		"ASK { other:a ?p ?o  }": `found "other:"`,
	} {
		if _, err := sparql.ParseQuery(text, known); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", text, err, want)
		}
	}
}
