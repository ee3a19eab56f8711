package expr_test

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// FuzzRegex: any pattern and replacement gives a result, an error of the expression or one of a limit.
func FuzzRegex(f *testing.F) {
	for _, seed := range [][4]string{
		{"abc", "b", "$0", ""}, {"aXb", "[a-z-[b]]", `\$`, "i"}, {"a b", `\p{L}|\s+?`, "", "x"}, {"a", "(a|b){1,3}", "$1", "smiq"},
		{"a", "[^\\W\\S]", "$12", "m"}, {"", "^$", "", ""}, {"é", `\p{IsLatin-1Supplement}`, "", ""}, {"aaaaaaaaaaaaaaaaaaaaaaaa", "(a*)*b", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	env := environment()
	regex, replace := compile(f, "REGEX(?s, ?e, ?d)", env), compile(f, "REPLACE(?s, ?e, ?n, ?d)", env)
	f.Fuzz(func(t *testing.T, text, pattern, replacement, flags string) {
		s := solution()
		s.values[1], s.values[2], s.values[4], s.values[3] = value.Str(text), value.Str(pattern), value.Str(replacement), value.Str(flags)
		for _, fn := range []expr.Func{regex, replace} {
			v, err := fn(s)
			if err != nil && !errors.Is(err, value.ErrType) && !errors.Is(err, expr.ErrLimit) {
				t.Fatal(err)
			}
			if err == nil && value.SameTerm(v, value.Value{}) {
				t.Fatal("no value and no error")
			}
		}
	})
}

// FuzzExpression: what can be parsed is compiled or refused, and computed or an error.
func FuzzExpression(f *testing.F) {
	for _, text := range filters {
		f.Add(text)
	}
	f.Add(`COALESCE(1/0, IF(?u, 1, SUBSTR(?s, 1e0, ?i)), xsd:byte(BNODE()))`)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := sparql.ParseQuery("SELECT (" + text + " AS ?result) { }")
		if err != nil || len(q.Project) == 0 || q.Project[0].Expr == nil {
			return
		}
		env := environment()
		env.TextLimit = 10_000
		fn, err := expr.Compile(q.Project[0].Expr, env)
		if err != nil {
			if !errors.Is(err, expr.ErrCompile) {
				t.Fatal(err)
			}
			return
		}
		if _, err := fn(solution()); err != nil && !errors.Is(err, value.ErrType) && !errors.Is(err, expr.ErrLimit) {
			t.Fatal(err)
		}
	})
}
