package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// aggregate computes an aggregate over solutions in which ?i has one of the values after the other, "" for unbound.
func aggregate(t *testing.T, env *expr.Env, text string, values ...string) (string, error) {
	t.Helper()
	make, err := expr.NewAggregator(parse(t, text).(*sparql.Aggregate), env)
	if err != nil {
		return "", err
	}
	a := make()
	for i, v := range values {
		s := solution()
		s.number = uint64(i)
		s.values[0] = value.Value{}
		if v != "" {
			s.values[0] = value.Of(rdf.Trusted(constant(t, v)))
		}
		if err := a.Add(s); err != nil {
			return "", err
		}
	}
	v, bound, err := a.Result()
	if !bound {
		return "unbound", err
	}
	return v.Term().String(), err
}

func TestAggregates(t *testing.T) {
	for _, c := range []struct {
		text string
		in   []string
		want string
	}{
		{"COUNT(*)", []string{"1", "1", ""}, "3"},
		{"COUNT(DISTINCT *)", []string{"1", "1", "", "", "2"}, "3"},
		{"COUNT(?i)", []string{"1", "1", ""}, "2"},
		{"COUNT(1/?i)", []string{"1", "0", "2"}, "2"},
		{"COUNT(DISTINCT ?i)", []string{"1", "01", "1", "1.0", ""}, "3"},
		{"COUNT(?i)", nil, "0"},
		{"SUM(?i)", nil, "0"},
		{"SUM(?i)", []string{"1", "2", "3.5"}, "6.5"},
		{"SUM(?i)", []string{`"1"^^xsd:byte`}, "1"},
		{"SUM(?i)", []string{"1", "2.0e0", "3.0"}, "6.0E0"},
		{"SUM(DISTINCT ?i)", []string{"2", "2", "3"}, "5"},
		{"SUM(?i)", []string{"1", `"a"`, "2"}, "unbound"},
		{"SUM(?i)", []string{"1", "", "2"}, "unbound"},
		{"AVG(?i)", nil, "0"},
		{"AVG(?i)", []string{"1", "2"}, "1.5"},
		{"AVG(?i)", []string{"1", "2", "3"}, `"2"^^xsd:decimal`},
		{"AVG(?i)", []string{"1.0e0", "2"}, "1.5E0"},
		{"AVG(?i)", []string{"<http://e/n>"}, "unbound"},
		{"MIN(?i)", nil, "unbound"},
		{"MIN(?i)", []string{"3", "1.5", "2"}, "1.5"},
		{"MIN(?i)", []string{"3", "", "2"}, "unbound"},
		{"MAX(?i)", []string{"3", "", "2"}, "unbound"},
		{"MIN(?i)", []string{`"a"`, "<http://e/n>", "1"}, "<http://e/n>"},
		{"MAX(?i)", []string{"3", "10", "2"}, "10"},
		{"MAX(?i)", []string{"3.0", "3"}, "3.0"},
		{"MAX(?i)", []string{""}, "unbound"},
		{"MAX(STRLEN(?i))", []string{`"a"`, `"abc"`}, "3"},
		{"MAX(STRLEN(?i))", []string{`"a"`, "1", `"abc"`}, "unbound"},
		{"SAMPLE(?i)", []string{"", "7", "8"}, "7"},
		{"SAMPLE(?i)", nil, "unbound"},
		{"GROUP_CONCAT(?i)", []string{`"a"`, `"b"@en`, "1", "<http://e/n>"}, `"a b 1 http://e/n"`},
		{"GROUP_CONCAT(?i)", nil, `""`},
		{`GROUP_CONCAT(DISTINCT ?i; SEPARATOR=", ")`, []string{`"a"`, `"b"`, `"a"`}, `"a, b"`},
		{"GROUP_CONCAT(?i)", []string{`"a"`, ""}, "unbound"},
		{`GROUP_CONCAT(?i; SEPARATOR="")`, []string{`""`, `"b"`, `""`}, `"b"`},
		{`GROUP_CONCAT(?i; SEPARATOR="|")`, []string{`""`, `"b"`, `""`}, `"|b|"`},
		{"GROUP_CONCAT(<<( ?n ?n ?i )>>)", []string{`""`}, "unbound"},
	} {
		env := environment()
		env.Distinct = func() []int { return []int{0} }
		want := c.want
		if want != "unbound" {
			want = constant(t, want)
		}
		if got, err := aggregate(t, env, c.text, c.in...); got != want || err != nil {
			t.Errorf("%s of %q: %s, %v; want %s", c.text, c.in, got, err, want)
		}
	}
}

func TestAggregateErrors(t *testing.T) {
	sum := &sparql.Aggregate{Name: "SUM", Expr: parse(t, "?i")}
	for _, c := range []struct {
		a    *sparql.Aggregate
		want string
	}{
		{&sparql.Aggregate{Name: "COUNT", Distinct: true}, "there are no variables to compare"},
		{&sparql.Aggregate{Name: "SUM"}, "SUM at no place in the text has no argument"},
		{&sparql.Aggregate{Name: "MEDIAN", Expr: parse(t, "?i")}, "there is no aggregate MEDIAN"},
		{&sparql.Aggregate{Name: "SUM", Expr: sum}, "not inside another one"},
	} {
		env := environment()
		env.Aggregate = func(*sparql.Aggregate) (int, bool) { return 0, true }
		if _, err := expr.NewAggregator(c.a, env); !errors.Is(err, expr.ErrCompile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	env, broken := environment(), errors.New("the store is closed")
	env.Distinct = func() []int { return []int{0} }
	for _, text := range []string{"SUM(?i)", "COUNT(DISTINCT *)"} {
		make, err := expr.NewAggregator(parse(t, text).(*sparql.Aggregate), env)
		if err != nil {
			t.Fatal(err)
		}
		s := solution()
		s.err = broken
		if err := make().Add(s); !errors.Is(err, broken) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestAggregateBudget: what an aggregate keeps is told, and the budget ends the query.
func TestAggregateBudget(t *testing.T) {
	for _, text := range []string{"COUNT(DISTINCT ?i)", "COUNT(DISTINCT *)", "GROUP_CONCAT(STR(?i))"} {
		env, spent, over := environment(), 0, errors.New("out of memory")
		env.Distinct = func() []int { return []int{0} }
		env.Spend = func(bytes int) error {
			if spent += bytes; spent > 6 {
				return over
			}
			return nil
		}
		if _, err := aggregate(t, env, text, `"abc"`, `"def"`); !errors.Is(err, over) {
			t.Errorf("%s: %v after %d bytes", text, err, spent)
		}
	}
	env := environment()
	env.TextLimit = 6
	if _, err := aggregate(t, env, "GROUP_CONCAT(?i)", `"abc"`, `"def"`); !errors.Is(err, expr.ErrLimit) {
		t.Errorf("GROUP_CONCAT over the limit of texts: %v", err)
	}
}

// TestAggregateSlot: behind grouping, an aggregate is read from its slot; what its argument calls counts for the whole query.
func TestAggregateSlot(t *testing.T) {
	env := environment()
	a := parse(t, "SUM(?s)").(*sparql.Aggregate)
	env.Aggregate = func(b *sparql.Aggregate) (int, bool) { return 0, b == a }
	f, err := expr.Compile(&sparql.Binary{Op: sparql.Add, Left: a, Right: a}, env)
	if err != nil {
		t.Fatal(err)
	}
	if got := result(t, f, solution()); got != constant(t, "10") {
		t.Errorf("got %s", got)
	}
	random := compile(t, "RAND()", env)
	make, err := expr.NewAggregator(parse(t, "SUM(RAND() + <http://e/f>())").(*sparql.Aggregate), env)
	if err != nil || make == nil || len(env.Unknown()) != 1 {
		t.Fatalf("%v, unknown %v", err, env.Unknown())
	}
	if result(t, random, solution()) == result(t, compile(t, "RAND()", env), solution()) {
		t.Error("two calls of RAND have one number")
	}
}
