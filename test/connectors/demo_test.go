package connectors

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"
)

// TestDemoWithKafka: the demo's changes go through a topic, and none is lost or doubled; nothing is left there.
func TestDemoWithKafka(t *testing.T) {
	k := startKafka(t)
	runDemo(t, "kafka="+k.Address(0))
	eventually(t, "nothing is left", func() bool { // the broker hears of it from its controller
		topics, err := k.admin.ListTopics(t.Context())
		return err == nil && len(topics) == 0
	})
}

// TestDemoWithNATS: the same with a stream.
func TestDemoWithNATS(t *testing.T) {
	p := startNATS(t)
	before := p.streams(t)
	runDemo(t, "nats="+p.Address(0))
	if left := p.streams(t); !slices.Equal(left, before) {
		t.Errorf("left: %v, before %v", left, before)
	}
}

// streams are the names of those that a server has.
func (p *natsPeer) streams(t *testing.T) (names []string) {
	t.Helper()
	list := p.StreamNames(t.Context())
	for name := range list.Name() {
		names = append(names, name)
	}
	if list.Err() != nil {
		t.Fatal(list.Err())
	}
	slices.Sort(names)
	return names
}

// TestDemoWithMQTT: the demo's changes go through topics, each sender's through its own, and none is lost; the broker keeps no
// session of it, and no message.
func TestDemoWithMQTT(t *testing.T) {
	b := startMQTT(t)
	topics, retained, seen := map[string]bool{}, 0, make(chan struct{})
	c := dialMQTT(t, b, "others", paho.ClientConfig{OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) {
			if p.Packet.Topic == "end" {
				close(seen)
				return true, nil
			}
			topics[p.Packet.Topic] = true
			if p.Packet.Retain {
				retained++
			}
			return true, nil
		}}})
	all := []paho.SubscribeOptions{{Topic: "#", QoS: 1, RetainAsPublished: true}}
	if _, err := c.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: all}); err != nil {
		t.Fatal(err)
	}
	runDemo(t, "mqtt="+b.Address(0))
	if _, err := c.Publish(t.Context(), &paho.Publish{Topic: "end", QoS: 1}); err != nil {
		t.Fatal(err)
	}
	<-seen // and all before it
	names := map[string]bool{}
	for topic := range topics {
		name, _, _ := strings.Cut(topic, "/")
		names[name] = true
	}
	if len(topics) != 12 || len(names) != 1 || retained > 0 {
		t.Errorf("topics %v, of which %d messages are retained", topics, retained)
	}
	for name := range names {
		for _, session := range []string{name, name + "-sender"} {
			other := newMQTT(t, b, paho.ClientConfig{})
			answer, err := other.Connect(t.Context(), &paho.Connect{ClientID: session})
			if err != nil || answer.SessionPresent {
				t.Errorf("session %s is there: %+v, %v", session, answer, err)
			}
			if err := other.Disconnect(&paho.Disconnect{}); err != nil {
				t.Error(err)
			}
		}
	}
}

// runDemo runs the demo with a peer as a process.
func runDemo(t *testing.T, with string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), self, "demo", "--changes", "4000", "--json", "--with", with).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%v: %s\n%s", err, out, exit.Stderr)
	}
	var result struct {
		Accepted int
		Killed   string
		Moves    int
		Good     bool
	}
	if err := json.Unmarshal(out, &result); err != nil || result.Accepted != 4000 || result.Killed != "n3" || result.Moves < 2 ||
		!result.Good {
		t.Errorf("%v: %s", err, out)
	}
}
