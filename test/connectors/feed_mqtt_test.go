package connectors

import (
	"context"
	"fmt"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/internal/peer"
)

// mqttFeed sends readings as JSON, at QoS 1, through a broker that keeps sessions and messages on disk. A reading takes the place of
// the one before; a note stays until there is another one.
type mqttFeed struct {
	broker *peer.Peer
	client *paho.Client
}

const mqttKeys = 10

func newMQTTFeed(t *testing.T, broker *peer.Peer) *mqttFeed {
	t.Helper()
	f := &mqttFeed{broker: broker}
	f.connect(t)
	return f
}

func (f *mqttFeed) connect(t *testing.T) {
	t.Helper()
	f.client = dialMQTT(t, f.broker, "sensors", paho.ClientConfig{})
}

func (f *mqttFeed) sources() (sources, mappings string) {
	return fmt.Sprintf("  - {name: readings, type: mqtt, address: '%s', tls: false, topics: sensors/+/reading, mapping: reading}\n",
			f.broker.Address(0)), `
  reading:
    - {mode: replace, s: "urn:mqtt:$(#topic/2)", po: [["urn:value", $(value)]]}
    - {mode: upsert, s: "urn:mqtt:$(#topic/2)", po: [["urn:note", $(note)]]}
`
}

func (f *mqttFeed) send(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	for key := range mqttKeys {
		text := fmt.Sprintf(`{"value": %d}`, round)
		if round%2 == 0 {
			text = fmt.Sprintf(`{"value": %d, "note": "of %[1]d"}`, round)
		}
		message := &paho.Publish{Topic: fmt.Sprintf("sensors/%d/reading", key), QoS: 1, Payload: []byte(text)}
		if _, err := f.client.Publish(ctx, message); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *mqttFeed) quads(round int) []string {
	list := keyed("mqtt:", mqttKeys, typed(round, "integer"))
	for key := range mqttKeys {
		list = append(list, fmt.Sprintf("<urn:mqtt:%d> <urn:note> \"of %d\" .", key, round-round%2))
	}
	return list
}

func (f *mqttFeed) kill(t *testing.T) {
	t.Helper()
	f.broker.Kill()
	f.broker.Restart(t)
	f.connect(t)
}
