package eval_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// TestLarge: a text of many parts, or nested deeply, is evaluated, or is over its budget, and takes neither long nor much.
func TestLarge(t *testing.T) {
	s := ladder(t, 10)
	repeat := func(n int, format string) string {
		var text strings.Builder
		for i := range n {
			text.WriteString(strings.ReplaceAll(format, "%", fmt.Sprint(i)))
		}
		return text.String()
	}
	for name, query := range map[string]string{
		"patterns":    repeat(2000, "?a% :v ?b% . "),
		"connected":   repeat(2000, "?a :v ?b% . "),
		"optionals":   "?a :v ?b " + repeat(500, "OPTIONAL { ?a :v ?b% } "),
		"independent": "?a :v ?b " + repeat(500, "OPTIONAL { ?x% :v ?b% } "),
		"binds":       repeat(1000, "BIND(% AS ?x%) "),
		"filters":     "?a :v ?b " + repeat(1000, "FILTER(?b != %) "),
		"unions":      "{} " + repeat(1000, "UNION { ?a% :v '3' } "),
		"groups":      strings.Repeat("{ ?a :v ?b ", 200) + strings.Repeat("}", 200),
		"nested":      strings.Repeat("?a :v ?b OPTIONAL { ", 200) + strings.Repeat("}", 200),
		"exists":      strings.Repeat("?a :v ?b FILTER EXISTS { ", 60) + strings.Repeat("}", 60),
		"minus":       strings.Repeat("?a :v ?b MINUS { ", 60) + strings.Repeat("}", 60),
		"selects":     strings.Repeat("{ SELECT * { ?a :v ?b ", 60) + strings.Repeat("} }", 60),
		"graphs":      strings.Repeat("GRAPH ?g { ?a :v ?b FILTER(?g != ?a) ", 60) + strings.Repeat("}", 60),
	} {
		t.Run(name, func(t *testing.T) {
			q := prepare(t, "SELECT * { "+query+" }", eval.Options{Steps: 3_000_000, Memory: 64 << 20})
			if _, err := count(context.Background(), q, s); err != nil && !errors.Is(err, eval.ErrBudget) {
				t.Error(err)
			}
		})
	}
}

// TestPrepareIsLinear: twice as many optional parts, or groups, take about twice the work to prepare, whatever their filters are about.
// Nobody can end that.
func TestPrepareIsLinear(t *testing.T) {
	for _, part := range []string{
		"OPTIONAL { ?a :v ?b% }", "OPTIONAL { ?a :v ?b% FILTER(?b% > 1) }", "OPTIONAL { ?a :v ?b% FILTER(?b > 1 || ?b1 > ?b2) }",
		"{ ?a :v ?b% FILTER(?b% > 1) }", "{ ?a :v ?b% FILTER(?b > 1) }",
		"{ ?a :v ?b% OPTIONAL { ?b% :v ?c% } }", "{ ?a :v ?b% OPTIONAL { ?b% :v ?c } }", ". ?a :v ?b% . ?b% :v ?c%",
		"FILTER EXISTS { ?a :v ?b% . ?b% :v ?c } ",
	} {
		allocations := func(n int, ready func(text string)) float64 {
			var text strings.Builder
			for i := range n {
				text.WriteString(strings.ReplaceAll(part+" ", "%", fmt.Sprint(i)))
			}
			return testing.AllocsPerRun(1, func() { ready("SELECT * { ?a :v ?b " + text.String() + "}") })
		}
		for name, ready := range map[string]func(string){
			"preparing": func(text string) { prepare(t, text, eval.Options{}) },
			"dividing":  func(text string) { overShards(t, text, nil, eval.KeySubject, eval.Options{}) },
		} {
			if once, twice := allocations(400, ready), allocations(800, ready); twice > 2.5*once {
				t.Errorf("%s %q: %.0f allocations, and of twice as many parts %.0f", name, part, once, twice)
			}
		}
	}
}
