package expr_test

import (
	"regexp"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// TestFresh: what is new with each call is decided by seed, solution, call and argument, and by nothing else, so that an update that
// is run again does the same.
func TestFresh(t *testing.T) {
	for _, text := range []string{"RAND()", "UUID()", "STRUUID()", "BNODE()"} {
		env, other := environment(), environment()
		other.Seed[0] = 1
		f, second, seeded := compile(t, text, env), compile(t, text, env), compile(t, text, other)
		again := compile(t, text, environment())
		s, next := solution(), solution()
		next.number = 2
		got := result(t, f, s)
		if got != result(t, f, s) || got != result(t, again, s) {
			t.Errorf("%s differs from itself", text)
		}
		if got == result(t, second, s) || got == result(t, seeded, s) || got == result(t, f, next) {
			t.Errorf("%s is the same in another call, with another seed or in another solution", text)
		}
	}
}

func result(t testing.TB, f expr.Func, s *row) string {
	t.Helper()
	v, err := f(s)
	if err != nil {
		t.Fatal(err)
	}
	return v.Term().String()
}

// TestBNode: one label is one blank node in one solution, in all expressions of the query.
func TestBNode(t *testing.T) {
	env := environment()
	f, second := compile(t, `BNODE("x")`, env), compile(t, `BNODE(?s)`, env)
	s, next := solution(), solution()
	s.values[1], next.number = value.Str("x"), 2
	if result(t, f, s) != result(t, second, s) {
		t.Error("one label, two blank nodes")
	}
	if result(t, f, s) == result(t, f, next) {
		t.Error("one label, one blank node in two solutions")
	}
	next.values[1], next.number = value.Str("y"), 1
	if result(t, second, s) == result(t, second, next) {
		t.Error("two labels, one blank node")
	}
	if got := compute(t, "BNODE(?e)", env, s); got != "error" {
		t.Errorf("BNODE of a string with a tag: %s", got)
	}
	if got := compute(t, "BNODE(?u)", env, s); got != "error" {
		t.Errorf("BNODE of nothing: %s", got)
	}
}

func TestFreshForms(t *testing.T) {
	const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	for text, form := range map[string]string{
		"UUID()": `^<urn:uuid:` + uuid + `>$`, "STRUUID()": `^"` + uuid + `"$`, "BNODE()": `^_:b[0-9a-z]+$`,
		"isNUMERIC(RAND())": "true", "RAND() >= 0 && RAND() < 1": "true",
	} {
		for number := range uint64(100) {
			s := solution()
			s.number = number
			if got := compute(t, text, environment(), s); !regexp.MustCompile(form).MatchString(got) {
				t.Errorf("%s gives %s", text, got)
			}
		}
	}
}
