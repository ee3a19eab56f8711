package sim

import (
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// network carries batches and beats between nodes: late, out of order, twice or not at all.
type network struct {
	w   *world
	cut map[link]bool // by names; one-way
}

type link struct{ from, to string }

// send carries a batch to every process that bears the name, unless it is more than the transport can carry.
func (n *network) send(from *proc, to string, b event.Batch) error {
	w := n.w
	if len(b.Events) > 1 && w.chance(w.chaos.TooLarge) {
		return shipper.ErrTooLarge
	}
	for _, p := range w.procs {
		if p.name != to || p.dead || n.cut[link{from.name, to}] || w.chance(w.chaos.Drop) {
			continue
		}
		n.carry(p, b)
		if w.chance(w.chaos.Duplicate) {
			n.carry(p, b)
		}
	}
	return nil
}

func (n *network) carry(p *proc, b event.Batch) {
	d := n.w.between(100*time.Microsecond, 2*time.Millisecond)
	if n.w.chance(n.w.chaos.Late) {
		d = n.w.between(0, 8*time.Second)
	}
	p.after(d, func() {
		if b.Shard < len(p.loops) {
			p.receive(b)
		}
	})
}

// receive takes in a batch that came over the network. Where there is no room it is lost: who waits for an answer sends again.
func (p *proc) receive(b event.Batch) {
	switch {
	case len(b.Acks) == 0:
		b.Events = slices.Clone(b.Events)
		_ = p.loops[b.Shard].put(b)
	case p.entry != nil:
		p.senders[b.Shard].acked(b)
	}
}

// beat carries a beat to every process, its own included, by way of the engine.
func (n *network) beat(from *proc) {
	w := n.w
	name, incarnation, marks, isCut := from.name, from.incarnation, from.owned(), from.watch.Cut(from.mono())
	for _, p := range w.procs {
		own := p == from && p.own
		if p.dead || n.cut[link{name, p.name}] && name != p.name || from.mute && !own || w.chance(w.chaos.Drop) {
			continue
		}
		p.after(w.between(100*time.Microsecond, 5*time.Millisecond), func() {
			if !p.deaf || p == from && p.own {
				p.watch.Heard(p.mono(), name, incarnation, isCut)
				p.check(p.watch)
				p.heardMarks(marks)
			}
		})
	}
}
