package kafka_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// shards is the number of those that write.
const shards = 8

// large is what the topics of these tests take.
const large = 16 << 20

// target is a [conntest.Target].
type target struct {
	b   *broker
	cfg kafka.SinkConfig
}

// target makes a topic for a sink.
func (b *broker) target(t *testing.T, partitions int32) *target {
	t.Helper()
	topic, size := unique("target"), strconv.Itoa(large)
	b.makeWith(t, topic, partitions, map[string]*string{"max.message.bytes": &size})
	return &target{b: b, cfg: kafka.SinkConfig{Connection: kafka.Connection{Brokers: []string{b.address}}, Topic: topic,
		Name: "main/" + topic, Shards: shards, MaxMessage: large}}
}

func (s *target) Sink(t *testing.T) connector.Sink {
	t.Helper()
	sink, err := kafka.NewSink(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// all reads what is committed of a topic, of all partitions, each in order.
func (b *broker) all(t *testing.T, topic string) (records []*kgo.Record) {
	t.Helper()
	ends, err := b.admin.ListEndOffsets(conntest.Within(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]map[int32]kgo.Offset{topic: {}}
	behind := map[int32]int64{} // the end of those that are not read whole yet
	for p, end := range ends[topic] {
		if end.Offset > 0 {
			from[topic][p], behind[p] = kgo.NewOffset().AtStart(), end.Offset
		}
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(time.Second/2), kgo.KeepControlRecords()) // the last record of a topic that is written in transactions
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for ctx := conntest.Within(t); len(behind) > 0; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset == behind[r.Partition]-1 {
				delete(behind, r.Partition)
			}
		}
	}
	return records
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func (s *target) Read(t *testing.T, shard int) (list []conntest.Delivered) {
	for _, r := range s.b.all(t, s.cfg.Topic) {
		if header(r, "shard") != strconv.Itoa(shard) {
			continue
		}
		position, err := strconv.ParseUint(header(r, "position"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		text := string(r.Value)
		if s.cfg.Binary {
			text = asText(t, r.Value)
		}
		list = append(list, conntest.Delivered{Position: position, Text: text})
	}
	return list
}

// asText is the text form of a patch in binary form.
func asText(t *testing.T, binary []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := patch.NewWriter(&b)
	if err := errors.Join(patch.ParseBinary(binary, w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.String()
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

// testSubjects: a delta is one record for each subject, in the order of their rows, with the subject as its key; also one that is
// written long after it was committed.
func testSubjects(t *testing.T, b *broker) {
	s := b.target(t, 3)
	s.cfg.PerSubject = true
	w := s.openShard(t, 2)
	body := "TX .\nD <urn:a> <urn:p> \"1\" .\nA <urn:b> <urn:p> \"1\" .\nA <urn:a> <urn:p> \"2\" .\nTC .\n"
	records := []connector.Record{{Mark: engine.Mark{Position: 5, ID: "ni:5"}, Time: time.Unix(1000, 0), Body: []byte(body)},
		{Mark: engine.Mark{Position: 6, ID: "ni:6"}, Prev: "ni:5", Body: []byte("TX .\nA _:x <urn:p> <urn:a> .\nD <urn:a> <urn:p> \"2\" .\nTC .\n")}}
	if err := w.Write(conntest.Within(t), records); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	of := map[string][]string{}
	for _, r := range b.all(t, s.cfg.Topic) {
		if header(r, "position") == "5" && header(r, "time") != "1970-01-01T00:16:40Z" || time.Since(r.Timestamp) > time.Hour {
			t.Errorf("%s is of %v, and its delta of %s", r.Key, r.Timestamp, header(r, "time"))
		}
		of[string(r.Key)] = append(of[string(r.Key)], header(r, "position")+" "+string(r.Value))
	}
	want := map[string][]string{
		"urn:a": {"5 TX .\nD <urn:a> <urn:p> \"1\" .\nA <urn:a> <urn:p> \"2\" .\nTC .\n", "6 TX .\nD <urn:a> <urn:p> \"2\" .\nTC .\n"},
		"urn:b": {"5 TX .\nA <urn:b> <urn:p> \"1\" .\nTC .\n"},
		"_:x":   {"6 TX .\nA _:x <urn:p> <urn:a> .\nTC .\n"},
	}
	for key, texts := range want {
		if !slices.Equal(of[key], texts) {
			t.Errorf("%s: %q, want %q", key, of[key], texts)
		}
	}
	if len(of) != len(want) {
		t.Errorf("%q", of)
	}
}

// testRefused: what somebody must see to is told so.
func testRefused(t *testing.T, b *broker) {
	s := b.target(t, 1)
	s.cfg.MaxMessage = 10_000
	w := s.openShard(t, 0)
	err := w.Write(conntest.Within(t), conntest.Records(0, 1, 20_000, engine.Mark{}))
	conntest.GivesUp(t, err, "raise max-message")
	if err := w.Write(conntest.Within(t), conntest.Records(0, 1, 10, engine.Mark{})); err == nil {
		t.Error("a writer that has failed is used on")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if got := s.Read(t, 0); len(got) != 0 {
		t.Errorf("%v is there", got)
	}
	for what, change := range map[string]func(*kafka.SinkConfig){
		"UNKNOWN_TOPIC_OR_PARTITION": func(c *kafka.SinkConfig) { c.Topic = "nowhere" },
		"needs one for each of 9":    func(c *kafka.SinkConfig) { c.Shards = shards + 1 },
		"cleanup.policy":             func(c *kafka.SinkConfig) { c.Positions = b.topic(t, shards) },
		"shard 7 of 3":               func(c *kafka.SinkConfig) { c.Shards = 3 },
	} {
		other := *s
		change(&other.cfg)
		_, err := other.Sink(t).Open(conntest.Within(t), 7)
		conntest.GivesUp(t, err, what)
	}
}

// testSameName: sinks of one name, which write to different topics, end each other's producers. It is said what to do.
func testSameName(t *testing.T, b *broker) {
	s, other := b.target(t, 1), b.target(t, 1)
	other.cfg.Name = s.cfg.Name
	w, beside := s.openShard(t, 0), other.openShard(t, 0)
	records := conntest.Records(0, 1, 10, engine.Mark{})
	if err := w.Write(conntest.Within(t), records); err == nil || !strings.Contains(err.Error(), "rename one of the sinks") {
		t.Error(err)
	}
	if err := beside.Write(conntest.Within(t), records); err != nil {
		t.Error(err)
	}
	if err := errors.Join(w.Close(), beside.Close()); err != nil {
		t.Error(err)
	}
}

// testOpenTransaction: a transaction of others that isn't ended keeps the position from being read, and nobody waits for it in silence.
func testOpenTransaction(t *testing.T, b *broker) {
	s := b.target(t, 1)
	w := s.openShard(t, 0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.TransactionalID(unique("other")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: s.cfg.Topic + "-positions", Key: []byte("other"), Value: []byte("x")}
	if err := other.ProduceSync(conntest.Within(t), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s.cfg.WaitFor(2 * time.Second)
	if _, err := s.Sink(t).Open(conntest.Within(t), 0); err == nil || !strings.Contains(err.Error(), "a transaction open") {
		t.Error(err)
	}
	if err := other.EndTransaction(conntest.Within(t), kgo.TryAbort); err != nil {
		t.Error(err)
	}
	s.cfg.WaitFor(patience)
	w = s.openShard(t, 0)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// id is what the broker has given a topic.
func (b *broker) id(t *testing.T, topic string) kadm.TopicID {
	t.Helper()
	details, err := b.admin.ListTopics(conntest.Within(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	return details[topic].ID
}

// makeAnew deletes a topic, makes another one with its name and one partition, and returns when the broker knows that.
func (b *broker) makeAnew(t *testing.T, topic string) {
	t.Helper()
	before := b.id(t, topic)
	if _, err := b.admin.DeleteTopic(conntest.Within(t), topic); err != nil {
		t.Fatal(err)
	}
	b.make(t, topic, 1)
	conntest.Eventually(t, "the topic is another one", func() bool { // it is the one before for a while, and then none
		id := b.id(t, topic)
		return id != before && id != (kadm.TopicID{})
	})
	b.client.PurgeTopicsFromClient(topic) // else it sends to the one before
}

// testTargetMadeAnew: a topic that was deleted and made anew doesn't have what the positions say.
func testTargetMadeAnew(t *testing.T, b *broker) {
	s := b.target(t, 1)
	w := s.openShard(t, 0)
	if err := w.Write(conntest.Within(t), conntest.Records(0, 1, 10, engine.Mark{})); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b.makeAnew(t, s.cfg.Topic)
	_, err := s.Sink(t).Open(conntest.Within(t), 0)
	conntest.GivesUp(t, err, "was made anew")
	w = s.openShard(t, 1)
	if err := w.Close(); err != nil { // of which the one before had nothing
		t.Error(err)
	}
}

// TestSinkConfig: what can't be is told before anything is connected.
func TestSinkConfig(t *testing.T) {
	good := kafka.SinkConfig{Connection: kafka.Connection{Brokers: []string{"127.0.0.1:9092"}}, Topic: "t", Name: "n", Shards: 1}
	if s, err := kafka.NewSink(good); err != nil || s.Promise() != connector.Once {
		t.Error(err)
	}
	for i, change := range []func(*kafka.SinkConfig){
		func(c *kafka.SinkConfig) { c.Brokers = nil },
		func(c *kafka.SinkConfig) { c.Topic = "" },
		func(c *kafka.SinkConfig) { c.Name = "" },
		func(c *kafka.SinkConfig) { c.Shards = 0 },
		func(c *kafka.SinkConfig) { c.Positions = "t" },
	} {
		cfg := good
		change(&cfg)
		if _, err := kafka.NewSink(cfg); err == nil || !strings.Contains(err.Error(), "kafka") {
			t.Error(fmt.Sprint(i), err)
		}
	}
}
