package sparql_test

import (
	"fmt"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// tree is a query or an update.
type tree interface {
	fmt.Stringer
	Append(dst []byte) []byte
}

// parse reads a query or an update.
func parse(text string, update bool, opts ...sparql.Option) (tree, error) {
	if update {
		return sparql.ParseUpdate(text, opts...)
	}
	return sparql.ParseQuery(text, opts...)
}

// difference is what two trees do not have in common, but for the places in their texts.
func difference(a, b tree) string {
	opts := []cmp.Option{cmpopts.IgnoreTypes(sparql.Pos{}), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b rdf.Term) bool { return a == b })}
	if cmp.Equal(a, b, opts...) {
		return ""
	}
	return cmp.Diff(a, b, opts...)
}

// rewritten writes a tree and reads that again. It says what is not equal; "" if all is.
func rewritten(t tree) string {
	text := t.String()
	_, update := t.(*sparql.Update)
	again, err := parse(text, update)
	if err != nil {
		return fmt.Sprintf("%v in what was written:\n%s", err, text)
	}
	if diff := difference(t, again); diff != "" {
		return fmt.Sprintf("what was written is read as another tree:\n%s\n%s", text, diff)
	}
	if second := again.String(); second != text {
		return fmt.Sprintf("what was written is written otherwise again:\n%s\n%s", text, second)
	}
	return ""
}
