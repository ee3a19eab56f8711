package nats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
)

// testStuck: a consumer that sends nothing though there is something is noticed, and made anew.
func testStuck(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg, progress := s.config(stream), &conntest.Progress{}
	s.send(t, cfg.Stream+".a", "1")
	r := read(t, cfg, progress)
	r.commit(progress, r.Is("1"))
	if _, err := s.js.PauseConsumer(conntest.Within(t), cfg.Stream, cfg.Consumer, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.send(t, cfg.Stream+".a", "2")
	if err := r.Fails(); !strings.Contains(err.Error(), "does not send what the stream has") || errors.Is(err, connector.ErrGiveUp) {
		t.Error(err)
	}
	r.End()
	r = read(t, cfg, progress)
	r.Is("2")
	r.End()
}

// testTakenOver: who opens a reader of the same name ends the one before.
func testTakenOver(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg, progress := s.config(stream), &conntest.Progress{}
	s.send(t, cfg.Stream+".a", "1", "2")
	old := read(t, cfg, progress)
	got := old.Is("1", "2")
	r := read(t, cfg, progress)
	r.Is("1", "2")
	if err := old.Fails(); !strings.Contains(err.Error(), "Consumer Deleted") && !strings.Contains(err.Error(), "another reader") {
		t.Error(err)
	}
	if err := old.Ack(conntest.Within(t), got); err != nil {
		t.Error(err)
	}
	old.End()
	s.send(t, cfg.Stream+".a", "3")
	r.Is("3")
	r.End()
}

// testTorn: connections that end at any byte lose nothing and double nothing.
func testTorn(t *testing.T, s *server) {
	var connections atomic.Int64
	stream := s.stream(t, nil)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint(i, strings.Repeat("x", 100)))
	}
	s.send(t, nameOf(stream)+".a", want...)
	cfg := s.config(stream)
	cfg.MaxFetch = 4000
	cfg.DialBy(conntest.Torn(func() int64 { return 1000 + 700*connections.Add(1)%17_000 }))
	got, failures := conntest.ReadAll(t, source(t, cfg), len(want))
	if !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	if failures < 5 {
		t.Errorf("%d errors: hardly any connection was torn", failures)
	}
}

// testKilled: the server is killed while messages are read, and started again.
func testKilled(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint(i))
	}
	s.send(t, nameOf(stream)+".a", want[:100]...)
	cfg := s.config(stream)
	cfg.MaxMessages = 10
	progress := &conntest.Progress{}
	r := read(t, cfg, progress)
	r.commit(progress, r.Is(want[:50]...))
	s.Kill()
	if err := r.Fails(); errors.Is(err, connector.ErrGiveUp) {
		t.Error(err)
	}
	r.End()
	if _, err := source(t, cfg).Open(conntest.Within(t), progress); err == nil || errors.Is(err, connector.ErrGiveUp) {
		t.Error(err)
	}
	s.Restart(t)
	s.back(t)
	s.send(t, nameOf(stream)+".a", want[100:]...)
	r = read(t, cfg, progress)
	r.Is(want[50:]...)
	r.End()
}

// testForeignNote: what a consumer has noted of another stream, as a backup may bring it back, is of no account.
func testForeignNote(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	s.send(t, cfg.Stream+".a", "1", "2", "3")
	notes := map[string]string{"quadrille.stream": cfg.Stream + "/2001-01-01T00:00:00Z", "quadrille.start": "3", "quadrille.from": "3"}
	if _, err := stream.CreateConsumer(conntest.Within(t), jetstream.ConsumerConfig{Durable: cfg.Consumer, Metadata: notes}); err != nil {
		t.Fatal(err)
	}
	r := read(t, cfg, &conntest.Progress{})
	r.Is("1", "2", "3")
	r.End()
}

// testStolen: a delivery that went elsewhere is missed at the next one, and comes again.
func testStolen(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	s.send(t, cfg.Stream+".a", "1", "2")
	r := read(t, cfg, &conntest.Progress{})
	consumer, err := stream.Consumer(conntest.Within(t), cfg.Consumer)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := consumer.Next(); err != nil || string(m.Data()) != "1" {
		t.Fatal(m, err)
	}
	if err := r.Fails(); !strings.Contains(err.Error(), "got lost") {
		t.Error(err)
	}
	r.End()
	r = read(t, cfg, &conntest.Progress{})
	r.Is("1", "2")
	r.End()
}

// testShortReads: readings that are given up at any moment, in the middle of a look too, lose nothing and end nothing.
func testShortReads(t *testing.T, s *server) {
	stream := s.stream(t, nil)
	cfg := s.config(stream)
	cfg.PullFor(time.Millisecond) // looks all the time
	cfg.Subjects = []string{cfg.Stream + ".a"}
	r := read(t, cfg, &conntest.Progress{})
	var want, got []string
	for i := range 300 {
		if i%10 == 0 {
			want = append(want, fmt.Sprint(i))
			s.send(t, cfg.Stream+".b", "") // a jump
			s.send(t, cfg.Stream+".a", fmt.Sprint(i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%7)*500*time.Microsecond)
		messages, err := r.Read(ctx)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		cancel()
		got = append(got, conntest.Texts(messages)...)
	}
	got = append(got, conntest.Texts(r.Next(len(want)-len(got)))...)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	r.End()
}
