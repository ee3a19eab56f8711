package eval_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// ladder is a graph of n steps, each of which can be gone in two ways, and of n literals.
func ladder(t testing.TB, n int) *memory.Store {
	t.Helper()
	s := memory.New()
	tx := s.Begin()
	iri := func(name string, i int) rdf.Term { return rdf.Trusted(fmt.Sprintf("<http://e/%s%d>", name, i)) }
	p := rdf.Trusted("<http://e/p>")
	for i := range n {
		for _, q := range []rdf.Quad{
			{S: iri("n", i), P: p, O: iri("a", i)}, {S: iri("n", i), P: p, O: iri("b", i)},
			{S: iri("a", i), P: p, O: iri("n", i+1)}, {S: iri("b", i), P: p, O: iri("n", i+1)},
			{S: iri("n", i), P: rdf.Trusted("<http://e/v>"), O: rdf.Trusted(fmt.Sprintf(`"%d"`, i))},
		} {
			if _, err := tx.Add(q); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// parse reads a query.
func parse(t testing.TB, text string) *sparql.Query {
	t.Helper()
	q, err := sparql.ParseQuery("PREFIX : <http://e/> " + text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func prepare(t testing.TB, text string, o eval.Options) *eval.Query {
	t.Helper()
	prepared, err := eval.Prepare(parse(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return prepared
}

func count(ctx context.Context, q *eval.Query, s *memory.Store) (n int, err error) {
	view := s.View()
	defer view.Close()
	err = q.Select(ctx, view, event, func([]rdf.Term) error {
		n++
		return nil
	})
	return n, err
}

// greedy are queries that take too long, or need too much at a time, over a ladder of a few hundred steps.
var greedy = map[string]struct{ bound, query string }{
	"cross product": {"Steps", "SELECT * { ?a :v ?b . ?c :v ?d . ?e :v ?f }"},
	"filter":        {"Steps", "SELECT * { ?a :v ?b . ?c :v ?d . ?e :v ?f FILTER(STRLEN(CONCAT(?b, ?d, ?f)) = 100) }"},
	"paths":         {"Steps", "SELECT * { :n0 " + strings.Repeat(":p/", 60) + ":p ?x }"},
	"closures":      {"Steps", "SELECT * { ?x (:p*)* ?y . ?y (:p|^:p)* ?z }"},
	"exists":        {"Steps", "SELECT * { ?a :v ?b . ?c :v ?d FILTER EXISTS { ?x :p* ?y . ?x :v ?b . ?y :v ?d FILTER(?x = ?nobody) } }"},
	"values":        {"Steps", "SELECT * { ?a :v ?b . ?c :v ?d VALUES ?z { " + strings.Repeat("1 ", 500) + "} }"},
	"minus":         {"Steps", "SELECT * { ?a :v ?b . ?c :v ?d OPTIONAL { ?c :none ?o } MINUS { ?o :p ?x } }"},
	"order":         {"Memory", "SELECT * { ?a :v ?b . ?c :v ?d } ORDER BY DESC(?b) ?d"},
	"distinct":      {"Memory", "SELECT DISTINCT * { ?a :v ?b . ?c :v ?d }"},
	"group":         {"Memory", "SELECT ?a ?c (COUNT(*) AS ?n) { ?a :v ?b . ?c :v ?d } GROUP BY ?a ?c"},
	"hash":          {"Memory", "SELECT * { ?a :v ?b { SELECT ?a ?c ?d { ?a :v ?x . ?c :v ?d } OFFSET 1 } }"},
	"terms":         {"Memory", "SELECT * { ?a :v ?b . ?c :v ?d BIND(CONCAT(?b, '-', ?d) AS ?x) }"},
	"concatenation": {"Memory", "SELECT (GROUP_CONCAT(STR(?a)) AS ?x) { ?a :v ?b . ?c :v ?d }"},
}

// TestBudget: each bound stops what needs more, and says which one it was.
func TestBudget(t *testing.T) {
	s := ladder(t, 400)
	for name, of := range greedy {
		t.Run(name, func(t *testing.T) {
			o := eval.Options{Steps: 400_000}
			if of.bound == "Memory" {
				o = eval.Options{Memory: 1 << 20}
			}
			_, err := count(context.Background(), prepare(t, of.query, o), s)
			var over *eval.BudgetError
			if !errors.As(err, &over) || !errors.Is(err, eval.ErrBudget) || over.Bound != of.bound {
				t.Errorf("%v, expected the bound %s", err, of.bound)
			}
		})
	}
}

// TestExactSteps: what takes so many steps takes no more, however few they are.
func TestExactSteps(t *testing.T) {
	s := ladder(t, 5)
	for _, text := range []string{"SELECT * { ?a :p ?b }", "SELECT * { ?a :p ?b . ?b :p ?c } ORDER BY ?c", "SELECT (COUNT(*) AS ?n) { ?a :p+ ?b }"} {
		least := int64(1)
		for ; ; least++ {
			_, err := count(t.Context(), prepare(t, text, eval.Options{Steps: least}), s)
			if err == nil {
				break
			}
			if !errors.Is(err, eval.ErrBudget) {
				t.Fatal(err)
			}
		}
		if least < 10 || least > 1000 {
			t.Errorf("%s takes %d steps", text, least)
		}
	}
}

// patience is a context that is cancelled when it has been asked so often.
type patience struct {
	context.Context
	left int
}

func (p *patience) Err() error {
	if p.left--; p.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancel: every operator looks at the context, and ends with its error. Between two looks there are at most so many steps.
func TestCancel(t *testing.T) {
	s := ladder(t, 400)
	for name, of := range greedy {
		t.Run(name, func(t *testing.T) {
			ctx := &patience{context.Background(), 40}
			if _, err := count(ctx, prepare(t, of.query, eval.Options{Steps: 200_000}), s); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, expected that it was cancelled", err)
			}
		})
	}
}

// TestEarlyEnd: LIMIT and ASK end what they don't need, although all of it would be over the budget.
func TestEarlyEnd(t *testing.T) {
	s := ladder(t, 400)
	o := eval.Options{Steps: 100_000}
	for _, text := range []string{
		"SELECT * { ?a :v ?b . ?c :v ?d . ?e :v ?f } LIMIT 3",
		"SELECT * { { SELECT * { ?a :v ?b . ?c :v ?d . ?e :v ?f } LIMIT 3 } }",
		"SELECT * { ?x :v '7' FILTER EXISTS { ?a :v ?b . ?c :v ?d . ?e :v ?f } } LIMIT 3",
	} {
		n, err := count(context.Background(), prepare(t, text, o), s)
		if err != nil || n == 0 || n > 3 {
			t.Errorf("%s: %d rows, %v", text, n, err)
		}
	}
	view := s.View()
	defer view.Close()
	yes, err := prepare(t, "ASK { ?a :v ?b . ?c :v ?d . ?e :v ?f }", o).Ask(context.Background(), view, event)
	if !yes || err != nil {
		t.Errorf("ASK: %v, %v", yes, err)
	}
}

// TestTop: the first rows of an order take the memory of so many, and are the first of all.
func TestTop(t *testing.T) {
	s := ladder(t, 400)
	var all, top []string
	view := s.View()
	defer view.Close()
	take := func(to *[]string) func([]rdf.Term) error {
		return func(row []rdf.Term) error {
			*to = append(*to, fmt.Sprint(row))
			return nil
		}
	}
	const text = "SELECT ?b ?d { ?a :v ?b . ?c :v ?d } ORDER BY DESC(?b) ?d OFFSET 3 LIMIT 20"
	if err := prepare(t, text, eval.Options{Memory: 512 << 10}).Select(context.Background(), view, event, take(&top)); err != nil {
		t.Fatal(err)
	}
	unbounded := strings.TrimSuffix(text, " OFFSET 3 LIMIT 20")
	if err := prepare(t, unbounded, eval.Options{}).Select(context.Background(), view, event, take(&all)); err != nil {
		t.Fatal(err)
	}
	if len(all) != 160_000 || fmt.Sprint(top) != fmt.Sprint(all[3:23]) {
		t.Errorf("top %v of %d, expected %v", top, len(all), all[3:23])
	}
}

// looks is a context that counts how often it is asked.
type looks struct {
	context.Context
	n int
}

func (l *looks) Err() error {
	l.n++
	return nil
}

func repeat(n int, of string) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(strings.ReplaceAll(of, "#", fmt.Sprint(i)))
	}
	return text.String()
}

// TestWork: what takes long for each row, or before there is one, looks at the context on the way, although it makes few steps.
func TestWork(t *testing.T) {
	s := ladder(t, 20)
	for name, query := range map[string]string{
		"list":       "SELECT * { ?a :v ?b FILTER(?b IN (" + repeat(2000, "'x#', ") + "1)) }",
		"chain":      "SELECT * { ?a :v ?b FILTER(" + repeat(2000, "?b = 'x#' || ") + "false) }",
		"concat":     "SELECT * { ?a :v ?b BIND(STRLEN(CONCAT(" + repeat(2000, "?b, ") + "?b)) AS ?x) }",
		"binds":      "SELECT ?x1 { ?a :v ?b " + repeat(1000, "BIND(?b AS ?x#) ") + "}",
		"columns":    "SELECT " + repeat(1000, "(?b AS ?x#) ") + "{ ?a :v ?b }",
		"aggregates": "SELECT " + repeat(1000, "(COUNT(*) AS ?x#) ") + "{ ?a :v ?b } GROUP BY ?b",
		"keys":       "SELECT (COUNT(*) AS ?n) { ?a :v ?b } GROUP BY " + repeat(1000, "(STR(?b) AS ?x#) "),
		"order":      "SELECT * { ?a :v ?b } ORDER BY " + repeat(1000, "STRLEN(?b) "),
		"graphs":     "SELECT * " + repeat(20_000, "FROM :g# ") + "{ ?a :v ?b . ?c :v ?d }",
	} {
		t.Run(name, func(t *testing.T) {
			ctx := &looks{Context: context.Background()}
			if _, err := count(ctx, prepare(t, query, eval.Options{}), s); err != nil || ctx.n < 20 {
				t.Errorf("%d looks, %v", ctx.n, err)
			}
		})
	}
}

// TestConstructWork is TestWork for a template, of which each solution has its own blank nodes.
func TestConstructWork(t *testing.T) {
	s := ladder(t, 20)
	view := s.View()
	defer view.Close()
	ctx, n := &looks{Context: context.Background()}, 0
	q := prepare(t, "CONSTRUCT { "+repeat(2000, "?a :p# [] . ")+"} WHERE { ?a :v ?b }", eval.Options{})
	err := q.Triples(ctx, view, event, func(rdf.Triple) error {
		n++
		return nil
	})
	if err != nil || n != 40_000 || ctx.n < 20 {
		t.Errorf("%d triples, %d looks, %v", n, ctx.n, err)
	}
}

// TestTextWork: rows with long texts, or with costly patterns of regular expressions, lead to more looks at the context than rows alone do.
func TestTextWork(t *testing.T) {
	s := ladder(t, 20)
	long := strings.Repeat("a", 200_000)
	for name, of := range map[string]struct {
		query string
		least int
	}{
		"constant":  {`SELECT (COUNT(?x) AS ?n) { ?a :v ?b BIND("` + long + `" AS ?x) }`, 20},
		"argument":  {`SELECT * { ?a :v ?b FILTER(!CONTAINS("` + long + `", ?b)) }`, 20},
		"pattern":   {`SELECT * { ?a :v ?b FILTER(!REGEX(STR(?a), "(a{1000}b{1000})?zz")) }`, 20},
		"replaced":  {`SELECT * { ?a :v ?b FILTER(REPLACE(STR(?a), "(a{1000}b{1000})?zz", "") != "") }`, 20},
		"aggregate": {`SELECT (COUNT(DISTINCT "` + long + `") AS ?n) { ?a :v ?b }`, 20},
		"order":     {`SELECT ?a { ?a :v ?b } ORDER BY CONCAT("` + long + `", ?b)`, 120},
		"columns":   {`SELECT ?x { ?a :v ?b { SELECT ("` + long + `" AS ?x) {} } }`, 20},
		"numbers":   {`SELECT (COUNT(*) AS ?n) { { SELECT ("` + long + `" AS ?x) {} } ?a :v ?b BIND(RAND() AS ?r) }`, 20},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := &looks{Context: context.Background()}
			if _, err := count(ctx, prepare(t, of.query, eval.Options{}), s); err != nil || ctx.n < of.least {
				t.Errorf("%d looks, expected %d, %v", ctx.n, of.least, err)
			}
		})
	}
	view := s.View()
	defer view.Close()
	ctx := &looks{Context: context.Background()}
	q := prepare(t, `CONSTRUCT { ?a :p ?x } WHERE { ?a :v ?b { SELECT ("`+long+`" AS ?x) {} } }`, eval.Options{})
	if err := q.Triples(ctx, view, event, func(rdf.Triple) error { return nil }); err != nil || ctx.n < 20 {
		t.Errorf("CONSTRUCT: %d looks, %v", ctx.n, err)
	}
}

// TestManyParts: planning the join of very many patterns looks at the context while it compares them.
func TestManyParts(t *testing.T) {
	s := ladder(t, 20)
	for _, conditions := range []string{"", "FILTER(?b > 3)"} {
		ctx := &looks{Context: context.Background()}
		q := prepare(t, "SELECT * { "+repeat(20_000, "?a :v ?b . ")+conditions+" }", eval.Options{Steps: 50_000})
		if _, err := count(ctx, q, s); !errors.Is(err, eval.ErrBudget) || ctx.n < 200 {
			t.Errorf("%q: %d looks, %v", conditions, ctx.n, err)
		}
	}
}
