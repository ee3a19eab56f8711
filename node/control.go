package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// reenterAfter is the time before a node that was taken for dead enters again; it doubles up to reenterMax, so that a
// node that comes and goes moves few shards.
const (
	reenterAfter = time.Second
	reenterMax   = 30 * time.Second
	// proposalTimeout bounds one proposal: a control log without a leader takes up to 9 s to elect one.
	proposalTimeout = 30 * time.Second
)

// follow brings every newly installed assignment to the loops.
func (n *Node) follow(ctx context.Context) error {
	wake, stop := n.coord.Watch()
	defer stop()
	wait, entered := reenterAfter, time.Now()
	for {
		state := n.coord.State()
		incarnation, other := n.coord.Entered(state)
		switch {
		case other:
			member, _ := state.Member(n.cfg.Name)
			return fmt.Errorf("%w: incarnation %d, this process is %d", ErrSuperseded, member.Incarnation,
				n.incarnation.Load())
		case incarnation == 0 && !n.left.Load():
			n.outside.Store(true)
			n.install(ctx, state)
			if time.Since(entered) > 2*reenterMax {
				wait = reenterAfter
			}
			if err := n.reenter(ctx, wait); err != nil {
				return err
			}
			wait, entered = min(2*wait, reenterMax), time.Now()
			continue
		}
		if incarnation > 0 {
			n.incarnation.Store(incarnation)
		}
		n.outside.Store(false)
		n.install(ctx, state)
		select {
		case <-wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// reenter makes the node a member again after the others took it for dead.
func (n *Node) reenter(ctx context.Context, wait time.Duration) error {
	n.log.Warn("the others took this node for dead; it enters again", "in", wait)
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, ok := n.coord.State().Member(n.cfg.Name); ok {
		return nil // follow sees who has the name by now
	}
	if _, err := n.coord.Enter(ctx); err != nil {
		if errors.Is(err, coordinator.ErrSettings) {
			return err
		}
		n.log.Warn("entering again failed; it is tried again", "err", err)
	}
	return nil
}

// install tells the loops their part of an assignment.
func (n *Node) install(ctx context.Context, state *coordinator.State) {
	n.proposalFault.Store(nil) // the control log works
	_, member := state.Member(n.cfg.Name)
	for _, m := range state.Members {
		if m.Name != n.cfg.Name && !n.cfg.Transport.HasRoute(m.Name) {
			if err := n.cfg.Transport.RegisterRoute(m.Name, nil); err != nil {
				n.log.Error("route to a member", "member", m.Name, "err", err)
			}
		}
	}
	incarnation, target := n.incarnation.Load(), state.Target()
	n.log.Debug("assignment", "epoch", state.Epoch, "members", len(state.Members), "incarnation", incarnation)
	for s, l := range n.loops {
		owner, standby := state.Assignment.Node(s), state.Standby(s)
		n.raise(s, state.Mark(s))
		a := operator.Assignment{Control: state.Epoch, Epoch: state.ShardEpoch(s), Incarnation: incarnation}
		switch {
		case !member:
		case owner == n.cfg.Name:
			a.Role = operator.Owner
		case standby == n.cfg.Name, target.Node(s) == n.cfg.Name: // the latter makes a planned move short
			a.Role = operator.Standby
		}
		_ = l.post(ctx, func(now time.Time) {
			l.assigned(owner, standby)
			l.op.Assign(now, a)
			l.out.Renumber(now, firstID(incarnation))
			l.out.Route(now, owner, a.Control)
		})
	}
}

func (l *loop) assigned(owner, standby string) {
	v := *l.view.Load()
	v.owner, v.standby = owner, standby
	l.view.Store(&v)
}

// beats holds what was heard of every node.
type beats struct {
	mu      sync.Mutex
	last    map[string]heard
	fresh   []heard     // since the detector last looked
	answers []time.Time // of a majority, since the detector last looked
}

type heard struct {
	engine.Beat
	at time.Time
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

const (
	// maxCalls bounds the attempts of a deaf node to be in contact that are under way, one a beat, and callTimeout each.
	maxCalls    = 20
	callTimeout = 3 * time.Second
)

// maxHeard bounds the nodes whose beats are kept, and the beats that wait for the detector.
const maxHeard = 10_000

// detection is the state of detect.
type detection struct {
	*Node
	detector *coordinator.Detector
	told     uint64             // changes accepted, as of the last beat
	accusing map[string]accused // what is under way, by member
	calls    atomic.Int32       // attempts to be in contact that are under way
}

// accused is a proposal that is under way.
type accused struct {
	incarnation uint64
	withdraw    context.CancelFunc
	done        chan struct{} // is closed when it has ended
}

// detect beats, and proposes the members as failed that it no longer hears.
func (n *Node) detect(ctx context.Context) error {
	d := &detection{Node: n, accusing: map[string]accused{},
		detector: coordinator.NewDetector(coordinator.DetectorConfig{Node: n.cfg.Name, FailAfter: n.cfg.FailAfter})}
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
		Cut: d.detector.Cut(time.Now())}
	if err := d.cfg.Engine.Heartbeats().Beat(ctx, b); err != nil && ctx.Err() == nil {
		d.log.Debug("heartbeat is not sent", "err", err)
	}
}

// look takes in what was heard, accuses the members that are not heard any more, and withdraws what is under way against
// one that is.
func (d *detection) look(ctx context.Context, now time.Time) {
	fresh, answers := d.beats.take()
	for _, at := range answers {
		d.detector.Contact(at)
	}
	for _, h := range fresh {
		d.detector.Heard(h.at, h.Node, h.Incarnation, h.Cut)
	}
	failed := d.detector.Tick(now, d.coord.State())
	if d.detector.Deaf(now) {
		d.call(ctx)
	}
	d.cut.Store(d.detector.Cut(now))
	for name, a := range d.accusing {
		select {
		case <-a.done:
			delete(d.accusing, name)
			continue
		default:
		}
		if !slices.ContainsFunc(failed, func(m coordinator.Member) bool { return m.Name == name && m.Incarnation == a.incarnation }) {
			a.withdraw()
		}
	}
	for _, m := range failed {
		d.accuse(ctx, m)
	}
}

// take returns what was heard since it was last called.
func (b *beats) take() (fresh []heard, answers []time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh, answers = b.fresh, b.answers
	b.fresh, b.answers = nil, nil
	return fresh, answers
}

// call tries to be in contact with a majority of the engine's servers: the tail of the control log takes one. It may be
// slow, and still is an answer if another comes soon, so several calls are under way.
func (d *detection) call(ctx context.Context) {
	if d.calls.Add(1) > maxCalls {
		d.calls.Add(-1)
		return
	}
	d.jobs.Go(func() {
		defer d.calls.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if _, err := d.cfg.Engine.Control().Tail(ctx); err != nil {
			d.proposalFault.Store(&err)
			return
		}
		d.proposalFault.Store(nil)
		d.beats.mu.Lock()
		defer d.beats.mu.Unlock()
		d.beats.answers = append(d.beats.answers, time.Now())
	})
}

// accuse proposes a member as failed, beside the detector, which goes on beating; one proposal per member at a time.
func (d *detection) accuse(ctx context.Context, m coordinator.Member) {
	if _, twice := d.accusing[m.Name]; twice {
		return
	}
	ctx, withdraw := context.WithTimeout(ctx, proposalTimeout)
	done := make(chan struct{})
	d.accusing[m.Name] = accused{m.Incarnation, withdraw, done}
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
