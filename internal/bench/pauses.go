package bench

import (
	"slices"
	"sync"
	"time"
)

// pause is a time in which nothing of a writer was accepted.
type pause struct {
	length time.Duration
	writer int
	began  time.Time
}

// pauses measures the longest time of any writer from one acceptance to the next. It may be used concurrently.
type pauses struct {
	mu      sync.Mutex
	last    []time.Time // when each writer's last change was accepted
	longest pause
}

// start begins anew. The pause that each writer is in counts in full, unless it has just begun to write.
func (p *pauses) start(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest = pause{}
	for i, t := range p.last {
		if t.IsZero() {
			p.last[i] = now
		}
	}
}

func (p *pauses) accepted(writer int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.see(writer, now)
	p.last[writer] = now
}

// see takes the pause that a writer is in for the longest, if it is.
func (p *pauses) see(writer int, now time.Time) {
	if length := now.Sub(p.last[writer]); length > p.longest.length {
		p.longest = pause{length, writer, p.last[writer]}
	}
}

// allSince reports whether each writer has got a change accepted after t.
func (p *pauses) allSince(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.last, func(last time.Time) bool { return !last.After(t) })
}

// end is the longest pause since start, those that last included.
func (p *pauses) end(now time.Time) pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.last {
		p.see(i, now)
	}
	return p.longest
}
