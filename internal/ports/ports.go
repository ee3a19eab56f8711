// Package ports finds ports for servers whose address others must know before they listen.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports are below those that systems give to outgoing connections, so that none is taken between the time when it
// was found free and that when a node listens. Other processes that look for ports meanwhile must not find the same ones, nor
// that of a server which is just being started again: each process has a block of ports to itself.
const (
	firstPort  = 20_000
	blockPorts = 250
	blocks     = 48
)

const loopback = "127.0.0.1"

// block is the ports of one process. It holds them by listening on the first of them until the process ends; nobody connects.
// The zero value holds none yet. Its methods may be called concurrently.
type block struct {
	mu   sync.Mutex
	held net.Listener
	last int // the port that was looked at last, counted from the first
}

var own block

// Free returns n different free ports on loopback; it fails for more than the 249 that this process may use. It gives each of them
// once before it gives one again. It may be called concurrently.
func Free(n int) ([]int, error) { return own.free(n) }

func (b *block) free(n int) ([]int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.hold(); err != nil {
		return nil, fmt.Errorf("%d free ports: %w", n, err)
	}
	first := b.held.Addr().(*net.TCPAddr).Port
	ports := make([]int, 0, min(n, blockPorts))
	for range blockPorts {
		if len(ports) == n {
			return ports, nil
		}
		b.last = (b.last + 1) % blockPorts
		if l, err := listen(first + b.last); err == nil { // not the first: that is held
			ports = append(ports, first+b.last)
			_ = l.Close() // nobody has connected
		}
	}
	return nil, fmt.Errorf("%d free ports from %d to %d on %s: found %d", n, first+1, first+blockPorts-1, loopback, len(ports))
}

// hold takes a block that no other process has, unless b holds one.
func (b *block) hold() error {
	if b.held != nil {
		return nil
	}
	for _, i := range rand.Perm(blocks) {
		if l, err := listen(firstPort + i*blockPorts); err == nil {
			b.held = l
			return nil
		}
	}
	return fmt.Errorf("the first port of each of the %d blocks from %d to %d on %s is taken: end processes that have looked for ports",
		blocks, firstPort, firstPort+blocks*blockPorts-1, loopback)
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
}
