package node

import (
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// keepAll makes a logic that commits each payload as it is.
func keepAll(int) operator.Logic {
	return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil },
		func([]byte) error { return nil })
}

// KeepAll is keepAll, for tests from outside.
var KeepAll = keepAll

// SetFeedBytes bounds what the node keeps for its readers.
func (n *Node) SetFeedBytes(limit int) { n.feeds.limit = limit }

// CopyShards returns how many copies are kept, and the bytes that they are taken to need.
func (n *Node) CopyShards() (shards, bytes int) {
	n.copies.mu.Lock()
	defer n.copies.mu.Unlock()
	return len(n.copies.kept), n.copies.bytes
}

// Kept returns how many records are kept for readers, and of how many bytes.
func (n *Node) Kept() (records, bytes int) {
	n.feeds.mu.Lock()
	defer n.feeds.mu.Unlock()
	return len(n.feeds.order), n.feeds.bytes
}

// Following returns how many shards are watched, counted once for each reader.
func (n *Node) Following() (count int) {
	for s := range n.feeds.shards {
		count += int(n.feeds.shards[s].watched.Load())
	}
	return count
}
