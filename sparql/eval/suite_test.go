package eval_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/internal/suite/manifest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/results"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// TestSuites evaluates the tests of the W3C's suites that have a result; those of the syntax are those of package sparql.
// testdata/exceptions.txt has those that give another result, each with its reason.
func TestSuites(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql")
	expected := manifest.Exceptions(t, filepath.Join("testdata", "exceptions.txt"))
	for _, of := range []struct {
		manifest         string
		least, evaluated int
	}{
		{"sparql10/manifest.ttl", 482, 283}, // the 483rd, dawg-optional-filter-005-simplified, is declared and not listed
		{"sparql11/manifest-sparql11-query.ttl", 328, 225},
		{"sparql11/manifest-sparql11-update.ttl", 157, 94},
		{"sparql11/manifest-sparql11-results.ttl", 10, 10},
		{"sparql11/manifest-sparql11-fed.ttl", 10, 7},
		{"sparql12/manifest.ttl", 269, 66},
	} {
		t.Run(of.manifest, func(t *testing.T) {
			evaluated := 0
			for _, test := range manifest.Read(t, of.least, filepath.Join(root, of.manifest)) {
				if !strings.HasSuffix(test.Type, "EvaluationTest") && test.Type != "CSVResultFormatTest" {
					continue
				}
				evaluated++
				name := nameOf(root, test)
				err := evaluate(t, test)
				_, listed := expected[name]
				delete(expected, name)
				switch {
				case err == nil && listed:
					t.Errorf("%s is as it should be, and in the list of exceptions: take it out", name)
				case err != nil && !listed:
					t.Errorf("%s (%s): %v", name, test.Action, err)
				}
			}
			if evaluated < of.evaluated {
				t.Errorf("%d tests were evaluated, expected at least %d", evaluated, of.evaluated)
			}
			t.Logf("%d tests were evaluated", evaluated)
		})
	}
	for name := range expected {
		t.Errorf("%s is in the list of exceptions, and in no manifest", name)
	}
}

// nameOf is the folder of a test, and what stands behind "#" in its IRI.
func nameOf(root string, test manifest.Test) string {
	folder := strings.TrimPrefix(filepath.Dir(test.Action), root+string(filepath.Separator))
	return filepath.ToSlash(folder) + test.ID[strings.LastIndexByte(test.ID, '#'):]
}

func evaluate(t *testing.T, test manifest.Test) error {
	t.Helper()
	s := memory.New()
	load(t, s, test.Before)
	text, err := os.ReadFile(test.Action)
	if err != nil {
		t.Fatal(err)
	}
	if test.Type == "UpdateEvaluationTest" {
		return evaluateUpdate(t, s, string(text), test)
	}
	q, err := sparql.ParseQuery(string(text), sparql.Base(manifest.IRI(test.Action)))
	if err != nil {
		return err
	}
	loadNamed(t, s, q.Dataset)
	o := eval.Options{Service: newServices(t, test.Services), Base: manifest.IRI(test.Action)}
	view := s.View()
	defer view.Close()
	if err := compare(t, over(t, q, o, view), test); err != nil {
		return err
	}
	return evaluateOverShards(t, q, o, view, test)
}

// evaluateOverShards compares what is evaluated over shards with what is expected.
func evaluateOverShards(t *testing.T, q *sparql.Query, o eval.Options, view store.Reader, test manifest.Test) error {
	t.Helper()
	for _, key := range []eval.Key{eval.KeySubject, eval.KeyGraph} {
		d, err := eval.Divide(q, key, o)
		if err != nil {
			return err
		}
		shards := eval.Spread(t, view, key, 8)
		e := evaluated{form: d.Form(), vars: d.Vars(), ordered: len(q.OrderBy) > 0}
		e.rows = func(ctx context.Context, each func([]rdf.Term) error) error {
			return d.Select(ctx, shards, event, each)
		}
		e.yes = func(ctx context.Context) (bool, error) { return d.Ask(ctx, shards, event) }
		e.triples = func(ctx context.Context, each func(rdf.Triple) error) error {
			return d.Triples(ctx, shards, event, each)
		}
		if err := compare(t, e, test); err != nil {
			return fmt.Errorf("over shards by %s: %w", key, err)
		}
		if err := compare(t, overHeld(t, q, o, shards, eval.AsExpected), test); err != nil {
			return fmt.Errorf("over shards here by %s: %w", key, err)
		}
	}
	return nil
}

// event is who evaluates.
var event = eval.Identity{ID: "test", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

// evaluated is a query with what it is evaluated over.
type evaluated struct {
	form    sparql.Form
	vars    []sparql.Var
	ordered bool
	rows    func(context.Context, func([]rdf.Term) error) error
	yes     func(context.Context) (bool, error)
	triples func(context.Context, func(rdf.Triple) error) error
}

// over evaluates a query over one store.
func over(t testing.TB, tree *sparql.Query, o eval.Options, r store.Reader) evaluated {
	t.Helper()
	q, err := eval.Prepare(tree, o)
	if err != nil {
		t.Fatal(err)
	}
	return evaluated{
		form: q.Form(), vars: q.Vars(), ordered: len(tree.OrderBy) > 0,
		rows:    func(ctx context.Context, each func([]rdf.Term) error) error { return q.Select(ctx, r, event, each) },
		yes:     func(ctx context.Context) (bool, error) { return q.Ask(ctx, r, event) },
		triples: func(ctx context.Context, each func(rdf.Triple) error) error { return q.Triples(ctx, r, event, each) },
	}
}

func compare(t *testing.T, q evaluated, test manifest.Test) error {
	t.Helper()
	ctx := context.Background()
	want := expect(t, test.Result)
	var got outcome
	var err error
	switch q.form {
	case sparql.Ask:
		var yes bool
		yes, err = q.yes(ctx)
		got.boolean = &yes
	case sparql.Select:
		got.vars = q.vars
		err = q.rows(ctx, func(row []rdf.Term) error {
			got.rows = append(got.rows, append([]rdf.Term(nil), row...))
			return nil
		})
	default:
		err = q.triples(ctx, func(t rdf.Triple) error {
			got.graph = append(got.graph, rdf.Quad{S: t.S, P: t.P, O: t.O})
			return nil
		})
	}
	if err != nil {
		return err
	}
	if strings.HasSuffix(test.Result, ".csv") {
		got = asCSV(t, got)
	}
	return got.is(want, q.ordered && !strings.HasSuffix(test.Result, ".csv"), test.LaxCardinality)
}

// outcome is the result of a query.
type outcome struct {
	boolean *bool
	vars    []sparql.Var
	rows    [][]rdf.Term
	graph   []rdf.Quad
}

// is compares two results up to the labels of blank nodes: rows with their order, or as multisets, or, if lax, as sets.
func (o outcome) is(want outcome, ordered, lax bool) error {
	if (o.boolean == nil) != (want.boolean == nil) || o.boolean != nil && *o.boolean != *want.boolean {
		return fmt.Errorf("boolean %v, expected %v", show(o.boolean), show(want.boolean))
	}
	if lax {
		o.rows, want.rows = once(o.rows), once(want.rows)
	}
	if len(o.rows) != len(want.rows) || !sameVars(o.vars, want.vars) {
		return fmt.Errorf("rows\n%v, expected\n%v", o, want)
	}
	same, err := canon.Isomorphic(append(o.quads(ordered), o.graph...), append(want.quads(ordered), want.graph...))
	if err == nil && !same {
		err = fmt.Errorf("found\n%v, expected\n%v", o, want)
	}
	return err
}

func show(b *bool) string {
	if b == nil {
		return "none"
	}
	return fmt.Sprint(*b)
}

func once(rows [][]rdf.Term) (all [][]rdf.Term) {
	seen := map[string]bool{}
	for _, row := range rows {
		if key := fmt.Sprint(row); !seen[key] {
			seen[key] = true
			all = append(all, row)
		}
	}
	return all
}

func sameVars(a, b []sparql.Var) bool {
	names := map[sparql.Var]int{}
	for _, v := range a {
		names[v]++
	}
	for _, v := range b {
		names[v]--
	}
	for _, n := range names {
		if n != 0 {
			return false
		}
	}
	return true
}

// quads describes each row by a blank node that has a term for each variable, and its number.
func (o outcome) quads(ordered bool) (quads []rdf.Quad) {
	for i, row := range o.rows {
		node := rdf.Trusted(fmt.Sprintf("_:row%d", i))
		quads = append(quads, rdf.Quad{S: node, P: rdf.Trusted("<urn:is>"), O: rdf.Trusted("<urn:row>")})
		if ordered {
			quads = append(quads, rdf.Quad{S: node, P: rdf.Trusted("<urn:number>"), O: rdf.Trusted(fmt.Sprintf(`"%d"`, i))})
		}
		for k, term := range row {
			if !term.IsZero() {
				quads = append(quads, rdf.Quad{S: node, P: rdf.Trusted("<urn:var:" + string(o.vars[k]) + ">"), O: canonical(term)})
			}
		}
	}
	return quads
}

// canonical writes a number in one way: "2.0" and "2" are the same decimal.
func canonical(t rdf.Term) rdf.Term {
	text := ""
	switch t.Datatype() {
	case rdf.XSDDecimal, rdf.XSDInteger:
		if n, ok := new(big.Rat).SetString(t.Value()); ok {
			text = n.RatString()
		}
	case rdf.XSDDouble, strings.Replace(rdf.XSDDouble, "double", "float", 1):
		if f, err := strconv.ParseFloat(t.Value(), 64); err == nil {
			text = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	if text == "" {
		return t
	}
	return rdf.Trusted(`"` + text + `"^^<` + t.Datatype() + `>`)
}

func (o outcome) String() string {
	var text strings.Builder
	fmt.Fprintln(&text, o.vars)
	for _, row := range o.rows {
		fmt.Fprintln(&text, row)
	}
	for _, q := range o.graph {
		fmt.Fprintln(&text, q)
	}
	return text.String()
}

// asCSV writes rows as CSV and reads them again, with blank nodes as such.
func asCSV(t *testing.T, o outcome) outcome {
	t.Helper()
	var text bytes.Buffer
	w, err := results.NewWriter(&text, results.CSV)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Head(o.vars); err != nil {
		t.Fatal(err)
	}
	for _, row := range o.rows {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return readResult(t, &text, results.CSV)
}

func readResult(t *testing.T, from io.Reader, f results.Format) (o outcome) {
	t.Helper()
	r, err := results.NewReader(from, f)
	if err != nil {
		t.Fatal(err)
	}
	if yes, ok := r.Boolean(); ok {
		return outcome{boolean: &yes}
	}
	o.vars = r.Vars()
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return o
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, term := range row {
			if f == results.CSV && strings.HasPrefix(term.Value(), "_:") {
				row[i] = rdf.Trusted(term.Value())
			}
		}
		o.rows = append(o.rows, row)
	}
}

func expect(t *testing.T, file string) outcome {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := results.BySuffix(file); ok {
		return readResult(t, bytes.NewReader(text), f)
	}
	quads := read(t, file, "")
	if o, ok := resultSet(quads); ok {
		return o
	}
	return outcome{graph: quads}
}

// read reads a file of RDF; label begins the labels of its blank nodes.
func read(t *testing.T, file, label string) (quads []rdf.Quad) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	add := func(q rdf.Quad) error {
		quads = append(quads, q.Clone())
		return nil
	}
	base := manifest.IRI(file)
	switch filepath.Ext(file) {
	case ".nt", ".nq":
		err = nquads.Parse(text, add, nquads.BlankPrefix(label))
	case ".trig":
		err = turtle.Parse(text, add, turtle.TriG(), turtle.Base(base), turtle.BlankPrefix(label))
	case ".rdf":
		err = parseXML(text, base, add)
	default:
		err = turtle.Parse(text, add, turtle.Base(base), turtle.BlankPrefix(label))
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return quads
}

// load fills a store with the files of a dataset.
func load(t *testing.T, s *memory.Store, d manifest.Dataset) {
	t.Helper()
	for i, file := range d.Default {
		add(t, s, read(t, file, fmt.Sprintf("d%d", i)), rdf.Term{})
	}
	for i, g := range d.Named {
		add(t, s, read(t, g.File, fmt.Sprintf("g%d", i)), rdf.Trusted("<"+g.Name+">"))
	}
}

// loadNamed loads the files that FROM and FROM NAMED name.
func loadNamed(t *testing.T, s *memory.Store, d sparql.Dataset) {
	t.Helper()
	done := map[rdf.Term]bool{}
	for i, g := range append(append([]rdf.Term(nil), d.Default...), d.Named...) {
		file, ok := strings.CutPrefix(g.Value(), "file://")
		if !done[g] && ok {
			add(t, s, read(t, file, fmt.Sprintf("f%d", i)), g)
		}
		done[g] = true
	}
}

// add commits quads; those of the default graph of the file go into g.
func add(t *testing.T, s *memory.Store, quads []rdf.Quad, g rdf.Term) {
	t.Helper()
	tx := s.Begin()
	for _, q := range quads {
		if q.G.IsZero() {
			q.G = g
		}
		if _, err := tx.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(s.Position()+1, nil); err != nil {
		t.Fatal(err)
	}
}

// services are the endpoints of a test.
type services struct{ stores map[string]*memory.Store }

func newServices(t *testing.T, all []manifest.Service) eval.Service {
	if len(all) == 0 {
		return nil
	}
	s := &services{map[string]*memory.Store{}}
	for _, one := range all {
		s.stores[one.Endpoint] = memory.New()
		load(t, s.stores[one.Endpoint], one.Dataset)
	}
	return s
}

func (s *services) Select(
	ctx context.Context, endpoint rdf.Term, q *sparql.Query, vars []sparql.Var, row func([]rdf.Term) error,
) error {
	of := s.stores[endpoint.Value()]
	if of == nil {
		return fmt.Errorf("no endpoint %s", endpoint)
	}
	prepared, err := eval.Prepare(q, eval.Options{Service: s})
	if err != nil {
		return err
	}
	view := of.View()
	defer view.Close()
	return prepared.Select(ctx, view, event, row)
}
