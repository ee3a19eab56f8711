// Package ending ends what a [connector.Reader] has under way when it is closed.
package ending

import (
	"context"
	"errors"
)

// ErrClosed is the error of what was under way when the reader was closed, and of what is asked of it later.
var ErrClosed = errors.New("the reader is closed")

// Ending is that of one reader. Make it with [New]. It may be used concurrently.
type Ending struct {
	ctx   context.Context
	close context.CancelCauseFunc
}

// New returns one that has the values of ctx, and outlives it.
func New(ctx context.Context) *Ending {
	e := &Ending{}
	e.ctx, e.close = context.WithCancelCause(context.WithoutCancel(ctx))
	return e
}

// Within returns a context that ends with ctx, when the reader is closed, or when done is called, which it must be.
func (e *Ending) Within(ctx context.Context) (within context.Context, done func()) {
	within, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.ctx, func() { cancel(ErrClosed) })
	return within, func() {
		stop()
		cancel(nil)
	}
}

// Why says why a call can't go on whose context is ctx: the error of that, or [ErrClosed]; nil: it can.
func (e *Ending) Why(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return context.Cause(e.ctx)
}

// Close ends what is under way.
func (e *Ending) Close() { e.close(ErrClosed) }
