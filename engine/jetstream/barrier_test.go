package jetstream

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// TestBarrierShared: those who come at about the same time share a message, and who comes later gets a later one.
func TestBarrierShared(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	b := open(t, three(t)[0], fresh(1, 3)).Shard(0).(*log).barrier
	const callers = 100
	var mu sync.Mutex
	passed := map[uint64]bool{}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			seq, err := b.pass(ctx)
			mu.Lock()
			defer mu.Unlock()
			if passed[seq] = true; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	last := uint64(0)
	for seq := range passed {
		last = max(last, seq)
	}
	if len(passed) > callers/2 || passed[0] {
		t.Errorf("%d callers, %d messages", callers, len(passed))
	}
	if later, err := b.pass(ctx); err != nil || later <= last {
		t.Errorf("the next barrier is at %d, %v; want one behind %d", later, err, last)
	}
}

// TestBarrierEnded: who has no time left gets none.
func TestBarrierEnded(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(limited(t))
	cancel()
	b := open(t, three(t)[0], fresh(1, 3)).Shard(0).(*log).barrier
	if _, err := b.pass(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("pass with an ended context: %v, want context.Canceled", err)
	}
}
