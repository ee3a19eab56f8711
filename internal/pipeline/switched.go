package pipeline

import (
	"context"

	"github.com/quadrille-stream/quadrille/coordinator"
)

// Switches says what of the pipeline is paused; it is a [coordinator.Coordinator]. Both methods may be called concurrently.
type Switches interface {
	// State is what is committed, as far as this node knows.
	State() *coordinator.State
	// Watch returns a channel that gets a value when there may be another State, and the function that ends the watch.
	Watch() (wake <-chan struct{}, stop func())
}

// whileOn calls fn, and again whenever the switch has changed, until ctx ends: a switch that was turned off and on again, or
// restarted, has what runs begin anew, however fast that was. fn is told whether it is paused, ends when its context does, and isn't
// called again before it has returned. Without switches nothing is ever paused.
func whileOn(ctx context.Context, s Switches, name string, fn func(ctx context.Context, paused bool)) {
	if s == nil {
		fn(ctx, false)
		return
	}
	changed, stop := s.Watch()
	defer stop()
	for ctx.Err() == nil {
		at := s.State().Switch(name)
		own, end := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			fn(own, at.Paused)
		}()
		for s.State().Switch(name).Epoch == at.Epoch && ctx.Err() == nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
		end()
		<-done
	}
}
