package coordinator_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
)

// TestDrainTwice: who is draining already is not proposed again.
func TestDrainTwice(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 2, Format: 1}).Enter(coordinator.Member{Name: "n1", Weight: 1})
	m, _ := s.Member("n1")
	draining, err := s.Drain("n1", m.Incarnation)
	if err != nil || draining == s {
		t.Fatalf("%+v, %v", draining, err)
	}
	if again, err := draining.Drain("n1", m.Incarnation); err != nil || again != draining {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestUnknownMarksTakeNoRoom: a record tells the marks of those shards alone of which something is known.
func TestUnknownMarksTakeNoRoom(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 2000, Format: 1})
	next := s.Enter(coordinator.Member{Name: "n1", Weight: 1}).Raise(func(shard int) engine.Mark {
		if shard%1000 == 3 {
			return engine.Mark{Position: uint64(shard), ID: "id"}
		}
		return engine.Mark{}
	})
	record, err := coordinator.AppendRecord(nil, "c1", s, next)
	if err != nil || !strings.Contains(string(record), `#marks> "3:3:id 1003:1003:id" .`) {
		t.Errorf("%v in %s", err, record)
	}
}

// TestRecordOfNobody: what can't be a pipeline's name has no records.
func TestRecordOfNobody(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 1, Format: 1}).Enter(coordinator.Member{Name: "n1", Weight: 1})
	record, err := coordinator.AppendRecord(nil, "c1", s, s)
	if err != nil {
		t.Fatal(err)
	}
	const name = "no name"
	if got, err := coordinator.ParseRecord(name, record); err == nil {
		t.Errorf("read: %+v", got)
	}
	if got, err := coordinator.AppendRecord(nil, name, s, s); err == nil {
		t.Errorf("written: %s", got)
	}
}

// TestTextThatCantBeWritten: what is no UTF-8 makes no record, rather than one without facts.
func TestTextThatCantBeWritten(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 1, Format: 1})
	next := s.Enter(coordinator.Member{Name: "n1", Weight: 1})
	for name, bad := range map[string]*coordinator.State{
		"mark":     next.Raise(func(int) engine.Mark { return engine.Mark{Position: 1, ID: "\xff"} }),
		"proposal": {Epoch: 1, Settings: s.Settings, Assignment: s.Assignment, Proposal: "\xff"},
	} {
		if record, err := coordinator.AppendRecord(nil, "c1", s, bad); err == nil {
			t.Errorf("%s: written: %s", name, record)
		}
		if record, err := coordinator.AppendRecord(nil, "c1", bad, next); err == nil {
			t.Errorf("%s, of the state before: written: %s", name, record)
		}
	}
}

// TestTheLastAreDraining: where all that are left are draining, they take what a failed one had.
func TestTheLastAreDraining(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 4, Format: 1})
	for _, name := range []string{"n1", "n2"} {
		s = s.Enter(coordinator.Member{Name: name, Weight: 1})
	}
	n1, _ := s.Member("n1")
	n2, _ := s.Member("n2")
	s, err := s.Drain("n2", n2.Incarnation)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Fail("n1", n1.Incarnation); err != nil {
		t.Fatal(err)
	}
	for shard := range 4 {
		if got := s.Assignment.Node(shard); got != "n2" {
			t.Errorf("shard %d is owned by %q", shard, got)
		}
	}
}

// TestRouteWithoutShipper: what can't be carried is not taken for routed.
func TestRouteWithoutShipper(t *testing.T) {
	c, err := coordinator.New(coordinator.Config{CoordID: "c1", LocalNode: "n1", Shards: 2}, memory.New(2).Control(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Join(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Route(t.Context(), "k", coordinator.Payload{}); err == nil || c.Stats().Routed != 0 {
		t.Errorf("%v, %+v", err, c.Stats())
	}
}
