package exchange

import "time"

// Times are those of an exchange.
type Times struct {
	// Life is the time after which who has sent nothing gives a sign of life. Silence is that after which who has heard
	// nothing takes the other for dead: several times Life.
	Life, Silence time.Duration
}

// watch counts how long nothing was heard, and nothing was sent. It counts in looks, none of which is longer than Life: who was
// stopped itself takes nobody for silent.
type watch struct {
	times         Times
	last          time.Time
	silent, quiet time.Duration
}

func newWatch(now time.Time, times Times) watch { return watch{times: times, last: now} }

func (w *watch) heard() { w.silent = 0 }
func (w *watch) spoke() { w.quiet = 0 }

// look returns whether the other is dead, and whether a sign of life is due.
func (w *watch) look(now time.Time) (dead, due bool) {
	step := min(max(now.Sub(w.last), 0), w.times.Life)
	w.last = now
	w.silent += step
	w.quiet += step
	return w.silent >= w.times.Silence, w.quiet >= w.times.Life
}
