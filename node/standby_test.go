package node_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
)

// laggingLog is a shard's log of which nothing new is heard while it is deaf.
type laggingLog struct {
	engine.ShardLog
	deaf *atomic.Bool
}

func (l laggingLog) Follow(ctx context.Context, from uint64, fn func(engine.Entry) error) error {
	return followUnlessDeaf(ctx, l.ShardLog, l.deaf, from, fn)
}

// TestStandbyBehind: as long as a standby isn't near the end of its shard's log, its node says so, and no other.
func TestStandbyBehind(t *testing.T) {
	var deaf atomic.Bool
	change := func(cfg *graph.Config) {
		if cfg.Name == "n2" {
			cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine),
				shard: func(l engine.ShardLog) engine.ShardLog { return laggingLog{l, &deaf} }}
		}
	}
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		c.start("n2")
		c.ready("n1", "n2")
		says := func(name string) bool {
			return slices.ContainsFunc(c.nodes[name].Status().Degraded, func(what string) bool {
				return strings.HasPrefix(what, "the standby n2 of shard 0 is at position ")
			})
		}
		time.Sleep(5 * time.Second)
		if says("n2") {
			t.Fatalf("all is well: %v", c.nodes["n2"].Status().Degraded)
		}
		deaf.Store(true)
		c.submit("n1", "", "A <http://e/a> <http://e/p> \"1\" .")
		eventually(t, "n2 is behind", func() bool { return says("n2") })
		if says("n1") {
			t.Error("n1 says so, too, who can't know")
		}
		deaf.Store(false)
		eventually(t, "n2 is a good standby again", func() bool { return !says("n2") })
	})
}
