package mqtt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/mqtt"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// document is one that a source of Sparkplug B makes.
type document struct {
	Group, Node, Device, Type string
	Implied                   bool
	Metrics                   []struct {
		Name, Datatype    string
		Value, Properties json.RawMessage
		Timestamp         int64
		Historical, Stale bool
	}
}

// sparkConfig is that of a source of a group.
func (b *broker) sparkConfig(group string) mqtt.SourceConfig {
	cfg := b.config("spBv1.0/" + group + "/#")
	cfg.Sparkplug, cfg.Rebirth = true, 200*time.Millisecond
	return cfg
}

// until reads documents until one is as it should be.
func (r *reading) until(what string, is func(document) bool) (all []document) {
	r.Helper()
	for ctx := conntest.Within(r.TB); ; {
		messages, err := r.Read(ctx)
		if err != nil {
			r.Fatalf("%s: %v", what, err)
		}
		for _, m := range messages {
			if m.Reason != "" {
				continue
			}
			for d := json.NewDecoder(bytes.NewReader(m.Body)); d.More(); {
				var doc document
				if err := d.Decode(&doc); err != nil {
					r.Fatalf("%v: %s", err, m.Body)
				}
				all = append(all, doc)
			}
		}
		if err := r.Ack(ctx, messages); err != nil {
			r.Fatal(err)
		}
		for _, doc := range all {
			if is(doc) {
				return all
			}
		}
	}
}

// bornValues are the values of the edge node's birth.
const bornValues = `Node Control/Rebirth Boolean false
int8 Int8 -8
int16 Int16 -1600
int32 Int32 -320000
int64 Int64 -9007199254740991
uint8 UInt8 200
uint16 UInt16 60000
uint32 UInt32 4000000000
uint64 UInt64 9007199254740991
float Float 1.5
double Double 0.1
boolean Boolean true
string String "a \"text\""
datetime DateTime 1769846400500
text Text "ü"
uuid UUID "2f1e4d0c-0000-4000-8000-000000000001"
bytes Bytes "AAH/"
file File "ZmlsZQ=="
null Int32 null
history Double 2.5
properties Double 3.5
dataset DataSet {"columns":["a","b"],"types":["String","Int32"],"rows":[["x",1],["y",2]]}
template Template {"ref":"pump","version":"v1","definition":false,"metrics":[{"name":"speed","datatype":"Int32","timestamp":1769846400500,"value":17,"historical":false,"transient":false,"stale":false}],"parameters":[{"name":"serial","datatype":"String","value":"p-1"}]}
bdSeq UInt64 0
`

// TestSparkplug: an edge node of others is born, sends data by alias, is asked for a rebirth by who has missed its birth, and dies.
func TestSparkplug(t *testing.T) {
	b := startBroker(t, "memory")
	edge := peer.Start(t, "sparkplug", 0, b.Address(open), "plant", "edge7")
	cfg := b.sparkConfig("plant")
	r := read(t, cfg)
	ofType := func(kind string) func(document) bool { return func(d document) bool { return d.Type == kind } }
	docs := r.until("who has missed the birth asks for another one", ofType("DDATA"))
	if len(docs) < 3 || docs[0].Type != "NBIRTH" || docs[1].Type != "DBIRTH" {
		t.Fatalf("first come %+v", docs)
	}
	values := ""
	for _, m := range docs[0].Metrics {
		values += fmt.Sprintf("%s %s %s\n", m.Name, m.Datatype, m.Value)
		if (m.Name == "history") != m.Historical || m.Stale || m.Timestamp == 0 {
			t.Errorf("%+v", m)
		}
		if m.Name == "properties" && string(m.Properties) != `{"engUnit":"°C","low":4,"more":{"deep":true}}` {
			t.Errorf("properties %s", m.Properties)
		}
	}
	if values != bornValues {
		t.Errorf("born with\n%s\nwant\n%s", values, bornValues)
	}
	data := docs[slices.IndexFunc(docs, ofType("DDATA"))] // others may stand behind it: a node that is slow is asked twice
	if data.Group != "plant" || data.Node != "edge7" || data.Device != "oven 3" || len(data.Metrics) != 1 || data.Metrics[0].Name != "temperature" ||
		data.Metrics[0].Datatype != "Double" {
		t.Errorf("%+v", data)
	}
	// A message in between is a gap.
	b.publish(t, &paho.Publish{Topic: "spBv1.0/plant/NDATA/edge7", Payload: []byte{0x18, 200, 1}})
	r.until("a gap is asked about", ofType("NBIRTH"))
	r.until("and data goes on", ofType("DDATA"))
	r.End()
	// The same source asks for a rebirth when it is connected again.
	edge.Kill()
	edge.Restart(t)
	s := source(t, cfg)
	for range 2 {
		again, err := s.Open(conntest.Within(t), &conntest.Progress{})
		if err != nil {
			t.Fatal(err)
		}
		r = &reading{&conntest.Reading{TB: t, Reader: again}}
		r.until("it is born again", ofType("DDATA"))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r = read(t, cfg)
	r.until("its data is understood", ofType("DDATA"))
	edge.Kill()
	docs = r.until("its device dies with it", func(d document) bool { return d.Type == "DDEATH" })
	for _, doc := range docs {
		if doc.Type != "NDEATH" && doc.Type != "DDEATH" {
			continue
		}
		want := map[string]int{"NDEATH": strings.Count(bornValues, "\n"), "DDEATH": 2}[doc.Type]
		if len(doc.Metrics) != want || doc.Implied != (doc.Type == "DDEATH") {
			t.Errorf("%s: %d metrics are stale, want %d", doc.Type, len(doc.Metrics), want)
		}
		for _, m := range doc.Metrics {
			if !m.Stale || m.Value != nil {
				t.Errorf("%s: %+v", doc.Type, m)
			}
		}
	}
	r.End()
	testUnborn(t, b)
	testState(t, b)
}

// testUnborn: what builds on a birth that isn't known has that reason, or is left out.
func testUnborn(t *testing.T, b *broker) {
	for _, skip := range []bool{false, true} {
		group := unique("group")
		cfg := b.sparkConfig(group)
		cfg.SkipUnborn = skip
		r := read(t, cfg)
		b.publish(t, &paho.Publish{Topic: "spBv1.0/" + group + "/NDATA/n", QoS: 1, Payload: []byte{0x12, 2, 0x10, 7, 0x18, 0}})
		b.publish(t, &paho.Publish{Topic: "spBv1.0/" + group + "/NDATA/n", QoS: 1, Payload: []byte("nonsense")})
		var list []connector.Message
		if !skip {
			list = r.Next(2)
			if !strings.Contains(list[0].Reason, "a rebirth is asked for") {
				t.Errorf("%q", list[0].Reason)
			}
			list = list[1:]
		} else {
			list = r.Next(1)
		}
		if m := list[0]; m.Reason == "" || string(m.Body) != "nonsense" {
			t.Errorf("%q: %q", m.Body, m.Reason)
		}
		r.End()
	}
}

// testState: a primary host says that it is online while it is, and says so again when somebody says otherwise.
func testState(t *testing.T, b *broker) {
	var mu sync.Mutex
	var states []string
	id := unique("host")
	c := b.others(t, func(m *paho.Publish) {
		mu.Lock()
		defer mu.Unlock()
		states = append(states, string(m.Payload))
	})
	defer func() { _ = c.Disconnect(&paho.Disconnect{}) }()
	topic := "spBv1.0/STATE/" + id
	if _, err := c.Subscribe(conntest.Within(t), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: topic, QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	last := func(want string, n int) {
		t.Helper()
		conntest.Eventually(t, want, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(states) >= n && strings.HasPrefix(states[len(states)-1], want)
		})
	}
	cfg := b.sparkConfig(unique("group"))
	cfg.HostID = id
	r := read(t, cfg)
	last(`{"online":true,"timestamp":`, 1)
	b.publish(t, &paho.Publish{Topic: topic, QoS: 1, Retain: true, Payload: []byte(`{"online":false,"timestamp":1}`)})
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = r.Read(conntest.Within(t)) // nothing comes
	}()
	last(`{"online":true,"timestamp":`, 3)
	r.End()
	<-read
	last(`{"online":false,"timestamp":`, 4)
	// A connection that ends without a goodbye leaves the will.
	r = &reading{&conntest.Reading{TB: t, Reader: mustOpen(t, cfg)}}
	last(`{"online":true,"timestamp":`, 5)
	other := cfg
	other.HostID = ""
	second := mustOpen(t, other) // takes the session over
	last(`{"online":false,"timestamp":`, 6)
	r.End()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func mustOpen(t *testing.T, cfg mqtt.SourceConfig) connector.Reader {
	t.Helper()
	r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
