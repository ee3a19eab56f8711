package mqtt

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// reader is one connection of a [Source]. The connection's goroutine puts messages into the queue, and waits when that is full: the
// broker can send nothing more then. Read takes all that is there, and doesn't wait for more: a broker may send nothing before
// what has come is acknowledged.
type reader struct {
	s *Source
	c *client

	spark  *spark // nil: messages are what they are
	topics *subscribe
	asked  *pending // the broker's answer to that; of Open, and then of Read

	mu      sync.Mutex
	taken   sync.Cond // Read has made room, or the reader is closed
	queue   []*message
	bytes   int        // of the queue
	unacked []delivery // what has left the queue and is not acknowledged, in order
	closed  bool
	strange bool // a message of no topic of ours has come

	acking sync.Mutex // held while messages are acknowledged, in order

	came chan struct{} // has one when there is something in the queue
}

// delivery is a message that the broker waits for the end of.
type delivery struct {
	qos   byte
	id    uint16
	given bool // to the pipeline, which commits it
}

func newReader(s *Source) *reader {
	r := &reader{s: s, came: make(chan struct{}, 1)}
	r.taken.L = &r.mu
	return r
}

// When retained messages are sent.
const (
	ifNew = 1
	never = 2
)

func (r *reader) open(ctx context.Context, greeting *hello) error {
	cfg := &r.s.cfg
	c, err := dialClient(ctx, &cfg.Connection, greeting, cfg.MaxMessage+maxHead, r.receive)
	if err != nil {
		return err
	}
	r.c = c
	c.start()
	if !c.can.present && r.spark == nil {
		cfg.Logger.Info("mqtt: the broker has no session; messages are kept from now on", "client", cfg.ClientID)
	}
	retained := byte(ifNew)
	if cfg.IgnoreRetained {
		retained = never
	}
	r.topics = &subscribe{filters: cfg.Topics, qos: byte(cfg.QoS), retained: retained}
	if r.spark != nil && cfg.HostID != "" {
		r.topics.filters = append([]string{r.spark.stateTopic()}, cfg.Topics...)
	}
	if r.asked, err = c.subscribe(r.topics); err != nil {
		return err
	}
	if err := r.begun(ctx); err != nil || r.spark == nil {
		return err
	}
	return r.spark.begin(ctx, c)
}

// begun waits until the broker has subscribed us or, since what the session has may come before the answer, and nobody reads it
// yet, until something has come.
func (r *reader) begun(ctx context.Context) error {
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	select {
	case answer := <-r.asked.answer:
		return r.subscribed(answer)
	case <-r.came:
		r.wake()
		return nil
	case <-r.c.ended:
		return r.c.err()
	case <-late.C:
		return fmt.Errorf("subscribe: no answer for %v", answerTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// subscribed takes in the broker's answer, once.
func (r *reader) subscribed(answer any) error {
	r.asked = &pending{} // nothing more comes
	return r.topics.check(answer)
}

// receive puts a message into the queue as soon as there is room. It is called by the connection's goroutine.
func (r *reader) receive(m *message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 && r.bytes >= r.s.cfg.MaxAhead && !r.closed {
		r.taken.Wait()
	}
	if r.closed {
		return
	}
	r.queue, r.bytes = append(r.queue, m), r.bytes+m.size()
	r.wake()
}

// wake says that there is something in the queue.
func (r *reader) wake() {
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// size is what a message takes in memory, about.
func (m *message) size() int { return len(m.payload) + len(m.topic) + 200 }

// Read returns what has come.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		failure := r.c.err()
		if failure != nil {
			r.forget()
		}
		if messages := r.take(ctx); len(messages) > 0 {
			return messages, nil
		}
		if failure != nil {
			return nil, ended(ctx, failure)
		}
		select {
		case <-r.came:
		case answer := <-r.asked.answer:
			if err := r.subscribed(answer); err != nil {
				return nil, err
			}
		case <-r.c.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take takes messages out of the queue. Those that nobody asked for are acknowledged behind those before them.
func (r *reader) take(ctx context.Context) (messages []connector.Message) {
	r.mu.Lock()
	n := min(len(r.queue), r.s.cfg.MaxMessages)
	list := slices.Clone(r.queue[:n])
	r.queue = slices.Delete(r.queue, 0, n)
	for _, m := range list {
		r.bytes -= m.size()
	}
	if len(r.queue) > 0 {
		r.wake()
	}
	r.taken.Signal()
	r.mu.Unlock()
	if n == 0 {
		return nil
	}
	taken := make([]delivery, n)
	for i, m := range list {
		out := r.message(ctx, m)
		taken[i] = delivery{qos: m.qos, id: m.id, given: out != nil}
		if out != nil {
			messages = append(messages, *out)
		}
	}
	r.mu.Lock()
	r.unacked = append(r.unacked, taken...)
	r.mu.Unlock()
	_ = r.confirm(0) // a connection that is lost is told of by the next Read
	return messages
}

// forget leaves out what comes again, of a connection that has ended.
func (r *reader) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = slices.DeleteFunc(r.queue, func(m *message) bool {
		if m.qos > 0 {
			r.bytes -= m.size()
		}
		return m.qos > 0
	})
}

// wanted reports whether a message is one that was asked for. A session of the broker's may have subscriptions of an earlier
// configuration.
func (r *reader) wanted(m *message) bool {
	cfg := &r.s.cfg
	if m.retain && cfg.IgnoreRetained { // MQTT 3.1.1 can't ask for none
		return false
	}
	if slices.ContainsFunc(cfg.Topics, func(filter string) bool { return matches(filter, m.topic) }) {
		return true
	}
	if !r.strange {
		cfg.Logger.Warn("mqtt: the session has subscriptions that are not configured; what comes of them is left out",
			"client", cfg.ClientID, "topic", m.topic)
		r.strange = true
	}
	return false
}

// message makes one of what has come; nil if there is none for the pipeline.
func (r *reader) message(ctx context.Context, m *message) *connector.Message {
	if r.spark != nil {
		return r.spark.take(ctx, r.c, m)
	}
	if !r.wanted(m) {
		return nil
	}
	out := &connector.Message{MediaType: r.s.cfg.MediaType, Body: m.payload, Vars: m.vars()}
	if m.contentType != "" {
		out.MediaType = m.contentType
	}
	tooLarge(out, m, r.s.cfg.MaxMessage)
	return out
}

// tooLarge reports that a message has more than most bytes, and makes one without the rest of it, and with the reason.
func tooLarge(out *connector.Message, m *message, most int) bool {
	whole := len(m.payload) + m.cut
	if whole <= most {
		return false
	}
	out.Body = m.payload[:min(len(m.payload), most)]
	out.Reason = fmt.Sprintf("it has %d bytes, expected %d at most; the rest was not kept", whole, most)
	return true
}

// vars is what a message says besides its content: topic, qos, retained and redelivered, which are true or false, content-type if it
// has one, and user.NAME for each user property, the last of a name.
func (m *message) vars() iter.Seq2[string, string] {
	topic, qos, retained, dup, contentType, user := m.topic, int(m.qos), m.retain, m.dup, m.contentType, m.user
	return func(yield func(string, string) bool) {
		if !yield("topic", topic) || !yield("qos", strconv.Itoa(qos)) || !yield("retained", strconv.FormatBool(retained)) ||
			!yield("redelivered", strconv.FormatBool(dup)) || contentType != "" && !yield("content-type", contentType) {
			return
		}
		for _, p := range user {
			if !yield("user."+p.key, p.value) {
				return
			}
		}
	}
}

// Ack acknowledges messages over the connection that they have come by.
func (r *reader) Ack(ctx context.Context, committed []connector.Message) error {
	return ended(ctx, r.confirm(len(committed)))
}

// confirm acknowledges so many messages that were given to the pipeline, and those behind them that were not.
func (r *reader) confirm(n int) error {
	r.acking.Lock()
	defer r.acking.Unlock()
	r.mu.Lock()
	end := 0
	for ; end < len(r.unacked) && (n > 0 || !r.unacked[end].given); end++ {
		if r.unacked[end].given {
			n--
		}
	}
	list := slices.Clone(r.unacked[:end])
	r.unacked = slices.Delete(r.unacked, 0, end)
	r.mu.Unlock()
	return r.c.confirm(list)
}

// Close disconnects. The broker keeps the session.
func (r *reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.taken.Broadcast()
	r.mu.Unlock()
	if r.c != nil {
		if r.spark != nil {
			r.spark.end(r.c)
		}
		r.c.close()
	}
	return nil
}
