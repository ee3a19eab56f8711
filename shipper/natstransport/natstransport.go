// Package natstransport carries batches and requests between nodes over core NATS.
//
// A batch is one message, published one-way to the subject of its node; see [Subject] and the wire form in package
// shipper. One that is larger than the server takes, or than 1 MiB, is cut into numbered parts that the receiver puts
// together; beyond 4 MiB the sender waits now and then until the receiver has what was sent, so that no server and no
// receiver is flooded. So any batch up to [shipper.MaxWireBytes] is carried, by any server that takes messages of 1 KiB.
//
// Nothing is stored on the way: a batch is lost when its node is not there, when a connection breaks, or when its node
// falls so far behind that its pending limit is reached; one lost part loses its batch. Losses are counted where they
// can be seen, and repaired by the sender, which sends again when no ack comes ([shipper.Outbox]).
//
// A request is one message to another subject of its node, and its answer comes in messages of at most 64 KiB of content to an inbox of
// the asker; see [Transport.Ask] and package request. What of it is lost ends it with an error.
//
// Batches are not compressed: on loopback and on fast networks that made the way slower in measurements, and what is
// worth compressing on slow links can be compressed by the connection.
package natstransport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport/internal/fragment"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Defaults of [New].
const (
	// DefaultPendingBytes is how much may wait for the local receiver. A large batch never waits whole: of each at most
	// 5 MiB are on their way, so there is room for a dozen of them at once beside small ones.
	DefaultPendingBytes = 64 << 20
	// DefaultReassemblyBytes is how much of incomplete batches is held: two of the largest each of two senders.
	DefaultReassemblyBytes = 4 * (shipper.MaxWireBytes + fragment.Overhead)
	// DefaultReassemblyTime is how long an incomplete batch is held that makes no progress. A sender waits half as long for its
	// receiver.
	DefaultReassemblyTime = 10 * time.Second
	// DefaultGrace is how long Run goes on delivering what has arrived after its context has ended.
	DefaultGrace = 5 * time.Second
	// subscribeTimeout bounds the wait until the server has confirmed a subscription.
	subscribeTimeout = 5 * time.Second
	// maxPooled bounds the buffers that are kept for encoding.
	maxPooled = 8 << 20
)

// Transport is a [shipper.Transport] and a [request.Transport] over a NATS connection, which stays its owner's: it is not closed. All methods may
// be called concurrently.
//
// Send returns when the batch is in the connection's buffer. It looks at its context before each message, and while it
// waits for the receiver of a large batch, each time for half of the time of [WithReassembly] at most; while it writes to a
// socket that takes nothing it is bounded by the connection's own time-outs. During a reconnect batches of one message go to
// the connection's reconnect buffer; when that is full, or the batch is larger, Send fails. After an error of the connection the batch may still have
// been published. Batches that one goroutine sends to one node arrive in the order in which they were sent; large ones of
// one shard are sent one after the other. A receiver that sends a batch beyond 4 MiB to its own node waits in vain for itself.
type Transport struct {
	nc           *nats.Conn
	pipeline     string
	pendingBytes int
	// assembly bounds what is put together.
	assemblyBytes int
	assemblyTime  time.Duration
	// sender tells this transport apart from others, and from those of earlier processes of its node.
	sender  uint64
	frames  atomic.Uint64 // the last number given to a frame
	grace   time.Duration
	refused shipper.Refused
	log     *slog.Logger
	stats   counters
	buffers sync.Pool // of *[]byte

	routes atomic.Pointer[map[string]*route] // replaced as a whole

	// silence is how long nothing is heard before a request is given up, local has the handlers of the nodes here, asks what
	// others are asked.
	silence time.Duration
	local   request.Local
	asks    *asker

	mu      sync.Mutex
	state   runState
	seats   map[string]*seat // where requests come in
	run     context.Context  // ends when Run is to end
	deliver context.Context  // what receivers are called with
	running sync.WaitGroup
	errs    []error // of listeners at shutdown; guarded by mu
}

type runState uint8

const (
	notYetRun runState = iota
	running
	ended
)

// route is the way to a node. Without a receiver the node is elsewhere.
type route struct {
	node, subject string
	receiver      shipper.Receiver
	sub           *nats.Subscription
	stop          context.CancelFunc // ends the receiver; nil until that is started
	lanes         [lanes]chan struct{}
}

func newRoute(pipeline, node string, receiver shipper.Receiver) *route {
	r := &route{node: node, subject: Subject(pipeline, node), receiver: receiver}
	for i := range r.lanes {
		r.lanes[i] = make(chan struct{}, 1)
	}
	return r
}

var (
	_ shipper.Transport = (*Transport)(nil)
	_ request.Transport = (*Transport)(nil)
)

// Option configures a [Transport].
type Option func(*Transport)

// WithPendingBytes bounds what waits for a receiver here, in bytes; what comes beyond is dropped and counted. Default
// [DefaultPendingBytes]. The number of messages is bounded too, by the connection's nats.SyncQueueLen (default 64 Ki).
// With less than 8 MiB large batches may never arrive.
func WithPendingBytes(n int) Option { return func(t *Transport) { t.pendingBytes = n } }

// WithReassembly bounds what is held of batches that are not complete, for each node here: in bytes, of which one sender
// has half, and in time without progress; a sender waits half as long for its receiver. A batch for which there is no room is
// refused, and its sender's Send fails.
// There is always room for one of the largest. Defaults [DefaultReassemblyBytes] and [DefaultReassemblyTime]; putting a
// batch together takes its size once more for a moment.
func WithReassembly(bytes int, wait time.Duration) Option {
	return func(t *Transport) { t.assemblyBytes, t.assemblyTime = bytes, wait }
}

// WithGrace sets how long Run goes on delivering what has arrived after its context has ended. Default [DefaultGrace];
// with 0 receivers see an ended context at once.
func WithGrace(d time.Duration) Option { return func(t *Transport) { t.grace = d } }

// WithLogger sets where losses are logged, each kind at most once a second. Default: slog.Default().
func WithLogger(log *slog.Logger) Option { return func(t *Transport) { t.log = log } }

// WithRefused sets what is called when a receiver refuses a batch. Default: a warning in the log.
func WithRefused(f shipper.Refused) Option { return func(t *Transport) { t.refused = f } }

// WithSilence sets how long nothing is heard of a node before a request to it, or of it, is given up; the same for all nodes of a
// pipeline. Default [DefaultSilence].
func WithSilence(d time.Duration) Option { return func(t *Transport) { t.silence = d } }

// New returns a transport for the nodes of a pipeline. It sends at once, and receives while [Transport.Run] runs. The connection is
// one that may carry events, such as that of jetstream.Server.ConnectEvents; one for the logs may not.
func New(nc *nats.Conn, pipeline string, opts ...Option) (*Transport, error) {
	if nc == nil {
		return nil, errors.New("NATS transport: the connection is nil")
	}
	if pipeline == "" {
		return nil, errors.New("NATS transport: the pipeline has no name")
	}
	t := &Transport{nc: nc, pipeline: pipeline, pendingBytes: DefaultPendingBytes, grace: DefaultGrace, log: slog.Default(),
		assemblyBytes: DefaultReassemblyBytes, assemblyTime: DefaultReassemblyTime, sender: rand.Uint64(), silence: DefaultSilence, seats: map[string]*seat{}}
	t.asks = newAsker(t)
	t.buffers.New = func() any { return new([]byte) }
	t.routes.Store(&map[string]*route{})
	for _, opt := range opts {
		opt(t)
	}
	return t, nil
}

// Send publishes b to node; see [Transport] and [shipper.Transport]. A batch of up to 4 MiB waits for nobody. One whose
// encoded form is beyond [shipper.MaxWireBytes] is refused with [shipper.ErrTooLarge]; [shipper.BatchWireBound] tells
// beforehand.
func (t *Transport) Send(ctx context.Context, node string, b event.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := (*t.routes.Load())[node]
	if r == nil {
		return fmt.Errorf("NATS transport: %w: %q is not registered", shipper.ErrNoRoute, node)
	}
	buf := t.buffers.Get().(*[]byte)
	n, err := t.publish(ctx, r, buf, &b)
	if cap(*buf) <= maxPooled {
		t.buffers.Put(buf)
	}
	if err != nil {
		return fmt.Errorf("NATS transport: send to %q: %w", node, err)
	}
	t.stats.sent.Add(1)
	t.stats.sentBytes.Add(uint64(n))
	return nil
}

func (t *Transport) publish(ctx context.Context, r *route, buf *[]byte, b *event.Batch) (int, error) {
	frame, err := shipper.AppendBatch((*buf)[:0], b)
	if err != nil {
		return 0, err
	}
	*buf = frame
	if len(frame) > min(t.messageLimit(), maxMessage) {
		if err := t.sendCut(ctx, r, b.Shard, frame); err != nil {
			return 0, fmt.Errorf("batch %d of shard %d with %d events and %d acks, %d bytes encoded: %w", b.ID, b.Shard,
				len(b.Events), len(b.Acks), len(frame), err)
		}
		return len(frame), nil
	}
	// Publish copies the frame before it returns, so the buffer is free again.
	if err := t.nc.Publish(r.subject, frame); err != nil {
		if errors.Is(err, nats.ErrConnectionClosed) {
			err = fmt.Errorf("%w: %w", shipper.ErrClosed, err)
		}
		return 0, err
	}
	return len(frame), nil
}

// HasRoute reports whether node is registered. It doesn't tell whether anybody listens there.
func (t *Transport) HasRoute(node string) bool { return (*t.routes.Load())[node] != nil }

// RegisterRoute makes node known. With a receiver it subscribes to the node's subject, and returns when the server has
// confirmed that; a node registered without a receiver may get one so. Without a receiver it does no I/O; no effect if node is
// known. Errors: [shipper.ErrRouteTaken], [shipper.ErrClosed], those of the connection.
func (t *Transport) RegisterRoute(node string, receiver shipper.Receiver) error {
	if err := t.register(node, receiver); err != nil {
		return fmt.Errorf("NATS transport: register %q: %w", node, err)
	}
	return nil
}

func (t *Transport) register(node string, receiver shipper.Receiver) (err error) {
	if node == "" {
		return errors.New("the node has no name")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := (*t.routes.Load())[node]
	switch {
	case t.state == ended:
		return shipper.ErrClosed
	case old != nil && receiver == nil:
		return nil
	case old != nil && old.receiver != nil:
		return fmt.Errorf("%w; remove the route first", shipper.ErrRouteTaken)
	}
	r := newRoute(t.pipeline, node, receiver)
	if receiver != nil {
		if r.sub, err = t.subscribe(r.subject); err != nil {
			return err
		}
	}
	t.change(func(routes map[string]*route) { routes[node] = r })
	if receiver != nil && t.state == running {
		t.start(r)
	}
	return nil
}

// subscribe waits for the server's answer: what is sent after it is not lost.
func (t *Transport) subscribe(subject string) (*nats.Subscription, error) {
	sub, err := t.nc.SubscribeSync(subject)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	if err = sub.SetPendingLimits(-1, t.pendingBytes); err == nil {
		err = t.nc.FlushTimeout(subscribeTimeout)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to %s: %w", subject, err), sub.Unsubscribe())
	}
	return sub, nil
}

func (t *Transport) change(edit func(map[string]*route)) {
	routes := maps.Clone(*t.routes.Load())
	edit(routes)
	t.routes.Store(&routes)
}

// RemoveRoute forgets node; see [shipper.Transport]. What has arrived for a receiver here is delivered if the transport
// runs, and else counted as lost.
func (t *Transport) RemoveRoute(node string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := (*t.routes.Load())[node]
	if r == nil || t.state == ended {
		return
	}
	t.change(func(routes map[string]*route) { delete(routes, node) })
	if r.receiver == nil {
		return
	}
	if r.stop != nil {
		r.stop()
	} else {
		newListener(t, r).abandon()
	}
}

// Run receives until ctx ends. Then it refuses further routes, delivers what has arrived, and returns when all of its
// goroutines have ended: nil, or an error that wraps [shipper.ErrUndelivered] for each node whose receiver did not take
// everything within the grace time. It returns early with an error when the connection is closed. It can run once.
// Sending goes on working as long as the connection does.
func (t *Transport) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	deliver, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if err := t.begin(ctx, deliver); err != nil {
		return err
	}
	closed := t.nc.StatusChanged(nats.CLOSED)
	defer t.nc.RemoveStatusListener(closed)
	var broken error
	if t.nc.IsClosed() {
		broken = nats.ErrConnectionClosed
	} else {
		select {
		case <-ctx.Done():
		case <-closed:
			broken = nats.ErrConnectionClosed
		}
	}
	stop()
	t.mu.Lock()
	t.state = ended
	t.mu.Unlock()
	t.local.Close()
	if t.grace <= 0 {
		cancel()
	} else {
		defer time.AfterFunc(t.grace, cancel).Stop()
	}
	t.running.Wait()
	if broken != nil {
		broken = fmt.Errorf("NATS transport: receive: %w", broken)
	}
	return errors.Join(append(t.errs, broken)...)
}

func (t *Transport) begin(run, deliver context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != notYetRun {
		return errors.New("NATS transport: Run was called before; make a new transport")
	}
	t.state, t.run, t.deliver = running, run, deliver
	for _, r := range *t.routes.Load() {
		if r.receiver != nil {
			t.start(r)
		}
	}
	for _, s := range t.seats {
		t.take(s)
	}
	t.running.Go(func() { t.asks.run(run) })
	t.running.Go(func() { t.tick(run) })
	return nil
}

// start is called with t.mu held while running; Run changes the state before it waits.
func (t *Transport) start(r *route) {
	ctx, stop := context.WithCancel(t.run)
	r.stop = stop
	t.running.Go(func() {
		defer stop()
		if err := newListener(t, r).run(ctx); err != nil {
			t.mu.Lock()
			t.errs = append(t.errs, err)
			t.mu.Unlock()
		}
	})
}
