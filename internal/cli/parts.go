package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// part is something that runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// runParts starts the parts in their order, and ends them in the reverse order, each after the one before it has ended:
// when ctx ends, or when a part ends by itself, which is an error. It returns the errors of all parts.
func runParts(ctx context.Context, parts []part, log *slog.Logger) error {
	first := make(chan struct{}, len(parts))
	running := make([]*runningPart, len(parts))
	for i, p := range parts {
		r := &runningPart{part: p, done: make(chan struct{})}
		var own context.Context
		own, r.stop = context.WithCancel(context.WithoutCancel(ctx))
		running[i] = r
		go func() {
			defer close(r.done)
			r.err = p.run(own)
			if own.Err() == nil && r.err == nil {
				r.err = errors.New("ended")
			}
			first <- struct{}{}
		}()
	}
	select {
	case <-ctx.Done():
		log.Info("ending")
	case <-first:
	}
	var errs []error
	for i := len(running) - 1; i >= 0; i-- {
		r := running[i]
		r.stop()
		<-r.done
		if r.err != nil && !errors.Is(r.err, context.Canceled) {
			errs = append(errs, fmt.Errorf("quadrille: %s: %w", r.name, r.err))
		}
	}
	return errors.Join(errs...)
}

type runningPart struct {
	part
	stop context.CancelFunc
	done chan struct{}
	err  error // once done is closed
}
