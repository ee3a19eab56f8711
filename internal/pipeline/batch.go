package pipeline

import (
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
)

// recordSize is about what a record takes besides its text.
const recordSize = 256

// batch collects the records that come while the ones before them are being written.
type batch struct {
	max int // bytes

	mu      sync.Mutex
	changed sync.Cond
	records []connector.Record
	size    int
	ended   bool
	err     error
}

func newBatch(limit int) *batch {
	b := &batch{max: limit}
	b.changed.L = &b.mu
	return b
}

// add waits while the batch is full; a record that is larger than a batch goes alone. It returns the writer's error,
// if it has failed.
func (b *batch) add(r connector.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := recordSize + len(r.Body)
	for len(b.records) > 0 && b.size+size > b.max && b.err == nil {
		b.changed.Wait()
	}
	if b.err != nil {
		return b.err
	}
	b.records, b.size = append(b.records, r), b.size+size
	b.changed.Broadcast()
	return nil
}

// take waits for records and returns them; nil when the batches have ended and all was taken.
func (b *batch) take() []connector.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.records) == 0 && !b.ended {
		b.changed.Wait()
	}
	records := b.records
	b.records, b.size = nil, 0
	b.changed.Broadcast()
	return records
}

// first returns the oldest record that was not taken.
func (b *batch) first() (r connector.Record, any bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.records) == 0 {
		return r, false
	}
	return b.records[0], true
}

// fail makes add return err.
func (b *batch) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	b.changed.Broadcast()
}

// end says that no more records come.
func (b *batch) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.changed.Broadcast()
}
