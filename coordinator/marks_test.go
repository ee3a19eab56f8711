package coordinator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/shard"
)

// TestMarks: who proposes brings what it knows of the logs to the others; what is lower than known changes nothing.
func TestMarks(t *testing.T) {
	log := memory.New(1).Control()
	propose := func(name string, marks map[int]engine.Mark) *coordinator.State {
		t.Helper()
		c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: name, Shards: 3,
			Marks: func(shard int) engine.Mark { return marks[shard] }}, log, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		tail, err := log.Tail(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read, err := coordinator.ParseRecord("c1", tail.Payload)
		if err != nil || text(t, read) != text(t, c.State()) {
			t.Fatalf("committed\n%s, installed\n%s: %v", text(t, read), text(t, c.State()), err)
		}
		return read
	}
	first := propose("n1", map[int]engine.Mark{0: {Position: 7, ID: "a"}, 2: {Position: 9, ID: "b"}})
	second := propose("n2", map[int]engine.Mark{0: {Position: 5, ID: "x"}, 1: {Position: 4}, 2: {Position: 12, ID: "d"}})
	third := propose("n3", nil)
	for _, want := range []struct {
		s     *coordinator.State
		marks [3]engine.Mark
	}{
		{first, [3]engine.Mark{{Position: 7, ID: "a"}, {}, {Position: 9, ID: "b"}}},
		{second, [3]engine.Mark{{Position: 7, ID: "a"}, {Position: 4}, {Position: 12, ID: "d"}}},
		{third, [3]engine.Mark{{Position: 7, ID: "a"}, {Position: 4}, {Position: 12, ID: "d"}}},
	} {
		for i, m := range want.marks {
			if got := want.s.Mark(i); got != m {
				t.Errorf("epoch %d, shard %d: %+v, want %+v", want.s.Epoch, i, got, m)
			}
		}
	}
	// A record without the fact is one of before there were marks.
	if s := coordinator.NewState(coordinator.Settings{Shards: 3}); s.Mark(2) != (engine.Mark{}) {
		t.Error("marks from nowhere")
	}
	payload, err := coordinator.AppendRecord(nil, "c1", second, third)
	if err != nil || strings.Count(string(payload), "#marks>") != 1 {
		t.Errorf("%s, %v", payload, err)
	}
	bad := strings.Replace(string(payload), "1:4:", "3:4:", 1)
	if _, err := coordinator.ParseRecord("c1", []byte(bad)); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("a mark of a shard that isn't: %v", err)
	}
}

// TestRaiseChangesNoState: a state is immutable.
func TestRaiseChangesNoState(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 2})
	at := func(position uint64) func(int) engine.Mark {
		return func(int) engine.Mark { return engine.Mark{Position: position, ID: "with space"} }
	}
	one := s.Raise(at(1))
	two := one.Raise(at(2))
	if s.Mark(0).Position != 0 || one.Mark(0).Position != 1 || two.Mark(0) != (engine.Mark{Position: 2}) || two.Raise(at(2)) != two ||
		s.Raise(at(0)) != s {
		t.Errorf("%+v, %+v, %+v", s.Mark(0), one.Mark(0), two.Mark(0))
	}
}

// TestLargestRecordWithMarksFits: the most shards with the longest names, and a mark for each.
func TestLargestRecordWithMarksFits(t *testing.T) {
	position, id := uint64(1)<<40, "ni:///sha-256;"+strings.Repeat("x", 43)
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: shard.Max,
		Marks: func(int) engine.Mark {
			position++
			return engine.Mark{Position: position, ID: id}
		}}, memory.New(1).Control(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		before := c.State()
		if _, err := c.Join(t.Context(), fmt.Sprintf("%s%03d", strings.Repeat("x", 60), i)); err != nil {
			t.Fatal(err)
		}
		payload, err := coordinator.AppendRecord(nil, "c1", before, c.State())
		if err != nil || len(payload) > 900<<10 {
			t.Errorf("%d bytes, %v", len(payload), err)
		}
	}
	if m := c.State().Mark(shard.Max - 1); m.Position == 0 || m.ID != "" || c.State().Mark(0).ID != id {
		t.Errorf("%+v", m)
	}
}

// text is the whole state.
func text(t *testing.T, s *coordinator.State) string {
	t.Helper()
	payload, err := coordinator.AppendRecord(nil, "c1", coordinator.NewState(s.Settings), s)
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}
