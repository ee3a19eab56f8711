package operator_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// errRot is what a disk has made of what was kept.
var errRot = fmt.Errorf("%w: a bit has changed", operator.ErrStateDamaged)

// isAside fails unless what was kept was set aside once, and the shard goes on in the state with the words.
func isAside(t *testing.T, h *harness, s *shelf, state operator.State, words string) {
	t.Helper()
	if h.State() != state || h.Err() != nil || wordsOf(h) != words {
		t.Errorf("%v: %v, words %q, expected %v with %q", h.State(), h.Err(), wordsOf(h), state, words)
	}
	a := h.Aside()
	if s.aside != 1 || h.Stats().SetAside != 1 || len(h.asides) != 1 || h.asides[0].Aside != a || a.Where != "aside 1" ||
		!errors.Is(a.Err, operator.ErrStateDamaged) || a.At.IsZero() {
		t.Errorf("set aside %d times, %d, told %v, newest %+v", s.aside, h.Stats().SetAside, h.asides, a)
	}
	if h.restores == 0 || !s.open || s.position == 0 {
		t.Errorf("%d snapshots asked for, open %v, kept at %d of %d", h.restores, s.open, s.position, h.Position())
	}
}

// TestDamagedAtOpening: what was kept is set aside if it is damaged or is not what was kept, and the shard has all from snapshot and log.
func TestDamagedAtOpening(t *testing.T) {
	log := &shardLog{}
	whole := &shelf{every: 1}
	h := whole.on(t, log)
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "a"))
	snapshot := snapshotOf(t, h)
	h.deliver(2, eventOf("p", 2, "b"))
	for name, change := range map[string]func(*shelf){
		"damaged":        func(s *shelf) { s.err = errRot },
		"other position": func(s *shelf) { s.position++ },
		"no part":        func(s *shelf) { s.part = nil },
		"half a part":    func(s *shelf) { s.part = s.part[:len(s.part)/2] },
	} {
		for _, role := range []operator.Role{operator.Standby, operator.Owner} {
			t.Run(fmt.Sprint(name, " ", role), func(t *testing.T) {
				s := *whole
				s.open = false
				change(&s)
				next := s.on(t, &shardLog{entries: slices.Clone(log.entries)})
				next.snapshot = bytes.NewReader(snapshot)
				next.assign(role, 2, 2)
				isAside(t, next, &s, map[operator.Role]operator.State{operator.Standby: operator.Following, operator.Owner: operator.Owning}[role], "a b")
				if used := next.Stats().SnapshotsUsed; used != 1 {
					t.Errorf("%d snapshots used", used)
				}
				if role == operator.Owner {
					next.deliver(1, eventOf("p", 2, "b"), eventOf("p", 3, "c"))
					if got := next.statuses(); !slices.Equal(got, []event.Status{duplicate, committed}) {
						t.Errorf("%v", got)
					}
				}
			})
		}
	}
}

// TestDamagedWhileOwning: damage that a commit, an evaluation or a reader meets is set aside. What was accepted is answered and has its
// effect once, what waits is committed then, and the process owns by the same claim.
func TestDamagedWhileOwning(t *testing.T) {
	for name, damage := range map[string]func(*harness, *shelf){
		"commit": func(_ *harness, s *shelf) { s.damage = errRot },
		"evaluate": func(h *harness, _ *shelf) {
			h.Logic().(*keeper).evaluation = fmt.Errorf("%w: %w", operator.ErrState, errRot)
		},
		"reader": func(h *harness, s *shelf) {
			s.damage = errRot
			h.Inspect(h.now)
			h.run()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{every: 1}
			h := s.on(t, &shardLog{})
			h.assign(operator.Owner, 1, 1)
			h.deliver(1, eventOf("p", 1, "a"))
			damage(h, s)
			h.deliver(2, eventOf("p", 2, "b"), eventOf("p", 3, "c"))
			isAside(t, h, s, operator.Owning, "a b c")
			h.deliver(3, eventOf("p", 3, "c"), eventOf("p", 4, "d"))
			if got := h.statuses(); !slices.Equal(got, []event.Status{committed, committed, committed, duplicate, committed}) {
				t.Errorf("%v", got)
			}
			if wordsOf(h) != "a b c d" || h.Stats().ClaimTries != 1 {
				t.Errorf("words %q, %d claims were sent", wordsOf(h), h.Stats().ClaimTries)
			}
		})
	}
}

// TestDamagedWhileFollowing: so is what a standby meets.
func TestDamagedWhileFollowing(t *testing.T) {
	log := &shardLog{}
	owner := (&shelf{every: 1}).on(t, log)
	owner.assign(operator.Owner, 1, 1)
	owner.deliver(1, eventOf("p", 1, "a"))
	s := &shelf{every: 1}
	h := s.on(t, log)
	h.assign(operator.Standby, 1, 2)
	s.damage = errRot
	owner.deliver(2, eventOf("p", 2, "b"))
	h.deliverFollow()
	h.run()
	isAside(t, h, s, operator.Following, "a b")
}

// TestDamagedTooOften: a disk that goes on damaging halts the shard, and one that does so now and then doesn't.
func TestDamagedTooOften(t *testing.T) {
	s := &shelf{every: 1}
	h := s.on(t, &shardLog{})
	h.assign(operator.Owner, 1, 1)
	rot := func() {
		s.damage = errRot
		h.Inspect(h.now)
		h.run()
	}
	for range 5 {
		rot()
		h.now = h.now.Add(time.Hour)
	}
	if h.State() != operator.Owning || s.aside != 5 {
		t.Fatalf("%v: %v, set aside %d times", h.State(), h.Err(), s.aside)
	}
	h.now = h.now.Add(time.Second)
	for range 4 {
		rot()
	}
	if h.State() != operator.Halted || s.aside != 8 || !strings.Contains(h.Err().Error(), "not to be trusted") {
		t.Errorf("%v: %v, set aside %d times", h.State(), h.Err(), s.aside)
	}
}

// TestInspected: nothing is set aside that is not damaged, nor of a shard that has none open.
func TestInspected(t *testing.T) {
	s := &shelf{every: 1}
	h := s.on(t, &shardLog{})
	s.damage = errRot
	h.Inspect(h.now)
	h.run()
	s.damage = nil
	h.assign(operator.Owner, 1, 1)
	h.Inspect(h.now)
	h.run()
	if h.State() != operator.Owning || s.aside != 0 {
		t.Errorf("%v, set aside %d times", h.State(), s.aside)
	}
}
