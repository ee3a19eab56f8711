package mqtt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/mqtt"
)

// spoiled is a connection that goes wrong.
type spoiled struct {
	net.Conn
	pings *atomic.Int64
	mute  *atomic.Bool
}

// Read brings nothing while it is mute, and doesn't tell that the broker has hung up either.
func (s *spoiled) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	for s.mute != nil && s.mute.Load() && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		n, err = s.Conn.Read(p)
	}
	return n, err
}

// Write counts pings.
func (s *spoiled) Write(p []byte) (int, error) {
	if s.pings != nil && len(p) == 2 && p[0] == 0xc0 {
		s.pings.Add(1)
	}
	return s.Conn.Write(p)
}

// spoil makes connections whose pings are counted, and that bring nothing while they are mute.
func spoil(pings *atomic.Int64, mute *atomic.Bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &spoiled{Conn: conn, pings: pings, mute: mute}, nil
	}
}

// testNobodyReads: while nobody reads, memory is bounded, and the connection lives for longer than the keep-alive.
func testNobodyReads(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	cfg.KeepAlive, cfg.MaxAhead, cfg.ReceiveMaximum = 2*time.Second, 100_000, 1000
	var pings atomic.Int64
	cfg.DialBy(spoil(&pings, nil))
	r := read(t, cfg)
	var want []string
	for i := range 500 {
		want = append(want, fmt.Sprint(i, strings.Repeat("x", 20_000)))
	}
	b.send(t, cfg.Topics[0], want...)
	conntest.Eventually(t, "two keep-alives are over", func() bool { return pings.Load() >= 4 })
	first, err := r.Read(conntest.Within(t))
	if err != nil || len(first) > 10 {
		t.Fatalf("%d messages were read ahead, %v", len(first), err)
	}
	if err := r.Ack(conntest.Within(t), first); err != nil {
		t.Fatal(err)
	}
	r.is(want[len(first):]...)
	r.End()
}

// testSilence: a connection on which nothing comes any more ends.
func testSilence(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	cfg.KeepAlive = time.Second
	var mute atomic.Bool
	cfg.DialBy(spoil(nil, &mute))
	r := read(t, cfg)
	mute.Store(true)
	if err := r.Fails(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want that of a deadline", err)
	}
	r.End()
}

// readAll reads as the pipeline does, over all errors, until the last message is committed. It returns the messages without those
// that came again, which must be all of those since one before.
func readAll(t *testing.T, cfg mqtt.SourceConfig, last string) (got []string, failures int) {
	t.Helper()
	s := source(t, cfg)
	for ctx := conntest.Within(t); ; failures++ {
		if ctx.Err() != nil {
			t.Fatalf("%d messages after %d errors", len(got), failures)
		}
		r, err := s.Open(ctx, &conntest.Progress{})
		if err != nil {
			t.Logf("open: %v", err)
			continue
		}
		for err == nil {
			var messages []connector.Message
			messages, err = r.Read(ctx)
			for _, m := range messages {
				got = append(got, string(m.Body))
			}
			if err == nil {
				err = r.Ack(ctx, messages)
			}
			if err == nil && got[len(got)-1] == last {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				return got, failures
			}
		}
		t.Logf("read: %v", err)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// inOrder compares what was read, from the first on that isn't known yet: what comes again comes in order, too.
func inOrder(t *testing.T, got, want []string) {
	t.Helper()
	next := 0
	for i, text := range got {
		at := slices.Index(want, text)
		if at < 0 || at > next {
			t.Fatalf("message %d is %.20q, though %d was not read", i, text, next)
		}
		if i > 0 && at != next && slices.Index(want, got[i-1])+1 != at && slices.Index(want, got[i-1]) < at {
			t.Fatalf("message %d is %.20q behind %.20q", i, text, got[i-1])
		}
		next = max(next, at+1)
	}
	if next != len(want) {
		t.Fatalf("%d of %d messages were read", next, len(want))
	}
}

// testTorn: connections that end at any byte lose nothing, and what comes again comes in order.
func testTorn(t *testing.T, b *broker) {
	for name, version := range versions {
		for qos := 1; qos <= 2; qos++ {
			t.Run(fmt.Sprintf("MQTT %s, QoS %d", name, qos), func(t *testing.T) {
				var connections atomic.Int64
				cfg := b.config(unique("topic"))
				cfg.Version, cfg.QoS, cfg.ReceiveMaximum, cfg.MaxMessages = version, qos, 20, 3
				read(t, cfg).End()
				var want []string
				for i := range 100 {
					want = append(want, fmt.Sprint(i, strings.Repeat("x", 100)))
					b.publish(t, &paho.Publish{Topic: cfg.Topics[0], QoS: byte(qos), Payload: []byte(want[i])})
				}
				cfg.DialBy(conntest.Torn(func() int64 { return 100 + 3110*connections.Add(1)%40_000 }))
				got, failures := readAll(t, cfg, want[99])
				inOrder(t, got, want)
				if failures == 0 {
					t.Error("no connection was torn")
				}
			})
		}
	}
}

// testKilled: the broker dies and comes back, and nothing that it had is lost.
func testKilled(t *testing.T, b *broker) {
	cfg := b.config(unique("topic"))
	r := read(t, cfg)
	kept := unique("c is kept ")
	b.send(t, cfg.Topics[0], "a", "b", kept)
	r.is("a", "b")
	r.Next(1)
	conntest.Eventually(t, "the broker has written it to its disk", func() bool {
		db, err := os.ReadFile(filepath.Join(b.Dir, "mosquitto.db"))
		return err == nil && bytes.Contains(db, []byte(kept))
	})
	b.hangUp()
	b.Kill()
	if err := r.Fails(); errors.Is(err, connector.ErrGiveUp) {
		t.Error(err)
	}
	r.End()
	if _, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{}); err == nil || errors.Is(err, connector.ErrGiveUp) {
		t.Errorf("%v, though the broker is away", err)
	}
	b.Restart(t)
	b.send(t, cfg.Topics[0], "d")
	got, _ := readAll(t, cfg, "d")
	inOrder(t, append([]string{"a", "b"}, got...), []string{"a", "b", kept, "d"})
}

// TestAskedTwice: in each keep-alive the broker is asked twice whether it is there, so that one packet that is late ends nothing.
func TestAskedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		var pings atomic.Int64
		done := make(chan error, 1)
		go func() { done <- quiet(there, &pings) }()
		cfg := mqtt.SourceConfig{Connection: mqtt.Connection{Address: "127.0.0.1:1883", KeepAlive: 2 * time.Second}, Topics: []string{"a"}, ClientID: "c"}
		cfg.DialBy(func(context.Context, string, string) (net.Conn, error) { return here, nil })
		r := read(t, cfg)
		time.Sleep(10*time.Second + time.Second/2)
		if n := pings.Load(); n != 10 {
			t.Errorf("it is asked %d times in five keep-alives", n)
		}
		r.End()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// quiet is a broker that answers, counts what it is asked, and sends nothing by itself.
func quiet(conn net.Conn, pings *atomic.Int64) error {
	defer conn.Close()
	for {
		packet, err := packets.ReadPacket(conn)
		if err != nil {
			return err
		}
		var answer *packets.ControlPacket
		switch asked := packet.Content.(type) {
		case *packets.Connect:
			answer = packets.NewControlPacket(packets.CONNACK)
		case *packets.Subscribe:
			answer = packets.NewControlPacket(packets.SUBACK)
			answer.Content = &packets.Suback{PacketID: asked.PacketID, Reasons: []byte{1}, Properties: &packets.Properties{}}
		case *packets.Pingreq:
			pings.Add(1)
			answer = packets.NewControlPacket(packets.PINGRESP)
		default: // the end
			return nil
		}
		if _, err := answer.WriteTo(conn); err != nil {
			return err
		}
	}
}
