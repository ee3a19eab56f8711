package conntest

import (
	"context"
	"io"
	"net"
	"sync/atomic"
)

// torn is a connection that ends after so many bytes.
type torn struct {
	net.Conn
	left atomic.Int64 // bytes that it brings yet
}

// Torn returns what dials connections that end, wherever that is in a message, after they have brought as many bytes as is said for
// each.
func Torn(bytes func() int64) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &torn{Conn: conn}
		c.left.Store(bytes())
		return c, nil
	}
}

// Endless is for connections that don't end.
func Endless() int64 { return 1 << 40 }

// Read brings what is left at most, and then nothing but an error.
func (c *torn) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		_ = c.Close() // it is torn
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	return n, err
}
