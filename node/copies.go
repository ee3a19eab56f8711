package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// copies are those of shards that this node neither owns nor follows, made because somebody asked for their data. The next
// who asks has the copy brought forward by what the log has got since.
type copies struct {
	limit int // of bytes

	mu    sync.Mutex // guards what follows, and each copy's size and used
	kept  map[int]*copied
	bytes int
	clock uint64 // counts uses
}

// copied is the copy of one shard. Who holds turn may use what stands behind it.
type copied struct {
	size int
	used uint64

	turn chan struct{}
	op   *operator.Operator
	gen  uint64 // of the operator's reading
	next uint64 // position from which to read on
	read bool   // the log was read
}

// entryBytes is what an entry of a copy is taken to need, in bytes: a quad with its terms and its places in the indexes.
const entryBytes = 256

// sizeOf is the number of entries of a shard's state, if its logic tells.
func sizeOf(l operator.Logic) int {
	if v, ok := l.(operator.Viewer); ok {
		return v.Len()
	}
	return 0
}

// get returns the copy of a shard, for one user at a time, who calls put.
func (c *copies) get(ctx context.Context, s int) (*copied, error) {
	c.mu.Lock()
	if c.kept == nil {
		c.kept = map[int]*copied{}
	}
	one := c.kept[s]
	if one == nil {
		one = &copied{turn: make(chan struct{}, 1)}
		c.kept[s] = one
	}
	c.clock++
	one.used = c.clock
	c.mu.Unlock()
	select {
	case one.turn <- struct{}{}:
		return one, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// put gives a copy back, and lets go those that were not used for longest until there is room for it.
func (c *copies) put(s int, one *copied) {
	size := 0
	if one.op != nil {
		size = sizeOf(one.op.Logic())*entryBytes + entryBytes
	}
	<-one.turn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[s] != one {
		return // let go meanwhile
	}
	c.bytes += size - one.size
	one.size = size
	if size == 0 {
		delete(c.kept, s)
	}
	for c.bytes > c.limit && len(c.kept) > 0 {
		c.dropOldest()
	}
}

func (c *copies) dropOldest() {
	oldest, used := 0, uint64(0)
	for s, one := range c.kept {
		if used == 0 || one.used < used {
			oldest, used = s, one.used
		}
	}
	c.bytes -= c.kept[oldest].size
	delete(c.kept, oldest)
}

// copyOf returns a view of the shard at the tail or later, and its mark, of a copy that is kept or made for it.
func (n *Node) copyOf(ctx context.Context, s int, tail uint64) (v operator.View, at engine.Mark, err error) {
	err = n.withCopy(ctx, s, tail, func(op *operator.Operator) error {
		viewer, err := viewerOf(op.Logic())
		if err == nil {
			v, at = viewer.View(), op.Mark()
		}
		return err
	})
	return v, at, err
}

// withCopy calls fn with a copy of the shard at the tail or later, that is kept or made for it.
func (n *Node) withCopy(ctx context.Context, s int, tail uint64, fn func(*operator.Operator) error) error {
	one, err := n.copies.get(ctx, s)
	if err != nil {
		return err
	}
	defer n.copies.put(s, one)
	for tries := 1; ; tries++ {
		if one.op == nil || damaged(one.op.Logic()) {
			one.op, one.gen, one.next = n.restored(ctx, s)
			one.read = false
		}
		err := one.readTo(ctx, n.cfg.Engine.Shard(s), tail)
		if err == nil {
			return fn(one.op)
		}
		if ctx.Err() == nil {
			one.op = nil // the next who asks begins anew
		}
		if !errors.Is(err, errDoubt) && !errors.Is(err, operator.ErrStateDamaged) || tries == tailTries {
			return err
		}
		if err := pause(ctx, tailPause); err != nil {
			return err
		}
	}
}

// errDoubt: the log is not what is known of it. One replica's word is not believed at once.
var errDoubt = fmt.Errorf("%w: it contradicts what is known of it", engine.ErrDamaged)

// readTo brings the copy to the tail.
func (one *copied) readTo(ctx context.Context, log engine.ShardLog, tail uint64) error {
	if one.read && one.next > tail {
		return nil
	}
	end, err := log.Read(ctx, one.next, func(e engine.Entry) error {
		one.op.Entries(time.Time{}, one.gen, []engine.Entry{e})
		one.op.Effects()
		switch err := one.op.Err(); {
		case err != nil:
			return err
		case one.op.Waiting():
			return errDoubt
		}
		one.next = e.Seq + 1
		return nil
	})
	switch {
	case err != nil:
		return err
	case one.op.Mark().Position > 0 && one.op.Committed().Position == 0:
		return fmt.Errorf("%w: it ends at %d, before the snapshot at %d", errDoubt, end, one.op.Mark().Position)
	case end+1 < one.next:
		return fmt.Errorf("%w: it ends at %d, but %d was read from it", errDoubt, end, one.next-1)
	}
	one.read = true
	return nil
}
