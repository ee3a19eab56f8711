package graph_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test; it is far longer than any takes.
const patience = 3 * time.Minute

func config(shards int) graph.Config {
	return graph.Config{Config: node.Config{Name: "n1", Engine: memory.New(shards), Transport: shipper.NewInProcess(64),
		Logger: slog.New(slog.DiscardHandler)}}
}

// run starts a graph, which ends with the test.
func run(t *testing.T, cfg graph.Config) *graph.Graph {
	t.Helper()
	g, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := g.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func quads(objects ...string) iter.Seq[rdf.Quad] {
	var all []rdf.Quad
	for _, o := range objects {
		all = append(all, rdf.Quad{S: rdf.Trusted("<urn:s>"), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted(`"` + o + `"`)})
	}
	return slices.Values(all)
}

// TestSubmitQuads: deletes come before adds, the key makes a second time harmless and refuses other quads, and the view
// shows what was accepted.
func TestSubmitQuads(t *testing.T) {
	g := run(t, config(4))
	first, err := g.SubmitQuads(t.Context(), "k1", nil, quads("a", "b"))
	if err != nil || len(first) != 1 || first[0].Adds != 2 || first[0].Duplicate {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := g.SubmitQuads(t.Context(), "k1", nil, quads("a", "b"))
	if err != nil || !again[0].Duplicate || again[0].Position != first[0].Position {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := g.SubmitQuads(t.Context(), "k1", quads("a"), nil); !errors.Is(err, event.ErrReused) {
		t.Errorf("the key for other quads: %v", err)
	}
	if _, err := g.SubmitQuads(t.Context(), "k\xff", nil, quads("a")); !errors.Is(err, event.ErrKey) {
		t.Errorf("a key that is no text: %v", err)
	}
	second, err := g.SubmitQuads(t.Context(), "", quads("b", "c"), quads("c", "d"))
	if err != nil || second[0].Deletes != 1 || second[0].Adds != 2 {
		t.Fatalf("%+v, %v", second, err)
	}
	view, mark, err := g.View(t.Context(), second[0].Shard)
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	var got []string
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, q.O.Value())
	}
	if slices.Sort(got); !slices.Equal(got, []string{"a", "c", "d"}) || mark.Position != second[0].Position || mark.ID != second[0].Head {
		t.Errorf("%v at %v", got, mark)
	}
	if s := g.Status(); s.Submissions != 4 || s.Changes != 2+2+1+4 || s.Shards[second[0].Shard].Size != 3 {
		t.Errorf("%d submissions, %d changes, %+v", s.Submissions, s.Changes, s.Shards)
	}
}

// mute is an engine of whose logs one no longer says where it ends, as without a majority of its servers.
type mute struct {
	engine.Engine
	shard int
	quiet atomic.Bool
}

type muteLog struct {
	engine.ShardLog
	quiet *atomic.Bool
}

func (m *mute) Shard(s int) engine.ShardLog {
	l := m.Engine.Shard(s)
	if s == m.shard {
		return muteLog{l, &m.quiet}
	}
	return l
}

func (m *mute) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	return enginetest.EndsByTails(ctx, m, shards)
}

func (l muteLog) Tail(ctx context.Context) (engine.Entry, error) {
	if l.quiet.Load() {
		<-ctx.Done()
		return engine.Entry{}, ctx.Err()
	}
	return l.ShardLog.Tail(ctx)
}

// TestDataWithoutMajority: a log that doesn't answer is an error soon, and the other shards are there for who wants them.
func TestDataWithoutMajority(t *testing.T) {
	t.Parallel()
	cfg := config(2)
	m := &mute{Engine: cfg.Engine, shard: 1}
	cfg.Engine = m
	g := run(t, cfg)
	var doc string
	for i := range 20 {
		doc += fmt.Sprintf("A <urn:s%d> <urn:p> <urn:o> .\n", i)
	}
	if _, err := g.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(doc)}); err != nil {
		t.Fatal(err)
	}
	m.quiet.Store(true)
	for _, partial := range []bool{false, true} {
		var b strings.Builder
		cursor, err := g.WriteData(t.Context(), &b, graph.DataOptions{Partial: partial})
		missing, ok := errors.AsType[*graph.MissingError](err)
		if !ok || !slices.Equal(missing.Shards, []int{1}) || !errors.Is(err, engine.ErrNoLeader) {
			t.Errorf("%v", err)
		}
		if _, other := cursor[0]; other != partial || strings.Contains(b.String(), "<urn:p>") != partial {
			t.Errorf("partial: %v; %v, %q", partial, cursor, b.String())
		}
	}
}

// TestWrongTerm: quads of a program that are none are refused before anything is sent, by their number, and what is sent is
// checked.
func TestWrongTerm(t *testing.T) {
	g := run(t, config(4))
	good := rdf.Quad{S: rdf.Trusted("<urn:s>"), P: rdf.Trusted("<urn:p>"), O: rdf.Trusted("<urn:o>")}
	literal := rdf.Trusted(`"a"`)
	for name, bad := range map[string]rdf.Quad{
		"literal as subject":   {S: literal, P: good.P, O: good.O},
		"literal as predicate": {S: good.S, P: literal, O: good.O},
		"literal as graph":     {S: good.S, P: good.P, O: good.O, G: literal},
		"no object":            {S: good.S, P: good.P},
		"nothing":              {},
		"not one term":         {S: good.S, P: good.P, O: rdf.Trusted(`"a" "b"`)},
		"more than a quad":     {S: good.S, P: good.P, O: good.O, G: rdf.Trusted("<urn:g> .\nA <urn:s> <urn:p> <urn:o>")},
		"not canonical":        {S: good.S, P: good.P, O: rdf.Trusted(`"\u0041"`)},
		"not UTF-8":            {S: good.S, P: good.P, O: rdf.Trusted("\"\xff\"")},
	} {
		_, err := g.SubmitQuads(t.Context(), "", slices.Values([]rdf.Quad{good}), slices.Values([]rdf.Quad{good, bad}))
		if !errors.Is(err, rdf.ErrInvalid) || !strings.Contains(err.Error(), "addition 2") {
			t.Errorf("%s: %v, want ErrInvalid of addition 2", name, err)
		}
	}
	if s := g.Status(); s.Stats.Bad != 0 || s.Submissions != 0 {
		t.Errorf("%d bad events, %d submissions", s.Stats.Bad, s.Submissions)
	}
	events, err := g.Divide(graph.Submission{MediaType: "application/n-quads", Body: []byte("<urn:s> <urn:p> <urn:o> .")}, event.Producer{}, 1)
	if err != nil || len(events) != 1 || !events[0].Checked {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestViewOfNoShard(t *testing.T) {
	g := run(t, config(2))
	for _, shard := range []int{-1, 2} {
		if v, _, err := g.View(t.Context(), shard); err == nil {
			t.Errorf("shard %d: %v", shard, v)
		}
	}
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*graph.Config){
		"key":         func(c *graph.Config) { c.Key = "object" },
		"key name":    func(c *graph.Config) { c.KeyName = "subject" },
		"transaction": func(c *graph.Config) { c.MaxTransaction = 1 << 30 },
		"queries":     func(c *graph.Config) { c.Queries.Concurrent = -1 },
		"engine":      func(c *graph.Config) { c.Engine = nil },
	} {
		cfg := config(1)
		change(&cfg)
		if _, err := graph.New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestOtherLogic: a logic of one's own that shows no quads has none to view; its events are evaluated all the same.
func TestOtherLogic(t *testing.T) {
	cfg := config(1)
	cfg.Logic = func(int) operator.Logic {
		return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil },
			func([]byte) error { return nil })
	}
	g := run(t, cfg)
	if _, err := g.SubmitQuads(t.Context(), "", nil, quads("a")); err != nil {
		t.Error(err)
	}
	if v, _, err := g.View(t.Context(), 0); err == nil {
		t.Errorf("%v", v)
	}
}

// TestViewOfClosed: while a node drops a shard that it has on a disk, who reads the shard gets its quads all the same, from a copy.
func TestViewOfClosed(t *testing.T) {
	dir := t.TempDir()
	var logics []*ondisk.Logic
	cfg := config(1)
	cfg.Logic = func(int) operator.Logic {
		logics = append(logics, ondisk.New(disk.Options{Dir: filepath.Join(dir, "0"), Cache: 1 << 20}))
		return logics[len(logics)-1]
	}
	g := run(t, cfg)
	if _, err := g.SubmitQuads(t.Context(), "", nil, quads("a")); err != nil {
		t.Fatal(err)
	}
	for _, l := range logics {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	v, at, err := g.View(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if v.Len() != 1 || v.Position() != at.Position {
		t.Errorf("%d quads at %d, said to be at %d", v.Len(), v.Position(), at.Position)
	}
}
