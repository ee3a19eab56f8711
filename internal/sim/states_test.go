package sim

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	nodecore "github.com/quadrille-stream/quadrille/node/core"
)

// forget makes a node forget how far shard 0's log goes, and returns it.
func forget(p *proc) engine.Mark {
	known := p.mark(0)
	p.w.marksOf(p.name)[0] = engine.Mark{}
	return known
}

// submit puts an event for which nobody waits into the outbox of shard 0.
func submit(p *proc, now time.Time) {
	p.senders[0].core.Outbox.Submit(now, 1<<40, event.Event{Payload: []byte("nobody waits for it")})
}

// TestStatesAreChecked: a state machine that is not well after an input ends the run, which says what is wrong.
func TestStatesAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		bug  func(*proc)
		want string
	}{
		"replica, tick": {func(p *proc) {
			forget(p)
			p.loops[0].tick()
		}, "n1 shard 0: replica: the operator was told"},
		"replica, turn": {func(p *proc) {
			p.loops[0].post(func(time.Time) { forget(p) })
		}, "n1 shard 0: replica: the operator was told"},
		"replica, batch": {func(p *proc) {
			forget(p)
			l := p.loops[0]
			l.remote = []event.Batch{{From: "n2", ID: 1, Events: make([]event.Event, 1)}}
			l.turn()
		}, "n1 shard 0: replica: the operator was told"},
		"replica, role": {func(p *proc) {
			known := forget(p)
			l := p.loops[0]
			l.role = &nodecore.Role{}
			l.in = append(l.in, func(time.Time) { p.w.raise(p.name, 0, known) })
			l.turn()
		}, "n1 shard 0: replica: the operator was told"},
		"sender": {func(p *proc) {
			p.senders[0].do(func(now time.Time) { submit(p, now) })
		}, "n1 shard 0: sender: 0 wait"},
		"sender, tick": {func(p *proc) {
			submit(p, p.wall())
			p.senders[0].tick()
		}, "n1 shard 0: sender: 0 wait"},
		"sender, acks": {func(p *proc) {
			submit(p, p.wall())
			p.senders[0].acked(event.Batch{From: "n2", Acks: make([]event.Ack, 1)})
		}, "n1 shard 0: sender: 0 wait"},
		"sender, refused": {func(p *proc) {
			submit(p, p.wall())
			p.loops[0].remote = make([]event.Batch, inboxSize)
			p.senders[0].send("n1", event.Batch{From: "n1", ID: 1})
		}, "n1 shard 0: sender: 0 wait"},
		"sender, sent": {func(p *proc) {
			submit(p, p.wall())
			p.w.chaos.TooLarge = 1
			p.senders[0].send("n2", event.Batch{From: "n1", ID: 1, Events: make([]event.Event, 2)})
		}, "n1 shard 0: sender: 0 wait"},
		"watch": {func(p *proc) { p.watch.Called(p.mono(), false) }, "n1: watch of n1: -1 calls"},
		"entry": {func(p *proc) {
			p.entry.Tried(p.mono().Add(time.Hour))
			p.state, _ = p.state.Fail("n1", p.incarnation)
			p.assign()
		}, "n1: entry of n1: it enters again"},
		"passage": {func(p *proc) {
			s := &pull{p: p, b: p.w.addBroker("log", 1), pass: core.NewPassage(core.PassageConfig{})}
			s.pass.Paused()
			s.step()
		}, "n1: passage: 0 events are to be sent"},
		"writing": {func(p *proc) {
			p.w.addTarget("once", true)
			s := &push{p: p, h: p.w.targets[0].shards[0], writing: core.NewWriting(1, core.Backoff{})}
			s.k = &writer{h: s.h, p: p}
			s.writing.Paused()
			s.step()
		}, "n1: writing: 0 records are to be written"},
		"proposer": {func(p *proc) {
			x := p.propose("do nothing", func(s *coordinator.State) (*coordinator.State, error) { return s, nil }, func(*coordinator.State, error) {})
			x.proposer.Appended(5, nil)
			x.step()
		}, "n1: proposer"},
	} {
		w := newWorld(Config{Seed: 1, Nodes: 2})
		for _, node := range w.names {
			w.start(node)
		}
		w.advance(5 * time.Second)
		if w.violation != nil {
			t.Fatal(w.violation)
		}
		c.bug(w.procs[0])
		w.advance(time.Second)
		if err := w.failed(); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
