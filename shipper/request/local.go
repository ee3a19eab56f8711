package request

import (
	"context"
	"fmt"
	"sync"
)

// Local is a [Transport] between nodes of one process: to ask is to call the node's handler. It starts no goroutine. The zero
// value is ready for use.
//
// fn runs inside the handler's send here, so that [Local.Withdraw] waits for it, too: fn returns soon when ctx ends.
type Local struct {
	mu     sync.Mutex
	places map[string]*place
	closed bool
}

var _ Transport = (*Local)(nil)

// place is where a node's requests are answered.
type place struct {
	node    string
	handler Handler
	atOnce  int
	life    context.Context // ends with the place
	end     context.CancelFunc
	calls   sync.WaitGroup
	running int // guarded by Local.mu
}

// Answer has handler answer requests to node; see [Transport].
func (l *Local) Answer(node string, handler Handler, atOnce int) error {
	if atOnce <= 0 {
		atOnce = DefaultAtOnce
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return stopped(node)
	case l.places[node] != nil:
		return &Error{Code: Taken, Node: node, Text: "withdraw it first"}
	case l.places == nil:
		l.places = map[string]*place{}
	}
	p := &place{node: node, handler: handler, atOnce: atOnce}
	p.life, p.end = context.WithCancel(context.Background())
	l.places[node] = p
	return nil
}

func stopped(node string) *Error {
	return &Error{Code: Stopped, Node: node, Text: "the transport has been shut down"}
}

// Withdraw ends what Answer began; see [Transport].
func (l *Local) Withdraw(node string) {
	l.mu.Lock()
	p := l.places[node]
	delete(l.places, node)
	l.mu.Unlock()
	p.close()
}

func (p *place) close() {
	if p != nil {
		p.end()
		p.calls.Wait()
	}
}

// Close withdraws all nodes, for good: Ask and Answer return an [Error] of code [Stopped].
func (l *Local) Close() {
	l.mu.Lock()
	l.closed = true
	places := l.places
	l.places = nil
	l.mu.Unlock()
	for _, p := range places {
		p.end()
	}
	for _, p := range places {
		p.close()
	}
}

// Has reports whether node is here.
func (l *Local) Has(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.places[node] != nil
}

// Ask calls the handler of node; see [Transport].
func (l *Local) Ask(ctx context.Context, node string, request []byte, fn func(part []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := Fits(node, request); err != nil {
		return err
	}
	call, err := l.Begin(ctx, node)
	if err != nil {
		return err
	}
	var own error
	err = call.Run(request, func(part []byte) error {
		own = fn(part)
		return own
	})
	switch {
	case own != nil:
		return own
	case ctx.Err() != nil:
		return ctx.Err()
	case call.Withdrawn():
		return &Error{Code: Lost, Node: node, Text: "the node has ended"}
	case err != nil:
		return FailedWith(node, err)
	}
	return nil
}

// Fits returns an error for a request that is too large.
func Fits(node string, request []byte) error {
	if n := len(request); n > MaxRequest {
		return &Error{Code: TooLarge, Node: node, Text: fmt.Sprintf("%d bytes, at most %d are carried", n, MaxRequest)}
	}
	return nil
}

// Begin makes room for a call of node's handler, for a transport that carries its answer elsewhere. Call.Run must follow. The
// handler's context ends with ctx. Errors: of code [NoRoute], [Busy], [Stopped].
func (l *Local) Begin(ctx context.Context, node string) (*Call, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.places[node]
	switch {
	case l.closed:
		return nil, stopped(node)
	case p == nil:
		return nil, &Error{Code: NoRoute, Node: node, Text: "no such node is here"}
	case p.running >= p.atOnce:
		return nil, &Error{Code: Busy, Node: node, Text: fmt.Sprintf("it answers %d requests, and takes no more at a time", p.running)}
	}
	p.running++
	p.calls.Add(1)
	c := &Call{l: l, place: p}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.unhook = context.AfterFunc(p.life, c.cancel)
	return c, nil
}

// Call is one call of a handler.
type Call struct {
	l      *Local
	place  *place
	ctx    context.Context
	cancel context.CancelFunc
	unhook func() bool
	send   func([]byte) error
	broken error // why the answer can't become whole
}

// Run calls the handler with what sends a part to its asker, and returns nil if all of the answer was sent. After that
// the call has ended.
func (c *Call) Run(request []byte, send func(part []byte) error) error {
	defer c.end()
	c.send = send
	if err := c.place.handler(c.ctx, request, c.part); err != nil {
		return err
	}
	if c.broken == nil {
		return c.ctx.Err()
	}
	return c.broken
}

// Context is the handler's: it ends with the one that the call was begun with, and with the node.
func (c *Call) Context() context.Context { return c.ctx }

// Withdrawn reports whether the node has ended.
func (c *Call) Withdrawn() bool { return c.place.life.Err() != nil }

// part is what the handler sends with. Its first error stays.
func (c *Call) part(part []byte) error {
	switch {
	case c.broken != nil:
	case c.ctx.Err() != nil:
		c.broken = c.ctx.Err()
	case len(part) > MaxPart:
		c.broken = &Error{Code: TooLarge, Node: c.place.node,
			Text: fmt.Sprintf("a part of an answer has %d bytes, at most %d are carried", len(part), MaxPart)}
	default:
		if c.broken = c.send(part); c.broken != nil {
			c.cancel()
		}
	}
	return c.broken
}

func (c *Call) end() {
	c.unhook()
	c.cancel()
	c.l.mu.Lock()
	c.place.running--
	c.l.mu.Unlock()
	c.place.calls.Done()
}
