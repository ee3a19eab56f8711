package pipeline

import (
	"sync"
	"time"
)

// rateWindow is the number of seconds over which a rate is taken.
const rateWindow = 10

// rate counts what passes, by the second. Its zero value has counted nothing. It may be used concurrently.
type rate struct {
	mu     sync.Mutex
	second [rateWindow + 1]int64 // that a count is of
	counts [rateWindow + 1]uint64
}

// add notes that so many have passed.
func (r *rate) add(now time.Time, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	second := now.Unix()
	i := second % int64(len(r.counts))
	if r.second[i] != second {
		r.second[i], r.counts[i] = second, 0
	}
	r.counts[i] += uint64(n)
}

// perSecond returns how many have passed a second, over the last whole seconds.
func (r *rate) perSecond(now time.Time) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := uint64(0)
	for i, second := range r.second {
		if age := now.Unix() - second; age >= 1 && age <= rateWindow {
			sum += r.counts[i]
		}
	}
	return float64(sum) / rateWindow
}

// Tries says what has failed.
type Tries struct {
	// Retries counts the errors since something last succeeded.
	Retries uint64
	// LastError is the newest error, nil if there was none since the start of this node, and LastAt its time: they stay when all is
	// well again.
	LastError error
	LastAt    time.Time
}

// failed notes an error.
func (t *Tries) failed(err error) {
	t.Retries++
	t.LastError, t.LastAt = err, time.Now()
}
