package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// shortened is an engine whose log of one shard has lost its end.
type shortened struct {
	engine.Engine
	shard int
	upTo  uint64
	// appends counts those that were tried, whatever became of them.
	appends atomic.Int64
}

func (e *shortened) Shard(s int) engine.ShardLog {
	if s != e.shard {
		return e.Engine.Shard(s)
	}
	return &shortLog{e.Engine.Shard(s), e}
}

func (e *shortened) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	return enginetest.EndsByTails(ctx, e, shards)
}

type shortLog struct {
	engine.ShardLog
	*shortened
}

var errEnd = errors.New("end")

func (l *shortLog) Append(context.Context, uint64, []byte) (uint64, error) {
	l.appends.Add(1)
	return 0, engine.ErrConflict
}

func (l *shortLog) Tail(ctx context.Context) (tail engine.Entry, err error) {
	_, err = l.Read(ctx, 1, func(e engine.Entry) error {
		tail = e
		return nil
	})
	return tail, err
}

func (l *shortLog) Read(ctx context.Context, from uint64, fn func(engine.Entry) error) (last uint64, err error) {
	_, err = l.ShardLog.Read(ctx, 1, func(e engine.Entry) error {
		if e.Seq > l.upTo {
			return errEnd
		}
		if last = e.Seq; last < from {
			return nil
		}
		return fn(e)
	})
	if errors.Is(err, errEnd) {
		err = nil
	}
	return last, err
}

// lostShard writes to a cluster and kills it. The next node that starts finds that one log has lost its end.
func lostShard(t *testing.T, marks func(*graph.Config)) (c *cluster, lost *shortened, before string) {
	c = newCluster(t, 4, marks)
	c.start("n1")
	c.ready("n1")
	var last []graph.Result
	for i := range 20 {
		last = c.submit("n1", "", fmt.Sprintf("TX .\nA <urn:s%d> <urn:p> \"x\" .\nTC .\n", i))
	}
	before = c.data("n1")
	c.kill("n1")
	lost = &shortened{Engine: c.store, shard: last[0].Shard, upTo: last[0].Position - 1}
	change := c.change
	c.change = func(cfg *graph.Config) {
		change(cfg)
		cfg.Engine = lost
	}
	return c, lost, before
}

// TestLostTail: a shard whose log has lost its end halts, and says so; nobody gets an answer that lacks what is lost; the
// others go on; and when the log is back, all is.
func TestLostTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks")
	c, log, before := lostShard(t, func(cfg *graph.Config) {
		m := openMarks(t, path, 4)
		t.Cleanup(func() { m.Close() })
		cfg.Marks = m
	})
	lost := log.shard
	c.start("n1")
	n := c.nodes["n1"]
	eventually(t, "the shard is halted and the others are owned", func() bool {
		owned := 0
		for _, s := range n.Status().Shards {
			if s.State == "owning" {
				owned++
			}
		}
		s := n.Status().Shards[lost]
		return owned == 3 && s.State == "halted" && strings.Contains(s.Error, "known to be at position")
	})
	if err := n.Ready(); err == nil || log.appends.Load() > 0 {
		t.Errorf("it is ready: %v; %d appends behind what is left", err == nil, log.appends.Load())
	}
	_, err := n.Tails(t.Context())
	_, err2 := n.WriteData(t.Context(), io.Discard, graph.DataOptions{})
	ignore := func(node.Record) error { return nil }
	err3 := n.Follow(t.Context(), node.FollowOptions{}, ignore)
	err4 := n.Follow(t.Context(), node.FollowOptions{From: engine.Cursor{lost: {Position: 1 << 40}}, Shards: []int{lost}}, ignore)
	for _, err := range []error{err, err2, err3, err4} {
		if !errors.Is(err, engine.ErrDamaged) {
			t.Errorf("a reader gets %v", err)
		}
	}
	all := ""
	for i := range 40 {
		all += fmt.Sprintf("A <urn:s%d> <urn:p> \"y\" .\n", i)
	}
	_, err = n.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte("TX .\n" + all + "TC .\n")})
	var partial *graph.PartialError
	if !errors.As(err, &partial) || len(partial.Done) != 3 || !errors.Is(err, event.ErrHalted) {
		t.Errorf("submit: %v", err)
	}
	c.kill("n1")
	c.change = func(cfg *graph.Config) {
		cfg.Marks = openMarks(t, path, 4)
		t.Cleanup(func() { cfg.Marks.(io.Closer).Close() })
	}
	c.start("n1")
	c.ready("n1")
	if after := c.data("n1"); !containsLines(after, before) {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

func containsLines(all, some string) bool {
	lines := strings.SplitAfter(all, "\n")
	for line := range strings.Lines(some) {
		if !slices.Contains(lines, line) {
			return false
		}
	}
	return true
}

// TestMarksOfOthers: a node without marks of its own hears of them, by the control log when it enters and by the beats
// of the owners later.
func TestMarksOfOthers(t *testing.T) {
	marks := map[string]*node.MarkFile{}
	c := newCluster(t, 300, func(cfg *graph.Config) {
		m := openMarks(t, filepath.Join(t.TempDir(), "marks"), 300)
		t.Cleanup(func() { m.Close() })
		marks[cfg.Name], cfg.Marks = m, m
		calm(cfg)
	})
	c.start("n1")
	c.ready("n1")
	c.submit("n1", "", subjects(0, 2000))
	tails, err := c.nodes["n1"].Tails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.start("n2")
	eventually(t, "n2 knows what n1 has claimed and written", func() bool { return knows(marks["n2"], tails) })
	c.ready("n1", "n2")
	c.submit("n2", "", subjects(2000, 4000))
	if tails, err = c.nodes["n1"].Tails(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range marks {
		eventually(t, "both know what either has written since", func() bool { return knows(m, tails) })
	}
}

func subjects(from, to int) string {
	var b bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "A <urn:s%d> <urn:p> \"x\" .\n", i)
	}
	return "TX .\n" + b.String() + "TC .\n"
}

func knows(m *node.MarkFile, tails engine.Cursor) bool {
	for s, at := range tails {
		if m.Mark(s).Position < at.Position {
			return false
		}
	}
	return true
}

// TestFalseBeat: marks of shards that there are not, and more than a beat may have, are left out.
func TestFalseBeat(t *testing.T) {
	marks := openMarks(t, filepath.Join(t.TempDir(), "marks"), 4)
	defer marks.Close()
	c := newCluster(t, 4, func(cfg *graph.Config) { cfg.Marks = marks })
	c.start("n1")
	c.ready("n1")
	many := map[int]engine.Mark{}
	for s := range engine.MaxBeatMarks + 1 {
		many[s] = engine.Mark{Position: 1 << 40}
	}
	eventually(t, "the last is heard", func() bool {
		for _, b := range []engine.Beat{ // of which those may be lost for which somebody does not listen yet
			{Node: "x", Marks: many}, {Node: "n1", Marks: map[int]engine.Mark{1: {Position: 1 << 40}}},
			{Node: "x", Marks: map[int]engine.Mark{-1: {Position: 9}, 4: {Position: 9}, 2: {Position: 1 << 50}}},
		} {
			if err := c.store.Heartbeats().Beat(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		return marks.Mark(2).Position == 1<<50
	})
	if m := marks.Mark(1); m.Position >= 1<<40 {
		t.Errorf("%+v", m)
	}
}

// TestRecordsOtherThanMarked: a log that goes on behind a lost end, with the mark's position passed by, is no answer
// either, though it is longer.
func TestRecordsOtherThanMarked(t *testing.T) {
	marks := openMarks(t, filepath.Join(t.TempDir(), "marks"), 1)
	defer marks.Close()
	store := memory.New(1)
	var prev string
	var tail uint64
	for i := range 3 {
		r := operator.Record{Prev: prev, Kind: operator.Claim, Time: time.Unix(1, 0),
			Writer: operator.Writer{Epoch: uint64(i + 1), Node: "n0", Incarnation: 1}}
		at, err := store.Shard(0).Append(t.Context(), tail, r.Encode(nil))
		if err != nil {
			t.Fatal(err)
		}
		tail, prev = at, r.ID
	}
	if err := marks.Raise(0, engine.Mark{Position: tail - 1, ID: operator.ID([32]byte{1})}); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, 1, func(cfg *graph.Config) { cfg.Engine, cfg.Marks = store, marks })
	c.start("n1")
	eventually(t, "the shard is halted", func() bool { return c.nodes["n1"].Status().Shards[0].State == "halted" })
	_, err := c.nodes["n1"].WriteData(t.Context(), io.Discard, graph.DataOptions{})
	for _, live := range []bool{false, true} {
		err2 := c.nodes["n1"].Follow(t.Context(), node.FollowOptions{Live: live}, func(node.Record) error { return nil })
		if !errors.Is(err, engine.ErrDamaged) || !errors.Is(err2, engine.ErrDamaged) {
			t.Errorf("%v, %v", err, err2)
		}
	}
}

// listenTo returns the function that takes the beats heard since its last call.
func (c *cluster) listenTo() func() []engine.Beat {
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var heard []engine.Beat
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.store.Heartbeats().Listen(ctx, func(b engine.Beat) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, b)
		})
	}()
	c.t.Cleanup(func() { cancel(); <-done })
	return func() []engine.Beat {
		mu.Lock()
		defer mu.Unlock()
		beats := heard
		heard = nil
		return beats
	}
}

// TestBeatsTellMarks: what changed is told soon, no more at once than a beat may have; what didn't comes again bit by bit.
func TestBeatsTellMarks(t *testing.T) {
	const shards, quiet = 300, 8
	c := newCluster(t, shards, func(cfg *graph.Config) { cfg.BeatEvery, cfg.FailAfter = 100*time.Millisecond, patience })
	take := c.listenTo()
	c.start("n1")
	c.ready("n1")
	c.submit("n1", "", subjects(0, 2000))
	tails, err := c.nodes["n1"].Tails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	most, told := 0, engine.Cursor{}
	hear := func() {
		for _, b := range take() {
			most = max(most, len(b.Marks))
			for s, m := range b.Marks {
				if m.Position > told[s].Position {
					told[s] = m
				}
			}
		}
	}
	eventually(t, "all is told", func() bool { hear(); return maps.Equal(told, tails) })
	if most <= quiet || most > engine.MaxBeatMarks {
		t.Errorf("%d marks in one beat", most)
	}
	take()
	clear(told)
	most = 0
	eventually(t, "all is told again", func() bool { hear(); return maps.Equal(told, tails) })
	if most > quiet {
		t.Errorf("%d marks in one beat, and none has changed", most)
	}
}

// silent is an engine whose heartbeats tell no marks.
type silent struct{ engine.Engine }

func (e silent) Heartbeats() engine.Heartbeats { return silentBeats{e.Engine.Heartbeats()} }

type silentBeats struct{ engine.Heartbeats }

func (h silentBeats) Beat(ctx context.Context, b engine.Beat) error {
	b.Marks = nil
	return h.Heartbeats.Beat(ctx, b)
}

// TestMarksByControlLog: who enters knows what the one that entered before it knew.
func TestMarksByControlLog(t *testing.T) {
	marks := map[string]*node.MarkFile{}
	for _, name := range []string{"n1", "n2"} {
		marks[name] = openMarks(t, filepath.Join(t.TempDir(), name), 4)
		defer marks[name].Close()
	}
	c := newCluster(t, 4, func(cfg *graph.Config) { cfg.Marks, cfg.Engine = marks[cfg.Name], silent{cfg.Engine} })
	c.start("n1")
	c.ready("n1")
	c.submit("n1", "", subjects(0, 100))
	tails, err := c.nodes["n1"].Tails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.kill("n1")
	c.start("n1")
	c.ready("n1")
	for s, at := range tails {
		if m := c.nodes["n1"].Coordinator().State().Mark(s); m.Position < at.Position || m.ID == "" {
			t.Errorf("the control log says of shard %d %+v, want %d", s, m, at.Position)
		}
	}
	c.start("n2")
	eventually(t, "n2 knows what n1 knew", func() bool { return knows(marks["n2"], tails) })
}

// countedMarks counts syncs.
type countedMarks struct {
	node.Marks
	syncs atomic.Int64
}

func (m *countedMarks) Sync() error { m.syncs.Add(1); return m.Marks.Sync() }

// TestMarksAreSynced: now and then, and at the end.
func TestMarksAreSynced(t *testing.T) {
	file := openMarks(t, filepath.Join(t.TempDir(), "marks"), 4)
	defer file.Close()
	marks := &countedMarks{Marks: file}
	c := newCluster(t, 4, func(cfg *graph.Config) { cfg.Marks = marks })
	c.start("n1")
	eventually(t, "they are synced", func() bool { return marks.syncs.Load() > 0 })
	before := marks.syncs.Load()
	c.kill("n1")
	if after := marks.syncs.Load(); after <= before {
		t.Errorf("%d syncs, then %d", before, after)
	}
}
