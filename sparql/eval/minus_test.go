package eval_test

import (
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// TestMinusInMinus: the right side of a MINUS that stands in another one binds what it binds itself, and nothing else.
func TestMinusInMinus(t *testing.T) {
	s := trig(t, ":a :p :a . :a :q 1 .")
	rows, err := answer(t, s, "SELECT ?d { ?d :q 1 MINUS { ?d :p ?x MINUS { { } UNION { ?d :none ?y } } } }", eval.Options{})
	if err != nil || fmt.Sprint(rows) != "[]" {
		t.Errorf("%q, %v, expected no row", rows, err)
	}
}
