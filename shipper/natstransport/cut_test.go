package natstransport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
	"github.com/quadrille-stream/quadrille/shipper/shippertest"
)

// small starts a server that takes messages of so many bytes.
func small(t *testing.T, maxPayload int) string {
	t.Helper()
	s, err := jetstream.StartServer(t.Context(), jetstream.ServerConfig{Name: "small", Dir: t.TempDir(), Port: -1, Secret: secret, MaxPayload: maxPayload}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s.ClientURL()
}

// pair is a sender "a" and a receiver "b" over a server; the receiver runs until the test ends.
func pair(t *testing.T, url string, receiver shipper.Receiver) (a, b *natstransport.Transport) {
	t.Helper()
	return pairOver(t, connect(t, url), connect(t, url), receiver)
}

func pairOver(t *testing.T, from, to *nats.Conn, receiver shipper.Receiver, opts ...natstransport.Option) (a, b *natstransport.Transport) {
	t.Helper()
	pipeline := fmt.Sprint("pair ", pipelines.Add(1))
	for nc, tr := range map[*nats.Conn]**natstransport.Transport{from: &a, to: &b} {
		var err error
		*tr, err = natstransport.New(nc, pipeline, append(patient(), opts...)...)
		if err != nil {
			t.Fatal(err)
		}
	}
	register(t, a, "b", nil)
	register(t, b, "b", receiver)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return a, b
}

// TestServerOfSmallMessages: batches of any size get through a server that takes little.
func TestServerOfSmallMessages(t *testing.T) {
	for _, limit := range []int{1 << 10, 256 << 10} {
		var receiver shippertest.Recorder
		a, b := pair(t, small(t, limit), &receiver)
		const shards, each = 8, 3
		var wg sync.WaitGroup
		for shard := range shards {
			wg.Go(func() {
				for id := range each {
					large := batch(uint64(id), 3, 300_000+100_000*shard)
					large.Shard = shard
					for i := range large.Events {
						for k := range large.Events[i].Payload {
							large.Events[i].Payload[k] = byte(k>>8 + k + id + shard)
						}
					}
					send(t, a, "b", large)
				}
			})
		}
		wg.Wait()
		got, _ := receiver.Await(t, shards*each, 0)
		next := map[int]uint64{}
		for _, in := range got {
			if in.ID != next[in.Shard] || len(in.Events) != 3 || len(in.Events[2].Payload) != 300_000+100_000*in.Shard {
				t.Fatalf("batch %d of shard %d with %d events, want batch %d", in.ID, in.Shard, len(in.Events), next[in.Shard])
			}
			for k, c := range in.Events[2].Payload {
				if c != byte(k>>8+k+int(in.ID)+in.Shard) {
					t.Fatalf("batch %d of shard %d differs at byte %d", in.ID, in.Shard, k)
				}
			}
			next[in.Shard]++
		}
		if s := b.Stats(); s.Malformed+s.Incomplete+s.Dropped != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestServerOfTinyMessages: a server that takes next to nothing is an error that says so.
func TestServerOfTinyMessages(t *testing.T) {
	a, _ := pair(t, small(t, 299), new(shippertest.Recorder))
	if err := a.Send(t.Context(), "b", batch(1, 1, 1000)); !errors.Is(err, shipper.ErrTooLarge) || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("Send: %v, want ErrTooLarge", err)
	}
}

// TestLargeBatchWaitsForItsReceiver: the sender of a large batch is slowed by a receiver that takes nothing, and gives up
// with its context; the batch of another shard does not wait behind it for ever.
func TestLargeBatchWaitsForItsReceiver(t *testing.T) {
	receiver := newGate()
	nc := connect(t, server.ClientURL())
	a, b := pairOver(t, nc, connect(t, server.ClientURL()), receiver)
	send(t, a, "b", batch(1, 1, 1))
	<-receiver.entered
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Send(ctx, "b", batch(2, 1, 32<<20)) }()
	await(t, a, "its first part is sent", func(natstransport.Stats) bool { return nc.Stats().OutMsgs > 1 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Send whose context has ended: %v", err)
	}
	if n := nc.Stats().OutMsgs; n != 2 {
		t.Errorf("%d messages of 32 MiB went to a receiver that takes nothing, want one", n-1)
	}
	close(receiver.open)
	send(t, a, "b", batch(3, 1, 32<<20)) // takes the place of what is left of the one before
	got, _ := receiver.Await(t, 2, 2)
	if got[1].ID != 3 || !bytes.Equal(got[1].Events[0].Payload, make([]byte, 32<<20)) {
		t.Errorf("batch %d of %d bytes, want batch 3", got[1].ID, len(got[1].Events[0].Payload))
	}
	if s := b.Stats(); s.Incomplete != 1 || s.Dropped != 0 {
		t.Errorf("one batch was left in the middle: %+v", s)
	}
	if s := a.Stats(); s.Sent != 2 {
		t.Errorf("two were sent: %+v", s)
	}
}

// TestReceiverThatDoesNotConfirm: a sender waits for it for half of the time in which an incomplete batch is held.
func TestReceiverThatDoesNotConfirm(t *testing.T) {
	c := newCluster(t, natstransport.WithReassembly(0, 100*time.Millisecond))
	receiver := newGate()
	register(t, c.node("b"), "b", receiver)
	register(t, c.node("a"), "b", nil)
	c.Start()
	defer c.Stop()
	defer close(receiver.open)
	send(t, c.node("a"), "b", batch(1, 1, 1))
	<-receiver.entered
	err := c.node("a").Send(t.Context(), "b", batch(2, 1, 8<<20))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not confirm") {
		t.Errorf("Send: %v, want that it is not confirmed", err)
	}
}

// TestLargeBatchToNobody: who sends one to a node that isn't there hears of it, and has not sent it all.
func TestLargeBatchToNobody(t *testing.T) {
	a, _ := pair(t, server.ClientURL(), new(shippertest.Recorder))
	register(t, a, "c", nil)
	if err := a.Send(t.Context(), "c", batch(1, 1, 8<<20)); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("Send: %v, want ErrNoResponders", err)
	}
}

// TestIncompleteBatchIsForgotten: what remains of a batch whose sender has gone makes room, though nothing else comes.
func TestIncompleteBatchIsForgotten(t *testing.T) {
	nc := connect(t, server.ClientURL())
	c := newCluster(t, natstransport.WithReassembly(0, 50*time.Millisecond))
	b := c.node("b")
	register(t, b, "b", new(shippertest.Recorder))
	c.Start()
	defer c.Stop()
	first := append([]byte("q\x01SENDER..\x01\x00\x00\x02\x80\x08\x00\x00\x00\x00"), make([]byte, 512)...)
	if err := nc.Publish(natstransport.Subject(c.pipeline, "b"), first); err != nil {
		t.Fatal(err)
	}
	await(t, b, "the beginning is forgotten", func(s natstransport.Stats) bool { return s.Received == 1 && s.Incomplete == 1 })
	if err := nc.Publish(natstransport.Subject(c.pipeline, "b"), []byte("q\x02")); err != nil {
		t.Fatal(err)
	}
	await(t, b, "what is no fragment is counted", func(s natstransport.Stats) bool { return s.Malformed == 1 })
}

// TestLargeBatchWithoutConnection: the buffer for the time of a reconnect is not filled with parts of what has no room.
func TestLargeBatchWithoutConnection(t *testing.T) {
	s, err := jetstream.StartServer(t.Context(), jetstream.ServerConfig{Name: "ends", Dir: t.TempDir(), Port: -1, Secret: secret}, nil)
	if err != nil {
		t.Fatal(err)
	}
	nc := connect(t, s.ClientURL())
	a, err := natstransport.New(nc, "p", natstransport.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	register(t, a, "b", nil)
	changed := nc.StatusChanged(nats.RECONNECTING)
	s.Shutdown()
	<-changed
	if err := a.Send(t.Context(), "b", batch(1, 1, 2<<20)); !errors.Is(err, nats.ErrDisconnected) {
		t.Errorf("Send: %v, want ErrDisconnected", err)
	}
	if n, err := nc.Buffered(); err != nil || n > 0 {
		t.Errorf("%d bytes wait for the connection, %v", n, err)
	}
}

// TestOneShardOneAfterTheOther: large batches of one shard that come from many goroutines don't take each other's place.
func TestOneShardOneAfterTheOther(t *testing.T) {
	var receiver shippertest.Recorder
	a, b := pair(t, server.ClientURL(), &receiver)
	const senders, each = 6, 4
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				send(t, a, "b", batch(uint64(s*each+i), 1, 6<<20))
			}
		})
	}
	wg.Wait()
	receiver.Await(t, senders*each, 0)
	if s := b.Stats(); s.Incomplete != 0 {
		t.Errorf("%+v", s)
	}
}

// TestReceiverWithoutRoom: the sender of a batch for which there is no room hears of it with its first part.
func TestReceiverWithoutRoom(t *testing.T) {
	nc := connect(t, server.ClientURL())
	c := newCluster(t, natstransport.WithReassembly(0, time.Hour))
	a, b := c.node("a"), c.node("b")
	var receiver shippertest.Recorder
	register(t, b, "b", &receiver)
	register(t, a, "b", nil)
	c.Start()
	defer c.Stop()
	// Another sender has begun one of 64 MiB.
	first := append([]byte("q\x01SENDER..\x01\x00\x00\x02\x80\x80\x80\x20\x00\x00\x00\x00"), make([]byte, 512)...)
	if err := nc.Publish(natstransport.Subject(c.pipeline, "b"), first); err != nil {
		t.Fatal(err)
	}
	await(t, b, "it has begun", func(s natstransport.Stats) bool { return s.Received == 1 })
	err := a.Send(t.Context(), "b", batch(1, 1, 32<<20))
	if err == nil || !strings.Contains(err.Error(), "too much waits") || !strings.Contains(err.Error(), "part 1 of") {
		t.Errorf("Send: %v, want that its first part is not taken", err)
	}
	// Who missed that hears it with the next part.
	second := append([]byte("q\x01SENDER-2\x01\x00\x01\x03\x80\x80\x80\x20\x00\x00\x00\x00"), make([]byte, 512)...)
	answer, err := nc.Request(natstransport.Subject(c.pipeline, "b"), second, patience)
	if err != nil || !strings.Contains(string(answer.Data), "lost") {
		t.Errorf("answer %q, %v; want that what came before is lost", answer.Data, err)
	}
	// What fits in one message needs no room.
	if err := a.Send(t.Context(), "b", batch(2, 1, 512<<10)); err != nil {
		t.Error(err)
	}
	got, _ := receiver.Await(t, 1, 1)
	if got[0].ID != 2 {
		t.Errorf("batch %d arrived", got[0].ID)
	}
}

// TestServerOfLargeMessages: a server that would take it whole gets no message that is larger than others can take.
func TestServerOfLargeMessages(t *testing.T) {
	var receiver shippertest.Recorder
	a, b := pair(t, small(t, 16<<20), &receiver)
	send(t, a, "b", batch(1, 1, 4<<20))
	receiver.Await(t, 1, 1)
	if s := b.Stats(); s.Received < 4 || s.ReceivedBytes/s.Received > 1<<20 {
		t.Errorf("%d messages with %d bytes", s.Received, s.ReceivedBytes)
	}
}
