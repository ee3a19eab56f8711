package mqtt_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/mqtt"
)

func TestMain(m *testing.M) { conntest.Main(m) }

// testVars: what the broker says of a message besides its content, and that its content type goes before the setting.
func testVars(t *testing.T, b *broker) {
	for name, version := range versions {
		topic := unique("plant") + "/oven 3/temp"
		cfg := b.config(topic)
		cfg.Version, cfg.MediaType = version, "text/turtle"
		r := read(t, cfg)
		b.publish(t, &paho.Publish{Topic: topic, QoS: 1, Payload: []byte("{}"), Properties: &paho.PublishProperties{ContentType: "application/json",
			User: paho.UserProperties{{Key: "line", Value: "1"}, {Key: "line", Value: "2"}, {Key: "unit", Value: "°C"}}}})
		m := r.Next(1)[0]
		want := map[string]string{"topic": topic, "qos": "1", "retained": "false", "redelivered": "false"}
		media := "text/turtle"
		if version == mqtt.V5 {
			media, want["content-type"], want["user.line"], want["user.unit"] = "application/json", "application/json", "2", "°C"
		}
		if got := maps.Collect(m.Vars); !maps.Equal(got, want) || m.MediaType != media || m.Stream != "" {
			t.Errorf("%s: %v, %q of %q; want %v", name, got, m.MediaType, m.Stream, want)
		}
		for range 2 { // nothing of what was read is changed by looking twice
			if got := maps.Collect(m.Vars); !maps.Equal(got, want) {
				t.Errorf("%s, again: %v", name, got)
			}
		}
		r.End()
		r = read(t, cfg)
		if got := maps.Collect(r.Next(1)[0].Vars); got["redelivered"] != "true" {
			t.Errorf("%s: %v comes again", name, got)
		}
		r.End()
	}
}

// testFilters: wildcards, and several topics.
func testFilters(t *testing.T, b *broker) {
	root := unique("root")
	r := read(t, b.config(root+"/+/temp", root+"/all/#"))
	for _, topic := range []string{"/a/temp", "/a/b/temp", "/all", "/all/x/y", "/other", "/b/temp"} {
		b.send(t, root+topic, topic)
	}
	r.is("/a/temp", "/all", "/all/x/y", "/b/temp")
	r.End()
}

// testRetained: what is retained comes once, when the subscription is new; or not at all.
func testRetained(t *testing.T, b *broker) {
	for name, version := range versions {
		for _, ignore := range []bool{false, true} {
			root := unique("state")
			b.publish(t, &paho.Publish{Topic: root + "/a", QoS: 1, Retain: true, Payload: []byte("old")})
			cfg := b.config(root + "/#")
			cfg.Version, cfg.IgnoreRetained = version, ignore
			r := read(t, cfg)
			b.send(t, root+"/b", "new")
			if !ignore {
				m := r.Next(1)
				if vars := maps.Collect(m[0].Vars); vars["retained"] != "true" || string(m[0].Body) != "old" {
					t.Errorf("MQTT %s: %q, %v", name, m[0].Body, vars)
				}
				if err := r.Ack(conntest.Within(t), m); err != nil {
					t.Error(err)
				}
			}
			r.is("new")
			r.End()
			r = read(t, cfg)
			b.send(t, root+"/b", "newer")
			if version == mqtt.V311 && !ignore { // it can't be asked for once
				r.is("old")
			}
			r.is("newer")
			r.End()
		}
	}
}

// testShared: two sources of one group share the messages of a topic.
func testShared(t *testing.T, b *broker) {
	topic := unique("work")
	var readers []*reading
	for range 2 {
		readers = append(readers, read(t, b.config("$share/group/"+topic)))
	}
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("%02d", i))
	}
	b.send(t, topic, want...)
	b.send(t, topic, "end", "end", "end", "end")
	var got []string
	for _, r := range readers {
		n := len(got)
		for ended := false; !ended; {
			for _, m := range r.Next(1) {
				ended = ended || string(m.Body) == "end"
				if !ended {
					got = append(got, string(m.Body))
				}
			}
		}
		if len(got) == n || len(got) == len(want) && n == 0 {
			t.Errorf("one of them has read %d of %d", len(got)-n, len(want))
		}
		r.End()
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("both have read %q", got)
	}
}

// testOneAtATime: the broker sends nothing before the message before is acknowledged.
func testOneAtATime(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	cfg.ReceiveMaximum = 1
	r := read(t, cfg)
	b.send(t, cfg.Topics[0], "a", "b", "c")
	for _, want := range []string{"a", "b", "c"} {
		messages, err := r.Read(conntest.Within(t))
		if err != nil || len(messages) != 1 || string(messages[0].Body) != want {
			t.Fatalf("%q, %v; want %s alone", conntest.Texts(messages), err, want)
		}
		if err := r.Ack(conntest.Within(t), messages); err != nil {
			t.Fatal(err)
		}
	}
	r.End()
}

// testTakenOver: who opens a session ends the reader before; that must not fight for it.
func testTakenOver(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	first := read(t, cfg)
	second := read(t, cfg)
	if err := first.Fails(); !strings.Contains(err.Error(), "the connection is lost") {
		t.Error(err)
	}
	first.End()
	b.send(t, cfg.Topics[0], "a")
	second.is("a")
	second.End()
}

// testOldAck: an acknowledgement over a connection that has ended confirms nothing of the next one, though the broker uses the
// same packet ids again.
func testOldAck(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	cfg.ReceiveMaximum = 2
	first := read(t, cfg)
	b.send(t, cfg.Topics[0], "a", "b", "c", "d")
	old := first.Next(2)
	second := read(t, cfg)
	second.Next(2)                             // a and b again
	_ = first.Ack(conntest.Within(t), old[:1]) // it may not know yet that it is lost
	first.Fails()
	if err := first.Ack(conntest.Within(t), old[1:]); err == nil {
		t.Error("the connection is lost, and an acknowledgement is none the worse")
	}
	first.End()
	second.End()
	cfg.ReceiveMaximum = 4
	third := read(t, cfg)
	third.is("a", "b", "c", "d")
	third.End()
}

// testEarlier: what comes of the subscriptions of an earlier configuration is left out, and doesn't come again.
func testEarlier(t *testing.T, b *broker) {
	before, after := unique("before"), unique("after")
	cfg := b.config(before, after)
	cfg.ReceiveMaximum = 2
	read(t, cfg).End()
	cfg.Topics = []string{after}
	r := read(t, cfg)
	b.send(t, before, "1", "2", "3", "4")
	b.send(t, after, "a")
	b.send(t, before, "5")
	b.send(t, after, "b")
	r.is("a", "b")
	r.End()
}

// testBacklog: a session that has kept more than is read ahead is read, though the answer to the subscription stands behind it.
func testBacklog(t *testing.T, b *broker) {
	for name, version := range versions {
		cfg := b.config(unique("topic"))
		cfg.Version, cfg.MaxAhead = version, 10_000
		read(t, cfg).End()
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprint(name, i, strings.Repeat("x", 1000)))
		}
		b.send(t, cfg.Topics[0], want...)
		r := read(t, cfg)
		r.is(want...)
		r.End()
	}
}

// testNotKept: with QoS 0 what was read from a connection that has ended is not lost.
func testNotKept(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	cfg.QoS, cfg.MaxMessages = 0, 1
	r := read(t, cfg)
	b.send(t, cfg.Topics[0], "a", "b", "c")
	r.is("a")
	other := read(t, cfg) // ends the connection
	var got []string
	for {
		messages, err := r.Read(conntest.Within(t))
		if err != nil {
			break
		}
		got = append(got, conntest.Texts(messages)...)
	}
	if !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("then came %q", got)
	}
	r.End()
	other.End()
}

// testTooLarge: a message that is too large comes with a reason, and those behind it come.
func testTooLarge(t *testing.T, b *broker) {
	for _, version := range versions {
		cfg := b.config(unique("topic"))
		cfg.Version, cfg.MaxMessage = version, 1<<10
		r := read(t, cfg)
		for _, size := range []int{1 << 10, 1<<10 + 1, 1 << 20} {
			b.send(t, cfg.Topics[0], strings.Repeat("x", size))
		}
		b.send(t, cfg.Topics[0], "small")
		list := r.Next(4)
		for i, reason := range []string{"", "it has 1025 bytes", "it has 1048576 bytes", ""} {
			if m := list[i]; !strings.HasPrefix(m.Reason, reason) || (reason == "") != (m.Reason == "") || len(m.Body) > cfg.MaxMessage {
				t.Errorf("message %d: %d bytes, %q", i, len(m.Body), m.Reason)
			}
		}
		r.End()
	}
}

// testTooLargeSpark: one of Sparkplug B is too large from the same size on.
func testTooLargeSpark(t *testing.T, b *broker) {
	for _, version := range versions {
		group := unique("group")
		cfg := b.sparkConfig(group)
		cfg.Version, cfg.MaxMessage = version, 1<<10
		r := read(t, cfg)
		for _, size := range []int{1 << 10, 1<<10 + 1, 1 << 20} {
			b.send(t, "spBv1.0/"+group+"/NDATA/node", strings.Repeat("x", size))
		}
		list := r.Next(3)
		for i, reason := range []string{"", "it has 1025 bytes", "it has 1048576 bytes"} {
			m := list[i]
			if (reason == "") == strings.Contains(m.Reason, "at most") || !strings.HasPrefix(m.Reason, reason) || len(m.Body) != cfg.MaxMessage {
				t.Errorf("message %d: %d bytes, %q", i, len(m.Body), m.Reason)
			}
		}
		r.End()
	}
}

// certificates makes the configuration of a client.
func certificates(t *testing.T, b *broker) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(b.Dir, "tls/ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(b.Dir, "tls/client.pem"), filepath.Join(b.Dir, "tls/client.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}}
}

// testSecurity: passwords and certificates, right and wrong.
func testSecurity(t *testing.T, b *broker) {
	for name, version := range versions {
		for _, test := range []struct {
			name   string
			change func(*mqtt.Connection)
			wrong  string
		}{
			{"password", func(c *mqtt.Connection) { c.User, c.Password = "user", "secret" }, ""},
			{"wrong password", func(c *mqtt.Connection) { c.User, c.Password = "user", "wrong" }, "the broker refuses"},
			{"no password", func(*mqtt.Connection) {}, "the broker refuses"},
			{"certificate", func(c *mqtt.Connection) { c.Address, c.TLS = b.Address(withCertificate), certificates(t, b) }, ""},
			{"no certificate", func(c *mqtt.Connection) {
				c.Address, c.TLS = b.Address(withCertificate), certificates(t, b)
				c.TLS.Certificates = nil
			}, "certificate"},
			{"a broker that isn't known", func(c *mqtt.Connection) {
				c.Address, c.TLS = b.Address(withCertificate), certificates(t, b)
				c.TLS.RootCAs = x509.NewCertPool()
			}, "certificate"},
		} {
			t.Run(name+", "+test.name, func(t *testing.T) {
				cfg := b.config(unique("topic"))
				cfg.Version, cfg.Address = version, b.Address(withPassword)
				test.change(&cfg.Connection)
				if test.wrong == "" {
					read(t, cfg).End()
					return
				}
				var err error
				conntest.Eventually(t, "it is told", func() bool { // a connection that is reset may lose the reason
					_, err = source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
					return errors.Is(err, connector.ErrGiveUp)
				})
				conntest.GivesUp(t, err, test.wrong)
			})
		}
	}
}

// testRefused: a topic that the broker doesn't let us read is told of.
func testRefused(t *testing.T, b *broker) {
	for _, version := range versions {
		cfg := b.config("open/a", "secret/b")
		cfg.Version, cfg.Address = version, b.Address(guarded)
		_, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
		conntest.GivesUp(t, err, "secret/b")
		if version == mqtt.V5 && !strings.Contains(err.Error(), "not authorized") {
			t.Error(err)
		}
		cfg.Topics = cfg.Topics[:1]
		r := read(t, cfg)
		r.End()
	}
}

// TestMatches: topics and filters, as the specification has them.
func TestMatches(t *testing.T) {
	for _, test := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/B", false}, {"a", "a/b", false}, {"a/b", "a", false}, {"a", "/a", false},
		{"#", "a", true}, {"#", "a/b", true}, {"a/#", "a", true}, {"a/#", "a/b/c", true}, {"a/#", "ab", false}, {"/#", "/a", true},
		{"+", "a", true}, {"+", "a/b", false}, {"+", "/a", false}, {"/+", "/a", true}, {"+/+", "/a", true}, {"a/+", "a/", true}, {"a/+", "a", false},
		{"a/+/c", "a/b/c", true}, {"a/+/c", "a/b/d", false}, {"+/b/#", "a/b", true},
		{"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
		{"$share/g/a/+", "a/b", true}, {"$share/g/#", "$SYS/x", false},
	} {
		if got := mqtt.Matches(test.filter, test.topic); got != test.want {
			t.Errorf("%s is one of %s: %v", test.topic, test.filter, got)
		}
	}
}

// TestSourceConfig: what can't be is told before anything is connected.
func TestSourceConfig(t *testing.T) {
	good := mqtt.SourceConfig{Connection: mqtt.Connection{Address: "127.0.0.1:1883"}, Topics: []string{"a/#"}, ClientID: "c"}
	for name, change := range map[string]func(*mqtt.SourceConfig){
		"":                func(*mqtt.SourceConfig) {},
		"address":         func(c *mqtt.SourceConfig) { c.Address = "broker" },
		"topics":          func(c *mqtt.SourceConfig) { c.Topics = nil },
		"client id":       func(c *mqtt.SourceConfig) { c.ClientID = "" },
		`"a/#/b"`:         func(c *mqtt.SourceConfig) { c.Topics = []string{"a/#/b"} },
		`"a+"`:            func(c *mqtt.SourceConfig) { c.Topics = []string{"a+"} },
		`"$share/g"`:      func(c *mqtt.SourceConfig) { c.Topics = []string{"$share/g"} },
		`"$share/+/a"`:    func(c *mqtt.SourceConfig) { c.Topics = []string{"$share/+/a"} },
		"qos 3":           func(c *mqtt.SourceConfig) { c.QoS = 3 },
		"receive maximum": func(c *mqtt.SourceConfig) { c.ReceiveMaximum = 70_000 },
		"session expiry":  func(c *mqtt.SourceConfig) { c.SessionExpiry = time.Millisecond },
		"keep-alive":      func(c *mqtt.SourceConfig) { c.KeepAlive = 24 * time.Hour },
		"of 10 bytes":     func(c *mqtt.SourceConfig) { c.MaxMessage = 10 },
		"version 7":       func(c *mqtt.SourceConfig) { c.Version = 7 },
		"needs a user":    func(c *mqtt.SourceConfig) { c.Password = "p" },
		"a password is":   func(c *mqtt.SourceConfig) { c.User, c.Password, c.Address = "u", "p", "broker:1883" },
		"-1 messages":     func(c *mqtt.SourceConfig) { c.MaxMessages = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := mqtt.NewSource(cfg); (err != nil) != (name != "") || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.User, good.Password, good.Address, good.TLS = "u", "p", "broker:8883", &tls.Config{MinVersion: tls.VersionTLS12}
	if _, err := mqtt.NewSource(good); err != nil {
		t.Error(err)
	}
}
