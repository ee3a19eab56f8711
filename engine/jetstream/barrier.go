package jetstream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/internal/rounds"
)

// barrier commits messages that say nothing. Who has seen one of them has seen all that was committed before it.
//
// Calls that come while one is under way share the next, so that any number of readers cost one commit at a time.
type barrier struct {
	subject string
	commits *rounds.Rounds[struct{}, uint64] // each one message; they give its position
}

func newBarrier(s *stream, subject string) *barrier {
	return &barrier{subject, rounds.New(func(ctx context.Context, _ []struct{}) (uint64, error) {
		return s.publish(ctx, &nats.Msg{Subject: subject, Header: nats.Header{headerRollup: {"sub"}}})
	})}
}

// pass returns the position of a message that was published after the call began. It tries until ctx ends.
func (b *barrier) pass(ctx context.Context) (uint64, error) {
	var wait pause
	for {
		seq, err := b.commits.Get(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, nats.ErrConnectionClosed) {
			return seq, err
		}
		if ended := wait.wait(ctx); ended != nil {
			return 0, errors.Join(ended, err)
		}
	}
}
