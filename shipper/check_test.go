package shipper

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// TestCheckFinds: each of the outbox's invariants is found broken, by its name.
func TestCheckFinds(t *testing.T) {
	now := time.Unix(1e9, 0)
	// The first of three events is under way, and one was too large.
	busy := func() *Outbox {
		o := NewOutbox(OutboxConfig{Node: "n1", Shard: 3, FirstID: 5, MaxEvents: 2})
		o.Route(now, "n2", 1)
		for token := range uint64(3) {
			o.Submit(now, token, event.Event{Seq: token + 1, Payload: []byte("xy")})
		}
		o.Submit(now, 3, event.Event{Key: strings.Repeat("k", event.MaxText+1)})
		return o
	}
	empty := func() *Outbox { return NewOutbox(OutboxConfig{Node: "n1", Shard: 3, FirstID: 5}) }
	for _, c := range []struct {
		of     func() *Outbox
		change func(*Outbox)
		want   string
	}{
		{busy, func(o *Outbox) { o.waiting[0].gone = true }, "nobody waits for event 1"},
		{busy, func(o *Outbox) { o.bytes++ }, "2 bytes are under way and 4 wait, counted as 7"},
		{busy, func(o *Outbox) { o.batch[0].gone = true }, "nobody waits for 1 of the 1 events under way"},
		{busy, func(o *Outbox) {
			o.batch, o.waiting, o.tried, o.sends = append(o.batch, o.waiting[0]), o.waiting[1:], false, nil
			o.batch[0].gone = true
		}, "sent: false"},
		{busy, func(o *Outbox) { o.batch, o.waiting, o.sends = append(o.batch, o.waiting...), nil, nil }, "3 events of 6 bytes"},
		{busy, func(o *Outbox) {
			o.cfg.MaxBatch, o.batch, o.waiting, o.sends = 3, append(o.batch, o.waiting[0]), o.waiting[1:], nil
		}, "2 events of 4 bytes"},
		{busy, func(o *Outbox) { o.id = 4 }, "batch 4 is under way, and the first is 5"},
		{empty, func(o *Outbox) { o.refusal = event.Batch{From: "n2", Acks: make([]event.Ack, 1)} }, "n2 has refused a batch"},
		{busy, func(o *Outbox) { o.waiting[1].token = 0 }, "event 0 is there twice"},
		{busy, func(o *Outbox) { o.dones[0].Token = 2 }, "event 2 is there twice"},
		{busy, func(o *Outbox) { o.sends = append(o.sends, o.sends[0]); o.sends[1].Batch.ID = 3 }, "batch 3 is sent after 5"},
		{busy, func(o *Outbox) { o.sends[0].Batch.ID = 6 }, "batch 6 is sent after 0, and the newest is 5"},
		{busy, func(o *Outbox) { o.sends[0].Node = "" }, `is sent to ""`},
		{busy, func(o *Outbox) { o.sends[0].Batch.From = "n3" }, `from "n3"`},
		{busy, func(o *Outbox) { o.sends[0].Batch.Shard = 4 }, "shard 4"},
		{busy, func(o *Outbox) { o.sends[0].Batch.Events = nil }, "of 0 events is sent"},
		{busy, func(o *Outbox) { o.sends[0].Batch.Events[0].Seq = 9 }, "and other 1 are under way"},
		{busy, func(o *Outbox) { o.sends[0].Batch.Events[0].Producer.Name = "x" }, "and other 1 are under way"},
		{busy, func(o *Outbox) { o.epoch = 0 }, "and other 1 are under way"},
	} {
		o := c.of()
		if err := o.Check(); err != nil {
			t.Fatalf("%q: before: %v", c.want, err)
		}
		if c.change(o); o.Check() == nil || !strings.Contains(o.Check().Error(), c.want) {
			t.Errorf("want %q: %v", c.want, o.Check())
		}
	}
}

// TestOpen: the events for which somebody waits come in order, until who looks at them has enough.
func TestOpen(t *testing.T) {
	o := NewOutbox(OutboxConfig{MaxEvents: 1})
	o.Submit(time.Unix(1e9, 0), 1, make([]event.Event, 4)...)
	o.Cancel(2)
	for _, want := range [][]uint64{{1}, {1, 3}, {1, 3, 4}} {
		var got []uint64
		for token := range o.Open() {
			if got = append(got, token); len(got) == len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d, want %d", got, want)
		}
	}
}
