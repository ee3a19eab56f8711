package operator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// TestSettle: a letter is settled once, by whoever comes first, also within one group; how and by whom stand in the log. It is so for
// whoever owns or follows the shard next, from the log or a snapshot.
func TestSettle(t *testing.T) {
	h := owner(t, &shardLog{}, every)
	h.deliver(1, eventOf("p", 1, "bad"), eventOf("p", 2, "a"), eventOf("p", 3, "bad"), eventOf("p", 4, "bad"))
	first, second, third := h.acks[0].Position, h.acks[2].Position, h.acks[3].Position
	is := func(of *harness, want ...uint64) {
		t.Helper()
		if got := slices.Collect(of.Letters().After(0)); !slices.Equal(got, want) {
			t.Errorf("%v are open, want %v", got, want)
		}
	}
	is(h, first, second, third)
	before := h.Logic().(*words).evaluated
	h.deliver(2, operator.Settle(first, "dropped", "ops"), operator.Settle(first, "retried", "eyes"), operator.Settle(third, "retried", ""),
		operator.Settle(first+1, "dropped", "ops"), operator.Settle(0, "dropped", "ops"), event.Event{Producer: event.Producer{Kind: event.Settled, Name: "x"}, Seq: 1})
	var got []event.Status
	for _, a := range h.acks[4:] {
		got = append(got, a.Status)
	}
	if want := []event.Status{committed, duplicate, committed, duplicate, duplicate, duplicate}; !slices.Equal(got, want) {
		t.Errorf("the answers are %v, want %v", got, want)
	}
	is(h, second)
	if h.Logic().(*words).evaluated != before || h.acks[4].Position == 0 {
		t.Errorf("the logic has evaluated it, or it is nowhere: %+v", h.acks[4])
	}
	last := h.log.records(t)
	positions := last[len(last)-1].Positions
	if len(positions) != 2 || !strings.HasSuffix(positions[0].Producer.Name, "/dropped/ops") || positions[1].Producer.Kind != event.Settled {
		t.Errorf("%+v", positions)
	}
	h.deliver(3, operator.Settle(first, "dropped", "ops"))
	if a := h.acks[len(h.acks)-1]; a.Status != duplicate || h.Stats().Duplicates < 4 {
		t.Errorf("later: %+v, %+v", a, h.Stats())
	}
	next := newHarness(t, &shardLog{entries: slices.Clone(h.log.entries)}, func(c *operator.Config) { c.Node = "n2" })
	next.assign(operator.Owner, 2, 2)
	is(next, second)
	again := restart(t, h, nil)
	again.assign(operator.Owner, 2, 2)
	is(again, second)
	again.deliver(4, operator.Settle(second, "dropped", "ops"))
	is(again)
}
