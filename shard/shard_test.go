package shard_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/shard"
)

func TestHashVectors(t *testing.T) {
	for key, want := range map[string]uint64{
		"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8,
	} {
		if got := shard.Hash(key); got != want {
			t.Errorf("Hash(%q) = %x, want %x", key, got, want)
		}
	}
	if got, want := shard.Of("foobar", 10), int(uint64(0x85944171f73967e8)%10); got != want {
		t.Errorf("Of(foobar, 10) = %d, want %d", got, want)
	}
}

func TestAssignmentJSON(t *testing.T) {
	nodes := make([]string, 12)
	for s := range nodes {
		nodes[s] = fmt.Sprintf("n%d", s%2+1)
	}
	a := shard.NewAssignment(nodes)
	text, err := json.Marshal(a)
	want := `{"map":{"0":"n1","1":"n2","2":"n1","3":"n2","4":"n1","5":"n2","6":"n1","7":"n2","8":"n1","9":"n2",` +
		`"10":"n1","11":"n2"}}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	var back shard.Assignment
	if err := json.Unmarshal(text, &back); err != nil || !back.Equal(a) {
		t.Errorf("read again: %v, %v", back, err)
	}
	none, err := json.Marshal(shard.NewAssignment(make([]string, 3)))
	if err != nil || string(none) != `{"map":{}}` {
		t.Errorf("nobody: %s, %v", none, err)
	}
	for _, bad := range []string{`[]`, `{"map":{"x":"n1"}}`, `{"map":{"-1":"n1"}}`, `{"map":{"4096":"n1"}}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func nodes(k int) []shard.Node {
	list := make([]shard.Node, k)
	for i := range list {
		list[i] = shard.Node{Name: fmt.Sprintf("n%03d", i)}
	}
	return list
}

func counts(a shard.Assignment, list []shard.Node) []int {
	c := map[string]int{}
	for s := range a.Shards() {
		c[a.Node(s)]++
	}
	out := make([]int, 0, len(list))
	for _, n := range list {
		out = append(out, c[n.Name])
		delete(c, n.Name)
	}
	if len(c) > 0 {
		panic(fmt.Sprint("assigned to others: ", c))
	}
	return out
}

// fewest finds by trial of every assignment how many moves balance costs at least.
func fewest(n int, current shard.Assignment, list []shard.Node) int {
	best := n + 1
	choice := make([]int, n)
	for {
		held, moves := make([]int, len(list)), 0
		for s, c := range choice {
			held[c]++
			if list[c].Name != current.Node(s) {
				moves++
			}
		}
		if slices.Max(held)-slices.Min(held) <= 1 {
			best = min(best, moves)
		}
		i := 0
		for ; i < n && choice[i] == len(list)-1; i++ {
			choice[i] = 0
		}
		if i == n {
			return best
		}
		choice[i]++
	}
}

// TestFewestMovesByBruteForce starts from any assignment, balanced or not, with owners that have gone.
func TestFewestMovesByBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 7).Draw(t, "shards"), rapid.IntRange(1, 4).Draw(t, "nodes")
		owners := append([]string{"", "gone"}, "n000", "n001", "n002", "n003", "n004")
		current := shard.NewAssignment(rapid.SliceOfN(rapid.SampledFrom(owners), n, n).Draw(t, "current"))
		standbys := rapid.SliceOfN(rapid.SampledFrom(owners), n, n).Draw(t, "standbys")
		list := nodes(k)
		next := shard.Rebalance(n, current, standbys, list)
		if c := counts(next, list); slices.Max(c)-slices.Min(c) > 1 {
			t.Fatalf("not balanced: %v", c)
		}
		if got, want := len(shard.Diff(current, next).Moves), fewest(n, current, list); got != want {
			t.Fatalf("%d moves, the fewest are %d", got, want)
		}
		shuffled := rapid.Permutation(list).Draw(t, "order")
		if again := shard.Rebalance(n, current, standbys, shuffled); !again.Equal(next) {
			t.Fatalf("the order of the nodes matters: %v, %v", next, again)
		}
	})
}

// TestClosedForm: from a balanced state a join moves n/(k+1) shards, rounded down, and a leave what the leaver had.
func TestClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 4096).Draw(t, "shards"), rapid.IntRange(1, 200).Draw(t, "nodes")
		list := nodes(k + 1)
		before := shard.Rebalance(n, shard.Assignment{}, nil, list[:k])
		joined := shard.Rebalance(n, before, nil, list)
		if got := len(shard.Diff(before, joined).Moves); got != n/(k+1) {
			t.Fatalf("join: %d moves, want %d", got, n/(k+1))
		}
		leaver := rapid.IntRange(0, k).Draw(t, "leaver")
		rest := slices.Delete(slices.Clone(list), leaver, leaver+1)
		left := shard.Rebalance(n, joined, nil, rest)
		if got, want := len(shard.Diff(joined, left).Moves), counts(joined, list)[leaver]; got != want {
			t.Fatalf("leave: %d moves, the leaver had %d", got, want)
		}
		if c := counts(left, rest); slices.Max(c)-slices.Min(c) > 1 {
			t.Fatalf("not balanced: %v", c)
		}
	})
}

// TestWeights checks the quota rule: nobody is a whole shard away from the exact share, and all shards are given.
func TestWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "shards")
		weights := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 12).Draw(t, "weights")
		list, total := nodes(len(weights)), 0
		for i, w := range weights {
			list[i].Weight = w
			total += w
		}
		for i, c := range counts(shard.Rebalance(n, shard.Assignment{}, nil, list), list) {
			if c*total <= (n*weights[i])-total || c*total >= n*weights[i]+total {
				t.Fatalf("%s has %d of %d shards with weight %d of %d", list[i].Name, c, n, weights[i], total)
			}
		}
	})
}

func TestStandbyTakesOver(t *testing.T) {
	list := nodes(3)
	a := shard.Rebalance(9, shard.Assignment{}, nil, list)
	standbys := shard.Standbys(a, nil, list)
	next := shard.Rebalance(9, a, standbys, list[1:])
	for _, m := range shard.Diff(a, next).Moves {
		if m.From != "n000" {
			t.Errorf("%v: n000 is the one that left", m)
		}
	}
	taken := 0
	for s := range 9 {
		if a.Node(s) == "n000" && next.Node(s) == standbys[s] {
			taken++
		}
	}
	if taken < 2 {
		t.Errorf("%d of 3 shards went to their standby; %v, %v, %v", taken, a, standbys, next)
	}
}

// TestFailover: what a node leaves goes to the standbys, whatever balance says, and nothing else moves; what has no standby
// goes to whoever has most room.
func TestFailover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 40).Draw(t, "shards"), rapid.IntRange(2, 6).Draw(t, "nodes")
		list := nodes(k)
		node := rapid.SampledFrom(list)
		owners, standbys := make([]string, n), make([]string, n)
		for s := range n {
			owners[s] = node.Draw(t, "owner").Name
			if rapid.IntRange(0, 3).Draw(t, "has a standby") > 0 {
				standbys[s] = node.Draw(t, "standby").Name
			}
		}
		gone, left := list[0].Name, list[1:]
		next := shard.Failover(n, shard.NewAssignment(owners), gone, standbys, left)
		spread := map[string]int{}
		for s := range n {
			switch to := next.Node(s); {
			case to == gone || to == "":
				t.Fatalf("shard %d is with %q", s, to)
			case owners[s] != gone && to != owners[s]:
				t.Fatalf("shard %d moved from %s, which is there, to %s", s, owners[s], to)
			case owners[s] == gone && standbys[s] != gone && standbys[s] != "" && to != standbys[s]:
				t.Fatalf("shard %d went to %s, not to its standby %s", s, to, standbys[s])
			case owners[s] == gone && (standbys[s] == "" || standbys[s] == gone):
				spread[to]++
			}
		}
		held := counts(next, left)
		for i, node := range left { // who got one without being the standby has no more than its share
			if most := (n + len(left) - 1) / len(left); spread[node.Name] > 0 && held[i] > most {
				t.Fatalf("%s got %d shards and has %d, more than %d", node.Name, spread[node.Name], held[i], most)
			}
		}
	})
	if a := shard.Failover(3, shard.Assignment{}, "", nil, nil); !a.Empty() {
		t.Errorf("without nodes: %v", a)
	}
}

func TestStandbys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 64).Draw(t, "shards"), rapid.IntRange(1, 8).Draw(t, "nodes")
		list := nodes(k)
		zones := map[string]string{}
		for i := range list {
			list[i].Zone = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone")
			zones[list[i].Name] = list[i].Zone
		}
		a := shard.Rebalance(n, shard.Assignment{}, nil, list)
		previous := rapid.SliceOfN(rapid.SampledFrom([]string{"", "gone", "n000", "n001"}), 0, n).Draw(t, "previous")
		standbys := shard.Standbys(a, previous, list)
		if (k < 2) != (standbys == nil) {
			t.Fatalf("%d nodes: %v", k, standbys)
		}
		for s, standby := range standbys {
			owner := a.Node(s)
			if _, known := zones[standby]; !known || standby == owner {
				t.Fatalf("shard %d of %s: standby %q", s, owner, standby)
			}
			for _, z := range zones {
				if z != zones[owner] && zones[standby] == zones[owner] {
					t.Fatalf("shard %d: owner and standby are both in zone %q, though there is zone %q", s, zones[owner], z)
				}
			}
		}
	})
}

func TestStandbysStay(t *testing.T) {
	list := nodes(4)
	a := shard.Rebalance(16, shard.Assignment{}, nil, list)
	standbys := shard.Standbys(a, nil, list)
	if again := shard.Standbys(a, standbys, list); !slices.Equal(again, standbys) {
		t.Errorf("%v, then %v", standbys, again)
	}
}

func BenchmarkOf(b *testing.B) {
	key := "http://example.org/factory/sensor/1234"
	for b.Loop() {
		_ = shard.Of(key, 64)
	}
}
