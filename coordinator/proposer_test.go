package coordinator_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
)

// proposing drives a proposer by hand: n1 enters.
type proposing struct {
	*testing.T
	*coordinator.Proposer
	empty *coordinator.State
	made  coordinator.Step // the first append of the newest plan
}

// The inputs of the proposer: after each, its state must be well, and what is appended is what was planned, behind the state
// that it was planned on.

func (p *proposing) Newest(base *coordinator.State, tail uint64) {
	p.Proposer.Newest(base, tail)
	if p.made = p.Step(); p.made.Action == coordinator.AppendNext && p.made.Expect != tail {
		p.Fatalf("planned on the state at %d, and appends behind %d", tail, p.made.Expect)
	}
	p.check()
}

func (p *proposing) Appended(at uint64, err error) {
	p.Proposer.Appended(at, err)
	p.check()
}

func (p *proposing) Behind(first engine.Entry) {
	p.Proposer.Behind(first)
	p.check()
}

func (p *proposing) Retry() {
	p.Proposer.Retry()
	p.check()
}

// check holds after every input.
func (p *proposing) check() {
	p.Helper()
	if err := p.Proposer.Check(); err != nil {
		p.Fatal(err)
	}
	step := p.Step()
	if again := step.Action == coordinator.AppendNext || step.Action == coordinator.ReadBehind; again &&
		(step.Expect != p.made.Expect || string(step.Payload) != string(p.made.Payload)) {
		p.Fatal("something else is appended than was planned, or elsewhere")
	}
}

func newProposing(t *testing.T) *proposing {
	return &proposing{T: t, empty: coordinator.NewState(coordinator.Settings{Shards: 2, Hash: "fnv1a64", Key: "subject", Format: 1}),
		Proposer: coordinator.NewProposer(coordinator.ProposerConfig{CoordID: "c1", ID: "mine",
			Compute: func(s *coordinator.State) (*coordinator.State, error) {
				if _, there := s.Member("n1"); there {
					return s, nil
				}
				return s.Enter(coordinator.Member{Name: "n1", Weight: 1}), nil
			}})}
}

// wants checks the next step, and whether it comes after a pause.
func (p *proposing) wants(action coordinator.Action, paused bool) coordinator.Step {
	p.Helper()
	step := p.Step()
	if step.Action != action || (step.Pause > 0) != paused {
		p.Fatalf("step %d after %v, want %d, after a pause: %v", step.Action, step.Pause, action, paused)
	}
	return step
}

// appends brings the proposer to its first append, behind position 7.
func (p *proposing) appends() coordinator.Step {
	p.Helper()
	p.wants(coordinator.ReadNewest, false)
	p.Newest(p.empty, 7)
	step := p.wants(coordinator.AppendNext, false)
	if step.Expect != 7 {
		p.Fatalf("behind %d", step.Expect)
	}
	return step
}

// committed checks that the proposal was committed there.
func (p *proposing) committed(at uint64) {
	p.Helper()
	p.wants(coordinator.Finished, false)
	got, before, after, err := p.Result()
	if _, member := after.Member("n1"); got != at || before != p.empty || !member || after.Proposal != "mine" || err != nil {
		p.Fatalf("at %d, %+v, %v; want it at %d", got, after, err, at)
	}
}

// TestNoRecord: a state that can't be written is not proposed.
func TestNoRecord(t *testing.T) {
	empty := coordinator.NewState(coordinator.Settings{Shards: 1})
	for _, cfg := range []coordinator.ProposerConfig{{CoordID: "c 1", ID: "mine"}, {CoordID: "c1", ID: "\xff"}} {
		cfg.Compute = func(s *coordinator.State) (*coordinator.State, error) {
			return s.Enter(coordinator.Member{Name: "n1", Weight: 1}), nil
		}
		p := &proposing{T: t, Proposer: coordinator.NewProposer(cfg)}
		p.Newest(empty, 0)
		if _, _, _, err := p.Result(); p.Step().Action != coordinator.Finished || err == nil {
			t.Errorf("%+v: step %d, %v", cfg, p.Step().Action, err)
		}
	}
}

// TestProposer has one part for each row of the table in the comment of Proposer.
func TestProposer(t *testing.T) {
	refused, lost := errors.New("no such stream"), errors.New("the answer got lost")
	unknown := errors.Join(engine.ErrUnknown, lost)
	parts := map[string]func(*proposing){
		"nothing to do": func(p *proposing) {
			there := p.empty.Enter(coordinator.Member{Name: "n1", Weight: 1})
			p.Newest(there, 1)
			p.wants(coordinator.Finished, false)
			if at, before, after, err := p.Result(); at != 0 || before != there || after != there || err != nil {
				p.Errorf("%d, %v, %v", at, after, err)
			}
		},
		"can't be read": func(p *proposing) {
			p.Retry()
			p.wants(coordinator.ReadNewest, true)
		},
		"committed": func(p *proposing) {
			p.appends()
			p.Appended(8, nil)
			p.committed(8)
		},
		"unknown: the same again": func(p *proposing) {
			first := p.appends()
			p.Appended(0, unknown)
			again := p.wants(coordinator.AppendNext, true)
			if again.Expect != first.Expect || string(again.Payload) != string(first.Payload) {
				p.Error("something else is appended, or elsewhere")
			}
			if err := p.Abandoned(refused); !errors.Is(err, coordinator.ErrOutcomeUnknown) || !errors.Is(err, refused) ||
				!errors.Is(err, lost) {
				p.Errorf("abandoned: %v", err)
			}
			p.Appended(9, nil)
			p.committed(9)
		},
		"conflict: plans again": func(p *proposing) {
			p.appends()
			p.Appended(0, engine.ErrConflict)
			p.wants(coordinator.ReadNewest, true)
			if err := p.Abandoned(refused); err != refused {
				p.Errorf("abandoned: %v", err)
			}
			p.Newest(p.empty, 12)
			if step := p.wants(coordinator.AppendNext, false); step.Expect != 12 {
				p.Errorf("behind %d", step.Expect)
			}
		},
		"any other error": func(p *proposing) {
			p.appends()
			p.Appended(0, refused)
			p.wants(coordinator.Finished, false)
			if _, _, _, err := p.Result(); !errors.Is(err, refused) || errors.Is(err, coordinator.ErrOutcomeUnknown) ||
				!strings.HasPrefix(err.Error(), "append to the control log: ") {
				p.Error(err)
			}
		},
		"any other error after an unknown": func(p *proposing) {
			p.appends()
			p.Appended(0, unknown)
			p.Appended(0, refused)
			p.wants(coordinator.Finished, false)
			if _, _, _, err := p.Result(); !errors.Is(err, refused) || !errors.Is(err, coordinator.ErrOutcomeUnknown) {
				p.Error(err)
			}
		},
		"conflict after an unknown: it was this one": func(p *proposing) {
			payload := p.inDoubt()
			p.Behind(engine.Entry{Seq: 8, Payload: payload})
			p.committed(8)
		},
		"conflict after an unknown: it was another": func(p *proposing) {
			p.inDoubt()
			p.Behind(engine.Entry{Seq: 8, Payload: []byte("another's")})
			p.wants(coordinator.ReadNewest, true)
			if err := p.Abandoned(refused); errors.Is(err, coordinator.ErrOutcomeUnknown) {
				p.Errorf("its place is another's: %v", err)
			}
		},
		"conflict after an unknown: nothing is there": func(p *proposing) {
			payload := p.inDoubt()
			p.Behind(engine.Entry{})
			if step := p.wants(coordinator.AppendNext, true); step.Expect != 7 || string(step.Payload) != string(payload) {
				p.Error("something else is appended, or elsewhere")
			}
			p.Appended(0, engine.ErrConflict)
			p.wants(coordinator.ReadBehind, false)
		},
		"what is behind can't be read": func(p *proposing) {
			p.inDoubt()
			p.Retry()
			if step := p.wants(coordinator.ReadBehind, true); step.Expect != 7 {
				p.Errorf("behind %d", step.Expect)
			}
		},
	}
	for name, part := range parts {
		t.Run(name, func(t *testing.T) { part(newProposing(t)) })
	}
}

// inDoubt brings the proposer to a conflict after an append whose outcome is unknown.
func (p *proposing) inDoubt() []byte {
	p.Helper()
	payload := p.appends().Payload
	p.Appended(0, engine.ErrUnknown)
	p.Appended(0, engine.ErrConflict)
	if step := p.wants(coordinator.ReadBehind, false); step.Expect != 7 {
		p.Fatalf("behind %d", step.Expect)
	}
	return payload
}
