package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator"
)

// altered is an engine whose blobs, logs or limits are not those of the memory engine.
type altered struct {
	*memory.Engine
	blobs  engine.Blobs
	limits engine.Limits
	shard  func(engine.ShardLog) engine.ShardLog
}

func (a altered) Blobs() engine.Blobs {
	if a.blobs == nil {
		return a.Engine.Blobs()
	}
	return a.blobs
}

func (a altered) Limits() engine.Limits {
	if a.limits == (engine.Limits{}) {
		return a.Engine.Limits()
	}
	return a.limits
}

func (a altered) Shard(s int) engine.ShardLog {
	if a.shard == nil {
		return a.Engine.Shard(s)
	}
	return a.shard(a.Engine.Shard(s))
}

// reading changes what comes of the newest blob of each shard, and notes which blobs are read.
type reading struct {
	engine.Blobs
	newest func(context.Context, io.ReadCloser) io.ReadCloser

	mu   sync.Mutex
	read []string
}

func (r *reading) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	r.mu.Lock()
	r.read = append(r.read, name)
	r.mu.Unlock()
	blob, err := r.Blobs.Get(ctx, name)
	infos, _ := r.List(ctx, name[:len("shard/00000/")])
	if err == nil && len(infos) > 0 && infos[len(infos)-1].Name == name {
		blob = r.newest(ctx, blob)
	}
	return blob, err
}

func (r *reading) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.read...)
}

// withSnapshots has n1 write until there are two snapshots, and stops it.
func withSnapshots(c *cluster) (data string) {
	c.t.Helper()
	c.start("n1")
	c.ready("n1")
	i := 0
	eventually(c.t, "there are two snapshots", func() bool {
		c.submit("n1", "", fmt.Sprintf("A <http://e/s%d> <http://e/p> \"%d\" .", i, i))
		i++
		infos, err := c.store.Blobs().List(c.t.Context(), "shard/")
		return err == nil && len(infos) == 2 && i > 20
	})
	data = c.data("n1")
	c.kill("n1")
	return data
}

// damaged changes a bit in the middle.
func damaged(_ context.Context, r io.ReadCloser) io.ReadCloser {
	defer r.Close()
	file, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	file[len(file)/2] ^= 4
	return io.NopCloser(bytes.NewReader(file))
}

// TestOlderSnapshot: where the newest snapshot can't be read the one before it is used, by the owner as by a reader; the log
// is read behind it alone.
func TestOlderSnapshot(t *testing.T) {
	var r *reading
	var froms *starts
	change := func(cfg *graph.Config) {
		cfg.SnapshotEvery = 2000
		if r != nil {
			cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine), blobs: r, shard: froms.shard}
		}
	}
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		want := withSnapshots(c)
		r, froms = &reading{Blobs: c.store.Blobs(), newest: damaged}, &starts{}
		c.start("n2")
		eventually(t, "n2 owns the shard", func() bool {
			s := c.nodes["n2"].Status()
			return s.Ready && s.Shards[0].Owner == "n2" && s.Shards[0].State == "owning"
		})
		if names := r.names(); len(names) != 2 || names[0] <= names[1] {
			t.Errorf("read %v", names)
		}
		if got := c.data("n2"); got != want {
			t.Errorf("after the restore:\n%swant:\n%s", got, want)
		}
		if low := froms.lowest(); low < 2 {
			t.Errorf("the log was read from %d", low)
		}
		// A node that doesn't keep the shard rebuilds it from the older one, too.
		c.start("n3")
		c.start("n4")
		var outside string
		eventually(t, "the standby follows, and there is a node that neither owns nor follows", func() bool {
			outside = ""
			follows := false
			for _, name := range []string{"n2", "n3", "n4"} {
				s := c.nodes[name].Status()
				if len(s.Members) != 3 || s.Shards[0].Owner == "" || s.Shards[0].Standby == "" {
					return false
				}
				follows = follows || s.Shards[0].Standby == name && s.Shards[0].State == "following"
				if s.Shards[0].State == "none" && s.Shards[0].Owner != name && s.Shards[0].Standby != name {
					outside = name
				}
			}
			return follows && outside != ""
		})
		before := len(r.names())
		if got := c.data(outside); got != want || len(r.names()) != before+2 {
			t.Errorf("%s, which read %v:\n%swant:\n%s", outside, r.names()[before:], got, want)
		}
	})
}

// starts notes from where logs are read.
type starts struct {
	mu    sync.Mutex
	froms []uint64
}

func (s *starts) shard(l engine.ShardLog) engine.ShardLog { return startLog{l, s} }

func (s *starts) lowest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	low := ^uint64(0)
	for _, from := range s.froms {
		low = min(low, from)
	}
	return low
}

type startLog struct {
	engine.ShardLog
	starts *starts
}

func (l startLog) Read(ctx context.Context, from uint64, fn func(engine.Entry) error) (uint64, error) {
	l.starts.mu.Lock()
	l.starts.froms = append(l.starts.froms, from)
	l.starts.mu.Unlock()
	return l.ShardLog.Read(ctx, from, fn)
}

// TestOldSnapshotsAreDeleted but for the newest two.
func TestOldSnapshotsAreDeleted(t *testing.T) {
	c := newCluster(t, 1, func(cfg *graph.Config) { cfg.SnapshotEvery = 1 })
	c.start("n1")
	c.ready("n1")
	names := map[string]bool{}
	list := func() int {
		infos, err := c.store.Blobs().List(t.Context(), "shard/")
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range infos {
			names[info.Name] = true
		}
		return len(infos)
	}
	for i := 0; len(names) < 6; i++ {
		c.submit("n1", "", fmt.Sprintf("A <http://e/s%d> <http://e/p> \"%d\" .", i, i))
		list()
	}
	eventually(t, "two snapshots are left", func() bool { return list() == 2 })
}

// hangingBlob is a blob that brings nothing more after its first bytes, until its context ends.
type hangingBlob struct {
	io.ReadCloser
	ctx    context.Context
	hangs  chan struct{} // closed when somebody waits
	once   *sync.Once
	closed bool
	given  int
}

func (h *hangingBlob) Read(p []byte) (int, error) {
	if h.given < 20 {
		n, err := h.ReadCloser.Read(p[:1])
		h.given += n
		return n, err
	}
	h.once.Do(func() { close(h.hangs) })
	<-h.ctx.Done()
	if h.closed { // with the race detector this is a race, too
		panic("read after Close")
	}
	return 0, h.ctx.Err()
}

func (h *hangingBlob) Close() error {
	h.closed = true
	return h.ReadCloser.Close()
}

// readsBy has n2 read snapshots by what r is when it starts.
func readsBy(r **reading) func(*graph.Config) {
	return func(cfg *graph.Config) {
		cfg.SnapshotEvery = 2000
		if cfg.Name == "n2" {
			cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine), blobs: *r}
		}
	}
}

// TestSnapshotHangs: a snapshot that doesn't come keeps the shard's loop neither from its door, nor from another
// assignment, nor the node from stopping.
func TestSnapshotHangs(t *testing.T) {
	var r *reading
	inBubble(t, 1, readsBy(&r), func(t *testing.T, c *cluster) {
		want := withSnapshots(c)
		hangs, once := make(chan struct{}), new(sync.Once)
		r = &reading{Blobs: c.store.Blobs(), newest: func(ctx context.Context, blob io.ReadCloser) io.ReadCloser {
			return &hangingBlob{ReadCloser: blob, ctx: ctx, hangs: hangs, once: once}
		}}
		c.start("n2")
		<-hangs
		eventually(t, "n2 is to own the shard", func() bool { return c.nodes["n2"].Status().Shards[0].Owner == "n2" })
		// Its door is open: who gives up is told so, in time.
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := c.nodes["n2"].Submit(ctx, graph.Submission{MediaType: graph.TypePatch,
			Body: []byte("A <http://e/x> <http://e/p> \"x\" .")})
		if !errors.Is(err, event.ErrNoOwner) {
			t.Errorf("%v", err)
		}
		// Another assignment is taken: n3 gets the shard when n2 leaves it, and n2 says that it has it no more.
		c.start("n3")
		leave, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.nodes["n2"].Leave(leave); err != nil {
			t.Fatal(err)
		}
		eventually(t, "n2 has taken the assignment", func() bool {
			s := c.nodes["n2"].Status().Shards[0]
			return s.Owner == "n3" && s.State == "none"
		})
		eventually(t, "n3 owns the shard", func() bool { return c.nodes["n3"].Status().Ready })
		c.kill("n2")
		if got := c.data("n3"); !strings.Contains(got, strings.TrimSpace(want)[:40]) {
			t.Errorf("%s", got)
		}
	})
}

// TestStopWhileRestoring: the node stops though its snapshot hangs.
func TestStopWhileRestoring(t *testing.T) {
	var r *reading
	inBubble(t, 1, readsBy(&r), func(t *testing.T, c *cluster) {
		withSnapshots(c)
		hangs, once := make(chan struct{}), new(sync.Once)
		r = &reading{Blobs: c.store.Blobs(), newest: func(ctx context.Context, blob io.ReadCloser) io.ReadCloser {
			return &hangingBlob{ReadCloser: blob, ctx: ctx, hangs: hangs, once: once}
		}}
		c.start("n2")
		<-hangs
		c.kill("n2")
	})
}

// TestRecordsFitTheEngine: records are as small as the engine needs them.
func TestRecordsFitTheEngine(t *testing.T) {
	const limit = 240 << 10
	c := newCluster(t, 1, func(cfg *graph.Config) {
		cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine), limits: engine.Limits{Shards: 1, MaxRecord: limit}}
	})
	c.start("n1")
	c.ready("n1")
	var patch strings.Builder
	patch.WriteString("TX .\n")
	for i := range 6000 {
		fmt.Fprintf(&patch, "A <http://e/s%d> <http://e/p> \"%0100d\" .\n", i, i)
	}
	patch.WriteString("TC .\n")
	if adds, _ := totals(c.submit("n1", "k", patch.String())); adds != 6000 {
		t.Errorf("%d additions", adds)
	}
	largest := 0
	_, err := c.store.Shard(0).Read(t.Context(), 1, func(e engine.Entry) error {
		largest = max(largest, len(e.Payload))
		return nil
	})
	if err != nil || largest > limit || largest < 10<<10 {
		t.Errorf("%v; the largest record has %d bytes", err, largest)
	}
	cfg := c.config("n2")
	cfg.Engine = altered{Engine: c.store, limits: engine.Limits{Shards: 1, MaxRecord: operator.HeaderRoom("n2")}}
	if _, err := graph.New(cfg); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("an engine that takes too little: %v", err)
	}
}

// TestEngineRefusesSize: an engine that accepts less than it says is told from one that is away.
func TestEngineRefusesSize(t *testing.T) {
	c := newCluster(t, 1, func(cfg *graph.Config) {
		cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine), shard: func(l engine.ShardLog) engine.ShardLog {
			return narrow{l}
		}}
	})
	c.start("n1")
	c.ready("n1")
	const patch = "A <http://e/a> <http://e/p> \"1\" .\n"
	_, err := c.nodes["n1"].Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(patch),
		Key: strings.Repeat("/", graph.MaxKey)})
	if !errors.Is(err, event.ErrTooLarge) || errors.Is(err, event.ErrBad) {
		t.Errorf("%v", err)
	}
	if adds, _ := totals(c.submit("n1", "k", patch)); adds != 1 {
		t.Errorf("what comes behind it: %d additions", adds)
	}
}

// narrow accepts 1,000 bytes.
type narrow struct{ engine.ShardLog }

func (n narrow) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if len(payload) > 1000 {
		return 0, fmt.Errorf("%w: %d bytes", engine.ErrTooLarge, len(payload))
	}
	return n.ShardLog.Append(ctx, expect, payload)
}

// TestSnapshotStalls: one that doesn't come is given up after a while for the one before it.
func TestSnapshotStalls(t *testing.T) {
	var r *reading
	inBubble(t, 1, readsBy(&r), func(t *testing.T, c *cluster) {
		want := withSnapshots(c)
		r = &reading{Blobs: c.store.Blobs(), newest: func(ctx context.Context, blob io.ReadCloser) io.ReadCloser {
			return &hangingBlob{ReadCloser: blob, ctx: ctx, hangs: make(chan struct{}), once: new(sync.Once)}
		}}
		c.start("n2")
		began := time.Now()
		eventually(t, "n2 owns the shard", func() bool { return c.nodes["n2"].Status().Shards[0].State == "owning" })
		if names := r.names(); len(names) != 2 || c.data("n2") != want || time.Since(began) < 15*time.Second {
			t.Errorf("after %v, read %v", time.Since(began), names)
		}
	})
}

// TestSnapshotCantBePut: a blob store that takes nothing keeps the next snapshot waiting for a while only.
func TestSnapshotCantBePut(t *testing.T) {
	puts := new(stuck)
	change := func(cfg *graph.Config) {
		cfg.SnapshotEvery = 1
		puts.Blobs = cfg.Engine.Blobs()
		cfg.Engine = altered{Engine: cfg.Engine.(*memory.Engine), blobs: puts}
	}
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		began := time.Now()
		eventually(t, "two snapshots are begun", func() bool {
			c.submit("n1", "", "A <http://e/s> <http://e/p> \"1\" .")
			return puts.begun.Load() == 2
		})
		if d := time.Since(began); d < 14*time.Second { // the first was begun a moment before
			t.Errorf("after %v", d)
		}
	})
}

// stuck takes some bytes and no more.
type stuck struct {
	engine.Blobs
	begun atomic.Int32
}

func (s *stuck) Put(ctx context.Context, _ string, r io.Reader) error {
	s.begun.Add(1)
	_, err := io.ReadFull(r, make([]byte, 10))
	<-ctx.Done()
	return errors.Join(err, ctx.Err())
}

// TestSnapshotsGrow: a large state is not written for little log.
func TestSnapshotsGrow(t *testing.T) {
	const size = 1_000_000
	inBubble(t, 1, nil, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		n, random, text := 0, rand.NewChaCha8([32]byte{1}), make([]byte, size/2)
		newest := func(documents int) string {
			for range documents {
				n++
				_, _ = random.Read(text) // which can't be compressed
				c.submit("n1", "", fmt.Sprintf("A <http://e/s%d> <http://e/p> \"%x\" .", n, text))
			}
			time.Sleep(time.Second) // what is being written is written then
			infos, err := c.store.Blobs().List(t.Context(), "shard/")
			if err != nil {
				t.Fatal(err)
			}
			if len(infos) == 0 {
				return ""
			}
			return infos[len(infos)-1].Name
		}
		if name := newest(6); name != "" {
			t.Errorf("%s after 6 MB", name)
		}
		first := newest(3)
		if first == "" {
			t.Error("no snapshot after 9 MB")
		}
		if name := newest(9); name != first {
			t.Errorf("%s, 9 MB of log after %s, which is as large", name, first)
		}
		if name := newest(9); name == first {
			t.Error("no snapshot after 18 MB of log more")
		}
	})
}
