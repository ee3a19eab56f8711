package node

import (
	"context"
	"sync"

	"github.com/quadrille-stream/quadrille/engine"
)

// tails lets those share a read of the tail of one shard's log who ask at the same time: as many queries as come in ask the engine no
// more than one after the other. Who asks gets what a read gave that began after it came, so that the tail is never older than the
// question. It starts no goroutine: the first of those who wait reads for all of them. It may be used concurrently.
type tails struct {
	turn chan struct{} // holds a value while somebody reads

	mu   sync.Mutex
	next *tailRead // not begun yet; nil: nobody waits for one
}

// tailRead is one read. What it gave is there when done is closed.
type tailRead struct {
	done    chan struct{}
	tail    engine.Entry
	err     error
	givenUp bool // the context of who read has ended, which says nothing to the others
}

func newTails() *tails { return &tails{turn: make(chan struct{}, 1)} }

// get returns what read gives: to this caller, or to another one who came at about the same time.
func (t *tails) get(ctx context.Context, read func(context.Context) (engine.Entry, error)) (engine.Entry, error) {
	for ctx.Err() == nil {
		r := t.join()
		select {
		case <-r.done:
		case t.turn <- struct{}{}:
			t.lead(ctx, r, read)
			<-t.turn
		case <-ctx.Done():
			return engine.Entry{}, ctx.Err()
		}
		if !r.givenUp {
			return r.tail, r.err
		}
	}
	return engine.Entry{}, ctx.Err()
}

// join returns the read that is to begin next.
func (t *tails) join() *tailRead {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.next = &tailRead{done: make(chan struct{})}
	}
	return t.next
}

// lead carries out a read, unless another one has done that, who had the turn before. Who comes from now on waits for the next one.
func (t *tails) lead(ctx context.Context, r *tailRead, read func(context.Context) (engine.Entry, error)) {
	t.mu.Lock()
	mine := t.next == r
	if mine {
		t.next = nil
	}
	t.mu.Unlock()
	if !mine {
		return
	}
	defer close(r.done) // also when read panics: nobody waits for ever
	r.tail, r.err = read(ctx)
	r.givenUp = r.err != nil && ctx.Err() != nil
}
