package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/contain"
)

// guard makes errors of panics of a connector, which must not end the node: it fails, and is tried again, as after any other error. What it was
// told before it has panicked is not known to be done, so it is read or written again. It may be used concurrently.
type guard struct {
	log *slog.Logger

	mu   sync.Mutex
	told map[string]bool // panics whose stacks are in the log
}

// maxFaults bounds the different panics whose stacks go to the log.
const maxFaults = 32

func newGuard(log *slog.Logger) *guard { return &guard{log: log, told: map[string]bool{}} }

// do calls the connector. The stack of each different panic goes to the log once, also of one that a goroutine of the connector's has
// contained: a connector that is tried again and again has the same one.
func (g *guard) do(call func() error) error {
	err := contain.Do(call)
	fault, is := errors.AsType[*contain.Error](err)
	if !is {
		return err
	}
	g.mu.Lock()
	first := !g.told[fault.Value] && len(g.told) < maxFaults
	if first {
		g.told[fault.Value] = true
	}
	g.mu.Unlock()
	if first {
		fault.Log(g.log, "panic of a connector: report it")
	}
	return err
}

// guarded is [guard.do] for a call that returns a value.
func guarded[T any](g *guard, call func() (T, error)) (value T, err error) {
	err = g.do(func() (err error) {
		value, err = call()
		return err
	})
	return value, err
}

// guardedWriter contains the panics of a writer. After one, the writer is asked nothing more: it is as far as it was known to be before.
type guardedWriter struct {
	to     connector.Writer
	guard  *guard
	at     engine.Mark
	failed error // by a panic
}

var _ connector.Writer = (*guardedWriter)(nil)

// Target implements [connector.Writer].
func (w *guardedWriter) Target() (name string) {
	name = "the target"
	_ = w.guard.do(func() error { name = w.to.Target(); return nil })
	return name
}

// At implements [connector.Writer].
func (w *guardedWriter) At() engine.Mark {
	if w.failed == nil {
		w.failed = w.guard.do(func() error { w.at = w.to.At(); return nil })
	}
	return w.at
}

// Write implements [connector.Writer].
func (w *guardedWriter) Write(ctx context.Context, records []connector.Record) error {
	if w.failed != nil {
		return w.failed
	}
	err := w.guard.do(func() error { return w.to.Write(ctx, records) })
	if _, panicked := errors.AsType[*contain.Error](err); panicked {
		w.failed = err
	}
	return err
}

// Close implements [connector.Writer].
func (w *guardedWriter) Close() error { return w.guard.do(w.to.Close) }
