package shipper

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// OutboxConfig configures an [Outbox].
type OutboxConfig struct {
	// Node is the local node: where acks must come back to.
	Node  string
	Shard int
	// FirstID is the ID of the first batch. It must be greater than any that an earlier process of this node used.
	FirstID uint64
	// MaxBatch and MaxEvents bound a batch: bytes of payload (default 256 KiB) and events (default 1,024). One larger
	// event is a batch of its own.
	MaxBatch, MaxEvents int
	// MaxQueue bounds the payload bytes that wait. Default 64 MiB. What is submitted together is always taken when
	// nothing waits.
	MaxQueue int
	// Resend is the time without an answer after which a batch is sent again. Default 1 s.
	Resend time.Duration
	// Backoff is the time before a batch is sent again that the owner could not take. Default 20 ms.
	Backoff time.Duration
}

// Outbox is the sender's side of one shard as a pure state machine: it keeps events in order, has one batch under way,
// and sends that batch again - same ID, same events - until its owner, whoever that is by then, has answered. It has no
// clock, no I/O and no goroutine. It is used by one goroutine at a time; after each input the driver takes its effects.
type Outbox struct {
	cfg   OutboxConfig
	owner string
	epoch uint64

	waiting []pending
	bytes   int
	batch   []pending // under way
	id      uint64
	sendAt  time.Time // when to send the batch under way (again)
	refusal Batch     // why the batch under way was not taken when it was last sent; empty: not refused

	sends []Outgoing
	dones []Done
}

type pending struct {
	event Event
	token uint64
	gone  bool // nobody waits for the answer any more
}

// Outgoing is a batch to send.
type Outgoing struct {
	// Node is where to, Batch what.
	Node  string
	Batch Batch
}

// Done is the answer to the event submitted with Token.
type Done struct {
	// Token is that of the submission, Ack the owner's answer.
	Token uint64
	Ack   Ack
}

// NewOutbox returns an empty outbox that knows no owner.
func NewOutbox(cfg OutboxConfig) *Outbox {
	cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 256<<10)
	cfg.MaxEvents = cmp.Or(cfg.MaxEvents, 1024)
	cfg.MaxQueue = cmp.Or(cfg.MaxQueue, 64<<20)
	cfg.Resend = cmp.Or(cfg.Resend, time.Second)
	cfg.Backoff = cmp.Or(cfg.Backoff, 20*time.Millisecond)
	return &Outbox{cfg: cfg, id: cfg.FirstID - 1}
}

// Effects returns what the inputs since the last call ask for: batches to send, and answers to hand over.
func (o *Outbox) Effects() ([]Outgoing, []Done) {
	sends, dones := o.sends, o.dones
	o.sends, o.dones = nil, nil
	return sends, dones
}

// Len is the number of events without an answer.
func (o *Outbox) Len() int { return len(o.waiting) + len(o.batch) }

// Queued is the payload bytes of the events without an answer.
func (o *Outbox) Queued() int { return o.bytes }

// Refusal returns the owner that did not take the batch under way when it was last sent, and its answer; a zero Ack when
// it has refused nothing.
func (o *Outbox) Refusal() (node string, ack Ack) {
	if len(o.refusal.Acks) == 0 {
		return "", Ack{}
	}
	return o.refusal.From, o.refusal.Acks[0]
}

// Submit takes all of the events, or none of them when the queue is full: a later one must not come before an earlier.
// The answer to the first is a [Done] with the token, that to the next with the next number.
func (o *Outbox) Submit(now time.Time, token uint64, events ...Event) bool {
	bytes := 0
	for i := range events {
		bytes += len(events[i].Payload)
	}
	if o.bytes > 0 && o.bytes+bytes > o.cfg.MaxQueue {
		return false
	}
	o.bytes += bytes
	for i := range events {
		o.waiting = append(o.waiting, pending{event: events[i], token: token + uint64(i)})
	}
	o.send(now)
	return true
}

// Cancel says that nobody waits for the event any more. It is dropped if it was never sent; otherwise its outcome is
// open, and it stays under way so that those behind it keep their order.
func (o *Outbox) Cancel(token uint64) {
	for i := range o.batch {
		if o.batch[i].token == token {
			o.batch[i].gone = true
			return
		}
	}
	for i := range o.waiting {
		if o.waiting[i].token == token {
			o.bytes -= len(o.waiting[i].event.Payload)
			o.waiting = append(o.waiting[:i], o.waiting[i+1:]...)
			return
		}
	}
}

// Route tells the shard's owner ("" for none) by the assignment of an epoch. A batch under way goes to a new owner at
// once.
func (o *Outbox) Route(now time.Time, owner string, epoch uint64) {
	if epoch < o.epoch {
		return
	}
	changed := owner != o.owner
	o.owner, o.epoch = owner, epoch
	if changed {
		o.sendAt, o.refusal = now, Batch{}
	}
	o.send(now)
}

// Renumber makes the IDs of batches go on at first, unless they are there already. A process that enters again must do
// that: another may have borne its name meanwhile, and owners ignore IDs below the last. The batch under way is sent again
// under the new ID, so its events need identities.
func (o *Outbox) Renumber(now time.Time, first uint64) {
	if first <= o.id {
		return
	}
	if o.id = first - 1; len(o.batch) > 0 {
		o.id, o.sendAt = first, now
		o.send(now)
	}
}

// Tick tells the time; at least every Backoff while Len is not 0.
func (o *Outbox) Tick(now time.Time) { o.send(now) }

// send fills the batch under way if there is none, and sends it if it is due.
func (o *Outbox) send(now time.Time) {
	if len(o.batch) == 0 {
		if len(o.waiting) == 0 {
			return
		}
		o.fill()
		o.sendAt = now
	}
	if o.owner == "" || !o.due(now) {
		return
	}
	o.sendAt = now.Add(o.cfg.Resend)
	events := make([]Event, len(o.batch))
	for i := range o.batch {
		events[i] = o.batch[i].event
		events[i].Epoch = o.epoch
	}
	o.sends = append(o.sends, Outgoing{Node: o.owner,
		Batch: Batch{From: o.cfg.Node, Shard: o.cfg.Shard, ID: o.id, Events: events}})
}

// due reports whether it is time to send. A time that is too far away is one of before the clock was set back.
func (o *Outbox) due(now time.Time) bool {
	left := o.sendAt.Sub(now)
	return left <= 0 || left > max(o.cfg.Resend, o.cfg.Backoff)
}

func (o *Outbox) fill() {
	o.id++
	bytes, n := 0, 0
	for n < len(o.waiting) && n < o.cfg.MaxEvents {
		bytes += len(o.waiting[n].event.Payload)
		if n > 0 && bytes > o.cfg.MaxBatch {
			break
		}
		n++
	}
	o.batch = append(o.batch[:0], o.waiting[:n]...)
	if o.waiting = o.waiting[n:]; len(o.waiting) == 0 {
		o.waiting = nil
	}
}

// Acked takes in an owner's answer. One that answers another batch than that under way is late, and ignored. One that
// can't be an answer to this batch is an error, and the batch stays under way.
func (o *Outbox) Acked(now time.Time, b Batch) error {
	if b.ID != o.id || len(o.batch) == 0 || len(b.Acks) == 0 {
		return nil
	}
	if len(b.Acks) == 1 && b.Acks[0].Status.Refusal() {
		o.refused(now, b)
		return nil
	}
	if len(b.Acks) == 1 && b.Acks[0].Status == Halted {
		b.Acks = slices.Repeat(b.Acks, len(o.batch))
	}
	if len(b.Acks) != len(o.batch) {
		return fmt.Errorf("%d acks from %s for %d events of shard %d, batch %d",
			len(b.Acks), b.From, len(o.batch), o.cfg.Shard, b.ID)
	}
	for i := range b.Acks {
		// An ack that says nothing must not pass for one that says that all is well.
		if s := b.Acks[i].Status; !s.Final() && s != Busy {
			return fmt.Errorf("ack %d of %d from %s for shard %d, batch %d: status %d", i+1, len(b.Acks), b.From,
				o.cfg.Shard, b.ID, s)
		}
	}
	for i, p := range o.batch {
		o.bytes -= len(p.event.Payload)
		if !p.gone {
			o.dones = append(o.dones, Done{Token: p.token, Ack: b.Acks[i]})
		}
		o.batch[i] = pending{}
	}
	o.batch, o.refusal = o.batch[:0], Batch{}
	o.send(now)
	return nil
}

// refused keeps the batch for another try, unless nobody waits for it any more. What waits for the engine is not worth
// asking for often: the owner may have the batch already.
func (o *Outbox) refused(now time.Time, b Batch) {
	again := o.cfg.Backoff
	if s := b.Acks[0].Status; s == NoRoom || s == NoLeader {
		again = o.cfg.Resend
	}
	for i := range o.batch {
		if !o.batch[i].gone {
			o.sendAt = now.Add(again)
			o.refusal = Batch{From: b.From, Acks: slices.Clone(b.Acks)} // they are lent
			return
		}
	}
	for i := range o.batch {
		o.bytes -= len(o.batch[i].event.Payload)
	}
	o.batch, o.refusal = o.batch[:0], Batch{}
	o.send(now)
}
