package core

import (
	"cmp"
	"fmt"
)

// Check returns what is wrong with the sender's state, or that of its outbox: nil, unless the program has a bug. It is for
// tests and the simulation, which call it after each input, before the effects are taken. Its cost grows with the events that
// wait.
func (s *Sender[W]) Check() error {
	return cmp.Or(s.Outbox.Check(), s.checkWaiting(), s.checkOrder())
}

// checkWaiting checks that those who wait are those whose events the outbox has.
func (s *Sender[W]) checkWaiting() error {
	tokens := s.Outbox.Answered()
	for token := range s.Outbox.Open() {
		tokens = append(tokens, token)
	}
	if len(tokens) != len(s.waiting) {
		return fmt.Errorf("sender: %d wait, and the outbox has %d events and answers", len(s.waiting), len(tokens))
	}
	for _, token := range tokens {
		if _, waits := s.waiting[token]; !waits || token > s.token {
			return fmt.Errorf("sender: nobody waits for event %d, of %d", token, s.token)
		}
	}
	return nil
}

// checkOrder checks that the events are in the order in which they came, and those of the door in that of its sequence.
func (s *Sender[W]) checkOrder() error {
	var last, seq uint64
	for token, ev := range s.Outbox.Open() {
		if token <= last {
			return fmt.Errorf("sender: event %d is behind event %d", token, last)
		}
		last = token
		if ev.Producer != s.door {
			continue
		}
		if ev.Seq <= seq || ev.Seq > s.seq {
			return fmt.Errorf("sender: the door's event %d is behind its event %d, of %d", ev.Seq, seq, s.seq)
		}
		seq = ev.Seq
	}
	return nil
}

// Check returns what is wrong with the replica's state, or that of its operator: nil, unless the program has a bug. It is for
// tests and the simulation, which call it after each input, before the effects are taken. Its cost grows with the state.
func (r *Replica) Check() error {
	if m := r.mark(); r.heard > m.Position {
		return fmt.Errorf("replica: the operator was told of position %d, and the mark is at %d", r.heard, m.Position)
	}
	return r.Operator.Check()
}

// Check returns what is wrong: nil, unless the program has a bug. It is for tests and the simulation, which call it after
// each input.
func (e *Entry) Check() error {
	switch {
	case e.wait < ReenterAfter || e.wait > ReenterMax:
		return fmt.Errorf("entry of %s: it waits for %v", e.self.Name, e.wait)
	case !e.until.IsZero() && e.until.Sub(e.tried) < ReenterAfter:
		return fmt.Errorf("entry of %s: it enters again %v after the last time", e.self.Name, e.until.Sub(e.tried))
	}
	return nil
}

// Check returns what is wrong with the state, or that of the detector: nil, unless the program has a bug. It is for tests and
// the simulation, which call it after each input.
func (w *Watch) Check() error {
	if w.calls < 0 || w.calls > maxCalls {
		return fmt.Errorf("watch of %s: %d calls are under way", w.node, w.calls)
	}
	if _, itself := w.accused[w.node]; itself {
		return fmt.Errorf("watch of %s: it accuses itself", w.node)
	}
	return w.detector.Check()
}
