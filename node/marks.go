package node

import (
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/engine"
)

// Marks keeps, apart from the engine, how far the shards' logs are known to go, so that a log that has lost its end is
// not taken for one that ends there. All methods may be called concurrently.
type Marks interface {
	// Mark returns the highest mark of the shard, the zero Mark if there is none. It does no I/O.
	Mark(shard int) engine.Mark
	// Raise keeps the mark, if it is higher than the shard's. It is called for every record that is committed: what it
	// keeps must outlive the process, but need not outlive the machine before Sync. After an error the mark counts for
	// this process.
	Raise(shard int, m engine.Mark) error
	// Sync makes what was raised before it outlive the machine. The node calls it once a second at most, and at its end.
	Sync() error
}

// memoryMarks is the highest marks, in memory only.
type memoryMarks []atomic.Pointer[engine.Mark]

func newMemoryMarks(shards int) memoryMarks {
	m := make(memoryMarks, shards)
	for s := range m {
		m[s].Store(&engine.Mark{})
	}
	return m
}

// Mark implements [Marks].
func (m memoryMarks) Mark(shard int) engine.Mark { return *m[shard].Load() }

// Raise implements [Marks].
func (m memoryMarks) Raise(shard int, mark engine.Mark) error {
	m.raise(shard, mark)
	return nil
}

// raise reports whether the mark is higher.
func (m memoryMarks) raise(shard int, mark engine.Mark) bool {
	for {
		old := m[shard].Load()
		if mark.Position <= old.Position {
			return false
		}
		if m[shard].CompareAndSwap(old, &mark) {
			return true
		}
	}
}

// Sync implements [Marks].
func (memoryMarks) Sync() error { return nil }
