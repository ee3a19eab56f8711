package pipeline

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// assignment says what is owned.
type assignment struct {
	mu      sync.Mutex
	owned   []int
	changed chan struct{}
}

func (a *assignment) Ownership() ([]int, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.owned, a.changed
}

func (a *assignment) own(shards ...int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owned = shards
	close(a.changed)
	a.changed = make(chan struct{})
}

// TestNextWaitsForTheOneBefore: what takes its time to end is waited for, however often its shard goes and comes back meanwhile;
// what runs for another shard goes on; and all have ended when whileOwned returns.
func TestNextWaitsForTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &assignment{owned: []int{0, 1}, changed: make(chan struct{})}
		var mu sync.Mutex
		running := map[int]int{}
		begun := map[int]int{}
		note := func(shard, more int) {
			mu.Lock()
			defer mu.Unlock()
			running[shard] += more
			begun[shard] += max(more, 0)
			if running[shard] > 1 {
				t.Errorf("shard %d runs twice", shard)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			whileOwned(ctx, a, func(ctx context.Context, shard int) {
				note(shard, 1)
				<-ctx.Done()
				time.Sleep(time.Minute)
				note(shard, -1)
			})
		}()
		synctest.Wait()
		for range 3 {
			a.own(1)
			synctest.Wait()
			a.own(0, 1)
			synctest.Wait()
		}
		mu.Lock()
		if want := []int{1, 1}; !slices.Equal([]int{begun[0], begun[1]}, want) {
			t.Errorf("before the first has ended: %v were begun", begun)
		}
		mu.Unlock()
		time.Sleep(time.Hour)
		mu.Lock()
		if running[0] != 1 || begun[1] != 1 {
			t.Errorf("then %v run, and %v were begun", running, begun)
		}
		mu.Unlock()
		cancel()
		<-ended
		if running[0]+running[1] != 0 {
			t.Errorf("it has returned, and %v run", running)
		}
	})
}

func TestDefaults(t *testing.T) {
	if got := NewSink(nil, nil, SinkConfig{}).cfg.MaxBatch; got != 1<<20 {
		t.Errorf("a sink's batch has %d bytes", got)
	}
	if got := NewSink(nil, nil, SinkConfig{MaxBatch: 1}).cfg.MaxBatch; got != 1 {
		t.Errorf("a sink's batch has %d bytes, not 1", got)
	}
}
