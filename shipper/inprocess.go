package shipper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

var _ request.Transport = (*InProcess)(nil)

// Defaults of [NewInProcess].
const (
	// DefaultCapacity is the number of events and acks under way to one node.
	DefaultCapacity = 4096
	// DefaultQueueBytes is the number of payload bytes under way to one node.
	DefaultQueueBytes = 64 << 20
	// DefaultGrace is how long a transport goes on delivering after its context has ended.
	DefaultGrace = 5 * time.Second
)

// InProcess is a [Transport] between nodes of one process that share it. It copies events, never payload bytes.
//
// For each node with a receiver it keeps a queue of bounded size; what a receiver is working on counts as queued. Send blocks
// while the queue is full, senders that wait are served in the order of their arrival, and a batch that is larger than
// the queue is taken when the queue is empty. Nothing is dropped: what Send has accepted is delivered, or Run says what
// was not. Neighbouring batches of one shard without From, ID and acks, which nobody acknowledges, are delivered as one
// batch.
type InProcess struct {
	capacity, maxBytes int
	grace              time.Duration
	refused            Refused

	// requests has the handlers of the nodes here.
	requests request.Local

	// routes is replaced as a whole, so that Send reads it without a lock.
	routes atomic.Pointer[map[string]*queue]

	mu    sync.Mutex
	state runState
	// removed holds the queues of removed routes until Run delivers what is left in them.
	removed []*queue
	// deliver is what receivers are called with while running.
	deliver context.Context
	running sync.WaitGroup
	errs    []error // of queues that have ended; guarded by mu
}

type runState uint8

const (
	notYetRun runState = iota
	running
	ended
)

// InProcessOption configures an [InProcess] transport.
type InProcessOption func(*InProcess)

// WithQueueBytes bounds the payload bytes under way to one node. Default [DefaultQueueBytes].
func WithQueueBytes(n int) InProcessOption { return func(t *InProcess) { t.maxBytes = n } }

// WithGrace sets how long Run goes on delivering what is queued after its context has ended. Default [DefaultGrace];
// with 0 receivers see an ended context at once.
func WithGrace(d time.Duration) InProcessOption { return func(t *InProcess) { t.grace = d } }

// WithRefused sets what is called when a receiver refuses a batch. Default: a warning in the log.
func WithRefused(f Refused) InProcessOption { return func(t *InProcess) { t.refused = f } }

// NewInProcess returns a transport whose queue to each node holds capacity events and acks; 0 or less means
// [DefaultCapacity]. It delivers while [InProcess.Run] runs.
func NewInProcess(capacity int, opts ...InProcessOption) *InProcess {
	if capacity <= 0 {
		capacity = DefaultCapacity
	}
	t := &InProcess{capacity: capacity, maxBytes: DefaultQueueBytes, grace: DefaultGrace, refused: logRefused}
	t.routes.Store(&map[string]*queue{})
	for _, opt := range opts {
		opt(t)
	}
	return t
}

func logRefused(node string, b event.Batch, err error) {
	slog.Warn("receiver refused a batch", "node", node, "from", b.From, "shard", b.Shard, "batch", b.ID,
		"events", len(b.Events), "acks", len(b.Acks), "error", err)
}

// Send queues b for node; see [Transport].
func (t *InProcess) Send(ctx context.Context, node string, b event.Batch) error {
	q := (*t.routes.Load())[node]
	if q == nil {
		return fmt.Errorf("in-process transport: %w: %q has no receiver here", ErrNoRoute, node)
	}
	return q.put(ctx, &b)
}

// HasRoute reports whether node has a receiver here.
func (t *InProcess) HasRoute(node string) bool { return (*t.routes.Load())[node] != nil }

// RegisterRoute has receiver take what comes for node, from now until RemoveRoute. A nil receiver has no effect: this transport
// reaches nobody outside. Errors: [ErrRouteTaken]; [ErrClosed] after Run has ended.
func (t *InProcess) RegisterRoute(node string, receiver Receiver) error {
	if receiver == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == ended {
		return fmt.Errorf("in-process transport: register %q: %w", node, ErrClosed)
	}
	old := *t.routes.Load()
	if old[node] != nil {
		return fmt.Errorf("in-process transport: register %q: %w; remove the route first", node, ErrRouteTaken)
	}
	q := newQueue(node, receiver, t.capacity, t.maxBytes)
	routes := maps.Clone(old)
	routes[node] = q
	t.routes.Store(&routes)
	if t.state == running {
		t.start(q)
	}
	return nil
}

// RemoveRoute takes node's receiver away; see [Transport]. Senders that wait for room get [ErrNoRoute].
func (t *InProcess) RemoveRoute(node string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.routes.Load()
	q := old[node]
	if q == nil || t.state == ended {
		return
	}
	routes := maps.Clone(old)
	delete(routes, node)
	t.routes.Store(&routes)
	q.close(fmt.Errorf("in-process transport: %w: %q has been removed", ErrNoRoute, node))
	if t.state == notYetRun {
		t.removed = append(t.removed, q)
	}
}

// Run delivers until ctx ends. Then it refuses further sends with [ErrClosed], delivers what is queued, and returns when
// all of its goroutines have ended: nil, or an error that wraps [ErrUndelivered] for each node whose receiver did not take
// everything within the grace time. It can run once.
func (t *InProcess) Run(ctx context.Context) error {
	deliver, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if err := t.begin(deliver); err != nil {
		return err
	}
	<-ctx.Done()
	t.end()
	t.requests.Close()
	if t.grace <= 0 {
		cancel()
	} else {
		defer time.AfterFunc(t.grace, cancel).Stop()
	}
	t.running.Wait()
	return errors.Join(t.errs...)
}

// Ask calls the handler of node; see [request.Local]. It needs no Run, and is refused once that has ended.
func (t *InProcess) Ask(ctx context.Context, node string, content []byte, fn func(part []byte) error) error {
	return t.requests.Ask(ctx, node, content, fn)
}

// Answer has handler answer requests to node; see [request.Transport].
func (t *InProcess) Answer(node string, handler request.Handler, atOnce int) error {
	return t.requests.Answer(node, handler, atOnce)
}

// Withdraw ends what Answer began; see [request.Transport].
func (t *InProcess) Withdraw(node string) { t.requests.Withdraw(node) }

func (t *InProcess) begin(deliver context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != notYetRun {
		return errors.New("in-process transport: Run was called before; make a new transport")
	}
	t.state, t.deliver = running, deliver
	for _, q := range *t.routes.Load() {
		t.start(q)
	}
	for _, q := range t.removed {
		t.start(q)
	}
	t.removed = nil
	return nil
}

// start is called with t.mu held while running; end changes the state first, so nothing is added while Run waits.
func (t *InProcess) start(q *queue) {
	t.running.Go(func() {
		err := q.run(t.deliver, func(b event.Batch, err error) { t.refused(q.node, b, err) })
		if err != nil {
			t.mu.Lock()
			t.errs = append(t.errs, err)
			t.mu.Unlock()
		}
	})
}

func (t *InProcess) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = ended
	for _, q := range *t.routes.Load() {
		q.close(fmt.Errorf("in-process transport: send to %q: %w", q.node, ErrClosed))
	}
}
