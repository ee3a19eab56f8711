package expr_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// row is a solution: the values of slots by their index, the zero Value for unbound.
type row struct {
	values []value.Value
	number uint64
	err    error
}

func (r *row) Value(slot int) (value.Value, bool, error) {
	return r.values[slot], !r.values[slot].IsNone(), r.err
}

func (r *row) Number() uint64 { return r.number }

// names are the variables of the tests, in the order of their slots.
var names = []sparql.Var{"i", "s", "e", "d", "n", "b", "t", "u"}

func solution() *row {
	r := &row{number: 1}
	for _, text := range []string{
		`"5"^^<` + rdf.XSDInteger + `>`, `"abc"`, `"chat"@en`, `"hi"@en--ltr`, `<http://e/n>`, `_:b`,
		`<<( <http://e/s> <http://e/p> "o" )>>`, ``,
	} {
		r.values = append(r.values, value.Of(rdf.Trusted(text)))
	}
	return r
}

func environment() *expr.Env {
	return &expr.Env{
		Slot: func(v sparql.Var) (int, bool) {
			for i, name := range names {
				if v == name {
					return i, true
				}
			}
			return 0, false
		},
		Now:  time.Date(2026, 11, 27, 19, 0, 0, 500_000_000, time.UTC),
		Base: "http://base/dir/file",
	}
}

// parse reads an expression, or an aggregate.
func parse(t testing.TB, text string) sparql.Expr {
	t.Helper()
	q, err := sparql.ParseQuery("SELECT ("+text+" AS ?result) { }",
		sparql.Prefixes(sparql.Prefix{Name: "xsd", IRI: "http://www.w3.org/2001/XMLSchema#"}))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q.Project[0].Expr
}

func compile(t testing.TB, text string, env *expr.Env) expr.Func {
	t.Helper()
	f, err := expr.Compile(parse(t, text), env)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// compute gives the canonical text of an expression's result, or "error".
func compute(t testing.TB, text string, env *expr.Env, s expr.Solution) string {
	t.Helper()
	v, err := compile(t, text, env)(s)
	switch {
	case errors.Is(err, value.ErrType):
		return "error"
	case err != nil:
		t.Fatalf("%s: %v", text, err)
	}
	return v.Term().String()
}

// TestFunctions computes each expression of testdata/functions.txt twice: as it is, and with its constants in variables, so that
// nothing is computed while compiling.
func TestFunctions(t *testing.T) {
	text, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		input, want, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("%q has no =>", line)
		}
		cases++
		if want != "error" {
			want = constant(t, want)
		}
		if got := compute(t, input, environment(), solution()); got != want {
			t.Errorf("%s\n got %s\nwant %s", input, got, want)
		}
		if got := computeVariables(t, input); got != want {
			t.Errorf("%s, with variables\n got %s\nwant %s", input, got, want)
		}
	}
	if cases < 400 {
		t.Errorf("%d cases", cases)
	}
}

// constant gives the text of a term that is written as in a query.
func constant(t testing.TB, text string) string {
	t.Helper()
	if strings.HasPrefix(text, "<<(") {
		return text // a query can't write one with a blank node
	}
	node, ok := parse(t, text).(*sparql.NodeExpr)
	if !ok {
		return compute(t, text, environment(), solution()) // a number with a sign
	}
	return node.Node.Term.String()
}

// computeVariables puts each constant into a slot of its own.
func computeVariables(t testing.TB, text string) string {
	t.Helper()
	env, s := environment(), solution()
	e := replaceTerms(parse(t, text), s, env)
	f, err := expr.Compile(e, env)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	v, err := f(s)
	if err != nil {
		return "error"
	}
	return v.Term().String()
}

func replaceTerms(e sparql.Expr, s *row, env *expr.Env) sparql.Expr {
	list := func(in []sparql.Expr) (out []sparql.Expr) {
		for _, e := range in {
			out = append(out, replaceTerms(e, s, env))
		}
		return out
	}
	switch e := e.(type) {
	case *sparql.NodeExpr:
		if e.Node.Term.IsZero() {
			return e
		}
		s.values = append(s.values, value.Of(e.Node.Term))
		slot, before := len(s.values)-1, env.Slot
		name := sparql.Var("." + e.Node.Term.String())
		env.Slot = func(v sparql.Var) (int, bool) {
			if v == name {
				return slot, true
			}
			return before(v)
		}
		return &sparql.NodeExpr{Node: sparql.Node{Var: name}}
	case *sparql.Unary:
		return &sparql.Unary{Op: e.Op, Expr: replaceTerms(e.Expr, s, env)}
	case *sparql.Binary:
		return &sparql.Binary{Op: e.Op, Left: replaceTerms(e.Left, s, env), Right: replaceTerms(e.Right, s, env)}
	case *sparql.In:
		return &sparql.In{Not: e.Not, Expr: replaceTerms(e.Expr, s, env), List: list(e.List)}
	case *sparql.Call:
		return &sparql.Call{Name: e.Name, Args: list(e.Args)}
	case *sparql.Function:
		return &sparql.Function{IRI: e.IRI, Args: list(e.Args)}
	}
	return e
}
