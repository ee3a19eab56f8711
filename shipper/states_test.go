package shipper

import (
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// machine is an outbox that its test brings into a state by hand.
type machine struct {
	*Outbox
	t   *testing.T
	now time.Time
}

func (m *machine) where() string {
	switch {
	case len(m.batch) == 0:
		return "empty"
	case !m.tried:
		return "unsent"
	case len(m.refusal.Acks) > 0:
		return "refused"
	}
	return "sent"
}

// gives returns what comes of an input: the next state, "send", and the answers; "." if nothing.
func (m *machine) gives(input func(*machine) string) string {
	before := m.where()
	words := []string{}
	out := input(m)
	if err := m.Check(); err != nil {
		m.t.Error(err)
	}
	if after := m.where(); after != before {
		words = append(words, after)
	}
	if out != "" {
		words = append(words, out)
	}
	sends, dones := m.Effects()
	for _, d := range dones {
		words = append(words, map[event.Status]string{event.Committed: "ack", event.TooLarge: "large"}[d.Ack.Status])
	}
	for range sends {
		words = append(words, "send")
	}
	if len(words) == 0 {
		return "."
	}
	return strings.Join(words, " ")
}

// TestStates goes through the table in the comment of Outbox.
func TestStates(t *testing.T) {
	one := event.Event{Payload: []byte("x")}
	make := func(name string, to func(*machine)) statetable.State[*machine] {
		return statetable.State[*machine]{Name: name, Make: func(t *testing.T) *machine {
			m := &machine{NewOutbox(OutboxConfig{Node: "n1", FirstID: 5, MaxQueue: 2}), t, time.Unix(1e9, 0)}
			to(m)
			if m.Effects(); m.where() != name {
				t.Fatalf("%s is made, want %s", m.where(), name)
			}
			return m
		}}
	}
	sent := func(m *machine) { m.Route(m.now, "n2", 1); m.Submit(m.now, 1, one) }
	ack := func(m *machine, id uint64, acks ...event.Ack) string {
		if err := m.Acked(m.now, event.Batch{From: "n2", ID: id, Acks: acks}); err != nil {
			return "error"
		}
		return ""
	}
	inputs := []statetable.Input[*machine]{}
	for _, c := range []struct {
		name string
		give func(*machine) string
	}{
		{"Submit", func(m *machine) string { m.Submit(m.now, 2, one); return "" }},
		{"Submit, over the wire's limits", func(m *machine) string {
			m.Submit(m.now, 2, event.Event{Key: strings.Repeat("k", event.MaxText+1)})
			return ""
		}},
		{"Submit, no room", func(m *machine) string {
			if !m.Submit(m.now, 2, one, one) {
				return "no"
			}
			return ""
		}},
		{"Cancel all", func(m *machine) string { m.Cancel(1, 2); return "" }},
		{"Route to another owner", func(m *machine) string { m.Route(m.now, "n3", 2); return "" }},
		{"Route to nobody", func(m *machine) string { m.Route(m.now, "", 2); return "" }},
		{"Route, older", func(m *machine) string { m.epoch = 9; m.Route(m.now, "n3", 8); return "" }},
		{"Acked: answers", func(m *machine) string { return ack(m, m.id, event.Ack{Status: event.Committed}) }},
		{"Acked: NotOwner, Busy", func(m *machine) string { return ack(m, m.id, event.Ack{Status: event.NotOwner}) }},
		{"Acked: another batch", func(m *machine) string { return ack(m, m.id-1, event.Ack{Status: event.Committed}) }},
		{"Acked: not understood", func(m *machine) string {
			return ack(m, m.id, event.Ack{Status: event.Committed}, event.Ack{Status: event.Committed})
		}},
		{"Unsendable: its only event", func(m *machine) string { m.Unsendable(m.now, m.id, "large"); return "" }},
		{"Unsendable: another batch", func(m *machine) string { m.Unsendable(m.now, m.id-1, "large"); return "" }},
		{"Renumber", func(m *machine) string { m.Renumber(m.now, 99); return "" }},
		{"Renumber, backwards", func(m *machine) string { m.Renumber(m.now, 1); return "" }},
		{"Tick, early", func(m *machine) string { m.Tick(m.now); return "" }},
		{"Tick, after Backoff", func(m *machine) string { m.Tick(m.now.Add(20 * time.Millisecond)); return "" }},
		{"Tick, after Resend", func(m *machine) string { m.Tick(m.now.Add(time.Second)); return "" }},
	} {
		inputs = append(inputs, statetable.Input[*machine]{Name: c.name, Give: func(m *machine) string { return m.gives(c.give) }})
	}
	statetable.Prove(t, "outbox.go", "Outbox", []statetable.State[*machine]{
		make("empty", func(m *machine) { m.Route(m.now, "n2", 1) }),
		make("unsent", func(m *machine) { m.Submit(m.now, 1, one) }),
		make("sent", sent),
		make("refused", func(m *machine) { sent(m); ack(m, 5, event.Ack{Status: event.Busy}) }),
	}, inputs)
}
