package sse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// station is a server that keeps its events, and goes on after the id that it is told.
type station struct {
	url      string
	sequence bool

	mu      sync.Mutex
	events  []string // without the empty line; the id is the number in the list, from 1
	ids     func(n int) string
	changed chan struct{}
	asked   []http.Header
}

func newStation(t *testing.T) *station {
	t.Helper()
	s := &station{sequence: true, changed: make(chan struct{}), ids: func(n int) string { return fmt.Sprint(n) }}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.url = server.URL
	return s
}

func (s *station) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Header)
	next := 0
	for n := range s.events {
		if last := r.Header.Get("Last-Event-ID"); last != "" && s.ids(n+1) == last {
			next = n + 1
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	_, _ = io.WriteString(w, ": welcome\n\n")
	for {
		s.mu.Lock()
		for ; next < len(s.events); next++ {
			_, _ = fmt.Fprintf(w, "id: %s\n%s\n\n", s.ids(next+1), s.events[next])
		}
		changed := s.changed
		s.mu.Unlock()
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// say adds an event.
func (s *station) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, text)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *station) Source(t *testing.T) connector.Source {
	t.Helper()
	source, err := New(Config{Config: endpoint.Config{URL: s.url}, Sequence: s.sequence})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func (s *station) Send(t *testing.T, n int) (bodies []string) {
	t.Helper()
	for range n {
		s.mu.Lock()
		body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", len(s.events))
		s.mu.Unlock()
		s.say("data: " + strings.ReplaceAll("H prev <urn:another-log> .\n"+body, "\n", "\ndata: ")) // which doesn't guard it here
		bodies = append(bodies, body)
	}
	return bodies
}

func TestSource(t *testing.T) {
	conntest.TestSource(t, func(t *testing.T) conntest.Peer { return newStation(t) })
}

// read reads so many messages.
func read(t *testing.T, r connector.Reader, n int) (list []connector.Message) {
	t.Helper()
	for len(list) < n {
		got, err := r.Read(conntest.Within(t))
		if err != nil {
			t.Fatalf("after %d messages: %v", len(list), err)
		}
		list = append(list, got...)
	}
	return list
}

// TestOtherIDs: ids that are no numbers are no identity; the process goes on after the newest that is committed.
func TestOtherIDs(t *testing.T) {
	s := newStation(t)
	s.sequence, s.ids = false, func(n int) string { return strings.Repeat("i", n) }
	want := s.Send(t, 3)
	source := s.Source(t)
	r := conntest.Open(t, source, &conntest.Progress{})
	list := read(t, r, 3)
	for i, m := range list {
		if m.Stream != "" || string(m.Body) != want[i] || m.MediaType != "application/rdf-patch" {
			t.Errorf("%+v", m)
		}
	}
	if vars := maps.Collect(list[1].Vars); !maps.Equal(vars, map[string]string{"event": "message", "id": "ii"}) {
		t.Errorf("%v", vars)
	}
	if err := errors.Join(r.Ack(t.Context(), list[:1]), r.Ack(t.Context(), list[1:2]), r.Close()); err != nil {
		t.Error(err)
	}
	r = conntest.Open(t, source, &conntest.Progress{})
	if got := read(t, r, 1); string(got[0].Body) != want[2] {
		t.Errorf("it goes on with %q", got[0].Body)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	first, err := New(Config{Config: endpoint.Config{URL: s.url}, After: "i"})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, conntest.Open(t, first, &conntest.Progress{}), 1); string(got[0].Body) != want[1] {
		t.Errorf("it begins with %q", got[0].Body)
	}
}

// TestBeginsEarlier: a server that doesn't go on where it is asked to gives what is known again, which is left out.
func TestBeginsEarlier(t *testing.T) {
	s := newStation(t)
	want := s.Send(t, 3)
	var progress conntest.Progress
	progress.Commit(connector.Message{Stream: sequence, Offset: 2})
	s.ids = func(n int) string { return fmt.Sprintf("%03d", n) } // which isn't what it is asked for
	r := conntest.Open(t, s.Source(t), &progress)
	if got := read(t, r, 1); len(got) != 1 || string(got[0].Body) != want[2] {
		t.Errorf("%+v", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if after := s.asked[0].Get("Last-Event-ID"); after != "2" {
		t.Errorf("it is asked to go on after %q", after)
	}
}

// TestEvents: those of other names are left out; what is too large is a dead letter; the others go on.
func TestEvents(t *testing.T) {
	s := newStation(t)
	source, err := New(Config{Config: endpoint.Config{URL: s.url}, Sequence: true, Events: []string{"change", "message"}, MaxEvent: 10, MediaType: "text/turtle"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"event: change\ndata: one", "event: ping\ndata: two", "data: " + strings.Repeat("x", 11), "data: last"} {
		s.say(text)
	}
	r := conntest.Open(t, source, &conntest.Progress{})
	got := read(t, r, 3)
	if string(got[0].Body) != "one" || got[0].MediaType != "text/turtle" || got[0].Reason != "" ||
		string(got[1].Body) != strings.Repeat("x", 10) || !strings.Contains(got[1].Reason, "more than 10 bytes") || got[1].Offset != 3 ||
		string(got[2].Body) != "last" || got[2].Reason != "" {
		t.Errorf("%+v", got)
	}
	if ids := r.(*reader).ids; len(ids) > 0 { //nolint:forcetypeassert // it is this package's
		t.Errorf("%q are kept, which stand in the pipeline", ids)
	}
	if err := r.Ack(t.Context(), got); err != nil {
		t.Error(err)
	}
}

// TestIDsThatDontGrow: what couldn't be told from what came before isn't taken.
func TestIDsThatDontGrow(t *testing.T) {
	for text, want := range map[string]string{
		"id: 1\ndata: a\n\ndata: b\n\n":                                         "no number of its own",
		"id: 1\ndata: a\n\nid: x\ndata: b\n\n":                                  "no number of its own",
		"id: 1\ndata: a\n\nid: 18446744073709551615\ndata: b\n\n":               "no number of its own",
		"id: 1\ndata: a\n\nid: 1\ndata: b\n\n":                                  "1 comes after 1",
		"id: 1\ndata: a\n\nid: " + strings.Repeat("0", 1024) + "2\ndata: b\n\n": "more than 1024 bytes",
		"id: 1\ndata: a\n\nid: 0\ndata: b\n\n":                                  "0 comes after 1",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", eventStream)
			_, _ = io.WriteString(w, text)
		}))
		source, err := New(Config{Config: endpoint.Config{URL: server.URL}, Sequence: true})
		if err != nil {
			t.Fatal(err)
		}
		r := conntest.Open(t, source, &conntest.Progress{})
		if got := read(t, r, 1); len(got) != 1 || string(got[0].Body) != "a" {
			t.Errorf("%q: %+v", text, got)
		}
		if _, err := r.Read(conntest.Within(t)); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	}
}

// TestNoStream: what is no stream of events, one that ends, that is cut off, and one that is silent.
func TestNoStream(t *testing.T) {
	hang := make(chan struct{})
	for name, test := range map[string]struct {
		serve        http.HandlerFunc
		want         string
		open, giveUp bool // it shows while the source is being opened; somebody must see to it
	}{
		"no events":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, "expected text/event-stream", true, true},
		"no more":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "ended for good", true, true},
		"no entry":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "403", true, true},
		"out of order": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "502", true, false},
		"ends":         {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", eventStream) }, "the stream ended", false, false},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", eventStream)
			_, _ = io.WriteString(w, "id: 1\ndata: a\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "EOF", false, false},
		"silent": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", eventStream)
			_ = http.NewResponseController(w).Flush()
			<-hang
		}, "nothing has come for 2s", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.Close()
			at := endpoint.Config{URL: server.URL}
			if name == "silent" {
				at.Timeout = 2 * time.Second // it bounds the time until the stream is there, too
				defer close(hang)
			}
			source, err := New(Config{Config: at})
			if err != nil {
				t.Fatal(err)
			}
			r, err := source.Open(conntest.Within(t), &conntest.Progress{})
			if (err != nil) != test.open {
				t.Fatalf("open: %v", err)
			}
			if err == nil {
				_, err = r.Read(conntest.Within(t))
				_ = r.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, connector.ErrGiveUp) != test.giveUp {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestRetry: a server that says how long to stay away isn't asked before; nor one that is busy.
func TestRetry(t *testing.T) {
	asked, busy := 0, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		if busy {
			w.Header().Set("Retry-After", "1800")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", eventStream)
		_, _ = io.WriteString(w, "retry: 600000\n")
	}))
	defer server.Close()
	source, err := New(Config{Config: endpoint.Config{URL: server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	r := conntest.Open(t, source, &conntest.Progress{})
	if _, err := r.Read(conntest.Within(t)); err == nil {
		t.Error("it doesn't end")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Open(ended, &conntest.Progress{}); !errors.Is(err, context.Canceled) || asked != 1 || source.pause.Left() < 9*time.Minute {
		t.Errorf("%v, asked %d times, %v are left", err, asked, source.pause.Left())
	}
	busy = true
	source.pause.For(0)
	if _, err := source.Open(conntest.Within(t), &conntest.Progress{}); err == nil || source.pause.Left() < 29*time.Minute {
		t.Errorf("%v, %v are left", err, source.pause.Left())
	}
}

func TestConfig(t *testing.T) {
	s, err := New(Config{Config: endpoint.Config{URL: "http://a"}})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.cfg; len(c.Events) != 1 || c.MaxEvent != 16<<20 || c.MaxBatch != 4<<20 {
		t.Errorf("the defaults are %+v", c)
	}
	at := endpoint.Config{URL: "http://a"}
	for _, bad := range []Config{{}, {Config: at, MaxEvent: -1}, {Config: at, MaxBatch: -1}, {Config: at, Sequence: true, After: "x"}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
