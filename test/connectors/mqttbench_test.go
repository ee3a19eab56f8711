package connectors

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/internal/peer"
)

// mqttWindow is the number of messages that a broker may have under way, of the node and of the bare subscriber.
const mqttWindow = 20_000

// BenchmarkMQTT measures messages of JSON that come from MQTT at QoS 1 and replace what there was of their sensor, through one node,
// while the broker shares the machine; and, as the limit in the same run, a subscriber that acknowledges the same messages and does
// nothing else. Both find them in their session. Run it with -benchtime 1x: an operation is 200,000 messages.
func BenchmarkMQTT(b *testing.B) {
	const messages = 200_000
	for range b.N {
		b.StopTimer()
		broker := startMQTT(b)
		for _, name := range []string{"bench.readings", "bare"} {
			subscribeMQTT(b, broker, name, nil)
		}
		fillMQTT(b, broker, messages)
		b.StartTimer()
		begin := time.Now()
		runMQTT(b, broker, messages)
		ours := messages / time.Since(begin).Seconds()
		b.StopTimer()
		begin = time.Now()
		var n atomic.Int64
		all := make(chan struct{})
		subscribeMQTT(b, broker, "bare", func() {
			if n.Add(1) == messages {
				close(all)
			}
		}, all)
		limit := messages / time.Since(begin).Seconds()
		b.ReportMetric(ours, "messages/s")
		b.ReportMetric(limit, "bare/s")
		b.ReportMetric(ours/limit, "ratio")
	}
}

// subscribeMQTT takes the session of a name over, or makes it, and waits until channels are closed.
func subscribeMQTT(b *testing.B, broker *peer.Peer, name string, received func(), until ...<-chan struct{}) {
	b.Helper()
	cfg := paho.ClientConfig{OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(paho.PublishReceived) (bool, error) {
		received()
		return true, nil
	}}}
	c := newMQTT(b, broker, cfg)
	window, expiry := uint16(mqttWindow), uint32(3600)
	if _, err := c.Connect(b.Context(), &paho.Connect{ClientID: name, KeepAlive: 30,
		Properties: &paho.ConnectProperties{ReceiveMaximum: &window, SessionExpiryInterval: &expiry}}); err != nil {
		b.Fatal(err)
	}
	if received == nil {
		if _, err := c.Subscribe(b.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "sensors/+/reading", QoS: 1}}}); err != nil {
			b.Fatal(err)
		}
	}
	for _, closed := range until {
		<-closed
	}
	if err := c.Disconnect(&paho.Disconnect{}); err != nil {
		b.Fatal(err)
	}
}

// fillMQTT sends messages of 1,000 sensors, and returns when the broker has them.
func fillMQTT(b *testing.B, broker *peer.Peer, messages int) {
	b.Helper()
	c := dialMQTT(b, broker, "sender", paho.ClientConfig{})
	for i := range messages {
		m := &paho.Publish{Topic: fmt.Sprintf("sensors/t-%d/reading", i%1000), QoS: 1,
			Payload: fmt.Appendf(nil, `{"property": "temperature", "value": %d.5, "ts": %d}`, i, 1769846400500+i)}
		var err error
		if i < messages-1 {
			_, err = c.PublishWithOptions(b.Context(), m, paho.PublishOptions{Method: paho.PublishMethod_AsyncSend})
		} else {
			_, err = c.Publish(b.Context(), m)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// runMQTT runs a node until so many messages are committed.
func runMQTT(b *testing.B, broker *peer.Peer, messages int) {
	b.Helper()
	n := runNode(b, fmt.Sprintf(`
pipeline: {name: bench, shards: 4}
engine: {data: %s}
node: {name: n1}
http: {address: '127.0.0.1:0'}
log: {level: warn}
prefixes: {ex: "http://example.org/", sosa: "http://www.w3.org/ns/sosa/"}
mappings:
  reading:
    mode: replace
    s: ex:sensor/$(#topic/2)
    po:
      - [a, sosa:Sensor]
      - [sosa:observes, ex:property/$(property)~iri]
      - [sosa:hasSimpleResult, $(value), xsd:double]
      - [sosa:resultTime, {value: $(ts), time: ms}]
sources:
  - {name: readings, type: mqtt, address: '%s', tls: false, topics: sensors/+/reading, mapping: reading, receive-maximum: %d}
`, b.TempDir(), broker.Address(0), mqttWindow))
	committed := regexp.MustCompile(`"messages":\s*(\d+)`)
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(n.url + "/v1/status") //nolint:noctx // the deadline bounds it
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		if found := committed.FindSubmatch(text); found != nil {
			if done, _ := strconv.Atoi(string(found[1])); done >= messages {
				n.end()
				return
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("not all messages are committed: %s", text)
		}
	}
}
