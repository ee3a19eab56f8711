package core_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shard"
)

var began = time.Unix(1e9, 0)

func state(shards int, processes ...coordinator.Process) *coordinator.State {
	s := coordinator.NewState(coordinator.Settings{Shards: shards, Hash: shard.HashName, Key: "subject", Format: 1})
	for _, p := range processes {
		s = p.Enter(s)
	}
	return s
}

func process(name string) coordinator.Process {
	return coordinator.Process{Name: name, ID: name + "-1"}
}

// entry is that of a process whose state must be well after each input.
type entry struct {
	*testing.T
	*core.Entry
}

func (e entry) Look(now time.Time, s *coordinator.State, left bool) core.Standing {
	defer e.check()
	return e.Entry.Look(now, s, left)
}

func (e entry) Tried(now time.Time) {
	defer e.check()
	e.Entry.Tried(now)
}

func (e entry) check() {
	e.Helper()
	if err := e.Entry.Check(); err != nil {
		e.Fatal(err)
	}
}

// watch is one of that node whose state must be well after each input, and which accuses others alone.
type watch struct {
	*testing.T
	*core.Watch
	node string
}

func newWatch(t *testing.T, node string, failAfter time.Duration) watch {
	return watch{t, core.NewWatch(node, failAfter), node}
}

func (w watch) Heard(at time.Time, node string, incarnation uint64, cut bool) {
	defer w.check()
	w.Watch.Heard(at, node, incarnation, cut)
}

func (w watch) Called(at time.Time, answered bool) {
	defer w.check()
	w.Watch.Called(at, answered)
}

func (w watch) Accused(name string) {
	defer w.check()
	w.Watch.Accused(name)
}

func (w watch) Look(now time.Time, s *coordinator.State) core.Orders {
	defer w.check()
	o := w.Watch.Look(now, s)
	for _, m := range o.Accuse {
		if known, member := s.Member(m.Name); !member || known != m || m.Name == w.node || slices.Contains(o.Withdraw, m.Name) {
			w.Fatalf("%+v is accused", m)
		}
	}
	return o
}

func (w watch) check() {
	w.Helper()
	if err := w.Watch.Check(); err != nil {
		w.Fatal(err)
	}
}

// TestEntry goes through the table of the package's documentation.
func TestEntry(t *testing.T) {
	me, next := process("a"), coordinator.Process{Name: "a", ID: "a-2"}
	in := state(4, process("b"), me)
	out, err := in.Fail("a", 2)
	if err != nil {
		t.Fatal(err)
	}
	back := me.Enter(out)
	e := entry{t, core.NewEntry(me, began)}
	now := began
	look := func(s *coordinator.State, left bool, want core.Standing) {
		t.Helper()
		if got := e.Look(now, s, left); got != want {
			t.Fatalf("after %v: %+v, want %+v", now.Sub(began), got, want)
		}
	}
	out0 := func(wait time.Duration) core.Standing { return core.Standing{Outside: true, Wait: wait} }
	enter := core.Standing{Outside: true, Enter: true}

	look(in, false, core.Standing{Incarnation: 2})
	look(out, true, core.Standing{}) // it has left
	for wait := time.Second; wait <= core.ReenterMax; wait = min(2*wait, core.ReenterMax) {
		look(out, false, out0(wait))
		now = now.Add(wait / 4)
		look(out, false, out0(wait-wait/4))
		now = now.Add(wait - wait/4 - 1)
		look(out, false, out0(1))
		now = now.Add(1)
		look(out, false, enter)
		look(out, false, enter) // until somebody says how it ended
		e.Tried(now)
		if wait == core.ReenterMax {
			break
		}
	}
	look(out, false, out0(core.ReenterMax))
	look(back, false, core.Standing{Incarnation: back.Epoch}) // an attempt came through that had no answer
	now = now.Add(2 * core.ReenterMax)
	look(out, false, out0(core.ReenterMax)) // not yet a calm minute
	look(back, false, core.Standing{Incarnation: back.Epoch})
	now = now.Add(2*core.ReenterMax + 1)
	look(out, false, out0(core.ReenterAfter))
	later := next.Enter(back)
	look(later, false, core.Standing{Superseded: later.Epoch})
	look(later, true, core.Standing{Superseded: later.Epoch})
}

// TestWatch goes through the table of the package's documentation.
func TestWatch(t *testing.T) {
	const failAfter = time.Second
	s := state(4, process("a"), process("b"), process("c"))
	w := newWatch(t, "a", failAfter)
	now := began
	look := func(heard, want string) {
		t.Helper()
		now = now.Add(failAfter / 5)
		for _, name := range strings.Fields(heard) {
			m, _ := s.Member(name)
			w.Heard(now, name, m.Incarnation, false)
		}
		o := w.Look(now, s)
		var got []string
		for _, m := range o.Accuse {
			got = append(got, "accuse "+m.Name)
		}
		for _, name := range o.Withdraw {
			got = append(got, "withdraw "+name)
		}
		if o.Call {
			got = append(got, "call")
		}
		if text := strings.Join(got, ", "); text != want {
			t.Fatalf("after %v: %q, want %q", now.Sub(began), text, want)
		}
	}
	for range 10 {
		look("a b c", "")
	}
	for range 5 {
		look("a b", "")
	}
	look("a b", "accuse c")
	look("a b", "") // it is under way
	w.Accused("c")
	look("a b", "accuse c") // its outcome was not known, and c is a member still
	look("a b c", "withdraw c")
	look("a b c", "withdraw c") // until it has ended
	w.Accused("c")
	look("a b c", "")
	for range 3 {
		look("a", "")
	}
	look("a", "call") // it is alone, and accuses nobody
	look("a", "call")
	if !w.Cut(now) {
		t.Error("it is not cut off, though nobody answers")
	}
	w.Called(now, false)
	w.Called(now, true)
	look("a", "call")
	if w.Cut(now) {
		t.Error("it is cut off, though a majority has answered")
	}
	calls := 1
	for ; calls < 100; calls++ {
		now = now.Add(failAfter / 5)
		w.Heard(now, "a", 1, false)
		if !w.Look(now, s).Call {
			break
		}
	}
	if calls != 20 {
		t.Errorf("%d calls are under way", calls)
	}
}

// TestWatchSeveral: an accusation is of one incarnation, and whose are to be given up is told in order.
func TestWatchSeveral(t *testing.T) {
	var members []coordinator.Process
	for i := range 20 {
		members = append(members, process(string(rune('a'+i))))
	}
	s := state(4, members...)
	w := newWatch(t, "a", time.Second)
	now := began
	// silent lets the time pass in which all but those of the names are heard.
	silent := func(names string) (o core.Orders) {
		for range 6 {
			now = now.Add(time.Second / 5)
			for _, m := range s.Members {
				if !strings.Contains(names, m.Name) {
					w.Heard(now, m.Name, m.Incarnation, false)
				}
			}
			next := w.Look(now, s)
			if !slices.IsSorted(next.Withdraw) {
				t.Fatalf("not in order: %v", next.Withdraw)
			}
			if len(next.Accuse) > 0 || len(next.Withdraw) > 0 {
				o = next
			}
		}
		return o
	}
	silent("")
	if o := silent("klmnopqrst"); len(o.Accuse) != 10 || len(o.Withdraw) > 0 {
		t.Fatalf("%+v", o)
	}
	s = coordinator.Process{Name: "t", ID: "t-2"}.Enter(s)
	if o := silent("klmnopqrst"); len(o.Accuse) > 0 || !slices.Equal(o.Withdraw, []string{"t"}) {
		t.Errorf("t is another, and as silent: %+v", o)
	}
	if o := silent("t"); len(o.Accuse) > 0 || !slices.Equal(o.Withdraw, strings.Split("klmnopqrst", "")) {
		t.Errorf("k to s are heard: %+v", o)
	}
}

// TestParts compares with the state, for members that come, go and drain.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state(rapid.IntRange(1, 12).Draw(t, "shards"))
		names := []string{"a", "b", "c", "d"}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			m, member := s.Member(name)
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				s = process(name).Enter(s)
			case 1:
				if next, err := s.Drain(name, m.Incarnation); member && err == nil {
					s = next
				}
			case 2:
				if next, err := s.Fail(name, m.Incarnation); member && err == nil {
					s = next
				}
			case 3:
				s = s.Take(name, core.Targets(s, name))
			}
		}
		target, owned := s.Target(), 0
		for _, name := range names {
			_, member := s.Member(name)
			for i, p := range core.Roles(s, name, 7) {
				want := operator.Assignment{Control: s.Epoch, Epoch: s.ShardEpoch(i), Incarnation: 7}
				mine := s.Assignment.Node(i) == name
				switch {
				case member && mine:
					want.Role = operator.Owner
					owned++
				case member && (s.Standby(i) == name || target.Node(i) == name):
					want.Role = operator.Standby
				}
				if p != (core.Role{Owner: s.Assignment.Node(i), Standby: s.Standby(i), Assignment: want}) {
					t.Fatalf("%s, shard %d: %+v, want %+v", name, i, p, want)
				}
				if moves := target.Node(i) == name && !mine; moves != slices.Contains(core.Targets(s, name), i) {
					t.Fatalf("%s, shard %d: a planned move is to bring it: %v", name, i, moves)
				}
			}
			if n := core.Undrained(s, name); (n > 0) != gives(s, target, name) {
				t.Fatalf("%s: %d shards are to be taken away", name, n)
			}
		}
		if len(s.Members) > 0 && owned != s.Settings.Shards {
			t.Fatalf("%d of %d shards have an owner", owned, s.Settings.Shards)
		}
	})
}

// gives reports whether a node has a shard that the target gives to another.
func gives(s *coordinator.State, target shard.Assignment, node string) bool {
	for i := range s.Settings.Shards {
		if s.Assignment.Node(i) == node && target.Node(i) != node {
			return true
		}
	}
	return false
}

// TestFirstBatch: the batches of an incarnation come after all of the one before it.
func TestFirstBatch(t *testing.T) {
	for incarnation := range uint64(4) {
		if id := core.FirstBatch(incarnation); id>>40 != incarnation || id&(1<<40-1) != 1 {
			t.Errorf("incarnation %d: %x", incarnation, id)
		}
	}
}
