// Package rounds lets those share a reading who ask for it at about the same time: however many they are, one reading follows the other.
package rounds

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Rounds are readings of something that changes, one at a time, each for all who have come before it began. Who asks gets what a reading
// gave that began after it came, so that the answer is never older than the question. It starts no goroutine: one of those who wait
// reads for all of them. It may be used concurrently.
//
// K is what may be asked for, V what a reading gives.
type Rounds[K comparable, V any] struct {
	read func(ctx context.Context, wanted []K) (V, error)
	turn chan struct{} // holds a value while somebody reads

	mu   sync.Mutex
	next *round[K, V] // not begun yet; nil: nobody waits for one
}

// round is one reading. What it gave is there when done is closed.
type round[K comparable, V any] struct {
	wanted  map[K]struct{}
	done    chan struct{}
	value   V
	err     error
	givenUp bool // the context of who read has ended, or he has panicked, which says nothing to the others
}

// New returns rounds of what read gives, which is called by one goroutine at a time, with what those want for whom it reads: each once,
// in no order.
func New[K comparable, V any](read func(ctx context.Context, wanted []K) (V, error)) *Rounds[K, V] {
	return &Rounds[K, V]{read: read, turn: make(chan struct{}, 1)}
}

// Get returns what a reading gives that is also for what this caller wants. It ends with ctx.
func (r *Rounds[K, V]) Get(ctx context.Context, wanted ...K) (V, error) {
	for ctx.Err() == nil {
		at := r.join(wanted)
		select {
		case <-at.done:
		case r.turn <- struct{}{}:
			r.lead(ctx, at)
		case <-ctx.Done():
		}
		if at.isDone() && !at.givenUp {
			return at.value, at.err
		}
	}
	var none V
	return none, ctx.Err()
}

// join has the round that is to begin next read what is wanted.
func (r *Rounds[K, V]) join(wanted []K) *round[K, V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &round[K, V]{wanted: map[K]struct{}{}, done: make(chan struct{})}
	}
	for _, k := range wanted {
		r.next.wanted[k] = struct{}{}
	}
	return r.next
}

// lead carries out a round, unless another one has done that, who had the turn before, and gives the turn back. Who comes from now on waits
// for the next round.
func (r *Rounds[K, V]) lead(ctx context.Context, at *round[K, V]) {
	defer func() { <-r.turn }()
	r.mu.Lock()
	mine := r.next == at
	if mine {
		r.next = nil
	}
	r.mu.Unlock()
	if !mine {
		return
	}
	at.givenUp = true
	defer close(at.done)
	at.value, at.err = r.read(ctx, slices.Collect(maps.Keys(at.wanted)))
	at.givenUp = at.err != nil && ctx.Err() != nil
}

func (at *round[K, V]) isDone() bool {
	select {
	case <-at.done:
		return true
	default:
		return false
	}
}
