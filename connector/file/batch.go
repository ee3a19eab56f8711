package file

import (
	"fmt"
	"sync"

	"github.com/quadrille-stream/quadrille/engine"
)

// batch collects the records that come while the ones before them are being written.
type batch struct {
	max int

	mu      sync.Mutex
	changed sync.Cond
	data    []byte
	last    engine.Mark // of the last record in data
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
func (b *batch) add(shard int, at engine.Mark, raw []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.data) > 0 && len(b.data)+maxHead+len(raw) > b.max && b.err == nil {
		b.changed.Wait()
	}
	if b.err != nil {
		return b.err
	}
	b.data = fmt.Appendf(b.data, headFormat, shard, at.Position, len(raw))
	b.data = append(b.data, raw...)
	b.last = at
	b.changed.Broadcast()
	return nil
}

// take waits for records, returns them with the mark of the last, and collects the next ones in buffer. It returns
// nil when the batches have ended and all was taken.
func (b *batch) take(buffer []byte) ([]byte, engine.Mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.data) == 0 && !b.ended {
		b.changed.Wait()
	}
	if len(b.data) == 0 {
		return nil, engine.Mark{}
	}
	data := b.data
	b.data = buffer
	b.changed.Broadcast()
	return data, b.last
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
