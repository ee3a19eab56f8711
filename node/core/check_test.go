package core

import (
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

// TestSenderCheckFinds: each invariant of a sender is found broken, by its name, and those of its outbox.
func TestSenderCheckFinds(t *testing.T) {
	now, door := time.Unix(1e9, 0), event.Producer{Kind: event.Door, Name: "n1/1"}
	// submit puts events into another outbox, past the sender: the first of each pair is the token, then the door's sequence.
	submit := func(s *Sender[string], events ...[2]uint64) {
		s.Outbox = shipper.NewOutbox(shipper.OutboxConfig{})
		for _, ev := range events {
			s.Outbox.Submit(now, ev[0], event.Event{Producer: door, Seq: ev[1]})
		}
	}
	for want, change := range map[string]func(*Sender[string]){
		"outbox: ": func(s *Sender[string]) {
			s.Outbox.Submit(now, 1, event.Event{Payload: []byte("the token is there already")})
		},
		"3 wait, and the outbox has 2":                         func(s *Sender[string]) { s.waiting[3] = "c" },
		"1 wait, and the outbox has 2":                         func(s *Sender[string]) { delete(s.waiting, 2) },
		"nobody waits for event 2, of 2":                       func(s *Sender[string]) { delete(s.waiting, 2); s.waiting[3] = "c" },
		"nobody waits for event 2, of 1":                       func(s *Sender[string]) { s.token = 1 },
		"event 1 is behind event 2":                            func(s *Sender[string]) { submit(s, [2]uint64{2, 1}, [2]uint64{1, 2}) },
		"the door's event 1 is behind its event 2, of 2":       func(s *Sender[string]) { submit(s, [2]uint64{1, 2}, [2]uint64{2, 1}) },
		"the door's event 1 is behind its event 1, of 2":       func(s *Sender[string]) { submit(s, [2]uint64{1, 1}, [2]uint64{2, 1}) },
		"sender: the door's event 2 is behind its event 1, of": func(s *Sender[string]) { s.seq = 1 },
	} {
		s := NewSender[string](door, shipper.OutboxConfig{})
		if s.Check() != nil {
			t.Fatal(s.Check())
		}
		events := make([]event.Event, 2)
		s.Identify(events)
		if s.Submit(now, events, []string{"a", "b"}); s.Check() != nil {
			t.Fatal(s.Check())
		}
		if change(s); s.Check() == nil || !strings.Contains(s.Check().Error(), want) {
			t.Errorf("want %q: %v", want, s.Check())
		}
	}
}

// TestSenderCheckPasses: what comes with an identity has its own order, and an answer that is not handed over yet has who waits.
func TestSenderCheckPasses(t *testing.T) {
	s := NewSender[string](event.Producer{Kind: event.Door, Name: "n1/1"}, shipper.OutboxConfig{})
	named := event.Event{Producer: event.Producer{Name: "src"}, Seq: 9, Payload: []byte("x")}
	large := event.Event{Key: strings.Repeat("k", event.MaxText+1)}
	s.Submit(time.Unix(1e9, 0), []event.Event{named, large, {Producer: named.Producer, Seq: 8}}, []string{"a", "b", "c"})
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// TestReplicaCheckFinds: the same, of a replica and its operator.
func TestReplicaCheckFinds(t *testing.T) {
	now := time.Unix(1e9, 0)
	for want, change := range map[string]func(*Replica){
		"operator: ": func(r *Replica) {
			*r.Operator = *operator.New(operator.Config{Logic: func() operator.Logic { return nil }})
			r.Operator.Assign(now, operator.Assignment{Role: operator.Standby})
			r.Operator.Restored(now, 1, nil)
			r.Operator.ReadDone(now, 2, nil) // which a follow that goes well never does
		},
		"replica: the operator was told of position 7, and the mark is at 6": func(r *Replica) {
			r.mark = func() engine.Mark { return engine.Mark{Position: 6} }
		},
	} {
		r := NewReplica(operator.Config{Logic: func() operator.Logic { return nil }}, func() engine.Mark { return engine.Mark{Position: 7} })
		if r.Check() != nil {
			t.Fatal(r.Check())
		}
		if r.Hear(now); r.Check() != nil {
			t.Fatal(r.Check())
		}
		if change(r); r.Check() == nil || !strings.Contains(r.Check().Error(), want) {
			t.Errorf("want %q: %v", want, r.Check())
		}
	}
}

// TestEntryCheckFinds: the same, of an entry.
func TestEntryCheckFinds(t *testing.T) {
	for want, change := range map[string]func(*Entry){
		"it waits for 999ms":       func(e *Entry) { e.wait = 999 * time.Millisecond },
		"it waits for 31s":         func(e *Entry) { e.wait = 31 * time.Second },
		"enters again 999ms after": func(e *Entry) { e.until = e.tried.Add(999 * time.Millisecond) },
	} {
		e := NewEntry(coordinator.Process{Name: "a"}, time.Unix(1e9, 0))
		for _, wait := range []time.Duration{ReenterAfter, ReenterMax} {
			if e.wait, e.until = wait, e.tried.Add(ReenterAfter); e.Check() != nil {
				t.Fatal(e.Check())
			}
		}
		if change(e); e.Check() == nil || !strings.Contains(e.Check().Error(), want) {
			t.Errorf("want %q: %v", want, e.Check())
		}
	}
}

// TestWatchCheckFinds: the same, of a watch.
func TestWatchCheckFinds(t *testing.T) {
	for want, change := range map[string]func(*Watch){
		"-1 calls":          func(w *Watch) { w.calls = -1 },
		"21 calls":          func(w *Watch) { w.calls = 21 },
		"it accuses itself": func(w *Watch) { w.accused["a"] = 1 },
		"detector of a: ": func(w *Watch) {
			w.Look(time.Unix(1e9, 0), &coordinator.State{Members: []coordinator.Member{{Name: "a"}, {Name: "b"}, {Name: "b", Incarnation: 2}}})
		},
	} {
		w := NewWatch("a", FailAfter)
		for _, calls := range []int{0, maxCalls} {
			if w.calls = calls; w.Check() != nil {
				t.Fatal(w.Check())
			}
		}
		if change(w); w.Check() == nil || !strings.Contains(w.Check().Error(), want) {
			t.Errorf("want %q: %v", want, w.Check())
		}
	}
}
