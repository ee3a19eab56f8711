package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/connector"
)

// coreReader reads subjects of core NATS.
type coreReader struct {
	*link
	s    *Source
	subs []*nats.Subscription
	came chan struct{} // has one when something came

	mu      sync.Mutex
	queue   []connector.Message
	bytes   int    // of the queue
	read    uint64 // messages that were taken from it
	dropped uint64 // by this reader, since the last dead letter
	missed  int    // by the client, told already
}

// openCore subscribes. The server has heard of it when this returns.
func openCore(ctx context.Context, s *Source, l *link) (*coreReader, error) {
	r := &coreReader{s: s, link: l, came: make(chan struct{}, 1)}
	for _, subject := range s.cfg.Subjects {
		sub, err := l.QueueSubscribe(subject, s.cfg.Queue, r.receive)
		if err != nil {
			return nil, errors.Join(ended(ctx, l.because(err)), r.Close())
		}
		r.subs = append(r.subs, sub)
	}
	_, err := ask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, l.FlushWithContext(ctx) })
	if err == nil {
		err = l.LastError() // a subscription that isn't permitted
	}
	if err != nil {
		return nil, errors.Join(ended(ctx, l.because(err)), r.Close()) // the connection may have been ended for it before it is told here
	}
	return r, nil
}

// receive takes a message in, or drops it where there is no room.
func (r *coreReader) receive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) >= r.s.cfg.MaxMessages || len(r.queue) > 0 && r.bytes+len(m.Data) > r.s.cfg.MaxFetch {
		r.dropped++
	} else {
		r.queue, r.bytes = append(r.queue, r.s.message(m)), r.bytes+len(m.Data)
	}
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// Read returns what has come, and a dead letter for what was dropped behind it.
func (r *coreReader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		if messages := r.take(); len(messages) > 0 {
			return messages, nil
		}
		select {
		case <-r.came:
		case <-r.over:
			return nil, meaning(r.because(errors.New("the connection is lost, and what is sent meanwhile")))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *coreReader) take() []connector.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.queue
	r.queue, r.bytes = nil, 0
	missed := 0
	for _, sub := range r.subs {
		if n, err := sub.Dropped(); err == nil { // not of a connection that is closed
			missed += n
		}
	}
	if n := r.dropped + uint64(max(missed-r.missed, 0)); n > 0 {
		r.missed, r.dropped = max(missed, r.missed), 0
		what := fmt.Sprintf("%d messages were dropped: they came faster than they are taken in (max-fetch, max-messages)", n)
		r.log.Warn("messages are lost", "subjects", r.s.cfg.Subjects, "messages", n)
		messages = append(messages, connector.Message{MediaType: r.s.cfg.MediaType, Reason: what})
	}
	r.read += uint64(len(messages))
	return messages
}

var _ connector.Lagger = (*coreReader)(nil)

// Extents tells how many messages have come: the server has none.
func (r *coreReader) Extents(context.Context) ([]connector.Extent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return []connector.Extent{{First: 1, End: r.read + uint64(len(r.queue)) + 1}}, nil
}

// Ack has nobody to tell.
func (*coreReader) Ack(context.Context, []connector.Message) error { return nil }

// Close disconnects.
func (r *coreReader) Close() error {
	r.Conn.Close()
	return nil
}
