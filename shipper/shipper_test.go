package shipper_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/shippertest"
)

func TestShipperDeliversLocallyByACall(t *testing.T) {
	var rec shippertest.Recorder
	s := shipper.New("a", nil, shipper.WithReceiver(&rec))
	if err := s.Ship(t.Context(), "a", 0, ev(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.ShipBatch(t.Context(), "a", numbered(2)); err != nil {
		t.Fatal(err)
	}
	if n := len(rec.Events()); n != 3 {
		t.Errorf("%d events at the receiver when Ship has returned, want 3", n)
	}
	if got, want := s.Stats(), (shipper.Stats{Local: 3}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
	if !s.HasRoute("a") || s.HasRoute("b") {
		t.Error("HasRoute: want the local node alone")
	}
}

func TestShipperSendsThroughTheTransport(t *testing.T) {
	tr := shipper.NewInProcess(16)
	var a, b shippertest.Recorder
	register(t, tr, "a", &a)
	register(t, tr, "b", &b)
	stop := start(tr)
	s := shipper.New("a", tr)
	for seq := range 5 {
		if err := s.Ship(t.Context(), "b", 0, ev(seq)); err != nil {
			t.Fatal(err)
		}
	}
	// Without a receiver the local node is one like any other.
	if err := s.Ship(t.Context(), "a", 0, ev(9)); err != nil {
		t.Fatal(err)
	}
	acks := event.Batch{Acks: make([]event.Ack, 3)}
	if err := s.ShipBatch(t.Context(), "b", acks); err != nil {
		t.Fatal(err)
	}
	if err := s.ShipBatch(t.Context(), "nobody", event.Batch{}); err != nil {
		t.Errorf("an empty batch is not sent, but: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for i, got := range b.Events() {
		if got.Seq != uint64(i) {
			t.Errorf("event %d has seq %d", i, got.Seq)
		}
	}
	if len(b.Events()) != 5 || len(a.Events()) != 1 {
		t.Errorf("%d and %d events arrived, want 5 and 1", len(b.Events()), len(a.Events()))
	}
	if got, want := s.Stats(), (shipper.Stats{Sent: 6}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
	if !s.HasRoute("b") || s.HasRoute("c") {
		t.Error("HasRoute does not follow the transport")
	}
}

func TestShipperErrors(t *testing.T) {
	full := errors.New("receiver is full")
	tr := shipper.NewInProcess(16)
	register(t, tr, "b", new(shippertest.Recorder))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	failing := shipper.WithReceiver(shipper.ReceiverFunc(func(context.Context, event.Batch) error { return full }))
	for _, test := range []struct {
		name    string
		ctx     context.Context
		node    string
		shard   int
		options []shipper.Option
		want    []error
		names   string
		stats   shipper.Stats
	}{
		{name: "no route", node: "zz", want: []error{shipper.ErrNoRoute}, names: `"zz"`,
			stats: shipper.Stats{NoRoute: 1}},
		{name: "negative shard", node: "b", shard: -1, want: []error{shipper.ErrInvalidShard}, names: "-1"},
		{name: "no such shard", node: "b", shard: 8, options: []shipper.Option{shipper.WithShards(8)},
			want: []error{shipper.ErrInvalidShard}, names: "0 to 7"},
		{name: "local receiver fails", node: "a", options: []shipper.Option{failing},
			want: []error{shipper.ErrSend, full}, names: `"a"`, stats: shipper.Stats{SendFailures: 1}},
		{name: "ended context", ctx: ended, node: "b",
			want: []error{shipper.ErrSend, context.Canceled}, names: `"b"`, stats: shipper.Stats{SendFailures: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.ctx == nil {
				test.ctx = t.Context()
			}
			s := shipper.New("a", tr, test.options...)
			err := s.ShipBatch(test.ctx, test.node, event.Batch{Shard: test.shard, Events: []event.Event{ev(1)}})
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("ShipBatch: %v, want %v", err, want)
				}
			}
			if err != nil && !strings.Contains(err.Error(), test.names) {
				t.Errorf("the error doesn't name %s: %v", test.names, err)
			}
			if again := s.Ship(test.ctx, test.node, test.shard, ev(1)); again == nil || again.Error() != err.Error() {
				t.Errorf("Ship: %v, ShipBatch: %v", again, err)
			}
			test.stats.NoRoute *= 2
			test.stats.SendFailures *= 2
			if got := s.Stats(); got != test.stats {
				t.Errorf("Stats = %+v, want %+v", got, test.stats)
			}
		})
	}
}
