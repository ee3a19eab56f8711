package kafka

import (
	"context"
	"net"
)

// DialBy makes connections by fn.
func (c *Connection) DialBy(fn func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.dial = fn
}
