package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/engine"
)

func TestMain(m *testing.M) { conntest.Main(m) }

// testStarts: where a stream of which nothing is known begins, and that what is known goes before.
func testStarts(t *testing.T, b *broker) {
	topic, begin := b.topic(t, 2), time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 4 {
		b.sendRecord(t, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i), Timestamp: begin.Add(time.Duration(i) * time.Second)})
	}
	b.send(t, topic, 1, "other")
	for _, test := range []struct {
		start, offset string
		want          string
	}{
		{"earliest", "", "0 1 2 3 other"},
		{"", topic + "/0=3", "3 other"},
		{begin.Add(2 * time.Second).Format(time.RFC3339), "", "2 3 other"}, // other is of now
		{"latest", topic + "/0=1", "1 2 3"},
	} {
		cfg := b.config(topic)
		cfg.Start = test.start
		if test.offset != "" {
			cfg.Offsets = []string{test.offset}
		}
		r := read(t, cfg, &conntest.Progress{})
		want := strings.Fields(test.want)
		got := conntest.Texts(r.Next(len(want)))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("start %q, offset %q: %q, want %q", test.start, test.offset, got, want)
		}
		r.End()
	}
}

// testLatest: what came after the source ran first is read, though it was not committed yet, and from a new partition all.
func testLatest(t *testing.T, b *broker) {
	topic := b.topic(t, 1)
	b.send(t, topic, 0, "old")
	cfg := b.config(topic)
	cfg.Start = "latest"
	read(t, cfg, &conntest.Progress{}).End()
	b.send(t, topic, 0, "one", "two", "three")
	for range 2 {
		r := read(t, cfg, &conntest.Progress{})
		r.Is("one", "two", "three")
		r.End()
	}
	if _, err := b.admin.CreatePartitions(conntest.Within(t), 1, topic); err != nil {
		t.Fatal(err)
	}
	b.has(t, topic, 2)
	b.client.PurgeTopicsFromClient(topic) // else it knows one partition
	b.send(t, topic, 1, "new")
	progress := &conntest.Progress{}
	r := read(t, cfg, progress)
	got := conntest.Texts(r.Next(4))
	if !slices.Contains(got, "new") {
		t.Errorf("%q: nothing of the partition that came later", got)
	}
	r.End()
}

// testReset: the group's offsets say how far the source is, and nothing that is done with them has an effect.
func testReset(t *testing.T, b *broker) {
	topic, progress := b.topic(t, 1), &conntest.Progress{}
	b.send(t, topic, 0, "one", "two", "three")
	cfg := b.config(topic)
	r := read(t, cfg, progress)
	messages, err := r.Read(conntest.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	progress.Commit(messages[0])
	if err := r.Ack(conntest.Within(t), messages[:1]); err != nil {
		t.Fatal(err)
	}
	conntest.Eventually(t, "the group is at 1", func() bool {
		offsets, err := b.admin.FetchOffsets(conntest.Within(t), cfg.Group)
		o, _ := offsets.Lookup(topic, 0)
		return err == nil && o.At == 1
	})
	r.End()
	for _, at := range []int64{0, 3} {
		var reset kadm.Offsets = map[string]map[int32]kadm.Offset{topic: {0: {Topic: topic, At: at, LeaderEpoch: -1}}}
		conntest.Eventually(t, "the group, which everybody has left, is reset", func() bool {
			return b.admin.CommitAllOffsets(conntest.Within(t), cfg.Group, reset) == nil
		})
		r := read(t, cfg, progress)
		r.Is("two", "three")
		r.End()
	}
}

// testGap: what was deleted before it was read is never skipped in silence, and nor is a log that ends before what was read of
// it.
func testGap(t *testing.T, b *broker) {
	topic, progress := b.topic(t, 1), &conntest.Progress{}
	b.send(t, topic, 0, "0", "1", "2", "3", "4")
	cfg := b.config(topic)
	r := read(t, cfg, progress)
	r.Is("0", "1", "2", "3", "4")
	r.End()
	stream := r.stream(t, cfg)
	progress.Commit(connector.Message{Stream: stream, Offset: 0})
	deleted := kadm.Offsets{}
	deleted.AddOffset(topic, 0, 3, -1)
	if _, err := b.admin.DeleteRecords(conntest.Within(t), deleted); err != nil {
		t.Fatal(err)
	}
	r = read(t, cfg, progress)
	conntest.GivesUp(t, r.Fails(), topic+"/0 begins at offset 3, and is to be read from 1")
	r.End()

	cfg.SkipGaps = true
	r = read(t, cfg, progress)
	messages, err := r.Read(conntest.Within(t))
	if err != nil || messages[0].Offset != 2 || messages[0].Stream != stream || !strings.Contains(messages[0].Reason, "to be read from 1") {
		t.Errorf("%+v, %v: the gap is not told", messages, err)
	}
	rest := messages[1:]
	rest = append(rest, r.Next(2-len(rest))...)
	if got := conntest.Texts(rest); !slices.Equal(got, []string{"3", "4"}) {
		t.Fatalf("behind the gap: %q", got)
	}
	r.End()

	deleted.AddOffset(topic, 0, 5, -1) // all: nothing else comes
	if _, err := b.admin.DeleteRecords(conntest.Within(t), deleted); err != nil {
		t.Fatal(err)
	}
	r = read(t, cfg, progress)
	if messages, err := r.Read(conntest.Within(t)); err != nil || len(messages) != 1 || messages[0].Offset != 4 {
		t.Errorf("%+v, %v: the gap is not told", messages, err)
	}
	r.End()

	progress.Commit(connector.Message{Stream: stream, Offset: 9})
	r = read(t, cfg, progress)
	conntest.GivesUp(t, r.Fails(), topic+"/0 ends at offset 5, and is to be read from 10")
	r.End()
}

// stream is the name of the stream of a topic that has one partition.
func (r *reading) stream(t *testing.T, cfg kafka.SourceConfig) string {
	t.Helper()
	cfg.Group = unique("group")
	other := read(t, cfg, &conntest.Progress{})
	defer other.End()
	messages, err := other.Read(conntest.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	return messages[0].Stream
}

// testMadeAnew: a topic that is made anew under its name is another one, whose messages are all new. One that isn't there is a
// mistake.
func testMadeAnew(t *testing.T, b *broker) {
	topic, progress := b.topic(t, 1), &conntest.Progress{}
	b.send(t, topic, 0, "one", "two")
	cfg := b.config(topic)
	r := read(t, cfg, progress)
	messages, err := r.Read(conntest.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		progress.Commit(m)
	}
	if err := r.Ack(conntest.Within(t), messages); err != nil {
		t.Fatal(err)
	}
	b.makeAnew(t, topic)
	b.send(t, topic, 0, "three", "four", "five")
	if _, err := r.Read(conntest.Within(t)); err == nil {
		t.Error("what was made anew goes on")
	}
	r.End()
	r = read(t, cfg, progress)
	r.Is("three", "four", "five")
	r.End()

	_, err = source(t, b.config("nowhere")).Open(conntest.Within(t), progress)
	conntest.GivesUp(t, err, "topic nowhere: UNKNOWN_TOPIC_OR_PARTITION")
}

// testTransactions: what was aborted is not there, and what is not committed yet comes when it is.
func testTransactions(t *testing.T, b *broker) {
	topic := b.topic(t, 1)
	producer, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.TransactionalID(unique("producer")))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for _, test := range []struct {
		text string
		end  kgo.TransactionEndTry
	}{{"aborted", kgo.TryAbort}, {"committed", kgo.TryCommit}} {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(conntest.Within(t), &kgo.Record{Topic: topic, Value: []byte(test.text)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(conntest.Within(t), test.end); err != nil {
			t.Fatal(err)
		}
	}
	b.send(t, topic, 0, "plain")
	r := read(t, b.config(topic), &conntest.Progress{})
	r.Is("committed", "plain")
	r.End()
}

// testKinds: a header says what a message is, and one without a value is no document.
func testKinds(t *testing.T, b *broker) {
	topic := b.topic(t, 1)
	b.send(t, topic, 0, "plain")
	b.sendRecord(t, &kgo.Record{Topic: topic, Value: []byte("typed"), Headers: []kgo.RecordHeader{{Key: "Content-Type", Value: []byte("text/turtle")}}})
	b.sendRecord(t, &kgo.Record{Topic: topic, Key: []byte("k1")})
	b.send(t, topic, 0, "")
	cfg := b.config(topic)
	cfg.MediaType = "application/n-quads"
	r := read(t, cfg, &conntest.Progress{})
	var got []connector.Message
	for len(got) < 4 {
		messages, err := r.Read(conntest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, messages...)
	}
	for i, want := range []string{"application/n-quads", "text/turtle", "application/n-quads", "application/n-quads"} {
		if m := got[i]; m.MediaType != want || (m.Reason != "") != (i == 2) || i == 2 && !strings.Contains(m.Reason, `"k1"`) || m.Time.IsZero() {
			t.Errorf("message %d: %+v", i, m)
		}
	}
	for i, want := range []map[string]string{{}, {"header.Content-Type": "text/turtle"}, {"key": "k1"}, {}} {
		want["topic"], want["partition"] = topic, "0"
		if vars := maps.Collect(got[i].Vars); !maps.Equal(vars, want) {
			t.Errorf("message %d: %v, want %v", i, vars, want)
		}
	}
	r.End()
	cfg.Tombstones, cfg.Group = true, cfg.Group+"-mapped"
	r = read(t, cfg, &conntest.Progress{})
	for got = nil; len(got) < 4; {
		messages, err := r.Read(conntest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, messages...)
	}
	if m := got[2]; m.Reason != "" || len(m.Body) > 0 {
		t.Errorf("a tombstone that was asked for: %+v", m)
	}
	r.End()
}

// testRegex: topics that match are read, also those that come later, from their start.
func testRegex(t *testing.T, b *broker) {
	prefix := unique("pattern")
	b.make(t, prefix+"-a", 1)
	b.send(t, prefix+"-a", 0, "old")
	b.make(t, "x"+prefix+"-c", 1)
	b.send(t, "x"+prefix+"-c", 0, "not meant")
	cfg := b.config("^" + prefix + "-.$")
	cfg.Regex, cfg.Start = true, "latest"
	r := read(t, cfg, &conntest.Progress{})
	b.make(t, prefix+"-b", 1)
	b.send(t, prefix+"-b", 0, "new")
	r.Is("new")
	b.send(t, prefix+"-a", 0, "more")
	r.Is("more")
	r.End()
}

// testSecurity: each mechanism lets in who has the password; who hasn't is told to see to it.
func testSecurity(t *testing.T, b *broker) {
	topic := b.topic(t, 1)
	b.send(t, topic, 0, "one")
	for name, mechanism := range map[string]kadm.ScramMechanism{"SCRAM-SHA-256": kadm.ScramSha256, "SCRAM-SHA-512": kadm.ScramSha512} {
		made, err := b.admin.AlterUserSCRAMs(conntest.Within(t), nil, []kadm.UpsertSCRAM{{User: "scram", Mechanism: mechanism, Iterations: 4096, Password: "secret"}})
		if err != nil || !made.Ok() {
			t.Fatal(made, err)
		}
		cfg := b.config(topic)
		cfg.Connection = kafka.Connection{Brokers: []string{b.Address(withPassword)}, Mechanism: name, User: "scram", Password: "secret"}
		conntest.Eventually(t, "the broker knows of the user", func() bool { return admits(t, cfg) == nil })
	}
	roots, pair := b.certificates(t)
	password, certificate := []string{b.Address(withPassword)}, []string{b.Address(withCertificate)}
	for _, test := range []struct {
		connection kafka.Connection
		refused    string
	}{
		{kafka.Connection{Brokers: password, Mechanism: "PLAIN", User: "user", Password: "secret"}, ""},
		{kafka.Connection{Brokers: password, Mechanism: "PLAIN", User: "user", Password: "wrong"}, "SASL_AUTHENTICATION_FAILED"},
		{kafka.Connection{Brokers: password, Mechanism: "SCRAM-SHA-256", User: "scram", Password: "secret"}, ""},
		{kafka.Connection{Brokers: password, Mechanism: "SCRAM-SHA-256", User: "scram", Password: "wrong"}, "SASL_AUTHENTICATION_FAILED"},
		{kafka.Connection{Brokers: password, Mechanism: "SCRAM-SHA-512", User: "scram", Password: "secret"}, ""},
		{kafka.Connection{Brokers: password, Mechanism: "OAUTHBEARER", Token: unsigned(time.Now().Add(time.Hour))}, ""},
		{kafka.Connection{Brokers: password, Mechanism: "OAUTHBEARER", Token: unsigned(time.Now().Add(-time.Hour))}, "SASL"},
		{kafka.Connection{Brokers: certificate, TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}, ""},
		{kafka.Connection{Brokers: certificate, TLS: &tls.Config{RootCAs: roots}}, "certificate"},
		{kafka.Connection{Brokers: certificate, TLS: &tls.Config{Certificates: []tls.Certificate{pair}}}, "certificate"},
	} {
		cfg := b.config(topic)
		cfg.Connection = test.connection
		name := fmt.Sprint(test.connection.Mechanism, test.connection.Password, test.connection.TLS != nil)
		if test.refused == "" {
			r := read(t, cfg, &conntest.Progress{})
			r.Is("one")
			r.End()
			continue
		}
		var err error
		conntest.Eventually(t, name+" is refused", func() bool { // a connection that is reset may lose the reason
			if err = admits(t, cfg); err == nil {
				t.Fatalf("%s: a wrong secret is taken", name)
			}
			return errors.Is(err, connector.ErrGiveUp)
		})
		conntest.GivesUp(t, err, test.refused)
	}
}

// admits reports how a broker takes a source.
func admits(t *testing.T, cfg kafka.SourceConfig) error {
	t.Helper()
	r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		return err
	}
	return r.Close()
}

// unsigned is a token that nobody has signed, which the broker of these tests takes.
func unsigned(until time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":"user","iat":%d,"exp":%d}`, until.Add(-2*time.Hour).Unix(), until.Unix())) + "."
}

// certificates are those that the broker's script has made.
func (b *broker) certificates(t *testing.T) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	file := func(name string) string { return filepath.Join(b.Dir, "tls", name) }
	ca, err := os.ReadFile(file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(file("client.pem"), file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	return roots, pair
}

// testKilled: the broker dies with a transaction on its way, and is back with all that it had. A reader goes on, or ends and the
// next one does; what has become of the transaction the next writer knows. A reader can be closed meanwhile.
func testKilled(t *testing.T, b *broker) {
	topic, s := b.topic(t, 1), b.target(t, 1)
	b.send(t, topic, 0, "one")
	cfg, other := b.config(topic), b.config(topic)
	progress := &conntest.Progress{}
	r, early := read(t, cfg, progress), read(t, other, &conntest.Progress{})
	messages, err := r.Read(conntest.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	progress.Commit(messages[0])
	early.Is("one")
	records := conntest.Records(4, 300, 200, engine.Mark{})
	w := s.openShard(t, 4)
	if err := w.Write(conntest.Within(t), records[:100]); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- w.Write(conntest.Within(t), records[100:200]) }()
	b.Kill()
	early.End()
	b.Restart(t)
	t.Logf("a transaction that the broker didn't end: %v", <-written)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	conntest.WriteAll(t, s.Sink(t), 4, records)
	conntest.Once(t, s.Read(t, 4), records)
	b.send(t, topic, 0, "two")
	for {
		messages, err := r.Read(conntest.Within(t))
		if err == nil {
			if string(messages[0].Body) != "two" {
				t.Errorf("%q", messages[0].Body)
			}
			break
		}
		r.End() // as the pipeline does
		r = read(t, cfg, progress)
	}
	r.End()
}
