// Package shipper moves events to the nodes that own their shards.
package shipper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/event"
)

// Shipper sends events to nodes: by a function call when the node is this one, else through a [Transport]. It starts no
// goroutine, keeps nothing, and never sends twice; see [Outbox] for that. All methods may be called concurrently.
type Shipper struct {
	local     string
	shards    int
	transport Transport
	receiver  atomic.Pointer[installed]
	stats     counters
}

type installed struct{ Receiver }

// Option configures a [Shipper].
type Option func(*Shipper)

// WithShards sets the number of shards: events for others are refused with [ErrInvalidShard]. Default 0: any shard that
// is not negative is accepted.
func WithShards(n int) Option { return func(s *Shipper) { s.shards = n } }

// WithReceiver installs the receiver for events to the local node, as [Shipper.SetReceiver] does.
func WithReceiver(receiver Receiver) Option { return func(s *Shipper) { s.SetReceiver(receiver) } }

// New returns the shipper of node localNode. Without a transport (nil) only the local node can be reached.
func New(localNode string, t Transport, opts ...Option) *Shipper {
	s := &Shipper{local: localNode, transport: t}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// SetReceiver installs the receiver that takes what is shipped to the local node; nil removes it, and the local node is then
// reached through the transport like any other.
func (s *Shipper) SetReceiver(receiver Receiver) {
	if receiver == nil {
		s.receiver.Store(nil)
		return
	}
	s.receiver.Store(&installed{receiver})
}

// LocalNode is the name of the local node.
func (s *Shipper) LocalNode() string { return s.local }

// HasRoute reports whether the shipper knows the way to node.
func (s *Shipper) HasRoute(node string) bool {
	return node == s.local && s.receiver.Load() != nil || s.transport != nil && s.transport.HasRoute(node)
}

// single lends the one-element slice of a batch, so that shipping one event allocates nothing.
var single = sync.Pool{New: func() any { return new([1]event.Event) }}

// Ship sends one event of a shard, that nobody acknowledges, to node. It returns when the event is handed over: to the
// transport, or to the local receiver. Errors: [ErrInvalidShard], [ErrNoRoute], or [ErrSend] with the cause.
func (s *Shipper) Ship(ctx context.Context, node string, shard int, ev event.Event) error {
	one := single.Get().(*[1]event.Event)
	one[0] = ev
	err := s.ShipBatch(ctx, node, event.Batch{Shard: shard, Events: one[:]})
	one[0] = event.Event{}
	single.Put(one)
	return err
}

// ShipBatch sends a batch to node as it is; From is the sender's to set. Batches that one goroutine ships to one node
// arrive in order. The slices of b are lent until ShipBatch returns, and what they refer to is immutable from then on.
// An empty batch is not sent. Errors as for [Shipper.Ship].
func (s *Shipper) ShipBatch(ctx context.Context, node string, b event.Batch) error {
	if !s.valid(b.Shard) {
		return s.invalid(b.Shard)
	}
	if len(b.Events)+len(b.Acks) == 0 {
		return nil
	}
	if node == s.local {
		if receiver := s.receiver.Load(); receiver != nil {
			return s.deliver(ctx, receiver, b)
		}
	}
	if s.transport == nil {
		return s.failed(node, &b, ErrNoRoute)
	}
	if err := s.transport.Send(ctx, node, b); err != nil {
		return s.failed(node, &b, err)
	}
	s.stats.sent.Add(uint64(len(b.Events)))
	return nil
}

func (s *Shipper) valid(shard int) bool { return shard >= 0 && (s.shards == 0 || shard < s.shards) }

func (s *Shipper) invalid(shard int) error {
	if s.shards == 0 {
		return fmt.Errorf("ship to shard %d: %w: must not be negative", shard, ErrInvalidShard)
	}
	return fmt.Errorf("ship to shard %d: %w: must be in 0 to %d", shard, ErrInvalidShard, s.shards-1)
}

func (s *Shipper) deliver(ctx context.Context, receiver Receiver, b event.Batch) error {
	if err := receiver.Deliver(ctx, b); err != nil {
		return s.failed(s.local, &b, err)
	}
	s.stats.local.Add(uint64(len(b.Events)))
	return nil
}

func (s *Shipper) failed(node string, b *event.Batch, err error) error {
	if errors.Is(err, ErrNoRoute) {
		s.stats.noRoute.Add(1)
		return fmt.Errorf("ship to node %q, shard %d: %w", node, b.Shard, err)
	}
	s.stats.sendFailures.Add(1)
	return fmt.Errorf("ship to node %q, shard %d: %w: %w", node, b.Shard, ErrSend, err)
}

// Stats is a snapshot of a shipper's counters since it was made. The counters are read one after the other.
type Stats struct {
	// Sent counts the events handed to the transport, Local those delivered to the local receiver. Acks are not counted.
	Sent, Local uint64
	// NoRoute counts the calls refused with ErrNoRoute, SendFailures those that failed with ErrSend.
	NoRoute, SendFailures uint64
}

// Stats returns the counters.
func (s *Shipper) Stats() Stats {
	return Stats{
		Sent:         s.stats.sent.Load(),
		Local:        s.stats.local.Load(),
		NoRoute:      s.stats.noRoute.Load(),
		SendFailures: s.stats.sendFailures.Load(),
	}
}

// counters keeps the two hot counters on cache lines of their own: senders to other nodes and local deliveries run on
// different cores.
type counters struct {
	_                     [cacheLine]byte
	sent                  atomic.Uint64
	_                     [cacheLine - 8]byte
	local                 atomic.Uint64
	_                     [cacheLine - 8]byte
	noRoute, sendFailures atomic.Uint64
}

// cacheLine is two lines of 64 bytes: processors fetch lines in pairs.
const cacheLine = 128
