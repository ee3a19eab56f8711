package kafka_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/engine"
)

// spoiled is a connection that goes wrong.
type spoiled struct {
	net.Conn
	lost atomic.Bool // the next answer
	lose func(key int16) bool
}

// spoil makes connections that end after so many bytes, in the middle of an answer; and that lose the answer to a request that
// lose picks.
func spoil(bytes func() int64, lose func(key int16) bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := conntest.Torn(bytes)(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &spoiled{Conn: conn, lose: lose}, nil
	}
}

// Read brings no answer that is lost.
func (s *spoiled) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.lost.Load() {
		s.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// Write sends a request; its key is behind its length.
func (s *spoiled) Write(p []byte) (int, error) {
	if len(p) > 6 && s.lose(int16(binary.BigEndian.Uint16(p[4:]))) {
		s.lost.Store(true)
	}
	return s.Conn.Write(p)
}

// heldUp is a connection that sends nothing while its gate is locked.
type heldUp struct {
	net.Conn
	gate *sync.RWMutex
}

// Write waits for the gate.
func (h *heldUp) Write(p []byte) (int, error) {
	h.gate.RLock()
	defer h.gate.RUnlock()
	return h.Conn.Write(p)
}

// holdUp makes connections with a gate.
func holdUp(gate *sync.RWMutex) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &heldUp{conn, gate}, err
	}
}

// noKey loses no answer.
func noKey(int16) bool { return false }

// testTorn: connections that end at any byte lose nothing and double nothing, in and out.
func testTorn(t *testing.T, b *broker) {
	var connections atomic.Int64
	bytes := func() int64 { return 700 + 300*connections.Add(1)%20_000 }
	topic := b.topic(t, 1)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint(i, strings.Repeat("x", 100)))
	}
	b.send(t, topic, 0, want...)
	cfg := b.config(topic)
	cfg.MaxFetch = 4000
	cfg.DialBy(spoil(bytes, noKey))
	got, _ := conntest.ReadAll(t, source(t, cfg), len(want))
	if !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	s := b.target(t, 1)
	s.cfg.DialBy(spoil(bytes, noKey))
	records := conntest.Records(1, 100, 100, engine.Mark{})
	conntest.WriteAll(t, s.Sink(t), 1, records)
	conntest.Once(t, s.Read(t, 1), records)
	if connections.Load() < 10 {
		t.Errorf("%d connections: hardly any was torn", connections.Load())
	}
}

// testAnswersLost: the broker has done what it was asked for, and nobody hears of it.
func testAnswersLost(t *testing.T, b *broker) {
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.Produce, kmsg.EndTxn} {
		s := b.target(t, 1)
		var asked, lost atomic.Int64
		s.cfg.DialBy(spoil(conntest.Endless, func(k int16) bool {
			if k != key.Int16() || asked.Add(1)%4 != 0 {
				return false
			}
			lost.Add(1)
			return true
		}))
		records := conntest.Records(1, 100, 100, engine.Mark{})
		for i := range 5 { // five owners one after the other
			conntest.WriteAll(t, s.Sink(t), 1, records[:20*(i+1)])
		}
		conntest.Once(t, s.Read(t, 1), records)
		if lost.Load() == 0 {
			t.Errorf("%s: no answer was lost", key.Name())
		}
	}
}

// fake makes a cluster that errors can be put into.
func fake(t *testing.T) (*kfake.Cluster, *broker) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, newBroker(t, c.ListenAddrs()[0])
}

// TestSinkErrors: whatever a broker answers, each delta is there once.
func TestSinkErrors(t *testing.T) {
	c, b := fake(t)
	for _, test := range []struct {
		key  kmsg.Key
		err  *kerr.Error
		ends bool // the writer, and another one goes on
	}{
		{kmsg.Produce, kerr.NotLeaderForPartition, false},
		{kmsg.Produce, kerr.InvalidTxnState, true},
		{kmsg.Produce, kerr.InvalidProducerEpoch, true},
		{kmsg.Produce, kerr.OutOfOrderSequenceNumber, true},
		{kmsg.EndTxn, kerr.CoordinatorNotAvailable, false},
		{kmsg.EndTxn, kerr.ConcurrentTransactions, false},
		{kmsg.EndTxn, kerr.InvalidTxnState, true},
		{kmsg.EndTxn, kerr.ProducerFenced, true},
		{kmsg.EndTxn, kerr.UnknownServerError, true},
		{kmsg.InitProducerID, kerr.ConcurrentTransactions, false},
		{kmsg.InitProducerID, kerr.CoordinatorLoadInProgress, false},
	} {
		t.Run(test.key.Name()+" "+test.err.Message, func(t *testing.T) {
			s := b.target(t, 1)
			records := conntest.Records(0, 50, 50, engine.Mark{})
			conntest.WriteAll(t, s.Sink(t), 0, records[:15])
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{test.key}, Err: test.err, Count: 1,
				When: after(test.key, 2)})
			failures := conntest.WriteAll(t, s.Sink(t), 0, records)
			if hits := fault.Hits(); hits != 1 || (failures > 0) != test.ends {
				t.Errorf("%d errors were put in, and the writer has failed %d times", hits, failures)
			}
			conntest.Once(t, s.Read(t, 0), records)
		})
	}
}

// TestClaimAborted: a transaction that was aborted though the client says that it was committed is noticed when a shard is
// opened.
func TestClaimAborted(t *testing.T) {
	c, b := fake(t)
	s := b.target(t, 1)
	records := conntest.Records(0, 20, 50, engine.Mark{})
	conntest.WriteAll(t, s.Sink(t), 0, records[:10])
	for _, aborted := range []int{1, 100} {
		left := aborted
		c.ControlKey(kmsg.EndTxn.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			request.(*kmsg.EndTxnRequest).Commit = left <= 0
			left--
			return nil, nil, false
		})
		w, err := s.Sink(t).Open(conntest.Within(t), 0)
		if aborted > 1 {
			if err == nil || !strings.Contains(err.Error(), "claims were aborted") {
				t.Errorf("%v", err)
			}
			return
		}
		if err != nil || w.At() != records[9].Mark {
			t.Fatalf("at %v, %v", w.At(), err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTopicUnknownYet: a broker that doesn't know yet what another has made is asked again, by sinks and sources; and what stays
// unknown is for somebody to see to.
func TestTopicUnknownYet(t *testing.T) {
	c, b := fake(t)
	unknown := func(key kmsg.Key, topic string, times int) *kfake.FaultHandle {
		return c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Topic: topic, Err: kerr.UnknownTopicOrPartition, Count: times})
	}
	s := b.target(t, 1)
	for _, topic := range []string{s.cfg.Topic, s.cfg.Topic + "-positions"} {
		w := s.openShard(t, 0) // makes the positions
		s.closeAll(t, w)
		fault := unknown(kmsg.Metadata, topic, 2)
		w = s.openShard(t, 1)
		s.closeAll(t, w)
		if fault.Hits() != 2 {
			t.Errorf("%s was unknown %d times", topic, fault.Hits())
		}
	}
	topic := b.topic(t, 1)
	b.send(t, topic, 0, "1")
	for _, fault := range []*kfake.FaultHandle{unknown(kmsg.Metadata, topic, 2), unknown(kmsg.ListOffsets, topic, 1)} {
		got, _ := conntest.ReadAll(t, source(t, b.config(topic)), 1)
		if !slices.Equal(got, []string{"1"}) {
			t.Errorf("%q", got)
		}
		fault.Remove()
	}
	fault := unknown(kmsg.Metadata, s.cfg.Topic+"-positions", -1)
	_, err := s.Sink(t).Open(conntest.Within(t), 2)
	if err == nil || errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "doesn't know it yet") {
		t.Error(err)
	}
	fault.Remove()
}

// after picks what comes after so many of the requests with a key; an InitProducerID is picked at once.
func after(key kmsg.Key, n int64) func(kmsg.Request) bool {
	var seen atomic.Int64
	return func(kmsg.Request) bool { return key == kmsg.InitProducerID || seen.Add(1) > n }
}

// TestSourceErrors: whatever a broker answers, each message is read, in order.
func TestSourceErrors(t *testing.T) {
	c, b := fake(t)
	for _, test := range []struct {
		key kmsg.Key
		err *kerr.Error
	}{
		{kmsg.Fetch, kerr.NotLeaderForPartition},
		{kmsg.Fetch, kerr.UnknownServerError},
		{kmsg.Fetch, kerr.KafkaStorageError},
		{kmsg.Fetch, kerr.UnknownTopicID},
		{kmsg.Fetch, kerr.OffsetOutOfRange},
		{kmsg.ConsumerGroupHeartbeat, kerr.FencedMemberEpoch},
		{kmsg.ConsumerGroupHeartbeat, kerr.CoordinatorNotAvailable},
		{kmsg.OffsetFetch, kerr.UnstableOffsetCommit},
		{kmsg.OffsetCommit, kerr.UnknownServerError},
		{kmsg.ListOffsets, kerr.LeaderNotAvailable},
		{kmsg.LeaveGroup, kerr.NotCoordinator},
	} {
		t.Run(test.key.Name()+" "+test.err.Message, func(t *testing.T) {
			topic := b.topic(t, 1)
			var want []string
			for i := range 30 {
				want = append(want, fmt.Sprint(i))
			}
			b.send(t, topic, 0, want...)
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{test.key}, Err: test.err, Count: 1})
			defer fault.Remove()
			cfg := b.config(topic)
			cfg.MaxMessages = 7
			got, _ := conntest.ReadAll(t, source(t, cfg), len(want))
			if !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestBrokerElsewhere: a broker on loopback that says that the others are elsewhere doesn't have us show them a password.
func TestBrokerElsewhere(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "user", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.ControlKey(kmsg.Metadata.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer := request.ResponseKind().(*kmsg.MetadataResponse)
		broker := kmsg.NewMetadataResponseBroker()
		broker.NodeID, broker.Host, broker.Port = 7, "192.0.2.1", 9092
		topic, partition := kmsg.NewMetadataResponseTopic(), kmsg.NewMetadataResponseTopicPartition()
		partition.Leader, partition.Replicas, partition.ISR = 7, []int32{7}, []int32{7}
		topic.Topic, topic.TopicID, topic.Partitions = kmsg.StringPtr("t"), [16]byte{1}, []kmsg.MetadataResponseTopicPartition{partition}
		answer.ControllerID, answer.Brokers, answer.Topics = 7, append(answer.Brokers, broker), append(answer.Topics, topic)
		return answer, nil, true
	})
	cfg := kafka.SinkConfig{Connection: kafka.Connection{Brokers: c.ListenAddrs(), Mechanism: "PLAIN", User: "user", Password: "secret"},
		Topic: "t", Name: "main/kafka", Shards: 1}
	cfg.DialBy(func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "192.0.2.1") {
			t.Errorf("%s is connected to", address)
			return nil, net.ErrClosed
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	s, err := kafka.NewSink(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(conntest.Within(t), 0)
	conntest.GivesUp(t, err, "needs TLS")
}
