package node_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// TestPrevIsTheDeltaBefore: wherever a reader begins, each delta names the one before it, over claims, dead letters and a
// transaction that was never closed.
func TestPrevIsTheDeltaBefore(t *testing.T) {
	e := memory.New(1)
	f := takeOver(t, e, 0, 1)
	heads := []string{""} // by number of the record: the last delta up to there
	delta := func(m engine.Mark) { heads = append(heads, m.ID) }
	other := func() {
		for len(heads) < len(f.marks) {
			heads = append(heads, heads[len(heads)-1])
		}
	}
	f.write(operator.Record{Kind: operator.DeadLetter})
	other()
	delta(f.delta(1))
	for range 9 {
		f.write(operator.Record{Kind: operator.DeadLetter})
	}
	f.w.Epoch++
	f.write(operator.Record{Kind: operator.Claim})
	other()
	f.part(2, 1, 3)
	f.part(2, 2, 3)
	delta(engine.Mark{ID: "inside"})
	delta(engine.Mark{ID: "inside"})
	delta(f.part(2, 3, 3))
	f.part(3, 1, 3) // never closed
	f.w.Epoch++
	f.write(operator.Record{Kind: operator.Claim})
	other()
	delta(f.delta(3))
	delta(f.delta(4))
	f.w.Epoch++
	f.write(operator.Record{Kind: operator.Claim})
	other()
	delta(f.delta(5))
	n := idle(t, e, 1, nil)
	for i, head := range append([]string{""}, heads...) {
		from := engine.Mark{}
		if i > 0 {
			from = f.marks[i-1]
		}
		if head == "inside" {
			continue
		}
		given := 0
		err := n.Follow(t.Context(), node.FollowOptions{From: engine.Cursor{0: from}}, func(r node.Record) error {
			if given++; r.Prev != head {
				t.Errorf("from record %d, position %d: the delta at %d has the prev %q, want %q", i, from.Position, r.Position, r.Prev, head)
			}
			head = r.ID
			return nil
		})
		if err != nil || given == 0 && i < len(f.marks) {
			t.Errorf("from record %d: %d deltas, %v", i, given, err)
		}
	}
}
