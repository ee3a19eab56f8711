//go:build !race

package shipper_test

import (
	"context"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// TestShipAllocatesNothing runs without the race detector, which makes sync.Pool forget at random.
func TestShipAllocatesNothing(t *testing.T) {
	tr := shipper.NewInProcess(0)
	discard := shipper.ReceiverFunc(func(context.Context, event.Batch) error { return nil })
	register(t, tr, "b", discard)
	stop := start(tr)
	s := shipper.New("a", tr, shipper.WithReceiver(discard), shipper.WithShards(8))
	ev := event.Event{Key: "k", Producer: event.Producer{Name: "p"}, MediaType: "text/plain", Payload: []byte("x")}
	ctx := t.Context()
	for _, node := range []string{"a", "b"} {
		ship := func() {
			if err := s.Ship(ctx, node, 3, ev); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 * shipper.DefaultCapacity { // the queue's buffers grow to their size
			ship()
		}
		if n := testing.AllocsPerRun(20_000, ship); n != 0 {
			t.Errorf("Ship to %q allocates %v times, want 0", node, n)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
