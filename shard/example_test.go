package shard_test

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/shard"
)

// A third node joins: it gets its share, and no other shard moves.
func Example() {
	before := shard.NewAssignment([]string{"n1", "n2", "n1", "n2", "n1", "n2"})
	after := shard.Rebalance(6, before, nil, []shard.Node{{Name: "n1", Weight: 1}, {Name: "n2", Weight: 1}, {Name: "n3", Weight: 1}})
	for _, move := range shard.Diff(before, after).Moves {
		fmt.Println(move.From, "→", move.To)
	}
	fmt.Println("a key's shard is always the same:", shard.Of("http://plant.example/pump1", 6))
	// Output:
	// n1 → n3
	// n2 → n3
	// a key's shard is always the same: 4
}
