package http_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	httpsource "github.com/quadrille-stream/quadrille/connector/http"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/ports"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
)

// peer is another pipeline, of one node with its HTTP API.
type peer struct {
	url  string
	node *graph.Graph
	sent int
}

func newPeer(t *testing.T) conntest.Peer { return newPipeline(t, "other") }

func newPipeline(t *testing.T, name string) *peer {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	g, err := graph.New(graph.Config{Config: node.Config{Name: "other", Pipeline: name, Engine: memory.New(4), Transport: shipper.NewInProcess(64), Logger: quiet}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	server := httptest.NewServer(api.New(g, api.Config{Logger: quiet}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := g.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &peer{url: server.URL, node: g}
}

func (p *peer) Source(t *testing.T) connector.Source {
	t.Helper()
	c := client.New("")
	t.Cleanup(c.Close)
	s, err := httpsource.New(httpsource.Config{URL: []string{p.url}, Client: c})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Send changes one subject, whose shard is one.
func (p *peer) Send(t *testing.T, n int) (bodies []string) {
	t.Helper()
	for range n {
		p.sent++
		body := fmt.Sprintf("TX .\nA <urn:s> <urn:p> \"%d\" .\nTC .\n", p.sent)
		if _, err := p.node.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func TestSource(t *testing.T) { conntest.TestSource(t, newPeer) }

// TestOtherPipeline: what was read of one pipeline says nothing of another. What it holds is read from its start.
func TestOtherPipeline(t *testing.T) {
	var progress conntest.Progress
	for _, name := range []string{"one", "two"} {
		p := newPipeline(t, name)
		want := p.Send(t, 2)
		for _, left := range [][]string{want, nil} {
			r, err := p.Source(t).Open(t.Context(), &progress)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for len(got) < len(left) {
				messages, err := r.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range messages {
					got = append(got, string(m.Body))
					progress.Commit(m)
				}
			}
			if err := r.Close(); err != nil || !slices.Equal(got, left) {
				t.Errorf("%s: %q, %v; want %q", name, got, err, left)
			}
		}
	}
}

// TestShorterLog: a log that ends before what was read of it is not the one that was read.
func TestShorterLog(t *testing.T) {
	p := newPipeline(t, "one")
	p.Send(t, 1)
	var progress conntest.Progress
	for s := range 8 {
		progress.Commit(connector.Message{Stream: fmt.Sprint("one/", s), Offset: 1000})
	}
	r, err := p.Source(t).Open(t.Context(), &progress)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if m, err := r.Read(t.Context()); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "410 cursor") {
		t.Errorf("%v, %v", m, err)
	}
}

// TestErrors: a node that isn't there may come, one that refuses us must be seen to, and each attempt tries the next.
func TestErrors(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"code":"unauthorized","detail":"no token"}`, http.StatusUnauthorized)
	}))
	defer refuses.Close()
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpsource.New(httpsource.Config{URL: []string{refuses.URL, fmt.Sprint("http://127.0.0.1:", free[0])}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Open(t.Context(), &conntest.Progress{}); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "no token") {
			t.Errorf("refused: %v", err)
		}
		if _, err := s.Open(t.Context(), &conntest.Progress{}); err == nil || errors.Is(err, connector.ErrGiveUp) {
			t.Errorf("not there: %v", err)
		}
	}
	for _, bad := range [][]string{nil, {"127.0.0.1:7375"}, {"ftp://host"}, {"http://user@host"}} {
		if _, err := httpsource.New(httpsource.Config{URL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestExtents: what the node that is followed has is told, also while it is read; claims are nothing to wait for.
func TestExtents(t *testing.T) {
	p := newPipeline(t, "other")
	p.Send(t, 3)
	r, err := p.Source(t).Open(t.Context(), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	var last connector.Message
	for n := 0; n < 3; {
		messages, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(messages)
		last = messages[len(messages)-1]
	}
	extents, err := r.(connector.Lagger).Extents(t.Context())
	if err != nil || len(extents) != 4 {
		t.Fatalf("%+v, %v", extents, err)
	}
	for _, e := range extents {
		want := uint64(1) // of a log without deltas
		if e.Stream == last.Stream {
			want = last.Offset + 1
		}
		if e.End != want || e.First != 1 {
			t.Errorf("%+v; the last message is %s at %d", e, last.Stream, last.Offset)
		}
	}
}
