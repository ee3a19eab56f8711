package nats

import (
	"context"
	"net"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// DialBy makes connections by fn.
func (c *Connection) DialBy(fn func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.dial = fn
}

// PullFor makes the server wait so long for messages.
func (c *SourceConfig) PullFor(d time.Duration) { c.pullTime = d }

// NoteEvery makes a reader note as often what it has seen.
func (c *SourceConfig) NoteEvery(d time.Duration) { c.notePause = d }

// Arrived counts the messages that wait in a reader of core NATS, and those that it has dropped since it was last read.
func Arrived(r connector.Reader) int {
	c := r.(*coreReader) //nolint:forcetypeassert // a test's
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) + int(c.dropped)
}

// Overlap is overlap.
var Overlap = overlap
