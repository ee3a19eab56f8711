// Package ports finds ports for servers whose address others must know before they listen.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports are below those that systems give to outgoing connections, so that none is taken between the time when it
// was found free and that when a node listens.
const (
	firstPort = 20_000
	lastPort  = 31_999
	portTries = 1000
)

const loopback = "127.0.0.1"

// Free returns n different free ports on loopback.
func Free(n int) ([]int, error) {
	ports, held := make([]int, 0, n), make([]net.Listener, 0, n)
	defer func() {
		for _, l := range held {
			_ = l.Close() // nobody has connected
		}
	}()
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			ports, held = append(ports, port), append(held, l)
		}
	}
	return nil, fmt.Errorf("%d free ports from %d to %d on %s: found %d in %d tries", n, firstPort, lastPort, loopback,
		len(ports), portTries)
}
