package jetstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// check returns what can't be: a server that has a route and has none, or one that was never seen.
func (c *succession) check() error {
	for name := range c.linked {
		_, gone := c.since[name]
		looks, counted := c.quiet[name]
		if gone || !c.known[name] || !counted || looks < 0 {
			return fmt.Errorf("%s has a route; gone: %v, known: %v, quiet for %d looks", name, gone, c.known[name], looks)
		}
	}
	for name := range c.since {
		if !c.known[name] {
			return fmt.Errorf("%s has no route any more, and never had one", name)
		}
	}
	if len(c.quiet) != len(c.linked) {
		return fmt.Errorf("%d servers have a route, %d are listened to", len(c.linked), len(c.quiet))
	}
	return nil
}

// watched is a succession that hears one other server, whose state must be well after each look.
type watched struct {
	*succession
	now   time.Time
	count int64
}

func newWatched() *watched {
	return &watched{succession: &succession{grace: time.Second, known: map[string]bool{}, since: map[string]time.Time{}, quiet: map[string]int{}}}
}

// looks takes so many looks in a row, with or without a route and messages, and returns whom the last of them misses.
func (w *watched) looks(n int, route, messages bool) (missed []string, err error) {
	for range n {
		linked := map[string]int64{}
		if messages {
			w.count++
		}
		if route {
			linked["a"] = w.count
		}
		w.now = w.now.Add(time.Second / graceLooks)
		w.note(linked, w.now)
		missed = nil
		for _, name := range w.missed(w.now) {
			missed = append(missed, "miss "+name)
		}
		for _, name := range w.silent() {
			missed = append(missed, name+" is silent")
		}
		if err := w.check(); err != nil {
			return nil, err
		}
	}
	return missed, nil
}

func (w *watched) where() string {
	_, gone := w.since["a"]
	_, linked := w.linked["a"]
	switch {
	case gone:
		return "gone"
	case linked && !w.heard("a"):
		return "silent"
	case linked && w.quiet["a"] > 0:
		return "quiet"
	case linked:
		return "heard"
	case w.known["a"]:
		return "missed"
	}
	return "unknown"
}

// TestSuccessionStates goes through the table in the comment of succession.
func TestSuccessionStates(t *testing.T) {
	make := func(name string, to ...func(*watched)) statetable.State[*watched] {
		return statetable.State[*watched]{Name: name, Make: func(t *testing.T) *watched {
			w := newWatched()
			for _, step := range to {
				step(w)
			}
			if w.where() != name {
				t.Fatalf("%s is made, want %s", w.where(), name)
			}
			return w
		}}
	}
	looks := func(n int, route, messages bool) func(*watched) {
		return func(w *watched) { _, _ = w.looks(n, route, messages) }
	}
	inputs := []statetable.Input[*watched]{}
	for _, c := range []struct {
		name            string
		n               int
		route, messages bool
	}{
		{"a route and messages", 1, true, true},
		{"a route, no message", 1, true, false},
		{"a route, no message in 15 looks", silentLooks, true, false},
		{"no route", 1, false, false},
		{"no route in the time of grace", graceLooks, false, false},
		{"no route, one look more", graceLooks + 1, false, false},
	} {
		inputs = append(inputs, statetable.Input[*watched]{Name: c.name, Give: func(w *watched) string {
			before := w.where()
			words, err := w.looks(c.n, c.route, c.messages)
			if err != nil {
				return err.Error()
			}
			if after := w.where(); after != before {
				words = append([]string{after}, words...)
			}
			if len(words) == 0 {
				return "."
			}
			return strings.Join(words, ": ")
		}})
	}
	heard := looks(2, true, true)
	statetable.Prove(t, "succession.go", "succession", []statetable.State[*watched]{
		make("unknown"), make("heard", heard), make("quiet", heard, looks(silentLooks-1, true, false)),
		make("silent", heard, looks(silentLooks, true, false)), make("gone", heard, looks(1, false, false)),
		make("missed", heard, looks(graceLooks+1, false, false)),
	}, inputs)
}

// TestSuccessionCheckFinds: each of the invariants is found broken.
func TestSuccessionCheckFinds(t *testing.T) {
	for name, change := range map[string]func(*watched){
		"linked and gone":  func(w *watched) { w.since["a"] = w.now },
		"linked, unknown":  func(w *watched) { delete(w.known, "a") },
		"not listened to":  func(w *watched) { delete(w.quiet, "a"); w.quiet["b"] = 0 },
		"negative":         func(w *watched) { w.quiet["a"] = -1 },
		"gone, never seen": func(w *watched) { w.since["b"] = w.now },
		"quiet, no route":  func(w *watched) { w.quiet["b"] = 0 },
	} {
		w := newWatched()
		if _, err := w.looks(1, true, true); err != nil {
			t.Fatal(err)
		}
		if change(w); w.check() == nil {
			t.Errorf("%s is not found", name)
		}
	}
}
