package eval

import (
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// TestSequence: what is evaluated without a plan gives what a plan gives, and what needs one has one.
func TestSequence(t *testing.T) {
	for _, test := range []struct {
		where    string
		sequence bool
	}{
		{``, true},
		{`<e:a> <e:p> ?x`, true},
		{`OPTIONAL { <e:a> <e:none> ?x }`, true},
		{`OPTIONAL { <e:a> <e:none> ?n } BIND(COALESCE(?n, 0) + 1 AS ?x)`, true},
		{`OPTIONAL { <e:a> <e:p> ?x } OPTIONAL { <e:a> <e:q> ?y } FILTER(!BOUND(?y) || ?y > 1)`, true},
		{`OPTIONAL { <e:a> <e:none> ?x } OPTIONAL { <e:a> <e:q> ?x } OPTIONAL { <e:b> <e:q> ?y }`, true},
		{`<e:a> <e:p> ?x . <e:b> <e:p> ?x BIND(?x * 2 AS ?y) FILTER(?y > 2)`, true},
		{`<e:a> ?p ?x BIND(1/0 AS ?y) BIND(COALESCE(?y, ?x) AS ?z) FILTER(?z != 2)`, true},
		{`GRAPH ?g { <e:a> <e:p> ?x }`, true},
		{`GRAPH <e:g> { OPTIONAL { <e:a> <e:p> ?x } BIND(?x + 1 AS ?y) }`, false},
		{`FILTER(1 > 2)`, true},
		{`?s <e:p> ?x`, false},
		{`<e:a> <e:p> ?x . <e:a> <e:q> ?y . <e:b> <e:p> ?x`, false},
		{`OPTIONAL { <e:a> <e:p> ?x FILTER(?x > 1) }`, false},
		{`<e:a> <e:p> ?x BIND(RAND() AS ?y) FILTER(?y < 2)`, false},
		{`<e:a> <e:p> ?x FILTER EXISTS { <e:b> <e:p> ?x }`, false},
		{`<e:a> <e:p> ?x MINUS { <e:b> <e:p> ?x }`, false},
		{`VALUES ?x { 1 2 } <e:a> <e:p> ?x`, false},
	} {
		text := `INSERT { <e:made> <e:x> ?x . <e:made> <e:y> ?y . <e:made> <e:z> ?z . <e:made> <e:in> ?g } WHERE { ` + test.where + ` }`
		planned, made := changesOf(t, text, true)
		sequential, _ := changesOf(t, text, false)
		if !slices.Equal(planned, sequential) {
			t.Errorf("%s\nplanned:\n%swithout a plan:\n%s", test.where, strings.Join(planned, ""), strings.Join(sequential, ""))
		}
		if made != test.sequence {
			t.Errorf("%s: without a plan: %v, want %v", test.where, made, test.sequence)
		}
	}
}

const sequenceData = `<e:a> <e:p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .
<e:a> <e:p> "2"^^<http://www.w3.org/2001/XMLSchema#integer> .
<e:a> <e:q> "2"^^<http://www.w3.org/2001/XMLSchema#integer> .
<e:b> <e:p> "2"^^<http://www.w3.org/2001/XMLSchema#integer> .
<e:a> <e:p> "3"^^<http://www.w3.org/2001/XMLSchema#integer> <e:g> .
<e:a> <e:p> "text" <e:h> .
`

// changesOf returns what an update changes, in order of the text, and whether it is evaluated without a plan, unless it has to have one.
func changesOf(t *testing.T, text string, planned bool) (rows []string, without bool) {
	t.Helper()
	s := memory.New()
	tx := s.Begin()
	if err := nquads.Parse([]byte(sequenceData), func(q rdf.Quad) error { _, err := tx.Add(q); return err }); err != nil {
		t.Fatal(err)
	}
	tree, err := sparql.ParseUpdate(text)
	if err != nil {
		t.Fatal(err)
	}
	u, err := PrepareUpdate(tree, Options{})
	if err != nil {
		t.Fatal(err)
	}
	without = u.steps[0].isSequence
	u.steps[0].isSequence = without && !planned
	var out strings.Builder
	w := patch.NewWriter(&out)
	if err := u.Run(t.Context(), tx, Identity{ID: "1"}, w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	rows = strings.SplitAfter(out.String(), "\n")
	slices.Sort(rows)
	return rows, without
}
