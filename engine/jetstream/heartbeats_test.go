package jetstream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// TestNoBeat: what is no beat is neither sent nor heard.
func TestNoBeat(t *testing.T) {
	ctx := limited(t)
	h := openOne(t, 1).Heartbeats().(*heartbeats)
	if err := h.Beat(ctx, engine.Beat{Node: "n", Info: strings.Repeat("i", maxInfo+1)}); err == nil {
		t.Error("Beat with too long an info: no error")
	}
	listening, stop := context.WithCancel(ctx)
	heard, done := make(chan engine.Beat), make(chan error, 1)
	go func() {
		done <- h.Listen(listening, func(b engine.Beat) {
			select {
			case heard <- b:
			case <-listening.Done():
			}
		})
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for got := 0; got < 3; {
		for _, junk := range []string{"", "junk", `{"node":""}`, `{"node":7}`} {
			if err := h.nc.Publish(h.subject, []byte(junk)); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Beat(ctx, engine.Beat{Node: "n"}); err != nil {
			t.Fatal(err)
		}
		select {
		case b := <-heard:
			if b.Node != "n" {
				t.Fatalf("heard %+v", b)
			}
			got++
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("heard nothing")
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Listen: %v", err)
	}
}
