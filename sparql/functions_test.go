package sparql_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
)

// TestFunctions: calls of functions that IRIs name are told of, but for those of services.
func TestFunctions(t *testing.T) {
	var found []string
	note := sparql.Functions(func(f *sparql.Function) {
		found = append(found, fmt.Sprintf("%s %d:%d", f.IRI.Value(), f.Pos.Line, f.Pos.Column))
	})
	text := `PREFIX : <e:>
SELECT (:a(DISTINCT :b(?x)) AS ?y) { ?x :p ?z FILTER :c() SERVICE :s { FILTER(:hidden(?x)) } FILTER EXISTS { BIND(:d(1) AS ?u) } }`
	if _, err := sparql.ParseQuery(text, note); err != nil {
		t.Fatal(err)
	}
	if want := []string{"e:a 2:9", "e:b 2:21", "e:c 2:54", "e:d 2:115"}; !slices.Equal(found, want) {
		t.Errorf("%q, expected %q", found, want)
	}
	found = nil
	if _, err := sparql.ParseUpdate("DELETE {} INSERT { ?x a ?y } WHERE { BIND(<e:f>(?x) AS ?y) }", note); err != nil || !slices.Equal(found, []string{"e:f 1:43"}) {
		t.Errorf("%q, %v", found, err)
	}
}
