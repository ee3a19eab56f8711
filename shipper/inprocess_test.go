package shipper_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/shipper/shippertest"
)

func TestInProcess(t *testing.T) {
	const capacity = 64
	shippertest.Run(t, shippertest.Config{
		Capacity: capacity,
		Open: func(*testing.T) shippertest.Cluster {
			return &shared{InProcess: shipper.NewInProcess(capacity, shipper.WithRefused(func(string, event.Batch, error) {}))}
		},
	})
}

func TestInProcessRequests(t *testing.T) {
	shippertest.Requests(t, func(*testing.T) shippertest.RequestCluster { return &shared{InProcess: shipper.NewInProcess(1)} }, 100<<20)
}

// shared is a cluster of nodes that share one transport.
type shared struct {
	*shipper.InProcess
	cancel context.CancelFunc
	done   chan error
}

func (s *shared) Transport(string) shipper.Transport { return s.InProcess }

func (s *shared) Requests(string) request.Transport { return s.InProcess }

func (s *shared) Start() {
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.done = make(chan error, 1)
	go func() { s.done <- s.Run(ctx) }()
}

func (s *shared) Stop() error {
	s.cancel()
	return <-s.done
}

// start runs a transport and returns what ends it.
func start(tr *shipper.InProcess) (stop func() error) {
	s := shared{InProcess: tr}
	s.Start()
	return s.Stop
}

func ev(seq int) event.Event {
	return event.Event{Producer: event.Producer{Name: "p"}, Seq: uint64(seq)}
}

func numbered(n int) event.Batch {
	var b event.Batch
	for i := range n {
		b.Events = append(b.Events, ev(i))
	}
	return b
}

// gated is a receiver that takes one batch for each token, and fails when its context ends.
type gated struct {
	shippertest.Recorder
	tokens chan struct{}
}

func (g *gated) Deliver(ctx context.Context, b event.Batch) error {
	select {
	case <-g.tokens:
		return g.Recorder.Deliver(ctx, b)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func register(t *testing.T, tr shipper.Transport, node string, receiver shipper.Receiver) {
	t.Helper()
	if err := tr.RegisterRoute(node, receiver); err != nil {
		t.Fatal(err)
	}
}

func mustSend(t *testing.T, tr shipper.Transport, b event.Batch) {
	t.Helper()
	if err := tr.Send(t.Context(), "n", b); err != nil {
		t.Fatal(err)
	}
}

func TestInProcessBlocksAtCapacityAndFreesByDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := shipper.NewInProcess(2)
		receiver := &gated{tokens: make(chan struct{})}
		register(t, tr, "n", receiver)
		stop := start(tr)
		for i := range 2 {
			mustSend(t, tr, event.Batch{From: "x", ID: uint64(i), Events: []event.Event{ev(i)}})
		}
		third := make(chan error, 1)
		go func() {
			third <- tr.Send(context.Background(), "n", event.Batch{From: "x", ID: 2, Events: []event.Event{ev(2)}})
		}()
		synctest.Wait()
		if len(third) != 0 {
			t.Fatal("the third event did not wait, with one in delivery and one queued")
		}
		receiver.tokens <- struct{}{}
		synctest.Wait()
		if len(third) != 1 {
			t.Fatal("the third event still waits though there is room for it")
		}
		close(receiver.tokens)
		if err := errors.Join(<-third, stop()); err != nil {
			t.Fatal(err)
		}
		if got := receiver.Events(); len(got) != 3 || got[2].Seq != 2 {
			t.Errorf("delivered %v", got)
		}
	})
}

// TestInProcessCountsAcks: they take room as events do, and give it back.
func TestInProcessCountsAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := shipper.NewInProcess(4)
		receiver := &gated{tokens: make(chan struct{}, 10)}
		register(t, tr, "n", receiver)
		stop := start(tr)
		send := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return tr.Send(ctx, "n", event.Batch{From: "x", ID: 1, Acks: make([]event.Ack, 2)})
		}
		for round := range 3 {
			if err := errors.Join(send(), send()); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if err := send(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("round %d: a third batch of two acks has room: %v", round, err)
			}
			receiver.tokens <- struct{}{}
			receiver.tokens <- struct{}{}
			synctest.Wait()
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestInProcessBoundsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := shipper.NewInProcess(100, shipper.WithQueueBytes(10))
		receiver := &gated{tokens: make(chan struct{})}
		register(t, tr, "n", receiver)
		stop := start(tr)
		payload := func(n int) event.Batch {
			return event.Batch{Events: []event.Event{{Payload: make([]byte, n)}}}
		}
		mustSend(t, tr, payload(1000)) // nothing else is under way
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := tr.Send(ctx, "n", payload(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send beyond the bytes: %v, want DeadlineExceeded", err)
		}
		close(receiver.tokens)
		synctest.Wait()
		mustSend(t, tr, payload(1))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := receiver.Events(); len(got) != 2 {
			t.Errorf("%d events delivered, want 2: the one that gave up must not arrive", len(got))
		}
	})
}

// A large batch is not overtaken for ever by small ones, and its leaving lets those behind it go on.
func TestInProcessServesWaitersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := shipper.NewInProcess(4)
		receiver := &gated{tokens: make(chan struct{})}
		register(t, tr, "n", receiver)
		stop := start(tr)
		identified := func(id uint64, n int) event.Batch {
			b := numbered(n)
			b.From, b.ID = "x", id
			return b
		}
		mustSend(t, tr, identified(1, 1))
		mustSend(t, tr, identified(2, 2))
		ctx, giveUp := context.WithCancel(t.Context())
		send := func(ctx context.Context, b event.Batch) <-chan error {
			done := make(chan error, 1)
			go func() { done <- tr.Send(ctx, "n", b) }()
			synctest.Wait()
			return done
		}
		large := send(ctx, identified(3, 3))
		small := send(t.Context(), identified(4, 1))
		if len(small) != 0 {
			t.Fatal("a small batch has overtaken a large one that waits")
		}
		giveUp()
		synctest.Wait()
		if err := <-large; !errors.Is(err, context.Canceled) {
			t.Errorf("Send that gave up: %v", err)
		}
		if len(small) != 1 {
			t.Fatal("the small batch still waits behind one that gave up")
		}
		large, last := send(t.Context(), identified(5, 4)), send(t.Context(), identified(6, 1))
		close(receiver.tokens)
		if err := errors.Join(<-small, <-large, <-last, stop()); err != nil {
			t.Fatal(err)
		}
		batches, _ := receiver.Await(t, 0, 0)
		var ids []uint64
		for _, b := range batches {
			ids = append(ids, b.ID)
		}
		if want := []uint64{1, 2, 4, 5, 6}; !slices.Equal(ids, want) {
			t.Errorf("delivered %v, want %v", ids, want)
		}
	})
}

func TestInProcessMergesOnlyWhatNobodyAcknowledges(t *testing.T) {
	tr := shipper.NewInProcess(100)
	var rec shippertest.Recorder
	register(t, tr, "n", &rec)
	one := func(shard int) event.Batch {
		return event.Batch{Shard: shard, Events: make([]event.Event, 1)}
	}
	withID := one(3)
	withID.From, withID.ID = "x", 1
	for _, b := range []event.Batch{one(1), one(1), one(2), withID, withID, one(4), {Acks: make([]event.Ack, 1)}, one(5)} {
		mustSend(t, tr, b)
	}
	stop := start(tr)
	got, _ := rec.Await(t, 7, 7)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var sizes, shards []int
	for _, b := range got {
		sizes, shards = append(sizes, len(b.Events)), append(shards, b.Shard)
	}
	if want := []int{2, 1, 1, 1, 1, 0, 1}; !slices.Equal(sizes, want) {
		t.Errorf("events per batch %v, want %v", sizes, want)
	}
	if want := []int{1, 2, 3, 3, 4, 0, 5}; !slices.Equal(shards, want) {
		t.Errorf("shards %v, want %v", shards, want)
	}
}

func TestInProcessSaysWhatItCouldNotDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused int
		tr := shipper.NewInProcess(4, shipper.WithGrace(time.Minute), shipper.WithRefused(
			func(node string, b event.Batch, err error) {
				if node != "n" || !errors.Is(err, context.Canceled) {
					t.Errorf("refused for %q: %v", node, err)
				}
				refused += len(b.Events)
			}))
		receiver := &gated{tokens: make(chan struct{})}
		register(t, tr, "n", receiver)
		stop := start(tr)
		for i := range 4 {
			mustSend(t, tr, event.Batch{From: "x", ID: uint64(i), Events: []event.Event{ev(i)}})
		}
		blocked := make(chan error, 1)
		go func() { blocked <- tr.Send(context.Background(), "n", numbered(1)) }()
		synctest.Wait()
		began := time.Now()
		err := stop()
		if !errors.Is(err, shipper.ErrUndelivered) || refused != 4 {
			t.Errorf("Run: %v; %d events refused, want ErrUndelivered and 4", err, refused)
		}
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("gave up after %v, want the grace time", waited)
		}
		if err := <-blocked; !errors.Is(err, shipper.ErrClosed) {
			t.Errorf("Send that waited at shutdown: %v, want ErrClosed", err)
		}
		if err := tr.Send(t.Context(), "n", numbered(1)); !errors.Is(err, shipper.ErrClosed) {
			t.Errorf("Send after Run: %v, want ErrClosed", err)
		}
		if err := tr.Run(t.Context()); err == nil {
			t.Error("a second Run did not fail")
		}
	})
}

func TestInProcessDeliversWhatWasQueuedForARemovedRoute(t *testing.T) {
	for _, before := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			tr := shipper.NewInProcess(2)
			receiver := &gated{tokens: make(chan struct{})}
			register(t, tr, "n", receiver)
			var stop func() error
			if !before {
				stop = start(tr)
			}
			mustSend(t, tr, numbered(2))
			blocked := make(chan error, 1)
			go func() { blocked <- tr.Send(context.Background(), "n", numbered(1)) }()
			synctest.Wait()
			tr.RemoveRoute("n")
			if err := <-blocked; !errors.Is(err, shipper.ErrNoRoute) {
				t.Errorf("Send that waited for a removed route: %v, want ErrNoRoute", err)
			}
			if before {
				stop = start(tr)
			}
			close(receiver.tokens)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if n := len(receiver.Events()); n != 2 {
				t.Errorf("removed before Run %v: %d events delivered, want 2", before, n)
			}
		})
	}
}

// Many senders of mixed sizes, some of which give up: what Send accepted arrives, what it refused does not.
func TestInProcessNeverLosesUnderCancellation(t *testing.T) {
	tr := shipper.NewInProcess(8)
	var rec shippertest.Recorder
	register(t, tr, "n", &rec)
	stop := start(tr)
	const senders, each = 8, 400
	accepted := make([][]uint64, senders)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				b := event.Batch{From: "x", Shard: s, ID: uint64(s*each + i), Events: make([]event.Event, 1+(s*i)%12)}
				for k := range b.Events {
					b.Events[k] = event.Event{Seq: b.ID}
				}
				ctx, cancel := context.WithCancel(context.Background())
				if i%3 == 0 {
					go cancel()
				}
				if err := tr.Send(ctx, "n", b); err == nil {
					accepted[s] = append(accepted[s], b.ID)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	got := make([][]uint64, senders)
	batches, _ := rec.Await(t, 0, 0)
	for _, b := range batches {
		s := b.Shard
		if len(b.Events) != 1+(s*(int(b.ID)-s*each))%12 {
			t.Errorf("batch %d has %d events", b.ID, len(b.Events))
		}
		got[s] = append(got[s], b.ID)
	}
	for s := range senders {
		if !slices.Equal(got[s], accepted[s]) {
			t.Errorf("sender %d: %d batches accepted, %d delivered, or in another order", s, len(accepted[s]), len(got[s]))
		}
	}
}
