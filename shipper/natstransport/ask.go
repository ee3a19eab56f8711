package natstransport

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/shipper/internal/exchange"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

const (
	// DefaultSilence is how long nothing is heard of a node before a request to it, or of it, is given up.
	DefaultSilence = 2 * time.Second
	// livesIn and ticksIn are how many signs of life, and looks at the clock, there are in that time.
	livesIn, ticksIn = 4, 8
	// maxAsks is how many requests of this transport are under way at a time. No other waits for its turn: who takes an answer may ask
	// for what it needs to go on, so that the turn would never come.
	maxAsks = 2048
	// allWindows is divided among the requests under way as each begins, so that all together have at most 31 MiB on their
	// way: half of what a server lets wait for a connection.
	allWindows = 4 << 20
	// maxWaiting is how many messages of answers may wait here: as many as fit in those windows.
	maxWaiting = 64 << 10
)

// asker is what a transport asks others with.
type asker struct {
	t       *Transport
	inbox   string // answers come to INBOX.a, that nobody listens to INBOX.NUMBER
	numbers atomic.Uint64
	slots   chan struct{}
	begun   chan struct{} // closed when answers are listened for
	ended   chan struct{}

	mu   sync.Mutex
	open map[uint64]*asked
}

// asked is a request that is under way.
type asked struct {
	t                     *Transport
	number                uint64
	node, subject, answer string
	changed               chan struct{} // capacity 1

	mu      sync.Mutex
	machine *exchange.Asking
}

func newAsker(t *Transport) *asker {
	return &asker{t: t, inbox: t.nc.NewInbox(), slots: make(chan struct{}, maxAsks), begun: make(chan struct{}),
		ended: make(chan struct{}), open: map[uint64]*asked{}}
}

// Ask sends a request to a node, and fn gets its answer; see [request.Transport]. At most 2048 requests are under way at a time, one
// more is [request.Busy]. It waits for Run to begin, no longer than for a node that is silent.
func (t *Transport) Ask(ctx context.Context, node string, content []byte, fn func(part []byte) error) error {
	if t.local.Has(node) {
		return t.local.Ask(ctx, node, content, fn)
	}
	if err := t.askable(node, content); err != nil {
		return err
	}
	if err := t.asks.enter(ctx, node); err != nil {
		return err
	}
	defer func() { <-t.asks.slots }()
	q := t.asks.ask(node, content)
	defer t.asks.forget(q)
	return q.hear(ctx, fn)
}

func (t *Transport) askable(node string, content []byte) error {
	if err := request.Fits(node, content); err != nil {
		return err
	}
	if limit := t.messageLimit() - exchange.Header; len(content) > limit {
		return &request.Error{Code: request.TooLarge, Node: node, Text: fmt.Sprintf("%d bytes, and the server takes messages with %d; "+
			"raise max_payload", len(content), limit)}
	}
	return nil
}

// enter waits for Run, and takes a place.
func (a *asker) enter(ctx context.Context, node string) error {
	late := time.NewTimer(a.t.silence)
	defer late.Stop()
	select {
	case <-a.begun:
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return stopped(node)
	case <-a.ended:
		return stopped(node)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-a.ended:
		return stopped(node)
	case a.slots <- struct{}{}:
		return nil
	default:
		return &request.Error{Code: request.Busy, Node: node, Text: fmt.Sprintf("%d requests are under way from here, and no more are at a time", maxAsks)}
	}
}

func stopped(node string) *request.Error {
	return &request.Error{Code: request.Stopped, Node: node, Text: "the transport does not run"}
}

// ask begins a request.
func (a *asker) ask(node string, content []byte) *asked {
	number := a.numbers.Add(1)
	window := min(exchange.MaxWindow, max(exchange.MinWindow, allWindows/len(a.slots)))
	q := &asked{t: a.t, node: node, number: number, subject: subject(a.t.pipeline, node, "ask"), answer: a.inbox + "." + strconv.FormatUint(number, 10),
		changed: make(chan struct{}, 1),
		machine: exchange.NewAsking(time.Now(), a.t.times(), node, a.t.sender, number, window, content)}
	a.mu.Lock()
	a.open[number] = q
	a.mu.Unlock()
	select {
	case <-a.ended: // after that it looks at what is open
		q.give(func(m *exchange.Asking) { m.Break(stopped(node)) })
	default:
		q.give(func(*exchange.Asking) {})
	}
	return q
}

func (a *asker) forget(q *asked) {
	a.mu.Lock()
	delete(a.open, q.number)
	a.mu.Unlock()
}

// times are those of both ends.
func (t *Transport) times() exchange.Times {
	return exchange.Times{Life: t.silence / livesIn, Silence: t.silence}
}

// give gives the machine an input, sends what comes of it, and wakes who waits for the answer.
func (q *asked) give(input func(*exchange.Asking)) {
	q.mu.Lock()
	input(q.machine)
	out := q.machine.Effects()
	q.mu.Unlock()
	for i := range out {
		if err := q.send(&out[i]); err != nil {
			q.mu.Lock()
			q.machine.Break(err)
			q.mu.Unlock()
		}
	}
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// send publishes a frame. What begins a request is not kept for a later connection: it would come when nobody waits any more.
func (q *asked) send(f *exchange.Frame) *request.Error {
	if status := q.t.nc.Status(); f.Kind == exchange.Ask && status != nats.CONNECTED {
		return &request.Error{Code: request.Lost, Node: q.node, Text: fmt.Sprintf("not sent: the connection is %v", status)}
	}
	answer := q.answer
	if f.Kind == exchange.Cancel {
		answer = ""
	}
	if err := q.t.publishFrame(q.subject, answer, f); err != nil {
		return &request.Error{Code: request.Lost, Node: q.node, Text: err.Error()}
	}
	return nil
}

func (t *Transport) publishFrame(subject, answer string, f *exchange.Frame) error {
	buf := t.buffers.Get().(*[]byte)
	*buf = f.Append((*buf)[:0])
	err := t.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: answer, Data: *buf}) // copies it
	if cap(*buf) <= maxPooled {
		t.buffers.Put(buf)
	}
	return err
}

// hear calls fn for each part until the answer is whole.
func (q *asked) hear(ctx context.Context, fn func(part []byte) error) error {
	for {
		q.mu.Lock()
		part, ok := q.machine.Next()
		err, over := q.machine.Outcome()
		q.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			q.give((*exchange.Asking).Cancel)
			return ctx.Err()
		case over:
			return err
		case ok:
			if err := fn(part); err != nil {
				q.give((*exchange.Asking).Cancel)
				return err
			}
			q.give((*exchange.Asking).Taken)
		default:
			select {
			case <-q.changed:
			case <-ctx.Done():
			}
		}
	}
}

// run takes in answers until ctx ends; then nothing is asked any more.
func (a *asker) run(ctx context.Context) {
	defer a.end()
	// A channel of our own: that nobody listens comes as a message, which the subscription's own would make an error of, without
	// the subject.
	messages := make(chan *nats.Msg, maxWaiting)
	sub, err := a.t.nc.ChanSubscribe(a.inbox+".*", messages)
	if err != nil { // the connection is closed, which ends Run
		a.t.warn("no answers can be heard", "error", err)
		return
	}
	close(a.begun)
	for dropped := 0; ctx.Err() == nil; {
		select {
		case msg := <-messages:
			a.t.received(msg)
			a.receive(msg)
			dropped = a.t.noteDropped(sub, dropped)
		case <-ctx.Done():
		}
	}
	if err := sub.Unsubscribe(); err != nil && !a.t.nc.IsClosed() {
		a.t.warn("unsubscribing failed", "subject", sub.Subject, "error", err)
	}
}

// received counts a message.
func (t *Transport) received(msg *nats.Msg) {
	t.stats.received.Add(1)
	t.stats.receivedBytes.Add(uint64(len(msg.Data)))
}

// noResponders is the status of a message that says that nobody listens.
const noResponders = "503"

func (a *asker) receive(msg *nats.Msg) {
	if len(msg.Data) == 0 && msg.Header.Get("Status") == noResponders {
		if number, err := strconv.ParseUint(msg.Subject[len(a.inbox)+1:], 10, 64); err == nil {
			a.to(number, (*exchange.Asking).NobodyThere)
		}
		return
	}
	f, err := exchange.Decode(msg.Data)
	if err != nil || f.Asker != a.t.sender {
		a.t.lost(&a.t.stats.malformed, 1, "message is no answer", "subject", msg.Subject, "error", err)
		return
	}
	a.to(f.Request, func(m *exchange.Asking) { m.Receive(&f) })
}

// to gives an input to a request, if it is still under way.
func (a *asker) to(number uint64, input func(*exchange.Asking)) {
	a.mu.Lock()
	q := a.open[number]
	a.mu.Unlock()
	if q != nil {
		q.give(input)
	}
}

func (a *asker) all() []*asked {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*asked, 0, len(a.open))
	for _, q := range a.open {
		all = append(all, q)
	}
	return all
}

func (a *asker) tick(now time.Time) {
	for _, q := range a.all() {
		q.give(func(m *exchange.Asking) { m.Tick(now) })
	}
}

// end ends what is under way.
func (a *asker) end() {
	close(a.ended)
	for _, q := range a.all() {
		q.give(func(m *exchange.Asking) {
			m.Break(&request.Error{Code: request.Lost, Node: q.node, Text: "the transport of who asks has been shut down"})
		})
	}
}
