package node_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/shipper"
)

// outage is what becomes of a cluster's network and engine. A node that is cut off hears only itself, and the control log
// doesn't answer it, until it is healed: what it has asked is answered then.
type outage struct {
	mu   sync.Mutex
	cut  map[string]chan struct{} // by node; is closed when it is healed
	deaf map[string]string        // to whom a node is deaf
	mute string                   // who sends batches in vain
	held string                   // whose batches arrive when all is well again, as those of a process that was paused
	late []func()                 // deliver them

	fails        bool          // the control log fails at once instead of not answering
	tail, append time.Duration // that the control log takes longer
	every        int           // of the others' beats each node hears so many; 0: all
	count        int
}

func newOutage() *outage { return &outage{cut: map[string]chan struct{}{}, deaf: map[string]string{}} }

func (o *outage) cutOff(nodes ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range nodes {
		o.cut[name] = make(chan struct{})
	}
}

func (o *outage) heal() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, healed := range o.cut {
		close(healed)
	}
	clear(o.cut)
	clear(o.deaf)
	for _, deliver := range o.late {
		deliver()
	}
	o.mute, o.held, o.late = "", "", nil
}

func (o *outage) setMute(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mute = name
}

func (o *outage) hold(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = name
}

func (o *outage) makeDeaf(name, to string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deaf[name] = to
}

// hears reports whether a beat gets through.
func (o *outage) hears(name, from string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if name == from {
		return true
	}
	o.count++
	_, cut := o.cut[name]
	return !cut && o.deaf[name] != from && (o.every == 0 || o.count%o.every == 0)
}

// await lets a request of the node pass, when it is not cut off.
func (o *outage) await(ctx context.Context, name string, latency time.Duration) error {
	o.mu.Lock()
	healed, fails := o.cut[name], o.fails
	o.mu.Unlock()
	if healed != nil && fails {
		return engine.ErrNoLeader
	}
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return ctx.Err()
	}
	if healed != nil {
		select {
		case <-healed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// suffering is the engine of a node in an outage.
type suffering struct {
	engine.Engine
	name string
	o    *outage
}

func (e suffering) Heartbeats() engine.Heartbeats {
	return sufferingBeats{e.Engine.Heartbeats(), e}
}
func (e suffering) Control() engine.Log { return sufferingLog{e.Engine.Control(), e} }

// sufferingWay loses what a node sends that is cut off, or mute.
type sufferingWay struct {
	shipper.Transport
	name string
	o    *outage
}

func (w sufferingWay) Send(ctx context.Context, to string, b event.Batch) error {
	w.o.mu.Lock()
	defer w.o.mu.Unlock()
	switch {
	case w.o.cut[w.name] != nil || w.o.mute == w.name:
		return nil
	case w.o.held == w.name:
		b.Events, b.Acks = slices.Clone(b.Events), slices.Clone(b.Acks) // they are lent
		w.o.late = append(w.o.late, func() { _ = w.Transport.Send(context.Background(), to, b) })
		return nil
	}
	return w.Transport.Send(ctx, to, b)
}

type sufferingBeats struct {
	engine.Heartbeats
	e suffering
}

func (h sufferingBeats) Listen(ctx context.Context, fn func(engine.Beat)) error {
	return h.Heartbeats.Listen(ctx, func(b engine.Beat) {
		if h.e.o.hears(h.e.name, b.Node) {
			fn(b)
		}
	})
}

type sufferingLog struct {
	engine.Log
	e suffering
}

func (l sufferingLog) Tail(ctx context.Context) (engine.Entry, error) {
	if err := l.e.o.await(ctx, l.e.name, l.e.o.tail); err != nil {
		return engine.Entry{}, err
	}
	return l.Log.Tail(ctx)
}

func (l sufferingLog) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if err := l.e.o.await(ctx, l.e.name, l.e.o.append); err != nil {
		return 0, fmt.Errorf("%w: %w", engine.ErrUnknown, err)
	}
	return l.Log.Append(ctx, expect, payload)
}

func (l sufferingLog) Follow(ctx context.Context, from uint64, fn func(engine.Entry) error) error {
	return l.Log.Follow(ctx, from, func(e engine.Entry) error {
		if err := l.e.o.await(ctx, l.e.name, 0); err != nil {
			return err
		}
		return fn(e)
	})
}

// inOutage runs a test with a cluster of so many nodes, with the usual times, that has been well for a while.
func inOutage(t *testing.T, nodes int, o *outage, test func(t *testing.T, c *cluster)) {
	t.Helper()
	change := func(cfg *graph.Config) {
		cfg.Engine, cfg.Transport = suffering{cfg.Engine, cfg.Name, o}, sufferingWay{cfg.Transport, cfg.Name, o}
		cfg.BeatEvery, cfg.FailAfter = 150*time.Millisecond, 750*time.Millisecond
	}
	inBubble(t, 3, change, func(t *testing.T, c *cluster) {
		var names []string
		for i := range nodes {
			names = append(names, fmt.Sprint("n", i+1))
			c.start(names[i])
		}
		c.ready(names...)
		time.Sleep(5 * time.Second)
		test(t, c)
	})
}

// members are the incarnations, as a node knows them.
func (c *cluster) members(by string) map[string]uint64 {
	of := map[string]uint64{}
	for _, m := range c.nodes[by].Status().Members {
		of[m.Name] = m.Incarnation
	}
	return of
}

// takenOut waits until a node is no member any more, or has entered again.
func (c *cluster) takenOut(name, by string, before map[string]uint64) {
	c.t.Helper()
	eventually(c.t, name+" is taken out", func() bool { return c.members(by)[name] != before[name] })
}

// stay checks that the nodes are the members that they were.
func (c *cluster) stay(what string, before map[string]uint64, nodes ...string) {
	c.t.Helper()
	after := c.members(nodes[len(nodes)-1])
	for _, name := range nodes {
		if before[name] != after[name] {
			c.t.Errorf("%s: %s was taken for dead: the members were %v, and are %v", what, name, before, after)
			return
		}
	}
}

// TestDeafNodeAccusesNobody: a node that hears nobody, and reaches no majority, accuses nobody and says that it is cut off:
// the others take it for dead, also where that takes its time, and it enters again when it hears.
func TestDeafNodeAccusesNobody(t *testing.T) {
	for name, o := range map[string]*outage{
		"the log is silent": newOutage(),
		"the log fails":     {cut: map[string]chan struct{}{}, deaf: map[string]string{}, fails: true},
		"the log is slow":   {cut: map[string]chan struct{}{}, deaf: map[string]string{}, append: 400 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inOutage(t, 3, o, func(t *testing.T, c *cluster) {
				before := c.members("n2")
				o.cutOff("n1")
				c.takenOut("n1", "n2", before)
				time.Sleep(20 * time.Second)
				if n := c.nodes["n1"].Stats().ProposedFailed; n != 0 {
					t.Errorf("n1 has accused %d times", n)
				}
				o.heal()
				eventually(t, "n1 enters again", func() bool { return c.members("n2")["n1"] > before["n1"] })
				c.stay(name, before, "n2", "n3")
			})
		})
	}
}

// TestNodeThatIsApartAnswersSoon: whoever sends to a node that nobody hears, or that hears nobody, is told so, and can go to
// another one. When all is well again the node takes what it is sent.
func TestNodeThatIsApartAnswersSoon(t *testing.T) {
	for _, test := range []struct {
		name string
		part func(*outage)
		want error
	}{
		{"deaf", func(o *outage) { o.cutOff("n1") }, engine.ErrNoLeader},
		{"mute", func(o *outage) { o.makeDeaf("n2", "n1"); o.makeDeaf("n3", "n1"); o.setMute("n1") }, event.ErrNoOwner},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOutage()
			inOutage(t, 3, o, func(t *testing.T, c *cluster) {
				before := c.members("n2")
				test.part(o)
				c.takenOut("n1", "n2", before)
				says := strings.Join(c.nodes["n1"].Status().Degraded, "\n")
				if strings.Contains(says, "node n1 is not heard") || strings.Contains(says, "node n1 is cut off") != (test.name == "deaf") {
					t.Errorf("n1 says of itself: %s", says)
				}
				began := time.Now()
				err := c.tryWithin("n1", time.Minute, manySubjects)
				if took := time.Since(began); !errors.Is(err, test.want) || took > time.Second {
					t.Errorf("after %v: %v, want %v", took, err, test.want)
				}
				if err := c.tryWithin("n2", time.Minute, manySubjects); err != nil {
					t.Errorf("another one: %v", err)
				}
				o.heal()
				eventually(t, "n1 enters again", func() bool { return c.members("n2")["n1"] > before["n1"] })
				if err := c.tryWithin("n1", time.Minute, manySubjects); err != nil {
					t.Errorf("healed: %v", err)
				}
			})
		})
	}
}

// TestPausedNodeGoesOn: what waited in a node while nothing of it ran is accepted when it goes on, though for a moment it
// seems to be cut off, and the others have taken it for dead.
func TestPausedNodeGoesOn(t *testing.T) {
	o := newOutage()
	inOutage(t, 3, o, func(t *testing.T, c *cluster) {
		o.makeDeaf("n2", "n1")
		o.makeDeaf("n3", "n1")
		before := c.members("n2")
		o.hold("n1")
		done := make(chan error, 1)
		go func() { done <- c.tryWithin("n1", time.Minute, manySubjects) }()
		c.takenOut("n1", "n2", before)
		time.Sleep(230 * time.Millisecond) // for so long it seems to be outside, to itself: just not long enough
		o.heal()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// manySubjects has changes for all of three shards.
const manySubjects = "A <http://e/a> <http://e/p> \"1\" .\nA <http://e/b> <http://e/p> \"1\" .\nA <http://e/c> <http://e/p> \"1\" .\n" +
	"A <http://e/d> <http://e/p> \"1\" .\nA <http://e/e> <http://e/p> \"1\" .\nA <http://e/f> <http://e/p> \"1\" .\n"

// TestAccusationIsWithdrawn: what is under way against a member ends when that is heard again.
func TestAccusationIsWithdrawn(t *testing.T) {
	o := newOutage()
	inOutage(t, 3, o, func(t *testing.T, c *cluster) {
		before := c.members("n2")
		o.makeDeaf("n1", "n3")
		o.tail = time.Minute
		eventually(t, "n1 accuses", func() bool { return c.nodes["n1"].Stats().ProposedFailed > 0 })
		o.heal()
		time.Sleep(2 * time.Minute)
		c.stay("heard again", before, "n1", "n3", "n2")
	})
}

// TestTheDeadAreNotHidden by a control log that answers slowly, nor by slow beats of who lives.
func TestTheDeadAreNotHidden(t *testing.T) {
	for _, nodes := range []int{2, 3} {
		for _, millis := range []int{10, 500, 650, 720, 1200} {
			o := newOutage()
			inOutage(t, nodes, o, func(t *testing.T, c *cluster) {
				before := c.members("n1")
				o.tail = time.Duration(millis) * time.Millisecond
				c.kill("n2")
				c.takenOut("n2", "n1", before)
			})
		}
	}
	for every := 1; every <= 4; every++ {
		o := newOutage()
		inOutage(t, 3, o, func(t *testing.T, c *cluster) {
			before := c.members("n1")
			o.mu.Lock()
			o.every = every
			o.mu.Unlock()
			c.kill("n2")
			c.takenOut("n2", "n1", before)
		})
	}
}

// TestOutages of any length, of one node or of all at once, and links that come back for a moment: who can serve is taken
// for dead by nobody.
func TestOutages(t *testing.T) {
	step := 50 * time.Millisecond
	if raceEnabled {
		step = 250 * time.Millisecond // the race detector's runtime fails when goroutines do as much as all these steps make
	}
	all := []string{"n1", "n2", "n3"}
	for lasts := 500 * time.Millisecond; lasts <= 3*time.Second; lasts += step {
		o := newOutage()
		inOutage(t, 3, o, func(t *testing.T, c *cluster) {
			before := c.members("n1")
			o.cutOff(all...)
			time.Sleep(lasts)
			o.heal()
			time.Sleep(10 * time.Second)
			c.stay(fmt.Sprint("all are deaf for ", lasts), before, all...)
			before = maps.Clone(c.members("n1"))
			o.cutOff("n1")
			time.Sleep(lasts)
			o.heal()
			time.Sleep(10 * time.Second)
			c.stay(fmt.Sprint("n1 is deaf for ", lasts), before, "n2", "n3")
		})
	}
	for first := 550 * time.Millisecond; first <= 800*time.Millisecond; first += step {
		for second := 500 * time.Millisecond; second <= 1400*time.Millisecond; second += step {
			o := newOutage()
			inOutage(t, 3, o, func(t *testing.T, c *cluster) {
				before := c.members("n2")
				o.cutOff("n1")
				time.Sleep(first)
				o.heal()
				time.Sleep(30 * time.Millisecond)
				o.cutOff("n1")
				time.Sleep(second)
				o.heal()
				time.Sleep(5 * time.Second)
				c.stay(fmt.Sprint("n1 is deaf for ", first, " and again for ", second), before, "n2", "n3")
			})
		}
	}
}
