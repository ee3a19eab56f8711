package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
)

// leaderless is a blob store whose stream has no leader: what is asked of it waits until ctx ends, as with JetStream.
type leaderless struct{ engine.Blobs }

func (leaderless) List(ctx context.Context, _ string) ([]engine.BlobInfo, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Where the snapshots can't be listed the log is used.
func TestListHangs(t *testing.T) {
	change := func(cfg *graph.Config) {
		cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine), blobs: leaderless{cfg.Engine.Blobs()}}
	}
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		time.Sleep(10 * time.Minute)
		if err := c.nodes["n1"].Ready(); err != nil {
			t.Errorf("after 10 minutes: %v", err)
		}
		c.kill("n1")
	})
}
