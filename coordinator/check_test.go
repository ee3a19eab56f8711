package coordinator

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestProposerCheckFinds: each of the proposer's invariants is found broken, by its name.
func TestProposerCheckFinds(t *testing.T) {
	reads := func() *Proposer {
		return NewProposer(ProposerConfig{CoordID: "c", ID: "mine",
			Compute: func(s *State) (*State, error) { return s.Enter(Member{Name: "n1", Weight: 1}), nil }})
	}
	appends := func() *Proposer {
		p := reads()
		p.Newest(NewState(Settings{Shards: 2, Hash: "fnv1a64", Key: "subject", Format: 1}), 7)
		return p
	}
	finished := func() *Proposer { p := appends(); p.Appended(8, nil); return p }
	failed := func() *Proposer { p := appends(); p.Appended(0, errors.New("no")); return p }
	nothing := func() *Proposer {
		p := reads()
		s := &State{}
		p.cfg.Compute = func(*State) (*State, error) { return s, nil }
		p.Newest(s, 3)
		return p
	}
	for _, c := range []struct {
		of     func() *Proposer
		change func(*Proposer)
		want   string
	}{
		{reads, func(p *Proposer) { p.step.Pause = 1 }, "a pause of 1ns after 0 tries"},
		{reads, func(p *Proposer) { p.tries, p.step.Pause = 1, time.Second }, "a pause of 1s"},
		{reads, func(p *Proposer) { p.tries, p.step.Pause = 1, -1 }, "a pause of -1ns"},
		{reads, func(p *Proposer) { p.doubt = engine.ErrUnknown }, "plans again, though"},
		{appends, func(p *Proposer) { p.step.Action = ReadBehind }, "looks for a record that is not in the log"},
		{appends, func(p *Proposer) { p.next = p.base }, "not the state after the newest"},
		{appends, func(p *Proposer) { p.base = nil }, "not the state after the newest"},
		{appends, func(p *Proposer) { p.next = nil }, "not the state after the newest"},
		{appends, func(p *Proposer) { p.next.Proposal = "other" }, "not the state after the newest"},
		{appends, func(p *Proposer) { p.next.Epoch++ }, "not the state after the newest"},
		{appends, func(p *Proposer) { p.step.Payload = []byte("x") }, "is not that of the next state"},
		{appends, func(p *Proposer) { p.cfg.CoordID = "c 1" }, "is not that of the next state"},
		{finished, func(p *Proposer) { p.step.Payload = []byte("x") }, "1 bytes are to be appended"},
		{finished, func(p *Proposer) { p.step.Expect = 7 }, "finished, and"},
		{finished, func(p *Proposer) { p.tries, p.step.Pause = 1, time.Millisecond }, "finished, and"},
		{finished, func(p *Proposer) { p.at, p.err = 1, errors.New("no") }, "committed at 1, and failed"},
		{finished, func(p *Proposer) { p.at = 0 }, "at 0, from"},
		{nothing, func(p *Proposer) { p.at = 9 }, "at 9, from"},
		{nothing, func(p *Proposer) { p.base, p.next = nil, nil }, "at 0, from"},
		{finished, func(p *Proposer) { p.next.Proposal = "other" }, `proposal "other" is committed`},
		{failed, func(p *Proposer) { p.doubt = engine.ErrUnknown }, "failed, though it may be in the log"},
	} {
		p := c.of()
		if err := p.Check(); err != nil {
			t.Fatalf("%q: before: %v", c.want, err)
		}
		if c.change(p); p.Check() == nil || !strings.Contains(p.Check().Error(), c.want) {
			t.Errorf("want %q: %v", c.want, p.Check())
		}
	}
}

// TestDetectorCheckFinds: each of the detector's invariants is found broken, by its name.
func TestDetectorCheckFinds(t *testing.T) {
	now := time.Unix(1e9, 0)
	for want, change := range map[string]func(*Detector){
		"it counts itself":                    func(d *Detector) { d.since[bearer{"n1", 1}] = now },
		"two incarnations of n2":              func(d *Detector) { d.since[bearer{"n2", 7}] = now },
		"n2 was never heard":                  func(d *Detector) { d.since[bearer{"n2", 2}] = time.Time{} },
		"alone, and there is no other":        func(d *Detector) { d.alone = true; clear(d.since) },
		"the first of the answers":            func(d *Detector) { d.first = now },
		"it knows others, and had no time to": func(d *Detector) { d.self = time.Time{} },
	} {
		d := NewDetector(DetectorConfig{Node: "n1", FailAfter: time.Second})
		s := NewState(Settings{Shards: 2}).Enter(Member{Name: "n1"}).Enter(Member{Name: "n2"})
		if d.Tick(now, s); d.Check() != nil {
			t.Fatal(d.Check())
		}
		if change(d); d.Check() == nil || !strings.Contains(d.Check().Error(), want) {
			t.Errorf("want %q: %v", want, d.Check())
		}
	}
}
