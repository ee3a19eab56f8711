package jetstream

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestBarrierShared: who comes before a message is published shares it, who comes later gets the next.
func TestBarrierShared(t *testing.T) {
	ctx := limited(t)
	b := open(t, three(t)[0], fresh(1, 3)).Shard(0).(*log).barrier
	first := b.join()
	if b.join() != first {
		t.Error("two who wait don't share")
	}
	b.run(ctx, first)
	if first.err != nil || first.seq == 0 {
		t.Fatalf("%d, %v", first.seq, first.err)
	}
	seq := first.seq
	if b.run(ctx, first); first.seq != seq {
		t.Error("one message was published twice")
	}
	later, err := b.pass(ctx)
	if err != nil || later <= seq {
		t.Errorf("the next barrier is at %d, %v; want one behind %d", later, err, seq)
	}
}

// TestBarrierEnded: that the context of who publishes for others ends hurts nobody else.
func TestBarrierEnded(t *testing.T) {
	ctx := limited(t)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	b := open(t, three(t)[0], fresh(1, 3)).Shard(0).(*log).barrier
	<-b.turn // so that the others wait
	shared := b.join()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if seq, err := b.pass(ctx); err != nil || seq == 0 {
				t.Errorf("pass: %d, %v", seq, err)
			}
		})
	}
	if _, err := b.pass(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("pass with an ended context: %v, want context.Canceled", err)
	}
	b.run(ended, shared)
	b.turn <- struct{}{}
	if !errors.Is(shared.err, engine.ErrUnknown) {
		t.Errorf("a barrier that nobody published: %v", shared.err)
	}
	wg.Wait()
}
