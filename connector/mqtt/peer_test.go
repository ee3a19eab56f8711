package mqtt_test

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/mqtt"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// The ports of the broker, in the order of its script.
const (
	open = iota
	withPassword
	withCertificate
	guarded
	allPorts = iota
)

// broker is a real one, with a client of others.
type broker struct {
	*peer.Peer

	mu     sync.Mutex
	client *paho.Client
}

func startBroker(t *testing.T, kind string) *broker {
	t.Helper()
	b := &broker{Peer: peer.Start(t, "mosquitto", allPorts, kind)} //nolint:misspell // its name
	t.Cleanup(b.hangUp)
	return b
}

// hangUp ends the connection of the client of others.
func (b *broker) hangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil {
		_ = b.client.Disconnect(&paho.Disconnect{}) // it may be gone
		b.client = nil
	}
}

// others returns a client of others.
func (b *broker) others(t *testing.T, received func(*paho.Publish)) *paho.Client {
	t.Helper()
	conn, err := net.Dial("tcp", b.Address(open)) //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	cfg := paho.ClientConfig{Conn: conn, PacketTimeout: time.Minute}
	if received != nil {
		cfg.OnPublishReceived = []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			received(p.Packet)
			return true, nil
		}}
	}
	c := paho.NewClient(cfg)
	if _, err := c.Connect(conntest.Within(t), &paho.Connect{ClientID: unique("others"), CleanStart: true, KeepAlive: 30}); err != nil {
		t.Fatal(err)
	}
	return c
}

// publish sends a message, and returns when the broker has it.
func (b *broker) publish(t *testing.T, m *paho.Publish) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client == nil {
		b.client = b.others(t, nil)
	}
	if _, err := b.client.Publish(conntest.Within(t), m); err != nil {
		t.Fatal(err)
	}
}

// send sends texts to a topic.
func (b *broker) send(t *testing.T, topic string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		b.publish(t, &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(text)})
	}
}

// names makes each topic and client one of its own.
var names atomic.Int64

func unique(what string) string { return fmt.Sprintf("%s-%d", what, names.Add(1)) }

// config is that of a source of topics.
func (b *broker) config(topics ...string) mqtt.SourceConfig {
	return mqtt.SourceConfig{Connection: mqtt.Connection{Address: b.Address(open)}, Topics: topics, ClientID: unique("source"), QoS: 1,
		Logger: slog.New(slog.DiscardHandler)}
}

func source(t *testing.T, cfg mqtt.SourceConfig) connector.Source {
	t.Helper()
	s, err := mqtt.NewSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reading is a reader of a test.
type reading struct{ *conntest.Reading }

func read(t *testing.T, cfg mqtt.SourceConfig) *reading {
	t.Helper()
	return &reading{conntest.Read(t, source(t, cfg), &conntest.Progress{})}
}

// is compares the next messages with texts, and acknowledges them.
func (r *reading) is(want ...string) {
	r.Helper()
	if err := r.Ack(conntest.Within(r.TB), r.Is(want...)); err != nil {
		r.Fatal(err)
	}
}

// sender is a [conntest.Peer].
type sender struct {
	b    *broker
	cfg  mqtt.SourceConfig
	qos  byte
	sent int
}

func (s *sender) Source(t *testing.T) connector.Source { return source(t, s.cfg) }

func (s *sender) Send(t *testing.T, n int) (bodies []string) {
	for range n {
		s.sent++
		body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", s.sent)
		bodies = append(bodies, body)
		s.b.publish(t, &paho.Publish{Topic: s.cfg.Topics[0], QoS: s.qos, Payload: []byte(body)})
	}
	return bodies
}

// versions are both, by name.
var versions = map[string]mqtt.Version{"5": mqtt.V5, "3.1.1": mqtt.V311}

// TestMQTT is all that needs the real thing, with one broker.
func TestMQTT(t *testing.T) {
	b := startBroker(t, "memory")
	for name, version := range versions {
		for qos := 1; qos <= 2; qos++ {
			t.Run(fmt.Sprintf("source, MQTT %s, QoS %d", name, qos), func(t *testing.T) {
				b.publish(t, &paho.Publish{Topic: "warm", QoS: 1}) // the client of others is none of the test's
				conntest.TestSourceWithoutIdentity(t, func(*testing.T) conntest.Peer {
					cfg := b.config(unique("topic"))
					cfg.Version, cfg.QoS = version, qos
					return &sender{b: b, cfg: cfg, qos: byte(qos)}
				})
			})
		}
	}
	testSinks(t, b)
	t.Run("together", func(t *testing.T) { // most of them wait
		for name, test := range map[string]func(*testing.T, *broker){
			"what it says": testVars, "filters": testFilters, "retained": testRetained, "shared": testShared, "one at a time": testOneAtATime,
			"taken over": testTakenOver, "security": testSecurity, "refused": testRefused, "too large": testTooLarge,
			"too large, Sparkplug": testTooLargeSpark,
			"nobody reads":         testNobodyReads, "silence": testSilence, "torn connections": testTorn, "ack of another connection": testOldAck,
			"earlier subscriptions": testEarlier, "not kept": testNotKept, "backlog": testBacklog,
			"subjects": testSubjects, "position": testPosition, "writer refused": testWriterRefused, "torn writer": testTornWriter,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, b)
			})
		}
	})
}

// TestKilled is what needs one that writes each change to its disk.
func TestKilled(t *testing.T) {
	b := startBroker(t, "disk")
	t.Run("source", func(t *testing.T) { testKilled(t, b) })
	t.Run("sink", func(t *testing.T) { testWriterKilled(t, b) })
}
