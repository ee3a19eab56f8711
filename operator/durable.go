package operator

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
)

// kept takes over the state that a [Durable] Logic has kept, and reports whether there is one from which to read the log.
// If there is none, or the log is trimmed behind it, a snapshot is asked for.
func (o *Operator) kept() bool {
	if !o.trimmed {
		found, err := o.open()
		if err != nil {
			o.halt(err)
			return false
		}
		if found {
			o.become(Resting)
			return true
		}
	}
	o.become(Restoring)
	o.gen++
	o.emit(Restore{Gen: o.gen})
	return false
}

// open opens a [Durable] Logic unless it is open, and reports whether it has brought back a state.
func (o *Operator) open() (found bool, err error) {
	d, ok := o.logic.(Durable)
	if !ok || o.opened || o.cfg.Apart {
		return false, nil
	}
	kept, err := d.Open(o.part)
	if err != nil {
		return false, fmt.Errorf("shard %d: open: %w: %w", o.cfg.Shard, ErrState, err)
	}
	o.opened = true
	if kept.Position == 0 && len(kept.Part) == 0 {
		o.producers.track(true)
		return false, nil
	}
	r := &Restored{logic: d, chain: &Chain{Shard: o.cfg.Shard}, producers: newProducers(o.cfg.Keep)}
	whole, err := r.readKept(&kept)
	if r.chain.Whole < kept.Position { // of a snapshot it may be later: behind the last delta there were claims and dead letters
		err = cmp.Or(err, fmt.Errorf("%w: what was kept with it is of position %d", engine.ErrDamaged, r.chain.Whole))
	}
	if errors.Is(err, engine.ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrStateDamaged, err)
	}
	if err != nil {
		return false, fmt.Errorf("shard %d: open at %d: %w: %w", o.cfg.Shard, kept.Position, ErrState, err)
	}
	r.producers.track(whole)
	o.chain, o.producers = r.chain, r.producers
	return true, nil
}

// Forget has a [Durable] Logic forget what it keeps of the shard, if the operator has no role in it, and returns what removes it, as
// [Durable.Forget] does; nil if there is nothing to remove.
func (o *Operator) Forget() (remove func() error, err error) {
	d, ok := o.logic.(Durable)
	if !ok || o.state != None || o.role != NoRole || o.cfg.Apart {
		return nil, nil
	}
	return d.Forget()
}

// Close closes a [Durable] Logic, when the process is to end: nobody uses the operator after it. Its error changes nothing: what
// was committed is kept.
func (o *Operator) Close() {
	if d, ok := o.logic.(Durable); ok && o.opened {
		_ = d.Close()
	}
	o.opened = false
}
