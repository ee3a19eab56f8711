package core

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// TestBackoffStates goes through the table in the comment of Backoff.
func TestBackoffStates(t *testing.T) {
	where := func(b *Backoff) string {
		switch {
		case b.next == 0:
			return "at rest"
		case b.next < maxPause:
			return "growing"
		}
		return "longest"
	}
	make := func(name string, errs int) statetable.State[*Backoff] {
		return statetable.State[*Backoff]{Name: name, Make: func(t *testing.T) *Backoff {
			b := &Backoff{}
			for range errs {
				b.After(connector.ErrRetry)
			}
			if where(b) != name {
				t.Fatalf("%s is made, want %s", where(b), name)
			}
			return b
		}}
	}
	after := func(name string, err error) statetable.Input[*Backoff] {
		return statetable.Input[*Backoff]{Name: name, Give: func(b *Backoff) string {
			want := max(b.next, minPause)
			if errors.Is(err, connector.ErrGiveUp) {
				want = maxPause
			}
			if pause := b.After(err); pause < want/2 || pause >= want+want/2 {
				return pause.String()
			}
			return "about " + want.String() + ": " + where(b)
		}}
	}
	statetable.Prove(t, "backoff.go", "Backoff", []statetable.State[*Backoff]{make("at rest", 0), make("growing", 3), make("longest", 9)},
		[]statetable.Input[*Backoff]{
			after("After an error", connector.ErrRetry), after("After ErrGiveUp", connector.ErrGiveUp),
			{Name: "Reset", Give: func(b *Backoff) string { b.Reset(); return where(b) }},
		})
}

// TestTasksStates goes through the table in the comment of Tasks.
func TestTasksStates(t *testing.T) {
	names := []string{"none", "runs", "ends", "waits", "ended"}
	to := map[string]func(*Tasks){
		"none": func(*Tasks) {}, "runs": func(k *Tasks) { k.Own([]int{7}) }, "ends": func(k *Tasks) { k.Own([]int{7}); k.Own(nil) },
		"waits": func(k *Tasks) { k.Own([]int{7}); k.Own(nil); k.Own([]int{7}) },
		"ended": func(k *Tasks) { k.Own([]int{7}); k.Returned(7) },
	}
	var states []statetable.State[*Tasks]
	for _, name := range names {
		states = append(states, statetable.State[*Tasks]{Name: name, Make: func(t *testing.T) *Tasks {
			k := &Tasks{}
			if to[name](k); names[k.shards[7]] != name || k.Under() != (name != "none" && name != "ended") {
				t.Fatalf("%s is made, want %s; a call is under way: %v", names[k.shards[7]], name, k.Under())
			}
			return k
		}})
	}
	give := func(name string, in func(*Tasks) (begin, end int)) statetable.Input[*Tasks] {
		return statetable.Input[*Tasks]{Name: name, Give: func(k *Tasks) string {
			before := k.shards[7]
			begin, end := in(k)
			out := "."
			if k.shards[7] != before {
				out = names[k.shards[7]]
			}
			return out + strings.Repeat(": begins", begin) + strings.Repeat(": told", end)
		}}
	}
	own := func(owned ...int) func(k *Tasks) (int, int) {
		return func(k *Tasks) (int, int) {
			begin, end := k.Own(owned)
			return len(begin), len(end)
		}
	}
	statetable.Prove(t, "tasks.go", "Tasks", states, []statetable.Input[*Tasks]{
		give("it is owned", own(7)), give("it is owned no longer", own()),
		give("the call returns", func(k *Tasks) (int, int) {
			if k.Returned(7) {
				return 1, 0
			}
			return 0, 0
		}),
	})
}

// names of what a machine is at, by what it wants done next.
var stateNames = map[Action]string{Await: "awaiting", Send: "sending", Write: "writing", Pause: "pausing", Ack: "acking", Over: "over"}

var errCut = errors.New("cut off")

// newPassage returns that of a source with one shard, whose messages are rows, no rows, guarded, or can't be divided now.
func newPassage() *Passage {
	return NewPassage(PassageConfig{Source: "s", Logger: slog.New(slog.DiscardHandler),
		Divide: func(m connector.Message, from event.Producer, seq uint64) ([]event.Addressed, error) {
			switch string(m.Body) {
			case "busy":
				return nil, event.ErrBusy
			case "":
				return nil, nil
			}
			return []event.Addressed{{Event: event.Event{Producer: from, Seq: seq, Payload: m.Body, First: string(m.Body) == "guarded"}}}, nil
		}})
}

func batchOf(body string) []connector.Message {
	return []connector.Message{{Stream: "a", Offset: 4, Body: []byte(body)}}
}

// batchEvents are those of another batch.
func batchEvents() []event.Addressed {
	p := newPassage()
	p.Take(batchOf("rows"))
	return p.Step().Events
}

// answer answers all events that are under way alike.
func answer(p *Passage, status event.Status) {
	acks := make([]event.Ack, len(p.Step().Events))
	for i := range acks {
		acks[i].Status = status
	}
	p.Sent(acks, nil)
}

// TestPassageStates goes through the table in the comment of Passage.
func TestPassageStates(t *testing.T) {
	to := map[string]func(*Passage){
		"awaiting": func(*Passage) {}, "sending": func(p *Passage) { p.Take(batchOf("rows")) },
		"pausing": func(p *Passage) { p.Take(batchOf("rows")); p.Sent(nil, errCut) },
		"acking":  func(p *Passage) { p.Take(batchOf("rows")); answer(p, event.Committed) },
		"over":    func(p *Passage) { p.End() },
	}
	var states []statetable.State[*Passage]
	for _, name := range []string{"awaiting", "sending", "pausing", "acking", "over"} {
		states = append(states, statetable.State[*Passage]{Name: name, Make: func(t *testing.T) *Passage {
			p := newPassage()
			if to[name](p); stateNames[p.Step().Action] != name {
				t.Fatalf("%s is made, want %s", stateNames[p.Step().Action], name)
			}
			return p
		}})
	}
	var inputs []statetable.Input[*Passage]
	for _, in := range []struct {
		name string
		give func(*Passage)
	}{
		{"Take", func(p *Passage) { p.Take(batchOf("rows")) }},
		{"Take: no rows", func(p *Passage) { p.Take(batchOf("")) }},
		{"Take: busy, or no name", func(p *Passage) { p.Take(batchOf("busy")) }},
		{"Idle", func(p *Passage) { p.done["a"] = 5; p.Idle() }},
		{"Idle: all is noted", (*Passage).Idle},
		{"End", func(p *Passage) { p.done["a"] = 5; p.End() }},
		{"End: all is noted", (*Passage).End},
		{"Sent: all are done", func(p *Passage) { answer(p, event.Committed) }},
		{"Sent: some are refused", func(p *Passage) { answer(p, event.TooLarge) }},
		{"Sent: some others wait", func(p *Passage) { p.later = batchEvents(); answer(p, event.Committed) }},
		{"Sent: some have no answer", func(p *Passage) { answer(p, 0) }},
		{"Paused", (*Passage).Paused},
		{"Acked", func(p *Passage) { p.Acked(nil) }},
		{"Acked: an error", func(p *Passage) { p.Acked(errCut) }},
	} {
		inputs = append(inputs, statetable.Input[*Passage]{Name: in.name, Give: func(p *Passage) string {
			before := p.Step().Action
			if in.give(p); p.Check() != nil {
				return p.Check().Error()
			}
			if p.Step().Action == before {
				return "."
			}
			return stateNames[p.Step().Action]
		}})
	}
	statetable.Prove(t, "passage.go", "Passage", states, inputs)
}

// TestWritingStates goes through the table in the comment of Writing.
func TestWritingStates(t *testing.T) {
	record, next := connector.Record{Mark: engine.Mark{Position: 7}}, connector.Record{Mark: engine.Mark{Position: 8}}
	to := map[string]func(*Writing){
		"awaiting": func(*Writing) {}, "writing": func(w *Writing) { w.Add(record) },
		"pausing": func(w *Writing) { w.Add(record); w.Wrote(6, connector.ErrRetry) },
		"over":    func(w *Writing) { w.Add(record); w.Wrote(6, errCut) },
	}
	var states []statetable.State[*Writing]
	for _, name := range []string{"awaiting", "writing", "pausing", "over"} {
		states = append(states, statetable.State[*Writing]{Name: name, Make: func(t *testing.T) *Writing {
			w := NewWriting(1000, Backoff{})
			if to[name](w); stateNames[w.Step().Action] != name {
				t.Fatalf("%s is made, want %s", stateNames[w.Step().Action], name)
			}
			return w
		}})
	}
	var inputs []statetable.Input[*Writing]
	for _, in := range []struct {
		name string
		give func(*Writing)
	}{
		{"Add", func(w *Writing) { w.Add(next) }},
		{"Wrote", func(w *Writing) { w.Wrote(7, nil) }},
		{"Wrote, and others wait", func(w *Writing) { w.Add(next); w.Wrote(7, nil) }},
		{"Wrote: try again", func(w *Writing) { w.Wrote(6, connector.ErrRetry) }},
		{"Wrote: try again, but all are written", func(w *Writing) { w.Wrote(7, connector.ErrRetry) }},
		{"Wrote: an error", func(w *Writing) { w.Wrote(7, errCut) }},
		{"Paused", (*Writing).Paused},
		{"Stop", func(w *Writing) { w.Stop(errCut) }},
	} {
		inputs = append(inputs, statetable.Input[*Writing]{Name: in.name, Give: func(w *Writing) string {
			before := w.Step().Action
			if in.give(w); w.Check() != nil {
				return w.Check().Error()
			}
			if w.Step().Action == before {
				return "."
			}
			return stateNames[w.Step().Action]
		}})
	}
	statetable.Prove(t, "writing.go", "Writing", states, inputs)
}

// TestWritingIsBounded: a record that fits to the byte does, one that is a byte longer doesn't, until the others are taken; one
// that is larger than all goes alone.
func TestWritingIsBounded(t *testing.T) {
	of := func(length, position int) connector.Record {
		return connector.Record{Mark: engine.Mark{Position: uint64(position)}, Body: make([]byte, length)}
	}
	w := NewWriting(1000, Backoff{})
	if !w.Fits(of(2000, 1)) {
		t.Fatal("a record that is larger than a batch does not go alone")
	}
	w.Add(of(2000, 1))
	if !w.Fits(of(2000, 2)) {
		t.Fatal("what is being written takes room")
	}
	w.Add(of(100, 2))
	if rest := 1000 - (100 + recordSize) - recordSize; !w.Fits(of(rest, 3)) || w.Fits(of(rest+1, 3)) {
		t.Error("the bound is not the limit")
	}
	if w.Wrote(1, nil); !w.Fits(of(2000, 3)) || len(w.Step().Records) != 1 || w.Step().Records[0].Position != 2 {
		t.Errorf("then %d records are written", len(w.Step().Records))
	}
}

// TestWritingGoesOn: what was written before an error is not written again, and the pauses are short again after a success.
func TestWritingGoesOn(t *testing.T) {
	w := NewWriting(1000, Backoff{})
	positions := func() (list []uint64) {
		for _, r := range w.Step().Records {
			list = append(list, r.Position)
		}
		return list
	}
	w.Add(connector.Record{Mark: engine.Mark{Position: 1}})
	for i := range uint64(3) {
		w.Add(connector.Record{Mark: engine.Mark{Position: i + 2}})
	}
	w.Wrote(1, nil)
	for range 5 {
		w.Wrote(2, connector.ErrRetry)
		w.Paused()
	}
	if got := positions(); len(got) != 2 || got[0] != 3 || got[1] != 4 || w.backoff.next == 0 {
		t.Errorf("%v are written again", got)
	}
	if w.Wrote(4, nil); w.backoff.next != 0 || w.Step().Action != Await {
		t.Errorf("the next pause would be %v", w.backoff.next)
	}
}

// TestAnsweredStates goes through the table in the comment of Passage.answered.
func TestAnsweredStates(t *testing.T) {
	make := func(name string, letter bool) statetable.State[bool] {
		return statetable.State[bool]{Name: name, Make: func(*testing.T) bool { return letter }}
	}
	inputs := []statetable.Input[bool]{}
	for _, c := range []struct {
		name   string
		status event.Status
	}{
		{"Committed", event.Committed}, {"Duplicate", event.Duplicate}, {"Bad", event.Bad}, {"Conflict", event.Conflict},
		{"Reused", event.Reused}, {"TooLarge", event.TooLarge}, {"Halted", event.Halted}, {"Busy", event.Busy}, {"no answer", 0},
	} {
		inputs = append(inputs, statetable.Input[bool]{Name: c.name, Give: func(letter bool) string {
			p := newPassage()
			ev := event.Event{Producer: event.Producer{Name: "s/a"}, Seq: 1, Payload: []byte("x")}
			if letter {
				ev.Reject("why")
			}
			events := []event.Addressed{{Shard: 1, Event: ev}, {Shard: 1, Event: ev}, {Shard: 2, Event: ev}}
			acks := []event.Ack{{Status: c.status}, {Status: event.Committed}, {Status: event.Committed}}
			var words []string
			var why error
			if c.status == 0 {
				why = context.DeadlineExceeded // as SendBatch says then
			}
			if left := p.open(events, acks, &why); len(left) == 2 && why != nil {
				words = append(words, "again, with what follows in its shard")
			} else if len(left) != 0 || why != nil {
				t.Errorf("%s: %d are left, %v", c.name, len(left), why)
			}
			switch {
			case len(p.refused) > 0:
				words = append(words, "a letter is to be committed")
			case p.rejected > 0:
				words = append(words, "it is a letter")
			case len(words) == 0:
				words = append(words, "done")
			}
			return strings.Join(words, ", ")
		}})
	}
	statetable.Prove(t, "passage.go", "Passage.answered", []statetable.State[bool]{make("event", false), make("letter", true)}, inputs)
}
