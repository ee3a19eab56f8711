package node_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// barrier holds up whoever comes to it, once it is closed, until it is opened.
type barrier struct {
	closed  atomic.Bool
	waiting atomic.Int32
	opened  chan struct{}
	once    sync.Once
}

func newBarrier(t *testing.T) *barrier {
	b := &barrier{opened: make(chan struct{})}
	t.Cleanup(b.open)
	return b
}

func (b *barrier) open() { b.once.Do(func() { close(b.opened) }) }

func (b *barrier) pass() {
	if b.closed.Load() {
		b.waiting.Add(1)
		defer b.waiting.Add(-1)
		<-b.opened
	}
}

// shut has all come to the barrier wait, and returns what waits until somebody does.
func (b *barrier) shut(t *testing.T) (wait func()) {
	b.closed.Store(true)
	return func() {
		t.Helper()
		eventually(t, "somebody waits", func() bool { return b.waiting.Load() > 0 })
	}
}

// barred is a logic that comes to barriers.
type barred struct {
	operator.Logic
	evaluate, commit, apply *barrier
}

func (l barred) Evaluate(ev *event.Event, e operator.Evaluation, dst []byte) (body []byte, adds, deletes uint64, err error) {
	l.evaluate.pass()
	return l.Logic.Evaluate(ev, e, dst)
}

func (l barred) Commit(position uint64) error {
	l.commit.pass()
	return l.Logic.Commit(position)
}

func (l barred) Apply(position uint64, body []byte) error {
	l.apply.pass()
	return l.Logic.Apply(position, body)
}

// sending sends a payload through a node's door, in the background.
func (c *cluster) sending(name, payload string) (done chan error) {
	done = make(chan error, 1)
	go func() {
		_, err := c.nodes[name].Send(c.t.Context(), "k", coordinator.Payload{Data: []byte(payload)})
		done <- err
	}()
	return done
}

// bodies are what is in the deltas of the only shard's log.
func (c *cluster) bodies() (text string) {
	c.t.Helper()
	if _, err := c.store.Shard(0).Read(c.t.Context(), 1, func(e engine.Entry) error {
		r, err := operator.Decode(e.Payload)
		text += string(r.Body)
		return err
	}); err != nil {
		c.t.Fatal(err)
	}
	return text
}

// TestReplicaHoldsUpNoSender: while a node's copy of a shard evaluates, commits or applies for as long as it likes, what comes
// in at that node's door goes to the owner, which may be a new one, and is answered; and all has effect once.
func TestReplicaHoldsUpNoSender(t *testing.T) {
	for _, stage := range []string{"evaluate", "commit", "apply"} {
		t.Run(stage, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				busy, free := newBarrier(t), newBarrier(t)
				c := newCluster(t, 1, func(cfg *graph.Config) {
					calm(cfg)
					l := barred{evaluate: free, commit: free, apply: free}
					switch {
					case stage == "evaluate" && cfg.Name == "n1":
						l.evaluate = busy
					case stage == "commit" && cfg.Name == "n1":
						l.commit = busy
					case stage == "apply" && cfg.Name == "n2":
						l.apply = busy
					}
					cfg.Logic = func(int) operator.Logic {
						l.Logic = node.KeepAll(0)
						return l
					}
				})
				t.Cleanup(busy.open) // before the nodes are stopped
				c.start("n1")
				c.ready("n1")
				c.start("n2")
				c.ready("n1", "n2")
				wait := busy.shut(t)
				first := c.sending("n1", "a")
				wait()
				door := "n2"
				if stage != "apply" { // the one that is busy is the owner, and has to hear that it is not
					door = "n1"
					if err := c.nodes["n1"].HandOver(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := <-c.sending(door, "b"); err != nil {
					t.Errorf("while the copy is busy: %v", err)
				}
				if err := <-first; err != nil {
					t.Errorf("what came in before: %v", err)
				}
				if busy.waiting.Load() == 0 {
					t.Error("it is not busy any more")
				}
				busy.open()
				if err := <-c.sending(door, "c"); err != nil {
					t.Errorf("when the copy is free again: %v", err)
				}
				if got := c.bodies(); got != "abc" {
					t.Errorf("%q is in the log", got)
				}
			})
		})
	}
}

// TestSenderHoldsUpNoReplica: while a transport takes nothing from a node, not even when its time is over, the node's copies
// go on: as owner it commits what comes in at its own door, though it can't answer others; as standby it follows the log.
func TestSenderHoldsUpNoReplica(t *testing.T) {
	for _, name := range []string{"n1", "n2"} { // the owner, the standby
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, full := &way{}, newBarrier(t)
				c := newCluster(t, 1, func(cfg *graph.Config) {
					calm(cfg)
					cfg.Logic = node.KeepAll
					if cfg.Name == name {
						w.Transport = cfg.Transport
						cfg.Transport = w
					}
				})
				t.Cleanup(full.open)
				w.set(func(ctx context.Context, to string, b event.Batch) error {
					full.pass()
					return w.Transport.Send(ctx, to, b)
				})
				c.start("n1")
				c.ready("n1")
				c.start("n2")
				c.ready("n1", "n2")
				wait := full.shut(t)
				far := c.sending("n2", "a")
				wait()
				if err := <-c.sending("n1", "b"); err != nil {
					t.Errorf("at the owner's door: %v", err)
				}
				tail := c.nodes["n1"].Status().Shards[0].Position
				eventually(t, "the standby follows", func() bool { return c.nodes["n2"].Status().Shards[0].Position == tail })
				if full.waiting.Load() == 0 {
					t.Error("the transport takes something")
				}
				full.open()
				if err := <-far; err != nil {
					t.Errorf("when the transport takes it: %v", err)
				}
				if got := c.bodies(); got != "ab" && got != "ba" {
					t.Errorf("%q is in the log", got)
				}
			})
		})
	}
}
