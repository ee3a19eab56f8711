package node

import (
	"context"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
)

// Status returns what the node knows now.
func (n *Node) Status() Status {
	state := n.coord.State()
	s := Status{
		Pipeline: n.cfg.Pipeline, Node: n.cfg.Name, Incarnation: n.incarnation.Load(), Epoch: state.Epoch,
		Key: n.cfg.KeyName, Absent: state.Absent, Stats: n.Stats(),
	}
	if err := n.Ready(); err != nil {
		s.NotReady = err.Error()
	} else {
		s.Ready = true
	}
	owned := map[string]int{}
	for shard, l := range n.loops {
		v, door := l.view.Load(), n.senders[shard].shown()
		st := ShardStatus{Shard: shard, Owner: door.owner, Standby: door.standby, State: v.state.String(),
			Position: v.position, Head: v.head, Size: sizeOf(v.logic), Letters: v.letters.Len()}
		if v.err != nil {
			st.Error = v.err.Error()
		}
		if door.owner != "" {
			owned[door.owner]++
		}
		s.Shards = append(s.Shards, st)
	}
	s.Members = n.members(state, owned)
	s.Engine = n.engineStatus()
	s.Degraded = n.degraded(&s)
	return s
}

// members is what is known of each member; owned counts their shards.
func (n *Node) members(state *coordinator.State, owned map[string]int) (list []MemberStatus) {
	n.beats.mu.Lock()
	defer n.beats.mu.Unlock()
	for _, m := range state.Members {
		ms := MemberStatus{Name: m.Name, Incarnation: m.Incarnation, Owned: owned[m.Name], HeardMillis: -1}
		if h, ok := n.beats.last[m.Name]; ok {
			since := time.Since(h.at)
			fresh := since < n.cfg.FailAfter
			ms.HeardMillis, ms.Alive, ms.Cut = since.Milliseconds(), fresh && !h.Cut, fresh && h.Cut
			ms.Load, ms.Info = h.Load, h.Info
		}
		list = append(list, ms)
	}
	return list
}

// engineStatus is how the engine was when it was last looked at.
func (n *Node) engineStatus() EngineStatus {
	h := n.health.Load()
	if h == nil {
		return EngineStatus{}
	}
	s := EngineStatus{Storage: h.Storage, Damages: h.Damages, Troubles: h.Troubles}
	if h.Storage.Err != nil {
		s.StorageError = h.Storage.Err.Error()
	}
	for _, stream := range h.Streams {
		st := StreamStatus{StreamHealth: stream, Degraded: stream.Degraded()}
		if stream.Err != nil {
			st.Error = stream.Err.Error()
		}
		s.Streams = append(s.Streams, st)
	}
	return s
}

// Ready returns nil when the node is a member and can commit to every shard that it owns, now, as far as it knows: claimed,
// not halted, its stream led by somebody who reaches a majority, with room. Else it returns what is missing.
func (n *Node) Ready() error {
	select {
	case <-n.entered:
	default:
		return fmt.Errorf("%s has not entered the pipeline yet", n.cfg.Name)
	}
	state := n.coord.State()
	if n.left.Load() {
		return fmt.Errorf("%s has left the pipeline, or is leaving it", n.cfg.Name)
	}
	if _, ok := state.Member(n.cfg.Name); !ok {
		return fmt.Errorf("%s is not a member", n.cfg.Name)
	}
	for shard := range n.loops {
		if state.Assignment.Node(shard) == n.cfg.Name {
			if err := n.canCommit(shard); err != nil {
				return err
			}
		}
	}
	return nil
}

// readyPoll is the time between looks of who waits for the node to be ready.
const readyPoll = 20 * time.Millisecond

// WaitReady returns when [Node.Ready] is nil. Its error is [event.ErrStopped] when the node stops, or that of ctx around what
// is missing.
func (n *Node) WaitReady(ctx context.Context) error {
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		missing := n.Ready()
		if missing == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-n.life.Done():
			return event.ErrStopped
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), missing)
		}
	}
}

// Stats returns the counters.
func (n *Node) Stats() Stats {
	s := Stats{
		AppendNanos: n.counted.appendNanos.Load(), ProposedFailed: n.counted.proposedFailed.Load(),
	}
	for shard, l := range n.loops {
		if since := n.senders[shard].shown().underWay; !since.IsZero() {
			s.OldestMillis = max(s.OldestMillis, time.Since(since).Milliseconds())
		}
		o := l.view.Load().stats
		s.Events += o.Events
		s.Adds += o.Adds
		s.Deletes += o.Deletes
		s.Duplicates += o.Duplicates
		s.Bad += o.Bad
		s.Records += o.Records
		s.RecordBytes += o.RecordBytes
		s.AppendRefused += o.Refused
		s.AppendUnknown += o.Unknown
		s.Claims += o.Claims
		s.ClaimTries += o.ClaimTries
		s.Yields += o.Yields
		s.Halted += o.Halts
	}
	return s
}

// accepted counts the changes committed as owner.
func (n *Node) accepted() uint64 {
	s := n.Stats()
	return s.Adds + s.Deletes
}
