package eval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

const prefix = "PREFIX : <http://e/> "

func trig(t testing.TB, text string) *memory.Store {
	t.Helper()
	s := memory.New()
	tx := s.Begin()
	err := turtle.Parse([]byte(prefix+text), func(q rdf.Quad) error {
		_, err := tx.Add(q)
		return err
	}, turtle.TriG())
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(1, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// answer evaluates a query and returns what it gives as sorted texts, in which IRIs have their last part alone.
func answer(t testing.TB, s *memory.Store, text string, o eval.Options) (rows []string, err error) {
	t.Helper()
	q := prepare(t, text, o)
	view := s.View()
	defer view.Close()
	short := func(terms ...rdf.Term) {
		words := ""
		for _, term := range terms {
			words += " " + term.String()
		}
		rows = append(rows, strings.NewReplacer("<http://e/", "", ">", "").Replace(words[1:]))
	}
	switch q.Form() {
	case sparql.Select:
		err = q.Select(context.Background(), view, event, func(row []rdf.Term) error {
			short(row...)
			return nil
		})
	case sparql.Ask:
		var yes bool
		yes, err = q.Ask(context.Background(), view, event)
		rows = []string{fmt.Sprint(yes)}
	default:
		err = q.Triples(context.Background(), view, event, func(triple rdf.Triple) error {
			short(triple.S, triple.P, triple.O)
			return nil
		})
	}
	slices.Sort(rows)
	return rows, err
}

// TestDatasets: the default graph is that of the store, or the merge of what FROM names, or of all graphs if an option says so, each
// triple once.
func TestDatasets(t *testing.T) {
	s := trig(t, ":a :p 1 . :g { :a :p 1 , 2 } :h { :a :p 2, 3 . :g :is :in }")
	for _, test := range []struct {
		query string
		union bool
		want  string
	}{
		{"SELECT (STR(?o) AS ?t) { :a :p ?o }", false, `["1"]`},
		{"SELECT (STR(?o) AS ?t) { :a :p ?o }", true, `["1" "2" "3"]`},
		{"SELECT (STR(?o) AS ?t) FROM :g FROM :h { :a :p ?o }", true, `["1" "2" "3"]`},
		{"SELECT (STR(?o) AS ?t) FROM :g { :a :p ?o }", true, `["1" "2"]`},
		{"SELECT ?g (STR(?o) AS ?t) FROM NAMED :h { GRAPH ?g { :a :p ?o } }", false, `[h "2" h "3"]`},
		{"SELECT ?g { GRAPH ?g { } }", false, "[g h]"},
		{"SELECT ?g FROM NAMED :none { GRAPH ?g { } }", false, "[none]"},
		{"SELECT ?g ?x { GRAPH ?g { OPTIONAL { ?x :is :in } } }", false, "[g  h g]"},
		{"SELECT ?g ?n { GRAPH ?g { SELECT (COUNT(*) AS ?c) { ?x :p ?o } } BIND(STR(?c) AS ?n) }", false, `[g "2" h "2"]`},
		{"SELECT ?g ?y { GRAPH ?g { :a :p ?o FILTER(STR(?o) = '2') } GRAPH :h { ?g :is ?y } }", false, "[g in]"},
		{"SELECT ?o { GRAPH :none { OPTIONAL { :a :p ?o } } }", false, "[]"},
		{"SELECT ?o { :b (:p|:q)* ?o }", false, "[b]"},
	} {
		got, err := answer(t, s, test.query, eval.Options{UnionDefault: test.union})
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, %v, expected %s", test.query, got, err, test.want)
		}
	}
}

// TestGraphsMade: templates leave out what is no triple and what is there twice, with new blank nodes for each solution; a description
// follows blank nodes, in all graphs, up to its bound.
func TestGraphsMade(t *testing.T) {
	s := trig(t, `:a :p 'x', [ :q [ :r :b ] ] . :g { :a :s :c . :b :t :d }`)
	got, err := answer(t, s, "CONSTRUCT { ?o :of ?s . ?s :has ?p . [] :o ?o } WHERE { ?s ?p ?o }", eval.Options{})
	if err != nil || len(got) != 3+3+4 {
		t.Errorf("%d triples, %v: %q", len(got), err, got)
	}
	for bound, want := range map[int]int{0: 5, 3: 3} {
		got, err := answer(t, s, "DESCRIBE :a", eval.Options{Description: bound})
		if err != nil || len(got) != want {
			t.Errorf("described within %d: %q, %v, expected %d triples", bound, got, err, want)
		}
	}
	if got, err := answer(t, s, "DESCRIBE ?x { ?x :q ?y }", eval.Options{}); err != nil || len(got) != 2 {
		t.Errorf("%q, %v", got, err)
	}
}

// TestOff: SERVICE is an error unless it is silent or allowed, with its place.
func TestOff(t *testing.T) {
	s := trig(t, ":a :p :b .")
	if got, err := answer(t, s, "SELECT * { :a :p ?x SERVICE SILENT :e { ?x ?y ?z } }", eval.Options{}); err != nil || fmt.Sprint(got) != "[b  ]" {
		t.Errorf("%q, %v", got, err)
	}
	_, err := answer(t, s, "SELECT * { :a :p ?x\n SERVICE :e { ?x ?y ?z } }", eval.Options{})
	if !errors.Is(err, eval.ErrService) || !strings.HasPrefix(err.Error(), "line 2, column 2: SERVICE <http://e/e>") {
		t.Errorf("%v", err)
	}
}

// TestForms: a query is evaluated by the method of its form alone.
func TestForms(t *testing.T) {
	view := trig(t, "").View()
	defer view.Close()
	ctx := context.Background()
	if _, err := prepare(t, "SELECT * {}", eval.Options{}).Ask(ctx, view, event); !errors.Is(err, eval.ErrForm) {
		t.Error(err)
	}
	if err := prepare(t, "ASK {}", eval.Options{}).Select(ctx, view, event, nil); !errors.Is(err, eval.ErrForm) {
		t.Error(err)
	}
	if err := prepare(t, "ASK {}", eval.Options{}).Triples(ctx, view, event, nil); !errors.Is(err, eval.ErrForm) {
		t.Error(err)
	}
}

// carryOut carries out an update and returns its delta.
func carryOut(t testing.TB, s *memory.Store, text string, id eval.Identity, o eval.Options) (delta rows, err error) {
	t.Helper()
	u, err := sparql.ParseUpdate(prefix + text)
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := eval.PrepareUpdate(u, o)
	if err != nil {
		t.Fatal(err)
	}
	tx := s.Begin()
	err = prepared.Run(context.Background(), tx, id, &delta)
	tx.Rollback()
	return delta, err
}

// TestReplay: what is new in an update is made of the event, and of the solutions, whatever their order: the same event gives the same
// delta from a store that was filled in another order, another event gives others. Solutions that bind the same differ.
func TestReplay(t *testing.T) {
	const update = `INSERT { ?x :id ?u ; :r ?r ; :b ?b ; :at ?now ; :node [ :of ?x ] } WHERE {
		{ ?x :p 1 } UNION { ?x :p 1 } BIND(UUID() AS ?u) BIND(RAND() AS ?r) BIND(BNODE() AS ?b) BIND(NOW() AS ?now) }`
	one, err := carryOut(t, trig(t, ":a :p 1 . :b :p 1 . :c :p 1 ."), update, event, eval.Options{})
	if err != nil || len(one.adds) != 6+6+6+3+6+6 {
		t.Fatalf("%d additions, %v", len(one.adds), err)
	}
	again, err := carryOut(t, trig(t, ":z :z :z . :c :p 1 . :b :p 1 . :a :p 1 ."), update, event, eval.Options{})
	slices.SortFunc(one.adds, rdf.Quad.Compare)
	slices.SortFunc(again.adds, rdf.Quad.Compare)
	if err != nil || !slices.Equal(one.adds, again.adds) {
		t.Errorf("%v\nand again\n%v, %v", outcome{graph: one.adds}, outcome{graph: again.adds}, err)
	}
	other, err := carryOut(t, trig(t, ":a :p 1 . :b :p 1 . :c :p 1 ."), update, eval.Identity{ID: "other", Time: event.Time}, eval.Options{})
	if common := len(other.adds) - len(without(other.adds, one.adds)); err != nil || common != 3 {
		t.Errorf("another event has %d quads in common, expected those of NOW: %v", common, err)
	}
}

// TestAtomic: an update whose last operation fails, or whose delta can't be handed on, leaves nothing.
func TestAtomic(t *testing.T) {
	for _, test := range []struct {
		update string
		o      eval.Options
		err    error
	}{
		{"CLEAR ALL ; LOAD :d", eval.Options{}, eval.ErrLoad},
		{"DROP DEFAULT ; MOVE :none TO :g", eval.Options{}, eval.ErrNoGraph},
		{"INSERT DATA { :x :y :z } ; INSERT { ?a ?b :c } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", eval.Options{Steps: 1100}, eval.ErrBudget},
		{"INSERT DATA { :x :y :z, :z1, :z2, :z3 }", eval.Options{Memory: 100}, eval.ErrBudget},
	} {
		s := trig(t, ":a :p 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 . :g { :b :p 1 }")
		before := contentOf(t, s)
		u, err := sparql.ParseUpdate(prefix + test.update)
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := eval.PrepareUpdate(u, test.o)
		if err != nil {
			t.Fatal(err)
		}
		tx := s.Begin()
		var delta rows
		if err := prepared.Run(context.Background(), tx, event, &delta); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, expected %v", test.update, err, test.err)
		}
		if err := tx.Commit(2, nil); err != nil {
			t.Fatal(err)
		}
		if after := contentOf(t, s); !slices.Equal(before, after) || len(delta.adds)+len(delta.deletes) > 0 {
			t.Errorf("%s left %v", test.update, after)
		}
	}
}

// refusing is a Change that takes no rows.
type refusing struct{ patch.Counter }

func (*refusing) Add(rdf.Quad) error { return errRefused }

var errRefused = errors.New("refused")

func TestRefusedDelta(t *testing.T) {
	s := trig(t, ":a :p 1 .")
	u, err := sparql.ParseUpdate(prefix + "INSERT DATA { :x :y :z }")
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := eval.PrepareUpdate(u, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tx := s.Begin()
	if err := prepared.Run(context.Background(), tx, event, &refusing{}); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if err := tx.Commit(2, nil); err != nil || s.Len() != 1 {
		t.Errorf("%d quads, %v", s.Len(), err)
	}
}

// documents are what LOAD finds.
type documents map[string]string

func (d documents) Load(_ context.Context, source rdf.Term, blankPrefix string, add func(rdf.Quad) error) error {
	text, ok := d[source.Value()]
	if !ok {
		return errors.New("not found")
	}
	return turtle.Parse([]byte(text), add, turtle.BlankPrefix(blankPrefix))
}

// TestLoad: a document goes into the graph, with blank nodes of the event's; one that can't be read changes nothing.
func TestLoad(t *testing.T) {
	o := eval.Options{Load: documents{"http://e/d": "<x:s> <x:p> _:b, 1.", "http://e/bad": "<x:s> <x:p> 2. <x:s>"}}
	delta, err := carryOut(t, trig(t, ""), "LOAD :d INTO GRAPH :g ; LOAD SILENT :bad ; LOAD SILENT :none", event, o)
	if err != nil || len(delta.adds) != 2 || delta.adds[0].G.Value() != "http://e/g" {
		t.Errorf("%v, %v", delta.adds, err)
	}
	if _, err := carryOut(t, trig(t, ""), "LOAD :bad", event, o); !errors.Is(err, eval.ErrLoad) {
		t.Error(err)
	}
}

// TestDescribeUnbound: a variable that is not bound doesn't keep the others from being described.
func TestDescribeUnbound(t *testing.T) {
	view := trig(t, ":a :p 1 . :b :p 2 .").View()
	defer view.Close()
	n := 0
	err := prepare(t, "DESCRIBE ?x ?y { :a :p ?z OPTIONAL { :a :none ?x } BIND(:b AS ?y) }", eval.Options{}).Triples(
		context.Background(), view, event, func(rdf.Triple) error {
			n++
			return nil
		})
	if err != nil || n != 1 {
		t.Errorf("%d triples, %v", n, err)
	}
}

// TestWith: WITH is the graph of templates and patterns, unless USING says where to look.
func TestWith(t *testing.T) {
	const data = ":a :p 1 . :g { :a :p 2 } :h { :a :p 3 }"
	for update, want := range map[string]string{
		"WITH :g DELETE { ?s :p ?o } INSERT { ?s :q ?o } WHERE { ?s :p ?o }":        "D 2 g A 2 g",
		"WITH :g INSERT { ?s :q ?o } USING :h WHERE { ?s :p ?o }":                   "A 3 g",
		"INSERT { ?s :q ?o } USING NAMED :h WHERE { GRAPH ?g { ?s :p ?o } }":        "A 3 ",
		"INSERT { GRAPH ?g { ?s :q ?o } } WHERE { ?s :p ?o OPTIONAL { ?s :x ?g } }": "",
		"WITH :g DELETE { GRAPH :h { ?s :p 3 } } WHERE { ?s :p 2 }":                 "D 3 h",
		"DELETE { ?s :p ?o } INSERT { ?s :p ?o } WHERE { ?s :p ?o }":                "",
	} {
		delta, err := carryOut(t, trig(t, data), update, event, eval.Options{})
		var got []string
		for i, quads := range [][]rdf.Quad{delta.deletes, delta.adds} {
			for _, q := range quads {
				got = append(got, []string{"D ", "A "}[i]+q.O.Value()+" "+strings.TrimPrefix(q.G.Value(), "http://e/"))
			}
		}
		if text := strings.Join(got, " "); err != nil || text != want {
			t.Errorf("%s: %q, %v, expected %q", update, text, err, want)
		}
	}
}

// TestAgain: what is evaluated once more - for another row, or another graph - knows nothing of what was left when it ended early. A
// solution of MINUS that is compatible, but shares no variable that is bound, takes nothing away.
func TestAgain(t *testing.T) {
	s := trig(t, ":g { :a :p 1 ; :q 1 } :h { :b :r 1 } :a :p 1 ; :q 1 . :b :r 1 .")
	for query, want := range map[string]string{
		"SELECT ?x { VALUES ?x { :a :b } FILTER EXISTS { { ?x :p ?y } UNION { ?x :q ?y } } }":                                    "[a]",
		"SELECT ?g ?x { GRAPH ?g { SELECT ?x { { ?x :p ?y } UNION { ?x :q ?y } } LIMIT 1 } }":                                    "[g a]",
		"SELECT ?x { VALUES ?x { :a :b } FILTER EXISTS { SELECT ?x { ?x ?p ?y } GROUP BY ?x LIMIT 1 } }":                         "[a b]",
		"SELECT ?x ?y { VALUES (?x ?y) { (:a UNDEF) } MINUS { VALUES (?x ?y) { (UNDEF :b) } } }":                                 "[a ]",
		"SELECT ?x { VALUES ?x { :a } FILTER EXISTS { ?x :p 1 OPTIONAL { ?x :s ?z } MINUS { ?x :p 1 OPTIONAL { ?x :s ?z } } } }": "[a]",
		"SELECT ?x ?y { VALUES (?x ?y) { (:a UNDEF) } MINUS { VALUES (?x ?y) { (:a :b) } } }":                                    "[]",
	} {
		if got, err := answer(t, s, query, eval.Options{}); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %q, %v, expected %s", query, got, err, want)
		}
	}
}
