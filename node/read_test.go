package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

// counting is an engine that counts how often the logs of shards are asked.
type counting struct {
	*memory.Engine
	reads, tails, follows atomic.Int64
	from                  atomic.Uint64 // of the last Read
}

func (c *counting) Shard(s int) engine.ShardLog { return countingLog{c.Engine.Shard(s), c} }

func (c *counting) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	return enginetest.EndsByTails(ctx, c, shards)
}

type countingLog struct {
	engine.ShardLog
	c *counting
}

func (l countingLog) Read(ctx context.Context, from uint64, fn func(engine.Entry) error) (uint64, error) {
	l.c.reads.Add(1)
	l.c.from.Store(from)
	return l.ShardLog.Read(ctx, from, fn)
}

func (l countingLog) Tail(ctx context.Context) (engine.Entry, error) {
	l.c.tails.Add(1)
	return l.ShardLog.Tail(ctx)
}

func (l countingLog) Follow(ctx context.Context, from uint64, fn func(engine.Entry) error) error {
	l.c.follows.Add(1)
	return l.ShardLog.Follow(ctx, from, fn)
}

// foreign writes a shard's log as an owner does that is on no node of the test.
type foreign struct {
	t     *testing.T
	log   engine.ShardLog
	shard int
	w     operator.Writer
	marks []engine.Mark
}

// takeOver claims a shard, ahead of any claim there is.
func takeOver(t *testing.T, e engine.Engine, shard int, epoch uint64) *foreign {
	f := &foreign{t: t, log: e.Shard(shard), shard: shard, w: operator.Writer{Epoch: epoch, Node: "x", Incarnation: 1}}
	f.write(operator.Record{Kind: operator.Claim})
	return f
}

// write appends a record behind the tail.
func (f *foreign) write(r operator.Record) engine.Mark {
	f.t.Helper()
	tail, err := f.log.Tail(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if tail.Seq > 0 {
		last, err := operator.Decode(tail.Payload)
		if err != nil {
			f.t.Fatal(err)
		}
		r.Prev = last.ID
	}
	r.Shard, r.Writer = f.shard, f.w
	seq, err := f.log.Append(f.t.Context(), tail.Seq, r.Encode(nil))
	if err != nil {
		f.t.Fatal(err)
	}
	f.marks = append(f.marks, engine.Mark{Position: seq, ID: r.ID})
	return f.marks[len(f.marks)-1]
}

func row(i int) []byte {
	return fmt.Appendf(nil, "TX .\nA <http://e/s%d> <http://e/p> \"%d\" .\nTC .\n", i, i)
}

func (f *foreign) delta(i int) engine.Mark {
	return f.write(operator.Record{Kind: operator.Delta, Body: row(i)})
}

// part writes a part of a transaction; row i is cut over its parts.
func (f *foreign) part(i, part, of int) engine.Mark {
	body := row(i)
	from, to := len(body)*(part-1)/of, len(body)*part/of
	return f.write(operator.Record{Kind: operator.Delta, Part: part, More: part < of, Body: body[from:to]})
}

// idle is a node that doesn't run: it owns nothing and follows nothing.
func idle(t *testing.T, e engine.Engine, shards int, change func(*graph.Config)) *graph.Graph {
	t.Helper()
	cfg := graph.Config{Config: node.Config{Name: "reader", Shards: shards, Engine: e, Transport: shipper.NewInProcess(1), Logger: discard}}
	if change != nil {
		change(&cfg)
	}
	n, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// heard collects what a reader is given.
type heard struct {
	mu   sync.Mutex
	rows []string
	at   []engine.Mark
	last map[int]string // the id of the last delta of each shard
}

func (h *heard) take(r node.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, known := h.last[r.Shard]; known && r.Prev != last {
		return fmt.Errorf("delta at %d: prev is %q, and the one before was %q", r.Position, r.Prev, last)
	}
	if h.last == nil {
		h.last = map[int]string{}
	}
	h.last[r.Shard] = r.ID
	h.rows = append(h.rows, string(r.Body))
	h.at = append(h.at, engine.Mark{Position: r.Position, ID: r.ID})
	return nil
}

func (h *heard) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rows)
}

// want compares with the rows of those numbers.
func (h *heard) want(t *testing.T, numbers ...int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var want []string
	for _, i := range numbers {
		want = append(want, string(row(i)))
	}
	if !slices.Equal(h.rows, want) {
		t.Errorf("heard %q, want %q", h.rows, want)
	}
}

// live starts a reader, and returns what it hears and what ends it and returns its error.
func live(t *testing.T, n *graph.Graph, o node.FollowOptions) (*heard, func() error) {
	h := &heard{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	o.Live = true
	go func() { done <- n.Follow(ctx, o, h.take) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return h, stop
}

// TestCursors: a reader begins after the very record that its cursor names, or hears why it can't.
func TestCursors(t *testing.T) {
	e := memory.New(2)
	takeOver(t, e, 1, 1)
	f := takeOver(t, e, 0, 1)
	first := f.delta(1)
	takeOver(t, e, 1, 2) // so that the position after is no record's
	second, third := f.delta(2), f.delta(3)
	part1, part2 := f.part(4, 1, 3), f.part(4, 2, 3)
	f.part(4, 3, 3)
	fifth := f.delta(5)
	n := idle(t, e, 2, nil)
	for name, test := range map[string]struct {
		at   engine.Mark
		want []int
		err  string
	}{
		"start":             {engine.Mark{}, []int{1, 2, 3, 4, 5}, ""},
		"claim":             {f.marks[0], []int{1, 2, 3, 4, 5}, ""},
		"id":                {second, []int{3, 4, 5}, ""},
		"short id":          {engine.Mark{Position: third.Position, ID: engine.Cursor{0: third}.String()[len(fmt.Sprintf("0:%d:", third.Position)):]}, []int{4, 5}, ""},
		"position alone":    {engine.Mark{Position: third.Position}, []int{4, 5}, ""},
		"end":               {fifth, nil, ""},
		"another's id":      {engine.Mark{Position: second.Position, ID: first.ID}, nil, "the log has the record"},
		"no record's":       {engine.Mark{Position: first.Position + 1}, nil, fmt.Sprintf("the next is at %d", second.Position)},
		"behind the end":    {engine.Mark{Position: fifth.Position + 1}, nil, fmt.Sprintf("the log ends at %d", fifth.Position)},
		"after part 1":      {part1, nil, "inside a transaction"},
		"after part 2":      {engine.Mark{Position: part2.Position}, nil, "inside a transaction"},
		"a shard of no one": {engine.Mark{Position: 1}, nil, "shards 0 to 1"},
	} {
		cursor := engine.Cursor{0: test.at}
		if strings.Contains(name, "no one") {
			cursor = engine.Cursor{2: test.at}
		}
		resolved, err := n.Resolve(t.Context(), cursor)
		checkCursor(t, name+": resolve", err, test.err)
		if err == nil && test.at.Position > 0 && len(resolved[0].ID) < 43 {
			t.Errorf("%s: resolved to %v, which has no id", name, resolved)
		}
		for _, isLive := range []bool{false, true} {
			if isLive && test.err == "" {
				continue
			}
			h := &heard{}
			err = n.Follow(t.Context(), node.FollowOptions{From: cursor, Shards: []int{0}, Live: isLive}, h.take)
			checkCursor(t, name, err, test.err)
			h.want(t, test.want...)
		}
	}
}

func checkCursor(t *testing.T, name string, err error, want string) {
	t.Helper()
	good := err == nil && want == "" || err != nil && want != "" && strings.Contains(err.Error(), want) &&
		(errors.Is(err, node.ErrCursor) || strings.Contains(want, "shards 0 to"))
	if !good || errors.Is(err, engine.ErrDamaged) {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

// TestTrimmedCursor: a log that no longer holds the record of the cursor.
func TestTrimmedCursor(t *testing.T) {
	e := memory.New(1)
	f := takeOver(t, e, 0, 1)
	first := f.delta(1)
	f.delta(2)
	if err := e.Shard(0).Trim(t.Context(), f.marks[2].Position); err != nil {
		t.Fatal(err)
	}
	err := idle(t, e, 1, nil).Follow(t.Context(), node.FollowOptions{From: engine.Cursor{0: first}}, (&heard{}).take)
	if !errors.Is(err, node.ErrCursor) || !strings.Contains(err.Error(), "trimmed") {
		t.Error(err)
	}
}

// TestNowInsideTransaction: now is after the last whole record, and what is under way is read when it closes.
func TestNowInsideTransaction(t *testing.T) {
	c := newCluster(t, 2, nil)
	c.start("n1")
	c.ready("n1")
	f, other := c.takeFrom(0), c.takeFrom(1)
	before := f.delta(1)
	const parts = 9
	for p := 1; p < parts; p++ {
		f.part(2, p, parts)
		other.delta(p) // other logs have positions between
		for _, n := range []*graph.Graph{c.nodes["n1"], idle(t, c.store, 2, nil)} {
			now, err := n.Tails(t.Context())
			if err != nil || now[0] != before {
				t.Fatalf("within the transaction: %v, %v; want %v", now, err, before)
			}
		}
	}
	now, err := c.nodes["n1"].Tails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, stop := live(t, c.nodes["n1"], node.FollowOptions{From: now, Shards: []int{0}})
	late, stopLate := live(t, c.nodes["n1"], node.FollowOptions{From: engine.Cursor{0: f.marks[len(f.marks)-1]}, Shards: []int{0}})
	f.part(2, parts, parts)
	f.delta(3)
	eventually(t, "the transaction and what follows are read", func() bool { return h.len() == 2 })
	h.want(t, 2, 3)
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	eventually(t, "who began inside is told", func() bool { return stopLate() != nil })
	if err := stopLate(); !errors.Is(err, node.ErrCursor) && !errors.Is(err, context.Canceled) || late.len() > 0 {
		t.Errorf("who began inside heard %q, %v", late.rows, err)
	}
}

// TestTransactionNeverClosed: its owner died; readers go on with the claim that follows, wherever they began.
func TestTransactionNeverClosed(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.start("n1")
	c.ready("n1")
	f := c.takeFrom(0)
	f.delta(1)
	f.part(2, 1, 3)
	inside := f.part(2, 2, 3)
	from, err := c.nodes["n1"].Tails(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, _ := live(t, c.nodes["n1"], node.FollowOptions{From: from})
	begun, _ := live(t, c.nodes["n1"], node.FollowOptions{From: engine.Cursor{0: inside}})
	takeOver(t, c.store, 0, 1<<41).delta(3)
	eventually(t, "both go on", func() bool { return h.len() == 1 && begun.len() == 1 })
	h.want(t, 3)
	begun.want(t, 3)
	whole := &heard{}
	if err := idle(t, c.store, 1, nil).Follow(t.Context(), node.FollowOptions{}, whole.take); err != nil {
		t.Error(err)
	}
	whole.want(t, 1, 3)
}

// TestReadersShare: what this node appends reaches any number of readers without another look at a log.
func TestReadersShare(t *testing.T) {
	var e *counting
	inBubble(t, 16, func(cfg *graph.Config) { cfg.Engine = e }, func(t *testing.T, c *cluster) {
		e = &counting{Engine: c.store}
		c.start("n1")
		c.ready("n1")
		n := c.nodes["n1"]
		from, err := n.Tails(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := e.reads.Load() + e.tails.Load() + e.follows.Load()
		var all []*heard
		for range 20 {
			h, _ := live(t, n, node.FollowOptions{From: from})
			all = append(all, h)
		}
		synctest.Wait() // until all have begun: one that does while a record is on its way looks at the log
		const changes = 100
		for i := range changes {
			c.submit("n1", "", fmt.Sprintf("A <http://e/%d> <http://e/p> \"1\" .", i))
		}
		for _, h := range all {
			eventually(t, "all is heard", func() bool { return h.len() == changes })
		}
		if looks := e.reads.Load() + e.tails.Load() + e.follows.Load() - before; looks > 0 {
			t.Errorf("%d looks at logs for 20 readers of 16 shards", looks)
		}
	})
}

// TestReadersOfOthersShards: the readers of a node that has no part in a shard share one follower, which ends with them.
func TestReadersOfOthersShards(t *testing.T) {
	var e *counting
	c := newCluster(t, 2, func(cfg *graph.Config) { cfg.Engine = e })
	e = &counting{Engine: c.store}
	c.start("n1")
	c.ready("n1")
	f := c.takeFrom(0)
	follows := e.follows.Load()
	var all []*heard
	var stops []func() error
	for range 10 {
		h, stop := live(t, c.nodes["n1"], node.FollowOptions{Shards: []int{0}})
		all, stops = append(all, h), append(stops, stop)
	}
	eventually(t, "all have begun", func() bool { return c.nodes["n1"].Following() == 10 })
	for i := range 50 {
		f.delta(i)
	}
	for _, h := range all {
		eventually(t, "all is heard", func() bool { return h.len() == 50 })
	}
	if n := e.follows.Load() - follows; n > 1 {
		t.Errorf("%d followers for 10 readers", n)
	}
	for _, stop := range stops {
		_ = stop()
	}
	if records, size := c.nodes["n1"].Kept(); records != 0 || size != 0 {
		t.Errorf("%d records of %d bytes are kept for nobody", records, size)
	}
}

// takeFrom claims a shard that n1 owns, and has n1 append to it, so that it finds out.
func (c *cluster) takeFrom(shard int) *foreign {
	c.t.Helper()
	f := takeOver(c.t, c.store, shard, 1<<40)
	eventually(c.t, "n1 has given the shard up", func() bool {
		for i := range 8 {
			ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Millisecond)
			defer cancel()
			_, _ = c.nodes["n1"].Submit(ctx, graph.Submission{MediaType: graph.TypePatch,
				Body: fmt.Appendf(nil, "A <http://e/poke%d> <http://e/p> \"1\" .", i)})
		}
		return c.nodes["n1"].Status().Shards[shard].State != "owning"
	})
	return f
}

// TestReaderFallsBehind: what is no longer kept is read from the log, in order, without a gap.
func TestReaderFallsBehind(t *testing.T) {
	c := newCluster(t, 2, nil)
	c.start("n1")
	c.ready("n1")
	n := c.nodes["n1"]
	n.SetFeedBytes(3000)
	gate := make(chan struct{})
	var rows atomic.Int64
	last := map[int]uint64{}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		done <- n.Follow(ctx, node.FollowOptions{Live: true}, func(r node.Record) error {
			<-gate
			if r.Position <= last[r.Shard] {
				return fmt.Errorf("position %d after %d", r.Position, last[r.Shard])
			}
			last[r.Shard] = r.Position
			rows.Add(int64(strings.Count(string(r.Body), "A <")))
			return nil
		})
	}()
	const changes = 200
	for i := range changes {
		c.submit("n1", "", fmt.Sprintf("A <http://e/%d> <http://e/p> \"1\" .", i))
	}
	if records, size := n.Kept(); size > 3000+1000 || records > 10 {
		t.Errorf("%d records of %d bytes are kept", records, size)
	}
	close(gate)
	eventually(t, "all is read", func() bool { return rows.Load() == changes })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestDamagedShardAlone: the others go on, and each answer tells which is missing.
func TestDamagedShardAlone(t *testing.T) {
	e := memory.New(3)
	logs := []*foreign{takeOver(t, e, 0, 1), takeOver(t, e, 1, 1), takeOver(t, e, 2, 1)}
	for i, f := range logs {
		f.delta(i)
	}
	if _, err := e.Shard(1).Append(t.Context(), logs[1].marks[1].Position, []byte("damage")); err != nil {
		t.Fatal(err)
	}
	logs[2].delta(12)
	n := idle(t, e, 3, nil)
	h := &heard{}
	var failed []int
	err := n.Follow(t.Context(), node.FollowOptions{Failed: func(s int, err error) error {
		if !errors.Is(err, engine.ErrDamaged) {
			t.Errorf("shard %d: %v", s, err)
		}
		failed = append(failed, s)
		return nil
	}}, h.take)
	if err != nil || !slices.Equal(failed, []int{1}) || h.len() != 4 {
		t.Errorf("heard %q; failed %v; %v", h.rows, failed, err)
	}
	if err := n.Follow(t.Context(), node.FollowOptions{}, (&heard{}).take); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("who takes no part: %v", err)
	}
	if err := n.Follow(t.Context(), node.FollowOptions{Shards: []int{1}, Live: true,
		Failed: func(int, error) error { return nil }}, (&heard{}).take); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("no shard is left: %v", err)
	}
	var b bytes.Buffer
	cursor, err := n.WriteData(t.Context(), &b, graph.DataOptions{Partial: true})
	missing, ok := errors.AsType[*graph.MissingError](err)
	if !ok || !slices.Equal(missing.Shards, []int{1}) || strings.Count(b.String(), "\n") != 4 ||
		!strings.Contains(b.String(), "\n# incomplete: shards [1] are missing: ") {
		t.Errorf("data: %v\n%s", err, b.String())
	}
	if _, has := cursor[1]; has || cursor[2] != logs[2].marks[2] {
		t.Errorf("cursor %v", cursor)
	}
}

// TestHaltedShardIsKnown: nothing is written when it is known that shards are missing, unless a part is asked for.
func TestHaltedShardIsKnown(t *testing.T) {
	c := newCluster(t, 2, nil)
	f := takeOver(t, c.store, 1, 1)
	if _, err := c.store.Shard(1).Append(t.Context(), f.marks[0].Position, []byte("damage")); err != nil {
		t.Fatal(err)
	}
	c.start("n1")
	n := c.nodes["n1"]
	eventually(t, "one is owned, one halted", func() bool {
		s := n.Status().Shards
		return s[0].State == "owning" && s[1].State == "halted"
	})
	for _, partial := range []bool{false, true} {
		var b bytes.Buffer
		cursor, err := n.WriteData(t.Context(), &b, graph.DataOptions{Partial: partial})
		if _, ok := errors.AsType[*graph.MissingError](err); !ok || (b.Len() > 0) != partial || (len(cursor) == 1) != partial {
			t.Errorf("partial %v: %v, %q, %v", partial, cursor, b.String(), err)
		}
	}
}

// TestCopiesAreKept: the data of shards that the node has no part in are read from the log once, and then what is new.
func TestCopiesAreKept(t *testing.T) {
	e := &counting{Engine: memory.New(2)}
	f := takeOver(t, e, 0, 1)
	for i := range 10 {
		f.delta(i)
	}
	n := idle(t, e, 2, nil)
	data := func() (string, engine.Cursor) {
		var b bytes.Buffer
		cursor, err := n.WriteData(t.Context(), &b, graph.DataOptions{})
		if err != nil {
			t.Error(err)
		}
		return b.String(), cursor
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if text, cursor := data(); strings.Count(text, "\n") != 10 || cursor[0] != f.marks[10] {
				t.Errorf("%s%v", text, cursor)
			}
		})
	}
	all.Wait()
	if n := e.reads.Load(); n != 1 {
		t.Errorf("the log was read %d times for readers that came at once", n)
	}
	last := f.delta(10)
	if text, cursor := data(); strings.Count(text, "\n") != 11 || cursor[0] != last {
		t.Errorf("%s%v", text, cursor)
	}
	if n, from := e.reads.Load(), e.from.Load(); n != 2 || from != f.marks[10].Position+1 {
		t.Errorf("read %d times, then from %d", n, from)
	}
	if shards, size := n.CopyShards(); shards != 1 || size < 11*256 {
		t.Errorf("%d copies of %d bytes", shards, size)
	}
}

func TestCopiesAreBounded(t *testing.T) {
	const shards = 6
	e := memory.New(shards)
	for s := range shards {
		f := takeOver(t, e, s, 1)
		for i := range 10 {
			f.delta(i)
		}
	}
	for _, limit := range []int{3 * 11 * 256, -1} {
		n := idle(t, e, shards, func(c *graph.Config) { c.MaxCopies = limit })
		for range 2 {
			var b bytes.Buffer
			if _, err := n.WriteData(t.Context(), &b, graph.DataOptions{}); err != nil || strings.Count(b.String(), "\n") != 10*shards {
				t.Errorf("%v\n%s", err, b.String())
			}
		}
		if kept, size := n.CopyShards(); kept != max(limit, 0)/(11*256) || size > max(limit, 0) {
			t.Errorf("limit %d: %d copies of %d bytes", limit, kept, size)
		}
	}
}
