package eval_test

import (
	"context"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// TestUpdatesOnDisk runs the same random updates, one after another, on a store on a disk and one in memory: the deltas are the same, and so is
// what they leave.
func TestUpdatesOnDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := changes{t}
		d, err := disk.Open(disk.Options{Dir: "db", FS: vfs.NewMem(), Cache: 1 << 20, Buffer: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		m := memory.New()
		quads := c.quads(true)
		for position := range uint64(4) {
			u, err := eval.PrepareUpdate(c.update(), eval.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var deltas [2]rows
			var failed [2]bool
			for i, s := range []store.Store{m, d} {
				tx := s.Begin()
				for _, q := range quads {
					if _, err := tx.Add(q); err != nil {
						t.Fatal(err)
					}
				}
				failed[i] = u.Run(context.Background(), tx, event, &deltas[i]) != nil
				if err := tx.Commit(position, nil); err != nil {
					t.Fatal(err)
				}
			}
			want, got := contentOf(t, m), contentOf(t, d)
			if failed[0] != failed[1] || !slices.Equal(got, want) || !slices.Equal(inOrder(deltas[0].adds), inOrder(deltas[1].adds)) ||
				!slices.Equal(inOrder(deltas[0].deletes), inOrder(deltas[1].deletes)) {
				t.Fatalf("on a disk %v, failed %v, by %v\nin memory %v, failed %v, by %v", got, failed[1], deltas[1], want, failed[0], deltas[0])
			}
		}
	})
}

func inOrder(quads []rdf.Quad) []rdf.Quad {
	slices.SortFunc(quads, rdf.Quad.Compare)
	return quads
}
