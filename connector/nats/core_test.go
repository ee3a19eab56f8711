package nats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/nats"
)

// core is the configuration of a source of core NATS, with subjects of its own.
func (s *server) core() (cfg nats.SourceConfig, prefix string) {
	prefix = unique("core")
	return nats.SourceConfig{Connection: s.connection(), Subjects: []string{prefix + ".>"}}, prefix
}

// publish publishes texts, and returns when the server has them.
func (s *server) publish(t testing.TB, subject string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.Publish(subject, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.FlushWithContext(conntest.Within(t)); err != nil {
		t.Fatal(err)
	}
}

// testCore: what is published while somebody listens comes in order, without an identity.
func testCore(t *testing.T, s *server) {
	cfg, prefix := s.core()
	s.publish(t, prefix+".a", "before")
	r := read(t, cfg, &conntest.Progress{})
	s.publish(t, prefix+".a", "1")
	s.publish(t, prefix+".b.c", "2", "3")
	got := r.Is("1", "2", "3")
	if got[0].Stream != "" || got[0].MediaType != "application/rdf-patch" {
		t.Errorf("%+v", got[0])
	}
	r.commit(&conntest.Progress{}, got)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.End()
	if _, err := r.Read(conntest.Within(t)); err == nil {
		t.Error("a reader that is closed reads on")
	}
}

// testQueue: a message goes to one member of a queue group.
func testQueue(t *testing.T, s *server) {
	cfg, prefix := s.core()
	cfg.Queue = "group"
	one, other := read(t, cfg, &conntest.Progress{}), read(t, cfg, &conntest.Progress{})
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf("%03d", i))
	}
	s.publish(t, prefix+".a", want...)
	came := make(chan string)
	ctx, cancel := context.WithCancel(conntest.Within(t))
	done := make(chan struct{}, 2)
	for _, r := range []*reading{one, other} {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				messages, err := r.Read(ctx)
				if err != nil {
					return
				}
				for _, text := range conntest.Texts(messages) {
					came <- text
				}
			}
		}()
	}
	var got []string
	for len(got) < len(want) {
		got = append(got, <-came)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	cancel()
	<-done
	<-done
	one.End()
	other.End()
}

// testSlow: what comes faster than it is taken in is dropped, counted and told, and what fits is there.
func testSlow(t *testing.T, s *server) {
	for _, bytes := range []bool{false, true} {
		cfg, prefix := s.core()
		cfg.MaxMessages = 4
		if bytes {
			cfg.MaxMessages, cfg.MaxFetch = 1000, 4
		}
		r := read(t, cfg, &conntest.Progress{})
		s.publish(t, prefix+".a", "1", "2", "3", "4", "5", "6", "7")
		conntest.Eventually(t, "all have come", func() bool { return nats.Arrived(r.Reader) == 7 })
		came := func(end uint64) {
			t.Helper()
			got, err := r.Reader.(connector.Lagger).Extents(t.Context())
			if err != nil || len(got) != 1 || got[0] != (connector.Extent{First: 1, End: end}) {
				t.Errorf("%+v, %v; want an end of %d", got, err, end)
			}
		}
		came(5) // what is dropped doesn't wait
		got := r.Is("1", "2", "3", "4", "LOST")
		if lost := got[4]; !strings.HasPrefix(lost.Reason, "3 messages were dropped") || lost.Stream != "" {
			t.Errorf("%+v", lost)
		}
		came(6)
		s.publish(t, prefix+".a", "8")
		r.Is("8")
		came(7)
		r.End()
	}
}

// testCoreKilled: a connection that is lost is an error, since what is sent meanwhile is lost.
func testCoreKilled(t *testing.T, s *server) {
	cfg, _ := s.core()
	r := read(t, cfg, &conntest.Progress{})
	s.Kill()
	if err := r.Fails(); errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "connection is lost") {
		t.Error(err)
	}
	r.End()
	s.Restart(t)
	s.back(t)
	r = read(t, cfg, &conntest.Progress{})
	r.End()
}
