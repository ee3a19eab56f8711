package shipper

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/event"
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
	// Resend is the time without an answer after which a batch is sent again. Default 1 s. A large batch takes longer on
	// its way and at its owner: it has that time once more for each 16 MiB of payload.
	Resend time.Duration
	// Backoff is the time before a batch is sent again that the owner could not take. Default 20 ms.
	Backoff time.Duration
}

// Outbox is the sender's side of one shard as a pure state machine: it keeps events in order, has one batch under way,
// and sends that batch again - same ID, same events - until its owner, whoever that is by then, has answered, or nobody
// waits for it any more, or it turns out that it can't be sent. It has no clock, no I/O and no goroutine. It is used by
// one goroutine at a time; after each input the driver takes its effects.
//
// This is what comes of each input in each state: with no batch under way and an owner known, with a batch that waits for an
// owner to be known, with one that was sent, and with one that an owner has not taken. A cell has the next state; "send", if the
// batch, or the next, is to be sent; "ack" and "large", the answers to events; "no", if nothing was taken, and "error". "." is
// nothing, and "-" can't be.
//
//	input                           empty      unsent       sent         refused
//	Submit                          sent send  .            .            .
//	Submit, over the wire's limits  large      large        large        large
//	Submit, no room                 sent send  no           no           no
//	Cancel all                      .          empty        empty        empty
//	Route to another owner          .          sent send    send         sent send
//	Route to nobody                 .          .            .            sent
//	Route, older                    .          .            .            .
//	Acked: answers                  .          empty ack    empty ack    empty ack
//	Acked: NotOwner, Busy           .          .            refused      .
//	Acked: another batch            .          .            .            .
//	Acked: not understood           .          error        error        error
//	Unsendable: its only event      .          empty large  empty large  empty large
//	Unsendable: another batch       .          .            .            .
//	Renumber                        .          .            send         send
//	Renumber, backwards             .          .            .            .
//	Tick, early                     .          .            .            .
//	Tick, after Backoff             .          .            .            send
//	Tick, after Resend              .          .            send         send
//
// What is submitted while a batch is under way waits behind it, and goes when that is answered. A batch of which somebody has
// given up a part is sent whole as before; when all have, it is dropped, and what waits goes at the next Tick. Of several events
// that can't be sent, the first half becomes the batch under way, under a new ID, and is sent. NoRoom and NoLeader are as Busy,
// but for the time, which is Resend.
type Outbox struct {
	cfg   OutboxConfig
	owner string
	epoch uint64

	waiting []pending
	bytes   int
	batch   []pending // under way
	tried   bool      // batch was handed out: it may be at an owner
	id      uint64
	sendAt  time.Time   // when to send the batch under way (again)
	began   time.Time   // when the batch under way was first to be sent
	refusal event.Batch // why the batch under way was not taken when it was last sent; empty: not refused

	sends []Outgoing
	dones []Done
}

type pending struct {
	event event.Event
	token uint64
	gone  bool // nobody waits for the answer any more
}

// Outgoing is a batch to send.
type Outgoing struct {
	// Node is where to, Batch what.
	Node  string
	Batch event.Batch
}

// Done is the answer to the event submitted with Token.
type Done struct {
	// Token is that of the submission, Ack the owner's answer.
	Token uint64
	Ack   event.Ack
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
func (o *Outbox) Refusal() (node string, ack event.Ack) {
	if len(o.refusal.Acks) == 0 {
		return "", event.Ack{}
	}
	return o.refusal.From, o.refusal.Acks[0]
}

// Since returns since when the batch under way waits for its answer; zero when there is none.
func (o *Outbox) Since() time.Time {
	if len(o.batch) == 0 {
		return time.Time{}
	}
	return o.began
}

// Submit takes all of the events, or none of them when the queue is full: a later one must not come before an earlier.
// The answer to the first is a [Done] with the token, that to the next with the next number. One that is over a limit
// of the wire form ([Fits]) is answered [event.TooLarge] at once, whoever owns the shard: so it never depends on the door.
func (o *Outbox) Submit(now time.Time, token uint64, events ...event.Event) bool {
	bytes := 0
	for i := range events {
		bytes += len(events[i].Payload)
	}
	if o.bytes > 0 && o.bytes+bytes > o.cfg.MaxQueue {
		return false
	}
	for i := range events {
		p := pending{event: events[i], token: token + uint64(i)}
		if err := Fits(&p.event); err != nil {
			o.dones = append(o.dones, Done{Token: p.token, Ack: event.Ack{Status: event.TooLarge, Reason: err.Error()}})
			continue
		}
		o.bytes += len(p.event.Payload)
		o.waiting = append(o.waiting, p)
	}
	o.send(now)
	return true
}

// Cancel says that nobody waits for the events any more. What was never sent is dropped; otherwise the outcome is open.
// While somebody waits for another event of their batch they stay in it, so that the batch is the same when it is sent
// again; then the whole batch is dropped, and never sent again. What waits behind it is sent at the next Tick.
//
// The next batch has a later ID, so an owner that gets the dropped one after it ignores it. If it takes effect all the
// same, at an owner that knows of neither, that is the open outcome: no event behind it depends on it, as a producer's
// next event is submitted when the one before is answered or given up.
func (o *Outbox) Cancel(tokens ...uint64) {
	gone := make(map[uint64]bool, len(tokens))
	for _, token := range tokens {
		gone[token] = true
	}
	o.waiting = o.forget(o.waiting, gone)
	kept := 0
	for i := range o.batch {
		if o.batch[i].gone = o.batch[i].gone || gone[o.batch[i].token]; !o.batch[i].gone {
			kept++
		}
	}
	if kept == 0 || !o.tried {
		if o.batch = o.forget(o.batch, nil); len(o.batch) == 0 {
			o.refusal = event.Batch{}
		}
	}
}

// forget drops those of a list that nobody waits for any more, and what they held.
func (o *Outbox) forget(list []pending, gone map[uint64]bool) []pending {
	return slices.DeleteFunc(list, func(p pending) bool {
		p.gone = p.gone || gone[p.token]
		if p.gone {
			o.bytes -= len(p.event.Payload)
		}
		return p.gone
	})
}

// clear empties the batch under way, and lets go of what it held.
func (o *Outbox) clear() {
	for i := range o.batch {
		o.bytes -= len(o.batch[i].event.Payload)
	}
	clear(o.batch)
	o.batch, o.refusal = o.batch[:0], event.Batch{}
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
		o.sendAt, o.refusal = now, event.Batch{}
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
		o.sendAt, o.began, o.refusal = now, now, event.Batch{}
	}
	if o.owner == "" || !o.due(now) {
		return
	}
	o.sendAt, o.tried = now.Add(o.resend()), true
	events := make([]event.Event, len(o.batch))
	for i := range o.batch {
		events[i] = o.batch[i].event
		events[i].Epoch = o.epoch
	}
	o.sends = append(o.sends, Outgoing{Node: o.owner,
		Batch: event.Batch{From: o.cfg.Node, Shard: o.cfg.Shard, ID: o.id, Events: events}})
}

// resend is the time without an answer after which the batch under way is sent again.
func (o *Outbox) resend() time.Duration {
	bytes := 0
	for i := range o.batch {
		bytes += len(o.batch[i].event.Payload)
	}
	return o.cfg.Resend * time.Duration(1+bytes/resendBytes)
}

// resendBytes is the payload for which a batch has one Resend more.
const resendBytes = 16 << 20

// due reports whether it is time to send. A time that is too far away is one of before the clock was set back.
func (o *Outbox) due(now time.Time) bool {
	left := o.sendAt.Sub(now)
	return left <= 0 || left > max(o.resend(), o.cfg.Backoff)
}

func (o *Outbox) fill() {
	o.id++
	o.tried = false
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
func (o *Outbox) Acked(now time.Time, b event.Batch) error {
	if b.ID != o.id || len(o.batch) == 0 || len(b.Acks) == 0 {
		return nil
	}
	if len(b.Acks) == 1 && b.Acks[0].Status.Refusal() {
		o.refused(now, b)
		return nil
	}
	if len(b.Acks) == 1 && b.Acks[0].Status == event.Halted {
		b.Acks = slices.Repeat(b.Acks, len(o.batch))
	}
	if len(b.Acks) != len(o.batch) {
		return fmt.Errorf("%d acks from %s for %d events of shard %d, batch %d",
			len(b.Acks), b.From, len(o.batch), o.cfg.Shard, b.ID)
	}
	for i := range b.Acks {
		// An ack that says nothing must not pass for one that says that all is well.
		if s := b.Acks[i].Status; !s.Final() && s != event.Busy {
			return fmt.Errorf("ack %d of %d from %s for shard %d, batch %d: status %d", i+1, len(b.Acks), b.From,
				o.cfg.Shard, b.ID, s)
		}
	}
	for i, p := range o.batch {
		o.done(p, b.Acks[i])
	}
	o.clear()
	o.send(now)
	return nil
}

// refused keeps the batch for another try. What waits for the engine is not worth asking for often: the owner may have
// the batch already.
func (o *Outbox) refused(now time.Time, b event.Batch) {
	again := o.cfg.Backoff
	if s := b.Acks[0].Status; s == event.NoRoom || s == event.NoLeader {
		again = o.cfg.Resend
	}
	o.sendAt = now.Add(again)
	o.refusal = event.Batch{From: b.From, Acks: slices.Clone(b.Acks)} // they are lent
}

// done answers an event, if anybody waits for it.
func (o *Outbox) done(p pending, a event.Ack) {
	if !p.gone {
		o.dones = append(o.dones, Done{Token: p.token, Ack: a})
	}
}

// Unsendable says that batch id can't be carried, now or later ([ErrTooLarge]), and why. Its only event is answered
// [event.TooLarge]. Of more, the first half becomes a batch of its own and the others wait behind it, so that those that can
// be carried are: their IDs are new, so they need identities in case the batch was sent before. A batch that is no
// longer under way is ignored.
//
// An event that was sent before, when the way or the limit was another, may have taken effect: TooLarge then says only
// that nobody will know.
func (o *Outbox) Unsendable(now time.Time, id uint64, reason string) {
	if id != o.id || len(o.batch) == 0 {
		return
	}
	if len(o.batch) == 1 {
		o.done(o.batch[0], event.Ack{Status: event.TooLarge, Reason: reason})
		o.clear()
	} else {
		half := len(o.batch) / 2
		o.waiting = append(slices.Clone(o.batch[half:]), o.waiting...)
		clear(o.batch[half:])
		o.batch, o.sendAt = o.batch[:half], now
		o.id++
		// Under new IDs the batches need not be what they were.
		o.batch, o.waiting = o.forget(o.batch, nil), o.forget(o.waiting, nil)
	}
	o.send(now)
}
