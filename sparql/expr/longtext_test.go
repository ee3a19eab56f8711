package expr_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
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

// randomPattern makes a regular expression, in which deep says how deep groups are in each other.
func randomPattern(r *rand.Rand, deep int) string {
	atoms := []string{"a", "b", "ü", "𝄞", `\n`, ".", "[^a]", "[abü]", `\s`, `\w`, "^", "$", `\p{L}`, `\$`, "ab"}
	quantities := []string{"", "", "", "", "+", "*", "?", "{2}", "{1,3}", "+?", "*?", "??"}
	var text strings.Builder
	for range 1 + r.IntN(3) {
		atom := atoms[r.IntN(len(atoms))]
		if deep > 0 && r.IntN(3) == 0 {
			open := []string{"(", "(?:"}[r.IntN(2)]
			atom = open + randomPattern(r, deep-1) + "|" + randomPattern(r, deep-1) + ")"
		}
		text.WriteString(atom)
		text.WriteString(quantities[r.IntN(len(quantities))])
	}
	return text.String()
}

// TestTellingIsExact: a match that tells of its work, and REPLACE by one match after the other, give what they give at once.
func TestTellingIsExact(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	pieces := []string{"a", "b", "ab", "ü", "𝄞", "\n", " ", "c", "$"}
	found, replaced := 0, 0
	for range 4000 {
		pattern, flags := randomPattern(r, 2), []string{"", "m", "s", "i", "ms", "x"}[r.IntN(6)]
		replacement := []string{"", "-", "<$0>", "$1", "$2$1", `\$`, "ü$0a"}[r.IntN(7)]
		var text string
		for range r.IntN(12) {
			text += pieces[r.IntN(len(pieces))]
		}
		direct, telling, err := expr.Found(text, pattern, flags)
		if errors.Is(err, value.ErrType) {
			continue
		}
		if err != nil || direct != telling {
			t.Errorf("seed %d: REGEX(%q, %q, %q): %t, expected %t, %v", seed, text, pattern, flags, telling, direct, err)
		}
		want, got, err := expr.Replaced(text, pattern, flags, replacement)
		if err != nil && !errors.Is(err, value.ErrType) || got != want {
			t.Errorf("seed %d: REPLACE(%q, %q, %q, %q): %q, expected %q, %v", seed, text, pattern, replacement, flags, got, want, err)
		}
		if found++; want != "" && want != text {
			replaced++
		}
	}
	if found < 1000 || replaced < 300 {
		t.Errorf("seed %d: %d patterns, of which %d have replaced something", seed, found, replaced)
	}
}

// TestLargePatterns: what would take long, or much memory, to compile or to match is an error.
func TestLargePatterns(t *testing.T) {
	groups := strings.Repeat("(a)|", 900)
	for name, of := range map[string]struct {
		call string
		err  error
	}{
		"instructions":        {`REGEX("a", "` + strings.Repeat("(a?){1000}", 100) + `")`, value.ErrType},
		"classes":             {`REGEX("a", "` + strings.Repeat(`\\w`, 1900) + `")`, value.ErrType},
		"groups":              {`REPLACE("a", "(` + groups + `b)c{1000}", "x")`, expr.ErrLimit},
		"groups without text": {`REGEX("a", "(` + groups + `b)c{1000}")`, nil},
		"many classes":        {`REGEX("a", "` + strings.Repeat(`\\w?`, 150) + `")`, nil},
		"many instructions":   {`REGEX("a", "(a?){1000}(b?){1000}(c?){1000}")`, nil},
	} {
		_, err := compile(t, of.call, environment())(solution())
		if !errors.Is(err, of.err) {
			t.Errorf("%s: %v, expected %v", name, err, of.err)
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
		"short matches, each of many groups":  `REPLACE("` + long[:2000] + `", "` + strings.Repeat("(a)|", 300) + `b", "x")`,
		"a pattern of large classes":          `REGEX(?s, CONCAT("` + strings.Repeat(`\\w`, 150) + `", STR(?i)))`,
		"a pattern of many instructions":      `REGEX(?s, CONCAT("a{1000}b{1000}c{1000}d{1000}e{1000}", STR(?i)))`,
		"a text of sigmas":                    `LCASE(CONCAT("` + strings.Repeat("Σ", 60_000) + `", STR(?i)))`,
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
