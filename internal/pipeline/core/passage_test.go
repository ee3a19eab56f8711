package core

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
)

// sent are the events under way, as stream and sequence, with "!" before those that are letters.
func sent(p *Passage) string {
	var list []string
	for _, ev := range p.Step().Events {
		mark := ""
		if _, _, letter := ev.Rejected(); letter {
			mark = "!"
		}
		list = append(list, fmt.Sprintf("%s%s=%d", mark, ev.Producer, ev.Seq))
	}
	return strings.Join(list, " ")
}

// TestWhatFollowsAGuardedEventWaits: until that is answered and, where it was refused, its letter is committed. An owner that knew
// what follows would take the guarded event for a duplicate when it comes again, and nothing would be left of it.
func TestWhatFollowsAGuardedEventWaits(t *testing.T) {
	for _, status := range []event.Status{event.Committed, event.Conflict} {
		p := newPassage()
		p.Take([]connector.Message{{Stream: "b", Offset: 1, Body: []byte("rows")}, {Stream: "a", Offset: 1, Body: []byte("guarded")},
			{Stream: "a", Offset: 2, Body: []byte("rows")}, {Stream: "a", Offset: 3, Body: []byte("guarded")},
			{Stream: "a", Offset: 4, Body: []byte("rows")}})
		is := func(want string) {
			t.Helper()
			if got := sent(p); got != want {
				t.Errorf("%v: %q is sent, want %q", status, got, want)
			}
		}
		is("s/b=2 s/a=2")
		p.Sent([]event.Ack{{Status: event.Committed}, {Status: event.Busy}}, nil)
		is("s/a=2")
		p.Paused()
		answer(p, status)
		if status == event.Conflict {
			is("!s!0/a=2")
			p.Sent(nil, errCut)
			is("!s!0/a=2")
			p.Paused()
			answer(p, event.Committed)
		}
		is("s/a=3 s/a=4")
		answer(p, event.Committed)
		is("s/a=5")
		answer(p, event.Committed)
		if step := p.Step(); step.Action != Ack || len(step.Messages) != 5 {
			t.Errorf("%v: then %+v", status, step)
		}
	}
}

// TestLettersGoFirst: a letter is sent before what has no answer yet, and that comes again in order.
func TestLettersGoFirst(t *testing.T) {
	p := newPassage()
	p.Take([]connector.Message{{Stream: "a", Offset: 1, Body: []byte("guarded")}, {Stream: "a", Offset: 2, Body: []byte("rows")},
		{Stream: "b", Offset: 1, Body: []byte("rows")}})
	p.Sent([]event.Ack{{Status: event.Conflict}, {}}, errCut)
	if got := sent(p); got != "!s!0/a=2" {
		t.Errorf("%q is sent", got)
	}
	answer(p, event.Committed)
	if got := sent(p); got != "s/b=2 s/a=3" {
		t.Errorf("then %q is sent", got)
	}
}
