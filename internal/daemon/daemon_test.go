package daemon

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/event"
)

// neverReady is a node that ends before it is ready.
type neverReady struct{}

// WaitReady implements readiness.
func (neverReady) WaitReady(context.Context) error { return event.ErrStopped }

// TestAnnounceLeavesTheCauseToTheNode: a node that ends before it is ready says why; that nobody announced it is no error of its own.
func TestAnnounceLeavesTheCauseToTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var out bytes.Buffer
		go func() { ended <- announce(ctx, neverReady{}, &out, "ready\n") }()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("it has ended by itself: %v", err)
		default:
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		cancel()
		if out.Len() > 0 {
			t.Errorf("it says %q", out.String())
		}
	})
}
