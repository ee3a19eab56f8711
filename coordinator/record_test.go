package coordinator_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/shard"
)

// TestRecordIsChecked: the facts of a record must fit one another, to the last shard and member.
func TestRecordIsChecked(t *testing.T) {
	s0 := coordinator.NewState(coordinator.Settings{Shards: 2, Hash: shard.HashName, Key: "subject", Format: 1})
	s := s0.Enter(coordinator.Member{Name: "n1", Weight: 1}).Enter(coordinator.Member{Name: "n2", Weight: 1}).
		Enter(coordinator.Member{Name: "n3", Weight: 1}).Raise(func(i int) engine.Mark { return engine.Mark{Position: uint64(i + 1), ID: "x"} })
	payload, err := coordinator.AppendRecord(nil, "c1", s0, s)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := coordinator.ParseRecord("c1", payload); err != nil || text(t, back) != text(t, s) {
		t.Fatalf("as it is: %v\n%s", err, payload)
	}
	for _, test := range []struct{ name, old, by, want string }{
		{"members in another order", `\"name\":\"n2\"`, `\"name\":\"n4\"`, "members are not in order"},
		{"a member twice", `\"name\":\"n3\"`, `\"name\":\"n2\"`, "or one comes twice"},
		{"no epoch", `#epoch> "3"`, `#epoch> "0"`, "no epoch"},
		{"no shards", `\"shards\":2`, `\"shards\":0`, ": 0 shards"},
		{"too many shards", `\"shards\":2`, `\"shards\":1000000`, "1000000 shards"},
		{"epochs of fewer", `#shardEpochs> "[1,1]"`, `#shardEpochs> "[1]"`, "1 shard epochs for 2 shards"},
		{"standby of a shard that isn't", `\"n3\":[1]`, `\"n3\":[2]`, "standby of shard 2 of 2"},
		{"standby of shard -1", `\"n3\":[1]`, `\"n3\":[-1]`, "standby of shard -1 of 2"},
		{"mark of a shard that isn't", "1:2:x", "2:2:x", "mark \"2:2:x\""},
		{"mark of shard -1", "1:2:x", "-1:2:x", "mark \"-1:2:x\""},
		{"mark without a position", "1:2:x", "1::x", "mark \"1::x\""},
		{"mark without a shard", "1:2:x", ":2:x", "mark \":2:x\""},
		{"mark without an id's place", "1:2:x", "1:2", "mark \"1:2\""},
		{"owner of a shard that isn't", `\"1\":\"n1\"`, `\"2\":\"n1\"`, "shard"},
		{"owner that is no member", `\"0\":\"n1\"`, `\"0\":\"n7\"`, `"n7" owns shards and is not a member`},
		{"aborted", "TC .", "TA .", "aborted"},
		{"about another", "/c1/", "/c2/", "a fact about"},
	} {
		bad := strings.ReplaceAll(string(payload), test.old, test.by)
		if bad == string(payload) {
			t.Errorf("%s: nothing is changed in\n%s", test.name, payload)
			continue
		}
		if _, err := coordinator.ParseRecord("c1", []byte(bad)); !errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

// TestMostShards: as many as there may be are read.
func TestMostShards(t *testing.T) {
	for _, shards := range []int{1, shard.Max} {
		s := coordinator.NewState(coordinator.Settings{Shards: shards, Format: 1}).Enter(coordinator.Member{Name: "n1", Weight: 1})
		if back, err := coordinator.ParseRecord("c1", []byte(text(t, s))); err != nil || back.Assignment.Node(shards-1) != "n1" {
			t.Errorf("%d shards: %v", shards, err)
		}
	}
}

// TestMarksAreNamed: as many marks as there may be name their record, and no more; an id that is too long is left out.
func TestMarksAreNamed(t *testing.T) {
	const most = 256
	long := strings.Repeat("x", 65)
	s := coordinator.NewState(coordinator.Settings{Shards: most + 3}).Raise(func(i int) engine.Mark {
		m := engine.Mark{Position: 1, ID: long[1:]}
		if i == 0 {
			m.ID = long
		}
		return m
	})
	for i := range most + 3 {
		want := long[1:]
		if i == 0 || i > most {
			want = ""
		}
		if got := s.Mark(i); got != (engine.Mark{Position: 1, ID: want}) {
			t.Errorf("shard %d: %+v", i, got)
		}
	}
}
