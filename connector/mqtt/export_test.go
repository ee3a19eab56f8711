package mqtt

import (
	"context"
	"net"
)

// DialBy makes connections by fn.
func (c *Connection) DialBy(fn func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.dial = fn
}

// Matches reports whether a topic is one of a filter's.
var Matches = matches
