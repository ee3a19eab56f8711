package nats_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/nats"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// target is a [conntest.Target] of a stream.
type target struct {
	s      *server
	stream jetstream.Stream
	cfg    nats.SinkConfig
}

// target makes a stream for a sink.
func (s *server) target(t testing.TB, change func(*jetstream.StreamConfig)) *target {
	t.Helper()
	stream := s.stream(t, change)
	name := nameOf(stream)
	return &target{s: s, stream: stream,
		cfg: nats.SinkConfig{Connection: s.connection(), Stream: name, Subject: name + ".{shard}", Name: "main-" + name}}
}

func (s *target) Sink(t *testing.T) connector.Sink {
	t.Helper()
	sink, err := nats.NewSink(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// all reads what a stream has, claims left out.
func (s *server) all(t testing.TB, stream string) (list []*natsgo.Msg) {
	t.Helper()
	var state jetstream.StreamState
	answered(t, "what the stream has", func(ctx context.Context) error {
		info, err := s.js.Stream(ctx, stream)
		if err == nil {
			state = info.CachedInfo().State
		}
		return err
	})
	if state.Msgs == 0 {
		return nil
	}
	inbox := natsgo.NewInbox()
	sub, err := s.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	consumer := jetstream.ConsumerConfig{Name: unique("all"), AckPolicy: jetstream.AckNonePolicy, DeliverSubject: inbox, InactiveThreshold: time.Minute}
	answered(t, "all of the stream", func(ctx context.Context) error {
		_, err := s.js.CreatePushConsumer(ctx, stream, consumer)
		return err
	})
	for {
		m, err := sub.NextMsgWithContext(conntest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Header["claim"]) == 0 {
			list = append(list, m)
		}
		if meta.Sequence.Stream == state.LastSeq {
			return list
		}
	}
}

func (s *target) Read(t *testing.T, shard int) []conntest.Delivered {
	return delivered(t, s.s.all(t, s.cfg.Stream), shard, s.cfg.Binary)
}

// delivered is what messages have of a shard.
func delivered(t testing.TB, messages []*natsgo.Msg, shard int, binary bool) (list []conntest.Delivered) {
	t.Helper()
	for _, m := range messages {
		if m.Header["shard"][0] != strconv.Itoa(shard) {
			continue
		}
		position, err := strconv.ParseUint(m.Header["position"][0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		text := string(m.Data)
		if binary {
			var b bytes.Buffer
			w := patch.NewWriter(&b)
			if err := errors.Join(patch.ParseBinary(m.Data, w), w.Flush()); err != nil {
				t.Fatal(err)
			}
			text = b.String()
		}
		list = append(list, conntest.Delivered{Position: position, Text: text})
	}
	return list
}

// listener is a [conntest.Target] of core NATS.
type listener struct {
	cfg nats.SinkConfig
	s   *server

	mu  sync.Mutex
	got []*natsgo.Msg
}

// listener listens to what a sink publishes.
func (s *server) listener(t testing.TB) *listener {
	t.Helper()
	prefix := unique("listened")
	l := &listener{s: s, cfg: nats.SinkConfig{Connection: s.connection(), Subject: prefix + ".{shard}", Name: "main-" + prefix}}
	sub, err := s.Subscribe(prefix+".>", func(m *natsgo.Msg) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, m)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := s.FlushWithContext(conntest.Within(t)); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *listener) Sink(t *testing.T) connector.Sink {
	t.Helper()
	sink, err := nats.NewCoreSink(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// Read waits until a last message of our own has come: all that was published before has.
func (l *listener) Read(t *testing.T, shard int) []conntest.Delivered {
	t.Helper()
	end := &natsgo.Msg{Subject: strings.Replace(l.cfg.Subject, "{shard}", "end", 1), Header: natsgo.Header{"shard": {unique("end")}}}
	if err := l.s.PublishMsg(end); err != nil {
		t.Fatal(err)
	}
	var got []*natsgo.Msg
	conntest.Eventually(t, "all has come", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		got = slices.Clone(l.got)
		return len(got) > 0 && got[len(got)-1].Header["shard"][0] == end.Header["shard"][0]
	})
	return delivered(t, got, shard, false)
}

// openShard opens a shard of a new sink.
func (s *target) openShard(t *testing.T, shard int) connector.Writer {
	t.Helper()
	w, err := s.Sink(t).Open(conntest.Within(t), shard)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeWriter(t *testing.T, w connector.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// testSubjects: a delta is one message for each subject, in the order of their rows.
func testSubjects(t *testing.T, s *server) {
	to := s.target(t, nil)
	to.cfg.PerSubject, to.cfg.Subject = true, to.cfg.Stream+".{shard}.{subject}"
	w := to.openShard(t, 2)
	body := "TX .\nD <urn:a.b> <urn:p> \"1\" .\nA <urn:b> <urn:p> \"1\" .\nA <urn:a.b> <urn:p> \"2\" .\nTC .\n"
	records := []connector.Record{{Mark: engine.Mark{Position: 5, ID: "ni:5"}, Time: time.Unix(1000, 0), Body: []byte(body)},
		{Mark: engine.Mark{Position: 6, ID: "ni:6"}, Prev: "ni:5", Body: []byte("TX .\nTC .\n")}, // of no subject
		{Mark: engine.Mark{Position: 7, ID: "ni:7"}, Prev: "ni:6", Body: []byte("TX .\nA _:x <urn:p> <urn:a> .\nTC .\n")}}
	if err := w.Write(conntest.Within(t), records); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	var got []string
	for _, m := range s.all(t, to.cfg.Stream) {
		got = append(got, strings.TrimPrefix(m.Subject, to.cfg.Stream)+" "+m.Header["position"][0]+" "+m.Header["part"][0]+" "+string(m.Data))
	}
	want := []string{
		".2.urn:a%2Eb 5 1/2 TX .\nD <urn:a.b> <urn:p> \"1\" .\nA <urn:a.b> <urn:p> \"2\" .\nTC .\n",
		".2.urn:b 5 2/2 TX .\nA <urn:b> <urn:p> \"1\" .\nTC .\n",
		".2._:x 7 1/1 TX .\nA _:x <urn:p> <urn:a> .\nTC .\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	w = to.openShard(t, 2)
	if w.At() != records[2].Mark {
		t.Errorf("at %v", w.At())
	}
	closeWriter(t, w)
}

// testHeaders: what a message says of its delta.
func testHeaders(t *testing.T, s *server) {
	to := s.target(t, nil)
	w := to.openShard(t, 1)
	record := connector.Record{Mark: engine.Mark{Position: 5, ID: "ni:5"}, Prev: "ni:3", Time: time.Unix(1000, 0), Body: []byte("TX .\nTC .\n")}
	if err := w.Write(conntest.Within(t), []connector.Record{record}); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	m := s.all(t, to.cfg.Stream)[0]
	want := map[string]string{"content-type": "application/rdf-patch", "sink": to.cfg.Name, "shard": "1", "position": "5", "id": "ni:5",
		"prev": "ni:3", "time": "1970-01-01T00:16:40Z", "Nats-Msg-Id": to.cfg.Name + "/1:5:ni:5"}
	for name, value := range want {
		if got := m.Header[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if m.Subject != to.cfg.Stream+".1" {
		t.Error(m.Subject)
	}
}

// testRefused: what somebody must see to is told so, and nothing of it is there.
func testRefused(t *testing.T, s *server) {
	to := s.target(t, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 10_000 })
	for size, want := range map[int]string{20_000: "raise max_msg_size", 9 << 20: "raise max_payload"} {
		w := to.openShard(t, 0)
		conntest.GivesUp(t, w.Write(conntest.Within(t), conntest.Records(0, 1, size, engine.Mark{})), want)
		if err := w.Write(conntest.Within(t), conntest.Records(0, 1, 10, engine.Mark{})); err == nil {
			t.Error("a writer that has failed is used on")
		}
		closeWriter(t, w)
	}
	if got := to.Read(t, 0); len(got) != 0 {
		t.Errorf("%v is there", got)
	}
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"retention is":   func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"max_age":        func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs or":    func(c *jetstream.StreamConfig) { c.MaxMsgs = 100 },
		"or max_bytes":   func(c *jetstream.StreamConfig) { c.MaxBytes = 100_000 },
		"in memory":      func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"acknowledge":    func(c *jetstream.StreamConfig) { c.NoAck = true },
		"no subject for": func(c *jetstream.StreamConfig) { c.Subjects = []string{c.Name + ".*"} },
		"transforms": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: ">", Destination: "x.>"}
		},
		"0: add it":           func(c *jetstream.StreamConfig) { c.Subjects = []string{c.Name + "._claims.>"} },
		"stream not found":    nil,
		"is not of this sink": func(*jetstream.StreamConfig) {},
	} {
		to := s.target(t, change)
		if change == nil {
			to.cfg.Stream = "nowhere"
		}
		if strings.HasPrefix(want, "is not") {
			s.send(t, to.cfg.Stream+".0", "of somebody else")
		}
		_, err := to.Sink(t).Open(conntest.Within(t), 0)
		conntest.GivesUp(t, err, want)
	}
}

// testBounded: a stream that keeps the newest of each subject alone still knows how far each shard is, and one that is full takes
// nothing until there is room.
func testBounded(t *testing.T, s *server) {
	to := s.target(t, func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 })
	records := conntest.Records(0, 30, 10, engine.Mark{})
	for i := range 3 {
		conntest.WriteAll(t, to.Sink(t), 0, records[:10*(i+1)])
	}
	conntest.Once(t, to.Read(t, 0), records[29:])
	to = s.target(t, func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 6, jetstream.DiscardNew })
	w := to.openShard(t, 0)
	if err := w.Write(conntest.Within(t), records); err == nil || !strings.Contains(err.Error(), "maximum messages exceeded") {
		t.Error(err)
	}
	if w.At() != records[4].Mark {
		t.Errorf("at %v", w.At())
	}
	closeWriter(t, w)
	cfg := to.stream.CachedInfo().Config
	cfg.MaxMsgs = 1000
	if _, err := s.js.UpdateStream(conntest.Within(t), cfg); err != nil {
		t.Fatal(err)
	}
	conntest.WriteAll(t, to.Sink(t), 0, records)
	conntest.Once(t, to.Read(t, 0), records)
}

// testOtherStream: another stream that has taken over the subject is not written to, whatever it answers.
func testOtherStream(t *testing.T, s *server) {
	to := s.target(t, nil)
	records := conntest.Records(0, 3, 10, engine.Mark{})
	w, later := to.openShard(t, 0), to.openShard(t, 1)
	if err := errors.Join(w.Write(conntest.Within(t), records[:1]), later.Write(conntest.Within(t), records[:1])); err != nil {
		t.Fatal(err)
	}
	if err := s.js.DeleteStream(conntest.Within(t), to.cfg.Stream); err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscribe(to.cfg.Stream+".>", func(m *natsgo.Msg) { _ = m.Respond([]byte(`{"stream":"other","seq":7}`)) })
	if err == nil {
		err = s.FlushWithContext(conntest.Within(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	conntest.GivesUp(t, later.Write(conntest.Within(t), records[1:]), `stream "other" has taken it`)
	closeWriter(t, later)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	other := jetstream.StreamConfig{Name: to.cfg.Stream + "-other", Subjects: []string{to.cfg.Stream + ".>"}}
	if _, err := s.js.CreateStream(conntest.Within(t), other); err != nil {
		t.Fatal(err)
	}
	conntest.GivesUp(t, w.Write(conntest.Within(t), records[1:]), "expected stream does not match")
	closeWriter(t, w)
	if got := s.all(t, other.Name); len(got) != 0 {
		t.Errorf("%d messages are in the other stream", len(got))
	}
}

// testForgotten: a stream that is made anew, or purged, has everything written anew; what was open before is refused.
func testForgotten(t *testing.T, s *server) {
	// The server remembers for two minutes, unless told otherwise, the message ids of what isn't there any more.
	to := s.target(t, func(c *jetstream.StreamConfig) { c.Duplicates = 100 * time.Millisecond })
	records := conntest.Records(0, 20, 10, engine.Mark{})
	conntest.WriteAll(t, to.Sink(t), 0, records[:10])
	w := to.openShard(t, 0)
	if err := w.Write(conntest.Within(t), records[10:11]); err != nil {
		t.Fatal(err)
	}
	if err := to.stream.Purge(conntest.Within(t)); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(conntest.Within(t), records[11:]); err == nil || !strings.Contains(err.Error(), "or the stream has changed") {
		t.Error(err)
	}
	closeWriter(t, w)
	conntest.WriteAll(t, to.Sink(t), 0, records)
	conntest.Once(t, to.Read(t, 0), records)
}

// testTwoSinks: two sinks write to one stream, beside each other.
func testTwoSinks(t *testing.T, s *server) {
	to := s.target(t, nil)
	other := *to
	other.cfg.Name, other.cfg.Subject = to.cfg.Name+"-2", to.cfg.Stream+".2.{shard}"
	records := conntest.Records(0, 20, 10, engine.Mark{})
	a, b := to.openShard(t, 0), other.openShard(t, 0)
	for i := range records {
		if err := errors.Join(a.Write(conntest.Within(t), records[i:i+1]), b.Write(conntest.Within(t), records[i:i+1])); err != nil {
			t.Fatal(err)
		}
	}
	closeWriter(t, a)
	closeWriter(t, b)
	if got := s.all(t, to.cfg.Stream); len(got) != 2*len(records) {
		t.Errorf("%d messages", len(got))
	}
}

// testCoreOut: a delta above the server's limit stops its shard, what isn't permitted too; what was published before stays so.
func testCoreOut(t *testing.T, s *server) {
	l := s.listener(t)
	sink := l.Sink(t)
	records := conntest.Records(0, 3, 10, engine.Mark{})
	w, err := sink.Open(conntest.Within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(conntest.Within(t), records[:2]); err != nil {
		t.Fatal(err)
	}
	conntest.GivesUp(t, w.Write(conntest.Within(t), conntest.Records(0, 1, 9<<20, engine.Mark{})), "raise max_payload")
	if at := w.At(); at != records[1].Mark {
		t.Errorf("it is at %v", at)
	}
	closeWriter(t, w)
	cfg := l.cfg
	cfg.User = "weak"
	weak, err := nats.NewCoreSink(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if w, err = weak.Open(conntest.Within(t), 0); err != nil {
		t.Fatal(err)
	}
	conntest.GivesUp(t, w.Write(conntest.Within(t), records), "ermissions")
	if w.At() != (engine.Mark{}) {
		t.Errorf("at %v", w.At())
	}
	closeWriter(t, w)
}

// TestWord: a subject of the graph as a word of a subject of NATS, each another.
func TestWord(t *testing.T) {
	for subject, want := range map[string]string{
		"http://example.org/pump#1": "http://example%2Eorg/pump#1", "_:x": "_:x", "urn:*>% \t\x7f": "urn:%2A%3E%25%20%09%7F", "urn:é": "urn:é",
		"urn:" + strings.Repeat("a", 1020): "urn:" + strings.Repeat("a", 1020),
	} {
		if got := nats.Word(subject); got != want {
			t.Errorf("%q is %q, want %q", subject, got, want)
		}
	}
	long := "urn:" + strings.Repeat("a", 1021)
	if got := nats.Word(long); !strings.HasPrefix(got, "sha-256;") || len(got) != 8+43 || got == nats.Word(long+"b") {
		t.Error(got)
	}
}

// newSink makes a sink of a stream, or without one.
func newSink(cfg nats.SinkConfig) (connector.Sink, error) {
	if cfg.Stream == "" {
		return nats.NewCoreSink(cfg)
	}
	return nats.NewSink(cfg)
}

// TestSinkConfig: what can't be is told before anything is connected.
func TestSinkConfig(t *testing.T) {
	stream := nats.SinkConfig{Connection: nats.Connection{Servers: []string{"127.0.0.1"}}, Stream: "S", Subject: "d.{shard}", Name: "main-out"}
	core := stream
	core.Stream = ""
	for i, test := range []struct {
		base   nats.SinkConfig
		change func(*nats.SinkConfig)
		want   string
	}{
		{stream, func(*nats.SinkConfig) {}, ""},
		{stream, func(c *nats.SinkConfig) { c.Subject, c.PerSubject = "d.{shard}.{subject}", true }, ""},
		{stream, func(c *nats.SinkConfig) { c.Subject, c.Claims = "d.s{shard}", "c.{shard}" }, ""},
		{core, func(c *nats.SinkConfig) { c.Subject = "d" }, ""},
		{core, func(c *nats.SinkConfig) { c.Servers = nil }, "no server"},
		{core, func(c *nats.SinkConfig) { c.Claims = "c.{shard}" }, "core NATS has no stream and no claims"},
		{stream, func(c *nats.SinkConfig) { c.Stream = "a.b" }, "have no dots"},
		{stream, func(c *nats.SinkConfig) { c.Name = "" }, "have no dots"},
		{stream, func(c *nats.SinkConfig) { c.Subject = "" }, "words with dots"},
		{stream, func(c *nats.SinkConfig) { c.Subject = "d.*.{shard}" }, "words with dots"},
		{stream, func(c *nats.SinkConfig) { c.Subject = "d" }, "it needs {shard}"},
		{stream, func(c *nats.SinkConfig) { c.Claims = "c" }, "it needs {shard}"},
		{stream, func(c *nats.SinkConfig) { c.Claims = "c..{shard}" }, "words with dots"},
		{stream, func(c *nats.SinkConfig) { c.Subject = "d.{shard}.{subject}" }, "one message per subject"},
		{stream, func(c *nats.SinkConfig) { c.Subject, c.PerSubject = "d.{shard}.x{subject}", true }, "a word of its own"},
		{stream, func(c *nats.SinkConfig) { c.Subject = "d.{shard}.{key}" }, "in braces"},
		{stream, func(c *nats.SinkConfig) { c.Claims = "d.{shard}" }, "among the deltas"},
		{stream, func(c *nats.SinkConfig) {
			c.Subject, c.Claims, c.PerSubject = "d.{shard}.{subject}", "d.{shard}.claims", true
		}, "among the deltas"},
	} {
		cfg := test.base
		test.change(&cfg)
		sink, err := newSink(cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%d: %v, want %q", i, err, test.want)
		}
		if err == nil && (sink.Promise() == connector.Once) != (cfg.Stream != "") {
			t.Error(sink.Promise())
		}
	}
}
