package node

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/shipper"
)

// ofOneShard is a node of one shard that has entered, and whose loop does not run.
func ofOneShard(t *testing.T, way shipper.Transport, maxQueue int) (*Node, *sender) {
	t.Helper()
	n, err := New(Config{Name: "n1", Logic: keepAll, Shards: 1, Engine: memory.New(1), Transport: way, Logger: slog.New(slog.DiscardHandler),
		Wait: time.Hour, MaxQueue: maxQueue})
	if err != nil {
		t.Fatal(err)
	}
	s := n.senders[0]
	s.enter()
	close(n.entered)
	t.Cleanup(func() {
		n.stop()
		s.stop()
		n.jobs.Wait()
	})
	return n, s
}

// nothingLeft checks that a sender knows nothing of callers any more.
func nothingLeft(t *testing.T, s *sender) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if out := s.core.Outbox; out.Len() != 0 || out.Queued() != 0 || s.core.Waiting() != 0 || len(s.gaveUp.list) != 0 {
		t.Errorf("%d events, %d bytes, %d waiters and %d callers are left", out.Len(), out.Queued(), s.core.Waiting(), len(s.gaveUp.list))
	}
}

// TestSenderHearsOfAllThatGaveUp: nothing stays of callers that wait no more, whether the sender had taken their events in
// or not, though they all give up at once and it is busy just then.
func TestSenderHearsOfAllThatGaveUp(t *testing.T) {
	n, s := ofOneShard(t, shipper.NewInProcess(1), 0)
	ctx, cancel := context.WithCancel(t.Context())
	const callers = 10
	done := make(chan error, callers)
	send := func() {
		_, err := n.SendBatch(ctx, []event.Addressed{{Event: event.Event{Payload: []byte("x")}}})
		done <- err
	}
	for range callers / 2 {
		go send()
	}
	for {
		s.mu.Lock()
		if s.core.Outbox.Len() == callers/2 {
			break
		}
		s.mu.Unlock()
		runtime.Gosched()
	}
	for range callers / 2 { // the sender doesn't come to these before their callers give up
		go send()
	}
	cancel()
	s.mu.Unlock()
	for range callers {
		if err := <-done; !errors.Is(err, event.ErrNoOwner) {
			t.Error(err)
		}
	}
	nothingLeft(t, s)
}

// TestRoomOfWhoGaveUp: a caller that has given up takes no room from who comes after it, though the sender gets the next
// one's events first.
func TestRoomOfWhoGaveUp(t *testing.T) {
	_, s := ofOneShard(t, shipper.NewInProcess(1), 2000)
	events := []event.Addressed{{Event: event.Event{Payload: make([]byte, 1500)}}}
	for i := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		answers := make(chan answer, 1)
		s.submit(ctx, events, []int{0}, answers)
		if len(answers) > 0 {
			t.Errorf("caller %d: %v", i+1, <-answers)
		}
		cancel()
		s.gaveUp.add(answers) // and is about to tell the sender
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

// TestGivesUpWhileItIsTakenIn: nothing stays of a caller that gives up in the moment in which the sender takes in its events.
func TestGivesUpWhileItIsTakenIn(t *testing.T) {
	_, s := ofOneShard(t, shipper.NewInProcess(1), 2000)
	answers, told := make(chan answer, 1), make(chan struct{})
	ctx := &endsNow{t.Context(), func() {
		go func() {
			defer close(told)
			s.giveUp(answers)
		}()
	}}
	s.submit(ctx, []event.Addressed{{Event: event.Event{Payload: make([]byte, 1500)}}}, []int{0}, answers)
	<-told
	nothingLeft(t, s)
}

// TestInboxIsBoundedInBytes: large batches that come again and again while a loop is behind are refused; one alone is
// always taken.
func TestInboxIsBoundedInBytes(t *testing.T) {
	n, err := New(Config{Name: "n1", Logic: keepAll, Shards: 1, Engine: memory.New(1), Transport: shipper.NewInProcess(1), MaxQueue: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	id := uint64(0)
	batch := func(size int) event.Batch {
		id++
		return event.Batch{From: "n2", ID: id, Events: []event.Event{{Payload: make([]byte, size)}}}
	}
	deliver := receiver{n}.Deliver
	if err := deliver(t.Context(), batch(1<<20)); err != nil {
		t.Errorf("one alone: %v", err)
	}
	if err := deliver(t.Context(), batch(10)); err == nil {
		t.Error("taken beyond the bound")
	}
	l := n.loops[0]
	if _, b := l.inbox.take(); len(b.Events) != 1 || l.inbox.batches != nil {
		t.Errorf("%d events were taken, and %d batches are left", len(b.Events), len(l.inbox.batches))
	}
	for i := range 4 {
		if err := deliver(t.Context(), batch(3000)); (err == nil) != (i < 3) {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	if got := l.inbox.bytes; got < 9000 || got > 10_000 {
		t.Errorf("%d bytes are counted", got)
	}
	for range 3 {
		if _, b := l.inbox.take(); len(b.Events) != 1 {
			t.Errorf("%d events were taken", len(b.Events))
		}
	}
	if l.inbox.bytes != 0 || l.inbox.batches != nil {
		t.Errorf("%d bytes of %d batches are left", l.inbox.bytes, len(l.inbox.batches))
	}
}

// TestInboxIsBoundedInBatches, however small they are; the newest role comes before them.
func TestInboxIsBoundedInBatches(t *testing.T) {
	i := newInbox(3, 1<<20)
	for id := range uint64(inboxSize) {
		if err := i.put(event.Batch{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.put(event.Batch{}); err == nil {
		t.Error("taken beyond the bound")
	}
	i.take()
	i.take()
	for _, b := range []event.Batch{{From: "n1", ID: 1}, {From: "n2", ID: 1}, {From: "n1", ID: 1}, {From: "n2", ID: 1}} {
		if err := i.put(b); err != nil {
			t.Errorf("%s sends it once more: %v", b.From, err)
		}
	}
	if n := len(i.batches); n != inboxSize {
		t.Errorf("%d batches wait", n)
	}
	i.assign(core.Role{Owner: "n1"})
	i.assign(core.Role{Owner: "n2"})
	for id := range uint64(inboxSize) {
		<-i.wake
		role, b := i.take()
		if b.From == "" && b.ID != id+2 || (role != nil) != (id == 0) || role != nil && role.Owner != "n2" {
			t.Fatalf("batch %d, role %v; want %d", b.ID, role, id+2)
		}
	}
	if len(i.wake) > 0 {
		t.Error("it is woken for nothing")
	}
}

// hangingTransport is a transport whose sends last until their context ends.
type hangingTransport struct {
	*shipper.InProcess
	sends chan hangingSend
}

type hangingSend struct {
	ctx  context.Context
	node string
	b    event.Batch
}

func newHangingTransport() hangingTransport {
	return hangingTransport{shipper.NewInProcess(1), make(chan hangingSend, 1)}
}

func (h hangingTransport) Send(ctx context.Context, node string, b event.Batch) error {
	h.sends <- hangingSend{ctx, node, b}
	<-ctx.Done()
	return ctx.Err()
}

func (h hangingTransport) HasRoute(string) bool { return true }

// sendNow has the sender send a batch.
func (s *sender) sendNow(node string, b event.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(node, b)
}

// TestHangingBatchTurnsToTheNextOwner: one that hangs on its way to an owner is stopped when it goes to another, when the
// outbox has come to the next batch, or when nobody waits for it; the same one is not sent beside itself.
func TestHangingBatchTurnsToTheNextOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where none hangs for so long that it is given up
		way := newHangingTransport()
		_, s := ofOneShard(t, way, 0)
		batch := func(id uint64, size int) event.Batch {
			return event.Batch{From: "n1", ID: id, Events: []event.Event{{Payload: make([]byte, size)}}}
		}
		for _, size := range []int{1, 32 << 20} {
			answers := make(chan answer, 1)
			s.submit(t.Context(), []event.Addressed{{}}, []int{0}, answers) // somebody waits, though there is no owner yet
			s.sendNow("a", batch(1, size))
			first := (<-way.sends).ctx
			s.sendNow("a", batch(1, size))
			if len(way.sends) > 0 || first.Err() != nil {
				t.Error("the same batch is sent beside itself, or was stopped")
			}
			s.sendNow("b", batch(1, size))
			second := (<-way.sends).ctx
			if first.Err() == nil {
				t.Error("it is still on its way to the owner before")
			}
			s.sendNow("b", batch(2, 1))
			third := (<-way.sends).ctx
			if second.Err() == nil {
				t.Error("it is still sent, though the next is under way")
			}
			s.sendNow("n1", batch(2, 1))
			if third.Err() == nil {
				t.Error("it is still sent, though this node is the owner")
			}
			s.sendNow("a", batch(3, size))
			fourth := (<-way.sends).ctx
			s.giveUp(answers)
			if fourth.Err() == nil {
				t.Error("it is still sent, though nobody waits for it")
			}
		}
	})
}

// TestHangingBatchIsSentAgain: when the time of one is over that was to be sent again meanwhile, it is sent again at once.
func TestHangingBatchIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := newHangingTransport()
		_, s := ofOneShard(t, way, 0)
		s.assign(core.Role{Owner: "n2"})
		s.submit(t.Context(), []event.Addressed{{Event: event.Event{Payload: []byte("x")}}}, []int{0}, make(chan answer, 1))
		began := time.Now()
		for i := range 5 {
			if send := <-way.sends; len(send.b.Events) != 1 || time.Since(began) > time.Duration(i)*sendTimeout+time.Second/10 {
				t.Errorf("after %v: %+v", time.Since(began), send.b)
			}
		}
	})
}
