package expr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql/expr"
)

// TestLongReplace: REPLACE gives the same whether it tells of its work, piece by piece, or not.
func TestLongReplace(t *testing.T) {
	counted := environment()
	counted.Work = func(int) error { return nil }
	for _, line := range []string{"aab", "ünï€𝄞a", "a b c\\n", "xyz", "\\nba\\n\\na"} {
		text := strings.Repeat(line, 400)
		for _, args := range []string{
			`"a+", "-"`, `"^.", "-"`, `"^.", "-", "m"`, `"(a)(b)?", "$2$1$0"`, `"a|a[^q]*q", "[$0]"`, `".$", "!"`, `".$", "!", "m"`,
			`"[^a]", ""`, `"(.)(.)", "$2$1", "s"`, `"A", "\\$", "i"`, `"a.", "$0", "q"`, `"q", "r"`, `"(^|b)a", "<$1>", "m"`,
		} {
			call := fmt.Sprintf(`REPLACE("%s", %s)`, text, args)
			if want, got := compute(t, call, environment(), solution()), compute(t, call, counted, solution()); got != want {
				t.Errorf("REPLACE of %q, %s: %.100s, expected %.100s", line, args, got, want)
			}
		}
	}
	counted.TextLimit = 5000
	for _, args := range []string{`"a", "bcdefghijk"`, `"(a+)", "$1$1$1$1$1$1"`} {
		f := compile(t, fmt.Sprintf(`REPLACE("%s", %s)`, strings.Repeat("a", 3000), args), counted)
		if _, err := f(solution()); !errors.Is(err, expr.ErrLimit) {
			t.Errorf("REPLACE by %s: %v, expected that it is over the limit", args, err)
		}
	}
}

var errStop = errors.New("stop")

// TestWork: what takes long tells of it while it goes on, and ends when it is told to.
func TestWork(t *testing.T) {
	long := strings.Repeat("a", 200_000)
	for name, text := range map[string]string{
		"one match of many steps":             `REGEX("` + long + `", "(a|b)*c{1,50}$")`,
		"matches that look at what is behind": `REPLACE("` + long + `", "a[^z]*z|a", "b")`,
		"patterns":                            strings.Repeat(`REGEX(?s, CONCAT("a{100}", STR(RAND()))) || `, 100) + "false",
		"a list":                              "?i IN (" + strings.Repeat("1.5, ", 20_000) + "2)",
		"a chain":                             strings.Repeat("?i = 7 || ", 5_000) + "false",
		"texts":                               strings.Repeat(`UCASE("`+strings.Repeat("b", 1000)+`") = "x" || `, 200) + "false",
	} {
		t.Run(name, func(t *testing.T) {
			env := environment()
			left, told := 1_000, 0
			env.Work = func(n int) error {
				told++
				if left -= n; left < 0 {
					return errStop
				}
				return nil
			}
			f, err := expr.Compile(parse(t, text), env)
			if err == nil {
				_, err = f(solution())
			}
			if !errors.Is(err, errStop) {
				t.Errorf("%v, expected that it was stopped", err)
			}
			if told > 1_002 {
				t.Errorf("it went on for %d times", told)
			}
		})
	}
}
