package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/shipper"
)

// TestLoopHearsOfAllThatGaveUp: however far a loop is behind, it is told of a caller that waits no more, whether it had
// taken its events in or not; the caller does not wait for that.
func TestLoopHearsOfAllThatGaveUp(t *testing.T) {
	n, err := New(Config{Name: "n1", Shards: 1, Engine: memory.New(1), Transport: shipper.NewInProcess(1),
		Logger: slog.New(slog.DiscardHandler), Wait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	close(n.entered)
	l := n.loops[0]
	l.out = shipper.NewOutbox(shipper.OutboxConfig{Node: "n1", FirstID: 1})
	ctx, cancel := context.WithCancel(t.Context())
	const callers = 10
	done := make(chan error, callers)
	send := func() {
		_, err := n.Send(ctx, []shipper.Addressed{{Event: shipper.Event{Payload: []byte("x")}}})
		done <- err
	}
	for range callers {
		go send()
	}
	var inputs []func(time.Time)
	for range callers {
		inputs = append(inputs, <-l.in)
	}
	for _, in := range inputs[:callers/2] { // the others are still in the inbox when their callers give up
		in(time.Now())
	}
	if l.out.Len() != callers/2 {
		t.Fatalf("%d events are in the outbox", l.out.Len())
	}
	for range cap(l.in) {
		l.in <- func(time.Time) {}
	}
	cancel()
	for range callers {
		if err := <-done; !errors.Is(err, ErrNoOwner) {
			t.Error(err)
		}
	}
	select {
	case <-l.gaveUp.wake:
		l.forget()
	default:
		t.Fatal("the loop is not told")
	}
	for _, in := range inputs[callers/2:] {
		in(time.Now())
	}
	if l.out.Len() != 0 || l.out.Queued() != 0 || len(l.waiting) != 0 || len(l.gaveUp.list) != 0 {
		t.Errorf("%d events, %d bytes, %d waiters and %d callers are left", l.out.Len(), l.out.Queued(), len(l.waiting), len(l.gaveUp.list))
	}
}
