package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/contain"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// faults panic at some calls of a connector: each name stands for one call, which panics before it has done anything, or behind that.
type faults struct {
	mu   sync.Mutex
	left map[string]int // by call: how often it panics yet
}

func (f *faults) at(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left[call] > 0 {
		f.left[call]--
		panic("faulty " + call)
	}
}

func (f *faults) none() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.left {
		if n > 0 {
			return false
		}
	}
	return true
}

// faultySource has the faults of its calls, and one in a goroutine of its own, which it contains.
type faultySource struct {
	*broker
	*faults
}

func (s faultySource) Open(ctx context.Context, p connector.Progress) (connector.Reader, error) {
	s.at("open")
	r, err := s.broker.Open(ctx, p)
	return faultyReader{r.(*brokerReader), s.faults}, err
}

type faultyReader struct {
	*brokerReader
	*faults
}

func (r faultyReader) Read(ctx context.Context) (list []connector.Message, err error) {
	r.at("read")
	own := make(chan error)
	go func() { own <- contain.Do(func() error { r.at("own goroutine"); return nil }) }()
	if err := <-own; err != nil {
		return nil, err
	}
	list, err = r.brokerReader.Read(ctx)
	r.at("behind read")
	return list, err
}

func (r faultyReader) Ack(ctx context.Context, m []connector.Message) error {
	r.at("ack")
	err := r.brokerReader.Ack(ctx, m)
	r.at("behind ack")
	return err
}

func (r faultyReader) Close() error {
	err := r.brokerReader.Close()
	r.at("close")
	return err
}

func (r faultyReader) Extents(context.Context) ([]connector.Extent, error) {
	r.at("extents")
	return nil, nil
}

// TestPanicOfASource: a panic of a source, wherever, ends its connection and not the process; nothing is lost or has its effect twice.
func TestPanicOfASource(t *testing.T) {
	g := newGraphs(t).start("n1")
	b := newBroker()
	b.batch = 3
	for i := range 40 {
		b.send(message("a", i))
	}
	f := &faults{left: map[string]int{"open": 2, "read": 2, "own goroutine": 2, "behind read": 2, "ack": 2, "behind ack": 2, "close": 2, "extents": 2, "map": 1}}
	var log logtext.Text
	cfg := pipeline.SourceConfig{Name: "src", Idle: 5 * time.Millisecond, LagEvery: time.Millisecond, Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond},
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Map: func(m connector.Message) (graph.Submission, error) {
			if m.Offset == 39 { // which becomes a dead letter
				f.at("map")
			}
			return graph.Submission{MediaType: m.MediaType, Body: m.Body}, nil
		}}
	s := pipeline.NewSource(g, faultySource{b, f}, cfg)
	running(t, s.Run)
	until(t, "all faults are over, and all is committed", func() bool { return f.none() && s.Status().Rejected == 1 })
	if got := strings.Count(quads(t, g), "\n"); got != 7+39 {
		t.Errorf("%d quads", got)
	}
	b.send(message("b", 0))
	until(t, "the source goes on", func() bool { return strings.Contains(quads(t, g), "urn:b/all") })
	text := log.String()
	for _, call := range []string{"open", "read", "own goroutine", "behind read", "ack", "behind ack", "close", "extents", "map"} {
		if n := strings.Count(text, `panic="faulty `+call+`"`); n != 1 || !strings.Contains(text, "faults).at") {
			t.Errorf("%s: the log has %d stacks", call, n)
		}
	}
	if !strings.Contains(text, "a fault of the program (panic: faulty ") {
		t.Errorf("the error names no panic: %s", text)
	}
}

// faultySink has the faults of its calls.
type faultySink struct {
	connector.Sink
	*faults
}

func (s faultySink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	s.at("open")
	w, err := s.Sink.Open(ctx, shard)
	return faultyWriter{w, s.faults}, err
}

type faultyWriter struct {
	connector.Writer
	*faults
}

func (w faultyWriter) Target() string { w.at("target"); return w.Writer.Target() }

func (w faultyWriter) At() engine.Mark { w.at("at"); return w.Writer.At() }

func (w faultyWriter) Write(ctx context.Context, records []connector.Record) error {
	w.at("write")
	if len(records) > 1 {
		w.at("half") // of what was to be written
		if err := w.Writer.Write(ctx, records[:1]); err != nil {
			return err
		}
		w.at("behind half")
		records = records[1:]
	}
	err := w.Writer.Write(ctx, records)
	w.at("behind write")
	return err
}

func (w faultyWriter) Close() error {
	err := w.Writer.Close()
	w.at("close")
	return err
}

// TestPanicOfASink: a panic of a sink, wherever, ends the connection of the shard and not the process; each delta is in the target once.
func TestPanicOfASink(t *testing.T) {
	l := newLogs(0, 1)
	dir := t.TempDir()
	to, err := file.New(file.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f := &faults{left: map[string]int{"open": 2, "at": 3, "write": 3, "half": 2, "behind half": 2, "behind write": 3, "close": 2, "target": 2}}
	var log logtext.Text
	s := pipeline.NewSink(l, faultySink{to, f}, pipeline.SinkConfig{Name: "test", Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	running(t, s.Run)
	for i := 0; !f.none(); i++ {
		for shard := range 2 {
			l.add(shard, "TX .\nA <urn:s> <urn:p> \""+strings.Repeat("x", i%7)+"\" .\nTC .\n")
		}
		if i > 50_000 {
			t.Fatalf("faults that don't come: %v", f.left)
		}
		select {
		case <-time.After(100 * time.Microsecond):
		case <-t.Context().Done():
		}
	}
	for shard := range 2 {
		until(t, "all is written", func() bool { return read(t, dir, shard) == l.want(shard) })
	}
	until(t, "no shard fails any more", func() bool { return len(s.Failures()) == 0 })
	if text := log.String(); strings.Count(text, `panic="faulty write"`) != 1 || !strings.Contains(text, "faults).at") {
		t.Errorf("the log has %s", text)
	}
}

// TestPanicIsNotGivenUp: what a panic was called with says nothing of how to go on.
func TestPanicIsNotGivenUp(t *testing.T) {
	err := contain.Do(func() error { panic(connector.ErrGiveUp) })
	if errors.Is(err, connector.ErrGiveUp) || err == nil {
		t.Error(err)
	}
}
