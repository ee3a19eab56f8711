package jetstream

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy passes connections on to a server, and can cut them.
type proxy struct {
	to  string
	l   net.Listener
	all sync.WaitGroup

	mu      sync.Mutex
	conns   []net.Conn
	refuses bool
	there   gate // what is sent to the server
	back    gate // what the server sends
}

// gate is open unless it is held.
type gate struct{ sync.RWMutex }

// hold closes the gate until it is called again with false.
func (g *gate) hold(holds bool) {
	if holds {
		g.Lock()
	} else {
		g.Unlock()
	}
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{to: strings.TrimPrefix(server, "nats://"), l: l}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.refuse(true) // what was taken in just now, too
		p.all.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		if p.conns = append(p.conns, in, out); p.refuses {
			_ = in.Close()
			_ = out.Close()
		}
		p.mu.Unlock()
		p.all.Go(func() { pass(in, out, &p.back) })
		p.all.Go(func() { pass(out, in, &p.there) })
	}
}

// refuse makes the proxy cut all connections as soon as they are there, or no longer.
func (p *proxy) refuse(refuses bool) {
	p.mu.Lock()
	p.refuses = refuses
	p.mu.Unlock()
	if refuses {
		p.cut()
	}
}

// pass copies what the gate lets through until one of both is closed, and closes the other.
func pass(to, from net.Conn, g *gate) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		g.RLock()
		_, failed := to.Write(buf[:n])
		g.RUnlock()
		if err != nil || failed != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
