package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
)

// move takes the shards that planned moves are to bring here, each when its state here is near the tail of its log, so
// that its senders hardly notice. The others don't notice at all.
func (n *Node) move(ctx context.Context) error {
	wake, stop := n.coord.Watch()
	defer stop()
	for ctx.Err() == nil {
		pending := core.Targets(n.coord.State(), n.cfg.Name)
		if len(pending) == 0 {
			select {
			case <-wake:
			case <-ctx.Done():
			}
			continue
		}
		if near := n.near(ctx, pending); len(near) > 0 {
			n.take(ctx, near)
		}
		select {
		case <-time.After(core.MoveEvery):
		case <-ctx.Done():
		}
	}
	return nil
}

// near returns those of the shards that this node follows closely.
func (n *Node) near(ctx context.Context, shards []int) (list []int) {
	for _, s := range shards {
		if n.loops[s].view.Load().state != operator.Following {
			continue
		}
		tail, err := n.tail(ctx, s)
		if err == nil && n.viewAt(ctx, s, tail.Seq, core.NearTail) != nil {
			list = append(list, s)
		}
	}
	return list
}

func (n *Node) take(ctx context.Context, shards []int) {
	ctx, cancel := context.WithTimeout(ctx, core.ProposalTimeout)
	defer cancel()
	plan, err := n.coord.Take(ctx, shards)
	switch {
	case err == nil:
		n.log.Info("took shards in a planned move", "moves", len(plan.Moves), "epoch", n.coord.State().Epoch)
	case !errors.Is(err, context.Canceled):
		n.log.Warn("planned move failed; it is tried again", "shards", shards, "err", err)
	}
}

// HandOver has the others take the node's shards in the planned way, and returns when they have, or there is nobody who
// could; then stop it. The node stays a member: when it comes back it enters as if it had never handed over. One that has
// left, by [Node.Leave], has nothing to hand over.
func (n *Node) HandOver(ctx context.Context) error {
	if n.left.Load() {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(n.coord.State().Members), func(m coordinator.Member) bool {
		return m.Name == n.cfg.Name || m.Draining
	})
	if len(others) == 0 {
		return nil
	}
	return n.drain(ctx)
}

// Leave has the others take the node's shards in the planned way, and takes it out of the pipeline; then stop it. When
// ctx has a deadline, what they have not taken at half of that time moves at once. After an error the node may be a
// member still: call it again. In any case it does not enter again by itself.
func (n *Node) Leave(ctx context.Context) error {
	patience := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		patience, cancel = context.WithDeadline(ctx, time.Now().Add(time.Until(deadline)/2))
		defer cancel()
	}
	if err := n.drain(patience); err != nil && ctx.Err() == nil {
		n.log.Warn("shards are not all taken; they move at once", "err", err)
	}
	n.left.Store(true)
	// Only this process leaves: another that has entered under its name stays.
	_, err := n.coord.Withdraw(ctx, n.cfg.Name, n.incarnation.Load())
	return err
}

// HasLeft reports whether Leave was called.
func (n *Node) HasLeft() bool { return n.left.Load() }

// drain returns when the others have taken this node's shards, or there is nobody who could.
func (n *Node) drain(ctx context.Context) error {
	wake, stop := n.coord.Watch()
	defer stop()
	if _, err := n.coord.Drain(ctx, n.cfg.Name, n.incarnation.Load()); err != nil {
		return err
	}
	for {
		if core.Undrained(n.coord.State(), n.cfg.Name) == 0 {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
