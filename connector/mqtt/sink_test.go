package mqtt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/mqtt"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// target is what a sink writes to, with a client of others that reads it.
type target struct {
	b      *broker
	cfg    mqtt.SinkConfig
	root   string
	reader *paho.Client

	mu        sync.Mutex
	got       []*paho.Publish
	positions map[string]uint64 // of the deltas that were to be written, by id
}

// target makes one whose messages are read from now on.
func (b *broker) target(t *testing.T) *target {
	t.Helper()
	root := unique("out")
	s := &target{b: b, root: root, positions: map[string]uint64{}, cfg: mqtt.SinkConfig{
		Connection: mqtt.Connection{Address: b.Address(open)}, Topic: root + "/data/{shard}", ClientID: unique("sink"), Positions: root + "/positions", QoS: 1}}
	s.listen(t)
	t.Cleanup(func() { _ = s.reader.Disconnect(&paho.Disconnect{}) }) // it may be gone
	return s
}

// listen subscribes to what is written.
func (s *target) listen(t *testing.T) {
	t.Helper()
	s.reader = s.b.others(t, func(m *paho.Publish) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, m)
	})
	if _, err := s.reader.Subscribe(conntest.Within(t), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{
		{Topic: s.root + "/data/#", QoS: 1}, {Topic: s.root + "/end", QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
}

// all returns what was written up to now.
func (s *target) all(t *testing.T) (list []*paho.Publish) {
	t.Helper()
	end := unique("end")
	s.b.send(t, s.root+"/end", end)
	conntest.Eventually(t, "the reader has all", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		list = slices.Clone(s.got)
		return len(list) > 0 && string(list[len(list)-1].Payload) == end
	})
	return slices.DeleteFunc(list, func(m *paho.Publish) bool { return m.Topic == s.root+"/end" })
}

func (s *target) Sink(t *testing.T) connector.Sink {
	t.Helper()
	sink, err := mqtt.NewSink(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &noting{sink, s}
}

// noting notes which position each delta has that is written.
type noting struct {
	connector.Sink
	target *target
}

func (n *noting) Open(ctx context.Context, shard int) (connector.Writer, error) {
	w, err := n.Sink.Open(ctx, shard)
	if err != nil {
		return nil, err
	}
	return &notingWriter{w, n.target}, nil
}

type notingWriter struct {
	connector.Writer
	target *target
}

func (n *notingWriter) Write(ctx context.Context, records []connector.Record) error {
	n.target.mu.Lock()
	for _, r := range records {
		n.target.positions[r.ID] = r.Position
	}
	n.target.mu.Unlock()
	return n.Writer.Write(ctx, records)
}

var idHeader = regexp.MustCompile(`(?m)^H id <(.*)> \.$`)

// position is what a message says it is of.
func (s *target) position(t *testing.T, m *paho.Publish) uint64 {
	t.Helper()
	if text := m.Properties.User.Get("position"); text != "" {
		position, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return position
	}
	found := idHeader.FindSubmatch(m.Payload[:min(len(m.Payload), 1000)])
	if found == nil {
		t.Fatalf("a message has no id: %.300q", m.Payload)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.positions[string(found[1])]
}

func (s *target) Read(t *testing.T, shard int) (list []conntest.Delivered) {
	for _, m := range s.all(t) {
		if m.Topic != fmt.Sprintf("%s/data/%d", s.root, shard) {
			continue
		}
		text := string(m.Payload)
		if s.cfg.Binary {
			var b bytes.Buffer
			w := patch.NewWriter(&b)
			if err := errors.Join(patch.ParseBinary(m.Payload, w), w.Flush()); err != nil {
				t.Fatal(err)
			}
			text = b.String()
		}
		list = append(list, conntest.Delivered{Position: s.position(t, m), Text: text})
	}
	return list
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

// testSinks runs the suite.
func testSinks(t *testing.T, b *broker) {
	for _, test := range []struct {
		name   string
		change func(*mqtt.SinkConfig)
	}{
		{"MQTT 5", func(*mqtt.SinkConfig) {}},
		{"MQTT 5, QoS 2, binary", func(c *mqtt.SinkConfig) { c.QoS, c.Binary = 2, true }},
		{"MQTT 5, QoS 0", func(c *mqtt.SinkConfig) { c.QoS = 0 }},
		{"MQTT 3.1.1", func(c *mqtt.SinkConfig) { c.Version = mqtt.V311 }},
		{"MQTT 3.1.1, QoS 2", func(c *mqtt.SinkConfig) { c.Version, c.QoS = mqtt.V311, 2 }},
	} {
		t.Run("sink, "+test.name, func(t *testing.T) {
			b.publish(t, &paho.Publish{Topic: "warm", QoS: 1}) // the client of others is none of the test's
			conntest.TestSink(t, func(t *testing.T) conntest.Target {
				s := b.target(t)
				test.change(&s.cfg)
				return s
			})
		})
	}
}

// testSubjects: a delta is one message for each subject, with the subject in the topic.
func testSubjects(t *testing.T, b *broker) {
	s := b.target(t)
	s.cfg.PerSubject, s.cfg.Retain, s.cfg.Topic = true, true, s.root+"/data/{shard}/{name}/{subject}"
	w := s.openShard(t, 2)
	body := "TX .\nD <http://e/s/a> <urn:p> \"1\" .\nA <urn:b> <urn:p> \"1\" .\nA <http://e/s/a> <urn:p> \"2\" .\nA _:x <urn:p> \"3\" .\nTC .\n"
	record := connector.Record{Mark: engine.Mark{Position: 5, ID: "ni:5"}, Prev: "ni:4", Time: time.Unix(1000, 0), Body: []byte(body)}
	if err := w.Write(conntest.Within(t), []connector.Record{record}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, m := range s.all(t) {
		got = append(got, strings.TrimPrefix(m.Topic, s.root+"/data/")+" "+string(m.Payload))
		p := m.Properties
		if p.User.Get("id") != "ni:5" || p.User.Get("prev") != "ni:4" || p.User.Get("shard") != "2" || p.User.Get("time") != "1970-01-01T00:16:40Z" ||
			p.ContentType != patch.MediaType {
			t.Errorf("%s has %v", m.Topic, p)
		}
	}
	want := []string{
		"2/a/http%3A%2F%2Fe%2Fs%2Fa TX .\nD <http://e/s/a> <urn:p> \"1\" .\nA <http://e/s/a> <urn:p> \"2\" .\nTC .\n",
		"2/urn%3Ab/urn%3Ab TX .\nA <urn:b> <urn:p> \"1\" .\nTC .\n",
		"2/_%3Ax/_%3Ax TX .\nA _:x <urn:p> \"3\" .\nTC .\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	cfg := b.config(s.root + "/data/2/a/#")
	r := read(t, cfg) // it is retained
	r.is(strings.SplitN(want[0], " ", 2)[1])
	r.End()
}

// testWriterRefused: what somebody must see to is told so, and a writer that has failed is of no use.
func testWriterRefused(t *testing.T, b *broker) {
	for _, qos := range []int{1, 2} {
		s := b.target(t)
		s.cfg.Address, s.cfg.QoS, s.cfg.Topic, s.cfg.Positions = b.Address(guarded), qos, "closed/{shard}", "open/"+unique("positions")
		w := s.openShard(t, 1)
		conntest.GivesUp(t, w.Write(conntest.Within(t), conntest.Records(1, 3, 100, engine.Mark{})), "not authorized")
		if err := w.Write(conntest.Within(t), conntest.Records(1, 1, 100, engine.Mark{})); err == nil || w.At() != (engine.Mark{}) {
			t.Errorf("a writer that has failed is used on, and is at %v", w.At())
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		s.cfg.Positions = "closed/positions"
		_, err := s.Sink(t).Open(conntest.Within(t), 1)
		conntest.GivesUp(t, err, "closed/positions/1")
	}
	s := b.target(t)
	b.publish(t, &paho.Publish{Topic: s.cfg.Positions + "/1", QoS: 1, Retain: true, Payload: []byte("of somebody else")})
	_, err := s.Sink(t).Open(conntest.Within(t), 1)
	conntest.GivesUp(t, err, "expected a number and an id")
	w := s.openShard(t, 2)
	long := []connector.Record{{Mark: engine.Mark{Position: 1, ID: "ni:1"}, Body: fmt.Appendf(nil, "TX .\nA <urn:%s> <urn:p> \"1\" .\nTC .\n", strings.Repeat("x", 70_000))}}
	if err := w.Write(conntest.Within(t), long); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	s.cfg.PerSubject, s.cfg.Topic = true, s.root+"/data/{subject}"
	w = s.openShard(t, 3)
	conntest.GivesUp(t, w.Write(conntest.Within(t), long), "a topic has 70")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// testPosition: who opens a shard later goes on behind what was confirmed, and writes nothing of it again.
func testPosition(t *testing.T, b *broker) {
	for name, version := range versions {
		s := b.target(t)
		s.cfg.Version = version
		records := conntest.Records(3, 6, 100, engine.Mark{})
		for i := range 3 {
			w := s.openShard(t, 3)
			if i > 0 && w.At() != records[2*i-1].Mark {
				t.Fatalf("MQTT %s: a later writer is at %v, want %v", name, w.At(), records[2*i-1].Mark)
			}
			if err := w.Write(conntest.Within(t), records[2*i:2*i+2]); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := s.Read(t, 3); len(got) != len(records) {
			t.Errorf("MQTT %s: %d deltas were written, want %d", name, len(got), len(records))
		}
	}
}

// hasAll compares what is there of a shard with the records: each, in order, and what comes again as a run.
func (s *target) hasAll(t *testing.T, shard int, records []connector.Record) {
	t.Helper()
	next := 0
	list := s.Read(t, shard)
	for i, d := range list {
		at := slices.IndexFunc(records, func(r connector.Record) bool { return r.Position == d.Position })
		if at < 0 || at > next || i > 0 && at > 0 && at < next && list[i-1].Position > d.Position && next-at > 10 {
			t.Fatalf("message %d is of position %d, though %d are there", i, d.Position, next)
		}
		next = max(next, at+1)
	}
	if next != len(records) {
		t.Fatalf("%d of %d deltas are there", next, len(records))
	}
}

// testTornWriter: connections that end at any byte of what is written or answered lose nothing.
func testTornWriter(t *testing.T, b *broker) {
	for name, version := range versions {
		for qos := range 3 {
			t.Run(fmt.Sprintf("MQTT %s, QoS %d", name, qos), func(t *testing.T) {
				s := b.target(t)
				s.cfg.Version, s.cfg.QoS = version, qos
				var connections atomic.Int64
				s.cfg.DialBy(cutWriter(func() int64 { return 200 + 1709*connections.Add(1)%9000 }))
				records := conntest.Records(1, 60, 100, engine.Mark{})
				failures := conntest.WriteAll(t, s.Sink(t), 1, records)
				s.hasAll(t, 1, records)
				if failures < 2 {
					t.Errorf("%d connections failed: hardly any was torn", failures)
				}
			})
		}
	}
}

// cut is a connection that ends after so many bytes were written.
type cut struct {
	net.Conn
	left atomic.Int64
}

func (c *cut) Write(p []byte) (int, error) {
	left := c.left.Add(-int64(len(p)))
	if left >= 0 {
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:max(0, int64(len(p))+left)])
	c.Close()
	return n, net.ErrClosed
}

func cutWriter(bytes func() int64) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &cut{Conn: conn}
		c.left.Store(bytes())
		return c, nil
	}
}

// testWriterKilled: the broker dies while deltas are written, and comes back: each is there.
func testWriterKilled(t *testing.T, b *broker) {
	s := b.target(t)
	records := conntest.Records(0, 300, 200, engine.Mark{})
	w := s.openShard(t, 0)
	if err := w.Write(conntest.Within(t), records[:100]); err != nil {
		t.Fatal(err)
	}
	s.all(t)
	b.hangUp()
	b.Kill()
	if err := w.Write(conntest.Within(t), records[100:200]); err == nil || errors.Is(err, connector.ErrGiveUp) {
		t.Errorf("%v, though the broker is gone", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	_ = s.reader.Disconnect(&paho.Disconnect{}) // it is lost
	b.Restart(t)
	s.listen(t)
	conntest.WriteAll(t, s.Sink(t), 0, records)
	s.hasAll(t, 0, records)
}

// TestSinkConfig: what can't be is told before anything is connected.
func TestSinkConfig(t *testing.T) {
	good := mqtt.SinkConfig{Connection: mqtt.Connection{Address: "127.0.0.1:1883"}, Topic: "t/{shard}", ClientID: "c", Positions: "p"}
	if s, err := mqtt.NewSink(good); err != nil || s.Promise() != connector.AtLeastOnce {
		t.Error(err)
	}
	for name, change := range map[string]func(*mqtt.SinkConfig){
		"address":                  func(c *mqtt.SinkConfig) { c.Address = "" },
		"a client id":              func(c *mqtt.SinkConfig) { c.ClientID = "" },
		"a topic for positions":    func(c *mqtt.SinkConfig) { c.Positions = "" },
		`topic "p/#"`:              func(c *mqtt.SinkConfig) { c.Positions = "p/#" },
		`topic ""`:                 func(c *mqtt.SinkConfig) { c.Topic = "" },
		"without + and #":          func(c *mqtt.SinkConfig) { c.Topic = "t/+" },
		"in braces":                func(c *mqtt.SinkConfig) { c.Topic = "t/{other}" },
		"expected {shard}":         func(c *mqtt.SinkConfig) { c.Topic = "t/{shard" },
		"needs a message for each": func(c *mqtt.SinkConfig) { c.Topic = "t/{name}" },
		"qos -1":                   func(c *mqtt.SinkConfig) { c.QoS = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := mqtt.NewSink(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
