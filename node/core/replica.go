package core

import (
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// Replica is a node's copy of one shard, as its owner or standby. It is used by one goroutine.
//
// Inputs go to the operator, after [Replica.Hear]; after each the driver does what the operator's Effects ask for.
//
// This is how far a log must come that the operator reads after an input, in each state: before it was told a mark, and when it
// was told of position 7. "." is any log, "-" can't be: what a node knows is never less than it was. What the operator does with
// its inputs, its own table says.
//
//	input                    untold  told of 7
//	Hear: no mark            .       -
//	Hear: 7                  7       7
//	Hear: 9                  9       9
//	no Hear, and 9 is known  .       7
type Replica struct {
	// Operator is that of the copy.
	Operator *operator.Operator

	mark  func() engine.Mark
	heard uint64 // the operator was told the mark up to here
}

// NewReplica returns one that has no role yet. The mark is what the node knows of how far the shard's log goes.
func NewReplica(cfg operator.Config, mark func() engine.Mark) *Replica {
	return &Replica{Operator: operator.New(cfg), mark: mark}
}

// Hear tells the operator the shard's mark when it is higher than it was: before each input, so that a reading that the
// input begins is held to it.
func (r *Replica) Hear(now time.Time) {
	if m := r.mark(); m.Position > r.heard {
		r.heard = m.Position
		r.Operator.Marked(now, m)
	}
}
