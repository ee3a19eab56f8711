package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
)

// The nodes' configuration: slower than the defaults, to save steps.
const (
	beatEvery = 250 * time.Millisecond
	failAfter = 1250 * time.Millisecond
)

// coordID names the pipeline.
const coordID = "sim"

// errGivenUp ends a proposal whose time is up.
var errGivenUp = errors.New("proposal is given up, its outcome is unknown")

// proposal is one try to change the committed state: it does what its [coordinator.Proposer] wants.
type proposal struct {
	p        *proc
	what     string
	proposer *coordinator.Proposer
	done     func(*coordinator.State, error)
	end      time.Duration
	// withdrawn ends it.
	withdrawn bool
}

// propose calls done with the state that was committed, or the one found if there is nothing to do.
func (p *proc) propose(what string, compute func(*coordinator.State) (*coordinator.State, error),
	done func(*coordinator.State, error)) *proposal {
	x := &proposal{p: p, what: what, done: done, end: p.w.now + core.ProposalTimeout}
	x.proposer = coordinator.NewProposer(coordinator.ProposerConfig{CoordID: coordID,
		ID: fmt.Sprintf("P%x", p.w.rng.Uint64()), Compute: compute, Marks: p.mark})
	x.step()
	return x
}

// step does the next step, after its pause. It comes after each input.
func (x *proposal) step() {
	x.p.check(x.proposer)
	step := x.proposer.Step()
	if step.Pause == 0 {
		x.do(step)
		return
	}
	x.p.after(step.Pause, func() {
		if x.withdrawn || x.p.w.now > x.end {
			x.done(nil, errGivenUp)
			return
		}
		x.do(step)
	})
}

func (x *proposal) do(step coordinator.Step) {
	switch step.Action {
	case coordinator.ReadNewest:
		x.readNewest()
	case coordinator.AppendNext:
		x.p.w.engine.control.append(x.p, step.Expect, step.Payload, func(at uint64, err error) {
			x.proposer.Appended(at, err)
			if next := x.proposer.Step().Action; next == coordinator.ReadNewest {
				x.p.w.note("%s: the proposal to %s behind %d is refused; it plans again", x.p, x.what, step.Expect)
			}
			x.step()
		})
	case coordinator.ReadBehind:
		x.readBehind(step.Expect)
	case coordinator.Finished:
		at, _, after, err := x.proposer.Result()
		if err == nil {
			x.p.install(at, after)
		}
		x.done(after, err)
	}
}

func (x *proposal) readNewest() {
	var tail engine.Entry
	log := x.p.w.engine.control
	log.read(x.p, max(log.tail(), 1), func(entries []engine.Entry) { tail = entries[len(entries)-1] }, func(err error) {
		if err != nil {
			x.proposer.Retry()
			x.step()
			return
		}
		if tail.Seq > 0 {
			x.p.read(tail)
		}
		if x.p.dead { // it has found other settings
			return
		}
		x.proposer.Newest(x.p.state, max(x.p.at, tail.Seq))
		x.step()
	})
}

func (x *proposal) readBehind(expect uint64) {
	var first engine.Entry
	x.p.w.engine.control.read(x.p, expect+1, func(entries []engine.Entry) {
		if first.Seq == 0 {
			first = entries[0]
		}
	}, func(err error) {
		if err != nil {
			x.proposer.Retry()
		} else {
			x.proposer.Behind(first)
		}
		x.step()
	})
}

// read installs a record of the control log, if its settings are this process's.
func (p *proc) read(e engine.Entry) {
	s, err := coordinator.ParseRecord(coordID, e.Payload)
	if err != nil {
		p.w.broken(ErrControl, "%s: %v", p, err)
		return
	}
	if err := p.settings.Check(s.Settings); err != nil {
		p.kill(err.Error())
		return
	}
	p.install(e.Seq, s)
}

// install makes a committed state the current one, unless a newer one is.
func (p *proc) install(at uint64, s *coordinator.State) {
	if at <= p.at {
		return
	}
	p.at, p.state = at, s
	p.w.check.installed(p, s)
	for shard := range s.Settings.Shards {
		p.w.raise(p.name, shard, s.Mark(shard))
	}
	p.look()
}

// look makes the process look at the newest state; several changes may be seen as one.
func (p *proc) look() {
	if p.entry != nil && !p.entering && !p.woken {
		p.woken = true
		p.after(p.w.between(0, 3*time.Millisecond)+p.lag, func() {
			p.woken = false
			p.assign()
		})
	}
}

// enter makes this process the bearer of its name.
func (p *proc) enter() {
	p.propose("enter", p.bear, func(s *coordinator.State, err error) {
		if err != nil {
			p.after(core.ReenterAfter, p.enter)
			return
		}
		p.incarnation, _ = p.self.Entered(s)
		p.begin()
	})
}

func (p *proc) bear(s *coordinator.State) (*coordinator.State, error) { return p.self.Enter(s), nil }

// begin starts everything that needs the incarnation.
func (p *proc) begin() {
	p.entry = core.NewEntry(p.self, p.mono())
	p.door = event.Producer{Kind: event.Door, Name: fmt.Sprintf("%s/%d", p.name, p.incarnation)}
	p.w.note("%s has entered, incarnation %d", p, p.incarnation)
	for s, l := range p.loops {
		p.senders = append(p.senders, newSender(p, s))
		l.wake()
	}
	p.connectors()
	p.follow()
	p.look()
	p.beat()
}

// follow reads the control log, and takes it up again when the reading has ended.
func (p *proc) follow() {
	log := p.w.engine.control
	log.follow(p, max(log.tail(), 1), func(entries []engine.Entry) {
		for _, e := range entries {
			p.read(e)
		}
	}, func(error) { p.after(250*time.Millisecond, p.follow) })
}

// assign tells senders and loops their part of the newest state, and keeps the process a member.
func (p *proc) assign() {
	if p.entering {
		return
	}
	state := p.state
	at := p.entry.Look(p.mono(), state, false)
	p.check(p.entry)
	if at.Superseded > 0 {
		p.kill(fmt.Sprintf("incarnation %d bears its name", at.Superseded))
		return
	}
	if at.Incarnation > 0 && at.Incarnation != p.incarnation {
		p.incarnation = at.Incarnation
		p.w.note("%s has entered again, incarnation %d", p, p.incarnation)
	}
	incarnation := p.incarnation
	for s, role := range core.Roles(state, p.name, incarnation) {
		p.loops[s].assign(role) // first: a sender whose own node is the owner turns to it at once
		p.senders[s].do(func(now time.Time) { p.senders[s].core.Assign(now, role) })
	}
	switch {
	case at.Enter:
		p.entering = true
		p.propose("enter again", p.bear, func(*coordinator.State, error) {
			p.entering = false
			p.entry.Tried(p.mono())
			p.check(p.entry)
			p.look()
		})
	case at.Wait > 0:
		p.after(at.Wait, p.look)
	case at.Incarnation > 0:
		p.move()
	}
}

// beat tells everybody that the process lives, and proposes those as failed who don't tell.
func (p *proc) beat() {
	p.w.network.beat(p)
	orders := p.watch.Look(p.mono(), p.state)
	p.check(p.watch)
	if orders.Call {
		p.call()
	}
	for _, name := range orders.Withdraw {
		p.accusing[name].withdrawn = true
	}
	for _, m := range orders.Accuse {
		p.accuse(m)
	}
	p.after(beatEvery, p.beat)
}

// call tries to be in contact with a majority.
func (p *proc) call() {
	log := p.w.engine.control
	log.read(p, max(log.tail(), 1), func([]engine.Entry) {}, func(err error) {
		p.watch.Called(p.mono(), err == nil)
		p.check(p.watch)
	})
}

func (p *proc) accuse(m coordinator.Member) {
	p.w.note("%s proposes %s, incarnation %d, as failed", p, m.Name, m.Incarnation)
	p.accusing[m.Name] = p.propose("fail "+m.Name, func(s *coordinator.State) (*coordinator.State, error) {
		return p.self.Fail(s, m.Name, m.Incarnation)
	}, func(*coordinator.State, error) {
		delete(p.accusing, m.Name)
		p.watch.Accused(m.Name)
		p.check(p.watch)
	})
}

// check holds after every input of a state machine of the control plane.
func (p *proc) check(machine interface{ Check() error }) {
	if err := machine.Check(); err != nil {
		p.w.broken(ErrState, "%s: %v", p, err)
	}
}
