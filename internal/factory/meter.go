package factory

import (
	"sync"
	"time"
)

// Meter counts what is accepted, and the time in which nothing is. It may be used concurrently.
type Meter struct {
	half int

	mu          sync.Mutex
	accepted    int
	retries     int
	begin, last time.Time
	killing     bool
	killed      time.Time
	pause       time.Duration
}

// NewMeter returns the meter of so many changes.
func NewMeter(changes int) *Meter { return &Meter{half: changes / 2} }

// Start sets the time from which it is measured.
func (m *Meter) Start(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begin, m.last = now, now
}

// Accept counts accepted changes, and returns true once: when half of them are accepted.
func (m *Meter) Accept(now time.Time, rows int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accepted += rows
	if now.After(m.last) {
		if !m.killed.IsZero() {
			m.pause = max(m.pause, now.Sub(later(m.last, m.killed)))
		}
		m.last = now
	}
	kill := m.accepted >= m.half && !m.killing
	m.killing = m.killing || kill
	return kill
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Kill notes that a node was killed: the pause is measured from then on.
func (m *Meter) Kill(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.killed = now
}

// Retried counts a request that was tried again.
func (m *Meter) Retried() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retries++
}

// Reading is what a meter shows.
type Reading struct {
	// Accepted counts changes, Retries requests that were tried again.
	Accepted, Retries int
	// Took is the time from the start to the last acceptance, Pause the longest one after the kill in which nothing was
	// accepted.
	Took, Pause time.Duration
	// Killed says that a node was killed.
	Killed bool
}

// Read returns what was counted so far.
func (m *Meter) Read() Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Reading{m.accepted, m.retries, m.last.Sub(m.begin), m.pause, !m.killed.IsZero()}
}

// Rate is the number of accepted changes a second.
func (r Reading) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Accepted) / r.Took.Seconds()
}
