package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
)

// deletion takes out what message n has as "all".
func deletion(t *testing.T, g *graph.Graph, stream string, n int) {
	t.Helper()
	body := fmt.Sprintf("TX .\nD <urn:%s/all> <urn:has> \"%d\" .\nTC .\n", stream, n)
	if _, err := g.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

// TestSeekSource: what is read again after a seek is applied again, of that stream alone; a batch of before has no effect any more; and
// what is read again after that has none.
func TestSeekSource(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	b := newBroker()
	for i := range 5 {
		b.send(message("a", i), message("b", i))
	}
	s, control, stop := switched(t, g, b)
	until(t, "all are committed", func() bool { return s.Status().Messages == 10 })
	has := func(stream string) int { return strings.Count(quads(t, g), "<urn:"+stream+"/all>") }
	for i := range 5 {
		deletion(t, g, "a", i)
		deletion(t, g, "b", i)
	}
	if err := control.SeekSource(t.Context(), "src", pipeline.SourcePlace{Stream: "a", Offset: 2}); err != nil {
		t.Fatal(err)
	}
	until(t, "they are applied again", func() bool { return has("a") == 3 })
	if has("b") != 0 {
		t.Error("another stream was read again")
	}
	acks, err := g.SendBatch(t.Context(), []event.Addressed{{Shard: 1, Event: event.Event{Producer: event.Producer{Name: "src/a"}, Seq: 9,
		MediaType: graph.TypePatch, Payload: []byte("TX .\nA <urn:late> <urn:p> 1 .\nTC .\n")}}})
	if err != nil || acks[0].Status != event.Duplicate {
		t.Errorf("a batch of before: %+v, %v", acks, err)
	}
	turn(t, control, pipeline.SourceKind, "src", true)
	if err := control.SeekSource(t.Context(), "src", pipeline.SourcePlace{}); err != nil {
		t.Fatal(err)
	}
	until(t, "it is paused", func() bool { return s.Status().Paused })
	if has("b") != 0 {
		t.Error("it was read while it was paused")
	}
	turn(t, control, pipeline.SourceKind, "src", false)
	until(t, "all are applied again", func() bool { return has("a") == 5 && has("b") == 5 })
	stop()
	deletion(t, g, "a", 0)
	s, _, _ = switched(t, g, forgetful{b})
	until(t, "all are read again", func() bool { return s.Status().Messages == 10 })
	if has("a") != 4 {
		t.Errorf("a second effect: %s", quads(t, g))
	}
	if err := control.SeekSource(t.Context(), "none", pipeline.SourcePlace{}); err == nil {
		t.Error("a source that isn't there seeks")
	}
}

// seekable is a target that can be told where a shard is.
type seekable struct {
	mu    sync.Mutex
	at    engine.Mark
	wrote []uint64
	fail  int // of the next seeks
}

func (s *seekable) Promise() connector.Promise { return connector.Once }
func (s *seekable) Open(context.Context, int) (connector.Writer, error) {
	return s, nil
}

func (s *seekable) Seek(_ context.Context, _ int, to engine.Mark) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return errors.New("no answer")
	}
	s.at, s.wrote = to, nil
	return nil
}

func (s *seekable) Target() string { return "memory" }
func (s *seekable) Close() error   { return nil }
func (s *seekable) At() engine.Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *seekable) Write(_ context.Context, records []connector.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.at, s.wrote = r.Mark, append(s.wrote, r.Position)
	}
	return nil
}

func (s *seekable) has() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uint64{}, s.wrote...)
}

// TestSeekSink: the owner of a shard has the target go on where it is told, once, also after an error and when it is started again.
func TestSeekSink(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	to := &seekable{fail: 1}
	begin := func() (*pipeline.Sink, *pipeline.Control, func()) {
		s := pipeline.NewSink(g, to, pipeline.SinkConfig{Name: "out", Switches: g.Coordinator(), Place: g, Logger: slog.New(slog.DiscardHandler)})
		return s, &pipeline.Control{Switches: g.Coordinator(), Sinks: map[string]*pipeline.Sink{"out": s}}, running(t, s.Run)
	}
	var positions []uint64
	for i := range 4 {
		acks, err := g.SendBatch(t.Context(), []event.Addressed{{Shard: 2, Event: event.Event{MediaType: graph.TypePatch,
			Payload: fmt.Appendf(nil, "TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", i)}}})
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, acks[0].Position)
	}
	_, control, stop := begin()
	until(t, "all is written", func() bool { return len(to.has()) == 4 })
	if err := control.SeekSink(t.Context(), "out", positions[1], 2); err != nil {
		t.Fatal(err)
	}
	wrote := func(n int) func() bool {
		return func() bool { w := to.has(); return len(w) >= n && w[0] == positions[2] }
	}
	until(t, "what is behind is written again", wrote(2))
	if err := control.SeekSink(t.Context(), "out", positions[1]+100, 2); !errors.Is(err, node.ErrCursor) {
		t.Errorf("a position that isn't there: %v", err)
	}
	before := len(to.has())
	stop()
	_, control, stop = begin()
	if _, err := g.SendBatch(t.Context(), []event.Addressed{{Shard: 2, Event: event.Event{MediaType: graph.TypePatch,
		Payload: []byte("TX .\nA <urn:s> <urn:p> \"last\" .\nTC .\n")}}}); err != nil {
		t.Fatal(err)
	}
	until(t, "it went on", func() bool { return len(to.has()) > before })
	if w := to.has(); w[0] != positions[2] {
		t.Errorf("the order was carried out again: %v", w)
	}
	if err := control.SeekSink(t.Context(), "out", 0, 2); err != nil {
		t.Fatal(err)
	}
	until(t, "all is written again", func() bool { w := to.has(); return len(w) > 4 && w[0] == positions[0] })
	stop()
	plain := pipeline.NewSink(g, &flaky{}, pipeline.SinkConfig{Name: "plain", Switches: g.Coordinator(), Place: g})
	control.Sinks["plain"] = plain
	if err := control.SeekSink(t.Context(), "plain", 0, 2); !errors.Is(err, pipeline.ErrNotSeekable) || plain.Seekable() {
		t.Errorf("a target that can't: %v", err)
	}
}
