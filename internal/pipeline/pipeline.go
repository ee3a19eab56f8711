// Package pipeline runs connectors on a node: it owns when they run, with what pauses they try again, and what is shown of
// them. What must run once - a sink for a shard, a source - runs where its shard is owned, begins when the shard has been
// claimed there, and ends when it is no longer.
package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Ownership is what says where things run; both a node's method and a test's.
type Ownership interface {
	// Ownership returns the shards that this node owns, and a channel that is closed when others may be.
	Ownership() (owned []int, changed <-chan struct{})
}

// Failure is why something is being tried again; the zero value: it isn't.
type Failure struct {
	// Since is when it last went from well to failing.
	Since time.Time
	// Err is the newest error.
	Err error
}

// again returns the failure with a newer error.
func (f Failure) again(err error) Failure {
	if f.Err == nil {
		f.Since = time.Now()
	}
	f.Err = err
	return f
}

// task is what runs for one shard.
type task struct {
	stop context.CancelFunc
	done chan struct{}
}

// whileOwned runs fn for each shard while this node owns it, until ctx ends; it returns when all have ended. fn ends when its
// context does. It isn't called for a shard again before it has returned.
//
// This is what comes of each change in each state of a shard: it was not owned, or its call has returned since; a call is under
// way; that is to end; it is, and another one is to begin; or it has returned though the shard is owned, and is not made again.
// A cell has the next state, and whether a call begins; "." is nothing, "-" can't be. Where the context has ended, a call that
// waits still begins, and ends at once.
//
//	input                  none          runs   ends   waits         ended
//	it is owned            runs: begins  .      waits  .             .
//	it is owned no longer  .             ends   .      ends          none
//	the call returns       -             ended  none   runs: begins  -
//	the context ends       over          ends   .      ends          over
func whileOwned(ctx context.Context, o Ownership, fn func(ctx context.Context, shard int)) {
	var all sync.WaitGroup
	defer all.Wait()
	running, ending := map[int]*task{}, map[int]*task{} // ending: the last that was stopped, which may have ended
	for {
		owned, changed := o.Ownership()
		for shard, t := range running {
			if !slices.Contains(owned, shard) {
				t.stop()
				delete(running, shard)
				ending[shard] = t
			}
		}
		for _, shard := range owned {
			if running[shard] != nil {
				continue
			}
			own, stop := context.WithCancel(ctx)
			before, t := ending[shard], &task{stop: stop, done: make(chan struct{})}
			running[shard] = t
			all.Go(func() {
				defer close(t.done)
				defer stop()
				if before != nil {
					<-before.done
				}
				fn(own, shard)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}
