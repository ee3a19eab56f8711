package nats_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	natsgo "github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/engine"
)

// testPart: who goes on in the middle of a delta writes what is left of it.
func testPart(t *testing.T, s *server) {
	to := s.target(t, nil)
	to.cfg.PerSubject, to.cfg.Subject = true, to.cfg.Stream+".{shard}.{subject}"
	body, want := "TX .\n", []string(nil)
	for i := range 20 {
		body += fmt.Sprintf("A <urn:%d> <urn:p> \"1\" .\n", i)
		want = append(want, fmt.Sprintf(".0.urn:%d", i))
	}
	records := conntest.Records(0, 1, 10, engine.Mark{})
	records = append(records, connector.Record{Mark: engine.Mark{Position: 9, ID: "ni:9"}, Prev: records[0].ID, Body: []byte(body + "TC .\n")})
	records = append(records, connector.Record{Mark: engine.Mark{Position: 10, ID: "ni:10"}, Prev: "ni:9", Body: []byte(body + "TC .\n")})
	want = append(want, want...)
	var sent atomic.Int64
	good := to.cfg.Connection
	to.cfg.DialBy(loses(func(text []byte) bool { return bytes.HasPrefix(text, []byte("HPUB")) && sent.Add(1) == 13 }))
	w := to.openShard(t, 0)
	if err := w.Write(conntest.Within(t), records[:2]); err == nil {
		t.Error("no error, though an answer was lost")
	}
	closeWriter(t, w)
	to.cfg.Connection = good
	w = to.openShard(t, 0)
	if w.At() != records[0].Mark {
		t.Errorf("at %v, want %v", w.At(), records[0].Mark)
	}
	other := records[1]
	other.ID = "ni:other"
	conntest.GivesUp(t, w.Write(conntest.Within(t), []connector.Record{other}), "has a part of delta 9")
	closeWriter(t, w)
	w = to.openShard(t, 0)
	if err := w.Write(conntest.Within(t), records[1:]); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	var got []string
	for _, m := range s.all(t, to.cfg.Stream)[1:] {
		got = append(got, strings.TrimPrefix(m.Subject, to.cfg.Stream))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// losing is a connection that breaks when the server has been sent something, before its answer.
type losing struct {
	net.Conn
	when func(text []byte) bool
	lost atomic.Bool
}

func loses(when func(text []byte) bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &losing{Conn: conn, when: when}, err
	}
}

// Write sends.
func (l *losing) Write(p []byte) (int, error) {
	if l.when(p) {
		l.lost.Store(true)
	}
	return l.Conn.Write(p)
}

// Read brings nothing of the answer.
func (l *losing) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.lost.Load() {
		l.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// testAnswersLost: the server has done what it was asked for, and nobody hears of it.
func testAnswersLost(t *testing.T, s *server) {
	to := s.target(t, nil)
	var sent, lost atomic.Int64
	to.cfg.DialBy(loses(func(text []byte) bool {
		if !bytes.HasPrefix(text, []byte("HPUB")) || sent.Add(1)%7 != 0 {
			return false
		}
		lost.Add(1)
		return true
	}))
	records := conntest.Records(1, 100, 100, engine.Mark{})
	for i := range 5 { // five owners one after the other
		conntest.WriteAll(t, to.Sink(t), 1, records[:20*(i+1)])
	}
	conntest.Once(t, to.Read(t, 1), records)
	if lost.Load() < 5 {
		t.Errorf("%d answers were lost", lost.Load())
	}
}

// testTornOut: connections that end at any byte lose nothing and double nothing.
func testTornOut(t *testing.T, s *server) {
	to := s.target(t, nil)
	var connections atomic.Int64
	to.cfg.DialBy(conntest.Torn(func() int64 { return 1500 + 700*connections.Add(1)%9_000 }))
	records := conntest.Records(1, 200, 100, engine.Mark{})
	if failures := conntest.WriteAll(t, to.Sink(t), 1, records); failures < 5 {
		t.Errorf("%d errors: hardly any connection was torn", failures)
	}
	conntest.Once(t, to.Read(t, 1), records)
}

// held is a connection that can be held up: what is sent waits.
type held struct {
	net.Conn
	mu      sync.Mutex
	holds   func() // told that a message is held back; nil: nothing is
	waiting []byte
	pongs   atomic.Int64
}

// Write sends, or holds back.
func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holds != nil {
		if h.waiting = append(h.waiting, p...); bytes.Contains(h.waiting, []byte("HPUB")) {
			h.holds()
		}
		return len(p), nil
	}
	return h.Conn.Write(p)
}

// Read counts the server's answers to pings.
func (h *held) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.pongs.Add(int64(bytes.Count(p[:n], []byte("PONG\r\n"))))
	return n, err
}

// hold makes it hold back, and tell when that is a message.
func (h *held) hold(told func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holds = told
}

// release sends what waits, and returns when the server has read it.
func (h *held) release(t *testing.T) {
	t.Helper()
	before := h.pongs.Load()
	h.mu.Lock()
	h.holds = nil
	_, err := h.Conn.Write(append(h.waiting, "PING\r\n"...))
	h.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	conntest.Eventually(t, "the server has read what was late", func() bool { return h.pongs.Load() > before })
}

// testLate: what a writer has sent that comes late - before its successor has written, or after - has no effect beside the
// successor's; be it the writer's first message or a later one.
func testLate(t *testing.T, s *server) {
	for name, test := range map[string]struct{ before, after int }{
		"first, before": {0, 0}, "later, before": {5, 0}, "first, after": {0, 3}, "later, after": {5, 3},
	} {
		t.Run(name, func(t *testing.T) {
			to := s.target(t, nil)
			records := conntest.Records(0, 20, 100, engine.Mark{})
			good := to.cfg.Connection
			var conn *held
			to.cfg.DialBy(func(ctx context.Context, network, address string) (net.Conn, error) {
				plain, err := (&net.Dialer{}).DialContext(ctx, network, address)
				conn = &held{Conn: plain}
				return conn, err
			})
			old := to.openShard(t, 0)
			to.cfg.Connection = good
			if test.before > 0 {
				if err := old.Write(conntest.Within(t), records[:test.before]); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(conntest.Within(t))
			defer cancel()
			conn.hold(cancel)
			if err := old.Write(ctx, records[test.before:]); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			w := to.openShard(t, 0)
			if w.At() != mark(records, test.before) {
				t.Errorf("at %v", w.At())
			}
			if test.after > 0 {
				if err := w.Write(conntest.Within(t), records[test.before:test.before+test.after]); err != nil {
					t.Fatal(err)
				}
			}
			conn.release(t)
			closeWriter(t, old)
			err := w.Write(conntest.Within(t), records[test.before+test.after:])
			closeWriter(t, w)
			if err != nil && test.before+test.after > 0 {
				t.Error(err)
			}
			conntest.WriteAll(t, to.Sink(t), 0, records)
			conntest.Once(t, to.Read(t, 0), records)
		})
	}
}

// mark is that of the last of so many records.
func mark(records []connector.Record, n int) engine.Mark {
	if n == 0 {
		return engine.Mark{}
	}
	return records[n-1].Mark
}

// testKilledOut: the server is killed while a shard is written.
func testKilledOut(t *testing.T, s *server) {
	to := s.target(t, nil)
	records := conntest.Records(0, 3000, 100, engine.Mark{})
	done := make(chan int)
	go func() { done <- conntest.WriteAll(t, to.Sink(t), 0, records) }()
	conntest.Eventually(t, "some are there", func() bool {
		info, err := to.stream.Info(conntest.Within(t))
		return err == nil && info.State.Msgs > 100
	})
	s.Kill()
	s.Restart(t)
	failures := <-done
	s.back(t)
	conntest.Once(t, to.Read(t, 0), records)
	t.Logf("%d errors", failures)
}

// testBehind: a position that was read where a message was not known yet, which is there all the same, is not built on.
func testBehind(t *testing.T, s *server) {
	to := s.target(t, nil)
	records := conntest.Records(0, 10, 100, engine.Mark{})
	conntest.WriteAll(t, to.Sink(t), 0, records[:5])
	w := to.openShard(t, 0)
	last := s.all(t, to.cfg.Stream)[4]
	copied := natsgo.NewMsg(last.Subject)
	copied.Data, copied.Header = last.Data, maps.Clone(last.Header)
	copied.Header["position"], copied.Header["id"] = []string{fmt.Sprint(records[5].Position)}, []string{records[5].ID}
	for name := range copied.Header {
		if strings.HasPrefix(name, "Nats-") {
			delete(copied.Header, name)
		}
	}
	if _, err := s.js.PublishMsg(conntest.Within(t), copied); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(conntest.Within(t), records[5:]); err == nil || !strings.Contains(err.Error(), "another writer has the shard") {
		t.Error(err)
	}
	closeWriter(t, w)
	conntest.WriteAll(t, to.Sink(t), 0, records)
	conntest.Once(t, to.Read(t, 0), records)
}
