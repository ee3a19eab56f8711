package coordinator_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

// TestRoutedEventsReachTheirShards: events that wait behind a slow receiver are delivered as batches of their own shards.
func TestRoutedEventsReachTheirShards(t *testing.T) {
	const shards, n = 8, 800
	gate := make(chan struct{})
	var wrong, got int
	var all sync.WaitGroup
	all.Add(n)
	transport := shipper.NewInProcess(2 * n)
	err := transport.RegisterRoute("n2", shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error {
		<-gate
		for i := range b.Events {
			if got++; shard.Of(b.Events[i].Key, shards) != b.Shard {
				wrong++
			}
			all.Done()
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- transport.Run(ctx) }()
	ship := shipper.New("n1", transport, shipper.WithShards(shards))
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: shards}, memory.New(1).Control(), ship)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), "n2"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := c.Route(t.Context(), fmt.Sprint("key ", i), coordinator.Payload{Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	close(gate)
	all.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if wrong > 0 || got != n {
		t.Errorf("%d of %d events came to a wrong shard", wrong, got)
	}
}
