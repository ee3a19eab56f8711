package node

import (
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// Status returns what the node knows now.
func (n *Node) Status() Status {
	state := n.coord.State()
	s := Status{
		Pipeline: n.cfg.Pipeline, Node: n.cfg.Name, Incarnation: n.incarnation.Load(), Epoch: state.Epoch,
		Key: string(n.cfg.Key), Stats: n.Stats(),
	}
	if err := n.Ready(); err != nil {
		s.NotReady = err.Error()
	} else {
		s.Ready = true
	}
	owned := map[string]int{}
	for shard, l := range n.loops {
		v := l.view.Load()
		st := ShardStatus{Shard: shard, Owner: v.owner, Standby: v.standby, State: v.state.String(),
			Position: v.position, Head: v.head}
		if d, ok := v.logic.(*dataset.Logic); ok {
			st.Quads = d.Store().Len()
		}
		if v.err != nil {
			st.Error = v.err.Error()
		}
		if v.owner != "" {
			owned[v.owner]++
		}
		s.Shards = append(s.Shards, st)
	}
	n.beats.mu.Lock()
	defer n.beats.mu.Unlock()
	for _, m := range state.Members {
		ms := MemberStatus{Name: m.Name, Incarnation: m.Incarnation, Owned: owned[m.Name], HeardMillis: -1}
		if h, ok := n.beats.last[m.Name]; ok {
			since := time.Since(h.at)
			ms.HeardMillis, ms.Alive = since.Milliseconds(), since < n.cfg.FailAfter
			ms.Load, ms.Info = h.Load, h.Info
		}
		s.Members = append(s.Members, ms)
	}
	return s
}

// Ready returns nil when the node is a member and every shard that it owns is claimed, else what is missing.
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
	for shard, l := range n.loops {
		v := l.view.Load()
		if state.Assignment.Node(shard) == n.cfg.Name && v.state != operator.Owning {
			return fmt.Errorf("shard %d is %v, not yet owned", shard, v.state)
		}
	}
	return nil
}

// Stats returns the counters.
func (n *Node) Stats() Stats {
	s := Stats{
		Submissions: n.counted.submissions.Load(), ChangesIn: n.counted.changesIn.Load(),
		AppendNanos: n.counted.appendNanos.Load(), ProposedFailed: n.counted.proposedFailed.Load(),
	}
	for _, l := range n.loops {
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
