package eval

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// fuzzed is small data with something of each kind.
func fuzzed(t testing.TB) *memory.Store {
	t.Helper()
	iri := func(name string) rdf.Term { return rdf.Trusted("<http://e/" + name + ">") }
	var quads []rdf.Quad
	for _, o := range terms("<http://e/a>", "<http://e/b>", `"1"^^<`+rdf.XSDInteger+`>`, `"x"@en`, "_:b", "<<( <http://e/a> <http://e/p> _:b )>>") {
		for _, s := range []rdf.Term{iri("a"), iri("b"), rdf.Trusted("_:b")} {
			quads = append(quads, rdf.Quad{S: s, P: iri("p"), O: o}, rdf.Quad{S: s, P: iri("q"), O: o, G: iri("g")})
		}
	}
	return filled(t, quads)
}

// unsettled are words of queries whose result is not the same for every order of joins.
var unsettled = []string{"LIMIT", "OFFSET", "SAMPLE", "GROUP_CONCAT", "RAND", "UUID", "BNODE", "MIN", "MAX", "AVG", "SUM", "REDUCED", "SERVICE"}

// FuzzQuery: what is parsed is evaluated within its budget, without a panic, and gives the same whatever the order of joins.
func FuzzQuery(f *testing.F) {
	const prefix = "PREFIX : <http://e/> "
	for _, text := range []string{
		"SELECT * { ?s :p ?o OPTIONAL { GRAPH ?g { ?s ?q ?o } FILTER(?o != 1) } } ORDER BY ?o LIMIT 3",
		"SELECT ?s (COUNT(DISTINCT *) AS ?n) { ?s (:p|^:p)* ?o MINUS { ?o !:q ?s } } GROUP BY ?s HAVING (?n > 1)",
		"SELECT DISTINCT ?x { { ?x :p 1 } UNION { VALUES (?x ?y) { (UNDEF 1) (:a UNDEF) } } FILTER NOT EXISTS { ?x :p ?x } }",
		"CONSTRUCT { ?s :r [ :of ?o ] } WHERE { ?s :p <<( ?a ?b ?o )>> BIND(IRI('x') AS ?y) }",
		"DESCRIBE ?o :a { :a :p ?o }", "ASK { GRAPH ?g { SELECT (SUM(?o) AS ?n) { ?s ?p ?o } } }",
		"SELECT * { SERVICE SILENT :x { ?s ?p ?o } }",
	} {
		f.Add(prefix + text)
	}
	s := fuzzed(f)
	both := []*InProcess{fuzzedShards(f, KeySubject), fuzzedShards(f, KeyGraph)}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := sparql.ParseQuery(text, sparql.Base("http://e/"))
		if err != nil {
			return
		}
		first, err := fuzzRun(t, q, s, nil)
		second, otherErr := fuzzRun(t, q, s, rand.New(rand.NewPCG(uint64(len(text)), 7)).IntN)
		upper := strings.ToUpper(text)
		if err != nil || otherErr != nil || slices.ContainsFunc(unsettled, func(word string) bool { return strings.Contains(upper, word) }) {
			return
		}
		if !slices.Equal(first, second) {
			t.Errorf("%s\ngives\n%q\nand in another order\n%q", text, first, second)
		}
		for i, shards := range both {
			if third, err := fuzzShards(t, q, shards); err == nil && !slices.Equal(first, third) {
				t.Errorf("%s\ngives\n%q\nand over shards %d\n%q", text, first, i, third)
			}
		}
	})
}

// fuzzRun evaluates a query and returns what it gives, sorted. Only a budget, or a time that is much longer than that allows, may
// stop it.
func fuzzRun(t *testing.T, q *sparql.Query, s *memory.Store, order func(int) int) (rows []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	prepared, err := Prepare(q, Options{Steps: 20_000, Memory: 1 << 20, order: order})
	if err != nil {
		t.Fatal(err)
	}
	view := s.View()
	defer view.Close()
	switch prepared.Form() {
	case sparql.Select:
		err = prepared.Select(ctx, view, Identity{}, func(row []rdf.Term) error {
			text := ""
			for _, term := range row {
				text += term.String() + " "
			}
			rows = append(rows, text)
			return nil
		})
	case sparql.Ask:
		var yes bool
		if yes, err = prepared.Ask(ctx, view, Identity{}); yes {
			rows = append(rows, "yes")
		}
	default:
		n := 0
		err = prepared.Triples(ctx, view, Identity{}, func(triple rdf.Triple) error {
			n++
			return (rdf.Quad{S: triple.S, P: triple.P, O: triple.O}).Check()
		})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v: %v", q, err)
	}
	slices.Sort(rows)
	return rows, err
}

// FuzzUpdate: what is parsed is carried out within its budget, without a panic, and leaves nothing if it fails.
func FuzzUpdate(f *testing.F) {
	for _, text := range []string{
		"INSERT DATA { :a :p 1, [] . GRAPH :h { :b :p 'x' } } ; CLEAR DEFAULT",
		"DELETE { ?s ?p ?o } INSERT { GRAPH ?s { ?s :r _:n . ?o :r ?s } } WHERE { ?s ?p ?o BIND(UUID() AS ?u) }",
		"WITH :g DELETE { ?s :q ?o } INSERT { ?s :q 1 } USING NAMED :g WHERE { GRAPH ?x { ?s :q ?o } }",
		"MOVE :g TO DEFAULT ; COPY SILENT :none TO :g ; DROP ALL", "LOAD SILENT :x INTO GRAPH :y",
	} {
		f.Add("PREFIX : <http://e/> " + text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := sparql.ParseUpdate(text, sparql.Base("http://e/"))
		if err != nil {
			return
		}
		prepared, err := PrepareUpdate(u, Options{Steps: 20_000, Memory: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []Key{KeySubject, KeyGraph, KeyDataset} {
			_, _ = LocalUpdate(u, key)
		}
		s := fuzzed(t)
		before := s.Len()
		tx := s.Begin()
		var c patch.Counter
		err = prepared.Run(context.Background(), tx, Identity{}, &c)
		if err := tx.Commit(2, nil); err != nil {
			t.Fatal(err)
		}
		want := before + int(c.Adds) - int(c.Deletes)
		if err != nil {
			want = before
		}
		if s.Len() != want {
			t.Errorf("%s\nleaves %d quads of %d, with %d added and %d deleted: %v", text, s.Len(), before, c.Adds, c.Deletes, err)
		}
	})
}
