package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

const (
	// healthEvery is the time between looks at the engine's streams and disk.
	healthEvery = time.Second
	// commitPatience is how long an append may be under way until the node says that it can't commit to the shard.
	commitPatience = 3 * time.Second
)

// watchHealth looks at the engine until ctx ends: what it can lose or stop is told, not found out by who needs it.
func (n *Node) watchHealth(ctx context.Context) error {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	known, gone := make([]uint64, len(n.loops)), make(goneShards, len(n.loops))
	for {
		h := n.cfg.Engine.Health(ctx)
		if ctx.Err() != nil {
			return nil
		}
		before := n.health.Swap(&h)
		n.healthBefore.Store(before)
		if before == nil {
			before = &engine.Health{}
		}
		n.tellChanges(before, &h)
		n.lookAtStandbys(known)
		n.lookAtStates()
		gone.look(ctx, n, time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// lookAtStandbys notes which of the shards this node stands by for are not near the end of their logs: had their owner
// failed now, their senders would wait. Near is what was known of the logs at the look before, which known holds.
func (n *Node) lookAtStandbys(known []uint64) {
	behind := make([]standbyLag, 0, len(n.loops))
	for s, l := range n.loops {
		mark := n.cfg.Marks.Mark(s).Position
		v := l.view.Load()
		if n.senders[s].shown().standby == n.cfg.Name && v.state != operator.Halted && v.position < known[s] {
			behind = append(behind, standbyLag{s, v.position, mark})
		}
		known[s] = mark
	}
	n.behind.Store(&behind)
}

// standbyLag says how far the standby of a shard is behind.
type standbyLag struct {
	shard    int
	at, mark uint64
}

// tellChanges logs each transition, once.
func (n *Node) tellChanges(before, now *engine.Health) {
	for i := range now.Streams {
		s := &now.Streams[i]
		was := engine.StreamHealth{}
		if j := slices.IndexFunc(before.Streams, func(o engine.StreamHealth) bool { return o.Name == s.Name }); j >= 0 {
			was = before.Streams[j]
		} else if s.Err == nil && !s.Degraded() {
			continue // all is well from the beginning
		}
		log := n.log.With("stream", s.Name, "copies", s.Copies(), "leader", s.Leader)
		switch {
		case s.Err != nil && was.Err == nil:
			log.Error("nothing can be appended to a stream", "err", s.Err)
		case s.Err == nil && was.Err != nil:
			log.Info("a stream takes appends again")
		case s.Degraded() && (!was.Degraded() || s.Good() != was.Good()):
			log.Warn("a stream has fewer good copies than it should")
		case !s.Degraded() && was.Degraded():
			log.Info("a stream has all of its copies again")
		}
	}
	for _, what := range now.Troubles {
		if !slices.Contains(before.Troubles, what) {
			n.log.Error("the engine is not well", "what", what)
		}
	}
	for _, d := range now.Damages {
		if !slices.Contains(before.Damages, d) {
			n.log.Error("damage was found", "what", d)
		}
	}
}

// streamOf is how the stream of a shard is; nil if that is not known.
func streamOf(h *engine.Health, shard int) *engine.StreamHealth {
	if h == nil {
		return nil
	}
	for i := range h.Streams {
		if slices.Contains(h.Streams[i].Shards, shard) {
			return &h.Streams[i]
		}
	}
	return nil
}

// canCommit returns nil if this node, which owns the shard, can commit to it now, else why not.
func (n *Node) canCommit(shard int) error {
	v := n.loops[shard].view.Load()
	switch {
	case v.state == operator.Halted:
		return fmt.Errorf("shard %d is halted: %w", shard, v.err)
	case v.state != operator.Owning:
		return fmt.Errorf("shard %d is %v, not yet owned", shard, v.state)
	}
	// Twice in a row, since one answer may be late.
	if s, was := streamOf(n.health.Load(), shard), streamOf(n.healthBefore.Load(), shard); s != nil && s.Err != nil &&
		was != nil && was.Err != nil {
		return fmt.Errorf("shard %d: %w", shard, s.Err)
	}
	if err := v.trouble; err != nil && time.Since(v.since) > commitPatience {
		return fmt.Errorf("shard %d: appends fail since %v: %w", shard, time.Since(v.since).Round(time.Second), err)
	}
	return nil
}

// degraded lists what is not as it should be, though the node may be ready: what a person should look at.
func (n *Node) degraded(s *Status) (list []string) {
	for _, m := range s.Members {
		switch {
		case m.Cut:
			list = append(list, fmt.Sprintf("node %s is cut off: it hears none of the others, and reaches no majority of the engine's servers",
				m.Name))
		case !m.Alive:
			list = append(list, fmt.Sprintf("node %s is not heard", m.Name))
		}
	}
	for _, name := range s.Absent {
		list = append(list, fmt.Sprintf("node %s is missing: it has failed or was stopped, and is not back", name))
	}
	for _, sh := range s.Shards {
		if sh.Owner == "" {
			list = append(list, fmt.Sprintf("shard %d has no owner", sh.Shard))
		}
		if sh.State == operator.Halted.String() {
			list = append(list, fmt.Sprintf("shard %d is halted: %s", sh.Shard, sh.Error))
		}
		if a := n.loops[sh.Shard].view.Load().aside; !a.At.IsZero() {
			list = append(list, fmt.Sprintf("shard %d: what %s kept of it was damaged, and is set aside in %s since %s: %v", sh.Shard,
				n.cfg.Name, a.Where, a.At.UTC().Format(time.RFC3339), a.Err))
		}
	}
	if lags := n.behind.Load(); lags != nil {
		for _, lag := range *lags {
			list = append(list, fmt.Sprintf("the standby %s of shard %d is at position %d of %d", n.cfg.Name, lag.shard, lag.at, lag.mark))
		}
	}
	if h := n.health.Load(); h != nil {
		for i := range h.Streams {
			switch st := &h.Streams[i]; {
			case st.Err != nil:
				list = append(list, st.Err.Error())
			case st.Degraded():
				list = append(list, fmt.Sprintf("stream %s should have %d good copies: %s", st.Name, st.Expected, st.Copies()))
			}
		}
		if h.Storage.Err != nil {
			list = append(list, h.Storage.Err.Error())
		}
		list = append(append(list, h.Troubles...), h.Damages...)
	}
	return list
}
