package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// listener is a target that can't tell how far it is.
type listener struct {
	mu    sync.Mutex
	begun []uint64 // where each connection of shard 2 began
	heard []string // the rows of each delta that has some
}

func (*listener) Promise() connector.Promise { return connector.AtLeastOnce }

func (l *listener) Open(ctx context.Context, shard int) (connector.Writer, error) {
	return l.OpenAt(ctx, shard, engine.Mark{})
}

func (l *listener) OpenAt(_ context.Context, shard int, at engine.Mark) (connector.Writer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if shard == 2 {
		l.begun = append(l.begun, at.Position)
	}
	return &hearing{l: l, at: at}, nil
}

// texts are the values of what was heard.
func (l *listener) texts() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.heard, "")
}

func (l *listener) beginnings() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.begun)
}

// hearing is a connection of a listener.
type hearing struct {
	l  *listener
	at engine.Mark
}

func (h *hearing) Target() string  { return "listener" }
func (h *hearing) At() engine.Mark { return h.at }
func (h *hearing) Close() error    { return nil }

func (h *hearing) Write(_ context.Context, records []connector.Record) error {
	h.l.mu.Lock()
	defer h.l.mu.Unlock()
	for _, r := range records {
		if _, value, has := strings.Cut(string(r.Body), `<urn:p> "`); has {
			h.l.heard = append(h.l.heard, value[:1])
		}
		h.at = r.Mark
	}
	return nil
}

// notes counts the notes that are committed, and may refuse them.
type notes struct {
	*graph.Graph
	mu     sync.Mutex
	n      int
	refuse bool
}

func (n *notes) SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	note := strings.Contains(events[0].Producer.Name, "/at/")
	n.mu.Lock()
	refuse := n.refuse && note
	n.mu.Unlock()
	if refuse {
		return nil, errors.New("no majority")
	}
	acks, err := n.Graph.SendBatch(ctx, events)
	if note && err == nil {
		n.mu.Lock()
		n.n++
		n.mu.Unlock()
	}
	return acks, err
}

func (n *notes) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.n
}

// listening is a sink of shard 2 that writes to a listener.
type listening struct {
	t    *testing.T
	g    *graph.Graph
	to   *listener
	door *notes
}

// begin runs it, until what is returned is called.
func (l *listening) begin(every time.Duration) (_ *pipeline.Control, stop func()) {
	s := pipeline.NewSink(l.g, l.to, pipeline.SinkConfig{Name: "out", Switches: l.g.Coordinator(), Place: l.door, KeepEvery: every,
		Logger: slog.New(slog.DiscardHandler), Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	return &pipeline.Control{Switches: l.g.Coordinator(), Sinks: map[string]*pipeline.Sink{"out": s}}, running(l.t, s.Run)
}

// commit commits a delta of the shard, and returns its position.
func (l *listening) commit(value string) uint64 {
	l.t.Helper()
	acks, err := l.g.SendBatch(l.t.Context(), []event.Addressed{{Shard: 2, Event: event.Event{MediaType: graph.TypePatch,
		Payload: fmt.Appendf(nil, "TX .\nA <urn:s> <urn:p> \"%s\" .\nTC .\n", value)}}})
	if err != nil {
		l.t.Fatal(err)
	}
	return acks[0].Position
}

// hears waits until all values were written, in order, since the start.
func (l *listening) hears(want string) {
	l.t.Helper()
	until(l.t, "it has heard "+want, func() bool { return len(l.to.texts()) >= len(want) })
	if got := l.to.texts(); got != want {
		l.t.Fatalf("it has heard %s, want %s", got, want)
	}
}

func newListening(t *testing.T) *listening {
	g := newGraphs(t).start("n1")
	return &listening{t: t, g: g, to: &listener{}, door: &notes{Graph: g}}
}

// TestKeepsPlace: a target that can't tell how far it is gets each delta once, over restarts; and after a crash again what was not
// noted. A note is no reason for another one.
func TestKeepsPlace(t *testing.T) {
	l := newListening(t)
	l.commit("a")
	_, stop := l.begin(time.Hour)
	l.commit("b")
	l.hears("ab")
	stop() // notes
	if n := l.door.count(); n != 1 {
		t.Errorf("%d notes at the end of a connection", n)
	}
	l.commit("c")
	_, stop = l.begin(time.Millisecond)
	l.hears("abc")
	until(t, "it is noted", func() bool { return l.door.count() == 2 })
	l.commit("d")
	l.hears("abcd")
	until(t, "it is noted again", func() bool { return l.door.count() == 3 })
	stop()
	if n := l.door.count(); n != 3 {
		t.Errorf("%d notes for two deltas since: notes are noted", n-1)
	}
	l.door.refuse = true
	_, stop = l.begin(time.Hour)
	l.commit("e")
	l.hears("abcde")
	stop() // as a crash: nothing is noted
	l.door.refuse = false
	_, stop = l.begin(time.Hour)
	l.hears("abcdee")
	stop()
}

// TestSeeksPlace: a target that can't tell how far it is begins where it was told, and goes on from there; what is noted of before the
// order has no effect.
func TestSeeksPlace(t *testing.T) {
	l := newListening(t)
	var positions []uint64
	for _, value := range []string{"a", "b", "c", "d"} {
		positions = append(positions, l.commit(value))
	}
	control, stop := l.begin(time.Millisecond)
	l.hears("abcd")
	if err := control.SeekSink(t.Context(), "out", positions[1], 2); err != nil {
		t.Fatal(err)
	}
	l.hears("abcdcd")
	if !slices.Contains(l.to.beginnings(), positions[1]) {
		t.Errorf("it began behind %d, want %d", l.to.beginnings(), positions[1])
	}
	if err := control.SeekSink(t.Context(), "out", 0, 2); err != nil {
		t.Fatal(err)
	}
	l.hears("abcdcdabcd")
	stop()
	l.commit("e")
	control, stop = l.begin(time.Millisecond)
	l.hears("abcdcdabcde")
	turn(t, control, pipeline.SinkKind, "out", true)
	until(t, "it is paused", func() bool { return control.Sinks["out"].Shards()[2].Paused })
	skipped := l.commit("f")
	if err := control.SeekSink(t.Context(), "out", skipped, 2); err != nil {
		t.Fatal(err)
	}
	turn(t, control, pipeline.SinkKind, "out", false)
	l.commit("g")
	l.hears("abcdcdabcdeg")
	stop()
	if begun := l.to.beginnings(); slices.Max(begun) < skipped {
		t.Errorf("connections began behind %v", begun)
	}
}

// TestPlaceMoves: a node that takes a shard over goes on where the one before had come to.
func TestPlaceMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where nobody is taken for dead because the machine is busy
		c := newGraphs(t)
		c.failAfter = time.Second
		g := c.start("n1")
		l := &listening{t: t, g: g, to: &listener{}, door: &notes{Graph: g}}
		l.commit("a")
		l.commit("b")
		_, stop := l.begin(time.Hour)
		l.hears("ab")
		stop()
		c.start("n2")
		c.stops["n1"]()
		l.g, l.door = c.nodes["n2"], &notes{Graph: c.nodes["n2"]}
		_, stop = l.begin(time.Hour)
		l.commit("c")
		l.hears("abc")
		stop()
	})
}
