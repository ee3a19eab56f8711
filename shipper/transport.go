package shipper

import (
	"context"
	"errors"

	"github.com/quadrille-stream/quadrille/event"
)

// Errors of shippers and transports. They come wrapped, with what was tried; test with errors.Is.
var (
	// ErrNoRoute: the transport knows nobody of that name. Nothing was sent.
	ErrNoRoute = errors.New("no route to node")
	// ErrInvalidShard: the shard's number is negative, or not below the number of shards.
	ErrInvalidShard = errors.New("invalid shard")
	// ErrSend: the batch was not handed over; the cause is wrapped beside it.
	ErrSend = errors.New("send failed")
	// ErrTooLarge: the batch, or a part of it, is over a limit of the transport; it will never be carried as it is.
	ErrTooLarge = errors.New("batch is too large")
	// ErrClosed: the transport has been shut down. Nothing was sent.
	ErrClosed = errors.New("transport is closed")
	// ErrRouteTaken: a receiver is registered under that name already.
	ErrRouteTaken = errors.New("node has a receiver already")
	// ErrUndelivered: at shutdown there were batches that their receiver did not take.
	ErrUndelivered = errors.New("batches were not delivered")
)

// Receiver takes the batches that arrive for a node.
//
// Deliver may block; that is how back-pressure reaches the sender. It must return soon after ctx ends. An error means
// that the batch was not taken: a direct caller gets it, a transport that delivers later counts and logs it, and who
// waits for an ack sends again.
//
// Who owns what: the slices Events and Acks are lent until Deliver returns, and are overwritten afterwards; a receiver that
// keeps events or acks copies the values (never the bytes behind them). Strings and payload bytes are immutable for
// everybody and may be kept. A payload that came over a network shares the memory of its whole frame: clone one that is
// kept for long.
//
// A transport calls the receiver of a route from one goroutine at a time, in order; a [Shipper]'s local deliveries come
// beside them, from the goroutines of its callers.
type Receiver interface {
	// Deliver takes one batch.
	Deliver(ctx context.Context, b event.Batch) error
}

// ReceiverFunc is a function as a [Receiver].
type ReceiverFunc func(ctx context.Context, b event.Batch) error

// Deliver calls f.
func (f ReceiverFunc) Deliver(ctx context.Context, b event.Batch) error { return f(ctx, b) }

// Transport carries batches to nodes by name. All methods may be called concurrently. A transport starts no goroutine
// before its Run, which is not part of this contract: only who made the transport runs it.
//
// Package shippertest holds the suite that every implementation passes.
type Transport interface {
	// Send hands b over for node and returns; it does not wait until b is processed. Batches that one goroutine sends
	// to a node arrive in that order. The slices of b are lent until Send returns, what they refer to is immutable from
	// then on. When the way is full Send blocks until there is room or ctx ends. After an error the batch is not on
	// its way, unless the implementation says otherwise. Errors: ErrNoRoute, ErrTooLarge, ErrClosed, ctx.Err().
	Send(ctx context.Context, node string, b event.Batch) error
	// HasRoute reports whether Send knows the way to node. It does no I/O and does not tell whether node is alive.
	HasRoute(node string) bool
	// RegisterRoute makes node known. With a receiver, node is here: its batches are delivered to the receiver while the
	// transport runs; ErrRouteTaken if node has one. Without a receiver (nil), node is elsewhere and the transport is to
	// find it by name; a transport that reaches only this process then does nothing.
	RegisterRoute(node string, receiver Receiver) error
	// RemoveRoute forgets node: Send answers ErrNoRoute from now on. What was handed over before is still delivered to
	// its receiver while the transport runs, in the background. No effect if node is not known.
	RemoveRoute(node string)
}

// Refused is called when a receiver did not take a batch that its sender believes to be on the way. It is called by the
// goroutine that delivers, must not block, and must not keep b.
type Refused func(node string, b event.Batch, err error)
