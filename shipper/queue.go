package shipper

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quadrille-stream/quadrille/event"
)

// maxMerged is how many unacknowledged events are delivered as one batch at most.
const maxMerged = 256

// queue is the way to one node of an [InProcess] transport: a bounded queue with many senders and one receiver.
//
// It is a buffer under a mutex that the receiver takes as a whole, not a Go channel: a channel would need an allocated
// slice for each batch or a copy of each event in and out, and wakes the receiver event by event.
type queue struct {
	node     string
	receiver Receiver
	capacity int // in units, see weight
	maxBytes int

	mu     sync.Mutex
	filled buffer
	// units and bytes are what is queued and what is being delivered.
	units, bytes int
	closed       error // why puts are refused, if not nil
	idle         bool  // the receiver waits for wake
	// first and last are the senders that wait for room, first come, first served.
	first, last *waiter
	// free holds waiters for reuse, at most maxFree.
	free []*waiter

	wake  chan struct{} // capacity 1
	taken buffer        // the receiver's own
}

// buffer holds batches with their events and acks end to end, so that it is reused without allocation.
type buffer struct {
	batches []queued
	events  []event.Event
	acks    []event.Ack
}

// queued is a batch without its slices.
type queued struct {
	from         string
	shard        int
	id           uint64
	events, acks int
	bytes        int
	mergeable    bool
}

// waiter is a blocked sender. The receiver puts the batch in for it, so the sender wakes up once, with its work done.
type waiter struct {
	batch        event.Batch
	units, bytes int
	ready        chan error // capacity 1
	prev, next   *waiter
	queued       bool
}

// maxFree bounds the waiters that a queue keeps for reuse. They are not in a pool of the whole program, because a
// channel must not leave the bubble of the testing/synctest test that it was made in.
const maxFree = 64

// newWaiter and freeWaiter are called with q.mu held.
func (q *queue) newWaiter() *waiter {
	n := len(q.free)
	if n == 0 {
		return &waiter{ready: make(chan error, 1)}
	}
	w := q.free[n-1]
	q.free = q.free[:n-1]
	return w
}

func (q *queue) freeWaiter(w *waiter) {
	w.batch = event.Batch{}
	if len(q.free) < maxFree {
		q.free = append(q.free, w)
	}
}

func newQueue(node string, receiver Receiver, capacity, maxBytes int) *queue {
	return &queue{node: node, receiver: receiver, capacity: capacity, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// weight returns the room that b takes: its events and acks (at least 1), and its payload bytes.
func weight(b *event.Batch) (units, bytes int) {
	for i := range b.Events {
		bytes += len(b.Events[i].Payload)
	}
	return max(1, len(b.Events)+len(b.Acks)), bytes
}

// put queues b, and blocks while there is no room for it.
func (q *queue) put(ctx context.Context, b *event.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	units, bytes := weight(b)
	q.mu.Lock()
	if q.closed != nil {
		q.mu.Unlock()
		return q.closed
	}
	if q.first != nil || !q.fits(units, bytes) {
		return q.wait(ctx, b, units, bytes)
	}
	q.add(b, units, bytes)
	wake := q.idle
	q.idle = false
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
	return nil
}

// fits reports whether there is room. A batch beyond the capacity fits when nothing else is under way.
func (q *queue) fits(units, bytes int) bool {
	return q.units == 0 || q.units+units <= q.capacity && q.bytes+bytes <= q.maxBytes
}

func (q *queue) add(b *event.Batch, units, bytes int) {
	q.units += units
	q.bytes += bytes
	f := &q.filled
	f.events = append(f.events, b.Events...)
	f.acks = append(f.acks, b.Acks...)
	// Nobody waits for acks: such batches may be merged, and batches of one event must be, to be fast.
	mergeable := b.From == "" && b.ID == 0 && len(b.Acks) == 0 && len(b.Events) > 0
	if n := len(f.batches); mergeable && n > 0 {
		last := &f.batches[n-1]
		if last.mergeable && last.shard == b.Shard && last.events+len(b.Events) <= q.mostMerged() {
			last.events += len(b.Events)
			last.bytes += bytes
			return
		}
	}
	f.batches = append(f.batches, queued{
		from: b.From, shard: b.Shard, id: b.ID, events: len(b.Events), acks: len(b.Acks), bytes: bytes, mergeable: mergeable,
	})
}

// mostMerged is how many unacknowledged events are handled as one.
func (q *queue) mostMerged() int { return min(maxMerged, (q.capacity+3)/4) }

// wait is called with q.mu held, and releases it.
func (q *queue) wait(ctx context.Context, b *event.Batch, units, bytes int) error {
	w := q.newWaiter()
	w.batch, w.units, w.bytes, w.queued = *b, units, bytes, true
	q.enlist(w)
	q.mu.Unlock()
	select {
	case err := <-w.ready:
		q.mu.Lock()
		defer q.mu.Unlock()
		q.freeWaiter(w)
		return err
	case <-ctx.Done():
		return q.giveUp(ctx, w)
	}
}

// giveUp takes w back, unless the receiver was faster.
func (q *queue) giveUp(ctx context.Context, w *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.freeWaiter(w)
	if !w.queued {
		return <-w.ready
	}
	q.delist(w)
	// It may have been the one whose size kept those behind it waiting.
	q.admit()
	return ctx.Err()
}

func (q *queue) enlist(w *waiter) {
	if w.prev = q.last; w.prev == nil {
		q.first = w
	} else {
		w.prev.next = w
	}
	q.last = w
}

func (q *queue) delist(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
}

// admit puts in what waits, in order, as far as there is room. The receiver is awake or woken: only it, or a waiter that
// gives up while things are under way, calls admit.
func (q *queue) admit() {
	for w := q.first; w != nil && q.fits(w.units, w.bytes); w = q.first {
		q.delist(w)
		q.add(&w.batch, w.units, w.bytes)
		w.ready <- nil
	}
	if q.idle && len(q.filled.batches) > 0 {
		q.idle = false
		q.wake <- struct{}{}
	}
}

// close refuses puts from now on, those that wait included. What is queued stays for the receiver.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return
	}
	q.closed = err
	for w := q.first; w != nil; w = q.first {
		q.delist(w)
		w.ready <- err
	}
	if q.idle {
		q.idle = false
		q.wake <- struct{}{}
	}
}

// take swaps what is queued into q.taken, and waits for something if need be. It reports false when the queue is closed
// and empty.
func (q *queue) take() bool {
	q.mu.Lock()
	for len(q.filled.batches) == 0 {
		if q.closed != nil {
			q.mu.Unlock()
			return false
		}
		q.idle = true
		q.mu.Unlock()
		<-q.wake
		q.mu.Lock()
	}
	q.filled, q.taken = q.taken, q.filled
	q.mu.Unlock()
	return true
}

func (q *queue) shutDown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return errors.Is(q.closed, ErrClosed)
}

// release makes room for others.
func (q *queue) release(units, bytes int) {
	q.mu.Lock()
	q.units -= units
	q.bytes -= bytes
	q.admit()
	q.mu.Unlock()
}

// run delivers until the queue is closed and empty, and returns what the receiver refused once the transport was shut down:
// until then senders that wait for acks find out by themselves.
func (q *queue) run(ctx context.Context, refused func(b event.Batch, err error)) error {
	var lost undelivered
	for q.take() {
		events, acks := q.taken.events, q.taken.acks
		units, bytes := 0, 0 // delivered, and not released yet
		for i := range q.taken.batches {
			t := &q.taken.batches[i]
			b := event.Batch{From: t.from, Shard: t.shard, ID: t.id, Events: events[:t.events:t.events], Acks: acks[:t.acks:t.acks]}
			if err := q.receiver.Deliver(ctx, b); err != nil {
				if q.shutDown() {
					lost.add(&b, err)
				}
				refused(b, err)
			}
			clear(b.Events) // lets go of the payloads
			clear(b.Acks)
			events, acks = events[t.events:], acks[t.acks:]
			units, bytes = units+max(1, t.events+t.acks), bytes+t.bytes
			// Room is made for many single events at once, whatever their shards: the lock is what costs.
			if last := i+1 == len(q.taken.batches); last || !t.mergeable || units >= q.mostMerged() {
				q.release(units, bytes)
				units, bytes = 0, 0
			}
		}
		q.taken.reset(q.capacity)
	}
	return lost.err(q.node)
}

// reset empties the buffer; one that a large batch has grown beyond the capacity is dropped.
func (b *buffer) reset(capacity int) {
	clear(b.batches)
	b.batches, b.events, b.acks = b.batches[:0], b.events[:0], b.acks[:0]
	if cap(b.events) > 2*capacity {
		b.events = nil
	}
	if cap(b.acks) > 2*capacity {
		b.acks = nil
	}
}

// undelivered counts what is lost at a shutdown.
type undelivered struct {
	batches, events int
	cause           error
}

func (u *undelivered) add(b *event.Batch, err error) {
	u.batches++
	u.events += len(b.Events)
	u.cause = err
}

func (u *undelivered) err(node string) error {
	if u.batches == 0 {
		return nil
	}
	return fmt.Errorf("deliver to node %q at shutdown: %w: %d with %d events; last cause: %w",
		node, ErrUndelivered, u.batches, u.events, u.cause)
}
