package operator

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// maxSenders bounds the senders whose last acks are kept for batches that come again.
const maxSenders = 1024

// queue holds the batches that are not answered whole, oldest first.
type queue struct {
	batches []*waiting
	// at and event are the first event that is not decided.
	at, event int
	bytes     int
}

// waiting is a batch and the answers it has so far.
type waiting struct {
	event.Batch
	acks  []event.Ack
	bytes int
	told  time.Time // when its sender was told that it must wait
}

func (q *queue) push(b event.Batch) *waiting {
	w := &waiting{Batch: b, acks: make([]event.Ack, 0, len(b.Events)), bytes: batchBytes(b)}
	q.batches = append(q.batches, w)
	q.bytes += w.bytes
	return w
}

func batchBytes(b event.Batch) int {
	n := 0
	for i := range b.Events {
		n += len(b.Events[i].Payload) + 256
	}
	return n
}

func (q *queue) undecided() bool { return q.at < len(q.batches) }

func (q *queue) peek() *event.Event { return &q.batches[q.at].Events[q.event] }

// decide passes to the next event.
func (q *queue) decide() {
	if q.event++; q.event == len(q.batches[q.at].Events) {
		q.at, q.event = q.at+1, 0
	}
}

// undecide goes back to the first event that is not answered.
func (q *queue) undecide() {
	q.at, q.event = 0, 0
	if len(q.batches) > 0 {
		q.event = len(q.batches[0].acks)
	}
}

// holds returns the batch, or a later one of its sender, that is waiting; nil if there is none.
func (q *queue) holds(b event.Batch) *waiting {
	for _, w := range q.batches {
		if w.From == b.From && w.ID >= b.ID {
			return w
		}
	}
	return nil
}

// Deliver takes in a batch of events that a sender believes this node must answer.
func (o *Operator) Deliver(now time.Time, b event.Batch) {
	o.now = now
	if len(b.Events) == 0 {
		return
	}
	last, known := o.lastAcks[b.From]
	held := o.queue.holds(b)
	switch {
	case b.Shard != o.cfg.Shard:
		o.answerWhole(b, event.Ack{Status: event.NotOwner, Epoch: o.control}) // another operator's
	case o.role != Owner || o.state == Resting || o.state == Halted:
		o.refuse(b)
	case b.From != "" && known && last.ID == b.ID:
		o.emit(Ack{Node: b.From, Batch: last}) // its answer got lost
	case b.From != "" && known && last.ID > b.ID:
	case b.From != "" && held != nil:
		if held.ID == b.ID {
			o.tell(held)
		}
	case o.queue.bytes > 0 && o.queue.bytes+batchBytes(b) > o.cfg.MaxQueue:
		o.stats.BusyAcked++
		o.answerWhole(b, event.Ack{Status: event.Busy, Reason: cmp.Or(o.reason(), "the owner's queue is full")})
	default:
		o.tell(o.queue.push(b))
		if o.state == Owning && o.inflight == nil && !o.reading {
			o.work()
		}
	}
}

// refuse answers a batch that this node must not take.
func (o *Operator) refuse(b event.Batch) {
	for i := range b.Events {
		if b.Events[i].Epoch > o.control {
			o.answerWhole(b, event.Ack{Status: event.Busy, Reason: "this node has not read the assignment yet"})
			return
		}
	}
	if o.state == Halted && o.role == Owner {
		o.answerWhole(b, o.halted())
		return
	}
	o.answerWhole(b, event.Ack{Status: event.NotOwner, Epoch: o.control})
}

func (o *Operator) halted() event.Ack {
	return event.Ack{Status: event.Halted, Reason: clip(o.err.Error(), maxReason)}
}

// clip bounds a reason to that many bytes, and leaves no part of a character at its end.
func clip(reason string, most int) string {
	return strings.ToValidUTF8(reason[:min(len(reason), most)], "")
}

func (o *Operator) answerWhole(b event.Batch, a event.Ack) {
	if b.From != "" {
		o.emit(Ack{Node: b.From, Batch: event.Batch{From: o.cfg.Node, Shard: b.Shard, ID: b.ID,
			Acks: []event.Ack{a}}})
	}
}

// refuseAll empties the queue; the senders turn to the next owner, or hear that the shard is halted, but for the events
// that have their answers.
func (o *Operator) refuseAll() {
	q := o.queue
	o.queue = queue{}
	for _, w := range q.batches {
		if o.state == Halted && len(w.acks) > 0 && w.From != "" {
			rest := slices.Repeat([]event.Ack{o.halted()}, len(w.Events)-len(w.acks))
			o.emit(Ack{Node: w.From, Batch: event.Batch{From: o.cfg.Node, Shard: o.cfg.Shard, ID: w.ID,
				Acks: append(w.acks, rest...)}})
			continue
		}
		o.refuse(w.Batch)
	}
}

// answer gives the oldest unanswered events their acks, and sends those of the batches that are complete.
func (o *Operator) answer(acks []event.Ack) {
	for len(acks) > 0 {
		w := o.queue.batches[0]
		n := min(len(w.Events)-len(w.acks), len(acks))
		w.acks = append(w.acks, acks[:n]...)
		acks = acks[n:]
		if len(w.acks) == len(w.Events) {
			o.complete(w)
		}
	}
}

func (o *Operator) complete(w *waiting) {
	o.queue.batches[0] = nil
	o.queue.batches = o.queue.batches[1:]
	o.queue.at--
	o.queue.bytes -= w.bytes
	if w.From == "" {
		return
	}
	b := event.Batch{From: o.cfg.Node, Shard: o.cfg.Shard, ID: w.ID, Acks: w.acks}
	if len(w.acks) > 1 || w.acks[0].Status != event.Busy { // else the batch comes again, to be tried again
		if len(o.lastAcks) >= maxSenders {
			clear(o.lastAcks)
		}
		o.lastAcks[w.From] = b
	}
	o.emit(Ack{Node: w.From, Batch: b})
}

// encodeLetter is the body of a dead letter: header rows that hold the event, so that it can be looked at and sent
// again.
func encodeLetter(ev *event.Event) []byte {
	key, mediaType := ev.Key, ev.MediaType
	if _, of, rejected := ev.Rejected(); rejected { // its key is the reason, which the record has
		key, mediaType = "", of
	}
	b := appendText(nil, "producer", ev.Producer.String())
	b = appendNumber(b, "seq", ev.Seq)
	b = appendText(b, "key", key)
	b = appendText(b, "media-type", mediaType)
	return appendText(b, "payload", base64.StdEncoding.EncodeToString(ev.Payload))
}
