package operator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// read brings the stand the entries of the log from the last one known on, with one more, if there is one.
func (s *stand) readOn(r *Record) {
	entries := s.known()
	if r != nil {
		r.Shard, r.Prev, r.Time = 7, s.chain.Head, s.now
		entries = append(entries, engine.Entry{Seq: s.chain.Seq + 3, Payload: r.Encode(nil)})
	}
	s.Entries(s.now, s.gen, entries)
	if r != nil && s.chain.Head == r.ID {
		s.log = append(s.log, entries[len(entries)-1])
	}
}

// known is the last entry known, with which a reading begins.
func (s *stand) known() []engine.Entry { return slices.Clone(s.log[max(len(s.log)-1, 0):]) }

// where is the state in the words of the table, and what was asked for since the last look.
func (s *stand) where() string {
	switch o := s.Operator; {
	case o.state == Claiming && o.reading:
		return "read"
	case o.state == Owning && o.reading:
		return "unsure"
	case o.inflight != nil && !o.retryAt.IsZero():
		return "wait"
	case o.state == Claiming:
		return "claim"
	case o.state == Owning && o.inflight != nil:
		return "append"
	}
	return map[State]string{None: "none", Restoring: "restore", Following: "follow", Owning: "own", Resting: "rest", Halted: "halt"}[s.state]
}

// gives returns what comes of an input: the next state, "+" if the state has a record more, "later" if something is to be
// tried again, "again" if something is in the same state, the answers to senders; "." if there is nothing of all that.
func (s *stand) gives(input func(*stand)) string {
	before, at, waits := s.where(), s.chain.Seq, s.Waiting()
	input(s)
	if err := s.Check(); err != nil {
		s.t.Errorf("%s: %v", before, err)
	}
	after := s.where()
	var words []string
	if after != before {
		words = append(words, after)
	}
	if s.chain.Seq > at {
		words = append(words, "+")
	}
	if after == before && s.Waiting() && !waits {
		words = append(words, "later")
	}
	for _, e := range s.Effects() {
		switch e := e.(type) {
		case Read, Follow, Append, Restore:
			if after == before {
				words = append(words, "again")
			}
		case Ack:
			words = append(words, map[event.Status]string{event.Committed: "ack", event.NotOwner: "no", event.Halted: "halted",
				event.TooLarge: "large"}[e.Batch.Acks[0].Status])
		}
	}
	if len(words) == 0 {
		return "."
	}
	return strings.Join(words, " ")
}

// TestStates goes through the table in the comment of Operator.
func TestStates(t *testing.T) {
	other := func(epoch uint64) Writer { return Writer{Epoch: epoch, Node: "n0", Incarnation: 1} }
	claimOf := func(epoch uint64) *Record { return &Record{Kind: Claim, Writer: other(epoch)} }
	follow := func(s *stand) { s.assign(Standby, 2); s.readOn(claimOf(1)) }
	read := func(s *stand) { s.assign(Owner, 2); s.readOn(claimOf(1)) }
	claim := func(s *stand) { read(s); s.ReadDone(s.now, s.gen, nil) }
	own := func(s *stand) { claim(s); s.commit() }
	appends := func(s *stand) { own(s); s.deliver("s", 1, "a") }
	unsure := func(s *stand) { appends(s); s.Appended(s.now, s.gen, 0, engine.ErrUnknown) }
	states := []statetable.State[*stand]{}
	for _, c := range []struct {
		name string
		to   func(*stand)
	}{
		{"none", func(*stand) {}},
		{"restore", func(s *stand) { s.Assign(s.now, Assignment{Control: 2, Role: Standby, Epoch: 2, Incarnation: 1}) }},
		{"follow", follow}, {"read", read}, {"claim", claim}, {"own", own}, {"append", appends}, {"unsure", unsure},
		{"wait", func(s *stand) { unsure(s); s.readOn(nil); s.ReadDone(s.now, s.gen, nil) }},
		{"rest", func(s *stand) { unsure(s); s.readOn(claimOf(3)) }},
		{"halt", func(s *stand) { own(s); s.Marked(s.now, engine.Mark{Position: s.chain.Seq, ID: "x"}) }},
	} {
		states = append(states, statetable.State[*stand]{Name: c.name, Make: func(t *testing.T) *stand {
			s := newStand(t)
			c.to(s)
			s.Effects()
			if s.where() != c.name {
				t.Fatalf("%s is made, want %s", s.where(), c.name)
			}
			return s
		}})
	}
	assign := func(r Role, control, epoch uint64) func(*stand) {
		return func(s *stand) { s.Assign(s.now, Assignment{Control: control, Role: r, Epoch: epoch, Incarnation: 1}) }
	}
	appended := func(err error) func(*stand) { return func(s *stand) { s.Appended(s.now, s.gen, 0, err) } }
	done := func(err error) func(*stand) {
		return func(s *stand) {
			if err == nil {
				s.readOn(nil)
			}
			s.ReadDone(s.now, s.gen, err)
		}
	}
	inputs := []statetable.Input[*stand]{}
	for _, c := range []struct {
		name string
		give func(*stand)
	}{
		{"Assign, older", assign(NoRole, 1, 1)},
		{"Assign NoRole", assign(NoRole, 5, 2)},
		{"Assign Standby", assign(Standby, 5, 2)},
		{"Assign Owner", assign(Owner, 5, 2)},
		{"Assign Owner, later", assign(Owner, 5, 5)},
		{"an answer, older", func(s *stand) {
			s.Restored(s.now, s.gen-1, nil)
			s.Entries(s.now, s.gen-1, []engine.Entry{{Seq: 99}})
			s.ReadDone(s.now, s.gen-1, engine.ErrDamaged)
			s.Appended(s.now, s.gen-1, 99, nil)
		}},
		{"Restored", func(s *stand) { s.Restored(s.now, s.gen, nil) }},
		{"Entries: next record", func(s *stand) { s.readOn(&Record{Kind: Delta, Writer: s.chain.Owner, Body: []byte("b")}) }},
		{"Entries: our append", func(s *stand) {
			s.Entries(s.now, s.gen, append(s.known(), engine.Entry{Seq: s.chain.Seq + 3, Payload: s.inflight.payloads[0]}))
		}},
		{"Entries: later claim", func(s *stand) { s.readOn(claimOf(3)) }},
		{"Entries: damaged", func(s *stand) {
			s.Entries(s.now, s.gen, append(s.known(), engine.Entry{Seq: s.chain.Seq + 3}))
		}},
		{"Entries: another", func(s *stand) { s.Entries(s.now, s.gen, []engine.Entry{{Seq: s.chain.Seq}}) }},
		{"ReadDone", done(nil)},
		{"ReadDone: failed", done(engine.ErrNoLeader)},
		{"ReadDone: trimmed", done(engine.ErrTrimmed)},
		{"ReadDone: damaged", done(engine.ErrDamaged)},
		{"Appended", func(s *stand) { s.Appended(s.now, s.gen, s.chain.Seq+3, nil) }},
		{"Appended: conflict", appended(engine.ErrConflict)},
		{"Appended: unknown", appended(engine.ErrUnknown)},
		{"Appended: too large", appended(engine.ErrTooLarge)},
		{"Appended: damaged", appended(engine.ErrDamaged)},
		{"Deliver", func(s *stand) { s.deliver("r", 1, "b") }},
		{"Deliver, what waits", func(s *stand) { s.deliver("s", 1, "a") }},
		{"Marked, later", func(s *stand) { s.Marked(s.now, engine.Mark{Position: 99, ID: "x"}) }},
		{"Marked: another", func(s *stand) { s.Marked(s.now, engine.Mark{Position: s.chain.Seq, ID: "x"}) }},
		{"Tick", func(s *stand) { s.Tick(s.now) }},
		{"Tick, after Backoff", func(s *stand) { s.Tick(s.now.Add(50 * time.Millisecond)) }},
	} {
		inputs = append(inputs, statetable.Input[*stand]{Name: c.name, Give: func(s *stand) string { return s.gives(c.give) }})
	}
	statetable.Prove(t, "operator.go", "Operator", states, inputs)
}

// chained is a chain that its test pushes records to.
type chained struct {
	*Chain
}

var owner = Writer{Epoch: 2, Node: "n1", Incarnation: 1}

func (c *chained) push(r Record) string {
	r.Shard = 7
	if r.Prev == "" {
		r.Prev = c.Head
	}
	r.ID = fmt.Sprint("id", c.Seq)
	before := c.where()
	whole, err := c.PushRecord(c.Seq+3, &r)
	switch {
	case errors.Is(err, ErrInside):
		return "inside"
	case errors.Is(err, engine.ErrDamaged):
		return "damaged"
	case err != nil:
		return err.Error()
	}
	if err := c.Check(); err != nil {
		return err.Error()
	}
	out := c.where()
	if out == before {
		out = "."
	}
	if whole != nil {
		out += " +"
	}
	return out
}

func (c *chained) where() string {
	switch {
	case c.resumed:
		return "resumed"
	case c.headless:
		return "headless"
	case c.part > 0:
		return "open"
	case c.Seq == 0:
		return "new"
	}
	return "whole"
}

// TestChainStates goes through the table in the comment of Chain.
func TestChainStates(t *testing.T) {
	make := func(records ...Record) func(*testing.T) *chained {
		return func(t *testing.T) *chained {
			c := &chained{Chain: &Chain{Shard: 7}}
			for _, r := range records {
				if got := c.push(r); got == "damaged" || got == "inside" {
					t.Fatal(got)
				}
			}
			return c
		}
	}
	claim, first := Record{Kind: Claim, Writer: owner}, Record{Kind: Delta, Writer: owner, Part: 1, More: true}
	second, last := first, first
	second.Part, last.Part, last.More = 2, 2, false
	resumed := func(*testing.T) *chained { return &chained{Chain: Resume(7, 9)} }
	states := []statetable.State[*chained]{
		{Name: "new", Make: make()}, {Name: "whole", Make: make(claim)}, {Name: "open", Make: make(claim, first)},
		{Name: "resumed", Make: resumed},
		{Name: "headless", Make: func(t *testing.T) *chained {
			c := resumed(t)
			if c.push(second); c.where() != "headless" {
				t.Fatal(c.where())
			}
			return c
		}},
	}
	push := func(name string, r Record) statetable.Input[*chained] {
		return statetable.Input[*chained]{Name: name, Give: func(c *chained) string {
			if c.where() == "headless" && r.Part > 0 && name != "its first part" {
				r.Part++ // part 2 was pushed
			}
			return c.push(r)
		}}
	}
	later, letter := claim, Record{Kind: DeadLetter, Writer: owner}
	later.Writer.Epoch++
	foreign, elsewhere := Record{Kind: Delta, Writer: later.Writer}, Record{Kind: Delta, Writer: owner, Prev: "x"}
	third := first
	third.Part = 4
	statetable.Prove(t, "chain.go", "Chain", states, []statetable.Input[*chained]{
		push("a later claim", later),
		push("the newest claim", claim),
		push("a whole record", letter),
		push("its first part", first),
		push("its next part", second),
		push("its last part", last),
		push("a part after a gap", third),
		push("of another writer", foreign),
		push("of another prev", elsewhere),
		{Name: "of an earlier position", Give: func(c *chained) string {
			_, err := c.PushRecord(c.Seq, &Record{Kind: Claim, Shard: 7, Writer: later.Writer, Prev: c.Head})
			return map[bool]string{true: "damaged"}[errors.Is(err, engine.ErrDamaged)]
		}},
		{Name: "of another shard", Give: func(c *chained) string {
			_, err := c.PushRecord(c.Seq+3, &Record{Kind: Claim, Shard: 8, Writer: later.Writer, Prev: c.Head})
			return map[bool]string{true: "damaged"}[errors.Is(err, engine.ErrDamaged)]
		}},
	})
}
