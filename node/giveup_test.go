package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// ofOneLoop is a node that has entered, whose only loop the test plays.
func ofOneLoop(t *testing.T, way shipper.Transport, maxQueue int) (*Node, *loop) {
	t.Helper()
	n, err := New(Config{Name: "n1", Logic: keepAll, Shards: 1, Engine: memory.New(1), Transport: way, Logger: slog.New(slog.DiscardHandler),
		Wait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	close(n.entered)
	l := n.loops[0]
	l.replica.Enter(n.door, shipper.OutboxConfig{Node: "n1", FirstID: 1, MaxQueue: maxQueue})
	return n, l
}

// TestLoopHearsOfAllThatGaveUp: however far a loop is behind, it is told of a caller that waits no more, whether it had
// taken its events in or not; the caller does not wait for that.
func TestLoopHearsOfAllThatGaveUp(t *testing.T) {
	n, l := ofOneLoop(t, shipper.NewInProcess(1), 0)
	ctx, cancel := context.WithCancel(t.Context())
	const callers = 10
	done := make(chan error, callers)
	send := func() {
		_, err := n.SendBatch(ctx, []event.Addressed{{Event: event.Event{Payload: []byte("x")}}})
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
	if l.replica.Outbox.Len() != callers/2 {
		t.Fatalf("%d events are in the outbox", l.replica.Outbox.Len())
	}
	for range cap(l.in) {
		l.in <- func(time.Time) {}
	}
	cancel()
	for range callers {
		if err := <-done; !errors.Is(err, event.ErrNoOwner) {
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
	if l.replica.Outbox.Len() != 0 || l.replica.Outbox.Queued() != 0 || l.replica.Waiting() != 0 || len(l.gaveUp.list) != 0 {
		t.Errorf("%d events, %d bytes, %d waiters and %d callers are left", l.replica.Outbox.Len(), l.replica.Outbox.Queued(), l.replica.Waiting(), len(l.gaveUp.list))
	}
}

// TestRoomOfWhoGaveUp: a caller that has given up takes no room from who comes after it, though the loop sees the next
// one's events first.
func TestRoomOfWhoGaveUp(t *testing.T) {
	n, l := ofOneLoop(t, shipper.NewInProcess(1), 2000)
	event := []event.Addressed{{Event: event.Event{Payload: make([]byte, 1500)}}}
	for i := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			acks, err := n.SendBatch(ctx, event)
			if err == nil {
				t.Errorf("caller %d: %v", i+1, acks)
			}
			done <- err
		}()
		(<-l.in)(time.Now())
		cancel()
		<-done
	}
}

// endsNow is a context that ends right after it was first asked.
type endsNow struct {
	context.Context
	ended func()
}

func (e *endsNow) Err() error {
	if f := e.ended; f != nil {
		e.ended = nil
		f()
		return nil
	}
	return context.Canceled
}

// TestGivesUpWhileItIsTakenIn: nothing stays of a caller that gives up in the moment in which the loop takes in its events.
func TestGivesUpWhileItIsTakenIn(t *testing.T) {
	_, l := ofOneLoop(t, shipper.NewInProcess(1), 2000)
	answers := make(chan answer, 1)
	ctx := &endsNow{t.Context(), func() { l.gaveUp.tell(answers) }}
	l.submit(ctx, time.Now(), []event.Addressed{{Event: event.Event{Payload: make([]byte, 1500)}}}, []int{0}, answers)
	select {
	case <-l.gaveUp.wake:
		l.forget()
	default:
		t.Error("the loop is not told")
	}
	if l.replica.Outbox.Len() != 0 || l.replica.Waiting() != 0 {
		t.Errorf("%d events and %d waiters are left", l.replica.Outbox.Len(), l.replica.Waiting())
	}
}

// TestInboxIsBoundedInBytes: large batches that come again and again while a loop is behind are refused; one alone is
// always taken.
func TestInboxIsBoundedInBytes(t *testing.T) {
	n, err := New(Config{Name: "n1", Logic: keepAll, Shards: 1, Engine: memory.New(1), Transport: shipper.NewInProcess(1), MaxQueue: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	batch := func(size int) event.Batch {
		return event.Batch{From: "n2", ID: 1, Events: []event.Event{{Payload: make([]byte, size)}}}
	}
	deliver := receiver{n}.Deliver
	if err := deliver(t.Context(), batch(1<<20)); err != nil {
		t.Errorf("one alone: %v", err)
	}
	if err := deliver(t.Context(), batch(10)); err == nil {
		t.Error("taken beyond the bound")
	}
	l := n.loops[0]
	b := <-l.remote
	l.remoteBytes.Add(-int64(shipper.BatchWireBound(&b)))
	for i := range 4 {
		if err := deliver(t.Context(), batch(3000)); (err == nil) != (i < 3) {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	if got := l.remoteBytes.Load(); got < 9000 || got > 10_000 {
		t.Errorf("%d bytes are counted", got)
	}
}

// hangingTransport is a transport whose sends last until their context ends.
type hangingTransport struct {
	*shipper.InProcess
	sends chan context.Context
}

func (h hangingTransport) Send(ctx context.Context, _ string, _ event.Batch) error {
	h.sends <- ctx
	<-ctx.Done()
	return ctx.Err()
}

func (h hangingTransport) HasRoute(string) bool { return true }

// TestLargeBatchTurnsToTheNextOwner: one that hangs on its way to an owner is stopped when it goes to another, or when
// the outbox has come to the next batch; the same one is not sent beside itself.
func TestLargeBatchTurnsToTheNextOwner(t *testing.T) {
	way := hangingTransport{shipper.NewInProcess(1), make(chan context.Context, 1)}
	n, l := ofOneLoop(t, way, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer func() { cancel(); n.jobs.Wait() }()
	batch := func(id uint64, size int) event.Batch {
		return event.Batch{From: "n1", ID: id, Events: []event.Event{{Payload: make([]byte, size)}}}
	}
	l.send(ctx, "a", batch(1, 32<<20))
	first := <-way.sends
	l.send(ctx, "a", batch(1, 32<<20))
	if len(way.sends) > 0 || first.Err() != nil {
		t.Error("the same batch is sent beside itself, or was stopped")
	}
	l.send(ctx, "b", batch(1, 32<<20))
	second := <-way.sends
	if first.Err() == nil {
		t.Error("it is still on its way to the owner before")
	}
	l.send(ctx, "b", batch(2, 1))
	<-way.sends
	if second.Err() == nil {
		t.Error("it is still sent, though the next is under way")
	}
}
