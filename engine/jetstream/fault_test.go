package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// appender appends records until it is stopped, and does what an owner does: after an error it reads the tail, and takes
// what it finds there, if those are its own bytes, for accepted.
type appender struct {
	log      engine.Log
	accepted []engine.Entry
	failures int
}

func (a *appender) run(ctx context.Context, stop <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := a.append(ctx, fmt.Appendf(nil, "record %d", i)); err != nil {
			return err
		}
	}
}

func (a *appender) append(ctx context.Context, payload []byte) error {
	var expect uint64
	if n := len(a.accepted); n > 0 {
		expect = a.accepted[n-1].Seq
	}
	for {
		seq, err := a.log.Append(ctx, expect, payload)
		if err != nil {
			a.failures++
			tail, terr := a.log.Tail(ctx)
			switch {
			case terr != nil:
				return fmt.Errorf("after %w: %w", err, terr)
			case tail.Seq == expect:
				continue
			case string(tail.Payload) != string(payload):
				return fmt.Errorf("the tail is %d %q, which nobody appended after %d (%w)", tail.Seq, tail.Payload, expect, err)
			}
			seq = tail.Seq
		}
		a.accepted = append(a.accepted, engine.Entry{Seq: seq, Payload: payload})
		return nil
	}
}

// added appends after expect, and returns the position. On a busy machine a log may have another leader at any time: the tail
// decides then.
func added(ctx context.Context, t testing.TB, l engine.Log, expect uint64, payload []byte) uint64 {
	t.Helper()
	a := &appender{log: l, accepted: []engine.Entry{{Seq: expect}}}
	if err := a.append(ctx, payload); err != nil {
		t.Fatal(err)
	}
	return a.accepted[1].Seq
}

// follower follows a log, and can be waited for.
type follower struct {
	mu    sync.Mutex
	list  []engine.Entry
	grown chan struct{}
	done  chan error
	stop  context.CancelFunc
}

func follow(ctx context.Context, l engine.Log) *follower {
	f := &follower{grown: make(chan struct{}, 1), done: make(chan error, 1)}
	ctx, f.stop = context.WithCancel(ctx)
	go func() {
		f.done <- l.Follow(ctx, 0, func(e engine.Entry) error {
			f.mu.Lock()
			f.list = append(f.list, e)
			f.mu.Unlock()
			select {
			case f.grown <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	return f
}

// await returns the entries when there are at least n.
func (f *follower) await(t *testing.T, n int) []engine.Entry {
	t.Helper()
	deadline := time.After(patience)
	for {
		f.mu.Lock()
		list := slices.Clone(f.list)
		f.mu.Unlock()
		if len(list) >= n {
			return list
		}
		select {
		case <-f.grown:
		case err := <-f.done:
			t.Fatalf("Follow: %v after %d entries", err, len(list))
		case <-deadline:
			t.Fatalf("followed %d entries, want %d", len(list), n)
		}
	}
}

// end stops the follower, which must have exactly these entries.
func (f *follower) end(t *testing.T, want []engine.Entry) {
	t.Helper()
	got := f.await(t, len(want))
	f.stop()
	if err := <-f.done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow: %v, want context.Canceled", err)
	}
	same(t, "followed", want, got)
}

func same(t *testing.T, what string, want, got []engine.Entry) {
	t.Helper()
	equal := func(a, b engine.Entry) bool { return a.Seq == b.Seq && string(a.Payload) == string(b.Payload) }
	if !slices.EqualFunc(want, got, equal) {
		t.Errorf("%s: %d entries, want %d; they differ", what, len(got), len(want))
	}
}

func readAll(ctx context.Context, t *testing.T, l engine.Log) (list []engine.Entry) {
	t.Helper()
	_, err := l.Read(ctx, 0, func(e engine.Entry) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return list
}

// leaderOf is the index of the server that leads the first stream of a pipeline.
func leaderOf(ctx context.Context, t *testing.T, nc *nats.Conn, cfg Config, servers []*Server) int {
	t.Helper()
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := js.Stream(ctx, streamName(cfg, "0"))
		if err == nil && s.CachedInfo().Cluster != nil && s.CachedInfo().Cluster.Leader != "" {
			leader := s.CachedInfo().Cluster.Leader
			return slices.IndexFunc(servers, func(s *Server) bool { return s.Name() == leader })
		}
		if ctx.Err() != nil {
			t.Fatalf("stream has no leader: %v", err)
		}
	}
}

// startsAgain returns a function that starts a server of a cluster, always on the same ports and the same folder.
func startsAgain(ctx context.Context, t *testing.T, servers []*Server) func(i int) {
	configs, err := clusterConfigs(t.TempDir(), "faults")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := ports.Free(len(configs))
	if err != nil {
		t.Fatal(err)
	}
	return func(i int) {
		configs[i].Port = ports[i]
		if servers[i], err = StartServer(ctx, configs[i], nil); err != nil {
			t.Fatal(err)
		}
	}
}

// openAt opens a pipeline over TCP.
func openAt(t *testing.T, urls string, secret Secret, cfg Config) engine.Engine {
	t.Helper()
	nc, err := nats.Connect(urls, secret.Login(Logs), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	e, err := Open(limited(t), nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// putAndGet replaces a blob until it is stopped, and looks at it through another engine: that has each as it was put.
func putAndGet(ctx context.Context, by, seen engine.Blobs, stop <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		want := bytes.Repeat([]byte{byte(i)}, chunkBytes+i)
		if err := by.Put(ctx, "blob", bytes.NewReader(want)); err != nil {
			return err
		}
		r, err := seen.Get(ctx, "blob")
		if err != nil {
			return fmt.Errorf("after put %d: %w", i, err)
		}
		got, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("put %d: %d bytes, want %d, the same: %t: %w", i, len(got), len(want), bytes.Equal(got, want), err)
		}
	}
}

// TestServersComeAndGo takes one server after the other down, first the one that leads, and starts it again, while
// somebody appends, others follow, and a blob is replaced again and again. What was accepted is there, in order, every
// follower has exactly that, and every blob is there when it was put.
func TestServersComeAndGo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	servers, cfg := make([]*Server, 3), fresh(1, 3)
	defer func() { stopAll(servers) }()
	start := startsAgain(ctx, t, servers)
	start(0)
	alone := connect(t, servers[0])
	short, stopTrying := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stopTrying()
	if _, err := Open(short, alone, cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open without a majority: %v, want context.DeadlineExceeded", err)
	}
	opened := make(chan error, 1)
	go func() {
		_, err := Open(ctx, alone, cfg)
		opened <- err
	}()
	start(1)
	start(2)
	if err := <-opened; err != nil {
		t.Fatalf("Open before there was a majority: %v", err)
	}
	alone.Close()
	var engines []engine.Engine
	var logs []engine.Log
	urls := servers[0].ClientURL() + "," + servers[1].ClientURL() + "," + servers[2].ClientURL()
	for range servers {
		e := openAt(t, urls, testSecret, cfg)
		engines, logs = append(engines, e), append(logs, e.Shard(0))
	}
	var followers []*follower
	for _, l := range logs {
		followers = append(followers, follow(ctx, l))
	}
	a := &appender{log: logs[0]}
	stop, done := make(chan struct{}), make(chan error, 2)
	go func() { done <- a.run(ctx, stop) }()
	go func() { done <- putAndGet(ctx, engines[1].Blobs(), engines[2].Blobs(), stop) }()
	seen := len(followers[0].await(t, 200))
	leader := leaderOf(ctx, t, connect(t, servers[0]), cfg, servers)
	for k := range servers {
		i := (leader + k) % len(servers)
		servers[i].Shutdown()
		seen = len(followers[0].await(t, seen+200))
		start(i)
		seen = len(followers[0].await(t, seen+200))
	}
	close(stop)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range followers {
		f.end(t, a.accepted)
	}
	for _, l := range logs {
		same(t, "read", a.accepted, readAll(ctx, t, l))
	}
}

// TestConnectionCut cuts the connection of a follower and of an appender again and again.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	cfg := fresh(1, 1)
	p := newProxy(t, one(t).ClientURL())
	follower := follow(ctx, openAt(t, p.url(), one(t).Secret(), cfg).Shard(0))
	behind := &appender{log: openAt(t, p.url(), one(t).Secret(), cfg).Shard(0)}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- behind.run(ctx, stop) }()
	seen := 0
	for range 5 {
		seen = len(follower.await(t, seen+50))
		p.cut()
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	follower.end(t, behind.accepted)
	same(t, "read", behind.accepted, readAll(ctx, t, open(t, one(t), cfg).Shard(0)))
}
