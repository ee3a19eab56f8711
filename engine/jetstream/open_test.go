package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

func TestConfigErrors(t *testing.T) {
	nc := connectFreely(t, one(t))
	for _, test := range []struct {
		cfg  Config
		want string
	}{
		{Config{Shards: 1}, `pipeline "": expected 1 to 64 letters`},
		{Config{Pipeline: "a.b", Shards: 1}, `pipeline "a.b": expected 1 to 64 letters`},
		{Config{Pipeline: "a b", Shards: 1}, `pipeline "a b": expected 1 to 64 letters`},
		{Config{Pipeline: "*", Shards: 1}, `pipeline "*": expected 1 to 64 letters`},
		{Config{Pipeline: "é", Shards: 1}, "expected 1 to 64 letters"},
		{Config{Pipeline: strings.Repeat("x", 65), Shards: 1}, "expected 1 to 64 letters"},
		{Config{Pipeline: "x"}, "0 shards, expected 1 or more"},
		{Config{Pipeline: "x", Shards: 2, Streams: 3}, "3 streams, expected 1 to 2"},
		{Config{Pipeline: "x", Shards: 2, Streams: -1}, "-1 streams, expected 1 to 2"},
		{Config{Pipeline: "x", Shards: 2, Replicas: 6}, "6 replicas, expected 1 to 5"},
		{Config{Pipeline: "x", Shards: 2, Replicas: -1}, "-1 replicas, expected 1 to 5"},
		{Config{Pipeline: "x", Shards: 2, Replicas: 3}, ": 3 copies: the server stands alone, and keeps one; ask for one"},
	} {
		_, err := Open(limited(t), nc, test.cfg)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Open(%+v): %v, want %q", test.cfg, err, test.want)
		}
	}
}

// TestOtherSettings: the error names what the pipeline has and what was asked for.
func TestOtherSettings(t *testing.T) {
	cfg := Config{Pipeline: fresh(1, 1).Pipeline, Shards: 8, Streams: 2, Replicas: 1}
	nc := connect(t, three(t)[0])
	if _, err := Open(limited(t), nc, cfg); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"number of shards is 8, and 9 here":   func(c *Config) { c.Shards = 9 },
		"number of streams is 2, and 4 here":  func(c *Config) { c.Streams = 0 },
		"number of replicas is 1, and 3 here": func(c *Config) { c.Replicas = 3 },
	} {
		other := cfg
		change(&other)
		_, err := Open(limited(t), nc, other)
		if !errors.Is(err, errSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%+v): %v, want %q", other, err, want)
		}
	}
	if _, err := Open(limited(t), nc, cfg); err != nil {
		t.Errorf("Open again: %v", err)
	}
}

// TestOpenTogether: nodes that start at the same time create the streams together, and use the same.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	servers := three(t)
	cfg := Config{Pipeline: fresh(1, 1).Pipeline, Shards: 16, Replicas: 3}
	engines := make([]engine.Engine, 6)
	var wg sync.WaitGroup
	for i := range engines {
		nc := connect(t, servers[i%3])
		wg.Go(func() {
			var err error
			if engines[i], err = Open(ctx, nc, cfg); err != nil {
				t.Errorf("Open: %v", err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for s := range cfg.Shards {
		seq := added(ctx, t, engines[s%6].Shard(s), 0, []byte{byte(s)})
		tail, err := engines[(s+1)%6].Shard(s).Tail(ctx)
		if err != nil || tail.Seq != seq || len(tail.Payload) != 1 || tail.Payload[0] != byte(s) {
			t.Errorf("Tail of shard %d: %+v, %v; want position %d", s, tail, err, seq)
		}
	}
}

// TestOpenWhileCreated: a node that found no control log, and then logs in use, since another one has created all of them in
// the meantime, opens them.
func TestOpenWhileCreated(t *testing.T) {
	ctx := limited(t)
	nc := connectFreely(t, one(t))
	cfg, err := fresh(1, 1).withDefaults()
	check(t, err)
	js, err := natsjs.New(nc)
	check(t, err)
	logs := shardStreams(cfg)[0]
	created := make(chan error, 1)
	var other sync.Once
	check(t, createStream(ctx, js, logs))
	_, err = js.Publish(ctx, subjectOf(cfg.Pipeline, "0", "log", "0"), []byte("a claim"))
	check(t, err)
	asked, err := nc.Subscribe("$JS.API.STREAM.INFO."+logs.Name, func(*nats.Msg) {
		other.Do(func() { go func() { created <- createStream(ctx, js, logStream(cfg, "control")) }() })
	})
	check(t, err)
	if _, err := Open(ctx, nc, cfg); err != nil {
		t.Errorf("Open: %v", err)
	}
	check(t, <-created)
	check(t, asked.Unsubscribe())
}

// TestClosedConnection: every call ends with an error.
func TestClosedConnection(t *testing.T) {
	ctx := limited(t)
	nc := connectFreely(t, one(t))
	cfg := fresh(1, 1)
	e, err := Open(ctx, nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := e.Shard(0)
	seq := added(ctx, t, l, 0, []byte("first"))
	following := make(chan error, 1)
	go func() {
		following <- l.Follow(ctx, 0, func(engine.Entry) error {
			nc.Close()
			return nil
		})
	}()
	ends := func(what string, err error) {
		t.Helper()
		if err == nil || ctx.Err() != nil {
			t.Errorf("%s on a closed connection: %v", what, err)
		}
	}
	ends("Follow", <-following)
	_, err = l.Append(ctx, seq, []byte("second"))
	ends("Append", err)
	if !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("Append: %v, want ErrUnknown", err)
	}
	_, err = l.Tail(ctx)
	ends("Tail", err)
	_, err = l.Read(ctx, 0, func(engine.Entry) error { return nil })
	ends("Read", err)
	ends("Trim", l.Trim(ctx, seq))
	ends("Beat", e.Heartbeats().Beat(ctx, engine.Beat{Node: "n"}))
	ends("Put", e.Blobs().Put(ctx, "x", strings.NewReader("x")))
	_, err = e.Blobs().Get(ctx, "x")
	ends("Get", err)
	_, err = e.Blobs().List(ctx, "")
	ends("List", err)
	ends("Delete", e.Blobs().Delete(ctx, "x"))
	_, err = Open(ctx, nc, cfg)
	ends("Open", err)
	ends("Listen", e.Heartbeats().Listen(ctx, func(engine.Beat) {}))
}

// TestNobodyListens: an append that no server takes ends with its context, or after a while, and says so.
func TestNobodyListens(t *testing.T) {
	cfg := fresh(1, 1)
	l := newStream(connect(t, one(t)), cfg, "0").log("0") // not created
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	_, err := l.Append(ctx, 0, []byte("x"))
	if !errors.Is(err, engine.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("Append: %v, want ErrUnknown and context.Canceled", err)
	}
}

// TestPassing: which failures are worth another try.
func TestPassing(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&apiError{Code: codeNotAvailable}, true},
		{&apiError{Code: codeNoPeers}, true},
		{&natsjs.APIError{Code: 503, ErrorCode: codeNotAvailable}, true},
		{&natsjs.APIError{Code: 500, ErrorCode: 10052}, false},          // invalid configuration
		{&natsjs.APIError{Code: 500, ErrorCode: codeNoReplicas}, false}, // one server can't replicate
		{fmt.Errorf("%w: x", errSettings), false},
		{nats.ErrConnectionClosed, false},
		{context.Canceled, false},
		{fmt.Errorf("%w: x", context.DeadlineExceeded), true},
		{nats.ErrNoResponders, true},
		{natsjs.ErrNoStreamResponse, true},
		{errLost, true},
		{errNoAnswer, true},
	} {
		if got := passing(test.err); got != test.want {
			t.Errorf("passing(%v) is %t", test.err, got)
		}
	}
}
