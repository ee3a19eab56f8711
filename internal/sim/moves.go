package sim

import (
	"errors"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
)

// drainWithin bounds how long a node that leaves waits until the others have taken its shards.
const drainWithin = 5 * time.Second

// move takes the shards that planned moves are to bring here, each when its state here is near the tail of its log.
func (p *proc) move() {
	pending := core.Targets(p.state, p.name)
	if p.moving || len(pending) == 0 {
		return
	}
	p.moving = true
	left, near := len(pending), []int(nil)
	for _, s := range pending {
		p.near(s, func(ok bool) {
			if ok {
				near = append(near, s)
			}
			if left--; left == 0 {
				p.take(near)
			}
		})
	}
}

// near tells whether this process follows the shard closely.
func (p *proc) near(s int, done func(bool)) {
	l, log := p.loops[s], p.w.engine.shards[s]
	if l.op.State() != operator.Following {
		done(false)
		return
	}
	var tail uint64
	log.read(p, max(log.tail(), 1), func(entries []engine.Entry) { tail = entries[len(entries)-1].Seq }, func(err error) {
		if err != nil {
			done(false)
			return
		}
		p.after(p.w.between(0, core.NearTail), func() { done(l.op.Position() >= tail) })
	})
}

func (p *proc) take(shards []int) {
	again := func(*coordinator.State, error) {
		p.after(core.MoveEvery, func() {
			p.moving = false
			p.move()
		})
	}
	if len(shards) == 0 {
		again(nil, nil)
		return
	}
	p.propose("take shards", func(s *coordinator.State) (*coordinator.State, error) {
		return s.Take(p.name, shards), nil
	}, again)
}

// leave has the others take the shards of the process, takes its node out of the pipeline, and ends it.
func (p *proc) leave() {
	p.w.note("%s is to leave", p)
	p.propose("drain", func(s *coordinator.State) (*coordinator.State, error) {
		next, err := s.Drain(p.name, p.incarnation)
		if errors.Is(err, coordinator.ErrUnknownNode) {
			return s, nil
		}
		return next, err
	}, func(*coordinator.State, error) { p.drained(p.w.now + drainWithin) })
}

// drained leaves when the others have taken this process's shards, or time is up.
func (p *proc) drained(end time.Duration) {
	if p.w.now < end && core.Undrained(p.state, p.name) > 0 {
		p.after(core.MoveEvery, func() { p.drained(end) })
		return
	}
	p.propose("leave", func(s *coordinator.State) (*coordinator.State, error) {
		return p.self.Withdraw(s, p.name, p.incarnation)
	}, func(*coordinator.State, error) { p.kill("it has left") })
}
