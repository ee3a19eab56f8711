package algebra_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// repeat writes a text n times, each with its number in place of "#".
func repeat(n int, of string) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(strings.ReplaceAll(of, "#", fmt.Sprint(i)))
	}
	return text.String()
}

// translation is how often, and how many bytes of, memory is taken to make algebra of a text.
func translation(t *testing.T, text string) (times, bytes uint64) {
	t.Helper()
	q, err := sparql.ParseQuery("PREFIX : <http://e/> " + text)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	algebra.Translate(q)
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}

// TestGrowth: a text that is eight times as long takes not much more than eight times the memory, and so many looks at what there is,
// each of which takes some. Sets of variables have a bit for each, so that their bytes are more where there are many.
func TestGrowth(t *testing.T) {
	for name, of := range map[string]struct {
		text  func(n int) string
		bytes bool // count, too
	}{
		"optional":         {text: func(n int) string { return "{ ?a :v ?b " + repeat(n, "OPTIONAL { ?a :x ?o# } ") + "}" }},
		"optional, filter": {text: func(n int) string { return "{ ?a :v ?b " + repeat(n, "OPTIONAL { ?a :x ?o# FILTER(?o# > ?b) } ") + "}" }},
		"filter behind":    {text: func(n int) string { return "{ ?a :v ?b " + repeat(n, "OPTIONAL { ?a :x ?o# } FILTER(?o# > ?b) ") + "}" }},
		"minus":            {text: func(n int) string { return "{ ?a :v ?b " + repeat(n, "MINUS { ?a :x ?o# } ") + "}" }},
		"bind":             {text: func(n int) string { return "{ ?a :v ?b " + repeat(n, "BIND(?b + 1 AS ?o#) ") + "}" }},
		"exists": {text: func(n int) string {
			return "{ ?a :v ?b FILTER EXISTS { " + repeat(n, "OPTIONAL { ?a :x ?o# } ") + "} }"
		}},
		"alternatives": {text: func(n int) string { return "{ ?a " + repeat(n, ":p|") + ":p ?b }" }, bytes: true},
		"elements":     {text: func(n int) string { return "{ ?a :v ?b " + repeat(n, "{ ?a :v ?b } ") + "}" }, bytes: true},
		"nested graphs": {text: func(n int) string {
			return "{ " + repeat(n/32, "GRAPH ?g# { ?a :v ?b# OPTIONAL { ?a :w ?c# } ") + strings.Repeat("}", n/32) + " }"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			translation(t, "SELECT * "+of.text(8))
			times, bytes := translation(t, "SELECT * "+of.text(750))
			moreTimes, moreBytes := translation(t, "SELECT * "+of.text(6000))
			if moreTimes > 16*times || of.bytes && moreBytes > 16*bytes {
				t.Errorf("%d and %d bytes; of a text that is eight times as long, %d and %d", times, bytes, moreTimes, moreBytes)
			}
		})
	}
}
