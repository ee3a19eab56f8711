package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

// doorStats counts what this node's door and jobs did.
type doorStats struct {
	appendNanos, proposedFailed atomic.Uint64
}

// Send routes a payload by its key, and returns the owner's ack when it is committed: the same key always meets the same
// shard, in the order of the calls. The bounds and errors are those of [Node.SendBatch] and [AckError]; after one that leaves
// the outcome open, a second call can have a second effect: give events a producer, and use SendBatch, where that matters.
func (n *Node) Send(ctx context.Context, key string, p coordinator.Payload) (event.Ack, error) {
	acks, err := n.SendBatch(ctx, []event.Addressed{{Shard: shard.Of(key, n.cfg.Shards),
		Event: event.Event{Key: key, MediaType: p.MediaType, Payload: p.Data}}})
	if err != nil {
		return event.Ack{}, err
	}
	return acks[0], AckError(acks[0])
}

// SendBatch routes events to the owners of their shards, in order per shard, and returns the owners' acks, one for each; the
// status of one that can't be sent to any owner is [event.TooLarge].
// An event without a producer gets this process's identity, so that what happens on the way has no second effect.
// After the bounded wait, or when ctx ends, the acks that have not come are zero, and the error is the last known cause:
// [event.ErrBusy], [engine.ErrNoLeader] or else [event.ErrNoOwner]; [event.ErrStopped] when the node stops. [engine.ErrNoRoom]
// isn't waited for: no failover ends it. A node that is cut off, or that the others took for dead, waits for half a second.
//
// A producer of one's own may have one batch under way at a time, anywhere, and sends the same events again after an
// error before it goes on: a later event that overtook them would make them look like duplicates. It passes
// [event.Producer.Check], and its text has at most [event.MaxText] bytes.
func (n *Node) SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	byShard, err := n.byShard(events)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ctx, cancel := n.patience(ctx)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	select {
	case <-n.entered:
	case <-ctx.Done():
		return nil, n.notEntered(ctx)
	}
	answers := make(chan answer, len(events))
	for s, indexes := range byShard {
		n.senders[s].submit(ctx, events, indexes, answers)
	}
	acks := make([]event.Ack, len(events))
	for left := len(events); left > 0; {
		select {
		case a := <-answers:
			acks[a.index] = a.ack
			left--
			continue
		case <-ctx.Done():
		case <-look.C:
			if !n.hopeless(events, acks) && (time.Since(began) < apartAfter || n.apart() == nil) {
				continue
			}
		}
		return acks, n.giveUp(ctx, cancel, time.Since(began), events, answers, acks)
	}
	return acks, nil
}

// lookEvery is the time between looks at what owners say of batches that they don't take.
const lookEvery = 250 * time.Millisecond

// apartAfter is how long a node that is apart waits for answers all the same: it may be back in time.
const apartAfter = 2 * lookEvery

// condition is something that holds for the time being. It has one writer.
type condition struct{ since atomic.Pointer[time.Time] }

func (c *condition) set(holds bool) {
	if now := time.Now(); !holds {
		c.since.Store(nil)
	} else if c.since.Load() == nil {
		c.since.Store(&now)
	}
}

// lasts reports whether it holds, and has for a while: a process that was paused, or short of time, is well again at once.
func (c *condition) lasts() bool {
	since := c.since.Load()
	return since != nil && time.Since(*since) >= lookEvery
}

// apart says why what waits here is better sent to another node; nil if it isn't.
func (n *Node) apart() error {
	switch {
	case n.cut.lasts():
		return fmt.Errorf("%w: this node hears none of the others, and the engine doesn't answer it; use another node",
			engine.ErrNoLeader)
	case n.outside.lasts():
		return fmt.Errorf("%w: the others took this node for dead, and it is not back yet; use another node", event.ErrNoOwner)
	}
	return nil
}

// hopeless reports whether the owner of a shard that has not answered has no room.
func (n *Node) hopeless(events []event.Addressed, acks []event.Ack) bool {
	for i := range acks {
		if acks[i].Status == 0 && n.senders[events[i].Shard].shown().refusal.Status == event.NoRoom {
			return true
		}
	}
	return false
}

// patience returns a context that ends after the bounded wait, or with the node, which is then its cause.
func (n *Node) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Wait)
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(n.life, func() { end(event.ErrStopped) })
	return ctx, func() {
		stop()
		end(nil)
		cancel()
	}
}

// notEntered says why there is nobody yet who could take events.
func (n *Node) notEntered(ctx context.Context) error {
	switch failed := n.enterFault.Load(); {
	case errors.Is(context.Cause(ctx), event.ErrStopped):
		return event.ErrStopped
	case failed != nil:
		return fmt.Errorf("%w: this node has not entered the pipeline yet: %w", cause(*failed), *failed)
	}
	return fmt.Errorf("%w: this node has not entered the pipeline yet", event.ErrNoOwner)
}

// cause is what an error of the control log means to a sender.
func cause(err error) error {
	for _, known := range []error{engine.ErrNoRoom, engine.ErrNoLeader} {
		if errors.Is(err, known) {
			return known
		}
	}
	return event.ErrNoOwner
}

// byShard checks events and returns, for each shard, the indexes of its own in order.
func (n *Node) byShard(events []event.Addressed) (map[int][]int, error) {
	byShard := make(map[int][]int)
	for i := range events {
		s, producer := events[i].Shard, events[i].Producer
		switch {
		case s < 0 || s >= len(n.loops):
			return nil, fmt.Errorf("%w: %d", shipper.ErrInvalidShard, s)
		case len(producer.Prefix())+len(producer.Name) > event.MaxText:
			return nil, fmt.Errorf("%w: the producer's name has %d bytes, at most %d are allowed with %q before it", event.ErrTooLarge,
				len(producer.Name), event.MaxText, producer.Prefix())
		case !producer.IsZero():
			if err := producer.Check(); err != nil {
				return nil, fmt.Errorf("%w: %w", event.ErrKey, err)
			}
		}
		byShard[s] = append(byShard[s], i)
	}
	return byShard, nil
}

// giveUp tells the senders that nobody waits any more, and returns which shard did not answer, and why.
func (n *Node) giveUp(ctx context.Context, end context.CancelFunc, after time.Duration, events []event.Addressed,
	answers chan answer, acks []event.Ack) error {
	for len(answers) > 0 {
		a := <-answers
		acks[a.index] = a.ack
	}
	var silent []*sender
	for i := range acks {
		if s := n.senders[events[i].Shard]; acks[i].Status == 0 && !slices.Contains(silent, s) {
			silent = append(silent, s)
		}
	}
	var err error
	if len(silent) > 0 { // before the sender forgets what it knows of the batch
		err = n.silence(ctx, after.Round(time.Millisecond), silent[0].shard, silent[0].shown())
	}
	end()
	for _, s := range silent {
		s.giveUp(answers)
	}
	return err
}

// silence is the error of a shard that has not answered: what its owner said last, if it said anything, or why nobody
// else can become its owner.
func (n *Node) silence(ctx context.Context, after time.Duration, shard int, v shown) error {
	if errors.Is(context.Cause(ctx), event.ErrStopped) {
		return fmt.Errorf("%w: shard %d had not answered", event.ErrStopped, shard)
	}
	if why := n.apart(); why != nil {
		return fmt.Errorf("shard %d, owner %q, after %v: %w", shard, v.owner, after, why)
	}
	if why := refusalError(v.refusal); why != nil {
		return fmt.Errorf("shard %d: %w, after %v: the owner %s answers: %s", shard, why, after, v.refusedBy,
			v.refusal.Reason)
	}
	if failed := n.proposalFault.Load(); failed != nil {
		return fmt.Errorf("shard %d: %w, owner %q, after %v, and the control log doesn't work: %w", shard, cause(*failed),
			v.owner, after, *failed)
	}
	return fmt.Errorf("%w: shard %d, owner %q, after %v", event.ErrNoOwner, shard, v.owner, after)
}

// AckError is the cause that an owner's answer names; nil for [event.Committed] and [event.Duplicate], for [event.Conflict],
// which only the sender can judge, and for no answer.
func AckError(a event.Ack) error {
	switch a.Status {
	case event.Reused:
		return event.ErrReused
	case event.Bad:
		return fmt.Errorf("%w: %s (dead letter at position %d)", event.ErrBad, a.Reason, a.Position)
	}
	if why := refusalError(a); why != nil {
		return fmt.Errorf("%w: %s", why, a.Reason)
	}
	return nil
}

// refusalError is the cause that an owner's answer names; nil if it names none.
func refusalError(a event.Ack) error {
	switch a.Status {
	case event.Busy:
		return event.ErrBusy
	case event.Halted:
		return event.ErrHalted
	case event.NoRoom:
		return engine.ErrNoRoom
	case event.NoLeader:
		return engine.ErrNoLeader
	case event.TooLarge:
		return event.ErrTooLarge
	}
	return nil
}
