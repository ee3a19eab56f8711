package core

import (
	"errors"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// Sender is the part of a node's door that has one shard's events until they are answered: the outbox, and those who wait
// for answers, each of whom is a W. It is used by one goroutine at a time.
//
// After each input the driver does what [Sender.Answered] returns, until that is nothing: what can't be handed over is an
// input itself, and asks for more.
//
// This is what comes of each input in each state: with no owner known, with an owner and nobody who waits, with an event for
// which no owner is known, with one on its way to another node, with one on its way to the replica of this very node, n1. There
// is room for one. A cell has "waits" or "forgotten" for who waits; "no", if nothing was taken; "refused", if the batch is sent
// again later; the answers to those who wait, "ack" and "large"; "error", and to whom a batch is to be sent. "." is nothing,
// and "-" can't be. A batch may have gone to another owner before: what became of that comes late. What the outbox does with its
// inputs, its own table says.
//
//	input                   unrouted  idle          waits      sent       own
//	Submit                  waits     waits, to n2  no         no         no
//	Forget                  .         .             forgotten  forgotten  forgotten
//	Assign, another owner   .         .             to n3      to n3      to n3
//	Assign, no owner        .         .             .          .          .
//	Assign, older           -         .             -          .          .
//	Assign, entered again   .         .             .          to n2      to n1
//	Acked                   .         .             -          ack        ack
//	Acked: NotOwner, Busy   .         .             -          refused    refused
//	Acked: not understood   .         .             -          error      error
//	Refused                 -         -             -          refused    refused
//	Refused: another batch  -         -             -          .          .
//	Sent                    .         .             -          .          .
//	Sent: it failed         .         .             -          .          .
//	Sent: it is too large   .         .             -          large      large
//	Tick, early             .         .             .          .          .
//	Tick, after Resend      .         .             .          to n2      to n1
type Sender[W comparable] struct {
	// Outbox keeps the events. To be looked at only.
	Outbox *shipper.Outbox

	node    string
	door    event.Producer
	seq     uint64 // of the door's last event
	token   uint64
	waiting map[uint64]W // by token
}

// NewSender returns that of a process that has entered; door is the producer of what comes without an identity.
func NewSender[W comparable](door event.Producer, cfg shipper.OutboxConfig) *Sender[W] {
	return &Sender[W]{Outbox: shipper.NewOutbox(cfg), node: cfg.Node, door: door, waiting: map[uint64]W{}}
}

// Assign tells who owns the shard, and under which incarnation's ids its batches go.
func (s *Sender[W]) Assign(now time.Time, r Role) {
	s.Outbox.Renumber(now, FirstBatch(r.Assignment.Incarnation))
	s.Outbox.Route(now, r.Owner, r.Assignment.Control)
}

// Identify gives the events that have no identity the door's, in order.
func (s *Sender[W]) Identify(events []event.Event) {
	for i := range events {
		if events[i].Producer.IsZero() {
			s.seq++
			events[i].Producer, events[i].Seq = s.door, s.seq
		}
	}
}

// Submit puts events into the outbox, in order, and who waits for the answer to each. It reports false, and nothing was put
// in, if the outbox has no room.
func (s *Sender[W]) Submit(now time.Time, events []event.Event, who []W) bool {
	first := s.token + 1
	if !s.Outbox.Submit(now, first, events...) {
		return false
	}
	s.token += uint64(len(events))
	for i, w := range who {
		s.waiting[first+uint64(i)] = w
	}
	return true
}

// Forget cancels what those wait for that are gone, and returns them in the order of their events.
func (s *Sender[W]) Forget(gone func(W) bool) (list []W) {
	var tokens []uint64
	for token, w := range s.waiting {
		if gone(w) {
			tokens = append(tokens, token)
		}
	}
	slices.Sort(tokens)
	for _, token := range tokens {
		list = append(list, s.waiting[token])
		delete(s.waiting, token)
	}
	s.Outbox.Cancel(tokens...)
	return list
}

// Waiting is the number of those who wait for answers.
func (s *Sender[W]) Waiting() int { return len(s.waiting) }

// Acked takes in an owner's answer. An error says that it is not understood.
func (s *Sender[W]) Acked(now time.Time, b event.Batch) error { return s.Outbox.Acked(now, b) }

// Refused takes in that the replica of this very node has no room for a batch, and why: it is as if it had answered that it is
// busy.
func (s *Sender[W]) Refused(now time.Time, b event.Batch, why error) {
	// An owner's refusal is understood, whatever batch is under way.
	_ = s.Outbox.Acked(now, event.Batch{From: s.node, Shard: b.Shard, ID: b.ID,
		Acks: []event.Ack{{Status: event.Busy, Reason: why.Error()}}})
}

// Sent takes in what became of handing a batch to the transport. What can't be sent must not be sent again for ever: it
// reports whether the event that is too large is answered so. What else fails is sent again by a tick.
func (s *Sender[W]) Sent(now time.Time, b event.Batch, err error) (unsendable bool) {
	if !errors.Is(err, shipper.ErrTooLarge) {
		return false
	}
	s.Outbox.Unsendable(now, b.ID, err.Error())
	return true
}

// Tick lets the outbox try again what is due. It is called often while [Sender.Busy].
func (s *Sender[W]) Tick(now time.Time) { s.Outbox.Tick(now) }

// Busy reports whether a tick may be due.
func (s *Sender[W]) Busy() bool { return s.Outbox.Len() > 0 }

// Answer is the answer to the event of somebody who waits.
type Answer[W comparable] struct {
	// To is who waits, Ack the answer.
	To  W
	Ack event.Ack
}

// Answered returns what the sender asks for, and forgets it: answers for those who wait, then batches to send; those to this
// node are for its own replica.
func (s *Sender[W]) Answered() (answers []Answer[W], sends []shipper.Outgoing) {
	sends, dones := s.Outbox.Effects()
	for _, d := range dones {
		if w, ok := s.waiting[d.Token]; ok {
			delete(s.waiting, d.Token)
			answers = append(answers, Answer[W]{w, d.Ack})
		}
	}
	return answers, sends
}
