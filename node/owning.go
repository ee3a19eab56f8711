package node

import (
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// Ownership returns the shards that this node owns and has claimed, in order, and a channel that is closed when others may
// be. What must run for a shard once, such as a sink, begins and ends with that.
func (n *Node) Ownership() (owned []int, changed <-chan struct{}) {
	changed = n.owning.wait() // before the look: what changes meanwhile closes it
	for s, l := range n.loops {
		if l.view.Load().state == operator.Owning {
			owned = append(owned, s)
		}
	}
	return owned, changed
}

// Sequence returns how far a producer has come in a shard that this node owns: the sequence of the last of its events that is
// committed there, 0 if none is. The error is [event.ErrNoOwner] if this node doesn't own the shard, or that of ctx, or
// [event.ErrStopped].
func (n *Node) Sequence(ctx context.Context, shard int, p event.Producer) (uint64, error) {
	if shard < 0 || shard >= len(n.loops) {
		return 0, n.noShard(shard)
	}
	ctx, cancel := n.patience(ctx)
	defer cancel()
	type answer struct {
		owned bool
		at    operator.ProducerPosition
	}
	l, answers := n.loops[shard], make(chan answer, 1)
	if l.post(ctx, func(time.Time) { answers <- answer{l.op.State() == operator.Owning, l.op.Producer(p)} }) != nil {
		return 0, context.Cause(ctx)
	}
	select {
	case a := <-answers:
		if !a.owned {
			return 0, fmt.Errorf("%w: shard %d is not owned by %s", event.ErrNoOwner, shard, n.cfg.Name)
		}
		return a.at.Seq, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}
