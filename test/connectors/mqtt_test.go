package connectors

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// mqttPorts are those that the broker's script is given.
const mqttPorts = 4

// startMQTT starts a broker, of which nothing outlives the process.
func startMQTT(t testing.TB) *peer.Peer {
	t.Helper()
	return peer.Start(t, "mosquitto", mqttPorts, "memory") //nolint:misspell // its name
}

// newMQTT is a client of others, with a connection to a broker.
func newMQTT(t testing.TB, b *peer.Peer, cfg paho.ClientConfig) *paho.Client {
	t.Helper()
	conn, err := net.Dial("tcp", b.Address(0)) //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	cfg.Conn, cfg.PacketTimeout = conn, settleBound
	return paho.NewClient(cfg)
}

// dialMQTT connects one.
func dialMQTT(t testing.TB, b *peer.Peer, name string, cfg paho.ClientConfig) *paho.Client {
	t.Helper()
	c := newMQTT(t, b, cfg)
	if _, err := c.Connect(t.Context(), &paho.Connect{ClientID: name, CleanStart: true, KeepAlive: 30}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect(&paho.Disconnect{}) }) // it may be gone
	return c
}

// dataOf are the quads of a node, as text.
func dataOf(t *testing.T, node string) string {
	t.Helper()
	answer, err := http.Get(node + "/v1/data") //nolint:noctx // the test's deadline bounds it
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	return string(text)
}

// TestExampleMQTT: readings come in, each in the place of the one before, and what changes of a sensor goes out.
func TestExampleMQTT(t *testing.T) {
	b := startMQTT(t)
	var mu sync.Mutex
	out := map[string]string{}
	c := dialMQTT(t, b, "others", paho.ClientConfig{OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			out[p.Packet.Topic] += string(p.Packet.Payload)
			return true, nil
		}}})
	if _, err := c.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "changes/#", QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	node := runExample(t, "mqtt", func(d *config.Document) {
		d.Sources[0].Settings.(*config.MQTTSource).Address = b.Address(0) //nolint:forcetypeassert // the example's
		d.Sinks[0].Settings.(*config.MQTTSink).Address = b.Address(0)     //nolint:forcetypeassert // the example's
	})
	send := func(value string, n int) {
		text := fmt.Sprintf(`{"property": "temperature", "value": %s, "ts": %d}`, value, 1769846400500+n)
		if _, err := c.Publish(t.Context(), &paho.Publish{Topic: "sensors/t-0815/reading", QoS: 1, Payload: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a reading is there", func() bool { // what came before the subscription is lost
		send("21.5", 0)
		return strings.Contains(dataOf(t, node), `"21.5"`)
	})
	send("22.0", 1)
	result := `<http://example.org/sensor/t-0815> <http://www.w3.org/ns/sosa/hasSimpleResult> `
	eventually(t, "the next one goes out", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(out["changes/t-0815"], "A "+result+`"22.0"`)
	})
	mu.Lock()
	defer mu.Unlock()
	if text := out["changes/t-0815"]; strings.Count(text, "D "+result+`"21.5"`) != 1 || strings.Count(text, "A "+result) != 2 {
		t.Errorf("what has changed:\n%s", text)
	}
	if text := dataOf(t, node); strings.Contains(text, `"21.5"`) || !strings.Contains(text, result+`"22.0"`) {
		t.Errorf("the node has\n%s", text)
	}
}

// TestExampleSparkplug: an edge node of others is born, sends, dies, and is born again.
func TestExampleSparkplug(t *testing.T) {
	b := startMQTT(t)
	edge := peer.Start(t, "sparkplug", 0, b.Address(0), "plant", "edge7")
	node := runExample(t, "sparkplug", func(d *config.Document) {
		d.Sources[0].Settings.(*config.MQTTSource).Address = b.Address(0) //nolint:forcetypeassert // the example's
	})
	has := func(subject, predicate, object string) bool {
		return strings.Contains(dataOf(t, node), "<http://example.org/plant/edge7"+subject+"> <"+predicate+"> "+object)
	}
	const value, stale = "https://brickschema.org/schema/Brick#value", "http://example.org/stale"
	state := func(alive bool) func() bool {
		return func() bool {
			truth := fmt.Sprintf(`"%v"^^<http://www.w3.org/2001/XMLSchema#boolean>`, !alive)
			online := fmt.Sprintf(`"%v"^^<http://www.w3.org/2001/XMLSchema#boolean>`, alive)
			return has("/oven%203/temperature", stale, truth) && has("/metric/double", stale, truth) &&
				has("", "http://example.org/online", online) && has("/oven%203", "http://example.org/online", online) &&
				has("/oven%203/temperature", value, `"2`) && has("/metric/int8", value, `"-8"^^<http://www.w3.org/2001/XMLSchema#integer>`)
		}
	}
	eventually(t, "it is born", state(true))
	eventually(t, "data comes", func() bool {
		return has("/oven%203/temperature", value, `"2`) && !has("/oven%203/temperature", value, `"20.0"`)
	})
	edge.Kill()
	eventually(t, "it dies", state(false))
	edge.Restart(t)
	eventually(t, "it is born again", state(true))
}
