package memory

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// beside has a store whose transaction is open: of a thousand quads of a hundred subjects it has deleted some and added others, some of them
// twice. It returns the quads from before.
func beside(t testing.TB, indexed bool) (m *Store, before []rdf.Quad) {
	m = New()
	if indexed {
		if err := m.Index(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	tx := m.Begin()
	for i := range 1000 {
		before = append(before, numbered(i%100, i))
		did(tx.Add(before[i]))
	}
	if err := tx.Commit(1, nil); err != nil {
		t.Fatal(err)
	}
	tx = m.Begin()
	t.Cleanup(tx.Rollback)
	for i := range 1000 {
		switch i % 3 {
		case 0:
			did(tx.Delete(before[i]))
			if i%2 == 0 {
				did(tx.Add(before[i]))
			}
		case 1:
			did(tx.Add(numbered(i%100, 5000+i)))
			if i%2 == 0 {
				did(tx.Delete(numbered(i%100, 5000+i)))
			}
		}
	}
	return m, before
}

// TestManyLooksBesideATransaction: however often a view looks past what the open transaction did, for one subject or for all, it finds what was
// before.
func TestManyLooksBesideATransaction(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		m, before := beside(t, indexed)
		v := m.View()
		for look := range 3 * fewLooks {
			var p store.Pattern
			want := 1000
			if look%4 > 0 {
				id, known, err := v.Lookup(before[look].S)
				if !known || err != nil {
					t.Fatal(known, err)
				}
				p.S, want = id, 10
			}
			var got []string
			for q, err := range store.Quads(v, p) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprint(q))
			}
			slices.Sort(got)
			n, err := v.Count(p)
			if len(slices.Compact(got)) != want || n != want || err != nil {
				t.Fatalf("look %d, indexed %t: %d quads, counted %d, want %d; %v", look, indexed, len(got), n, want, err)
			}
		}
		v.Close()
	}
}

// BenchmarkBesideATransaction looks for one subject in a new view, while a transaction is open.
func BenchmarkBesideATransaction(b *testing.B) {
	m, before := beside(b, true)
	for b.Loop() {
		v := m.View()
		id, _, err := v.Lookup(before[7].S)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := v.Count(store.Pattern{S: id}); n != 10 || err != nil {
			b.Fatal(n, err)
		}
		v.Close()
	}
}
