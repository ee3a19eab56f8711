// Package ahead is a [connector.Reader] that reads ahead, within a bound of bytes and messages, of a connection on which messages come by
// themselves.
package ahead

import (
	"context"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/internal/contain"
)

// Reader holds what has come and was not read yet. Ack has nothing to tell: who has more to do with what is committed has a
// method of its own.
type Reader struct {
	cancel context.CancelCauseFunc
	max    int
	ended  chan struct{} // closed when nothing more comes
	ready  chan struct{} // holds a value when there is something to read, be it an error
	room   chan struct{} // holds a value when something was read

	mu       sync.Mutex
	messages []connector.Message
	bytes    int
	err      error // why nothing more comes
}

// Start has follow hand over what comes, until it returns why nothing more does. add waits while limit bytes wait to be read,
// and fails when the reader is closed, which ends the context of follow, too. That is not ended by ctx.
func Start(ctx context.Context, limit int, follow func(ctx context.Context, add func(connector.Message) error) error) *Reader {
	r := newReader(limit)
	ctx, r.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	go func() {
		defer close(r.ended)
		err := contain.Do(func() error {
			return follow(ctx, func(m connector.Message) error { return r.add(ctx, m) })
		})
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
		signal(r.ready)
	}()
	return r
}

func newReader(limit int) *Reader {
	return &Reader{max: limit, ended: make(chan struct{}), ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// signal wakes who waits, or who is about to.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add waits while there is no room; a message that is larger than a batch goes alone.
func (r *Reader) add(ctx context.Context, m connector.Message) error {
	for !r.tryAdd(m) {
		select {
		case <-r.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	signal(r.ready)
	return nil
}

// maxMessages bounds what waits to be read in number: messages may have no bytes.
const maxMessages = 10_000

func (r *Reader) tryAdd(m connector.Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.messages) == maxMessages || len(r.messages) > 0 && r.bytes+len(m.Body) > r.max {
		return false
	}
	r.messages, r.bytes = append(r.messages, m), r.bytes+len(m.Body)
	return true
}

// Read returns what has come.
func (r *Reader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		messages, err := r.take()
		if len(messages) > 0 {
			return messages, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-r.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *Reader) take() ([]connector.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.messages
	r.messages, r.bytes = nil, 0
	signal(r.room)
	return messages, r.err
}

// Ack implements [connector.Reader].
func (r *Reader) Ack(context.Context, []connector.Message) error { return nil }

// Close ends what follows, and returns when it has ended.
func (r *Reader) Close() error {
	r.cancel(ending.ErrClosed)
	<-r.ended
	return nil
}
