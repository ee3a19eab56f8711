package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

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

// failing is a door that fails the next calls that it is told of.
type failing struct {
	*graph.Graph
	mu        sync.Mutex
	sequences int
	batches   map[string]int // by a part of a producer's name
	failed    map[string]int
}

func (f *failing) Sequence(ctx context.Context, shard int, p event.Producer) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(p.Name, "!replay/") && f.sequences > 0 {
		f.sequences--
		return 0, event.ErrNoOwner
	}
	return f.Graph.Sequence(ctx, shard, p)
}

func (f *failing) SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	f.mu.Lock()
	for part, left := range f.batches {
		if left > 0 && strings.Contains(events[0].Producer.String(), part) && (part != "src/a" || events[0].Seq == 1<<62) {
			f.batches[part]--
			f.failed[part]++
			f.mu.Unlock()
			if part == "src/a" {
				return make([]event.Ack, len(events)), event.ErrBusy
			}
			acks := make([]event.Ack, len(events))
			acks[0] = event.Ack{Status: event.Halted, Reason: "broken"}
			return acks, nil
		}
	}
	f.mu.Unlock()
	return f.Graph.SendBatch(ctx, events)
}

// TestSeekIsWhole: nothing of a new generation is read before the one before has ended in all shards, and it is noted.
func TestSeekIsWhole(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	f := &failing{Graph: g, batches: map[string]int{}, failed: map[string]int{}}
	b := newBroker(message("a", 0), message("a", 1))
	s := pipeline.NewSource(f, b, pipeline.SourceConfig{Name: "src", Idle: time.Millisecond, Switches: g.Coordinator(),
		Logger: slog.New(slog.DiscardHandler), Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	control := &pipeline.Control{Switches: g.Coordinator(), Sources: map[string]*pipeline.Source{"src": s}}
	running(t, s.Run)
	until(t, "all are committed", func() bool { return s.Status().Messages == 2 })
	turn(t, control, pipeline.SourceKind, "src", true)
	until(t, "it is paused", func() bool { return s.Status().Paused })
	f.mu.Lock()
	f.batches["!replay"] = 1
	f.mu.Unlock()
	if err := control.SeekSource(t.Context(), "src", pipeline.SourcePlace{}); !errors.Is(err, event.ErrHalted) {
		t.Errorf("what was not committed is no seek: %v", err)
	}
	if err := control.SeekSource(t.Context(), "src", pipeline.SourcePlace{}); err != nil {
		t.Fatal(err)
	}
	deletion(t, g, "a", 1)
	f.mu.Lock()
	f.sequences, f.batches["src/a"], f.batches["!adopted/"] = 2, 2, 2
	f.mu.Unlock()
	turn(t, control, pipeline.SourceKind, "src", false)
	until(t, "it is applied again", func() bool { return strings.Count(quads(t, g), "urn:has") == 2 })
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sequences != 0 || f.failed["src/a"] != 2 || f.failed["!adopted/"] != 2 {
		t.Errorf("%d and %v: it went on after an error", f.sequences, f.failed)
	}
	if st := s.Status(); st.LastError == nil || !strings.Contains(st.LastError.Error(), "broken") {
		t.Errorf("the last error is %v", st.LastError)
	}
}
