package eval_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite/manifest"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/canon"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// evaluateUpdate carries out an update, and compares what it leaves, and its delta, with what is expected.
func evaluateUpdate(t *testing.T, s *memory.Store, text string, test manifest.Test) error {
	t.Helper()
	u, err := sparql.ParseUpdate(text, sparql.Base(manifest.IRI(test.Action)))
	if err != nil {
		return err
	}
	prepared, err := eval.PrepareUpdate(u, eval.Options{})
	if err != nil {
		return err
	}
	before := contentOf(t, s)
	var delta rows
	tx := s.Begin()
	if err := prepared.Run(context.Background(), tx, event, &delta); err != nil {
		tx.Rollback()
		return err
	}
	if err := tx.Commit(s.Position()+1, nil); err != nil {
		return err
	}
	after := contentOf(t, s)
	if err := delta.check(before, after); err != nil {
		return err
	}
	wanted := memory.New()
	load(t, wanted, test.After)
	want := contentOf(t, wanted)
	same, err := canon.Isomorphic(after, want)
	if err == nil && !same {
		err = fmt.Errorf("left\n%v, expected\n%v", outcome{graph: after}, outcome{graph: want})
	}
	return err
}

func contentOf(t interface{ Fatal(...any) }, s store.Store) (quads []rdf.Quad) {
	view := s.View()
	defer view.Close()
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			t.Fatal(err)
		}
		quads = append(quads, q.Clone())
	}
	slices.SortFunc(quads, rdf.Quad.Compare)
	return quads
}

// rows keeps the rows of a delta.
type rows struct {
	patch.Counter
	deletes, adds []rdf.Quad
}

func (r *rows) Add(q rdf.Quad) error {
	r.adds = append(r.adds, q.Clone())
	return nil
}

func (r *rows) Delete(q rdf.Quad) error {
	if len(r.adds) > 0 {
		return fmt.Errorf("%v is deleted behind additions", q)
	}
	r.deletes = append(r.deletes, q.Clone())
	return nil
}

// check compares a delta with what was before and after: it is the difference, and nothing else.
func (r *rows) check(before, after []rdf.Quad) error {
	if r.Begins != 1 || r.Commits != 1 {
		return fmt.Errorf("delta has %d TX and %d TC", r.Begins, r.Commits)
	}
	deletes, adds := without(before, after), without(after, before)
	slices.SortFunc(r.deletes, rdf.Quad.Compare)
	slices.SortFunc(r.adds, rdf.Quad.Compare)
	if !slices.Equal(r.deletes, deletes) || !slices.Equal(r.adds, adds) {
		return fmt.Errorf("delta deletes %v and adds %v, expected %v and %v", r.deletes, r.adds, deletes, adds)
	}
	return nil
}

func without(quads, others []rdf.Quad) (rest []rdf.Quad) {
	there := map[rdf.Quad]bool{}
	for _, q := range others {
		there[q] = true
	}
	for _, q := range quads {
		if !there[q] {
			rest = append(rest, q)
		}
	}
	return rest
}
