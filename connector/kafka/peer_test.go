package kafka_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// patience bounds what the broker has to do.
const patience = 60 * time.Second

// broker is a real one.
type broker struct {
	*peer.Peer        // nil for one that is not real
	address    string // where anybody may come
	client     *kgo.Client
	admin      *kadm.Client
}

// The ports of the broker, in the order of its script.
const (
	open = iota
	withPassword
	withCertificate
	allPorts = iota + 1
)

// startBroker starts one, and ends it with the test.
func startBroker(t *testing.T) *broker {
	t.Helper()
	real := peer.Start(t, "kafka", allPorts)
	b := newBroker(t, real.Address(open))
	b.Peer = real
	return b
}

// newBroker is one at an address.
func newBroker(t *testing.T, address string) *broker {
	t.Helper()
	b := &broker{address: address}
	var err error
	b.client, err = kgo.NewClient(kgo.SeedBrokers(address), kgo.MetadataMinAge(time.Second/10), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	b.admin = kadm.NewClient(b.client)
	return b
}

// names makes each topic and group one of its own.
var names atomic.Int64

func unique(what string) string { return fmt.Sprintf("%s-%d", what, names.Add(1)) }

// topic makes a topic and returns its name.
func (b *broker) topic(t *testing.T, partitions int32) string {
	t.Helper()
	name := unique("topic")
	b.make(t, name, partitions)
	return name
}

func (b *broker) make(t *testing.T, name string, partitions int32) {
	t.Helper()
	b.makeWith(t, name, partitions, nil)
}

// makeWith makes a topic with a configuration.
func (b *broker) makeWith(t *testing.T, name string, partitions int32, config map[string]*string) {
	t.Helper()
	if _, err := b.admin.CreateTopic(conntest.Within(t), partitions, 1, config, name); err != nil {
		t.Fatal(err)
	}
	b.has(t, name, partitions)
}

// has waits until the broker has a topic with so many partitions.
func (b *broker) has(t *testing.T, name string, partitions int32) {
	t.Helper()
	for ctx := conntest.Within(t); ; {
		details, err := b.admin.ListTopics(ctx, name)
		if err == nil && details.Error() == nil && len(details[name].Partitions) == int(partitions) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("topic %s is not there: %v, %v", name, details, err)
		}
	}
}

// send sends texts to a partition.
func (b *broker) send(t *testing.T, topic string, partition int32, texts ...string) {
	t.Helper()
	for _, text := range texts {
		b.sendRecord(t, &kgo.Record{Topic: topic, Partition: partition, Value: []byte(text)})
	}
}

func (b *broker) sendRecord(t *testing.T, record *kgo.Record) {
	t.Helper()
	if err := b.client.ProduceSync(conntest.Within(t), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// config is that of a source of its own group.
func (b *broker) config(topics ...string) kafka.SourceConfig {
	return kafka.SourceConfig{Connection: kafka.Connection{Brokers: []string{b.address}}, Topics: topics, Group: unique("group")}
}

func source(t *testing.T, cfg kafka.SourceConfig) connector.Source {
	t.Helper()
	s, err := kafka.NewSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reading is a reader of a test.
type reading struct{ *conntest.Reading }

func read(t *testing.T, cfg kafka.SourceConfig, progress connector.Progress) *reading {
	t.Helper()
	return &reading{conntest.Read(t, source(t, cfg), progress)}
}

// sender is a [conntest.Peer].
type sender struct {
	b    *broker
	cfg  kafka.SourceConfig
	sent int
}

func (s *sender) Source(t *testing.T) connector.Source { return source(t, s.cfg) }

func (s *sender) Send(t *testing.T, n int) (bodies []string) {
	for range n {
		s.sent++
		body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", s.sent)
		bodies = append(bodies, body)
		s.b.send(t, s.cfg.Topics[0], 0, body)
	}
	return bodies
}

// TestKafka is all that needs the real thing, with one broker.
func TestKafka(t *testing.T) {
	b := startBroker(t)
	for _, classic := range []bool{false, true} {
		t.Run(fmt.Sprintf("source, classic %v", classic), func(t *testing.T) {
			conntest.TestSource(t, func(t *testing.T) conntest.Peer {
				cfg := b.config(b.topic(t, 1))
				cfg.Classic = classic
				return &sender{b: b, cfg: cfg}
			})
		})
	}
	for _, binary := range []bool{false, true} {
		t.Run(fmt.Sprintf("sink, binary %v", binary), func(t *testing.T) {
			conntest.TestSink(t, func(t *testing.T) conntest.Target {
				s := b.target(t, 3)
				s.cfg.Binary = binary
				return s
			})
		})
	}
	t.Run("together", func(t *testing.T) { // most of them wait
		for name, test := range map[string]func(*testing.T, *broker){
			"starts": testStarts, "latest": testLatest, "reset": testReset, "gap": testGap, "made anew": testMadeAnew,
			"transactions": testTransactions, "kinds": testKinds, "rebalance": testRebalance, "taken over": testTakenOver, "taken out": testTakenOut,
			"patterns": testRegex, "security": testSecurity, "subjects": testSubjects, "refused": testRefused, "same name": testSameName,
			"open transaction": testOpenTransaction,
			"target made anew": testTargetMadeAnew,
			"states":           testStates, "states sought": testStatesSought, "states torn": testStatesTorn,
			"torn connections": testTorn, "answers lost": testAnswersLost,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, b)
			})
		}
	})
	t.Run("killed", func(t *testing.T) { testKilled(t, b) })
}
