package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// component is something that runs until its context ends.
type component struct {
	name string
	run  func(context.Context) error
}

// runAll starts the components in their order, and ends them in the reverse order, each after the one before it has ended:
// when ctx ends, or when one ends by itself, which is an error. It returns the errors of all.
func runAll(ctx context.Context, list []component, log *slog.Logger) error {
	first := make(chan struct{}, len(list))
	all := make([]*running, len(list))
	for i, c := range list {
		r := &running{component: c, done: make(chan struct{})}
		var own context.Context
		own, r.stop = context.WithCancel(context.WithoutCancel(ctx))
		all[i] = r
		go func() {
			defer close(r.done)
			r.err = c.run(own)
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
	for i := len(all) - 1; i >= 0; i-- {
		r := all[i]
		r.stop()
		<-r.done
		if r.err != nil && !errors.Is(r.err, context.Canceled) {
			errs = append(errs, fmt.Errorf("quadrille: %s: %w", r.name, r.err))
		}
	}
	return errors.Join(errs...)
}

type running struct {
	component
	stop context.CancelFunc
	done chan struct{}
	err  error // once done is closed
}
