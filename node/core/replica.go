package core

import (
	"errors"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

// Replica is a node's part in one shard: the operator of its copy, and the outbox of its door with those who wait for
// answers, each of whom is a W. It is used by one goroutine.
//
// After each input the driver does what the operator's Effects ask for, and then what [Replica.Answered] does, until both are
// nothing: what is delivered to this very replica asks for more. Inputs that are the operator's alone go to it: entries,
// answers to appends, snapshots.
type Replica[W comparable] struct {
	// Operator is that of the copy.
	Operator *operator.Operator
	// Outbox is the door's; nil before [Replica.Enter]. To be looked at only.
	Outbox *shipper.Outbox

	mark    func() engine.Mark
	heard   uint64 // the operator was told the mark up to here
	door    event.Producer
	seq     uint64 // of the door's last event
	token   uint64
	waiting map[uint64]W // by token
}

// NewReplica returns one that has no role yet. The mark is what the node knows of how far the shard's log goes.
func NewReplica[W comparable](cfg operator.Config, mark func() engine.Mark) *Replica[W] {
	return &Replica[W]{Operator: operator.New(cfg), mark: mark, waiting: map[uint64]W{}}
}

// Enter begins, when the process has entered: door is the producer of what comes without an identity.
func (r *Replica[W]) Enter(door event.Producer, cfg shipper.OutboxConfig) {
	r.door, r.Outbox = door, shipper.NewOutbox(cfg)
}

// Hear tells the operator the shard's mark when it is higher than it was: before each input, so that a reading that the
// input begins is held to it.
func (r *Replica[W]) Hear(now time.Time) {
	if m := r.mark(); m.Position > r.heard {
		r.heard = m.Position
		r.Operator.Marked(now, m)
	}
}

// Assign gives the replica its role.
func (r *Replica[W]) Assign(now time.Time, p Role) {
	r.Operator.Assign(now, p.Assignment)
	r.Outbox.Renumber(now, FirstBatch(p.Assignment.Incarnation))
	r.Outbox.Route(now, p.Owner, p.Assignment.Control)
}

// Identify gives the events that have no identity the door's, in order.
func (r *Replica[W]) Identify(events []event.Event) {
	for i := range events {
		if events[i].Producer.IsZero() {
			r.seq++
			events[i].Producer, events[i].Seq = r.door, r.seq
		}
	}
}

// Submit puts events into the outbox, in order, and who waits for the answer to each. It reports false, and nothing was put
// in, if the outbox has no room.
func (r *Replica[W]) Submit(now time.Time, events []event.Event, who []W) bool {
	first := r.token + 1
	if !r.Outbox.Submit(now, first, events...) {
		return false
	}
	r.token += uint64(len(events))
	for i, w := range who {
		r.waiting[first+uint64(i)] = w
	}
	return true
}

// Forget cancels what those wait for that are gone, and returns them in the order of their events.
func (r *Replica[W]) Forget(gone func(W) bool) (list []W) {
	var tokens []uint64
	for token, w := range r.waiting {
		if gone(w) {
			tokens = append(tokens, token)
		}
	}
	slices.Sort(tokens)
	for _, token := range tokens {
		list = append(list, r.waiting[token])
		delete(r.waiting, token)
	}
	r.Outbox.Cancel(tokens...)
	return list
}

// Waiting is the number of those who wait for answers.
func (r *Replica[W]) Waiting() int { return len(r.waiting) }

// Deliver takes in a batch: events for the operator, or acks for the outbox. An error says that the acks are not understood.
func (r *Replica[W]) Deliver(now time.Time, b event.Batch) error {
	if len(b.Acks) == 0 { // a transport uses its slices again: nil it need not be
		r.Operator.Deliver(now, b)
		return nil
	}
	return r.Outbox.Acked(now, b)
}

// Sent takes in what became of handing over a batch. What can't be sent must not be sent again for ever: it reports whether
// the event that is too large is answered so.
func (r *Replica[W]) Sent(now time.Time, b event.Batch, err error) (unsendable bool) {
	if len(b.Acks) > 0 || !errors.Is(err, shipper.ErrTooLarge) {
		return false
	}
	r.Outbox.Unsendable(now, b.ID, err.Error())
	return true
}

// Tick lets operator and outbox try again what is due. It is called often while [Replica.Busy].
func (r *Replica[W]) Tick(now time.Time) {
	r.Operator.Tick(now)
	r.Outbox.Tick(now)
}

// Busy reports whether a tick may be due.
func (r *Replica[W]) Busy() bool { return r.Operator.Waiting() || r.Outbox.Len() > 0 }

// Answer is the answer to the event of somebody who waits.
type Answer[W comparable] struct {
	// To is who waits, Ack the answer.
	To  W
	Ack event.Ack
}

// Answered returns what the outbox asks for, and forgets it: answers for those who wait, then batches to send; those to this
// node are delivered to this very replica. The operator's effects come before them: its answers to this node's door are
// among what is answered then.
func (r *Replica[W]) Answered() (answers []Answer[W], sends []shipper.Outgoing) {
	sends, dones := r.Outbox.Effects()
	for _, d := range dones {
		if w, ok := r.waiting[d.Token]; ok {
			delete(r.waiting, d.Token)
			answers = append(answers, Answer[W]{w, d.Ack})
		}
	}
	return answers, sends
}
