package node

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/shipper"
)

// sender is the part of this node's door that has one shard's events.
//
// It has no goroutine of its own: whoever has an input gives it in, under a lock that is held for no longer than the input
// takes to be noted. So a caller has its answer at once, and thousands of idle shards cost nothing. What takes long is not
// done here: evaluating is the loop's, which has a bounded inbox, and a job hands a batch over to the transport. While events
// wait for their answers, another job tells the time.
type sender struct {
	n      *Node
	shard  int
	log    *slog.Logger
	gaveUp gaveUp

	mu       sync.Mutex // guards what follows
	core     *core.Sender[waiter]
	role     core.Role
	shipment *shipment // of the batch that was last sent to another node; nil: it is handed over
	ticking  bool      // a job tells the time
	stopped  bool
}

// enter begins, when the process has entered.
func (s *sender) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core = core.NewSender[waiter](s.n.door, shipper.OutboxConfig{Node: s.n.cfg.Name, Shard: s.shard,
		FirstID: core.FirstBatch(s.n.incarnation.Load()), MaxQueue: s.n.cfg.MaxQueue})
}

// stop ends all: no job is started any more.
func (s *sender) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// do gives the sender an input, and does what it asks for. Before enter and after stop nothing happens.
func (s *sender) do(input func(now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.core == nil || s.stopped {
		return
	}
	s.forget() // the room of who gave up before this came is free
	input(time.Now())
	s.effects()
}

// effects does what the sender asks for, until it asks for nothing.
func (s *sender) effects() {
	for more := true; more; {
		answers, sends := s.core.Answered()
		more = len(answers)+len(sends) > 0
		for _, a := range answers {
			a.To.to <- answer{index: a.To.index, ack: a.Ack}
		}
		for _, o := range sends {
			s.send(o.Node, o.Batch)
		}
	}
	if !s.core.Busy() {
		s.stopShipping()
	} else if !s.ticking {
		s.ticking = true
		s.n.jobs.Go(s.tickWhileBusy)
	}
}

// tickWhileBusy tells the time until no event waits.
func (s *sender) tickWhileBusy() {
	tick := time.NewTicker(s.n.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.n.life.Done():
			return
		}
		if !s.tick() {
			return
		}
	}
}

// tick reports whether there is to be another.
func (s *sender) tick() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.core.Tick(time.Now())
	s.effects()
	s.ticking = s.core.Busy()
	return s.ticking
}

// assign gives the sender the owner of its shard.
func (s *sender) assign(role core.Role) {
	s.do(func(now time.Time) {
		s.role = role
		s.core.Assign(now, role)
	})
}

// acked takes in an owner's answer.
func (s *sender) acked(b event.Batch) {
	var err error
	s.do(func(now time.Time) { err = s.core.Acked(now, b) })
	if err != nil {
		s.log.Error("ack is not understood", "err", err)
	}
}

// send hands a batch to its node. The same one, sent again while it is being handed over, is still on its way; another one
// takes its place.
func (s *sender) send(node string, b event.Batch) {
	if before := s.shipment; before != nil && before.carries(node, b) {
		before.again = true
		return
	}
	s.stopShipping()
	if node == s.n.cfg.Name {
		if err := s.n.loops[s.shard].inbox.put(b); err != nil {
			s.core.Refused(time.Now(), b, err)
		}
		return
	}
	this := &shipment{node: node, batch: s.understood(b)}
	s.shipment = this
	s.n.hand(s.n.life, this, func(err error) { s.sent(this, err) })
}

// understood is the batch as all members understand it: while some are of an earlier version, it doesn't say what was checked.
func (s *sender) understood(b event.Batch) event.Batch {
	if s.n.coord.State().Settings.Format >= coordinator.FormatChecked {
		return b
	}
	b.Events = slices.Clone(b.Events)
	for i := range b.Events {
		b.Events[i].Checked = false
	}
	return b
}

// stopShipping stops what the outbox has left behind: for the next batch, for another owner, or because nobody waits for it.
func (s *sender) stopShipping() {
	if s.shipment != nil {
		s.shipment.stop()
		s.shipment = nil
	}
}

// sent takes in what became of handing a batch over.
func (s *sender) sent(this *shipment, err error) {
	unsendable := false
	s.do(func(now time.Time) {
		unsendable = s.core.Sent(now, this.batch, err)
		if s.shipment != this { // stopped
			return
		}
		s.shipment = nil
		if err != nil && this.again && !unsendable {
			s.send(this.node, this.batch)
		}
	})
	switch {
	case unsendable:
		s.log.Warn("batch can't be sent; the event that is too large is answered so", "to", this.node, "batch", this.batch.ID,
			"events", len(this.batch.Events), "err", err)
	case err != nil:
		s.log.Debug("batch is not sent; it will be sent again", "to", this.node, "err", err)
	}
}

// submit puts the events of one SendBatch into the outbox, in order; not those of a caller that has given up.
func (s *sender) submit(ctx context.Context, events []event.Addressed, indexes []int, answers chan<- answer) {
	mine, who := make([]event.Event, len(indexes)), make([]waiter, len(indexes))
	for i, index := range indexes {
		mine[i], who[i] = events[index].Event, waiter{index: index, to: answers}
	}
	s.do(func(now time.Time) {
		if ctx.Err() != nil { // who gives up ends this first, and then tells
			return
		}
		s.core.Identify(mine)
		if s.core.Submit(now, mine, who) {
			return
		}
		for _, index := range indexes {
			answers <- answer{index: index, ack: event.Ack{Status: event.Busy, Reason: "the door's queue is full"}}
		}
	})
}

// giveUp takes in that a caller waits no more.
func (s *sender) giveUp(answers chan<- answer) {
	s.gaveUp.add(answers)
	s.do(func(time.Time) {})
}

// forget cancels what nobody waits for any more.
func (s *sender) forget() {
	if gone := s.gaveUp.take(); len(gone) > 0 {
		s.core.Forget(func(w waiter) bool { return gone[w.to] })
	}
}

// answer is the ack of the event at an index of a SendBatch.
type answer struct {
	index int
	ack   event.Ack
}

// waiter is who waits for the ack of one event.
type waiter struct {
	index int
	to    chan<- answer // has room for all answers
}

// gaveUp holds the callers that wait no more until the sender has taken note: of all of them at once, since each look costs
// as much as there are events.
type gaveUp struct {
	mu   sync.Mutex
	list []chan<- answer
}

func (g *gaveUp) add(answers chan<- answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = append(g.list, answers)
}

func (g *gaveUp) take() map[chan<- answer]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.list) == 0 {
		return nil
	}
	all := make(map[chan<- answer]bool, len(g.list))
	for _, answers := range g.list {
		all[answers] = true
	}
	g.list = nil
	return all
}

// shown is what others may see of a sender.
type shown struct {
	owner, standby string
	queued         int       // bytes in the outbox
	underWay       time.Time // since when its batch waits for an answer; zero: none does
	// refusal is what refusedBy answered when the batch under way was last sent; zero: nothing.
	refusal   event.Ack
	refusedBy string
}

func (s *sender) shown() shown {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := shown{owner: s.role.Owner, standby: s.role.Standby}
	if s.core != nil {
		out := s.core.Outbox
		v.queued, v.underWay = out.Queued(), out.Since()
		v.refusedBy, v.refusal = out.Refusal()
	}
	return v
}
