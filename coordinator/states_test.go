package coordinator

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/statetable"
)

func (p *Proposer) where() string {
	name := [...]string{"read", "append", "behind", "finished"}[p.step.Action]
	if name == "append" && p.doubt != nil {
		return "again"
	}
	return name
}

// TestProposerStates goes through the table in the comment of Proposer.
func TestProposerStates(t *testing.T) {
	empty := NewState(Settings{Shards: 2, Hash: "fnv1a64", Key: "subject", Format: 1})
	there := empty.Enter(Member{Name: "n1", Weight: 1})
	make := func(name string, to ...func(*Proposer)) statetable.State[*Proposer] {
		return statetable.State[*Proposer]{Name: name, Make: func(t *testing.T) *Proposer {
			p := NewProposer(ProposerConfig{CoordID: "c", ID: "mine", Compute: func(s *State) (*State, error) {
				switch s.Epoch {
				case 0:
					return s.Enter(Member{Name: "n1", Weight: 1}), nil
				case there.Epoch:
					return s, nil
				}
				return nil, errors.New("no next state")
			}})
			for _, step := range to {
				step(p)
			}
			if p.where() != name {
				t.Fatalf("%s is made, want %s", p.where(), name)
			}
			return p
		}}
	}
	newest := func(s *State) func(*Proposer) { return func(p *Proposer) { p.Newest(s, 7) } }
	appended := func(err error) func(*Proposer) {
		return func(p *Proposer) { p.Appended(map[bool]uint64{true: 8}[err == nil], err) }
	}
	inputs := []statetable.Input[*Proposer]{}
	for _, c := range []struct {
		name string
		give func(*Proposer)
	}{
		{"Newest", newest(empty)},
		{"Newest: nothing to do", newest(there)},
		{"Newest: no next state", newest(&State{Epoch: 9})},
		{"Retry: it can't be read", (*Proposer).Retry},
		{"Appended", appended(nil)},
		{"Appended: unknown", appended(engine.ErrUnknown)},
		{"Appended: conflict", appended(engine.ErrConflict)},
		{"Appended: another error", appended(engine.ErrNoRoom)},
		{"Behind: this proposal", func(p *Proposer) { p.Behind(engine.Entry{Seq: 8, Payload: p.step.Payload}) }},
		{"Behind: another", func(p *Proposer) { p.Behind(engine.Entry{Seq: 8, Payload: []byte("another's")}) }},
		{"Behind: nothing", func(p *Proposer) { p.Behind(engine.Entry{}) }},
	} {
		inputs = append(inputs, statetable.Input[*Proposer]{Name: c.name, Give: func(p *Proposer) string {
			c.give(p)
			if err := p.Check(); err != nil {
				return err.Error()
			}
			out := p.where()
			if p.step.Pause > 0 {
				out += " later"
			}
			if p.step.Action == Finished {
				out = "finished: " + map[bool]string{true: "committed", false: "unchanged"}[p.at > 0]
			}
			switch {
			case p.step.Action != Finished || p.err == nil:
			case errors.Is(p.err, ErrOutcomeUnknown):
				out = "finished: unknown"
			default:
				out = "finished: error"
			}
			return out
		}})
	}
	unknown, conflict := appended(engine.ErrUnknown), appended(engine.ErrConflict)
	statetable.Prove(t, "proposer.go", "Proposer", []statetable.State[*Proposer]{
		make("read"), make("append", newest(empty)), make("again", newest(empty), unknown), make("behind", newest(empty), unknown, conflict),
		make("finished", newest(empty), appended(nil)),
	}, inputs)
}

// detected is a detector of n1 with its time and state.
type detected struct {
	*Detector
	state, without *State
	now            time.Time
}

// pass lets so many tenths of a second pass in which the nodes are heard.
func (d *detected) pass(tenths int, nodes ...string) {
	for range tenths {
		d.now = d.now.Add(100 * time.Millisecond)
		for _, name := range nodes {
			m, _ := d.state.Member(name)
			d.Heard(d.now, name, m.Incarnation, false)
		}
		d.Tick(d.now, d.state)
	}
}

func (d *detected) where() string {
	m2, _ := d.state.Member("n2")
	silent := d.now.Sub(d.since[bearer{"n2", m2.Incarnation}]) > d.cfg.FailAfter
	switch deaf, cut := d.Deaf(d.now), d.Cut(d.now); {
	case d.now.Sub(d.self) > d.cfg.FailAfter:
		return "deaf"
	case deaf && cut:
		return "cut"
	case deaf:
		return "alone"
	case len(d.since) == 0:
		return "outside"
	case silent:
		return "silent"
	}
	return "well"
}

// TestDetectorStates goes through the table in the comment of Detector.
func TestDetectorStates(t *testing.T) {
	make := func(name string, to func(*detected)) statetable.State[*detected] {
		return statetable.State[*detected]{Name: name, Make: func(t *testing.T) *detected {
			d := &detected{Detector: NewDetector(DetectorConfig{Node: "n1", FailAfter: time.Second}), now: time.Unix(1e9, 0)}
			d.without = NewState(Settings{Shards: 4}).Enter(Member{Name: "n2"}).Enter(Member{Name: "n3"})
			d.state = d.without.Enter(Member{Name: "n1"})
			d.pass(20, "n1", "n2", "n3")
			to(d)
			if d.where() != name {
				t.Fatalf("%s is made, want %s", d.where(), name)
			}
			return d
		}}
	}
	heard := func(name string, off uint64, cut bool) func(*detected) {
		return func(d *detected) {
			m, _ := d.state.Member(name)
			d.Heard(d.now, name, m.Incarnation+off, cut)
		}
	}
	inputs := []statetable.Input[*detected]{}
	for _, c := range []struct {
		name string
		give func(*detected)
	}{
		{"nothing", func(*detected) {}},
		{"Heard: itself", heard("n1", 0, false)},
		{"Heard: n2", heard("n2", 0, false)},
		{"Heard: n2, which is cut off", heard("n2", 0, true)},
		{"Heard: n2, another incarnation", heard("n2", 9, false)},
		{"Contact", func(d *detected) { d.Contact(d.now) }},
		{"Contact, for half of FailAfter", func(d *detected) {
			for range 5 {
				d.now = d.now.Add(100 * time.Millisecond)
				d.Heard(d.now, "n1", 3, false)
				d.Contact(d.now)
			}
		}},
		{"it is no member", func(d *detected) { d.state = d.without }},
	} {
		inputs = append(inputs, statetable.Input[*detected]{Name: c.name, Give: func(d *detected) string {
			before := d.where()
			c.give(d)
			if err := d.Check(); err != nil {
				return err.Error()
			}
			var words []string
			failed := d.Tick(d.now, d.state)
			if err := d.Check(); err != nil {
				return err.Error()
			}
			if after := d.where(); after != before {
				words = append(words, after)
			}
			for _, m := range failed {
				words = append(words, "-"+m.Name)
			}
			if len(words) == 0 {
				return "."
			}
			return strings.Join(words, " ")
		}})
	}
	statetable.Prove(t, "detector.go", "Detector", []statetable.State[*detected]{
		make("outside", func(d *detected) { d.Tick(d.now, d.without) }),
		make("well", func(*detected) {}),
		make("silent", func(d *detected) { d.pass(11, "n1", "n3") }),
		make("alone", func(d *detected) { d.pass(11, "n1"); d.Contact(d.now) }),
		make("cut", func(d *detected) { d.pass(11, "n1") }),
		make("deaf", func(d *detected) { d.pass(11) }),
	}, inputs)
}
