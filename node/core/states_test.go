package core

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/statetable"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

var began = time.Unix(1e9, 0)

func members(names ...string) *coordinator.State {
	s := coordinator.NewState(coordinator.Settings{Shards: 1})
	for _, name := range names {
		s = coordinator.Process{Name: name, ID: name + "-1"}.Enter(s)
	}
	return s
}

// entering is an entry of a, with its time.
type entering struct {
	*Entry
	now time.Time
}

func (e *entering) where() string {
	switch rest := e.until.Sub(e.now); {
	case e.until.IsZero():
		return "member"
	case rest > 0:
		return "wait"
	}
	return "due"
}

// TestEntryStates goes through the table in the comment of Entry.
func TestEntryStates(t *testing.T) {
	in, out := members("b", "a"), members("b")
	other := coordinator.Process{Name: "a", ID: "a-2"}.Enter(in)
	make := func(name string, to func(*entering)) statetable.State[*entering] {
		return statetable.State[*entering]{Name: name, Make: func(t *testing.T) *entering {
			e := &entering{NewEntry(coordinator.Process{Name: "a", ID: "a-1"}, began), began.Add(time.Minute)}
			if to(e); e.where() != name {
				t.Fatalf("%s is made, want %s", e.where(), name)
			}
			return e
		}}
	}
	inputs := []statetable.Input[*entering]{}
	for _, c := range []struct {
		name string
		give func(*entering) Standing
	}{
		{"Look: this process", func(e *entering) Standing { return e.Look(e.now, in, false) }},
		{"Look: another process", func(e *entering) Standing { return e.Look(e.now, other, false) }},
		{"Look: nobody, it has left", func(e *entering) Standing { return e.Look(e.now, out, true) }},
		{"Look: nobody", func(e *entering) Standing { return e.Look(e.now, out, false) }},
		{"Look: nobody, after 2 s", func(e *entering) Standing { e.now = e.now.Add(2 * time.Second); return e.Look(e.now, out, false) }},
		{"Tried", func(e *entering) Standing { e.Tried(e.now); return Standing{} }},
	} {
		inputs = append(inputs, statetable.Input[*entering]{Name: c.name, Give: func(e *entering) string {
			before, wait := e.where(), e.Entry.wait
			at := c.give(e)
			if err := e.Check(); err != nil {
				return err.Error()
			}
			var words []string
			if after := e.where(); after != before {
				words = append(words, after)
			}
			switch {
			case at.Superseded > 0:
				words = append(words, "stop")
			case at.Enter:
				words = append(words, "enter")
			}
			if at.Wait > 0 {
				words = append(words, fmt.Sprint(at.Wait))
			}
			if e.Entry.wait > wait {
				words = append(words, "doubled")
			}
			if len(words) == 0 {
				return "."
			}
			return strings.Join(words, " ")
		}})
	}
	waits := func(e *entering) { e.Look(e.now, out, false) }
	statetable.Prove(t, "entry.go", "Entry", []statetable.State[*entering]{
		make("member", func(*entering) {}), make("wait", waits), make("due", func(e *entering) { waits(e); e.now = e.now.Add(time.Second) }),
	}, inputs)
}

// watching is a watch of a, with its time and state.
type watching struct {
	*Watch
	now   time.Time
	state *coordinator.State
}

// pass lets so many tenths of a second pass in which those are heard.
func (w *watching) pass(tenths int, names string) (o Orders) {
	for range tenths {
		w.now = w.now.Add(100 * time.Millisecond)
		for _, name := range strings.Split(names, "") {
			if m, ok := w.state.Member(name); ok {
				w.Heard(w.now, name, m.Incarnation, false)
			}
		}
		o = w.Look(w.now, w.state)
	}
	return o
}

// TestWatchStates goes through the table in the comment of Watch.
func TestWatchStates(t *testing.T) {
	make := func(name string, to func(*watching)) statetable.State[*watching] {
		return statetable.State[*watching]{Name: name, Make: func(*testing.T) *watching {
			w := &watching{NewWatch("a", time.Second), began, members("a", "b", "c")}
			w.pass(20, "abc")
			to(w)
			return w
		}}
	}
	inputs := []statetable.Input[*watching]{}
	for _, c := range []struct {
		name string
		give func(*watching) Orders
	}{
		{"Look: all are heard", func(w *watching) Orders { return w.pass(1, "abc") }},
		{"Look: b is silent", func(w *watching) Orders { return w.pass(1, "ac") }},
		{"Look: b is silent for long", func(w *watching) Orders { return w.pass(11, "ac") }},
		{"Look: b is another process", func(w *watching) Orders {
			w.state = coordinator.Process{Name: "b", ID: "b-2"}.Enter(w.state)
			return w.pass(1, "ac")
		}},
		{"Look: b is no member", func(w *watching) Orders { w.state = members("a", "c"); return w.pass(1, "ac") }},
		{"Look: all are silent for long", func(w *watching) Orders { return w.pass(11, "a") }},
		{"Look: it hears not even itself", func(w *watching) Orders { return w.pass(11, "") }},
		{"Accused, then b is silent", func(w *watching) Orders { w.Accused("b"); return w.pass(1, "ac") }},
		{"Called, then b is silent", func(w *watching) Orders {
			w.calls++
			w.Called(w.now, true)
			return w.pass(1, "ac")
		}},
	} {
		inputs = append(inputs, statetable.Input[*watching]{Name: c.name, Give: func(w *watching) string {
			o := c.give(w)
			if err := w.Check(); err != nil {
				return err.Error()
			}
			var words []string
			for _, m := range o.Accuse {
				words = append(words, "accuse "+m.Name)
			}
			for _, name := range o.Withdraw {
				words = append(words, "withdraw "+name)
			}
			if o.Call {
				words = append(words, "call")
			}
			if len(words) == 0 {
				return "."
			}
			return strings.Join(words, ", ")
		}})
	}
	statetable.Prove(t, "watch.go", "Watch", []statetable.State[*watching]{
		make("well", func(*watching) {}),
		make("accused", func(w *watching) { w.pass(11, "ac") }),
		make("called", func(w *watching) { w.pass(8, "a") }),
		make("20 called", func(w *watching) { w.pass(30, "a") }),
	}, inputs)
}

// sender is one of n1 with room for one event.
type sender struct {
	*Sender[string]
	owner string
}

func newSender() *sender {
	return &sender{Sender: NewSender[string](event.Producer{Kind: event.Door, Name: "n1/1"},
		shipper.OutboxConfig{Node: "n1", FirstID: FirstBatch(1), MaxQueue: 1})}
}

func (s *sender) assign(owner string, control, incarnation uint64) {
	s.owner = owner
	s.Assign(began, Role{Owner: owner, Assignment: operator.Assignment{Control: control, Epoch: control, Incarnation: incarnation}})
}

// submit reports whether there was room.
func (s *sender) submit() bool {
	one := []event.Event{{Payload: []byte("x")}}
	s.Identify(one)
	return s.Submit(began, one, []string{"who"})
}

func (s *sender) acked(acks ...event.Ack) error {
	return s.Acked(began, event.Batch{From: "n2", ID: FirstBatch(1), Acks: acks})
}

// gives returns what comes of an input, in the words of the table; the input may have one to say.
func (s *sender) gives(input func(*sender) string) string {
	var words []string
	waited := s.Waiting()
	if word := input(s); word != "" {
		words = append(words, word)
	}
	if err := s.Check(); err != nil {
		return err.Error()
	}
	if n := s.Waiting(); n > waited {
		words = append(words, "waits")
	} else if n < waited {
		words = append(words, "forgotten")
	}
	if _, ack := s.Outbox.Refusal(); ack.Status != 0 {
		words = append(words, "refused")
	}
	answers, sends := s.Answered()
	for _, a := range answers {
		words = append(words, map[event.Status]string{event.Committed: "ack", event.TooLarge: "large"}[a.Ack.Status])
	}
	for _, o := range sends {
		words = append(words, "to "+o.Node)
	}
	if len(words) == 0 {
		return "."
	}
	return strings.Join(words, ", ")
}

// TestSenderStates goes through the table in the comment of Sender.
func TestSenderStates(t *testing.T) {
	make := func(name string, to func(*sender)) statetable.State[*sender] {
		return statetable.State[*sender]{Name: name, Make: func(*testing.T) *sender {
			s := newSender()
			to(s)
			s.Answered()
			return s
		}}
	}
	batch, full := event.Batch{From: "n1", ID: FirstBatch(1)}, errors.New("the inbox is full")
	inputs := []statetable.Input[*sender]{}
	for _, c := range []struct {
		name string
		give func(*sender) string
	}{
		{"Submit", func(s *sender) string {
			if !s.submit() {
				return "no"
			}
			return ""
		}},
		{"Forget", func(s *sender) string { s.Forget(func(string) bool { return true }); return "" }},
		{"Assign, another owner", func(s *sender) string { s.assign("n3", 5, 1); return "" }},
		{"Assign, no owner", func(s *sender) string { s.assign("", 5, 1); return "" }},
		{"Assign, older", func(s *sender) string { s.assign("n3", 1, 1); return "" }},
		{"Assign, entered again", func(s *sender) string { s.assign(s.owner, 5, 2); return "" }},
		{"Acked", func(s *sender) string { _ = s.acked(event.Ack{Status: event.Committed}); return "" }},
		{"Acked: NotOwner, Busy", func(s *sender) string { _ = s.acked(event.Ack{Status: event.Busy}); return "" }},
		{"Acked: not understood", func(s *sender) string {
			if s.acked(event.Ack{}, event.Ack{}) != nil {
				return "error"
			}
			return ""
		}},
		{"Refused", func(s *sender) string { s.Refused(began, batch, full); return "" }},
		{"Refused: another batch", func(s *sender) string { s.Refused(began, event.Batch{ID: batch.ID - 1}, full); return "" }},
		{"Sent", func(s *sender) string { s.Sent(began, batch, nil); return "" }},
		{"Sent: it failed", func(s *sender) string { s.Sent(began, batch, shipper.ErrSend); return "" }},
		{"Sent: it is too large", func(s *sender) string { s.Sent(began, batch, shipper.ErrTooLarge); return "" }},
		{"Tick, early", func(s *sender) string { s.Tick(began); return "" }},
		{"Tick, after Resend", func(s *sender) string { s.Tick(began.Add(time.Second)); return "" }},
	} {
		inputs = append(inputs, statetable.Input[*sender]{Name: c.name, Give: func(s *sender) string { return s.gives(c.give) }})
	}
	statetable.Prove(t, "sender.go", "Sender", []statetable.State[*sender]{
		make("unrouted", func(*sender) {}),
		make("idle", func(s *sender) { s.assign("n2", 2, 1) }),
		make("waits", func(s *sender) { s.submit() }),
		make("sent", func(s *sender) { s.assign("n2", 2, 1); s.submit() }),
		make("own", func(s *sender) { s.assign("n1", 2, 1); s.submit() }),
	}, inputs)
}

// held is a replica, and how far its node knows the log to go.
type held struct {
	*Replica
	mark engine.Mark
}

// until returns the position to which a log must come that the replica reads now, "." if it may be empty.
func (h *held) until() string {
	h.Operator.Assign(began, operator.Assignment{Role: operator.Owner, Control: 1, Epoch: 1, Incarnation: 1})
	for range 100 { // a log that seems cut is read several times
		for _, e := range h.Operator.Effects() {
			switch e := e.(type) {
			case operator.Restore:
				h.Operator.Restored(began, e.Gen, nil)
			case operator.Read:
				h.Operator.ReadDone(began, e.Gen, nil)
			}
			if err := h.Check(); err != nil {
				return err.Error()
			}
		}
		h.Operator.Tick(began.Add(time.Hour))
	}
	if at := regexp.MustCompile(`at position (\d+)`).FindStringSubmatch(fmt.Sprint(h.Operator.Err())); at != nil {
		return at[1]
	}
	return "."
}

// TestReplicaStates goes through the table in the comment of Replica.
func TestReplicaStates(t *testing.T) {
	make := func(name string, position uint64) statetable.State[*held] {
		return statetable.State[*held]{Name: name, Make: func(*testing.T) *held {
			h := &held{mark: engine.Mark{Position: position}}
			h.Replica = NewReplica(operator.Config{Node: "n1", Logic: func() operator.Logic {
				return operator.Fold(func(_ *event.Event, dst []byte) ([]byte, error) { return dst, nil }, func([]byte) error { return nil })
			}}, func() engine.Mark { return h.mark })
			h.Hear(began)
			return h
		}}
	}
	hear := func(name string, position uint64) statetable.Input[*held] {
		return statetable.Input[*held]{Name: name, Give: func(h *held) string {
			h.mark = engine.Mark{Position: position}
			h.Hear(began)
			return h.until()
		}}
	}
	statetable.Prove(t, "replica.go", "Replica", []statetable.State[*held]{make("untold", 0), make("told of 7", 7)},
		[]statetable.Input[*held]{
			hear("Hear: no mark", 0), hear("Hear: 7", 7), hear("Hear: 9", 9),
			{Name: "no Hear, and 9 is known", Give: func(h *held) string { h.mark.Position = 9; return h.until() }},
		})
}
