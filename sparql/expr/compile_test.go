package expr_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

func TestCompileErrors(t *testing.T) {
	pos := sparql.Pos{Line: 2, Column: 7}
	call := func(name string, args ...sparql.Expr) sparql.Expr {
		return &sparql.Call{Name: name, Args: args, Pos: pos}
	}
	one := &sparql.NodeExpr{Node: sparql.Node{Term: rdf.Trusted(`"1"`)}}
	for _, c := range []struct {
		e    sparql.Expr
		want string
	}{
		{nil, "<nil> is no expression"},
		{call("NOPE"), "there is no function NOPE (line 2, column 7)"},
		{call("STRLEN"), "STRLEN at line 2, column 7 has 0 arguments, and takes 1"},
		{call("SUBSTR", one), "has 1 arguments, and takes 2 to 3"},
		{call("REPLACE", one, one, one, one, one), "has 5 arguments, and takes 3 to 4"},
		{call("SAMETERM", one, one, one), "has 3 arguments, and takes 2"},
		{call("STRLANGDIR", one, one, one, one), "has 4 arguments, and takes 3"},
		{call("BNODE", one, one), "has 2 arguments, and takes 0 to 1"},
		{call("NOW", one), "has 1 arguments, and takes 0"},
		{call("BOUND", one), "BOUND at line 2, column 7 takes a variable"},
		{&sparql.Function{IRI: rdf.Trusted("<" + rdf.XSDInteger + ">")}, "has 0 arguments, and takes one"},
		{&sparql.Unary{Op: "?", Expr: one}, `"?" is no operator of one operand`},
		{&sparql.Binary{Op: "?", Left: one, Right: one}, `"?" is no operator of two operands`},
		{&sparql.Aggregate{Name: "SUM", Expr: one}, "SUM at no place in the text is an aggregate"},
		{&sparql.Exists{}, "there is no graph to look in"},
		{call("CONCAT", one, call("NOPE")), "there is no function NOPE"},
		{&sparql.In{Expr: one, List: []sparql.Expr{call("NOPE")}}, "there is no function NOPE"},
		{&sparql.In{Expr: call("NOPE")}, "there is no function NOPE"},
		{&sparql.Binary{Op: sparql.Add, Left: one, Right: call("NOPE")}, "there is no function NOPE"},
		{&sparql.Binary{Op: sparql.Add, Left: call("NOPE"), Right: one}, "there is no function NOPE"},
		{&sparql.Unary{Op: sparql.Not, Expr: call("NOPE")}, "there is no function NOPE"},
		{&sparql.Function{IRI: rdf.Trusted("<" + rdf.XSDInteger + ">"), Args: []sparql.Expr{call("NOPE")}}, "there is no function NOPE"},
	} {
		if _, err := expr.Compile(c.e, environment()); !errors.Is(err, expr.ErrCompile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestUnknown(t *testing.T) {
	env := environment()
	f := compile(t, "COALESCE(<http://e/f>(1), <http://e/g>(2), 3)", env)
	if got := result(t, f, solution()); got != constant(t, "3") {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"<http://e/f>", "<http://e/g>"}, texts(env.Unknown())); diff != "" {
		t.Error(diff)
	}
}

func texts(terms []rdf.Term) (all []string) {
	for _, t := range terms {
		all = append(all, t.String())
	}
	return all
}

func TestConstant(t *testing.T) {
	for text, want := range map[string]bool{
		"1 + 2 * 3": true, `CONCAT("a", "b")`: true, `REGEX("a", "b")`: true, "NOW()": true, "1 IN (1, 2)": true, "true && !false": true,
		`REPLACE("a", "b", "c")`: true, "BOUND(?none)": true, `SUBSTR("abc", 1, 2)`: true, "<<( <http://e/s> <http://e/p> 1 )>>": true,
		"?i": false, "?i + 1": false, "RAND()": false, "UUID()": false, "BNODE()": false, "1 / 0": false, "?none": false, `1 + "a"`: false,
		`REGEX("a", "(")`: false, "<http://e/f>()": false, "SUM(1)": false,
	} {
		if v, ok := expr.Constant(parse(t, text), environment()); ok != want || ok == v.IsNone() {
			t.Errorf("%s: %s, %t", text, v.Term(), ok)
		}
	}
}

// TestOtherErrors: an error that is none of the expression ends it, whatever stands around.
func TestOtherErrors(t *testing.T) {
	broken := errors.New("the store is closed")
	for _, text := range []string{
		"?i", "?i || true", "true && ?i", "?i && false", "?i + 1", "1 + ?i", "1 IN (?i, 1)", "?i IN (1)", "COALESCE(?i, 1)", "IF(?i, 1, 2)",
		"BOUND(?i)", "CONCAT(?s, ?i)", "REPLACE(?s, ?s, ?s)", "REGEX(?s, ?s)", "SUBSTR(?s, ?i, ?i)", "TRIPLE(?n, ?n, ?n)", "BNODE(?s)", "!?i",
		"xsd:integer(?s)", "EXISTS { ?a ?b ?c }", "NOT EXISTS { ?a ?b ?c } || true",
	} {
		env, s := environment(), solution()
		s.err = broken
		env.Exists = func(*sparql.Group) (func(s expr.Solution) (bool, error), error) {
			return func(expr.Solution) (bool, error) { return false, broken }, nil
		}
		f := compile(t, text, env)
		if _, err := f(s); !errors.Is(err, broken) {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := f.Test(s); !errors.Is(err, broken) {
			t.Errorf("%s as a filter: %v", text, err)
		}
	}
}

func TestExists(t *testing.T) {
	env := environment()
	env.Exists = func(*sparql.Group) (func(s expr.Solution) (bool, error), error) {
		return func(s expr.Solution) (bool, error) { return s.Number() == 1, nil }, nil
	}
	s := solution()
	for text, want := range map[string]bool{"EXISTS { ?a ?b ?c }": true, "NOT EXISTS { ?a ?b ?c }": false} {
		f := compile(t, text, env)
		s.number = 1
		first, _ := f.Test(s)
		s.number = 2
		second, _ := f.Test(s)
		if first != want || second == want {
			t.Errorf("%s: %t, %t", text, first, second)
		}
	}
	broken := errors.New("can't be compiled")
	env.Exists = func(*sparql.Group) (func(s expr.Solution) (bool, error), error) { return nil, broken }
	if _, err := expr.Compile(parse(t, "EXISTS { ?a ?b ?c }"), env); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestFilter(t *testing.T) {
	for text, want := range map[string]bool{"?i > 4": true, "?i > 5": false, "?u > 5": false, "1/0": false, `"x"`: true, "?n": false} {
		if got, err := compile(t, text, environment()).Test(solution()); got != want || err != nil {
			t.Errorf("%s: %t, %v", text, got, err)
		}
	}
}

// TestTextLimit: strings that are too long end the query, before they are made.
func TestTextLimit(t *testing.T) {
	for text, over := range map[string]bool{
		`CONCAT(?s, "123456789")`: true, `CONCAT(?s, "12345")`: false, `ENCODE_FOR_URI("äöüß")`: true, `REPLACE(?s, "[a-c]", "1234")`: true,
		`REPLACE(?s, "(b)", "$1$1$1$1$1$1$1$1$1")`: true, `REPLACE(?s, "b", "12345678")`: false, `UCASE("12345678901")`: true,
		`LCASE("12345678901")`: true, `LCASE("1234567890")`: false,
	} {
		env := environment()
		env.TextLimit = 10
		_, err := compile(t, text, env)(solution())
		if errors.Is(err, expr.ErrLimit) != over || !over && err != nil || errors.Is(err, value.ErrType) {
			t.Errorf("%s: %v", text, err)
		}
	}
	long := `CONCAT(?s, "` + strings.Repeat("x", expr.DefaultTextLimit) + `")`
	env, s := environment(), solution()
	q, err := sparql.ParseQuery("SELECT ("+long+" AS ?x) {}", sparql.MaxLength(4<<20))
	if err != nil {
		t.Fatal(err)
	}
	f, err := expr.Compile(q.Project[0].Expr, env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f(s); !errors.Is(err, expr.ErrLimit) {
		t.Errorf("over the default limit: %v", err)
	}
}

// TestConcurrent: functions may be called concurrently, with patterns from the data.
func TestConcurrent(t *testing.T) {
	f := compile(t, `REGEX(STR(?i), CONCAT("^", STR(?i), "$")) && REPLACE(?s, ?s, STR(?i)) = STR(?i)`, environment())
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 200 {
				s := solution()
				s.values[0] = value.Int(int64(g*1000 + i))
				if ok, err := f.Test(s); !ok || err != nil {
					t.Errorf("%d: %t, %v", i, ok, err)
				}
			}
		})
	}
	all.Wait()
}

// TestRegexErrors say where the pattern is wrong.
func TestRegexErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		`ab\\q`:      `"ab\\q": at character 3: there is no \q in regular expressions of XPath`,
		`(a)\\1`:     `back-references such as \1 can't be computed in linear time`,
		`é{a}`:       `at character 2: expected {n}, {n,} or {n,m}`,
		`a{5000}`:    "invalid repeat count",
		`a**`:        "invalid nested repetition operator",
		`[a`:         "the class has no end",
		`\\p{IsX}`:   `"IsX" is neither a category nor, behind Is, a block of Unicode`,
		`[a-\\d]`:    "a range ends before it begins, or in no character",
		`[a-z-[b]c]`: "expected ] behind the class that is subtracted",
	} {
		_, err := compile(t, `REGEX(?s, "`+pattern+`")`, environment())(solution())
		if !errors.Is(err, value.ErrType) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", pattern, err, want)
		}
	}
	_, err := compile(t, `REGEX(?s, "`+strings.Repeat("a", 5000)+`")`, environment())(solution())
	if !errors.Is(err, value.ErrType) || !strings.Contains(err.Error(), "5000 bytes, of at most 4096") {
		t.Errorf("a long pattern: %v", err)
	}
	_, err = compile(t, `REGEX(?s, "`+strings.Repeat("[a-", 60)+`")`, environment())(solution())
	if !errors.Is(err, value.ErrType) || !strings.Contains(err.Error(), "more than 50 classes in each other") {
		t.Errorf("nested classes: %v", err)
	}
}

// TestRegexTime: a pattern and a text that would take too long end the query.
func TestRegexTime(t *testing.T) {
	for text, over := range map[string]bool{
		`REGEX(?s, "((a?){30}b){30}")`: true, `REPLACE(?s, "((a?){30}b){30}", "")`: true, `REGEX(?s, "^ab")`: false,
	} {
		s := solution()
		s.values[1] = value.Str(strings.Repeat("a", 1<<20))
		if _, err := compile(t, text, environment())(s); errors.Is(err, expr.ErrLimit) != over || !over && err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestNoBase: without a base, IRI takes absolute ones.
func TestNoBase(t *testing.T) {
	env := environment()
	env.Base = ""
	for text, want := range map[string]string{`IRI("a")`: "error", `IRI("http://e/a")`: "<http://e/a>"} {
		if got := compute(t, text, env, solution()); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
