package pipeline

import (
	"context"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
)

// batch is a [core.Writing] between who reads records and who writes them.
type batch struct {
	mu      sync.Mutex
	changed sync.Cond
	writing *core.Writing
	ended   bool
}

func newBatch(limit int, backoff Backoff) *batch {
	b := &batch{writing: core.NewWriting(limit, backoff)}
	b.changed.L = &b.mu
	return b
}

// add waits while the batch is full. It returns the writer's error, if it has failed.
func (b *batch) add(r connector.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.writing.Fits(r) && b.writing.Step().Action != core.Over {
		b.changed.Wait()
	}
	if step := b.writing.Step(); step.Action == core.Over {
		return step.Err
	}
	b.writing.Add(r)
	b.changed.Broadcast()
	return nil
}

// next waits for something to do; false says that the batches have ended and all was written.
func (b *batch) next() (core.WritingStep, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.writing.Step().Action == core.Await && !b.ended {
		b.changed.Wait()
	}
	step := b.writing.Step()
	return step, step.Action != core.Await
}

// first returns the oldest record that is not written, nil if there is none.
func (b *batch) first() *connector.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if records := b.writing.Step().Records; len(records) > 0 {
		return &records[0]
	}
	return nil
}

// did tells what was done.
func (b *batch) did(tell func(*core.Writing)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	tell(b.writing)
	b.changed.Broadcast()
}

// end says that no more records come.
func (b *batch) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.changed.Broadcast()
}

// pause waits for as long as a step wants; when ctx ends nobody writes any more.
func (b *batch) pause(ctx context.Context, step core.WritingStep) {
	if clock.Sleep(ctx, step.Pause) != nil {
		b.did(func(w *core.Writing) { w.Stop(step.Err) })
		return
	}
	b.did((*core.Writing).Paused)
}
