package coordinator

import (
	"errors"
	"fmt"
	"time"
)

// Check returns what is wrong with the proposer's state: nil, unless the program has a bug. It is for tests and the
// simulation, which call it after each input. Its cost is that of writing a record.
func (p *Proposer) Check() error {
	s := p.step
	switch {
	case s.Pause < 0 || s.Pause > maxRetryPause || s.Pause > 0 && p.tries == 0:
		return p.broken("a pause of %v after %d tries", s.Pause, p.tries)
	case s.Action == ReadNewest && p.doubt != nil:
		return p.broken("plans again, though the last record may be in the log: %v", p.doubt)
	case s.Action == ReadBehind && p.doubt == nil:
		return p.broken("looks for a record that is not in the log")
	case s.Action == AppendNext || s.Action == ReadBehind:
		return p.checkRecord()
	case s.Action == Finished:
		return p.checkFinished()
	}
	return nil
}

func (p *Proposer) broken(format string, args ...any) error {
	return fmt.Errorf("proposer %s: "+format, append([]any{p.cfg.ID}, args...)...)
}

// checkRecord checks that what is appended is the next state, made of the one before it.
func (p *Proposer) checkRecord() error {
	if p.base == nil || p.next == nil || p.next == p.base || p.next.Proposal != p.cfg.ID || p.next.Epoch != p.base.Epoch+1 {
		return p.broken("what is appended is not the state after the newest: %+v after %+v", p.next, p.base)
	}
	payload, err := AppendRecord(nil, p.cfg.CoordID, p.base, p.next)
	if err != nil || string(payload) != string(p.step.Payload) {
		return p.broken("the record that is appended is not that of the next state: %v", err)
	}
	return nil
}

func (p *Proposer) checkFinished() error {
	committed := p.err == nil && p.at > 0
	switch {
	case p.step.Payload != nil || p.step.Expect != 0 || p.step.Pause != 0:
		return p.broken("finished, and %d bytes are to be appended", len(p.step.Payload))
	case p.err != nil && p.at > 0:
		return p.broken("committed at %d, and failed: %v", p.at, p.err)
	case p.err == nil && p.base == nil || committed == (p.base == p.next) && p.err == nil:
		return p.broken("at %d, from %p to %p", p.at, p.base, p.next)
	case committed && p.next.Proposal != p.cfg.ID:
		return p.broken("proposal %q is committed", p.next.Proposal)
	case p.err != nil && p.doubt != nil && !errors.Is(p.err, ErrOutcomeUnknown):
		return p.broken("failed, though it may be in the log: %v", p.err)
	}
	return nil
}

// Check returns what is wrong with the detector's state: nil, unless the program has a bug. It is for tests and the
// simulation, which call it after each input. Its cost grows with the members.
func (d *Detector) Check() error {
	names := map[string]time.Time{}
	for b, t := range d.since {
		_, twice := names[b.node]
		switch {
		case b.node == d.cfg.Node:
			return d.broken("it counts itself among the others")
		case twice:
			return d.broken("two incarnations of %s are members", b.node)
		case t.IsZero():
			return d.broken("%s was never heard nor seen", b.node)
		}
		names[b.node] = t
	}
	switch {
	case d.alone && len(d.since) == 0:
		return d.broken("it is alone, and there is no other member")
	case d.first.After(d.last):
		return d.broken("the first of the answers came at %v, the last at %v", d.first, d.last)
	case len(d.since) > 0 && d.self.IsZero():
		return d.broken("it knows others, and had no time to hear itself")
	}
	return nil
}

func (d *Detector) broken(format string, args ...any) error {
	return fmt.Errorf("detector of %s: "+format, append([]any{d.cfg.Node}, args...)...)
}
