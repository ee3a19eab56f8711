// Package shippertest holds the suite that every [shipper.Transport] passes.
package shippertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// Cluster is a set of nodes that can reach each other.
type Cluster interface {
	// Transport returns the transport of a node, made on the first call, and not yet running. Nodes may share one.
	Transport(node string) shipper.Transport
	Runner
}

// Runner runs the transports of a cluster.
type Runner interface {
	// Start runs all transports made so far. Stop ends their Run, waits for them, and returns their errors joined.
	Start()
	Stop() error
}

// Config describes a transport to the suite.
type Config struct {
	// Open returns a new cluster; what it needs is ended by t.Cleanup after Stop.
	Open func(t *testing.T) Cluster
	// Capacity is the number of events after which a Send to a receiver that takes nothing blocks; 0 if Send never blocks.
	// At least 16.
	Capacity int
	// MaxBytes is a size of payload that one batch can surely carry. Default 256 KiB.
	MaxBytes int
}

// timeout is how long the suite waits for what must come.
const timeout = 3 * time.Minute

// Run runs the suite.
func Run(t *testing.T, cfg Config) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 256 << 10
	}
	s := suite{Config: cfg}
	type test struct {
		name string
		run  func(*testing.T)
	}
	tests := []test{
		{"Content", s.content},
		{"Order", s.order},
		{"Concurrent", s.concurrent},
		{"TwoWays", s.twoWays},
		{"Large", s.large},
		{"Largest", s.largest},
		{"Answers", s.answers},
		{"NoRoute", s.noRoute},
		{"Routes", s.routes},
		{"EndedContext", s.endedContext},
		{"Lent", s.lent},
		{"Refusing", s.refusing},
		{"BeforeRun", s.beforeRun},
		{"Shutdown", s.shutdown},
	}
	if s.Capacity > 0 { // else Send never blocks
		tests = append(tests, test{"Blocking", s.blocking})
	}
	for _, test := range tests {
		t.Run(test.name, test.run)
	}
}

type suite struct{ Config }

// Recorder is a receiver that keeps copies of what it gets. The zero value is ready for use.
type Recorder struct {
	mu      sync.Mutex
	batches []event.Batch
	events  []event.Event
	changed chan struct{}
}

// Deliver keeps a copy of b.
func (r *Recorder) Deliver(_ context.Context, b event.Batch) error {
	b.Events, b.Acks = slices.Clone(b.Events), slices.Clone(b.Acks)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches = append(r.batches, b)
	r.events = append(r.events, b.Events...)
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
	return nil
}

// Events returns the events so far, in order.
func (r *Recorder) Events() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Await returns the batches and their events when there are at least so many, and fails the test if that takes too long.
func (r *Recorder) Await(t testing.TB, batches, events int) ([]event.Batch, []event.Event) {
	t.Helper()
	deadline := time.After(timeout)
	for {
		r.mu.Lock()
		if len(r.batches) >= batches && len(r.events) >= events {
			defer r.mu.Unlock()
			return slices.Clone(r.batches), slices.Clone(r.events)
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		haveBatches, haveEvents := len(r.batches), len(r.events)
		r.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("after %v: %d of %d batches, %d of %d events", timeout, haveBatches, batches, haveEvents, events)
		}
	}
}

// cluster opens a cluster in which each node has a recorder, and knows the others. It is not started.
func (s suite) cluster(t *testing.T, nodes ...string) (Cluster, map[string]*Recorder) {
	t.Helper()
	c := s.Open(t)
	receivers := make(map[string]*Recorder)
	for _, node := range nodes {
		receivers[node] = new(Recorder)
		s.register(t, c.Transport(node), node, receivers[node])
	}
	for _, node := range nodes {
		for _, other := range nodes {
			if other != node {
				s.register(t, c.Transport(node), other, nil)
			}
		}
	}
	return c, receivers
}

func (s suite) register(t *testing.T, tr shipper.Transport, node string, receiver shipper.Receiver) {
	t.Helper()
	if err := tr.RegisterRoute(node, receiver); err != nil {
		t.Fatal(err)
	}
}

// started is cluster, running until the test ends.
func (s suite) started(t *testing.T, nodes ...string) (Cluster, map[string]*Recorder) {
	t.Helper()
	c, receivers := s.cluster(t, nodes...)
	start(t, c)
	return c, receivers
}

func start(t *testing.T, c Runner) {
	t.Helper()
	c.Start()
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func eventOf(producer string, seq int) event.Event {
	return event.Event{Key: fmt.Sprint("k", seq%5), Producer: event.Producer{Name: producer}, Seq: uint64(seq),
		MediaType: "text/plain", Payload: fmt.Appendf(nil, "%s %d", producer, seq)}
}

// batch has n events of a producer from seq on; with an even seq it waits for acks.
func batch(producer string, seq, n int) event.Batch {
	var b event.Batch
	for i := range n {
		b.Events = append(b.Events, eventOf(producer, seq+i))
	}
	if seq%2 == 0 {
		b.From, b.ID = producer, uint64(seq)
	}
	b.Shard = seq % 7
	return b
}

func send(t testing.TB, tr shipper.Transport, node string, b event.Batch) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := tr.Send(ctx, node, b); err != nil {
		t.Errorf("Send(%q): %v", node, err)
	}
}

var same = cmpopts.EquateEmpty()

// checkAll fails unless the events of each producer are there once, in order and unchanged, from 0 to n-1.
func checkAll(t *testing.T, events []event.Event, n int, producers ...string) {
	t.Helper()
	next := make(map[string]int)
	for _, ev := range events {
		want := eventOf(ev.Producer.Name, next[ev.Producer.Name])
		if diff := cmp.Diff(want, ev, same); diff != "" {
			t.Fatalf("event %d of %q (-want +got):\n%s", next[ev.Producer.Name], ev.Producer.Name, diff)
		}
		next[ev.Producer.Name]++
	}
	for _, p := range producers {
		if next[p] != n {
			t.Errorf("producer %q: %d events arrived, want %d", p, next[p], n)
		}
	}
	if len(next) > len(producers) {
		t.Errorf("producers %v, want %v", next, producers)
	}
}

func (s suite) content(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	want := []event.Batch{
		{From: "a", Shard: 3, ID: 1 << 60, Events: []event.Event{
			{Epoch: 1 << 63, Key: "k", Producer: event.Producer{Name: "p"}, Seq: 1<<64 - 1, MediaType: "m", Payload: []byte{0, 255}, Prev: "x"},
			{},
		}},
		{From: "a", Shard: 1, ID: 7, Acks: []event.Ack{
			{Status: event.Committed, Position: 9, Adds: 1, Deletes: 2, Head: "h"},
			{Status: event.Bad, Position: 10, Reason: "why"},
		}},
		{From: "a", Shard: 1, ID: 8, Acks: []event.Ack{{Status: event.NotOwner, Epoch: 5}}},
		{Shard: 2, Events: []event.Event{{Key: "nobody waits"}}},
	}
	for _, b := range want {
		send(t, c.Transport("a"), "b", b)
	}
	got, _ := receivers["b"].Await(t, len(want), 0)
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func (s suite) order(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	const n = 3000
	for seq := 0; seq < n; {
		size := min(1+seq%13, n-seq)
		send(t, c.Transport("a"), "b", batch("p", seq, size))
		seq += size
	}
	_, events := receivers["b"].Await(t, 0, n)
	checkAll(t, events, n, "p")
}

func (s suite) concurrent(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	const n = 500
	producers := []string{"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"}
	var wg sync.WaitGroup
	for i, p := range producers {
		wg.Go(func() {
			for seq := 0; seq < n; {
				size := min(1+(seq+i)%5, n-seq)
				send(t, c.Transport("a"), "b", batch(p, seq, size))
				seq += size
			}
		})
	}
	wg.Wait()
	_, events := receivers["b"].Await(t, 0, n*len(producers))
	checkAll(t, events, n, producers...)
}

// twoWays: every event is answered, as owners do.
func (s suite) twoWays(t *testing.T) {
	c := s.Open(t)
	a, b := c.Transport("a"), c.Transport("b")
	var acks Recorder
	s.register(t, a, "a", &acks)
	s.register(t, a, "b", nil)
	s.register(t, b, "a", nil)
	s.register(t, b, "b", shipper.ReceiverFunc(func(ctx context.Context, in event.Batch) error {
		answer := event.Batch{From: "b", Shard: in.Shard, ID: in.ID}
		for _, ev := range in.Events {
			answer.Acks = append(answer.Acks, event.Ack{Status: event.Committed, Position: ev.Seq})
		}
		return b.Send(ctx, in.From, answer)
	}))
	start(t, c)
	const n = 200
	for i := range n {
		out := batch("p", 2*i, 2)
		out.From = "a"
		send(t, a, "b", out)
	}
	got, _ := acks.Await(t, n, 0)
	for i, b := range got {
		if b.ID != uint64(2*i) || len(b.Acks) != 2 || b.Acks[1].Position != uint64(2*i+1) {
			t.Fatalf("answer %d is %+v", i, b)
		}
	}
}

func (s suite) large(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	const n = 10
	for i := range n {
		ev := eventOf("p", i)
		ev.Payload = make([]byte, s.MaxBytes)
		for k := range ev.Payload {
			ev.Payload[k] = byte(k*7 + i)
		}
		send(t, c.Transport("a"), "b", event.Batch{From: "a", ID: uint64(i), Events: []event.Event{ev}})
	}
	// More events than any queue of the suite holds.
	send(t, c.Transport("a"), "b", batch("many", 0, 5000))
	_, events := receivers["b"].Await(t, n+1, n+5000)
	for i, ev := range events[:n] {
		for k, c := range ev.Payload {
			if c != byte(k*7+i) {
				t.Fatalf("payload %d differs at byte %d", i, k)
			}
		}
		if len(ev.Payload) != s.MaxBytes {
			t.Fatalf("payload %d has %d bytes, want %d", i, len(ev.Payload), s.MaxBytes)
		}
	}
	checkAll(t, events[n:], 5000, "many")
}

// largest: two batches of the largest events are carried at once, with small ones beside them.
func (s suite) largest(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	payload := make([]byte, shipper.MaxPayload)
	for k := range payload {
		payload[k] = byte(k*7 + k>>8)
	}
	var wg sync.WaitGroup
	for shard := range 2 {
		wg.Go(func() {
			ev := eventOf("large", shard)
			ev.Payload = payload
			send(t, c.Transport("a"), "b", event.Batch{From: "a", Shard: shard, ID: 1, Events: []event.Event{ev}})
		})
	}
	for seq := range 100 {
		send(t, c.Transport("a"), "b", batch("p", seq, 1))
	}
	wg.Wait()
	_, events := receivers["b"].Await(t, 102, 102)
	small := slices.DeleteFunc(slices.Clone(events), func(ev event.Event) bool {
		if ev.Producer.Name == "large" && !bytes.Equal(ev.Payload, payload) {
			t.Errorf("a payload of %d bytes came as one of %d, or changed", len(payload), len(ev.Payload))
		}
		return ev.Producer.Name == "large"
	})
	if len(events)-len(small) != 2 {
		t.Errorf("%d large events arrived, want 2", len(events)-len(small))
	}
	checkAll(t, small, 100, "p")
}

// answers: the largest answer of an owner is carried, too.
func (s suite) answers(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	want := event.Batch{From: "a", Shard: 3, ID: 9, Acks: make([]event.Ack, 1024)}
	for i := range want.Acks {
		want.Acks[i] = event.Ack{Status: event.Bad, Position: uint64(i), Reason: strings.Repeat(string(rune('a'+i%26)), 4096)}
	}
	send(t, c.Transport("a"), "b", want)
	got, _ := receivers["b"].Await(t, 1, 0)
	if diff := cmp.Diff(want, got[0], same); diff != "" {
		t.Errorf("the answer differs: %d acks, want %d", len(got[0].Acks), len(want.Acks))
	}
}

func (s suite) noRoute(t *testing.T) {
	c, _ := s.started(t, "a")
	err := c.Transport("a").Send(context.Background(), "nobody", batch("p", 0, 1))
	if !errors.Is(err, shipper.ErrNoRoute) {
		t.Errorf("Send to an unknown node: %v, want ErrNoRoute", err)
	}
	if c.Transport("a").HasRoute("nobody") {
		t.Error("HasRoute of an unknown node")
	}
}

// routes come and go while the transport runs.
func (s suite) routes(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	a, b := c.Transport("a"), c.Transport("b")
	if !a.HasRoute("b") || !b.HasRoute("b") {
		t.Fatal("no route to a registered node")
	}
	if err := b.RegisterRoute("b", new(Recorder)); !errors.Is(err, shipper.ErrRouteTaken) {
		t.Errorf("second receiver: %v, want ErrRouteTaken", err)
	}
	send(t, a, "b", batch("p", 0, 3))
	_, events := receivers["b"].Await(t, 1, 3)
	checkAll(t, events, 3, "p")
	b.RemoveRoute("b")
	b.RemoveRoute("b")
	if b.HasRoute("b") {
		t.Error("HasRoute of a removed node")
	}
	if err := b.Send(context.Background(), "b", batch("p", 0, 1)); !errors.Is(err, shipper.ErrNoRoute) {
		t.Errorf("Send to a removed node: %v, want ErrNoRoute", err)
	}
	var second Recorder
	s.register(t, b, "b", &second)
	s.register(t, b, "b", nil)
	send(t, a, "b", batch("q", 0, 2))
	_, events = second.Await(t, 1, 2)
	checkAll(t, events, 2, "q")
	checkAll(t, receivers["b"].Events(), 3, "p")
}

func (s suite) endedContext(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Transport("a").Send(ctx, "b", batch("no", 0, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Send with an ended context: %v, want context.Canceled", err)
	}
	send(t, c.Transport("a"), "b", batch("p", 0, 1))
	_, events := receivers["b"].Await(t, 1, 1)
	checkAll(t, events, 1, "p")
}

// lent: who sends may reuse the slices at once; who receives sees what was sent.
func (s suite) lent(t *testing.T) {
	c, receivers := s.started(t, "a", "b")
	const n = 100
	one := make([]event.Event, 1)
	for seq := range n {
		one[0] = eventOf("p", seq)
		send(t, c.Transport("a"), "b", event.Batch{Events: one})
		one[0] = eventOf("overwritten", seq)
	}
	_, events := receivers["b"].Await(t, 0, n)
	checkAll(t, events, n, "p")
}

// refusing: a receiver that fails stops nothing.
func (s suite) refusing(t *testing.T) {
	c := s.Open(t)
	var rec Recorder
	s.register(t, c.Transport("a"), "a", shipper.ReceiverFunc(func(ctx context.Context, b event.Batch) error {
		if b.ID == 2 {
			return errors.New("not this one")
		}
		return rec.Deliver(ctx, b)
	}))
	start(t, c)
	for id := range 4 {
		send(t, c.Transport("a"), "a", event.Batch{From: "a", ID: uint64(id + 1), Events: []event.Event{eventOf("p", 0)}})
	}
	got, _ := rec.Await(t, 3, 3)
	for i, id := range []uint64{1, 3, 4} {
		if got[i].ID != id {
			t.Errorf("batch %d has ID %d, want %d", i, got[i].ID, id)
		}
	}
}

// beforeRun: what is sent before the receiver runs arrives when it does.
func (s suite) beforeRun(t *testing.T) {
	c, receivers := s.cluster(t, "a", "b")
	send(t, c.Transport("a"), "b", batch("p", 0, 5))
	start(t, c)
	_, events := receivers["b"].Await(t, 1, 5)
	checkAll(t, events, 5, "p")
}

// shutdown: what was accepted while the receiver was slow is delivered before Run returns, and a transport that has ended
// has no receivers any more.
func (s suite) shutdown(t *testing.T) {
	c := s.Open(t)
	var rec Recorder
	entered, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.register(t, c.Transport("a"), "a", shipper.ReceiverFunc(func(ctx context.Context, b event.Batch) error {
		once.Do(func() { close(entered) })
		return pass(ctx, gate, &rec, b)
	}))
	c.Start()
	send(t, c.Transport("a"), "a", batch("p", 0, 1))
	<-entered
	for seq := 1; seq < 10; seq++ {
		send(t, c.Transport("a"), "a", batch("p", seq, 1))
	}
	close(gate)
	if s.Capacity == 0 {
		rec.Await(t, 0, 10) // sent is not yet arrived
	}
	if err := c.Stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	checkAll(t, rec.Events(), 10, "p")
	if err := c.Transport("a").RegisterRoute("z", &rec); !errors.Is(err, shipper.ErrClosed) {
		t.Errorf("RegisterRoute after Run: %v, want ErrClosed", err)
	}
}

// pass delivers b when the gate is open.
func pass(ctx context.Context, gate <-chan struct{}, receiver shipper.Receiver, b event.Batch) error {
	select {
	case <-gate:
		return receiver.Deliver(ctx, b)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// blocking: a receiver that takes nothing stops the sender, and nothing is lost.
func (s suite) blocking(t *testing.T) {
	c := s.Open(t)
	var rec Recorder
	gate := make(chan struct{})
	s.register(t, c.Transport("a"), "a", shipper.ReceiverFunc(func(ctx context.Context, b event.Batch) error {
		return pass(ctx, gate, &rec, b)
	}))
	start(t, c)
	s.fill(t, c.Transport("a"))
	const more = 50
	var wg sync.WaitGroup
	wg.Go(func() {
		for seq := range more {
			send(t, c.Transport("a"), "a", batch("later", seq, 1))
		}
	})
	close(gate)
	wg.Wait()
	_, events := rec.Await(t, 0, s.Capacity+more)
	first := slices.IndexFunc(events, func(ev event.Event) bool { return ev.Producer.Name == "later" })
	checkAll(t, events[:first], s.Capacity, "p")
	checkAll(t, events[first:], more, "later")
}

// fill sends as many events as are taken, and one more, which has to wait.
func (s suite) fill(t *testing.T, tr shipper.Transport) {
	t.Helper()
	for seq := range s.Capacity {
		send(t, tr, "a", batch("p", seq, 1))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := tr.Send(ctx, "a", batch("p", s.Capacity, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("event %d to a blocked receiver: %v; the capacity is %d", s.Capacity+1, err, s.Capacity)
	}
}
