package natstransport_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/ports"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/shipper/shippertest"
)

// patience bounds each wait of a test; it is far longer than any takes.
const patience = 3 * time.Minute

// server is what the tests share; each has a pipeline of its own.
var server *jetstream.Server

// tests runs the tests with a server, and stops that before goleak looks for goroutines that are left.
type tests struct{ m *testing.M }

// Run implements [goleak.TestingM].
func (t tests) Run() int {
	dir, err := os.MkdirTemp("", "quadrille")
	if err == nil {
		defer os.RemoveAll(dir)
		server, err = jetstream.StartServer(context.Background(),
			jetstream.ServerConfig{Name: "s", Dir: filepath.Join(dir, "s"), Port: -1, Secret: secret}, nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Shutdown()
	return t.m.Run()
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }

var pipelines atomic.Int64

// secret is that of all servers here.
var secret = jetstream.NewSecret()

// connect returns a connection over TCP that is closed when the test ends. It may do what carries events, and nothing else.
func connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{
		secret.Login(jetstream.Events),
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // tests look at the counters
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// cluster is a set of nodes, each with a connection of its own.
type cluster struct {
	t        testing.TB
	pipeline string
	opts     []natstransport.Option

	mu     sync.Mutex
	nodes  map[string]*natstransport.Transport
	conns  map[string]*nats.Conn
	cancel context.CancelFunc
	done   []chan error
}

// patient are the options of a transport that gives nothing up, however busy the machine is.
func patient() []natstransport.Option {
	return []natstransport.Option{natstransport.WithLogger(slog.New(slog.DiscardHandler)), natstransport.WithGrace(patience),
		natstransport.WithReassembly(natstransport.DefaultReassemblyBytes, 2*patience), natstransport.WithSilence(patience)}
}

func newCluster(t testing.TB, opts ...natstransport.Option) *cluster {
	return &cluster{
		t: t, pipeline: fmt.Sprint("pipeline ", pipelines.Add(1)), nodes: map[string]*natstransport.Transport{}, conns: map[string]*nats.Conn{},
		opts: append(patient(), opts...),
	}
}

func (c *cluster) Transport(node string) shipper.Transport { return c.node(node) }

func (c *cluster) Requests(node string) request.Transport { return c.node(node) }

func (c *cluster) node(node string) *natstransport.Transport {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes[node] == nil {
		nc := connect(c.t, server.ClientURL())
		tr, err := natstransport.New(nc, c.pipeline, c.opts...)
		if err != nil {
			c.t.Fatal(err)
		}
		c.nodes[node], c.conns[node] = tr, nc
	}
	return c.nodes[node]
}

func (c *cluster) Start() {
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	for _, tr := range c.nodes {
		done := make(chan error, 1)
		c.done = append(c.done, done)
		go func() { done <- tr.Run(ctx) }()
	}
}

func (c *cluster) Stop() error {
	c.cancel()
	var errs []error
	for _, done := range c.done {
		errs = append(errs, <-done)
	}
	c.done = nil
	return errors.Join(errs...)
}

// flush returns when the server has seen what the connection of a node has sent, and that has what the server had for it.
func (c *cluster) flush(node string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conns[node].FlushTimeout(patience)
}

func TestRequests(t *testing.T) {
	large := largeAnswer
	if testing.Short() {
		large = 10 << 20
	}
	shippertest.Requests(t, func(t *testing.T) shippertest.RequestCluster { return newCluster(t) }, large)
}

func TestSuite(t *testing.T) {
	shippertest.Run(t, shippertest.Config{
		MaxBytes: 900 << 10,
		Open:     func(t *testing.T) shippertest.Cluster { return newCluster(t) },
	})
}

// batch has n events, each with that many bytes.
func batch(id uint64, n, size int) event.Batch {
	b := event.Batch{From: "a", ID: id}
	for i := range n {
		b.Events = append(b.Events, event.Event{Key: "k", Producer: event.Producer{Name: "p"}, Seq: uint64(i), Payload: make([]byte, size)})
	}
	return b
}

func send(t testing.TB, tr shipper.Transport, node string, b event.Batch) {
	t.Helper()
	if err := tr.Send(context.Background(), node, b); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

func register(t testing.TB, tr shipper.Transport, node string, receiver shipper.Receiver) {
	t.Helper()
	if err := tr.RegisterRoute(node, receiver); err != nil {
		t.Fatalf("RegisterRoute: %v", err)
	}
}

// await waits until the counters are as they should be.
func await(t testing.TB, tr *natstransport.Transport, what string, is func(natstransport.Stats) bool) natstransport.Stats {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		if s := tr.Stats(); is(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: the counters are %+v", what, tr.Stats())
		}
	}
}

// gate is a receiver that says when it was entered, and takes nothing until it is opened.
type gate struct {
	shippertest.Recorder
	entered chan struct{} // with room for one
	open    chan struct{}
}

func newGate() *gate { return &gate{entered: make(chan struct{}, 1), open: make(chan struct{})} }

func (g *gate) Deliver(ctx context.Context, b event.Batch) error {
	select {
	case g.entered <- struct{}{}:
	default:
	}
	select {
	case <-g.open:
		return g.Recorder.Deliver(ctx, b)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestNewErrors(t *testing.T) {
	if _, err := natstransport.New(nil, "p"); err == nil {
		t.Error("New without a connection: no error")
	}
	nc := connect(t, server.ClientURL())
	if _, err := natstransport.New(nc, ""); err == nil {
		t.Error("New without a pipeline: no error")
	}
	tr, err := natstransport.New(nc, "p")
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.RegisterRoute("", nil); err == nil {
		t.Error("RegisterRoute without a name: no error")
	}
}

// TestSubject: each name is one token, and no two names have the same.
func TestSubject(t *testing.T) {
	for _, test := range [][3]string{
		{"main", "n1", "quadrille.main.node.n1.in"},
		{"a.b", "*", "quadrille.a%2Eb.node.%2A.in"},
		{"a b", ">", "quadrille.a%20b.node.%3E.in"},
		{"%2E", "ü_-", "quadrille.%252E.node.%C3%BC_-.in"},
	} {
		if got := natstransport.Subject(test[0], test[1]); got != test[2] {
			t.Errorf("Subject(%q, %q) is %q, want %q", test[0], test[1], got, test[2])
		}
	}
	names := map[string]string{}
	for _, name := range []string{"a", "A", "a.", "a%2E", "a%2e", "%61", "a b", "a%20b", "é", "\xc3", "\xa9"} {
		s := natstransport.Subject("p", name)
		if other, taken := names[s]; taken {
			t.Errorf("%q and %q have the same subject %q", name, other, s)
		}
		if strings.Count(s, ".") != 4 || strings.ContainsAny(s, " *>") {
			t.Errorf("the subject of %q is %q", name, s)
		}
		names[s] = name
	}
}

// TestPipelines: nodes of one name in two pipelines don't hear each other, whatever their names are.
func TestPipelines(t *testing.T) {
	one, two := newCluster(t), newCluster(t)
	var receivers [2]shippertest.Recorder
	for i, c := range []*cluster{one, two} {
		register(t, c.node("node.*"), "node.*", &receivers[i])
		c.Start()
		defer c.Stop()
	}
	send(t, one.node("node.*"), "node.*", batch(1, 1, 10))
	send(t, two.node("node.*"), "node.*", batch(2, 2, 10))
	for i := range receivers {
		got, _ := receivers[i].Await(t, 1, i+1)
		if len(got) != 1 || got[0].ID != uint64(i+1) {
			t.Errorf("pipeline %d got %+v", i, got)
		}
	}
}

// TestTooLarge: what is beyond the wire form is refused before anything is sent.
func TestTooLarge(t *testing.T) {
	c := newCluster(t)
	a := c.node("a")
	register(t, a, "a", new(shippertest.Recorder))
	for _, over := range []event.Batch{batch(1, 1, shipper.MaxPayload+1), batch(1, 66, 1<<20)} {
		if err := a.Send(context.Background(), "a", over); !errors.Is(err, shipper.ErrTooLarge) {
			t.Errorf("Send: %v, want ErrTooLarge", err)
		}
	}
	if s := a.Stats(); s.Sent != 0 || s.SentBytes != 0 {
		t.Errorf("a batch that was refused is counted as sent: %+v", s)
	}
}

// TestMalformed: what is no batch is counted and left out; what was sent is counted on both sides.
func TestMalformed(t *testing.T) {
	c := newCluster(t)
	a, b := c.node("a"), c.node("b")
	var receiver shippertest.Recorder
	register(t, b, "b", &receiver)
	register(t, a, "b", nil)
	c.Start()
	defer c.Stop()
	nc := connect(t, server.ClientURL())
	for _, junk := range []string{"", "Q", "junk", "Q\x02"} {
		if err := nc.Publish(natstransport.Subject(c.pipeline, "b"), []byte(junk)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	send(t, a, "b", batch(1, 3, 100))
	receiver.Await(t, 1, 3)
	s := await(t, b, "four malformed and one good", func(s natstransport.Stats) bool { return s.Received == 5 && s.Malformed == 4 })
	sent := a.Stats()
	if sent.Sent != 1 || sent.SentBytes != s.ReceivedBytes-uint64(len("QjunkQ\x02")) {
		t.Errorf("sent %+v, received %+v", sent, s)
	}
}

// TestRefused: what a receiver does not take is counted, and told of.
func TestRefused(t *testing.T) {
	var told []string
	c := newCluster(t, natstransport.WithRefused(func(node string, b event.Batch, err error) {
		told = append(told, fmt.Sprint(node, " ", b.ID, " ", err))
	}))
	a := c.node("a")
	register(t, a, "a", shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error { return fmt.Errorf("no %d", b.ID) }))
	c.Start()
	send(t, a, "a", batch(1, 1, 1))
	send(t, a, "a", batch(2, 1, 1))
	await(t, a, "two refused", func(s natstransport.Stats) bool { return s.Refused == 2 })
	if err := c.Stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if want := []string{"a 1 no 1", "a 2 no 2"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

// TestSlowReceiver: what is over the bound is dropped and counted, and the rest goes on.
func TestSlowReceiver(t *testing.T) {
	c := newCluster(t, natstransport.WithPendingBytes(100_000))
	a, b := c.node("a"), c.node("b")
	receiver := newGate()
	register(t, b, "b", receiver)
	register(t, a, "b", nil)
	c.Start()
	defer c.Stop()
	send(t, a, "b", batch(1, 1, 10_000))
	<-receiver.entered
	const more = 50
	for id := range more {
		send(t, a, "b", batch(uint64(2+id), 1, 10_000))
	}
	// The first waits in the receiver. Of the others about ten fit. When both connections have been flushed all have arrived.
	if err := c.flush("a"); err != nil {
		t.Fatal(err)
	}
	if err := c.flush("b"); err != nil {
		t.Fatal(err)
	}
	close(receiver.open)
	s := await(t, b, "all received or dropped", func(s natstransport.Stats) bool { return s.Received+s.Dropped == more+1 })
	if s.Dropped < more/2 || s.Received < 5 {
		t.Errorf("%d received, %d dropped", s.Received, s.Dropped)
	}
	send(t, a, "b", batch(1000, 1, 10_000))
	got, _ := receiver.Await(t, int(s.Received)+1, 0)
	ids := make([]uint64, len(got))
	for i, b := range got {
		ids[i] = b.ID
	}
	if !slices.IsSorted(ids) || ids[len(ids)-1] != 1000 {
		t.Errorf("batches %v", ids)
	}
}

// TestShutdown: with no grace Run ends at once, and tells what it had to leave.
func TestShutdown(t *testing.T) {
	c := newCluster(t, natstransport.WithGrace(0))
	a := c.node("a")
	receiver := newGate()
	register(t, a, "a", receiver)
	c.Start()
	send(t, a, "a", batch(1, 1, 1))
	<-receiver.entered
	send(t, a, "a", batch(2, 1, 1))
	send(t, a, "a", batch(3, 1, 1))
	if err := c.flush("a"); err != nil { // both have arrived
		t.Fatal(err)
	}
	if err := c.Stop(); !errors.Is(err, shipper.ErrUndelivered) || !strings.Contains(err.Error(), `node "a"`) {
		t.Errorf("Run: %v, want ErrUndelivered", err)
	}
	if s := a.Stats(); s.Refused != 1 || s.Dropped != 2 {
		t.Errorf("one was refused as its context ended, two were left: %+v", s)
	}
	if err := a.Run(context.Background()); err == nil {
		t.Error("the second Run: no error")
	}
	if err := a.RegisterRoute("b", nil); !errors.Is(err, shipper.ErrClosed) {
		t.Errorf("RegisterRoute after Run: %v, want ErrClosed", err)
	}
	send(t, a, "a", batch(4, 1, 1)) // sending goes on
}

// TestRemovedBeforeRun: what has arrived for a node that is removed before anything runs is counted as lost.
func TestRemovedBeforeRun(t *testing.T) {
	c := newCluster(t)
	a := c.node("a")
	var receiver shippertest.Recorder
	register(t, a, "a", &receiver)
	send(t, a, "a", batch(1, 1, 1))
	if err := c.flush("a"); err != nil {
		t.Fatal(err)
	}
	a.RemoveRoute("a")
	if s := a.Stats(); s.Dropped != 1 || s.Received != 0 {
		t.Errorf("one batch was lost: %+v", s)
	}
	if len(receiver.Events()) != 0 {
		t.Error("the receiver of a removed route got events")
	}
}

// TestClosedConnection: a connection that is closed ends Run, and refuses what is sent.
func TestClosedConnection(t *testing.T) {
	nc := connect(t, server.ClientURL())
	tr, err := natstransport.New(nc, "closed", natstransport.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	register(t, tr, "a", new(shippertest.Recorder))
	done := make(chan error, 1)
	go func() { done <- tr.Run(context.Background()) }()
	nc.Close()
	if err := <-done; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run: %v, want nats.ErrConnectionClosed", err)
	}
	if err := tr.Send(context.Background(), "a", batch(1, 1, 1)); !errors.Is(err, shipper.ErrClosed) {
		t.Errorf("Send: %v, want ErrClosed", err)
	}
	late, err := natstransport.New(nc, "closed")
	if err != nil {
		t.Fatal(err)
	}
	if err := late.RegisterRoute("a", new(shippertest.Recorder)); err == nil {
		t.Error("RegisterRoute on a closed connection: no error")
	}
	if late.HasRoute("a") {
		t.Error("a route that failed to register is there")
	}
	if err := late.Run(context.Background()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Run on a closed connection: %v, want nats.ErrConnectionClosed", err)
	}
}

// restartable is the configuration of a server that is started again on its port, which nobody else is given meanwhile: none of those who
// try to connect, as their own, either.
func restartable(t *testing.T) jetstream.ServerConfig {
	t.Helper()
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	return jetstream.ServerConfig{Name: "restarts", Dir: t.TempDir(), Port: free[0], Secret: secret}
}

// TestServerRestart: when the server is back, batches arrive again.
func TestServerRestart(t *testing.T) {
	cfg := restartable(t)
	s, err := jetstream.StartServer(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Shutdown() }()
	url := s.ClientURL()
	var receiver shippertest.Recorder
	var list [2]*natstransport.Transport
	for i := range list {
		if list[i], err = natstransport.New(connect(t, url), "p", natstransport.WithLogger(slog.New(slog.DiscardHandler))); err != nil {
			t.Fatal(err)
		}
	}
	register(t, list[0], "b", nil)
	register(t, list[1], "b", &receiver)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- list[1].Run(ctx) }()
	send(t, list[0], "b", batch(1, 1, 1))
	receiver.Await(t, 1, 1)
	s.Shutdown()
	if s, err = jetstream.StartServer(context.Background(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for id := uint64(2); list[1].Stats().Received < 2; id++ { // batches get lost until both are connected again
		send(t, list[0], "b", batch(id, 1, 1))
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no batch arrived after the restart")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
