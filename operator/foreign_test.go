package operator_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// TestForeignBatchIsRefused: a batch of another shard is never evaluated here, and its sender hears of it there.
func TestForeignBatchIsRefused(t *testing.T) {
	o := newHarness(t, &shardLog{}, nil)
	o.Assign(start, operator.Assignment{Control: 3, Role: operator.Owner, Epoch: 3, Incarnation: 1})
	step := func() (acks []event.Batch, appends int) {
		for _, e := range o.Effects() {
			switch e := e.(type) {
			case operator.Restore:
				o.Restored(start, e.Gen, nil)
			case operator.Read:
				o.ReadDone(start, e.Gen, nil)
			case operator.Append:
				appends++
				o.Appended(start, e.Gen, o.Position()+1, nil)
			case operator.Ack:
				acks = append(acks, e.Batch)
			}
		}
		return acks, appends
	}
	for o.State() != operator.Owning {
		step()
	}
	step()
	o.Deliver(start, event.Batch{From: "s", Shard: 6, ID: 1, Events: []event.Event{eventOf("p", 1, "a")}})
	acks, appends := step()
	if appends != 0 || len(acks) != 1 || acks[0].Shard != 6 || acks[0].ID != 1 || acks[0].Acks[0].Status != event.NotOwner {
		t.Errorf("%d appends, answers %+v; want NotOwner of shard 6", appends, acks)
	}
	if words := o.Logic().(*words).sorted(); len(words) != 0 {
		t.Errorf("evaluated: %v", words)
	}
}
