package pipeline_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// switched runs the source of a node as its configuration does.
func switched(t *testing.T, g *graph.Graph, from connector.Source) (*pipeline.Source, *pipeline.Control, func()) {
	t.Helper()
	s := pipeline.NewSource(g, from, pipeline.SourceConfig{Name: "src", Idle: 5 * time.Millisecond, LagEvery: 2 * time.Millisecond,
		Switches: g.Coordinator(), Logger: slog.New(slog.DiscardHandler), Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	return s, &pipeline.Control{Switches: g.Coordinator(), Sources: map[string]*pipeline.Source{"src": s}}, running(t, s.Run)
}

func turn(t *testing.T, c *pipeline.Control, kind pipeline.Kind, name string, paused bool) {
	t.Helper()
	w, err := c.Turn(t.Context(), kind, name, "ops", paused)
	if err != nil || w.Paused != paused || w.By != "ops" || w.Since.IsZero() {
		t.Fatalf("%+v, %v", w, err)
	}
}

// TestPausedSourceMoves: a source that is paused reads nothing, on whichever node its home is, and goes on where it was.
func TestPausedSourceMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where nobody is taken for dead because the machine is busy
		c := newGraphs(t)
		c.failAfter = time.Second
		b := newBroker(message("a", 0), message("a", 1))
		first := c.start("n1")
		s1, control1, _ := switched(t, first, b)
		until(t, "all are committed", func() bool { return s1.Status().Messages == 2 })
		turn(t, control1, pipeline.SourceKind, "src", true)
		until(t, "it is paused", func() bool { st := s1.Status(); return st.Paused && !st.Running })
		b.send(message("a", 2), message("a", 3))
		opened := func() (n, open int) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.opened, b.open
		}
		before, open := opened()
		if open != 0 {
			t.Errorf("%d connections are open", open)
		}
		second := c.start("n2")
		s2, control2, _ := switched(t, second, b)
		c.stops["n1"]()
		until(t, "the other node has its home", func() bool { return s2.Status().Paused })
		if st := s2.Status(); st.Running || st.Messages != 0 {
			t.Errorf("it runs where it has moved to: %+v", st)
		}
		if after, _ := opened(); after != before {
			t.Errorf("it was opened %d times while it was paused", after-before)
		}
		turn(t, control2, pipeline.SourceKind, "src", false)
		until(t, "the rest is committed", func() bool { return strings.Count(quads(t, second), "urn:has") == 4 })
		if s1.Status().Messages != 2 {
			t.Errorf("the first has read on: %+v", s1.Status())
		}
		if _, err := control2.Turn(t.Context(), pipeline.SourceKind, "other", "", true); err == nil {
			t.Error("a source that isn't there is paused")
		}
		if _, err := control2.Turn(t.Context(), pipeline.SinkKind, "src", "", true); err == nil {
			t.Error("a sink that isn't there is paused")
		}
	})
}

// TestTurnedFast: what was turned off and on again begins anew, and so does what is restarted.
func TestTurnedFast(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	b := newBroker(message("a", 0))
	s, control, _ := switched(t, g, b)
	until(t, "it runs", func() bool { return s.Status().Messages == 1 })
	anew := func(what string, change func()) {
		t.Helper()
		b.mu.Lock()
		before := b.opened
		b.mu.Unlock()
		change()
		until(t, what, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.opened > before && b.open == 1 })
	}
	anew("it is opened anew after a pause", func() {
		turn(t, control, pipeline.SourceKind, "src", true)
		turn(t, control, pipeline.SourceKind, "src", false)
	})
	anew("it is opened anew after a restart", func() {
		if _, err := g.Coordinator().Restart(t.Context(), pipeline.SourceKind.Switch("src")); err != nil {
			t.Fatal(err)
		}
	})
	b.end()
	until(t, "it has ended", func() bool { return s.Status().Ended })
	b.mu.Lock()
	before := b.opened
	b.mu.Unlock()
	if _, err := g.Coordinator().Restart(t.Context(), pipeline.SourceKind.Switch("src")); err != nil {
		t.Fatal(err)
	}
	until(t, "what had ended is read again", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.opened > before })
}

// TestPausedSink: while a sink is paused nothing is written and no connection is open, and it is known what waits the longest.
func TestPausedSink(t *testing.T) {
	l := newLogs(0)
	l.add(0, rows)
	to := &flaky{}
	e := memory.New(1)
	coord, err := coordinator.New(coordinator.Config{CoordID: "c", LocalNode: "n1", Shards: 1}, e.Control(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := coord.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := pipeline.NewSink(l, to, pipeline.SinkConfig{Name: "out", Switches: coord, Logger: slog.New(slog.DiscardHandler)})
	control := &pipeline.Control{Switches: coord, Sinks: map[string]*pipeline.Sink{"out": s}}
	stop := running(t, s.Run)
	until(t, "it is written", func() bool { return s.Positions()[0] == 10 })
	turn(t, control, pipeline.SinkKind, "out", true)
	until(t, "it is paused", func() bool { return s.Shards()[0].Paused })
	to.mu.Lock()
	if to.writing != 0 {
		t.Errorf("%d writers are open", to.writing)
	}
	to.mu.Unlock()
	l.add(0, rows)
	until(t, "what waits is known", func() bool { return !s.Shards()[0].Oldest.IsZero() })
	if got := s.Shards()[0]; got.At.Position != 10 || len(to.have) != 1 {
		t.Errorf("it was written: %+v", got)
	}
	turn(t, control, pipeline.SinkKind, "out", false)
	until(t, "it is written", func() bool { return s.Positions()[0] == 20 })
	until(t, "there is a rate", func() bool { return s.Rate() > 0 })
	until(t, "nothing waits", func() bool { return s.Shards()[0].Oldest.IsZero() })
	stop()
	if len(s.Shards()) != 0 {
		t.Errorf("%+v", s.Shards())
	}
}

// measured is a broker that tells what it has.
type measured struct {
	*broker
	mu      sync.Mutex
	extents []connector.Extent
}

func (m *measured) Open(ctx context.Context, p connector.Progress) (connector.Reader, error) {
	r, err := m.broker.Open(ctx, p)
	return measuredReader{r, m}, err
}

type measuredReader struct {
	connector.Reader
	m *measured
}

func (r measuredReader) Extents(context.Context) ([]connector.Extent, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.m.extents, nil
}

// TestLag: what the peer has and what is committed make the lag; without the one it isn't known.
func TestLag(t *testing.T) {
	g := newGraphs(t).start("n1")
	old := message("a", 4)
	old.Time = time.Now().Add(-time.Hour)
	m := &measured{broker: newBroker(old, message("b", 1)), extents: []connector.Extent{{Stream: "a", First: 2, End: 9}, {Stream: "c", First: 3, End: 5}}}
	s, _, _ := switched(t, g, m)
	until(t, "all is known", func() bool { st := s.Status(); return st.Messages == 2 && len(st.Streams) == 3 && st.Streams[0].Known })
	st := s.Status().Streams
	if a := st[0]; a.Stream != "a" || a.Next != 5 || a.Lag != 4 || a.First != 2 || a.End != 9 || a.Behind < time.Hour {
		t.Errorf("%+v", a)
	}
	if c := st[1]; c.Stream != "c" || c.Lag != 2 || c.Behind == 0 {
		t.Errorf("a stream of which nothing was read: %+v", c)
	}
	if b := st[2]; b.Stream != "b" || b.Known || b.Next != 2 {
		t.Errorf("a stream of which the peer says nothing: %+v", b)
	}
	until(t, "there is a rate", func() bool { return s.Status().Rate > 0 })
	m.mu.Lock()
	m.extents[0].End = 5
	m.mu.Unlock()
	until(t, "there is no lag", func() bool {
		for _, st := range s.Status().Streams {
			if st.Stream == "a" {
				return st.Lag == 0 && st.Behind == 0
			}
		}
		return false
	})
}
