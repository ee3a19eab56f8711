package memory

import (
	"context"
	"errors"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory/internal/tree"
)

// checkIndex fails unless each tree has the rows, and what is counted besides is what they come to.
func checkIndex(t *testing.T, m *Store) {
	t.Helper()
	x := m.index.Load()
	if x == nil {
		return
	}
	var rows [2]map[quad]bool
	for part := range rows {
		rows[part] = map[quad]bool{}
	}
	for row := range m.quads.len {
		q := *m.quads.rows.at(row)
		rows[min(q[3], 1)][q] = true
	}
	for at := range orders {
		checkTree(t, at, slices.Collect(treeQuads(&x.named[at], at)), rows[1])
		if at < len(x.unnamed) {
			checkTree(t, at, slices.Collect(treeQuads(&x.unnamed[at], at)), rows[0])
		}
	}
	for part := range rows {
		if diff := cmp.Diff(countRows(rows[part]), x.counts[part], cmp.AllowUnexported(counts{})); diff != "" {
			t.Fatalf("counts of part %d (-want +got):\n%s", part, diff)
		}
	}
}

func checkTree(t *testing.T, at int, got []quad, want map[quad]bool) {
	t.Helper()
	set := map[quad]bool{}
	for _, q := range got {
		set[q] = true
	}
	if len(got) != len(set) || !maps.Equal(set, want) {
		t.Fatalf("tree %d has %d quads, %d different ones; expected %d", at, len(got), len(set), len(want))
	}
}

// countRows counts by a look at all.
func countRows(rows map[quad]bool) counts {
	c := counts{predicates: map[uint32]*store.Statistics{}}
	subjects, objects := map[uint64]bool{}, map[uint64]bool{}
	pairs := map[[3]uint64]bool{}
	for q := range rows {
		if c.predicates[q[1]] == nil {
			c.predicates[q[1]] = &store.Statistics{}
		}
		s := c.predicates[q[1]]
		s.Quads++
		if pair := [3]uint64{0, q.id(1), q.id(0)}; !pairs[pair] {
			pairs[pair] = true
			s.Subjects++
		}
		if pair := [3]uint64{1, q.id(1), q.id(2)}; !pairs[pair] {
			pairs[pair] = true
			s.Objects++
		}
		subjects[q.id(0)], objects[q.id(2)] = true, true
	}
	c.subjects, c.objects = len(subjects), len(objects)
	return c
}

// some makes a quad of few terms, with and without a graph.
func some(random *rand.Rand) rdf.Quad {
	q := numbered(random.IntN(40), random.IntN(40))
	q.P = numbered(random.IntN(5), 0).S
	if random.IntN(2) == 0 {
		q.G = rdf.Term{}
	}
	return q
}

// TestIndexMeanwhile makes the index while a writer commits, goes back and looks.
func TestIndexMeanwhile(t *testing.T) {
	for round := range uint64(indexings) {
		random := rand.New(rand.NewPCG(round, 0))
		m := New()
		churn(m, random, 200)
		done := make(chan error)
		go func() { done <- m.Index(t.Context()) }()
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			default:
				churn(m, random, 1)
			}
		}
		invariants(t, m)
		churn(m, random, 200)
		invariants(t, m)
	}
}

// churn makes transactions of which some are rolled back.
func churn(m *Store, random *rand.Rand, transactions int) {
	for range transactions {
		tx := m.Begin()
		for range random.IntN(40) {
			if random.IntN(2) == 0 {
				tx.Add(some(random))
			} else {
				tx.Delete(some(random))
			}
		}
		if random.IntN(3) == 0 {
			tx.Rollback()
		} else {
			tx.Commit(m.Position()+1, nil)
		}
	}
}

// TestIndexCancelled leaves a store as it was, and the next call makes the index.
func TestIndexCancelled(t *testing.T) {
	m := New()
	churn(m, rand.New(rand.NewPCG(1, 1)), 50)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Index(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	churn(m, rand.New(rand.NewPCG(1, 2)), 50)
	if m.backlog != nil || m.epochs.frozen != 0 {
		t.Errorf("%d changes are kept, a view is open: %v", len(m.backlog), m.epochs.frozen != 0)
	}
	if err := m.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	invariants(t, m)
}

func treeQuads(tr *tree.Tree, at int) iter.Seq[quad] {
	return func(yield func(quad) bool) {
		for k := range tr.Range(tree.Key{}, 0) {
			if !yield(components[at].quad(&k)) {
				return
			}
		}
	}
}
