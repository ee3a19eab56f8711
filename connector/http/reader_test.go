package http

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/engine"
)

func newReader(limit int) *reader {
	return &reader{max: limit, last: map[int]engine.Mark{}, ended: make(chan struct{}), ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func messageOf(length int) connector.Message {
	return connector.Message{Body: []byte(strings.Repeat("x", length))}
}

// TestReadAheadIsBounded: a message that fits to the byte is taken at once, one byte more waits until the others were read; one
// that is larger than the bound goes alone.
func TestReadAheadIsBounded(t *testing.T) {
	const limit = 10
	synctest.Test(t, func(t *testing.T) {
		r := newReader(limit)
		for _, lengths := range [][]int{{4, 6}, {1, 9}, {2 * limit}, {10}, {0, 10}} {
			for _, n := range lengths {
				if err := r.add(t.Context(), messageOf(n)); err != nil {
					t.Fatal(err)
				}
			}
			added := make(chan error, 1)
			go func() { added <- r.add(t.Context(), messageOf(1)) }()
			synctest.Wait()
			if len(added) > 0 {
				t.Errorf("after %v: a byte too many is taken", lengths)
			}
			if got, err := r.Read(t.Context()); err != nil || len(got) != len(lengths) {
				t.Errorf("%v: read %d, %v", lengths, len(got), err)
			}
			if err := <-added; err != nil {
				t.Error(err)
			}
			if got, err := r.Read(t.Context()); err != nil || len(got) != 1 {
				t.Errorf("%v: then read %d, %v", lengths, len(got), err)
			}
		}
	})
}

// TestWaitingForRoomEnds: what waits for room ends with the connection.
func TestWaitingForRoomEnds(t *testing.T) {
	r := newReader(1)
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := r.add(ctx, messageOf(1)); err != nil {
		t.Fatal(err)
	}
	cancel(errClosed)
	if err := r.add(ctx, messageOf(1)); !errors.Is(err, errClosed) {
		t.Errorf("there was no room, and it returned %v", err)
	}
}

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
	follow := func() *reader {
		ctx, cancel := context.WithCancelCause(t.Context())
		r := newReader(1 << 20)
		r.cancel = cancel
		r.client, r.base = c, node.URL
		go r.follow(ctx, client.Cursor{})
		return r
	}
	r := follow()
	<-r.ended
	if got, err := r.Read(t.Context()); err != nil || len(got) != 1 || got[0].Offset != 5 {
		t.Errorf("before the end: %+v, %v", got, err)
	}
	for range 2 {
		if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), node.URL+": the stream ended") {
			t.Errorf("after the end: %v", err)
		}
	}
	hang = make(chan struct{})
	r = follow()
	if got, err := r.Read(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("of a node that is then silent: %+v, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-r.ended:
	default:
		t.Error("it is closed, and goes on")
	}
	<-hang
	if _, err := r.Read(t.Context()); !errors.Is(err, errClosed) {
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
