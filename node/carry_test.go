package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
)

// way is a transport whose Send to other nodes a test may replace.
type way struct {
	shipper.Transport
	send atomic.Pointer[func(ctx context.Context, to string, b event.Batch) error]
}

func (w *way) Send(ctx context.Context, to string, b event.Batch) error {
	if send := w.send.Load(); send != nil {
		return (*send)(ctx, to, b)
	}
	return w.Transport.Send(ctx, to, b)
}

func (w *way) set(send func(ctx context.Context, to string, b event.Batch) error) {
	w.send.Store(&send)
}

// twoWays starts n1, which owns the only shard, and n2, whose way to n1 the test has in its hands. Nobody is taken for dead, unless
// the change says so.
func twoWays(t *testing.T, change func(*graph.Config)) (*cluster, *way) {
	w := &way{}
	c := newCluster(t, 1, func(cfg *graph.Config) {
		calm(cfg)
		cfg.Key = dataset.Dataset
		if cfg.Name == "n2" {
			w.Transport = cfg.Transport
			cfg.Transport = w
		}
		if change != nil {
			change(cfg)
		}
	})
	c.start("n1")
	c.ready("n1")
	c.start("n2")
	c.ready("n1", "n2")
	return c, w
}

func (c *cluster) tryWithin(name string, wait time.Duration, patch string) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), wait)
	defer cancel()
	_, err := c.nodes[name].Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte(patch)})
	return err
}

// rows are about so many bytes of changes.
func rows(name string, size int) string {
	var b strings.Builder
	b.WriteString("TX .\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "A <http://e/%s> <http://e/p> \"%d %s\" .\n", name, i, strings.Repeat("v", min(size/10, 200)))
	}
	b.WriteString("TC .\n")
	return b.String()
}

// TestTransportThatBlocks: a transport that takes nothing keeps a batch for a bounded time only, whatever its size: the
// door's shard changes its owner meanwhile, and what waits is accepted there.
func TestTransportThatBlocks(t *testing.T) {
	for _, size := range []int{100, 3 << 20} {
		synctest.Test(t, func(t *testing.T) {
			c, w := twoWays(t, func(cfg *graph.Config) { cfg.FailAfter = time.Second })
			entered := make(chan struct{}, 1)
			w.set(func(ctx context.Context, _ string, _ event.Batch) error {
				select {
				case entered <- struct{}{}:
				default:
				}
				<-ctx.Done()
				return ctx.Err()
			})
			done := make(chan error, 1)
			go func() { done <- c.tryWithin("n2", patience, rows("a", size)) }()
			<-entered
			c.kill("n1")
			if err := <-done; err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		})
	}
}

// TestLargeBatchHasTime: what takes longer to hand over than a small batch may take is given its time, and is not handed over
// twice at once.
func TestLargeBatchHasTime(t *testing.T) {
	c, w := twoWays(t, nil)
	var beside, most atomic.Int32
	w.set(func(ctx context.Context, to string, b event.Batch) error {
		most.Store(max(most.Load(), beside.Add(1)))
		defer beside.Add(-1)
		select {
		case <-time.After(1500 * time.Millisecond): // longer than a small one may take, and than a batch is left without an answer
			return w.Transport.Send(ctx, to, b)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err := c.tryWithin("n2", patience, rows("a", 6<<20)); err != nil {
		t.Error(err)
	}
	if n := most.Load(); n != 1 {
		t.Errorf("sent %d times at once", n)
	}
}

// TestLargeBatchIsTriedAgain: a transport that hangs with a large batch has a bounded time for it, too.
func TestLargeBatchIsTriedAgain(t *testing.T) {
	c, w := twoWays(t, nil)
	var sends atomic.Int32
	w.set(func(ctx context.Context, to string, b event.Batch) error {
		if sends.Add(1) > 1 {
			return w.Transport.Send(ctx, to, b)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err := c.tryWithin("n2", patience, rows("a", 2<<20)); err != nil {
		t.Error(err)
	}
}

// TestLargeBatchThatNobodyWaitsFor: the transport is told to stop when the sender gives up.
func TestLargeBatchThatNobodyWaitsFor(t *testing.T) {
	c, w := twoWays(t, nil)
	entered, stopped := make(chan struct{}), make(chan time.Duration, 1)
	var once sync.Once
	w.set(func(ctx context.Context, _ string, _ event.Batch) error {
		once.Do(func() { close(entered) })
		<-ctx.Done()
		deadline, _ := ctx.Deadline()
		select {
		case stopped <- time.Until(deadline):
		default:
		}
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.nodes["n2"].Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte(rows("a", 30<<20))})
		done <- err
	}()
	<-entered
	cancel()
	if err := <-done; !errors.Is(err, event.ErrNoOwner) {
		t.Error(err)
	}
	if left := <-stopped; left < time.Second {
		t.Errorf("it was sent until %v before its time was over", left)
	}
}

// TestGivenUpIsNotSentAgain: what nobody waits for leaves the door, though its owner never answers: there is room for the
// next, and it never takes effect later.
func TestGivenUpIsNotSentAgain(t *testing.T) {
	c, w := twoWays(t, func(cfg *graph.Config) { cfg.MaxQueue = 2000 })
	sent := make(chan uint64, 100)
	w.set(func(_ context.Context, _ string, b event.Batch) error {
		sent <- b.ID
		return nil // and it is lost
	})
	ids := map[uint64]bool{}
	for i := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes["n2"].Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte(rows(fmt.Sprint("lost", i), 1500))})
			done <- err
		}()
		for before := len(ids); len(ids) == before; {
			select {
			case id := <-sent:
				ids[id] = true
			case err := <-done:
				t.Fatalf("document %d is not sent: %v", i+1, err)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, event.ErrNoOwner) {
			t.Errorf("nobody answers: %v", err)
		}
	}
	w.set(w.Transport.Send)
	eventually(t, "there is room for the next", func() bool { return c.tryWithin("n2", patience, rows("next", 1500)) == nil })
	if got := c.data("n1"); strings.Contains(got, "lost") || !strings.Contains(got, "next") {
		t.Errorf("data:\n%s", got)
	}
}

// TestWhatCantBeSentIsAnswered: a transport that can't carry an event says so to its sender, and the door goes on.
func TestWhatCantBeSentIsAnswered(t *testing.T) {
	for _, limit := range []int{1000, 2 << 20} { // the batches beyond it are sent on the loop, and beside it
		c, w := twoWays(t, nil)
		w.set(func(ctx context.Context, to string, b event.Batch) error {
			if shipper.BatchWireBound(&b) > limit+1000 {
				return fmt.Errorf("%w: over %d", shipper.ErrTooLarge, limit)
			}
			return w.Transport.Send(ctx, to, b)
		})
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { errs[i] = c.tryWithin("n2", patience, rows(fmt.Sprint("s", i), limit/(1+i%2*9)*2)) })
		}
		all.Wait()
		for i, err := range errs {
			if large := i%2 == 0; large != errors.Is(err, event.ErrTooLarge) || !large && err != nil {
				t.Errorf("limit %d, document %d: %v", limit, i, err)
			}
		}
		if err := c.tryWithin("n2", patience, rows("later", 100)); err != nil {
			t.Errorf("limit %d, one later: %v", limit, err)
		}
	}
}

// TestLargeTransactionAtEveryDoor: over a NATS server that takes messages of 256 KiB, a transaction of several MiB is
// accepted wherever it comes in, and so is what comes after it.
func TestLargeTransactionAtEveryDoor(t *testing.T) {
	server, err := jetstream.StartServer(t.Context(), jetstream.ServerConfig{Name: "s", Dir: t.TempDir(), Port: -1, MaxPayload: 256 << 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	store := memory.New(1)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer func() { stop(); all.Wait() }()
	var nodes []*graph.Graph
	for _, name := range []string{"n1", "n2"} {
		nc, err := server.ConnectEvents()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { stop(); all.Wait(); nc.Close() }()
		transport, err := natstransport.New(nc, "p", natstransport.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		cfg := graph.Config{Key: graph.Dataset, Config: node.Config{Name: name, Shards: 1, Engine: store, Transport: transport, Logger: discard}}
		calm(&cfg)
		n, err := graph.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range []func(context.Context) error{transport.Run, n.Run} {
			all.Go(func() {
				if err := run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		nodes = append(nodes, n)
		eventually(t, name+" is ready", func() bool { return n.Ready() == nil && len(n.Status().Members) == len(nodes) })
	}
	for i, n := range nodes {
		for k, size := range []int{6 << 20, 100} {
			_, err := n.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(rows(fmt.Sprint(i, "-", k), size))})
			if err != nil {
				t.Errorf("%d bytes at node %d: %v", size, i+1, err)
			}
		}
	}
}

// TestStreamMessageThatCantBeSent: an embedder's stream hears that sending again is of no use.
func TestStreamMessageThatCantBeSent(t *testing.T) {
	c, w := twoWays(t, nil)
	w.set(func(context.Context, string, event.Batch) error { return shipper.ErrTooLarge })
	quad := rdf.Quad{S: rdf.Trusted("<http://e/s>"), P: rdf.Trusted("<http://e/p>"), O: rdf.Trusted(`"v"`)}
	_, err := c.nodes["n2"].StreamSink().WriteBatch(t.Context(), []graph.Message{{StreamID: "s", Offset: 1, Quads: []rdf.Quad{quad}}})
	if !errors.Is(err, graph.ErrNotAccepted) || !errors.Is(err, event.ErrTooLarge) {
		t.Errorf("%v, want ErrNotAccepted", err)
	}
}
