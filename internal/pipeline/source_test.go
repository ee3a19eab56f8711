package pipeline_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

const shards = 4

// message makes the n-th of a stream: its subject gets a new value, and loses the one before.
func message(stream string, n int) connector.Message {
	subject := fmt.Sprintf("<urn:%s/%d> <urn:value>", stream, n%7)
	body := "TX .\n"
	if n >= 7 {
		body += fmt.Sprintf("D %s \"%d\" .\n", subject, n-7)
	}
	body += fmt.Sprintf("A %s \"%d\" .\nA <urn:%s/all> <urn:has> \"%d\" .\nTC .\n", subject, n, stream, n)
	return connector.Message{Stream: stream, Offset: uint64(n), MediaType: graph.TypePatch, Body: []byte(body)}
}

// logsOf are the records of all shards of a kind.
func logsOf(t *testing.T, e *memory.Engine, kind operator.Kind) (list []*operator.Record) {
	t.Helper()
	for s := range shards {
		_, err := e.Shard(s).Read(t.Context(), 0, func(entry engine.Entry) error {
			r, err := operator.Decode(entry.Payload)
			if err == nil && r.Kind == kind {
				list = append(list, r)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// graphs are nodes of a pipeline over one engine. However busy the machine is, nobody is taken for dead soon, unless the test says so.
type graphs struct {
	t         *testing.T
	engine    *memory.Engine
	network   *shipper.InProcess
	failAfter time.Duration
	nodes     map[string]*graph.Graph
	stops     map[string]func()
}

func newGraphs(t *testing.T) *graphs {
	c := &graphs{t: t, engine: memory.New(shards), network: shipper.NewInProcess(256), failAfter: time.Minute, nodes: map[string]*graph.Graph{},
		stops: map[string]func(){}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.network.Run(ctx) }()
	t.Cleanup(func() {
		for _, stop := range c.stops {
			stop()
		}
		cancel()
		<-ended
	})
	return c
}

func (c *graphs) start(name string) *graph.Graph {
	c.t.Helper()
	g, err := graph.New(graph.Config{Config: node.Config{Name: name, Engine: c.engine, Transport: c.network, Logger: slog.New(slog.DiscardHandler),
		BeatEvery: 20 * time.Millisecond, FailAfter: c.failAfter}})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	c.nodes[name], c.stops[name] = g, sync.OnceFunc(func() { cancel(); <-ended })
	if err := g.WaitReady(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	return g
}

// bring runs a source until the test ends or what is returned is called.
func bring(t *testing.T, door pipeline.Door, from connector.Source) (*pipeline.Source, func()) {
	t.Helper()
	s := pipeline.NewSource(door, from, pipeline.SourceConfig{Name: "src", Idle: 5 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	return s, running(t, s.Run)
}

// running runs what is to end without an error, until the test ends or what is returned is called.
func running(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// quads are all, as lines in order.
func quads(t *testing.T, g *graph.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := g.WriteData(t.Context(), &b, graph.DataOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSourceGoesOn: what is committed is not read again, and what is read again has no second effect.
func TestSourceGoesOn(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	b := newBroker()
	for i := range 30 {
		b.send(message("a", i), message("b/x", i))
	}
	s, stop := bring(t, g, b)
	until(t, "all are committed", func() bool { return s.Status().Messages == 60 })
	noted := func(stream string, want uint64) func() bool {
		return func() bool {
			seq, err := g.Sequence(t.Context(), s.Status().Home, event.Producer{Kind: event.Resume, Name: "src/" + stream})
			return err == nil && seq == want
		}
	}
	for _, stream := range []string{"a", "b/x"} {
		until(t, stream+" is noted", noted(stream, 30))
	}
	stop()
	if st := s.Status(); st.Running || st.Err != nil || b.acked != 60 || b.open != 0 {
		t.Errorf("%+v, %d acked, %d open", st, b.acked, b.open)
	}
	before := quads(t, g)
	if got := strings.Count(before, "\n"); got != 2*(7+30) {
		t.Errorf("%d quads:\n%s", got, before)
	}
	b.send(message("a", 30))
	s, _ = bring(t, g, b)
	until(t, "the rest is committed", func() bool { return s.Status().Messages > 0 })
	until(t, "it is noted", noted("a", 31))
	if got := s.Status().Messages; got != 1 {
		t.Errorf("%d messages were read again", got-1)
	}
	// From the start, as a source that has lost its place: all are duplicates.
	again := newBroker(b.messages...)
	lost := forgetful{again}
	before = quads(t, g)
	records := len(logsOf(t, c.engine, operator.Delta))
	s, _ = bring(t, g, lost)
	until(t, "all are read again", func() bool { return s.Status().Messages == 61 })
	if got := quads(t, g); got != before {
		t.Errorf("a second effect:\n%s\nwant\n%s", got, before)
	}
	if got := len(logsOf(t, c.engine, operator.Delta)) - records; got > 2 { // of what is noted, if that went before
		t.Errorf("%d records were written for duplicates", got)
	}
}

// forgetful begins at the start whatever is committed.
type forgetful struct{ *broker }

func (f forgetful) Open(ctx context.Context, _ connector.Progress) (connector.Reader, error) {
	return f.broker.Open(ctx, &conntest.Progress{})
}

// TestLargeMessageIsOne: a document of several transactions, for one shard more than a part, keeps one identity.
func TestLargeMessageIsOne(t *testing.T) {
	g := newGraphs(t).start("n1")
	var body strings.Builder
	const transactions, rowsEach = 8, 400
	for tx := range transactions {
		body.WriteString("TX .\n")
		for i := range rowsEach {
			fmt.Fprintf(&body, "A <urn:one> <urn:p> \"%d-%d %s\" .\n", tx, i, strings.Repeat("v", 80))
		}
		body.WriteString("TC .\n")
	}
	m := connector.Message{Stream: "large", Offset: 5, MediaType: graph.TypePatch, Body: []byte(body.String())}
	s, stop := bring(t, g, newBroker(m))
	until(t, "it is committed", func() bool { return s.Status().Messages == 1 })
	stop()
	if got := strings.Count(quads(t, g), "\n"); got != transactions*rowsEach {
		t.Errorf("%d quads, want %d", got, transactions*rowsEach)
	}
}

// TestPoison: what is no document is a dead letter with its reason and content, once however often it is read, and those
// around it are committed.
func TestPoison(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	poison := message("a", 3)
	poison.Body = []byte("TX .\nA <urn:x> nonsense .\nTC .\n")
	picture := message("a", 5)
	picture.MediaType, picture.Body = "image/png", []byte("\x89PNG")
	guarded := message("a", 6)
	guarded.Body = append([]byte("H prev <urn:x> .\n"), guarded.Body...)
	lost := message("a", 8)
	lost.Reason = "nobody has it any more" // though its content would do
	b := newBroker(message("a", 0), message("a", 1), message("a", 2), poison, message("a", 4), picture, guarded, message("a", 7), lost)
	for range 2 {
		s, stop := bring(t, g, forgetful{b})
		until(t, "all are done", func() bool { return s.Status().Messages == 9 })
		if got := s.Status().Rejected; got != 4 {
			t.Errorf("%d rejected", got)
		}
		stop()
	}
	if got := strings.Count(quads(t, g), "urn:has"); got != 5 {
		t.Errorf("%d messages have an effect:\n%s", got, quads(t, g))
	}
	letters := logsOf(t, c.engine, operator.DeadLetter)
	if len(letters) != 4 {
		t.Fatalf("%d dead letters", len(letters))
	}
	for i, want := range []string{"expected", "image/png", "prev", lost.Reason} {
		if !strings.Contains(letters[i].Reason, want) {
			t.Errorf("letter %d: %q, want something of %q", i, letters[i].Reason, want)
		}
	}
	content := base64.StdEncoding.EncodeToString(picture.Body)
	if body := string(letters[1].Body); !strings.Contains(body, content) || !strings.Contains(body, `"image/png"`) {
		t.Errorf("the content is lost: %q", body)
	}
}

// TestErrorsOfAReader: after ErrRetry the same connection is used, after another error a new one; an end is an end.
func TestErrorsOfAReader(t *testing.T) {
	g := newGraphs(t).start("n1")
	b := newBroker(message("a", 0), message("a", 1))
	b.fail = []error{connector.ErrRetry, errors.New("cut off"), fmt.Errorf("password: %w", connector.ErrGiveUp)}
	b.batch = 1
	s, _ := bring(t, g, b)
	until(t, "all are committed", func() bool { return s.Status().Messages == 2 })
	b.mu.Lock()
	if b.opened != 3 || b.open != 1 || b.most != 1 {
		t.Errorf("opened %d times, %d are open, %d at a time", b.opened, b.open, b.most)
	}
	b.mu.Unlock()
	b.end()
	until(t, "it has ended", func() bool { st := s.Status(); return st.Ended && !st.Running && st.Err == nil })
}

// unsure is a door that commits, and often doesn't say so.
type unsure struct {
	pipeline.Door
	mu  sync.Mutex
	rng *rand.Rand
}

func (u *unsure) SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	u.mu.Lock()
	roll, all := u.rng.IntN(4), len(events)
	drop := u.rng.IntN(max(len(events), 1))
	u.mu.Unlock()
	switch roll {
	case 0:
		return nil, event.ErrBusy // nothing was sent
	case 1: // a part of it was
		events = events[:drop]
	}
	acks, err := u.Door.SendBatch(ctx, events)
	if roll == 1 {
		return append(acks, make([]event.Ack, all-drop)...), event.ErrNoOwner
	}
	if roll == 2 { // all of it was, but not all answers came
		for i := range acks {
			if i >= drop {
				acks[i] = event.Ack{}
			}
		}
		err = event.ErrNoOwner
	}
	return acks, err
}

// TestUnsureDoor: whatever answers are lost, each message has its effect once, in order.
func TestUnsureDoor(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel() // most of the time is spent in pauses
			testUnsureDoor(t, seed)
		})
	}
}

func testUnsureDoor(t *testing.T, seed uint64) {
	c := newGraphs(t)
	g := c.start("n1")
	b := newBroker()
	b.batch = 1 + int(seed)*3
	var want strings.Builder
	for i := range 60 {
		b.send(message("a", i), message("b", i))
	}
	s, stop := bring(t, &unsure{Door: g, rng: rand.New(rand.NewPCG(seed, 1))}, b)
	until(t, "all are committed", func() bool { return s.Status().Messages == 120 })
	stop()
	all := quads(t, g)
	for _, stream := range []string{"a", "b"} {
		for i := 53; i < 60; i++ {
			fmt.Fprintf(&want, "<urn:%s/%d> <urn:value> \"%d\" .\n", stream, i%7, i)
		}
	}
	for line := range strings.Lines(want.String()) {
		if !strings.Contains(all, line) {
			t.Errorf("no %s", line)
		}
	}
	if got := strings.Count(all, "\n"); got != 2*(7+60) {
		t.Errorf("%d quads", got)
	}
	if got := len(logsOf(t, c.engine, operator.DeadLetter)); got > 0 {
		t.Errorf("%d dead letters", got)
	}
}

// TestSourceMoves: it runs on the node that owns its home, and goes on with the next owner.
func TestSourceMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where nobody is taken for dead because the machine is busy
		c := newGraphs(t)
		c.failAfter = time.Second
		c.start("n1")
		c.start("n2")
		b := newBroker()
		sources := map[string]*pipeline.Source{}
		stops := map[string]func(){}
		for name, g := range c.nodes {
			sources[name], stops[name] = bring(t, g, b)
		}
		for i := range 20 {
			b.send(message("a", i))
		}
		committed := func(name string) int {
			var all bytes.Buffer // not all, while a shard moves
			_, _ = c.nodes[name].WriteData(t.Context(), &all, graph.DataOptions{})
			return strings.Count(all.String(), "urn:has")
		}
		until(t, "they are committed", func() bool { return committed("n1") == 20 })
		var runs string
		until(t, "one of them runs", func() bool { // which one may have changed since the second node came
			runs = ""
			for name, s := range sources {
				if s.Status().Running {
					runs += name
				}
			}
			return runs == "n1" || runs == "n2"
		})
		stops[runs]()
		c.stops[runs]()
		other := map[string]string{"n1": "n2", "n2": "n1"}[runs]
		until(t, "the other one runs", func() bool { return sources[other].Status().Running })
		for i := range 20 {
			b.send(message("a", 20+i))
		}
		until(t, "the rest is committed", func() bool { return committed(other) == 40 })
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.most > 1 {
			t.Errorf("%d ran at a time", b.most)
		}
	})
}

// TestStreamsThatCantBeNamed: a name that can't be a producer's is shown, not tried for ever at once.
func TestStreamsThatCantBeNamed(t *testing.T) {
	g := newGraphs(t).start("n1")
	for _, stream := range []string{"\xff", strings.Repeat("x", event.MaxText)} {
		s, stop := bring(t, g, newBroker(message(stream, 0)))
		until(t, "it is refused", func() bool { return errors.Is(s.Status().Err, connector.ErrGiveUp) })
		stop()
	}
}

// TestNoIdentity: messages without a stream are committed, and acked.
func TestNoIdentity(t *testing.T) {
	g := newGraphs(t).start("n1")
	m := message("a", 0)
	m.Stream, m.MediaType, m.Body = "", "application/n-quads", []byte("<urn:s> <urn:p> \"o\" .\n")
	b := newBroker(m)
	s, _ := bring(t, g, b)
	until(t, "it is acked", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.acked == 1 })
	if got := quads(t, g); got != "<urn:s> <urn:p> \"o\" .\n" || s.Status().Rejected != 0 {
		t.Errorf("%q, %+v", got, s.Status())
	}
}

// refuses is a door whose owner refuses the event of a sequence for good.
type refuses struct {
	pipeline.Door
	seq uint64
}

func (d refuses) SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	acks := make([]event.Ack, len(events))
	var pass []event.Addressed
	var at []int
	for i, ev := range events {
		if ev.Producer == (event.Producer{Name: "src/a"}) && ev.Seq == d.seq {
			acks[i] = event.Ack{Status: event.TooLarge, Reason: strings.Repeat("much ", 50_000)}
			continue
		}
		pass, at = append(pass, ev), append(at, i)
	}
	if len(pass) == 0 {
		return acks, nil
	}
	got, err := d.Door.SendBatch(ctx, pass)
	for i := range got {
		acks[at[i]] = got[i]
	}
	return acks, err
}

// TestRefusedBeforePoison: what was refused is a dead letter also if one for a later message came first, and if several shards
// have refused their parts.
func TestRefusedBeforePoison(t *testing.T) {
	c := newGraphs(t)
	poison := message("a", 7)
	poison.Body = []byte("TX .\nA <urn:x> nonsense .\nTC .\n")
	s, stop := bring(t, refuses{c.start("n1"), 6}, newBroker(message("a", 5), poison))
	until(t, "both are done", func() bool { return s.Status().Messages == 2 })
	stop()
	rows := ""
	for _, r := range logsOf(t, c.engine, operator.DeadLetter) {
		if _, text, _ := strings.Cut(string(r.Body), `H payload "`); strings.Contains(string(r.Body), `H seq "6"`) {
			content, _, _ := strings.Cut(text, `"`)
			part, err := base64.StdEncoding.DecodeString(content)
			if err != nil {
				t.Fatal(err)
			}
			rows += string(part)
		}
	}
	if strings.Count(rows, "A <") != 2 {
		t.Errorf("the letters of message 5 hold %q", rows)
	}
}

// failsOnce is a source whose first attempt to connect ends with the end of a connection.
type failsOnce struct {
	*broker
	failed atomic.Bool
}

func (f *failsOnce) Open(ctx context.Context, p connector.Progress) (connector.Reader, error) {
	if f.failed.CompareAndSwap(false, true) {
		return nil, &url.Error{Op: "Get", URL: "http://a", Err: io.EOF}
	}
	return f.broker.Open(ctx, p)
}

// TestLostConnectionIsNoEnd: a connection that is lost is tried again, though its error wraps io.EOF.
func TestLostConnectionIsNoEnd(t *testing.T) {
	g := newGraphs(t).start("n1")
	b := newBroker(message("a", 0))
	b.fail = []error{fmt.Errorf("read changes: %w", io.EOF)}
	s, _ := bring(t, g, &failsOnce{broker: b})
	until(t, "it is tried again", func() bool { return s.Status().Messages == 1 })
}

// cutting is a source whose connection is lost behind each batch.
type cutting struct{ *broker }

func (c cutting) Open(ctx context.Context, p connector.Progress) (connector.Reader, error) {
	r, err := c.broker.Open(ctx, p)
	return &cutReader{Reader: r}, err
}

type cutReader struct {
	connector.Reader
	given bool
}

func (r *cutReader) Read(ctx context.Context) ([]connector.Message, error) {
	if r.given {
		return nil, errors.New("cut off")
	}
	r.given = true
	return r.Reader.Read(ctx)
}

// slowDoor takes its time.
type slowDoor struct{ pipeline.Door }

func (d slowDoor) SendBatch(ctx context.Context, events []event.Addressed) ([]event.Ack, error) {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return d.Door.SendBatch(ctx, events)
}

// TestErrorBehindABatch: what was read before the connection was lost is committed.
func TestErrorBehindABatch(t *testing.T) {
	g := newGraphs(t).start("n1")
	s, _ := bring(t, slowDoor{g}, cutting{newBroker(message("a", 0))})
	until(t, "it is committed", func() bool { return s.Status().Messages == 1 })
}

// TestIdleSourceIsWell: a source that is connected again shows no error, though nothing has come since.
func TestIdleSourceIsWell(t *testing.T) {
	g := newGraphs(t).start("n1")
	b := newBroker()
	b.fail = []error{errors.New("cut off")}
	s, _ := bring(t, g, b)
	until(t, "it is connected again", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.opened == 2 })
	until(t, "it shows no error", func() bool { return s.Status().Err == nil })
}
