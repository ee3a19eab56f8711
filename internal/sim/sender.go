package sim

import (
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/shipper"
)

// sender is the part of a process's door that has one shard's events. As in package node, its inputs are given in by whoever
// has them: it never waits for the shard's loop.
type sender struct {
	p       *proc
	shard   int
	core    *core.Sender[waiter]
	ticking bool
}

// newSender makes that of a process that has entered.
func newSender(p *proc, s int) *sender {
	return &sender{p: p, shard: s, core: core.NewSender[waiter](p.door, shipper.OutboxConfig{Node: p.name, Shard: s,
		FirstID: core.FirstBatch(p.incarnation), MaxBatch: 2 << 10, MaxEvents: 8, MaxQueue: maxQueue})}
}

// do gives the sender an input, and does what it asks for.
func (s *sender) do(input func(now time.Time)) {
	input(s.p.wall())
	s.check()
	s.effects()
}

// check holds after every input of the sender.
func (s *sender) check() {
	if err := s.core.Check(); err != nil {
		s.p.w.broken(ErrState, "%s shard %d: %v", s.p, s.shard, err)
	}
}

func (s *sender) tick() {
	s.ticking = false
	s.do(s.core.Tick)
}

// effects does what the sender asks for, until it asks for nothing.
func (s *sender) effects() {
	for more := true; more && !s.p.dead; {
		answers, sends := s.core.Answered()
		more = len(answers)+len(sends) > 0
		for _, a := range answers {
			a.To.to.answer(a.To.index, a.Ack)
		}
		for _, o := range sends {
			s.send(o.Node, o.Batch)
		}
	}
	if !s.ticking && s.core.Busy() {
		s.ticking = true
		s.p.after(tickEvery, s.tick)
	}
}

// send hands a batch to the network, or to the process's own loop.
func (s *sender) send(node string, b event.Batch) {
	if node == s.p.name {
		if err := s.p.loops[s.shard].put(b); err != nil {
			s.p.w.note("%s shard %d: batch %d: %v", s.p, s.shard, b.ID, err)
			s.core.Refused(s.p.wall(), b, err)
			s.check()
		}
		return
	}
	if err := s.p.w.network.send(s.p, node, b); err != nil {
		s.p.w.note("%s shard %d: batch %d to %s: %v", s.p, s.shard, b.ID, node, err)
		s.core.Sent(s.p.wall(), b, err)
		s.check()
	}
}

// acked takes in an owner's answer.
func (s *sender) acked(b event.Batch) {
	switch a := b.Acks[0]; a.Status {
	case event.NotOwner:
		s.p.w.note("%s shard %d: %s does not own it, as of epoch %d", s.p, s.shard, b.From, a.Epoch)
	case event.Halted:
		s.p.w.note("%s shard %d: %s has halted it: %s", s.p, s.shard, b.From, a.Reason)
	case event.Busy:
		s.p.w.note("%s shard %d: %s is busy: %s", s.p, s.shard, b.From, a.Reason)
	case event.NoRoom, event.NoLeader:
		s.p.w.note("%s shard %d: %s waits for the engine: %s", s.p, s.shard, b.From, a.Reason)
	}
	s.do(func(now time.Time) {
		if err := s.core.Acked(now, b); err != nil {
			s.p.w.broken(ErrDurable, "%s, shard %d: %v", s.p, s.shard, err)
		}
	})
}

// submit puts the events of one sending into the outbox, in order. One that is too large for any door is answered at once, as the
// outbox does.
func (s *sender) submit(now time.Time, of *sending, indexes []int) {
	indexes = slices.DeleteFunc(indexes, func(i int) bool {
		if !refused(&of.events[i].Event) {
			return false
		}
		of.answer(i, event.Ack{Status: event.TooLarge, Reason: "it is too large"})
		return true
	})
	mine, who := make([]event.Event, len(indexes)), make([]waiter, len(indexes))
	for i, index := range indexes {
		mine[i], who[i] = of.events[index].Event, waiter{index: index, to: of}
	}
	s.core.Identify(mine)
	for i, index := range indexes {
		of.events[index].Event = mine[i]
		s.p.w.check.submitted(of.events[index])
	}
	if s.core.Submit(now, mine, who) {
		return
	}
	for _, index := range indexes {
		s.p.w.check.cancelled(of.events[index])
		of.answer(index, event.Ack{Status: event.Busy, Reason: "the door's queue is full"})
	}
}

// forget cancels what a sending waits for that has given up.
func (s *sender) forget(of *sending) {
	for _, w := range s.core.Forget(func(w waiter) bool { return w.to == of }) {
		s.p.w.check.cancelled(of.events[w.index])
	}
}
