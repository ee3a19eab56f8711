package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats-server/v2/server"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

// The store of one replica can't be reached otherwise, and no other way takes entries out of a single one.
//
//go:linkname lookupStream github.com/nats-io/nats-server/v2/server.(*Account).lookupStream
func lookupStream(a *server.Account, name string) (unsafe.Pointer, error)

//go:linkname streamStore github.com/nats-io/nats-server/v2/server.(*stream).Store
func streamStore(stream unsafe.Pointer) server.StreamStore

// replicaStore is what a server has of a stream. The others may have created it, and filled it, a moment before.
func replicaStore(t *testing.T, s *Server, stream string) (store server.StreamStore) {
	t.Helper()
	until(t, func() error {
		p, err := lookupStream(s.ns.GlobalAccount(), stream)
		if err == nil {
			store = streamStore(p)
		}
		return err
	})
	return store
}

// fill appends n entries.
func fill(ctx context.Context, t *testing.T, l engine.Log, n int) []engine.Entry {
	t.Helper()
	a := &appender{log: l}
	for i := range n {
		if err := a.append(ctx, fmt.Appendf(nil, "record %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	return a.accepted
}

// replicated opens a pipeline of three replicas with n entries, and returns the server that leads its log, too.
func replicated(ctx context.Context, t *testing.T, n int) (cfg Config, servers []*Server, leader int, entries []engine.Entry) {
	t.Helper()
	servers, cfg = three(t), fresh(1, 3)
	entries = fill(ctx, t, open(t, servers[0], cfg).Shard(0), n)
	leader = leaderOf(ctx, t, connect(t, servers[0]), cfg, servers)
	return cfg, servers, leader, entries
}

// remove takes entries out of one replica.
func remove(ctx context.Context, t *testing.T, s *Server, cfg Config, entries []engine.Entry) {
	t.Helper()
	store := replicaStore(t, s, streamName(cfg, "0"))
	for _, e := range entries {
		var buf server.StoreMsg
		for { // a follower applies what is committed a moment later
			if _, err := store.LoadMsg(e.Seq, &buf); err == nil {
				break
			} else if ctx.Err() != nil {
				t.Fatalf("entry %d does not reach server %s: %v", e.Seq, s.Name(), err)
			}
			time.Sleep(readyPoll)
		}
		if ok, err := store.RemoveMsg(e.Seq); err != nil || !ok {
			t.Fatalf("remove entry %d of server %s: %v", e.Seq, s.Name(), err)
		}
	}
}

// TestDamagedReplica: what both followers have lost - at the beginning, in the middle, at the end - is read from the leader,
// whoever is asked first, and it is told.
func TestDamagedReplica(t *testing.T) {
	for name, gone := range map[string][2]int{"beginning": {0, 5}, "middle": {7, 12}, "end": {15, 20}} {
		t.Run(name, func(t *testing.T) {
			ctx := limited(t)
			for !followersDamaged(ctx, t, gone) {
			}
		})
	}
}

// followersDamaged reports false if one of the followers was elected meanwhile, so that most replicas lack the entries.
func followersDamaged(ctx context.Context, t *testing.T, gone [2]int) (valid bool) {
	cfg, servers, leader, entries := replicated(ctx, t, 20)
	var alarms atomic.Int64
	cfg.Logger = counting(&alarms)
	nc := connect(t, servers[leader])
	l := open(t, servers[(leader+1)%3], cfg).Shard(0)
	for i := range 2 {
		remove(ctx, t, servers[(leader+1+i)%3], cfg, entries[gone[0]:gone[1]])
	}
	// Any server may answer. That an end is missing is found by asking another one, which needs no alarm.
	for again := true; again && ctx.Err() == nil; again = alarms.Load() == 0 && gone[1] < len(entries) {
		read := readAll(ctx, t, l)
		tail, err := l.Tail(ctx)
		if leaderOf(ctx, t, nc, cfg, servers) != leader {
			return false
		}
		same(t, "read", entries, read)
		if want := entries[len(entries)-1]; err != nil || tail.Seq != want.Seq {
			t.Fatalf("the tail is %d, %v; want %d", tail.Seq, err, want.Seq)
		}
	}
	if ctx.Err() != nil {
		t.Error("nobody is told")
	}
	return true
}

// TestDamagedLeader: when it is the leader that has lost entries, another one is elected and asked.
func TestDamagedLeader(t *testing.T) {
	ctx := limited(t)
	cfg, servers, leader, entries := replicated(ctx, t, 20)
	l := open(t, servers[leader], cfg).Shard(0)
	remove(ctx, t, servers[leader], cfg, entries[7:12])
	same(t, "read", entries, readAll(ctx, t, l))
}

// TestDamagedEverywhere: what nobody has is damage, not a log that is trimmed, and nobody is asked for ever.
func TestDamagedEverywhere(t *testing.T) {
	for name, gone := range map[string][2]int{"beginning": {0, 5}, "middle": {7, 12}} {
		for _, replicas := range []int{1, 3} {
			t.Run(fmt.Sprint(name, " of ", replicas), func(t *testing.T) {
				t.Parallel()
				ctx, servers, cfg := limited(t), three(t), fresh(1, replicas)
				l := open(t, servers[0], cfg).Shard(0)
				entries := fill(ctx, t, l, 20)
				for _, s := range servers {
					if _, err := lookupStream(s.ns.GlobalAccount(), streamName(cfg, "0")); err == nil || replicas == len(servers) {
						remove(ctx, t, s, cfg, entries[gone[0]:gone[1]])
					}
				}
				ignore := func(engine.Entry) error { return nil }
				if _, err := l.Read(ctx, 0, ignore); !errors.Is(err, engine.ErrDamaged) {
					t.Errorf("Read: %v, want ErrDamaged", err)
				}
				if err := l.Follow(ctx, 0, ignore); !errors.Is(err, engine.ErrDamaged) {
					t.Errorf("Follow: %v, want ErrDamaged", err)
				}
			})
		}
	}
}

// TestLostStream: a stream that is gone is not made anew. Its shards are damaged, the others work.
func TestLostStream(t *testing.T) {
	shorten(t)
	ctx := limited(t)
	cfg := Config{Pipeline: fresh(1, 1).Pipeline, Shards: 2, Streams: 2}
	nc := connectFreely(t, one(t))
	e := open(t, one(t), cfg)
	entries := fill(ctx, t, e.Shard(1), 5)
	fill(ctx, t, e.Shard(0), 5)
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(ctx, streamName(cfg, "0")); err != nil {
		t.Fatal(err)
	}
	again := open(t, one(t), cfg)
	for what, e := range map[string]engine.Engine{"opened again": again, "still open": e} {
		for health := (engine.StreamHealth{}); !errors.Is(health.Err, engine.ErrDamaged); {
			health = e.Health(ctx).Streams[0]
			if ctx.Err() != nil {
				t.Fatalf("%s: health is %v, want ErrDamaged", what, health.Err)
			}
		}
		_, err := e.Shard(0).Append(ctx, 0, []byte("x"))
		damaged(t, what+": Append", err)
		_, err = e.Shard(0).Tail(ctx)
		damaged(t, what+": Tail", err)
		_, err = e.Shard(0).Read(ctx, 0, func(engine.Entry) error { return nil })
		damaged(t, what+": Read", err)
		damaged(t, what+": Follow", e.Shard(0).Follow(ctx, 0, func(engine.Entry) error { return nil }))
		same(t, what, entries, readAll(ctx, t, e.Shard(1)))
	}
}

func damaged(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("%s: %v, want ErrDamaged", what, err)
	}
}

// TestLostControlLog: a pipeline without its control log isn't begun anew, be it known to exist, or known by what is left
// of it.
func TestLostControlLog(t *testing.T) {
	shorten(t)
	ctx := limited(t)
	cfg := fresh(1, 1)
	nc := connectFreely(t, one(t))
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	known := cfg
	known.Existing = true
	_, err = Open(ctx, nc, known)
	damaged(t, "Open of what should exist", err)
	fill(ctx, t, open(t, one(t), cfg).Shard(0), 1)
	if err := js.DeleteStream(ctx, streamName(cfg, "control")); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, nc, cfg)
	damaged(t, "Open", err)
}

// TestLostSnapshots: they are made anew, since the logs hold everything.
func TestLostSnapshots(t *testing.T) {
	shorten(t)
	ctx := limited(t)
	cfg := fresh(1, 1)
	e := open(t, one(t), cfg)
	if err := e.Blobs().Put(ctx, "x", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	js, err := natsjs.New(connectFreely(t, one(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(ctx, blobStream(cfg).Name); err != nil {
		t.Fatal(err)
	}
	var alarms atomic.Int64
	cfg.Logger = counting(&alarms)
	list, err := open(t, one(t), cfg).Blobs().List(ctx, "")
	if err != nil || len(list) != 0 || alarms.Load() == 0 {
		t.Errorf("%v, %v, %d alarms; want none left, and to be told", list, err, alarms.Load())
	}
}

// TestHeal: a stream of an earlier version stops being compressed.
func TestHeal(t *testing.T) {
	ctx := limited(t)
	cfg, err := fresh(1, 1).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	open(t, one(t), cfg)
	js, err := natsjs.New(connectFreely(t, one(t)))
	if err != nil {
		t.Fatal(err)
	}
	old := logStream(cfg, "0")
	old.Compression = natsjs.S2Compression
	old.Subjects = old.Subjects[:2]
	if _, err := js.UpdateStream(ctx, old); err != nil {
		t.Fatal(err)
	}
	open(t, one(t), cfg)
	s, err := js.Stream(ctx, old.Name)
	if err != nil {
		t.Fatal(err)
	}
	if have := s.CachedInfo().Config; have.Compression != natsjs.NoCompression || len(have.Subjects) != 3 {
		t.Errorf("compression %v, subjects %v after it was opened", have.Compression, have.Subjects)
	}
}

// TestHealth: it tells of replicas that are gone, and that nothing can be appended without a majority.
func TestHealth(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	servers, err := startCluster(t.TempDir(), "health", true)
	t.Cleanup(func() { stopAll(servers) })
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, servers[0], fresh(1, 3))
	await := func(what string, good func(h *engine.StreamHealth) bool) {
		t.Helper()
		for {
			h := e.Health(ctx).Streams[0]
			if good(&h) {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("%s: %+v", what, h)
			}
			time.Sleep(readyPoll)
		}
	}
	await("three servers", func(h *engine.StreamHealth) bool { return h.Err == nil && !h.Degraded() && len(h.Replicas) == 3 })
	servers[2].Shutdown()
	await("two servers", func(h *engine.StreamHealth) bool { return h.Err == nil && h.Degraded() })
	servers[1].Shutdown()
	await("one server", func(h *engine.StreamHealth) bool { return errors.Is(h.Err, engine.ErrNoLeader) })
}

// TestOpenBesideCreation: who finds no control log, and then streams in use, has looked while another node was creating
// them.
func TestOpenBesideCreation(t *testing.T) {
	ctx := limited(t)
	cfg, err := fresh(1, 1).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	nc := connectFreely(t, one(t))
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := createStreams(ctx, js, shardStreams(cfg)); err != nil {
		t.Fatal(err)
	}
	added(ctx, t, newStream(nc, cfg, "0").log("0"), 0, []byte("x"))
	opened := make(chan error, 1)
	go func() {
		_, err := Open(ctx, nc, cfg)
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := createStreams(ctx, js, []natsjs.StreamConfig{blobStream(cfg), logStream(cfg, "control")}); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}
