package core

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// TestPassageCheckFinds: each invariant of a passage is found broken, by its name.
func TestPassageCheckFinds(t *testing.T) {
	for want, change := range map[string]func(*Passage){
		"0 events are to be sent":     func(p *Passage) { p.step.Events = nil },
		"1 events are to be sent":     func(p *Passage) { p.step.Action = Await },
		"1 events wait for none":      func(p *Passage) { p.later = p.step.Events; p.step = PassageStep{} },
		"1 letters are not sent":      func(p *Passage) { p.refused = p.step.Events },
		"no messages are to be acked": func(p *Passage) { p.step = PassageStep{Action: Ack} },
		"s/a 6 is under way with 5, which is gua": func(p *Passage) {
			p.step.Events = append(guarded(), event.Addressed{Event: event.Event{Producer: event.Producer{Name: "s/a"}, Seq: 6}})
		},
	} {
		p := newPassage()
		p.Take(batchOf("rows"))
		if p.Check() != nil {
			t.Fatal(p.Check())
		}
		if change(p); p.Check() == nil || !strings.Contains(p.Check().Error(), want) {
			t.Errorf("want %q: %v", want, p.Check())
		}
	}
}

// guarded is an event that builds on the head.
func guarded() []event.Addressed {
	p := newPassage()
	p.Take(batchOf("guarded"))
	return p.Step().Events
}

// TestWritingCheckFinds: the same, of a writing.
func TestWritingCheckFinds(t *testing.T) {
	at := func(position uint64) connector.Record { return connector.Record{Mark: engine.Mark{Position: position}} }
	for want, change := range map[string]func(*Writing){
		"the record at 1 is behind that at 1":    func(w *Writing) { w.step.Records = append(w.step.Records, at(1)) },
		"the record at 1 waits behind that at 1": func(w *Writing) { w.waiting[0] = at(1) },
		"0 records are to be written":            func(w *Writing) { w.step.Records = nil },
		"1 records are to be written":            func(w *Writing) { w.step.Action = Over },
		"2 records wait for nothing":             func(w *Writing) { w.step = WritingStep{} },
		"512 bytes wait, of 600, counted as 511": func(w *Writing) { w.size-- },
		"712 bytes wait, of 600, counted as 712": func(w *Writing) { w.waiting[1].Body = make([]byte, 200); w.size += 200 },
		"the record at 2 waits behind that at 2": func(w *Writing) { w.waiting[1] = at(2) },
		"1 records wait for nothing":             func(w *Writing) { w.step, w.waiting, w.size = WritingStep{}, w.waiting[:1], 256 },
		"768 bytes wait, of 600, counted as 768": func(w *Writing) { w.Add(at(4)) },
	} {
		w := NewWriting(600, Backoff{})
		for i := range uint64(3) {
			w.Add(at(i + 1))
		}
		if w.Check() != nil {
			t.Fatal(w.Check())
		}
		if change(w); w.Check() == nil || !strings.Contains(w.Check().Error(), want) {
			t.Errorf("want %q: %v", want, w.Check())
		}
	}
}
