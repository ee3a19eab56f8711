package operator

import (
	"errors"
	"fmt"
	"time"
)

// A disk that damages more than maxAsides kept states of a shard within asideTime is not to be trusted: the shard halts.
const (
	maxAsides = 3
	asideTime = time.Hour
)

// Aside is a kept state that was found damaged and set aside. The log and other copies know nothing of it.
type Aside struct {
	// At is when, Where is what the logic says of the place, Err what is damaged. The zero value is none.
	At    time.Time
	Where string
	Err   error
}

// asides are those of this process.
type asides struct {
	newest Aside
	since  time.Time // the first that counts
	count  int       // since then
}

// Aside returns the newest that was set aside since the operator was made.
func (o *Operator) Aside() Aside { return o.asides.newest }

// Inspect has the operator look whether its kept state was found damaged by somebody who reads it. The driver calls it where
// [Durable.Damaged] says so of the operator's logic: who is damaged by then may be another one.
func (o *Operator) Inspect(now time.Time) {
	o.now = now
	d, ok := o.logic.(Durable)
	if !ok || !o.opened || !o.state.runs() && o.state != Resting {
		return
	}
	if err := d.Damaged(); err != nil {
		o.halt(fmt.Errorf("shard %d: %w: %w", o.cfg.Shard, ErrState, err))
	}
}

// setAside has the shard go on without the state that it has kept, if err says that this is damaged. Otherwise it returns why the shard
// halts. Senders wait meanwhile, and their events are evaluated again. What of them is in the log says so when it is read.
func (o *Operator) setAside(err error) error {
	d, ok := o.logic.(Durable)
	if !ok || o.cfg.Apart || !errors.Is(err, ErrStateDamaged) {
		return err
	}
	if !o.asides.another(o.now) {
		return fmt.Errorf("%w (%d times within %v: its disk is not to be trusted)", err, o.asides.count, asideTime)
	}
	where, failed := d.SetAside()
	if failed != nil {
		return fmt.Errorf("%w; it can't be set aside: %w", err, failed)
	}
	o.asides.newest = Aside{At: o.now, Where: where, Err: err}
	o.opened = false
	o.stats.SetAside++
	o.emit(SetAside{o.asides.newest})
	o.retryAt, o.trouble = time.Time{}, trouble{}
	o.again()
	return nil
}

// another counts one more, and reports whether there may be.
func (a *asides) another(now time.Time) bool {
	if passed := now.Sub(a.since); passed > asideTime || passed < 0 {
		a.since, a.count = now, 0
	}
	a.count++
	return a.count <= maxAsides
}

// again forgets all that was read, and begins anew in the present role.
func (o *Operator) again() {
	if o.inflight != nil {
		o.abandon() // if it is in the log after all, its producers will say so
	}
	o.queue.undecide()
	o.reading = false
	o.emit(StopReading{})
	o.remember(o.Committed())
	o.reset()
	o.state = None
	o.resume()
}
