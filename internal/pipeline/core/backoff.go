package core

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// Backoff is the pause after an error: at first about Min, twice as long with each further one in a row, at most about Max. It
// is spread by a half, so that many that failed together don't come back together.
//
// This is what comes of each input in each state, with the defaults; growing is after three errors:
//
//	input            at rest               growing               longest
//	After an error   about 100ms: growing  about 800ms: growing  about 10s: longest
//	After ErrGiveUp  about 10s: longest    about 10s: longest    about 10s: longest
//	Reset            at rest               at rest               at rest
type Backoff struct {
	// Min and Max bound the pause. Defaults 100 ms and 10 s.
	Min, Max time.Duration
	// Rand draws a duration below the one given. Default: at random.
	Rand func(below time.Duration) time.Duration

	next time.Duration
}

// The defaults of Backoff.
const (
	minPause = 100 * time.Millisecond
	maxPause = 10 * time.Second
)

// After returns the pause after an error; that of [connector.ErrGiveUp] is the longest.
func (b *Backoff) After(err error) time.Duration {
	low, high, draw := b.Min, b.Max, b.Rand
	if low <= 0 {
		low = minPause
	}
	if high <= 0 {
		high = maxPause
	}
	if draw == nil {
		draw = rand.N[time.Duration]
	}
	pause := min(max(b.next, low), high)
	b.next = min(2*pause, high)
	if errors.Is(err, connector.ErrGiveUp) {
		pause, b.next = high, high
	}
	return pause - pause/2 + draw(pause)
}

// Reset says that something went on: the next pause is a short one again.
func (b *Backoff) Reset() { b.next = 0 }
