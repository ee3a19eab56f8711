package kafka

import (
	"context"
	"net"
	"time"
)

// DialBy makes connections by fn.
func (c *Connection) DialBy(fn func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.dial = fn
}

// WaitFor is how long the positions are waited for.
func (c *SinkConfig) WaitFor(d time.Duration) { c.patience = d }
