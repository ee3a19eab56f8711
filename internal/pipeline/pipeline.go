// Package pipeline runs connectors on a node: it owns when they run, with what pauses they try again, and what is shown of
// them. What must run once - a sink for a shard, a source - runs where its shard is owned, begins when the shard has been
// claimed there, and ends when it is no longer.
package pipeline

import (
	"context"
	"time"

	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
)

// Backoff is the pause after an error.
type Backoff = core.Backoff

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

// whileOwned runs fn for each shard while this node owns it, until ctx ends; it returns when all have ended. fn ends when its
// context does. It isn't called for a shard again before it has returned.
func whileOwned(ctx context.Context, o Ownership, fn func(ctx context.Context, shard int)) {
	var tasks core.Tasks
	stops, returned := map[int]context.CancelFunc{}, make(chan int)
	begin := func(shard int) {
		own, stop := context.WithCancel(ctx)
		stops[shard] = stop
		go func() {
			fn(own, shard)
			stop()
			returned <- shard
		}()
	}
	over := ctx.Done()
	for {
		var owned []int
		var changed <-chan struct{}
		if over != nil {
			owned, changed = o.Ownership()
		} else if !tasks.Under() {
			return
		}
		first, last := tasks.Own(owned)
		for _, shard := range last {
			stops[shard]()
		}
		for _, shard := range first {
			begin(shard)
		}
		select {
		case <-over:
			over = nil
		case <-changed:
		case shard := <-returned:
			if tasks.Returned(shard) {
				begin(shard)
			}
		}
	}
}
