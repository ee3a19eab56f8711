package cluster

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// linkHost is an address of this machine on which no server listens. Servers tell each other at which address they
	// see the third one; as they see nothing but links, they tell of this host with a server's port, where nobody
	// listens. So no connection is made past the links.
	linkHost = "127.0.1.1"
	linkDial = 2 * time.Second
	linkRead = 64 << 10
)

// link is the way from one server to another.
type link struct{ from, to int }

// links pass on the connections between servers, and can hold back one direction of them. One listener for each ordered
// pair of servers tells who connects to whom.
type links struct {
	listeners map[link]net.Listener
	all       sync.WaitGroup
	closed    chan struct{}

	mu      sync.Mutex
	cut     map[link]bool
	changed chan struct{} // is closed when cut changes
	conns   map[net.Conn]struct{}
}

// newLinks starts the links to the servers that listen at the ports.
func newLinks(ports []int) (*links, error) {
	l := &links{listeners: map[link]net.Listener{}, closed: make(chan struct{}), cut: map[link]bool{},
		changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	for from := range ports {
		for to, port := range ports {
			if from == to {
				continue
			}
			listener, err := net.Listen("tcp", net.JoinHostPort(linkHost, "0"))
			if err != nil {
				l.close()
				return nil, fmt.Errorf("links between servers, which need the addresses of 127.0.0.0/8: %w", err)
			}
			w := link{from, to}
			l.listeners[w] = listener
			l.all.Go(func() { l.accept(listener, w, address(port)) })
		}
	}
	return l, nil
}

// routes lists the links that lead away from a server.
func (l *links) routes(from int) string {
	var list []string
	for w, listener := range l.listeners {
		if w.from == from {
			list = append(list, "nats://"+listener.Addr().String())
		}
	}
	return strings.Join(list, ",")
}

func (l *links) accept(listener net.Listener, w link, server string) {
	for {
		in, err := listener.Accept()
		if err != nil {
			return
		}
		l.all.Go(func() { l.connect(in, w, server) })
	}
}

// connect passes a connection on to the server, once both directions are open: a handshake needs both.
func (l *links) connect(in net.Conn, w link, server string) {
	defer l.drop(in)
	back := link{w.to, w.from}
	if !l.keep(in) || !l.open(w, back) {
		return
	}
	dialer := net.Dialer{Timeout: linkDial, LocalAddr: &net.TCPAddr{IP: net.ParseIP(linkHost)}}
	out, err := dialer.Dial("tcp", server)
	if err != nil {
		return // the server is down; who connects sees that the connection ends
	}
	defer l.drop(out)
	if !l.keep(out) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(out, in, w) })
	both.Go(func() { l.pump(in, out, back) })
	both.Wait()
}

// pump copies one direction until it ends, and then ends the other. That a connection has ended is held back like data.
func (l *links) pump(dst, src net.Conn, w link) {
	buf := make([]byte, linkRead)
	for {
		n, err := src.Read(buf)
		if !l.open(w) {
			return
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				_ = src.Close()
				return
			}
		}
		if err != nil {
			_, _ = dst.Close(), src.Close()
			return
		}
	}
}

// open waits until none of the ways is cut, and returns false when the links are closed.
func (l *links) open(ways ...link) bool {
	for {
		l.mu.Lock()
		cut, changed := false, l.changed
		for _, w := range ways {
			cut = cut || l.cut[w]
		}
		l.mu.Unlock()
		if !cut {
			return true
		}
		select {
		case <-changed:
		case <-l.closed:
			return false
		}
	}
}

// set changes what is cut.
func (l *links) set(change func(cut map[link]bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.cut)
	close(l.changed)
	l.changed = make(chan struct{})
}

// keep notes a connection to be closed with the links, and returns false when they are.
func (l *links) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		return false
	default:
		l.conns[c] = struct{}{}
		return true
	}
}

func (l *links) drop(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// close ends all connections and returns when nothing of the links runs.
func (l *links) close() {
	for _, listener := range l.listeners {
		_ = listener.Close()
	}
	l.mu.Lock()
	close(l.closed)
	for c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.all.Wait()
}
