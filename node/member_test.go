package node_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
)

// TestNextProcessIsHeard: the batches of a process are not taken for old ones of the process before it.
func TestNextProcessIsHeard(t *testing.T) {
	inBubble(t, 1, nil, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		c.start("n2")
		c.ready("n1", "n2")
		for range 5 {
			c.submit("n2", "", `A <http://e/a> <http://e/p> "1" .`)
		}
		c.kill("n2")
		c.start("n2")
		c.ready("n1", "n2")
		if got := c.submit("n2", "", `A <http://e/b> <http://e/p> "1" .`); got[0].Adds != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// deafened is an engine whose control log says nothing new from some time on.
type deafened struct {
	*memory.Engine
	deaf *atomic.Bool
}

func (d deafened) Control() engine.Log { return deafLog{d.Engine.Control(), d.deaf} }

type deafLog struct {
	engine.Log
	deaf *atomic.Bool
}

func (l deafLog) Follow(ctx context.Context, from uint64, fn func(engine.Entry) error) error {
	return followUnlessDeaf(ctx, l.Log, l.deaf, from, fn)
}

// followUnlessDeaf follows a log, and hears nothing new of it while it is deaf.
func followUnlessDeaf(ctx context.Context, l engine.Log, deaf *atomic.Bool, from uint64, fn func(engine.Entry) error) error {
	return l.Follow(ctx, from, func(e engine.Entry) error {
		for deaf.Load() {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return fn(e)
	})
}

// TestSupersededByAClaim: a process that doesn't hear of the later one with its name learns it from a shard's log, and
// stops.
func TestSupersededByAClaim(t *testing.T) {
	inBubble(t, 1, nil, func(t *testing.T, c *cluster) {
		var deaf atomic.Bool
		c.change = func(cfg *graph.Config) { cfg.Engine = deafened{cfg.Engine.(*memory.Engine), &deaf} }
		c.start("n1")
		c.ready("n1")
		first, ended, stop := c.nodes["n1"], c.ended["n1"], c.stop["n1"]
		defer stop()
		deaf.Store(true)
		c.change = nil
		c.start("n1")
		c.ready("n1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() {
			_, _ = first.Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte(`A <http://e/a> <http://e/p> "1" .`)})
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, node.ErrSuperseded) || !strings.Contains(err.Error(), "has claimed shard 0") {
				t.Errorf("it ended with %v", err)
			}
		case <-ctx.Done():
			t.Error("it goes on")
			stop()
			<-ended
		}
	})
}

// TestLeftStaysOut: a node that has left does not enter again, however long it runs.
func TestLeftStaysOut(t *testing.T) {
	inBubble(t, 2, nil, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.start("n2")
		c.ready("n1", "n2")
		if err := c.nodes["n2"].Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Minute)
		if s := c.nodes["n1"].Status(); len(s.Members) != 1 || c.owned("n1") != 2 {
			t.Errorf("%+v", s.Members)
		}
		select {
		case err := <-c.ended["n2"]:
			t.Errorf("n2 ended: %v", err)
		default:
		}
	})
}

// tailless is an engine of which no shard's tail is known, so that no planned move comes near it.
type tailless struct{ *memory.Engine }

func (e tailless) Shard(s int) engine.ShardLog { return taillessLog{e.Engine.Shard(s)} }

func (e tailless) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	return enginetest.EndsByTails(ctx, e, shards)
}

type taillessLog struct{ engine.ShardLog }

func (taillessLog) Tail(context.Context) (engine.Entry, error) {
	return engine.Entry{}, errors.New("the tail is not known")
}

// TestLeaveAtHalfTime: what nobody takes in the planned way moves at half of the time.
func TestLeaveAtHalfTime(t *testing.T) {
	inBubble(t, 2, nil, func(t *testing.T, c *cluster) {
		c.start("n2")
		c.ready("n2")
		c.change = func(cfg *graph.Config) { cfg.Engine = tailless{cfg.Engine.(*memory.Engine)} }
		c.start("n1")
		c.ready("n1", "n2")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		err := c.nodes["n2"].Leave(ctx)
		if took := time.Since(begin); err != nil || took < 5*time.Second || took > 6*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		eventually(t, "n1 owns all", func() bool { return c.owned("n1") == 2 })
	})
}

// TestPipelineIsTheEngines: the logs belong to one pipeline, which has a name and a number of shards.
func TestPipelineIsTheEngines(t *testing.T) {
	c := newCluster(t, 4, nil)
	for name, test := range map[string]struct {
		pipeline string
		shards   int
		of       string // the engine's
		want     string // the status', or a part of the error
	}{
		"the engine's":    {"", 0, "shop", "shop"},
		"the same":        {"shop", 4, "shop", "shop"},
		"any one's":       {"shop", 0, "", "shop"},
		"nobody's":        {"", 0, "", "main"},
		"another one's":   {"other", 4, "shop", `pipeline "other": the engine was opened for "shop"`},
		"too many shards": {"shop", 5, "shop", "5 shards: the engine was opened with 4"},
	} {
		cfg := c.config("n1")
		cfg.Pipeline, cfg.Shards = test.pipeline, test.shards
		cfg.Engine = altered{Engine: c.store, limits: engine.Limits{Pipeline: test.of, Shards: 4, MaxRecord: 1 << 20}}
		g, err := graph.New(cfg)
		if err == nil && (g.Status().Pipeline != test.want || g.Shards() != 4) ||
			err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWaitReady: who waits for a node hears when it is ready, what is missing, or that it has stopped.
func TestWaitReady(t *testing.T) {
	inBubble(t, 2, nil, func(t *testing.T, c *cluster) {
		idle, err := graph.New(c.config("n0"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := idle.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "has not entered") {
			t.Errorf("of a node that doesn't run: %v", err)
		}
		c.start("n1")
		if err := c.nodes["n1"].WaitReady(t.Context()); err != nil || c.nodes["n1"].Ready() != nil {
			t.Errorf("%v, ready: %v", err, c.nodes["n1"].Ready())
		}
		c.kill("n1")
		gone, err := graph.New(c.config("n2"))
		if err != nil {
			t.Fatal(err)
		}
		ended, stop := context.WithCancel(t.Context())
		stop()
		_ = gone.Run(ended)
		if err := gone.WaitReady(t.Context()); !errors.Is(err, event.ErrStopped) {
			t.Errorf("of a node that has stopped: %v", err)
		}
	})
}
