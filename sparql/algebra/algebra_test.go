package algebra_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// shape writes an operator with the names of its variables.
func shape(q *algebra.Query, op algebra.Op) string {
	node := func(n algebra.Node) string {
		if n.Slot == algebra.None {
			return strings.TrimSuffix(strings.TrimPrefix(n.Term.String(), "<http://e/"), ">")
		}
		return "?" + strings.TrimRight(string(q.Names[n.Slot]), "0123456789")
	}
	var parts []string
	for _, part := range algebra.Parts(op) {
		parts = append(parts, shape(q, part))
	}
	name := strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", op), "*"), "algebra.")
	switch op := op.(type) {
	case *algebra.Pattern:
		return strings.TrimSpace(node(op.S) + " " + node(op.P) + " " + node(op.O) + " " + node(op.G))
	case *algebra.Path:
		return node(op.S) + " path " + node(op.O)
	case *algebra.Graphs:
		return "Graphs " + node(op.Name)
	}
	if n := len(algebra.Exprs(op)); n > 0 {
		name += fmt.Sprint(n)
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// TestTranslate: joins are flat, filters stand as deep as they may, what has no solution is gone, paths are patterns where they can be.
func TestTranslate(t *testing.T) {
	for pattern, want := range map[string]string{
		"?a :p ?b . { ?b :q ?c { ?c :r ?d } }":                                 "Join(?a p ?b, ?b q ?c, ?c r ?d)",
		"?a :p ?b { ?b :q ?c FILTER(?c > 1 && ?b > 2) }":                       "Filter2(Join(?a p ?b, ?b q ?c))",
		"?a :p ?b { ?c :q ?d FILTER(?a > 1) }":                                 "Join(?a p ?b, Filter1(?c q ?d))",
		"?a :p ?b OPTIONAL { ?b :q ?c FILTER(?a > ?c) } ?a :r ?d":              "LeftJoin1(Join(?a p ?b, ?a r ?d), ?b q ?c)",
		"?a :p ?b OPTIONAL { ?b :q ?c } ?c :r ?d":                              "Join(LeftJoin(?a p ?b, ?b q ?c), ?c r ?d)",
		"?a :p ?b OPTIONAL { ?b :q ?c } FILTER(?a > 1)":                        "LeftJoin(Filter1(?a p ?b), ?b q ?c)",
		"?a :p ?b OPTIONAL { ?b :q ?c } FILTER(!BOUND(?c))":                    "Filter1(LeftJoin(?a p ?b, ?b q ?c))",
		"?a :p ?b OPTIONAL { ?b :q ?c FILTER(?c > 1) }":                        "LeftJoin(?a p ?b, Filter1(?b q ?c))",
		"{ ?a :p 1 } UNION { ?a :p 2 } UNION { VALUES ?a { } } FILTER(?a > 1)": `Union(Filter1(?a p "1"^^<http://www.w3.org/2001/XMLSchema#integer), Filter1(?a p "2"^^<http://www.w3.org/2001/XMLSchema#integer))`,
		"?a :p ?b FILTER(false)":                                               "Nothing()",
		"?a :p ?b FILTER(true)":                                                "?a p ?b",
		"?a :p ?b MINUS { ?c :q ?d }":                                          "?a p ?b",
		"?a :p ?b MINUS { ?b :q ?d } FILTER(?b > 1)":                           "Minus(Filter1(?a p ?b), ?b q ?d)",
		"?a :p ?b BIND(1 AS ?x) FILTER(?b > 1) FILTER(?x > 1)":                 "Filter1(Extend1(Filter1(?a p ?b)))",
		"?a :p/^:q ?b":    "Join(?a p ?.path, ?b q ?.path)",
		"?a (:p|:q) ?b":   "Union(?a p ?b, ?a q ?b)",
		"?a !(:p|^:q) ?b": "Union(?a path ?b, ?b path ?a)",
		"?a :p* ?b":       "?a path ?b",
		"GRAPH ?g { ?a :p ?b OPTIONAL { ?b :q ?c } }": "LeftJoin(?a p ?b ?g, ?b q ?c ?g)",
		"GRAPH ?g { OPTIONAL { ?b :q ?c } }":          "LeftJoin(Graphs ?g, ?b q ?c ?g)",
		"GRAPH :g { }":                                "Graphs g",
		"GRAPH :g { ?a :p ?b }":                       "?a p ?b g",
		"GRAPH ?g { ?a :p ?b FILTER(?g != :x) }":      "Graph(Filter1(?a p ?b ?.graph))",
		"GRAPH ?g { ?g :p ?b FILTER(?g != :x) }":      "Filter1(?g p ?b ?g)",
		"GRAPH ?g { SELECT ?a { ?a :p ?b } }":         "Graph(Join(Graphs ?.graph, Project(?a p ?b ?.graph)))",
	} {
		text, err := sparql.ParseQuery("PREFIX : <http://e/> ASK { " + pattern + " }")
		if err != nil {
			t.Fatal(err)
		}
		q := algebra.Translate(text)
		if got := shape(q, q.Op); got != want {
			t.Errorf("%s:\n%s, expected\n%s", pattern, got, want)
		}
	}
}

// TestScope: a variable that a sub-select doesn't project is another one than that outside, and has another slot.
func TestScope(t *testing.T) {
	text, err := sparql.ParseQuery("PREFIX : <http://e/> SELECT * { ?a :p ?b { SELECT ?a { ?a :q ?b } } }")
	if err != nil {
		t.Fatal(err)
	}
	q := algebra.Translate(text)
	var patterns []*algebra.Pattern
	var walk func(algebra.Op)
	walk = func(op algebra.Op) {
		if p, ok := op.(*algebra.Pattern); ok {
			patterns = append(patterns, p)
		}
		for _, part := range algebra.Parts(op) {
			walk(part)
		}
	}
	walk(q.Op)
	if len(patterns) != 2 || patterns[0].S != patterns[1].S || patterns[0].O == patterns[1].O || len(q.Vars) != 2 {
		t.Errorf("patterns %v and %v, columns %v", patterns[0], patterns[1], q.Vars)
	}
}

// TestSet compares sets with maps.
func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (algebra.Set, map[algebra.Slot]bool) {
			slots := rapid.SliceOf(rapid.Map(rapid.IntRange(0, 200), func(n int) algebra.Slot { return algebra.Slot(n) })).Draw(t, name)
			in := map[algebra.Slot]bool{}
			for _, s := range slots {
				in[s] = true
			}
			return algebra.NewSet(slots...), in
		}
		a, inA := draw("a")
		b, inB := draw("b")
		within, meets := true, false
		for slot := algebra.None; slot < 210; slot++ {
			x, y := inA[slot], inB[slot]
			within, meets = within && (!x || y), meets || x && y
			if a.Has(slot) != x || a.Union(b).Has(slot) != (x || y) || a.Intersect(b).Has(slot) != (x && y) || a.Without(b).Has(slot) != (x && !y) {
				t.Fatalf("slot %d of %v and %v", slot, a.Slots(), b.Slots())
			}
		}
		if a.Within(b) != within || a.Meets(b) != meets || a.Len() != len(inA) || a.Empty() != (len(inA) == 0) || !slices.IsSorted(a.Slots()) {
			t.Fatalf("%v and %v", a.Slots(), b.Slots())
		}
	})
}
