package shard_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/shard"
)

// TestFewestMovesOfEveryAssignment tries every assignment of up to 5 shards, also to nodes that have gone, and compares
// with the trial of every balanced one: the planner makes the fewest moves that balance allows.
func TestFewestMovesOfEveryAssignment(t *testing.T) {
	owners := []string{"", "gone", "n000", "n001", "n002", "n003"}
	for n := 1; n <= 5; n++ {
		for k := 1; k <= 3; k++ {
			list := nodes(k)
			for code := range pow(len(owners), n) {
				current := make([]string, n)
				for s := range current {
					current[s] = owners[code%len(owners)]
					code /= len(owners)
				}
				a := shard.NewAssignment(current)
				next := shard.Rebalance(n, a, nil, list)
				if c := counts(next, list); slices.Max(c)-slices.Min(c) > 1 {
					t.Fatalf("%v over %d nodes: not balanced: %v", current, k, c)
				}
				if got, want := len(shard.Diff(a, next).Moves), fewest(n, a, list); got != want {
					t.Fatalf("%v over %d nodes: %d moves, the fewest are %d", current, k, got, want)
				}
			}
		}
	}
}

func pow(base, exponent int) int {
	p := 1
	for range exponent {
		p *= base
	}
	return p
}

// TestClosedFormSweep goes through every number of nodes to 200 with every number of shards to 32, and through a grid
// of larger ones to 4,096 shards. The balanced state that it starts from doesn't come from the planner.
func TestClosedFormSweep(t *testing.T) {
	list := nodes(201)
	check := func(n, k int) {
		if err := closedForm(n, list[:k+1]); err != nil {
			t.Fatalf("%d shards, %d nodes: %v", n, k, err)
		}
	}
	for k := 1; k <= 200; k++ {
		for n := 1; n <= 32; n++ {
			check(n, k)
		}
		check(k*(k+1)%shard.Max, k)
	}
	for _, n := range []int{1023, 2047, 3000, 4095, shard.Max} {
		for k := 1; k <= 200; k += 1 + k/4 {
			check(n, k)
		}
		check(n, 200)
	}
}

// closedForm lets the last node of the list join the others, and one of all leave.
func closedForm(n int, list []shard.Node) error {
	k := len(list) - 1
	owners := make([]string, n)
	for s := range owners {
		owners[s] = list[s%k].Name
	}
	before := shard.NewAssignment(owners)
	if again := shard.Rebalance(n, before, nil, list[:k]); !again.Equal(before) {
		return fmt.Errorf("%d moves of what is balanced", len(shard.Diff(before, again).Moves))
	}
	joined := shard.Rebalance(n, before, nil, list)
	moves := shard.Diff(before, joined).Moves
	if len(moves) != n/(k+1) {
		return fmt.Errorf("join: %d moves, want %d", len(moves), n/(k+1))
	}
	for _, m := range moves {
		if m.To != list[k].Name {
			return fmt.Errorf("join: %+v is not to the one that joined", m)
		}
	}
	leaver := (n + k) % (k + 1)
	rest := slices.Delete(slices.Clone(list), leaver, leaver+1)
	left := shard.Rebalance(n, joined, nil, rest)
	moves = shard.Diff(joined, left).Moves
	if want := counts(joined, list)[leaver]; len(moves) != want {
		return fmt.Errorf("leave: %d moves, the leaver had %d", len(moves), want)
	}
	for _, m := range moves {
		if m.From != list[leaver].Name {
			return fmt.Errorf("leave: %+v is not of the one that left", m)
		}
	}
	for _, c := range [][]int{counts(joined, list), counts(left, rest)} {
		if slices.Max(c)-slices.Min(c) > 1 {
			return fmt.Errorf("not balanced: %v", c)
		}
	}
	return nil
}
