package core

import "fmt"

// Check returns what is wrong with the passage's state: nil, unless the program has a bug. It is for tests and the simulation, which
// call it after each input. Its cost grows with the events under way.
func (p *Passage) Check() error {
	step := p.step
	switch sends := step.Action == Send || step.Action == Pause; {
	case sends != (len(step.Events) > 0):
		return fmt.Errorf("passage: %d events are to be sent, and it is %d that is to be done", len(step.Events), step.Action)
	case !sends && len(p.later) > 0:
		return fmt.Errorf("passage: %d events wait for none that is under way", len(p.later))
	case len(p.refused) > 0:
		return fmt.Errorf("passage: %d letters are not sent", len(p.refused))
	case step.Action == Ack && len(step.Messages) == 0:
		return fmt.Errorf("passage: no messages are to be acked")
	}
	return p.checkOrder()
}

// checkOrder checks that nothing is under way together with a guarded event that it follows.
func (p *Passage) checkOrder() error {
	waits := map[sequence]uint64{}
	for i := range p.step.Events {
		ev := &p.step.Events[i]
		if guarded, known := waits[sequenceOf(ev)]; known {
			return fmt.Errorf("passage: %s %d is under way with %d, which is guarded", ev.Producer, ev.Seq, guarded)
		}
		if ev.Guarded() {
			waits[sequenceOf(ev)] = ev.Seq
		}
	}
	return nil
}

// Check returns what is wrong with the state of the writing: nil, unless the program has a bug. It is for tests and the simulation,
// which call it after each input. Its cost grows with the records that wait.
func (w *Writing) Check() error {
	size, last := 0, uint64(0)
	for _, r := range w.step.Records {
		if r.Position <= last {
			return fmt.Errorf("writing: the record at %d is behind that at %d", r.Position, last)
		}
		last = r.Position
	}
	for _, r := range w.waiting {
		if size += sizeOf(r); r.Position <= last {
			return fmt.Errorf("writing: the record at %d waits behind that at %d", r.Position, last)
		}
		last = r.Position
	}
	switch writes := w.step.Action == Write || w.step.Action == Pause; {
	case writes != (len(w.step.Records) > 0):
		return fmt.Errorf("writing: %d records are to be written, and it is %d that is to be done", len(w.step.Records), w.step.Action)
	case w.step.Action == Await && len(w.waiting) > 0:
		return fmt.Errorf("writing: %d records wait for nothing", len(w.waiting))
	case size != w.size || len(w.waiting) > 1 && size > w.max:
		return fmt.Errorf("writing: %d bytes wait, of %d, counted as %d", size, w.max, w.size)
	}
	return nil
}
