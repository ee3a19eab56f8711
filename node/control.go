package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node/core"
)

// follow brings every newly installed assignment to senders and loops, and keeps the process a member.
func (n *Node) follow(ctx context.Context) error {
	wake, stop := n.coord.Watch()
	defer stop()
	entry := core.NewEntry(n.coord.Process(), time.Now())
	for {
		state := n.coord.State()
		at := entry.Look(time.Now(), state, n.left.Load())
		if at.Superseded > 0 {
			return fmt.Errorf("%w: incarnation %d, this process is %d", ErrSuperseded, at.Superseded, n.incarnation.Load())
		}
		if at.Incarnation > 0 {
			n.incarnation.Store(at.Incarnation)
		}
		if at.Outside && n.outside.since.Load() == nil {
			n.log.Warn("the others took this node for dead; it enters again", "in", at.Wait)
		}
		n.outside.set(at.Outside)
		n.install(state)
		if at.Enter {
			if err := n.reenter(ctx); err != nil {
				return err
			}
			entry.Tried(time.Now())
			continue
		}
		var due <-chan time.Time
		if at.Wait > 0 {
			due = time.After(at.Wait)
		}
		select {
		case <-wake:
		case <-due:
		case <-ctx.Done():
			return nil
		}
	}
}

// reenter makes the node a member again after the others took it for dead. That it fails for now is no error.
func (n *Node) reenter(ctx context.Context) error {
	_, err := n.coord.Enter(ctx)
	if errors.Is(err, coordinator.ErrSettings) {
		return err
	}
	if err != nil && ctx.Err() == nil {
		n.log.Warn("entering again failed; it is tried again", "err", err)
	}
	return ctx.Err()
}

// install tells senders and loops their part of an assignment. It waits for none of them.
func (n *Node) install(state *coordinator.State) {
	n.proposalFault.Store(nil) // the control log works
	for _, m := range state.Members {
		if m.Name != n.cfg.Name && !n.cfg.Transport.HasRoute(m.Name) {
			if err := n.cfg.Transport.RegisterRoute(m.Name, nil); err != nil {
				n.log.Error("route to a member", "member", m.Name, "err", err)
			}
		}
	}
	incarnation := n.incarnation.Load()
	n.log.Debug("assignment", "epoch", state.Epoch, "members", len(state.Members), "incarnation", incarnation)
	for s, role := range core.Roles(state, n.cfg.Name, incarnation) {
		n.raise(s, state.Mark(s))
		n.loops[s].inbox.assign(role) // first: a sender whose own node is the owner turns to it at once
		n.senders[s].assign(role)
	}
}

// beats holds what was heard of every node.
type beats struct {
	mu     sync.Mutex
	last   map[string]heard
	fresh  []heard  // since the detector last looked
	called []called // since then, too
}

type heard struct {
	engine.Beat
	at time.Time
}

// called is how an attempt to be in contact with a majority has ended, and when.
type called struct {
	at       time.Time
	answered bool
}

// listen takes in heartbeats, its own included.
func (n *Node) listen(ctx context.Context) error {
	return n.cfg.Engine.Heartbeats().Listen(ctx, func(b engine.Beat) {
		n.heardMarks(b)
		b.Marks = nil // they are not kept
		h := heard{Beat: b, at: time.Now()}
		n.beats.mu.Lock()
		defer n.beats.mu.Unlock()
		if len(n.beats.last) < maxHeard {
			n.beats.last[b.Node] = h
		}
		if len(n.beats.fresh) < maxHeard {
			n.beats.fresh = append(n.beats.fresh, h)
		}
	})
}

// maxHeard bounds the nodes whose beats are kept, and the beats that wait for the detector.
const maxHeard = 10_000

// detection is the state of detect.
type detection struct {
	*Node
	watch    *core.Watch
	told     uint64             // changes accepted, as of the last beat
	accusing map[string]accused // what is under way, by member
}

// accused is a proposal that is under way.
type accused struct {
	withdraw context.CancelFunc
	done     chan struct{} // is closed when it has ended
}

// detect beats, and proposes the members as failed that it no longer hears.
func (n *Node) detect(ctx context.Context) error {
	d := &detection{Node: n, accusing: map[string]accused{}, watch: core.NewWatch(n.cfg.Name, n.cfg.FailAfter)}
	tick := time.NewTicker(n.cfg.BeatEvery)
	defer tick.Stop()
	for {
		d.beat(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		d.look(ctx, time.Now())
	}
}

// beat tells the others that the node lives.
func (d *detection) beat(ctx context.Context) {
	total := d.accepted()
	load := float64(total-d.told) / d.cfg.BeatEvery.Seconds()
	d.told = total
	b := engine.Beat{Node: d.cfg.Name, Incarnation: d.incarnation.Load(), Load: load, Info: d.cfg.Info, Marks: d.beatMarks(),
		Cut: d.watch.Cut(time.Now())}
	if err := d.cfg.Engine.Heartbeats().Beat(ctx, b); err != nil && ctx.Err() == nil {
		d.log.Debug("heartbeat is not sent", "err", err)
	}
}

// look takes in what was heard, accuses the members that are not heard any more, and withdraws what is under way against
// one that is.
func (d *detection) look(ctx context.Context, now time.Time) {
	fresh, calls := d.beats.take()
	for _, c := range calls {
		d.watch.Called(c.at, c.answered)
	}
	for _, h := range fresh {
		d.watch.Heard(h.at, h.Node, h.Incarnation, h.Cut)
	}
	for name, a := range d.accusing {
		select {
		case <-a.done:
			delete(d.accusing, name)
			d.watch.Accused(name)
		default:
		}
	}
	orders := d.watch.Look(now, d.coord.State())
	if orders.Call {
		d.call(ctx)
	}
	for _, name := range orders.Withdraw {
		d.accusing[name].withdraw()
	}
	for _, m := range orders.Accuse {
		d.accuse(ctx, m)
	}
	d.cut.set(d.watch.Cut(now))
}

// take returns what was heard, and answered, since it was last called.
func (b *beats) take() (fresh []heard, calls []called) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh, calls = b.fresh, b.called
	b.fresh, b.called = nil, nil
	return fresh, calls
}

// call tries to be in contact with a majority of the engine's servers: the tail of the control log takes one.
func (d *detection) call(ctx context.Context) {
	d.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, core.CallTimeout)
		defer cancel()
		_, err := d.cfg.Engine.Control().Tail(ctx)
		if err != nil {
			d.proposalFault.Store(&err)
		} else {
			d.proposalFault.Store(nil)
		}
		d.beats.mu.Lock()
		defer d.beats.mu.Unlock()
		d.beats.called = append(d.beats.called, called{time.Now(), err == nil})
	})
}

// accuse proposes a member as failed, beside the detector, which goes on beating.
func (d *detection) accuse(ctx context.Context, m coordinator.Member) {
	ctx, withdraw := context.WithTimeout(ctx, core.ProposalTimeout)
	done := make(chan struct{})
	d.accusing[m.Name] = accused{withdraw, done}
	d.jobs.Go(func() {
		defer close(done)
		defer withdraw()
		d.log.Warn("member is not heard any more; it is proposed as failed", "member", m.Name,
			"incarnation", m.Incarnation)
		d.counted.proposedFailed.Add(1)
		_, err := d.coord.Fail(ctx, m.Name, m.Incarnation)
		if err == nil || errors.Is(ctx.Err(), context.Canceled) {
			d.proposalFault.Store(nil)
			return
		}
		d.proposalFault.Store(&err)
		d.log.Warn("proposal failed", "member", m.Name, "err", err)
	})
}
