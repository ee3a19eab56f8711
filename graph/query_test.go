package graph_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// answer keeps what a query gives, as lines.
type answer struct {
	head  *graph.Head
	lines []string
	row   func() error // called for each line
}

func (a *answer) Begin(h graph.Head) error {
	a.head = &h
	return nil
}

func (a *answer) add(line string) error {
	if a.head == nil {
		return errors.New("a line before the head")
	}
	a.lines = append(a.lines, line)
	if a.row != nil {
		return a.row()
	}
	return nil
}

func (a *answer) Row(terms []rdf.Term) error {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = t.String()
	}
	return a.add(strings.Join(texts, " "))
}

func (a *answer) Triple(t rdf.Triple) error { return a.add(fmt.Sprint(t.S, " ", t.P, " ", t.O)) }
func (a *answer) Boolean(b bool) error      { return a.add(fmt.Sprint(b)) }

// asked is what a query gives, sorted.
func asked(t *testing.T, g *graph.Graph, q graph.Question) *answer {
	t.Helper()
	var a answer
	if err := g.Query(t.Context(), q, &a); err != nil {
		t.Fatalf("%s: %v", q.Text, err)
	}
	slices.Sort(a.lines)
	return &a
}

// people are eight of them, whose names are in the default graph, and ages in another.
func people(t *testing.T, g *graph.Graph) []graph.Result {
	t.Helper()
	var doc strings.Builder
	for i := range 8 {
		fmt.Fprintf(&doc, "<urn:p%d> <urn:name> \"n%d\" .\n<urn:p%d> <urn:age> \"%d\" <urn:g> .\n", i, i, i, i)
	}
	results, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte(doc.String())})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

var queries = []struct {
	text string
	want []string
}{
	{`SELECT ?n { <urn:p3> <urn:name> ?n }`, []string{`"n3"`}},
	{`SELECT ?n { <urn:nobody> <urn:name> ?n }`, nil},
	{`SELECT ?s ?n { ?s <urn:name> ?n FILTER(?n < "n2") }`, []string{`<urn:p0> "n0"`, `<urn:p1> "n1"`}},
	{`SELECT ?s ?g { ?s <urn:name> ?n GRAPH ?g { ?s <urn:age> "5" } }`, []string{`<urn:p5> <urn:g>`}},
	{`SELECT ?s (COUNT(*) AS ?c) { ?s <urn:name> "n6" } GROUP BY ?s`, []string{`<urn:p6> "1"^^<http://www.w3.org/2001/XMLSchema#integer>`}},
	{`SELECT (1 AS ?one) {}`, []string{`"1"^^<http://www.w3.org/2001/XMLSchema#integer>`}},
	{`ASK { ?s <urn:name> "n7" }`, []string{"true"}},
	{`ASK { ?s <urn:name> "n8" }`, []string{"false"}},
	{`ASK {}`, []string{"true"}},
	{`PREFIX u: <urn:> CONSTRUCT { ?s u:called ?n } { ?s u:name ?n FILTER(?n > "n6") }`, []string{`<urn:p7> <urn:called> "n7"`}},
}

// TestQuery: what is local to a shard, or to each, is answered wherever it is, and the cut says how far the shards go that were read.
func TestQuery(t *testing.T) {
	for _, shards := range []int{1, 4, 2} {
		cfg := config(shards)
		if shards == 2 { // on a disk
			dir := t.TempDir()
			cfg.Logic = func(shard int) operator.Logic {
				return ondisk.New(disk.Options{Dir: filepath.Join(dir, fmt.Sprint(shard)), Cache: 1 << 20})
			}
		}
		g := run(t, cfg)
		people(t, g)
		for _, q := range queries {
			if got := asked(t, g, graph.Question{Text: q.text}).lines; !slices.Equal(got, q.want) {
				t.Errorf("%d shards: %s: %s", shards, q.text, cmp.Diff(q.want, got))
			}
		}
		ends, errs := g.EndMarks(t.Context())
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		cut := asked(t, g, graph.Question{Text: `SELECT ?s { ?s <urn:name> ?n }`}).head.Cut
		for s, end := range ends {
			if cut[s] != end {
				t.Errorf("shard %d: cut at %v, and the log ends at %v", s, cut[s], end)
			}
		}
		if cut := asked(t, g, graph.Question{Text: `ASK { <urn:p1> ?p ?o }`}).head.Cut; len(cut) != 1 {
			t.Errorf("one subject: cut %v", cut)
		}
	}
}

// TestSameTextAtOnce: what is made of a text is shared by those who ask it at the same time, and again; another base, or other graphs, are another
// query.
func TestSameTextAtOnce(t *testing.T) {
	for _, shards := range []int{1, 4} {
		g := run(t, config(shards))
		people(t, g)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for _, q := range slices.Concat(queries, queries) {
					var a answer
					err := g.Query(t.Context(), graph.Question{Text: q.text}, &a)
					if slices.Sort(a.lines); err != nil || !slices.Equal(a.lines, q.want) {
						t.Errorf("%d shards: %s: %v, %s", shards, q.text, err, cmp.Diff(q.want, a.lines))
					}
				}
			})
		}
		all.Wait()
		const name = `SELECT ?n { <urn:p1> <urn:name> ?n FILTER(STR(<a>) = "http://x/a") }`
		for range 2 {
			for base, want := range map[string]int{"http://y/": 0, "http://x/": 1} {
				if a := asked(t, g, graph.Question{Text: name, Base: base}); len(a.lines) != want {
					t.Errorf("base %s: %v", base, a.lines)
				}
			}
			a := asked(t, g, graph.Question{Text: `SELECT ?age { <urn:p1> <urn:age> ?age }`})
			b := asked(t, g, graph.Question{Text: `SELECT ?age { <urn:p1> <urn:age> ?age }`, Dataset: sparql.Dataset{Default: []rdf.Term{rdf.Trusted("<urn:g>")}}})
			if len(a.lines) != 0 || len(b.lines) != 1 {
				t.Errorf("without a dataset %v, with one %v", a.lines, b.lines)
			}
		}
	}
}

// TestQueryOfOneShard: where there is but one, it answers everything.
func TestQueryOfOneShard(t *testing.T) {
	for _, key := range []graph.Key{graph.Subject, graph.Named, graph.Dataset} {
		cfg := config(1)
		if key == graph.Dataset {
			cfg = config(3) // of which one has all
		}
		cfg.Key = key
		g := run(t, cfg)
		people(t, g)
		a := asked(t, g, graph.Question{Text: `SELECT (COUNT(*) AS ?n) (SUM(<http://www.w3.org/2001/XMLSchema#integer>(?age)) AS ?sum)
			{ ?a <urn:name> ?x . ?b <urn:name> ?y . GRAPH ?g { ?a <urn:age> ?age } } ORDER BY ?n`})
		if !slices.Equal(a.lines, []string{`"64"^^<http://www.w3.org/2001/XMLSchema#integer> "224"^^<http://www.w3.org/2001/XMLSchema#integer>`}) {
			t.Errorf("key %s: %q", key, a.lines)
		}
	}
}

// TestQueryByGraph: with the graph as the key, what is about one graph is its shard's alone.
func TestQueryByGraph(t *testing.T) {
	cfg := config(4)
	cfg.Key = graph.Named
	g := run(t, cfg)
	people(t, g)
	for text, want := range map[string]string{
		`SELECT (COUNT(*) AS ?n) { GRAPH <urn:g> { ?a <urn:age> ?x . ?b <urn:age> ?y } }`: `"64"`,
		`SELECT (COUNT(*) AS ?n) { ?a <urn:name> ?x . ?b <urn:name> ?y }`:                 `"64"`,
		`SELECT (COUNT(*) AS ?n) { GRAPH <urn:other> { ?a <urn:age> ?x } }`:               `"0"`,
	} {
		if a := asked(t, g, graph.Question{Text: text}); len(a.lines) != 1 || !strings.HasPrefix(a.lines[0], want) || len(a.head.Cut) != 1 {
			t.Errorf("%s: %q of %v", text, a.lines, a.head.Cut)
		}
	}
}

// TestQueryErrors: each says what it is.
func TestQueryErrors(t *testing.T) {
	cfg := config(4)
	cfg.Queries = graph.QueryLimits{Steps: 1000}
	g := run(t, cfg)
	people(t, g)
	for _, q := range []struct {
		question graph.Question
		want     error
	}{
		{graph.Question{Text: `SELECT * { SERVICE <urn:s> { ?s ?p ?o } }`}, eval.ErrService},
		{graph.Question{Text: `ASK {}`, After: engine.Cursor{4: {Position: 1}}}, node.ErrCursor},
		{graph.Question{Text: `ASK { ?s ?p ?o }`, After: engine.Cursor{2: {Position: 1000}}}, node.ErrCursor},
		{graph.Question{Text: `SELECT * { <urn:p1> ?p ?o VALUES ?x {1 2 3 4 5 6} VALUES ?y {1 2 3 4 5 6} VALUES ?z {1 2 3 4 5 6} VALUES ?v {1 2 3 4 5 6} }`}, eval.ErrBudget},
	} {
		if err := g.Query(t.Context(), q.question, &answer{}); !errors.Is(err, q.want) {
			t.Errorf("%s: %v", q.question.Text, err)
		}
	}
	err := g.Query(t.Context(), graph.Question{Text: "SELECT *\n{ ?s ?p }"}, &answer{})
	if syntax, ok := errors.AsType[*rdf.SyntaxError](err); !ok || syntax.Line != 2 {
		t.Errorf("a mistake: %v", err)
	}
	mine := errors.New("mine")
	if err := g.Query(t.Context(), graph.Question{Text: `ASK {}`}, &answer{row: func() error { return mine }}); !errors.Is(err, mine) {
		t.Errorf("an error of the answer: %v", err)
	}
}

// TestReadYourWrites: an answer after a cursor knows of what the cursor names, wherever else the shards are; a cursor of another log is
// told.
func TestReadYourWrites(t *testing.T) {
	g := run(t, config(4))
	people(t, g)
	results, err := g.SubmitQuads(t.Context(), "", nil, quads("new"))
	if err != nil {
		t.Fatal(err)
	}
	after := engine.Cursor{results[0].Shard: {Position: results[0].Position, ID: results[0].Head}}
	a := asked(t, g, graph.Question{Text: `SELECT ?o { <urn:s> <urn:p> ?o }`, After: after})
	if !slices.Equal(a.lines, []string{`"new"`}) || !maps.Equal(a.head.Cut, after) {
		t.Errorf("%q at %v, expected it at %v", a.lines, a.head.Cut, after)
	}
	all := asked(t, g, graph.Question{Text: `SELECT ?s { ?s <urn:name> ?o }`, After: after})
	if len(all.lines) != 8 || len(all.head.Cut) != 4 {
		t.Errorf("the shards that the cursor doesn't name: %q at %v", all.lines, all.head.Cut)
	}
	after[results[0].Shard] = engine.Mark{Position: results[0].Position, ID: "ni:///sha-256;0000000000000000"}
	if err := g.Query(t.Context(), graph.Question{Text: `ASK { <urn:s> ?p ?o }`, After: after}, &answer{}); !errors.Is(err, node.ErrCursor) {
		t.Errorf("a record that isn't there: %v", err)
	}
}

// TestAnswerIsOfItsCut: what is committed while an answer is given is not in it.
func TestAnswerIsOfItsCut(t *testing.T) {
	g := run(t, config(4))
	people(t, g)
	var a answer
	a.row = func() error {
		doc := fmt.Sprintf("<urn:late%d> <urn:name> \"late\" .\n", len(a.lines))
		_, err := g.Submit(t.Context(), graph.Submission{MediaType: "application/n-quads", Body: []byte(doc)})
		return err
	}
	if err := g.Query(t.Context(), graph.Question{Text: `SELECT ?n { ?s <urn:name> ?n }`}, &a); err != nil || len(a.lines) != 8 {
		t.Errorf("%q, %v", a.lines, err)
	}
	if a := asked(t, g, graph.Question{Text: `SELECT ?n { ?s <urn:name> ?n }`}); len(a.lines) != 16 {
		t.Errorf("afterwards: %q", a.lines)
	}
}

// TestBlankNodesOfShards: those that each shard makes are others.
func TestBlankNodesOfShards(t *testing.T) {
	g := run(t, config(4))
	people(t, g)
	a := asked(t, g, graph.Question{Text: `CONSTRUCT { _:b <urn:of> ?s } { ?s <urn:name> ?n }`})
	labels := map[string]bool{}
	for _, line := range a.lines {
		labels[strings.Fields(line)[0]] = true
	}
	if len(labels) != 8 {
		t.Errorf("%d blank nodes of 8: %q", len(labels), a.lines)
	}
}

// TestQueriesAreBounded: so many run, so many wait, for so long; the others are told that the node is busy.
func TestQueriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(1)
		cfg.Queries = graph.QueryLimits{Concurrent: 1, Waiting: 1}
		g := run(t, cfg)
		query := func(a *answer) error { return g.Query(t.Context(), graph.Question{Text: `ASK {}`}, a) }
		runs, end := make(chan struct{}), make(chan struct{})
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			first <- query(&answer{row: func() error { close(runs); <-end; return nil }})
		}()
		<-runs
		go func() { second <- query(&answer{}) }()
		synctest.Wait()
		if err := query(&answer{}); !errors.Is(err, event.ErrBusy) {
			t.Errorf("a third: %v", err)
		}
		if err := <-second; !errors.Is(err, event.ErrBusy) { // its patience has ended
			t.Errorf("the second: %v", err)
		}
		close(end)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if err := query(&answer{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// late is an answer that takes its time before it begins.
type late struct{ answer }

func (a *late) Begin(graph.Head) error {
	<-time.After(2 * time.Second)
	return nil
}

// TestQueryTakesTime: when its time is over, an answer ends.
func TestQueryTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(1)
		cfg.Queries = graph.QueryLimits{Time: time.Second}
		g := run(t, cfg)
		for _, own := range []time.Duration{0, time.Millisecond, time.Hour} {
			err := g.Query(t.Context(), graph.Question{Text: `ASK {}`, Time: own}, &late{})
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "more than") {
				t.Errorf("within %v: %v", own, err)
			}
		}
	})
}

// indexing is a logic whose index is made when the test says so.
type indexing struct {
	*dataset.Logic
	begun chan struct{}
	goOn  chan struct{}
}

func (l *indexing) Indexing() func(context.Context) error {
	index := l.Logic.Indexing()
	if index == nil {
		return nil
	}
	return func(ctx context.Context) error {
		close(l.begun)
		select {
		case <-l.goOn:
			return index(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestIndexIsMadeWhenAsked: the first query that looks for quads has the index made, while the shard goes on; it waits for that, within
// its time, and one about a subject doesn't. Who doesn't ask pays for none.
func TestIndexIsMadeWhenAsked(t *testing.T) {
	l := &indexing{dataset.New(), make(chan struct{}), make(chan struct{})}
	cfg := config(1)
	cfg.Logic = func(int) operator.Logic { return l }
	g := run(t, cfg)
	people(t, g)
	if _, err := g.WriteData(t.Context(), &strings.Builder{}, graph.DataOptions{}); err != nil || l.Indexing() == nil {
		t.Fatalf("an index that nobody has asked for, or %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	whole := graph.Question{Text: `SELECT ?s { ?s <urn:name> "n4" }`}
	go func() { gaveUp <- g.Query(ctx, whole, &answer{}) }()
	<-l.begun
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("one that has no time: %v", err)
	}
	if a := asked(t, g, graph.Question{Text: `SELECT ?n { <urn:p1> <urn:name> ?n }`}); len(a.lines) != 1 {
		t.Errorf("one about a subject: %q", a.lines)
	}
	if _, err := g.SubmitQuads(t.Context(), "", nil, quads("meanwhile")); err != nil {
		t.Fatal(err)
	}
	close(l.goOn) // it was not begun again, else begun were closed twice
	if a := asked(t, g, whole); len(a.lines) != 1 || l.Indexing() != nil {
		t.Errorf("%q, index made: %v", a.lines, l.Indexing() == nil)
	}
}

// TestIndexEndsWithTheNode: one that is being made doesn't keep a node from stopping.
func TestIndexEndsWithTheNode(t *testing.T) {
	l := &indexing{dataset.New(), make(chan struct{}), make(chan struct{})}
	cfg := config(1)
	cfg.Logic = func(int) operator.Logic { return l }
	g, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	if err := g.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	asking := make(chan error, 1)
	go func() { asking <- g.Query(t.Context(), graph.Question{Text: `ASK { ?s ?p ?o }`}, &answer{}) }()
	<-l.begun
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-asking; !errors.Is(err, event.ErrStopped) {
		t.Errorf("who has waited for it: %v", err)
	}
}

// TestDatasetOfQuestion: it takes the place of that of the text.
func TestDatasetOfQuestion(t *testing.T) {
	g := run(t, config(4))
	people(t, g)
	q := graph.Question{Text: `SELECT ?s FROM <urn:none> { ?s ?p "4" }`}
	if a := asked(t, g, q); len(a.lines) != 0 {
		t.Errorf("that of the text: %q", a.lines)
	}
	q.Dataset = sparql.Dataset{Default: []rdf.Term{rdf.Trusted("<urn:g>")}}
	if a := asked(t, g, q); !slices.Equal(a.lines, []string{"<urn:p4>"}) {
		t.Errorf("that of the question: %q", a.lines)
	}
}

// TestQueryAtAnyNode: a node that neither owns nor follows a shard answers, too, and each knows of what another one says was committed.
func TestQueryAtAnyNode(t *testing.T) {
	nodes, _ := cluster(t, 4, 6, graph.Subject)
	people(t, nodes[0])
	for round := range 3 {
		results, err := nodes[round].SubmitQuads(t.Context(), "", nil, quads(fmt.Sprint(round)))
		if err != nil {
			t.Fatal(err)
		}
		after := engine.Cursor{results[0].Shard: {Position: results[0].Position}}
		for i, g := range nodes {
			if a := asked(t, g, graph.Question{Text: `SELECT ?o { <urn:s> <urn:p> ?o }`, After: after}); len(a.lines) != round+1 {
				t.Errorf("node %d, round %d: %q", i, round, a.lines)
			}
			if a := asked(t, g, graph.Question{Text: `SELECT ?n { ?s <urn:name> ?n }`}); len(a.lines) != 8 {
				t.Errorf("node %d: %q", i, a.lines)
			}
		}
	}
}
