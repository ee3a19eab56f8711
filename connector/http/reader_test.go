package http

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/internal/ahead"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/engine"
)

func TestDefaults(t *testing.T) {
	s, err := New(Config{URL: []string{"http://a:1"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.cfg.MaxBatch != 4<<20 || s.cfg.Client == nil {
		t.Errorf("%+v", s.cfg)
	}
	if s, err = New(Config{URL: []string{"https://a"}, MaxBatch: 1}); err != nil || s.cfg.MaxBatch != 1 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestWhyNothingMoreComes: what was read before the connection was lost is read first, then the error, as often as it is asked
// for. A reading that the closing has ended doesn't look as if its own context had ended.
func TestWhyNothingMoreComes(t *testing.T) {
	const change = `data: {"shard":0,"position":5,"id":"ni:5","patch":"TX .\nTC .\n"}` + "\n\n"
	var hang chan struct{} // of a node that answers and then is silent; nil: it answers and ends
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(change))
		if hang == nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(hang)
	}))
	defer node.Close()
	c := client.New("")
	defer c.Close()
	start := func() *ahead.Reader {
		r := &reader{client: c, base: node.URL, last: map[int]engine.Mark{}}
		return ahead.Start(t.Context(), 1<<20, r.follow(client.Cursor{}))
	}
	r := start()
	if got, err := r.Read(t.Context()); err != nil || len(got) != 1 || got[0].Offset != 5 {
		t.Errorf("before the end: %+v, %v", got, err)
	}
	for range 2 {
		if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), node.URL+": the stream ended") {
			t.Errorf("after the end: %v", err)
		}
	}
	hang = make(chan struct{})
	r = start()
	if got, err := r.Read(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("of a node that is then silent: %+v, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	<-hang
	if _, err := r.Read(t.Context()); !errors.Is(err, ending.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}

type failingProgress struct{ conntest.Progress }

func (*failingProgress) Next(context.Context, string) (uint64, bool, error) {
	return 0, false, errNotKnown
}

var errNotKnown = errors.New("the home has no owner")

// TestUnknownProgress: while it isn't known how far the source has come, nothing is read.
func TestUnknownProgress(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/status" {
			t.Errorf("%s is asked for", r.URL.Path)
		}
		_, _ = w.Write([]byte(`{"shards":[{"shard":0}]}`))
	}))
	defer node.Close()
	s, err := New(Config{URL: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), &failingProgress{}); !errors.Is(err, errNotKnown) {
		t.Errorf("it connects: %v", err)
	}
}

// TestNodeThatCantNow: what may pass is tried again soon, and is an error all the same.
func TestNodeThatCantNow(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"code":"tails","detail":"no leader"}`, http.StatusServiceUnavailable)
	}))
	defer node.Close()
	s, err := New(Config{URL: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), &conntest.Progress{}); err == nil || errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "503 tails: no leader") {
		t.Errorf("it connects: %v", err)
	}
}
