package operator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// stand is an operator that its test brings into a state by hand.
type stand struct {
	*Operator
	t   *testing.T
	now time.Time
	log []engine.Entry // what it has committed, or read
}

func newStand(t *testing.T) *stand {
	logic := func() Logic {
		return Fold(func(ev *event.Event, dst []byte) ([]byte, error) {
			if string(ev.Payload) == "bad" {
				return dst, errors.New("it is bad")
			}
			return append(dst, ev.Payload...), nil
		}, func([]byte) error { return nil })
	}
	return &stand{t: t, now: time.Unix(1e9, 0), Operator: New(Config{Shard: 7, Node: "n1", Logic: logic, MaxRecord: 16, MaxQueue: 2 << 10})}
}

// assign gives it a role, and brings it the snapshot that there is not.
func (s *stand) assign(r Role, epoch uint64) {
	s.Assign(s.now, Assignment{Control: epoch, Role: r, Epoch: epoch, Incarnation: 1})
	if s.state == Restoring {
		s.Restored(s.now, s.gen, nil)
	}
}

// owns brings it to own the shard.
func (s *stand) owns() {
	s.assign(Owner, 1)
	s.ReadDone(s.now, s.gen, nil)
	s.commit()
}

// commit takes what is asked for, and commits the append.
func (s *stand) commit() {
	s.Effects()
	s.log = append(s.log, engine.Entry{Seq: s.chain.Seq + 3, Payload: s.inflight.payloads[s.inflight.next]})
	s.Appended(s.now, s.gen, s.chain.Seq+3, nil)
}

func (s *stand) deliver(from string, id uint64, payloads ...string) {
	b := event.Batch{From: from, Shard: 7, ID: id}
	for i, payload := range payloads {
		b.Events = append(b.Events, event.Event{Producer: event.Producer{Kind: event.Once, Name: fmt.Sprint(from, id, i)}, Seq: 1, Payload: []byte(payload)})
	}
	s.Deliver(s.now, b)
}

// busy brings it to an append under way, of two parts, the first of which is committed, for the first of three batches.
func (s *stand) busy() {
	s.owns()
	s.deliver("s", 1, "a", "bad")
	for s.inflight != nil {
		s.commit()
	}
	s.deliver("s", 2, strings.Repeat("x", 20), "a")
	s.commit()
	s.deliver("s", 3, "b")
	s.deliver("r", 1, "c")
	s.Effects()
}

// TestCheckFinds: each of the invariants is found broken, by its name.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		at     func(*stand)
		change func(*Operator)
		want   string
	}{
		{(*stand).owns, func(o *Operator) { o.state = Halted }, "halted with the error"},
		{(*stand).owns, func(o *Operator) { o.err = engine.ErrDamaged }, "owning with the error"},
		{(*stand).owns, func(o *Operator) { o.state = None }, "none in role"},
		{(*stand).owns, func(o *Operator) { o.role = NoRole }, "owning in role"},
		{(*stand).owns, func(o *Operator) { o.role = Standby }, "owning in role"},
		{func(s *stand) { s.assign(Standby, 1) }, func(o *Operator) { o.reading = false }, "follows in role"},
		{func(s *stand) { s.assign(Standby, 1) }, func(o *Operator) { o.role = Owner }, "follows in role"},
		{func(s *stand) { s.assign(Owner, 1) }, func(o *Operator) { o.role = Standby }, "claiming in role"},
		{func(s *stand) { s.assign(Owner, 1) }, func(o *Operator) { o.state = Resting }, "reads, and is resting"},
		{func(s *stand) { s.assign(Owner, 1) }, func(o *Operator) { o.reading = false }, "claims, and nothing is under way"},
		{(*stand).owns, func(o *Operator) { o.epoch++ }, "the newest claim is of"},
		{(*stand).owns, func(o *Operator) { o.chain.Owner.Incarnation++ }, "the newest claim is of"},
		{(*stand).owns, func(o *Operator) { o.claimed = Writer{} }, "the newest claim is of"},
		{(*stand).busy, func(o *Operator) { o.inflight = nil }, "batches wait, and nothing is under way"},
		{(*stand).owns, func(o *Operator) { o.trouble.strange = 1 }, "trouble without a cause"},

		{(*stand).owns, func(o *Operator) { o.retryAt = time.Unix(1, 0) }, "to be tried again, and nothing is"},
		{func(*stand) {}, func(o *Operator) { o.retryAt = time.Unix(1, 0) }, "to be tried again, and nothing is"},
		{func(s *stand) { s.owns(); s.read() }, func(o *Operator) { o.anchor.Position-- }, "reads from"},
		{func(s *stand) { s.owns(); s.read() }, func(o *Operator) { o.anchor.ID = "x" }, "reads from"},
		{(*stand).owns, func(o *Operator) { o.due.Position = 1 }, "a reading is due to 1"},
		{(*stand).owns, func(o *Operator) { o.mark.Position, o.due.Position = 99, 99 }, "was to read to 99"},
		{(*stand).owns, func(o *Operator) { o.anchor.Position = 3 }, "was to read to"},
		{(*stand).owns, func(o *Operator) { o.doubts = maxDoubts }, "readings found the log cut"},

		{(*stand).busy, func(o *Operator) { o.queue.bytes++ }, "counted as"},
		{(*stand).busy, func(o *Operator) { o.queue.batches[1].bytes++ }, "counts for"},
		{(*stand).busy, func(o *Operator) { o.queue.batches[1].Shard++ }, "a batch of shard 8"},
		{(*stand).busy, func(o *Operator) { o.queue.batches[0].acks = make([]event.Ack, 2) }, "2 answers to 2 events"},
		{(*stand).busy, func(o *Operator) { o.queue.batches[2].acks = make([]event.Ack, 1) }, "1 answers to 1 events"},
		{(*stand).busy, func(o *Operator) { o.queue.batches[1].ID = 2 }, `batch 2 of "s" waits behind 2`},
		{(*stand).busy, func(o *Operator) { o.queue.batches[0].ID = 1 }, `batch 1 of "s" waits`},
		{(*stand).busy, func(o *Operator) { o.cfg.MaxQueue = 1 }, "at most 1 are allowed"},
		{(*stand).busy, func(o *Operator) { o.state, o.err, o.inflight = Halted, engine.ErrDamaged, nil }, "batches wait, and it is halted"},
		{(*stand).busy, func(o *Operator) { o.queue.event = 9 }, "event 9 of batch"},
		{(*stand).busy, func(o *Operator) { o.queue.at = 4 }, "of batch 4 is next"},
		{(*stand).busy, func(o *Operator) { o.queue.at, o.queue.event = 3, 1 }, "event 1 of batch 3"},
		{(*stand).owns, func(o *Operator) {
			for i := range maxSenders + 1 {
				o.lastAcks[fmt.Sprint(i)] = event.Batch{}
			}
		}, "1025 senders are kept"},

		{(*stand).busy, func(o *Operator) { o.inflight, o.reading = nil, true }, "are decided, and no append is under way"},
		{(*stand).busy, func(o *Operator) { o.inflight.next = 2 }, "record 2 of 2 is under way"},
		{(*stand).busy, func(o *Operator) { o.inflight.payloads = o.inflight.payloads[1:] }, "with 1 payloads"},
		{(*stand).busy, func(o *Operator) { o.inflight.records[1].Prev = "x" }, "a record behind x is under way"},
		{(*stand).busy, func(o *Operator) { o.inflight.answers = nil }, "0 answers are under way to"},
		{(*stand).busy, func(o *Operator) { o.inflight.records[1].Writer.Epoch-- }, "a record of"},
		{(*stand).busy, func(o *Operator) { o.inflight.records[1].Shard++ }, "a record of"},
		{(*stand).busy, func(o *Operator) { o.inflight.records[1].Kind = Claim }, "of kind claim is under way while owning"},
		{func(s *stand) { s.owns(); s.deliver("s", 1, strings.Repeat("x", 20)); s.Effects() },
			func(o *Operator) { o.inflight.records[0].More = false }, "is part 1, with more: false"},
		{(*stand).busy, func(o *Operator) { o.inflight.records[1].Part = 3 }, "is part 3"},
		{func(s *stand) { s.owns(); s.deliver("s", 1, strings.Repeat("x", 20)); s.Effects() },
			func(o *Operator) { o.inflight.records[1].Prev = "x" }, "not chained"},
		{func(s *stand) { s.owns(); s.deliver("s", 1, "a"); s.Effects() }, func(o *Operator) { o.inflight.records[0].Part = 1 }, "is part 1"},
		{func(s *stand) { s.assign(Owner, 1); s.ReadDone(s.now, s.gen, nil) }, func(o *Operator) {
			o.inflight.records[0].Kind = Delta
		}, "of kind delta is under way while claiming"},

		{(*stand).busy, func(o *Operator) { o.emit(Append{Gen: o.gen, Expect: 1, Payload: o.inflight.payloads[1]}) }, "is not the one under way"},
		{(*stand).busy, func(o *Operator) { o.emit(Append{Gen: o.gen, Expect: o.chain.Seq}) }, "is not the one under way"},
		{(*stand).owns, func(o *Operator) { o.emit(Append{Gen: o.gen, Expect: o.chain.Seq}) }, "is not the one under way"},
		{(*stand).busy, func(o *Operator) {
			o.emit(Append{Gen: o.gen, Expect: o.chain.Seq, Payload: o.inflight.payloads[1], Claim: true})
		}, "is not the one under way"},
		{(*stand).owns, func(o *Operator) { o.emit(Read{Gen: o.gen + 1}) }, "Read of generation"},
		{(*stand).owns, func(o *Operator) { o.emit(Restore{Gen: o.gen}); o.emit(Follow{Gen: o.gen}) }, "Follow of generation"},
		{(*stand).owns, func(o *Operator) {
			o.emit(Ack{Node: "s", Batch: event.Batch{Acks: []event.Ack{{Status: event.Committed, Position: 99}}}})
		}, "position 99 is committed"},

		{(*stand).owns, func(o *Operator) { o.chain.Whole = 99 }, "whole to 99"},
		{(*stand).busy, func(o *Operator) { o.producers.once++ }, "keys are remembered"},
		{(*stand).busy, func(o *Operator) { o.producers.slots.at(2).Position = 99 }, "was seen at 99"},
		{(*stand).busy, func(o *Operator) { o.producers.slots.at(2).Seen = 2 * time.Hour }, "was seen at"},
		{(*stand).busy, func(o *Operator) { o.producers.slots.at(1).Producer.Name = "x" }, "has once/x in it"},
		{(*stand).busy, func(o *Operator) { o.producers.slots.at(2).letters.position = 99 }, "has a dead letter at 99"},
		{(*stand).busy, func(o *Operator) { o.producers.reasons[0].position = 99 }, "a reason of position 99"},
		{(*stand).busy, func(o *Operator) { o.producers.reasons = append(o.producers.reasons, o.producers.reasons[0]) }, "at place 1"},
		{(*stand).busy, func(o *Operator) { o.producers.passing.remove(1) }, "are never forgotten"},
		{(*stand).busy, func(o *Operator) { o.producers.passing.at(2).before = 0 }, "is forgotten after"},
		{(*stand).busy, func(o *Operator) { o.producers.passing.at(0).before = 1 }, "is the last"},
		{(*stand).busy, func(o *Operator) { o.producers.slots.at(2).Seen = time.Minute }, "is forgotten after"},
		{(*stand).busy, func(o *Operator) { o.producers.top++ }, "slots are free"},
		{(*stand).busy, func(o *Operator) { o.producers.free = 1 }, "slot 1 is free"},
	} {
		s := newStand(t)
		c.at(s)
		if err := s.Check(); err != nil {
			t.Fatalf("%q: before: %v", c.want, err)
		}
		if c.change(s.Operator); s.Check() == nil || !strings.Contains(s.Check().Error(), c.want) {
			t.Errorf("want %q: %v", c.want, s.Check())
		}
	}
}

// TestChainCheckFinds: each of the chain's invariants is found broken.
func TestChainCheckFinds(t *testing.T) {
	w := Writer{Epoch: 1, Node: "n", Incarnation: 1}
	open := func() *Chain {
		c := &Chain{Shard: 7}
		first := &Record{Kind: Claim, Shard: 7, Writer: w, ID: "a"}
		one := &Record{Kind: Delta, Shard: 7, Writer: w, ID: "b", Prev: "a", Part: 1, More: true}
		two := &Record{Kind: Delta, Shard: 7, Writer: w, ID: "c", Prev: "b", Part: 2, More: true}
		for i, r := range []*Record{first, one, two} {
			if _, err := c.PushRecord(uint64(3*i+3), r); err != nil || c.Check() != nil {
				t.Fatal(err, c.Check())
			}
		}
		return c
	}
	whole := func() *Chain { c := open(); c.parts, c.part, c.Whole, c.WholeID = nil, 0, c.Seq, c.Head; return c }
	headless := func() *Chain {
		c := Resume(7, 9)
		c.Head, c.Owner, c.part, c.headless, c.resumed = "c", w, 2, true, false
		return c
	}
	resumed := func() *Chain { return Resume(7, 9) }
	for _, c := range []struct {
		of     func() *Chain
		change func(*Chain)
		want   string
	}{
		{open, func(c *Chain) { c.Whole = 99 }, "whole to 99"},
		{resumed, func(c *Chain) { c.Head = "x" }, "it has not begun"},
		{resumed, func(c *Chain) { c.Owner = w }, "it has not begun"},
		{resumed, func(c *Chain) { c.part = 1 }, "it has not begun"},
		{resumed, func(c *Chain) { c.headless = true }, "it has not begun"},
		{whole, func(c *Chain) { c.Head = "" }, `its head is ""`},
		{whole, func(c *Chain) { c.Owner = Writer{} }, "its owner {"},
		{headless, func(c *Chain) { c.part = 0 }, "without its first parts"},
		{headless, func(c *Chain) { c.parts = make([]*Record, 2) }, "without its first parts"},
		{open, func(c *Chain) { c.part = 3 }, "2 parts are kept of 3"},
		{whole, func(c *Chain) { c.Whole = 3 }, "no part is open"},
		{whole, func(c *Chain) { c.WholeID = "x" }, "no part is open"},
		{open, func(c *Chain) { c.Whole = c.Seq }, "part 2 is open"},
		{open, func(c *Chain) { c.Head = "x" }, "part 2 is open"},
		{open, func(c *Chain) { c.parts[0].Part = 2 }, "at place 0"},
		{open, func(c *Chain) { c.parts[0].More = false }, "at place 0"},
		{open, func(c *Chain) { c.parts[0].Writer.Epoch++ }, "at place 0"},
		{open, func(c *Chain) { c.parts[1].Prev = "x" }, "at place 1"},
	} {
		chain := c.of()
		if err := chain.Check(); err != nil {
			t.Fatalf("%q: before: %v", c.want, err)
		}
		if c.change(chain); chain.Check() == nil || !strings.Contains(chain.Check().Error(), c.want) {
			t.Errorf("want %q: %v", c.want, chain.Check())
		}
	}
}
