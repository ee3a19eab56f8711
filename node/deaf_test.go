package node_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node"
)

// hearing is an engine that a node hears badly: of the others' beats only some, and of the control log nothing for a while.
type hearing struct {
	engine.Engine
	name   string
	deafTo *atomic.Value // of a func(node string) bool; the node hears itself
	cut    *atomic.Bool  // the control log gives no answer
	fails  *atomic.Bool  // nor does it wait: it fails
}

func (e hearing) Heartbeats() engine.Heartbeats { return hearingBeats{e.Engine.Heartbeats(), e} }
func (e hearing) Control() engine.Log           { return hearingLog{e.Engine.Control(), e} }

type hearingBeats struct {
	engine.Heartbeats
	e hearing
}

func (h hearingBeats) Listen(ctx context.Context, fn func(engine.Beat)) error {
	return h.Heartbeats.Listen(ctx, func(b engine.Beat) {
		if b.Node == h.e.name || !h.e.deafTo.Load().(func(string) bool)(b.Node) {
			fn(b)
		}
	})
}

type hearingLog struct {
	engine.Log
	e hearing
}

func (l hearingLog) Tail(ctx context.Context) (engine.Entry, error) {
	if l.e.fails.Load() {
		return engine.Entry{}, engine.ErrNoLeader
	}
	for l.e.cut.Load() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return engine.Entry{}, ctx.Err()
		}
	}
	return l.Log.Tail(ctx)
}

// deafCluster is a cluster of three, of which n1 hears as the test says.
func deafCluster(t *testing.T, test func(t *testing.T, c *cluster, n1 hearing)) {
	n1 := hearing{name: "n1", deafTo: new(atomic.Value), cut: new(atomic.Bool), fails: new(atomic.Bool)}
	n1.hears("")
	change := func(cfg *node.Config) {
		if cfg.Name == n1.name {
			n1.Engine = cfg.Engine
			cfg.Engine = n1
		}
	}
	inBubble(t, 3, change, func(t *testing.T, c *cluster) {
		for _, name := range []string{"n1", "n2", "n3"} {
			c.start(name)
		}
		c.ready("n1", "n2", "n3")
		time.Sleep(2 * time.Second)
		test(t, c, n1)
	})
}

// hears makes the node deaf to one other, to all ("all"), or to nobody ("").
func (e hearing) hears(not string) {
	e.deafTo.Store(func(name string) bool { return not == "all" || name == not })
}

// incarnation is that of a member as another node knows it; 0: it is none.
func (c *cluster) incarnation(of, by string) uint64 {
	for _, m := range c.nodes[by].Status().Members {
		if m.Name == of {
			return m.Incarnation
		}
	}
	return 0
}

// TestDeafNodeAccusesNobody: a node that hears nobody, and reaches no majority, accuses nobody and doesn't beat: the others
// take it for dead, and it enters again when it hears.
func TestDeafNodeAccusesNobody(t *testing.T) {
	for name, cut := range map[string]func(hearing) *atomic.Bool{
		"the log is silent": func(e hearing) *atomic.Bool { return e.cut },
		"the log fails":     func(e hearing) *atomic.Bool { return e.fails },
	} {
		t.Run(name, func(t *testing.T) {
			deafCluster(t, func(t *testing.T, c *cluster, n1 hearing) {
				before := c.incarnation("n1", "n2")
				n1.hears("all")
				cut(n1).Store(true)
				eventually(t, "n1 is taken for dead", func() bool { return c.incarnation("n1", "n2") == 0 })
				time.Sleep(20 * time.Second)
				if n := c.nodes["n1"].Stats().ProposedFailed; n != 0 {
					t.Errorf("n1 has accused %d times", n)
				}
				cut(n1).Store(false)
				n1.hears("")
				eventually(t, "n1 enters again", func() bool { return c.incarnation("n1", "n2") > before })
			})
		})
	}
}

// TestAccusationIsWithdrawn: what is under way against a member ends when that is heard again.
func TestAccusationIsWithdrawn(t *testing.T) {
	deafCluster(t, func(t *testing.T, c *cluster, n1 hearing) {
		before := c.incarnation("n3", "n2")
		n1.cut.Store(true)
		n1.hears("n3")
		eventually(t, "n1 accuses", func() bool { return c.nodes["n1"].Stats().ProposedFailed > 0 })
		n1.hears("")
		time.Sleep(2 * time.Second)
		n1.cut.Store(false)
		time.Sleep(20 * time.Second)
		if now := c.incarnation("n3", "n2"); now != before {
			t.Errorf("n3, which was heard again, had entered as %d, and has as %d", before, now)
		}
	})
}
