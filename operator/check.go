package operator

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// Check returns what is wrong with the operator's state: nil, unless the program has a bug. It is for tests and the
// simulation, which call it after each input, before the effects are taken. Its cost grows with the state: with the
// producers that are remembered, and with what waits.
func (o *Operator) Check() error {
	for _, check := range [...]func() error{o.chain.Check, o.checkState, o.checkReading, o.checkQueue, o.checkInflight,
		o.checkEffects, o.checkProducers} { // each builds on the ones before it
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func broken(format string, args ...any) error { return fmt.Errorf("operator: "+format, args...) }

// checkState checks the state against role, claim and what is under way: who owns appends under the newest claim, which is
// its own, and an owner with nothing under way has nothing that waits.
func (o *Operator) checkState() error {
	s, idle := o.state, o.inflight == nil && !o.reading
	switch {
	case (s == Halted) != (o.err != nil):
		return broken("%v with the error %v", s, o.err)
	case s != Halted && (s == None) != (o.role == NoRole):
		return broken("%v in role %d", s, o.role)
	case s == Following && (o.role != Standby || !o.reading):
		return broken("follows in role %d, reading: %v", o.role, o.reading)
	case (s == Claiming || s == Owning || s == Resting) && o.role != Owner:
		return broken("%v in role %d", s, o.role)
	case s == Claiming && idle:
		return broken("claims, and nothing is under way")
	case s == Owning && (o.chain.Owner != o.self() || o.claimed != o.self()):
		return broken("%+v owns, the newest claim is of %+v and its own %+v", o.self(), o.chain.Owner, o.claimed)
	case s == Owning && idle && len(o.queue.batches) > 0:
		return broken("%d batches wait, and nothing is under way", len(o.queue.batches))
	case o.trouble.err == nil && o.trouble != trouble{}:
		return broken("trouble without a cause: %+v", o.trouble)
	}
	return nil
}

// runs reports whether the state is one in which something is asked of the log.
func (s State) runs() bool { return s == Following || s == Claiming || s == Owning }

// checkReading checks what is read against what is known of the log: a reading begins with the last record known, and who
// appends has read as far as the log was known to go.
func (o *Operator) checkReading() error {
	anchored := o.anchor.Position == 0 || o.anchor.Position == o.chain.Seq && o.anchor.ID == o.chain.Head
	switch {
	case o.reading && !o.state.runs():
		return broken("reads, and is %v", o.state)
	case !o.retryAt.IsZero() && (!o.state.runs() || !o.reading && o.inflight == nil):
		return broken("something is to be tried again, and nothing is: %v, reading: %v", o.state, o.reading)
	case o.reading && !anchored:
		return broken("reads from %+v, and the last record known is %s at %d", o.anchor, o.chain.Head, o.chain.Seq)
	case o.due.Position > o.mark.Position:
		return broken("a reading is due to %d, and the mark is at %d", o.due.Position, o.mark.Position)
	case !o.reading && (o.state == Claiming || o.state == Owning) && (o.anchor.Position > 0 || o.chain.Seq < o.due.Position):
		return broken("appends behind %d, and was to read to %d, from %+v", o.chain.Seq, o.due.Position, o.anchor)
	case o.doubts >= maxDoubts && o.state != Halted:
		return broken("%d readings found the log cut", o.doubts)
	}
	return nil
}

// decided is the number of events that are decided and not answered.
func (q *queue) decided() int {
	if len(q.batches) == 0 {
		return 0
	}
	n := q.event - len(q.batches[0].acks)
	for _, w := range q.batches[:q.at] {
		n += len(w.Events)
	}
	return n
}

// checkQueue checks that the batches of a sender are in order and new, that answers come in order, and that the sums are right.
func (o *Operator) checkQueue() error {
	q := &o.queue
	bytes, last := 0, map[string]uint64{}
	for i, w := range q.batches {
		sent, known := last[w.From]
		answered, ever := o.lastAcks[w.From]
		bytes += w.bytes
		switch {
		case w.Shard != o.cfg.Shard || w.bytes != batchBytes(w.Batch):
			return broken("a batch of shard %d counts for %d bytes: %d", w.Shard, w.bytes, batchBytes(w.Batch))
		case len(w.acks) >= len(w.Events) || i > 0 && len(w.acks) > 0:
			return broken("batch %d of the queue has %d answers to %d events", i, len(w.acks), len(w.Events))
		case w.From != "" && (known && sent >= w.ID || ever && answered.ID >= w.ID):
			return broken("batch %d of %q waits behind %d, and %d is answered", w.ID, w.From, sent, answered.ID)
		}
		last[w.From] = w.ID
	}
	switch {
	case q.bytes != bytes:
		return broken("%d bytes wait, counted as %d", bytes, q.bytes)
	case len(q.batches) > 1 && bytes > o.cfg.MaxQueue:
		return broken("%d bytes wait, at most %d are allowed", bytes, o.cfg.MaxQueue)
	case len(q.batches) > 0 && (o.role != Owner || !o.state.runs() && o.state != Restoring):
		return broken("%d batches wait, and it is %v in role %d", len(q.batches), o.state, o.role)
	case q.at > len(q.batches) || q.at == len(q.batches) && q.event > 0 || q.undecided() && q.event >= len(q.batches[q.at].Events):
		return broken("event %d of batch %d is next, of %d batches", q.event, q.at, len(q.batches))
	case len(o.lastAcks) > maxSenders:
		return broken("answers to %d senders are kept", len(o.lastAcks))
	}
	return nil
}

// checkInflight checks that the records under way are this process's, fit the log, and decide what is decided in the queue.
func (o *Operator) checkInflight() error {
	f := o.inflight
	if f == nil {
		if n := o.queue.decided(); n != 0 {
			return broken("%d events are decided, and no append is under way", n)
		}
		return nil
	}
	switch {
	case o.state != Claiming && o.state != Owning:
		return broken("appends, and is %v", o.state)
	case f.next < 0 || f.next >= len(f.records) || len(f.records) != len(f.payloads):
		return broken("record %d of %d is under way, with %d payloads", f.next, len(f.records), len(f.payloads))
	case f.records[f.next].Prev != o.chain.Head:
		return broken("a record behind %s is under way, and the head is %s", f.records[f.next].Prev, o.chain.Head)
	case len(f.answers) != o.queue.decided():
		return broken("%d answers are under way to %d events", len(f.answers), o.queue.decided())
	}
	for i, r := range f.records {
		switch claim := r.Kind == Claim; {
		case r.Writer != o.self() || r.Shard != o.cfg.Shard:
			return broken("a record of %+v is under way, by %+v", r.Writer, o.self())
		case claim != (o.state == Claiming) || claim && (len(f.records) > 1 || f.events || !r.Writer.Supersedes(o.chain.Owner)):
			return broken("a record of kind %v is under way while %v", r.Kind, o.state)
		case r.More != (i < len(f.records)-1) || len(f.records) > 1 && r.Part != i+1 || len(f.records) == 1 && r.Part != 0:
			return broken("record %d of %d is part %d, with more: %v", i, len(f.records), r.Part, r.More)
		case i > f.next && r.Prev != f.records[i-1].ID:
			return broken("part %d is not chained to the one before", i)
		}
	}
	return nil
}

// checkEffects checks what is asked for and not taken yet: generations rise, an append is the one under way, at the end of
// what is known of the log, and what is acked was committed.
func (o *Operator) checkEffects() error {
	var last uint64
	for _, e := range o.effects {
		gen := uint64(0)
		switch e := e.(type) {
		case Restore:
			gen = e.Gen
		case Read:
			gen = e.Gen
		case Follow:
			gen = e.Gen
		case Append:
			gen = e.Gen
			if err := o.checkAppend(e); err != nil {
				return err
			}
		case Ack:
			if err := o.checkAck(e); err != nil {
				return err
			}
		}
		if gen > o.gen || gen > 0 && gen <= last {
			return broken("%T of generation %d after %d, and the newest is %d", e, gen, last, o.gen)
		}
		last = max(last, gen)
	}
	return nil
}

func (o *Operator) checkAppend(e Append) error {
	f := o.inflight
	switch {
	case e.Gen != o.gen: // its answer comes too late
	case f == nil || e.Expect != o.chain.Seq || !bytes.Equal(e.Payload, f.payloads[f.next]) ||
		e.Claim != (f.records[f.next].Kind == Claim):
		return broken("an append is asked for behind %d, which is not the one under way, behind %d", e.Expect, o.chain.Seq)
	}
	return nil
}

func (o *Operator) checkAck(e Ack) error {
	for _, a := range e.Batch.Acks {
		if a.Status == event.Committed && a.Position > max(o.chain.Whole, o.mark.Position) {
			return broken("%s is answered that position %d is committed, and the log is known to %d", e.Node, a.Position, o.chain.Whole)
		}
	}
	return nil
}

// Check returns what is wrong with the chain's state: nil, unless the program has a bug. It is for tests and the simulation.
// Its cost grows with the parts of the transaction that is open.
func (c *Chain) Check() error {
	open := c.part > 0
	switch {
	case c.Whole > c.Seq:
		return broken("chain: whole to %d, and read to %d", c.Whole, c.Seq)
	case c.resumed && (c.Head != "" || c.Owner != Writer{} || open || c.headless):
		return broken("chain: it has not begun, and its head is %q, its owner %+v, its part %d", c.Head, c.Owner, c.part)
	case !c.resumed && ((c.Seq == 0) != (c.Head == "") || (c.Seq == 0) != (c.Owner == Writer{})):
		return broken("chain: at %d its head is %q, its owner %+v", c.Seq, c.Head, c.Owner)
	case c.headless && (!open || len(c.parts) > 0):
		return broken("chain: part %d of a chain without its first parts, and %d are kept", c.part, len(c.parts))
	case !c.headless && c.part != len(c.parts):
		return broken("chain: %d parts are kept of %d", len(c.parts), c.part)
	case !c.headless && !open && !c.resumed && (c.Whole != c.Seq || c.WholeID != c.Head):
		return broken("chain: no part is open, and it is whole to %d, %q, read to %d, %q", c.Whole, c.WholeID, c.Seq, c.Head)
	case !c.headless && open && (c.Whole == c.Seq || c.parts[c.part-1].ID != c.Head):
		return broken("chain: part %d is open, and it is whole to %d, read to %d, %q", c.part, c.Whole, c.Seq, c.Head)
	}
	for i, p := range c.parts {
		if p.Part != i+1 || !p.More || p.Writer != c.Owner || i > 0 && p.Prev != c.parts[i-1].ID {
			return broken("chain: part %d of %+v at place %d, under claim %+v", p.Part, p.Writer, i, c.Owner)
		}
	}
	return nil
}

// checkProducers checks what is remembered of producers: each has its slot, nothing of it is of later records,
// and those that are forgotten are listed, each once, the longest unseen first.
func (o *Operator) checkProducers() error {
	p, whole := o.producers, o.chain.Whole
	once, passing := 0, 0
	for who, slot := range p.byKey {
		at := p.slots.at(slot)
		switch {
		case at.Producer != who || slot > p.top:
			return broken("slot %d of %d has %s in it, not %s", slot, p.top, at.Producer, who)
		case at.Position > whole || at.Seen > p.clock:
			return broken("%s was seen at %d, %v; it is %d, %v", who, at.Position, at.Seen, whole, p.clock)
		case at.letters != nil && (at.letters.position > at.Position || at.letters.before != nil && at.letters.before.position > at.letters.position):
			return broken("%s was seen at %d, and has a dead letter at %d", who, at.Position, at.letters.position)
		}
		if who.Kind == event.Once {
			once++
		}
		if who.Passing() {
			passing++
		}
	}
	if once != p.once {
		return broken("%d keys are remembered, counted as %d", once, p.once)
	}
	for i, r := range p.reasons {
		if r.position > whole || i > 0 && r.position <= p.reasons[i-1].position {
			return broken("a reason of position %d at place %d, and the log is read to %d", r.position, i, whole)
		}
	}
	return cmp.Or(p.checkPassing(passing), p.checkFree())
}

// checkPassing checks the list of those that are forgotten.
func (p *producers) checkPassing(count int) error {
	before, seen := uint32(0), time.Duration(0)
	for slot := p.passing.front(); slot != 0; slot = p.passing.at(slot).after {
		at := p.slots.at(slot)
		if count--; count < 0 || p.byKey[at.Producer] != slot || !at.Producer.Passing() || p.passing.at(slot).before != before || at.Seen < seen {
			return broken("slot %d is forgotten after %d: %s, seen at %v after %v", slot, before, at.Producer, at.Seen, seen)
		}
		before, seen = slot, at.Seen
	}
	if count != 0 || p.passing.at(0).before != before {
		return broken("%d producers are never forgotten; slot %d is the last", count, before)
	}
	return nil
}

// checkFree checks that each slot is in use or free.
func (p *producers) checkFree() error {
	free := 0
	for slot := p.free; slot != 0 && free <= int(p.top); slot = p.passing.at(slot).after {
		if !p.slots.at(slot).Producer.IsZero() {
			return broken("slot %d is free, and has %s in it", slot, p.slots.at(slot).Producer)
		}
		free++
	}
	if free+len(p.byKey) != int(p.top) {
		return broken("%d slots are free and %d in use, of %d", free, len(p.byKey), p.top)
	}
	return nil
}
