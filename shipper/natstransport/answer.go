package natstransport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/shipper/internal/exchange"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// maxFrame is the most content of an answer in one message: what else goes over the connection doesn't wait for long.
const maxFrame = 64 << 10

// seat is where requests to a node here come in.
type seat struct {
	t       *Transport
	node    string
	sub     *nats.Subscription
	dropped int                // as the subscription last counted
	stop    context.CancelFunc // ends it; nil until it is started

	mu   sync.Mutex
	open map[asking]*answered
}

// asking says whose request it is.
type asking struct{ asker, number uint64 }

// answered is a request that is being answered.
type answered struct {
	t      *Transport
	answer string // the subject where to
	cancel context.CancelFunc
	// changed tells the handler that there may be room. Capacity 1.
	changed chan struct{}
	// wire is held while frames are published, so that they go in their order; it is taken before mu.
	wire sync.Mutex

	mu      sync.Mutex
	machine *exchange.Answering
}

// Answer has handler answer requests to node; see [request.Transport]. It subscribes to the node's subject for requests, and returns
// when the server has confirmed that. Requests are taken while Run runs. Errors of the connection beside those of the contract.
func (t *Transport) Answer(node string, handler request.Handler, atOnce int) error {
	if err := t.local.Answer(node, handler, atOnce); err != nil {
		return err
	}
	sub, err := t.subscribe(subject(t.pipeline, node, "ask"))
	if err != nil {
		t.local.Withdraw(node)
		return fmt.Errorf("NATS transport: answer requests to %q: %w", node, err)
	}
	s := &seat{t: t, sub: sub, node: node, open: map[asking]*answered{}}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.state {
	case running:
		t.take(s)
	case ended: // since the handler was taken
		s.unsubscribe()
		return stopped(node)
	}
	t.seats[node] = s
	return nil
}

// take starts a seat. It is called with t.mu held while running; Run changes the state before it waits.
func (t *Transport) take(s *seat) {
	ctx, stop := context.WithCancel(t.run)
	s.stop = stop
	t.running.Go(func() {
		defer stop()
		s.run(ctx)
	})
}

// Withdraw ends what Answer began; see [request.Transport].
func (t *Transport) Withdraw(node string) {
	t.mu.Lock()
	s := t.seats[node]
	delete(t.seats, node)
	var stop context.CancelFunc
	if s != nil {
		stop = s.stop
	}
	t.mu.Unlock()
	if s != nil {
		if stop != nil {
			stop()
		}
		s.unsubscribe()
	}
	t.local.Withdraw(node)
}

// run takes in requests until ctx ends, and unsubscribes.
func (s *seat) run(ctx context.Context) {
	for ctx.Err() == nil && s.sub.IsValid() {
		msg, err := s.sub.NextMsgWithContext(ctx)
		switch {
		case err == nil:
			s.t.received(msg)
			s.receive(msg)
		case errors.Is(err, nats.ErrSlowConsumer):
			s.dropped = s.t.noteDropped(s.sub, s.dropped)
		case ctx.Err() == nil && s.sub.IsValid() && !s.t.nc.IsClosed():
			s.t.failed(ctx, s.sub, err)
		}
	}
	s.unsubscribe()
}

func (s *seat) unsubscribe() {
	if err := s.sub.Unsubscribe(); err != nil && s.sub.IsValid() && !s.t.nc.IsClosed() {
		s.t.warn("unsubscribing failed", "subject", s.sub.Subject, "error", err)
	}
}

func (s *seat) receive(msg *nats.Msg) {
	f, err := exchange.Decode(msg.Data)
	switch {
	case err != nil:
		s.malformed(err)
	case f.Kind == exchange.Ask:
		s.begin(answersOf(msg.Reply), &f)
	default:
		s.further(answersOf(msg.Reply), &f)
	}
}

func (s *seat) malformed(err error) {
	s.t.lost(&s.t.stats.malformed, 1, "message is no request", "node", s.node, "subject", s.sub.Subject, "error", err)
}

// begin starts to answer a request, unless the node has enough to do.
func (s *seat) begin(answer string, f *exchange.Frame) {
	machine, err := exchange.NewAnswering(time.Now(), s.t.times(), s.t.sender, f)
	if err != nil || answer == "" {
		s.malformed(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background()) // the seat's end ends it: Local withdraws the node
	q := &answered{t: s.t, answer: answer, cancel: cancel, changed: make(chan struct{}, 1), machine: machine}
	if !s.add(f, q) {
		cancel()
		return
	}
	call, err := s.t.local.Begin(ctx, s.node)
	if err != nil {
		s.remove(f)
		cancel()
		q.give(func(m *exchange.Answering) { m.Fail(asError(err)) })
		return
	}
	s.t.running.Go(func() {
		defer cancel()
		err := call.Run(f.Content, func(part []byte) error { return q.part(call.Context(), part) })
		q.finish(call, err)
		s.remove(f) // after the last frame: that the request is not known any more, its asker hears behind that
	})
}

func asError(err error) *request.Error {
	if e, ok := errors.AsType[*request.Error](err); ok {
		return e
	}
	return request.FailedWith("", err)
}

// add notes a request, unless it came before.
func (s *seat) add(f *exchange.Frame, q *answered) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := asking{f.Asker, f.Request}
	if s.open[key] != nil {
		return false
	}
	s.open[key] = q
	return true
}

func (s *seat) remove(f *exchange.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, asking{f.Asker, f.Request})
}

// further takes in what an asker sends beside its request. One whose request is not known hears so: the request was lost, or
// the node has begun anew.
func (s *seat) further(answer string, f *exchange.Frame) {
	s.mu.Lock()
	q := s.open[asking{f.Asker, f.Request}]
	s.mu.Unlock()
	if q != nil {
		q.receive(f)
		return
	}
	if answer == "" || f.Kind != exchange.Credit || f.Answerer != 0 && f.Answerer != s.t.sender {
		return
	}
	lost := exchange.Frame{Kind: exchange.Fail, Asker: f.Asker, Answerer: s.t.sender, Request: f.Request, Code: request.Lost,
		Content: []byte("the node does not know the request")}
	if err := s.t.publishFrame(answer, "", &lost); err != nil {
		s.t.warn("answer to an asker failed", "node", s.node, "error", err)
	}
}

// receive takes in a frame of the asker.
func (q *answered) receive(f *exchange.Frame) {
	q.mu.Lock()
	q.machine.Receive(f)
	q.mu.Unlock()
	q.wake()
}

// wake tells the handler what has changed.
func (q *answered) wake() {
	if q.gone() != "" {
		q.cancel()
	}
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

func (q *answered) gone() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.machine.Gone()
}

// give gives the machine an input, and publishes what comes of it.
func (q *answered) give(input func(*exchange.Answering)) {
	q.wire.Lock()
	defer q.wire.Unlock()
	if err := q.publish(input); err != nil {
		q.t.warn("answer to an asker failed", "error", err)
	}
}

// publish is give, with wire held.
func (q *answered) publish(input func(*exchange.Answering)) error {
	q.mu.Lock()
	input(q.machine)
	out := q.machine.Effects()
	q.mu.Unlock()
	for i := range out {
		if err := q.t.publishFrame(q.answer, "", &out[i]); err != nil {
			return err
		}
	}
	return nil
}

// part sends one, in as many frames as it takes, as the asker makes room.
func (q *answered) part(ctx context.Context, part []byte) error {
	largest := min(q.machine.Largest(), maxFrame, q.t.messageLimit()-exchange.Header)
	if largest <= 0 {
		return fmt.Errorf("the server takes messages of %d bytes; raise max_payload", q.t.messageLimit())
	}
	for {
		frame := part[:min(len(part), largest)]
		part = part[len(frame):]
		if err := q.frame(ctx, frame, len(part) > 0); err != nil {
			return err
		}
		if len(part) == 0 {
			return nil
		}
	}
}

func (q *answered) frame(ctx context.Context, content []byte, more bool) error {
	for {
		sent, err := q.try(content, more)
		switch {
		case err != nil:
			return fmt.Errorf("send a part of an answer: %w", err)
		case sent:
			return nil
		}
		select {
		case <-q.changed:
		case <-ctx.Done():
			if gone := q.gone(); gone != "" {
				return &request.Error{Code: request.Lost, Text: gone}
			}
			return ctx.Err()
		}
	}
}

func (q *answered) try(content []byte, more bool) (sent bool, err error) {
	q.wire.Lock()
	defer q.wire.Unlock()
	err = q.publish(func(m *exchange.Answering) { sent = m.Part(content, more) })
	return sent, err
}

// finish sends the end of the answer.
func (q *answered) finish(call *request.Call, err error) {
	q.give(func(m *exchange.Answering) {
		switch {
		case err == nil:
			m.End()
		case call.Withdrawn():
			m.Fail(&request.Error{Code: request.Lost, Text: "the node has ended"})
		default:
			m.Fail(request.FailedWith("", err))
		}
	})
}

// tick tells the time. Whose frame is on its way to the connection needs no sign of life.
func (s *seat) tick(now time.Time) {
	s.mu.Lock()
	all := make([]*answered, 0, len(s.open))
	for _, q := range s.open {
		all = append(all, q)
	}
	s.mu.Unlock()
	for _, q := range all {
		if q.wire.TryLock() {
			if err := q.publish(func(m *exchange.Answering) { m.Tick(now) }); err != nil {
				s.t.warn("sign of life to an asker failed", "node", s.node, "error", err)
			}
			q.wire.Unlock()
			q.wake()
		}
	}
}

// tick tells all requests the time until ctx ends.
func (t *Transport) tick(ctx context.Context) {
	ticker := time.NewTicker(max(t.silence/ticksIn, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			t.asks.tick(now)
			t.mu.Lock()
			seats := make([]*seat, 0, len(t.seats))
			for _, s := range t.seats {
				seats = append(seats, s)
			}
			t.mu.Unlock()
			for _, s := range seats {
				s.tick(now)
			}
		case <-ctx.Done():
			return
		}
	}
}
