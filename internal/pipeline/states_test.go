package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/connector"
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

// ownership is one that its test changes.
type ownership struct {
	mu      sync.Mutex
	owned   []int
	changed chan struct{}
}

func (o *ownership) Ownership() ([]int, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owned, o.changed
}

func (o *ownership) set(owned ...int) {
	o.mu.Lock()
	o.owned = owned
	before := o.changed
	o.changed = make(chan struct{})
	o.mu.Unlock()
	close(before)
	synctest.Wait()
}

// running is whileOwned with tasks that end when the test lets them.
type running struct {
	ownership
	cancel      context.CancelFunc
	calls       []context.Context // of shard 0
	end         []chan struct{}
	ended, over bool
	cancelled   bool
}

func newRunning(t *testing.T) *running {
	r := &running{ownership: ownership{changed: make(chan struct{})}}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() {
		whileOwned(ctx, r, func(ctx context.Context, _ int) {
			end := make(chan struct{})
			r.calls, r.end = append(r.calls, ctx), append(r.end, end)
			<-end
		})
		r.over = true
	}()
	synctest.Wait()
	return r
}

func (r *running) where() string {
	last := len(r.calls) - 1
	switch {
	case last < 0 || r.ended && len(r.owned) == 0:
		return "none"
	case r.ended:
		return "ended"
	case r.calls[last].Err() == nil:
		return "runs"
	case len(r.owned) > 0 && !r.cancelled:
		return "waits"
	}
	return "ends"
}

// finish lets the last call return.
func (r *running) finish() {
	calls := len(r.calls)
	close(r.end[calls-1])
	synctest.Wait()
	r.ended = len(r.calls) == calls
}

func (r *running) cancelAll() {
	r.cancelled = true
	r.cancel()
	synctest.Wait()
}

// stop ends all.
func (r *running) stop() {
	r.cancelAll()
	for !r.ended && len(r.calls) > 0 {
		r.finish()
	}
}

// TestWhileOwnedStates goes through the table in the comment of whileOwned.
func TestWhileOwnedStates(t *testing.T) {
	states, inputs := []statetable.State[string]{}, []statetable.Input[string]{}
	to := map[string]func(*running){
		"none": func(*running) {}, "runs": func(r *running) { r.set(0) }, "ends": func(r *running) { r.set(0); r.set() },
		"waits": func(r *running) { r.set(0); r.set(); r.set(0) }, "ended": func(r *running) { r.set(0); r.finish() },
	}
	for _, name := range []string{"none", "runs", "ends", "waits", "ended"} {
		states = append(states, statetable.State[string]{Name: name, Make: func(*testing.T) string { return name }})
	}
	for _, in := range []struct {
		name string
		give func(*running)
	}{
		{"it is owned", func(r *running) { r.set(0) }}, {"it is owned no longer", func(r *running) { r.set() }},
		{"the call returns", (*running).finish}, {"the context ends", (*running).cancelAll},
	} {
		inputs = append(inputs, statetable.Input[string]{Name: in.name, Give: func(state string) (out string) {
			synctest.Test(t, func(t *testing.T) {
				r := newRunning(t)
				if to[state](r); r.where() != state {
					t.Fatalf("%s is made, want %s", r.where(), state)
				}
				calls := len(r.calls)
				in.give(r)
				out = "."
				if r.over {
					out = "over"
				} else if after := r.where(); after != state {
					out = after
				}
				if len(r.calls) > calls {
					out += ": begins"
				}
				r.stop()
			})
			return out
		}})
	}
	statetable.Prove(t, "pipeline.go", "whileOwned", states, inputs)
}

// TestAnsweredStates goes through the table in the comment of passage.
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
			p := passage{s: &Source{cfg: SourceConfig{Name: "s", Logger: slog.New(slog.DiscardHandler)}}, done: map[string]uint64{}}
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
	statetable.Prove(t, "passage.go", "passage", []statetable.State[bool]{make("event", false), make("letter", true)}, inputs)
}
