package node

import (
	"fmt"
	"slices"
	"sync"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/shipper"
)

const (
	// inboxSize bounds the batches that wait for a loop. A sender has one batch per shard under way.
	inboxSize = 256
	// inputs bounds what the loop's own jobs have for it: they wait for room.
	inputs = 16
)

// inbox holds what comes to a loop from others, none of whom waits: the newest role, and batches of events, for which there
// is room or not. While it is empty it takes no memory.
type inbox struct {
	shard, maxBytes int
	wake            chan struct{} // capacity 1

	mu      sync.Mutex // guards what follows
	role    *core.Role // nil: the loop knows it
	batches []event.Batch
	bytes   int
}

func newInbox(shard, maxBytes int) *inbox {
	return &inbox{shard: shard, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// assign puts the newest role in.
func (i *inbox) assign(role core.Role) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.role = &role
	i.stir()
}

// put puts a batch in, if there is room: for so many batches, and for so many bytes unless it is alone. Its events are the
// inbox's from then on. One that waits already, and whose sender has sent it again meanwhile, takes no more room.
func (i *inbox) put(b event.Batch) error {
	size := shipper.BatchWireBound(&b)
	i.mu.Lock()
	defer i.mu.Unlock()
	if b.From != "" && slices.ContainsFunc(i.batches, func(w event.Batch) bool { return w.From == b.From && w.ID == b.ID }) {
		return nil
	}
	if n := len(i.batches); n == inboxSize || n > 0 && i.bytes+size > i.maxBytes {
		return fmt.Errorf("shard %d is behind: %d batches with %d bytes wait", i.shard, n, i.bytes)
	}
	i.batches = append(i.batches, b)
	i.bytes += size
	i.stir()
	return nil
}

// take returns the role, if there is a new one, and the oldest batch, which is empty if there is none. The loop is woken for
// what is left: its other inputs come in between.
func (i *inbox) take() (role *core.Role, b event.Batch) {
	i.mu.Lock()
	defer i.mu.Unlock()
	role, i.role = i.role, nil
	if len(i.batches) == 0 {
		return role, b
	}
	b, i.batches[0] = i.batches[0], event.Batch{}
	i.bytes -= shipper.BatchWireBound(&b)
	if i.batches = i.batches[1:]; len(i.batches) == 0 {
		i.batches = nil
	} else {
		i.stir()
	}
	return role, b
}

func (i *inbox) stir() {
	select {
	case i.wake <- struct{}{}:
	default: // it is awake already
	}
}
