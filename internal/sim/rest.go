package sim

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shard"
)

// restless says what is not at rest yet, or nil.
func (w *world) restless() error {
	for _, c := range w.clients {
		if !c.done() && !w.losing() {
			return fmt.Errorf("%s: %d documents made, %d wanted, %d under way", c.name, c.docs, w.cfg.Documents, c.open)
		}
	}
	for _, k := range w.tails {
		if err := k.restless(); err != nil {
			return err
		}
	}
	if err := w.disconnected(); err != nil {
		return err
	}
	state, err := w.committed()
	if err != nil {
		return err
	}
	for _, name := range w.names {
		if err := w.bears(name, state); err != nil {
			return err
		}
	}
	if w.losing() {
		return nil // no node takes a shard that is halted there
	}
	return balanced(state)
}

// balanced says which planned moves are still to come, or nil when the shards are spread evenly.
func balanced(s *coordinator.State) error {
	if moves := shard.Diff(s.Assignment, s.Target()).Moves; len(moves) > 0 {
		return fmt.Errorf("moves are to come: %v", moves)
	}
	owned := map[string]int{}
	for i := range s.Settings.Shards {
		owned[s.Assignment.Node(i)]++
	}
	for _, m := range s.Members {
		if n, k := s.Settings.Shards, len(s.Members); owned[m.Name] < n/k || owned[m.Name] > (n+k-1)/k {
			return fmt.Errorf("%s owns %d of %d shards, and there are %d nodes", m.Name, owned[m.Name], n, k)
		}
	}
	return nil
}

// committed is what the control log says.
func (w *world) committed() (*coordinator.State, error) {
	log := w.engine.control
	if log.tail() == 0 {
		return nil, fmt.Errorf("the control log is empty")
	}
	return coordinator.ParseRecord(coordID, log.entries[len(log.entries)-1].Payload)
}

// bears says what is missing until one process bears the name and has done all that it must.
func (w *world) bears(name string, state *coordinator.State) error {
	var p *proc
	for _, other := range w.live() {
		if other.name == name && !other.paused {
			if p != nil {
				return fmt.Errorf("%s and %s both run", p, other)
			}
			p = other
		}
	}
	m, member := state.Member(name)
	switch {
	case p == nil || p.entry == nil || !member:
		return fmt.Errorf("%s is not a member", name)
	case m.Incarnation != p.incarnation || p.state.Epoch != state.Epoch:
		return fmt.Errorf("%s is not as far as the control log", p)
	}
	for s, l := range p.loops {
		if err := l.restless(state.Assignment.Node(s) == name, state.Standby(s) == name); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) restless(owner, standby bool) error {
	want := operator.None
	switch s := l.p.w.check.shards[l.shard]; {
	case s.lost != nil && owner && l.op.State() != operator.Halted:
		return fmt.Errorf("%s shard %d is %v, and its log has lost its end", l.p, l.shard, l.op.State())
	case s.damaged:
		return nil
	case owner:
		want = operator.Owning
	case standby:
		want = operator.Following
	}
	tail := l.p.w.check.shards[l.shard].points
	switch {
	case l.op.State() != want:
		return fmt.Errorf("%s shard %d is %v, not %v", l.p, l.shard, l.op.State(), want)
	case l.p.senders[l.shard].core.Busy():
		return fmt.Errorf("%s shard %d has %d events under way", l.p, l.shard, l.p.senders[l.shard].core.Outbox.Len())
	case (owner || standby) && l.op.Position() != tail[len(tail)-1].position:
		return fmt.Errorf("%s shard %d is at %d", l.p, l.shard, l.op.Position())
	}
	return nil
}
