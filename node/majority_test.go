package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
)

// muted is an engine whose shard logs, once they are lost, give nothing, and have no leader to tell where they end.
type muted struct {
	*memory.Engine
	lost *atomic.Bool
}

func (e muted) Shard(s int) engine.ShardLog { return mutedLog{e.Engine.Shard(s), e.lost} }

func (e muted) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	return enginetest.EndsByTails(ctx, e, shards)
}

type mutedLog struct {
	engine.ShardLog
	lost *atomic.Bool
}

func (l mutedLog) Read(ctx context.Context, after uint64, fn func(engine.Entry) error) (uint64, error) {
	if l.lost.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return l.ShardLog.Read(ctx, after, fn)
}

func (l mutedLog) Tail(ctx context.Context) (engine.Entry, error) {
	if l.lost.Load() {
		return engine.Entry{}, fmt.Errorf("read the tail: %w", engine.ErrNoLeader)
	}
	return l.ShardLog.Tail(ctx)
}

// TestReadingWithoutMajority: a reader up to the present hears that nobody knows it, at the start and within; a live one waits.
func TestReadingWithoutMajority(t *testing.T) {
	var lost atomic.Bool
	change := func(cfg *graph.Config) { cfg.Engine = muted{cfg.Engine.(*memory.Engine), &lost} }
	inBubble(t, 2, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		c.submit("n1", "", "A <http://e/a> <http://e/p> \"1\" .")
		follow := func(o node.FollowOptions, fn func(node.Record) error) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			return c.nodes["n1"].Follow(ctx, o, fn)
		}
		within := func(node.Record) error { lost.Store(true); return nil }
		if err := follow(node.FollowOptions{Shards: []int{0, 1}}, within); err != nil && !errors.Is(err, engine.ErrNoLeader) {
			t.Errorf("lost within: %v", err)
		}
		lost.Store(true)
		none := func(node.Record) error { return nil }
		if err := follow(node.FollowOptions{}, none); !errors.Is(err, engine.ErrNoLeader) {
			t.Errorf("lost before: %v", err)
		}
		if err := follow(node.FollowOptions{Live: true}, none); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("live: %v", err)
		}
		lost.Store(false)
		got := 0
		if err := follow(node.FollowOptions{}, func(node.Record) error { got++; return nil }); err != nil || got != 1 {
			t.Errorf("found again: %d records, %v", got, err)
		}
	})
}
