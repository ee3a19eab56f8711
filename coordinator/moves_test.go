package coordinator_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/shard"
)

// drawState returns a state in which some nodes have joined, and then some more entered, and some are draining.
func drawState(t *rapid.T) *coordinator.State {
	s := coordinator.NewState(coordinator.Settings{Shards: rapid.IntRange(1, 40).Draw(t, "shards")})
	next := 0
	enter := func(most int, what string) {
		for range rapid.IntRange(1, most).Draw(t, what) {
			s = s.Enter(coordinator.Member{Name: fmt.Sprintf("n%d", next), Weight: rapid.IntRange(1, 3).Draw(t, "weight")})
			next++
		}
	}
	enter(4, "first")
	for owner := range s.Members {
		s = s.Take(s.Members[owner].Name, all(s))
	}
	enter(4, "more")
	for _, m := range s.Members {
		if rapid.IntRange(0, 3).Draw(t, "drain") == 0 {
			var err error
			if s, err = s.Drain(m.Name, m.Incarnation); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// all lists the shards.
func all(s *coordinator.State) []int {
	list := make([]int, s.Settings.Shards)
	for i := range list {
		list[i] = i
	}
	return list
}

// pending lists the shards that a node may take.
func pending(s *coordinator.State, node string) (list []int) {
	target := s.Target()
	for i := range s.Settings.Shards {
		if target.Node(i) == node && s.Assignment.Node(i) != node {
			list = append(list, i)
		}
	}
	return list
}

// TestPlannedMoves: whoever takes whatever part of its shards when, it comes to the target with the fewest moves, and no
// shard is ever without an owner.
func TestPlannedMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		fewest := len(shard.Diff(s.Assignment, s.Target()).Moves)
		for moves := 0; ; {
			var takers []string
			for _, m := range s.Members {
				if len(pending(s, m.Name)) > 0 {
					takers = append(takers, m.Name)
				}
			}
			if len(takers) == 0 {
				if !s.Assignment.Equal(s.Target()) || moves != fewest {
					t.Fatalf("%d moves, fewest %d; at %v, target %v", moves, fewest, s.Assignment, s.Target())
				}
				return
			}
			taker := rapid.SampledFrom(takers).Draw(t, "taker")
			part := rapid.SliceOfN(rapid.SampledFrom(pending(s, taker)), 1, -1).Draw(t, "part")
			next := s.Take(taker, part)
			for _, m := range shard.Diff(s.Assignment, next.Assignment).Moves {
				if m.To != taker || m.From == "" || !slices.Contains(part, m.Shard) || next.ShardEpoch(m.Shard) != next.Epoch {
					t.Fatalf("%s took %v: move %+v", taker, part, m)
				}
				if old := next.Standby(m.Shard); s.Standby(m.Shard) == taker && old == taker {
					t.Fatalf("%s owns shard %d and is its standby", taker, m.Shard)
				}
				moves++
			}
			if next.Epoch != s.Epoch+1 {
				t.Fatalf("epoch %d after %d", next.Epoch, s.Epoch)
			}
			s = next
		}
	})
}

func TestNobodyTakesWhatIsNotPlanned(t *testing.T) {
	s := coordinator.NewState(coordinator.Settings{Shards: 4})
	s = s.Enter(coordinator.Member{Name: "a", Weight: 1}).Enter(coordinator.Member{Name: "b", Weight: 1})
	if owners := s.Assignment.Owners(); !slices.Equal(owners, []string{"a"}) {
		t.Fatalf("owners %v: who enters takes nothing from the others", owners)
	}
	taken := s.Take("b", all(s))
	if again := taken.Take("b", all(s)); again != taken {
		t.Errorf("took more: %v", again.Assignment)
	}
	if got := s.Take("c", all(s)); got != s {
		t.Errorf("a stranger took %v", got.Assignment)
	}
	if _, err := s.Drain("c", 1); err == nil {
		t.Error("a stranger drains")
	}
	if entered := taken.Enter(coordinator.Member{Name: "b", Weight: 1}); !entered.Assignment.Equal(taken.Assignment) {
		t.Errorf("a new process of the name lost shards: %v", entered.Assignment)
	}
}

// TestFailMovesWhatWasLost: a failure brings the lost shards to their standbys, also where planned moves are still to come,
// and moves no other shard.
func TestFailMovesWhatWasLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		failed := rapid.SampledFrom(s.Members).Draw(t, "failed")
		next, err := s.Fail(failed.Name, failed.Incarnation)
		if err != nil {
			t.Fatal(err)
		}
		anyStays := slices.ContainsFunc(next.Members, func(m coordinator.Member) bool { return !m.Draining })
		for _, m := range shard.Diff(s.Assignment, next.Assignment).Moves {
			standby, there := next.Member(s.Standby(m.Shard))
			to, _ := next.Member(m.To)
			if m.From != failed.Name || there && !standby.Draining && m.To != standby.Name || anyStays && to.Draining {
				t.Fatalf("%s failed: %+v, the standby is %+v", failed.Name, m, standby)
			}
		}
	})
}
