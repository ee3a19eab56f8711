package jetstream

import (
	"context"
	"errors"
	"sync"

	"github.com/nats-io/nats.go"
)

// barrier commits messages that say nothing. Who has seen one of them has seen all that was committed before it.
//
// Calls that come while one is under way share the next, so that any number of readers cost one commit at a time.
type barrier struct {
	stream  *stream
	subject string
	turn    chan struct{} // holds one token, that of who commits

	mu   sync.Mutex
	next *commit // not yet begun; nil if nobody waits
}

// commit is one message. Its fields are set when done is closed.
type commit struct {
	done chan struct{}
	seq  uint64
	err  error
}

func newBarrier(s *stream, subject string) *barrier {
	b := &barrier{stream: s, subject: subject, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// pass returns the position of a message that was published after the call began. It tries until ctx ends.
func (b *barrier) pass(ctx context.Context) (uint64, error) {
	var wait pause
	for {
		c := b.join()
		select {
		case <-c.done:
		case <-b.turn:
			b.run(ctx, c)
			b.turn <- struct{}{}
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if c.err == nil {
			return c.seq, nil
		}
		if errors.Is(c.err, nats.ErrConnectionClosed) {
			return 0, c.err
		}
		if err := wait.wait(ctx); err != nil {
			return 0, errors.Join(err, c.err)
		}
	}
}

func (b *barrier) join() *commit {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = &commit{done: make(chan struct{})}
	}
	return b.next
}

// run publishes for all who have joined c, unless that is done already. It is called by who has the turn.
func (b *barrier) run(ctx context.Context, c *commit) {
	b.mu.Lock()
	mine := b.next == c
	if mine {
		b.next = nil
	}
	b.mu.Unlock()
	if !mine {
		return
	}
	m := &nats.Msg{Subject: b.subject, Header: nats.Header{headerRollup: {"sub"}}}
	c.seq, c.err = b.stream.publish(ctx, m)
	close(c.done)
}
