package node

import (
	"context"
	"time"

	"github.com/quadrille-stream/quadrille/operator"
)

// lookAtStates has a shard look at the state that it keeps, where that was found damaged by somebody else: who reads it gets an error,
// and the next is not to. A loop that is behind is asked at the next look.
func (n *Node) lookAtStates() {
	for _, l := range n.loops {
		if damaged(l.view.Load().logic) {
			select {
			case l.in <- l.op.Inspect:
			default:
			}
		}
	}
}

// damaged reports whether what a logic has kept was found damaged.
func damaged(l operator.Logic) bool {
	d, ok := l.(operator.Durable)
	return ok && d.Damaged() != nil
}

// goneShards says of each shard since when this node has no part in it, zero if it has one or what it kept is removed.
type goneShards []goneShard

type goneShard struct {
	since   time.Time
	removed bool
}

// look has what is kept of shards removed that have gone to other nodes, once that was long ago: one that comes back soon is not to be
// restored. A node that is no member, or a shard without an owner, says nothing about who is to have it.
func (g goneShards) look(ctx context.Context, n *Node, now time.Time) {
	if _, member := n.coord.State().Member(n.cfg.Name); !member || n.left.Load() {
		return
	}
	for s, l := range n.loops {
		role := n.senders[s].shown()
		if role.owner == "" || role.owner == n.cfg.Name || role.standby == n.cfg.Name || l.view.Load().state != operator.None {
			g[s] = goneShard{}
			continue
		}
		if g[s].since.IsZero() {
			g[s].since = now
		}
		if !g[s].removed && now.Sub(g[s].since) >= n.cfg.KeepGone {
			g[s].removed = true
			_ = l.post(ctx, func(time.Time) { l.forget() })
		}
	}
}

// forget removes what is kept of a shard in which this node has no part. What takes long is done outside of the loop.
func (l *loop) forget() {
	remove, err := l.op.Forget()
	if err != nil {
		l.log.Warn("what is kept of a shard that has gone to other nodes stays on the disk", "err", err)
	}
	if remove == nil {
		return
	}
	l.job(func() {
		if err := remove(); err != nil {
			l.log.Warn("what was kept of a shard that has gone to other nodes is not all removed; it is at the next start", "err", err)
			return
		}
		l.log.Info("what was kept of a shard that has gone to other nodes is removed")
	})
}
