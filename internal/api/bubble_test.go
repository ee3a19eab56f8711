package api_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
)

// wire is a network inside a bubble, whose time stands still while anybody works: however slow the machine is, no time of the
// server passes meanwhile.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire"} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serveInBubble serves with TLS and returns a client that speaks HTTP/2 or, without, HTTP/1.1. It is called within a bubble.
func serveInBubble(t *testing.T, n api.Node, cfg api.Config, http2 bool) (*http.Client, string) {
	t.Helper()
	file, key, pool := certificate(t)
	cert, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{conns: make(chan net.Conn), closed: make(chan struct{})}
	ln := tls.NewListener(w, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	cfg.Logger = slog.New(slog.DiscardHandler)
	server := api.NewServer(ln, api.ServerConfig{Access: cfg.Access, WaitsFor: "its turn", Logger: cfg.Logger})
	server.Use(api.New(n, cfg))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: http2, DialContext: w.dial}
	stop := running(t, server)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		time.Sleep(time.Minute) // both say goodbye to an end that reads no more, and give up after some seconds
	})
	return &http.Client{Transport: transport}, "https://127.0.0.1"
}

// running runs a server, and returns what stops it.
func running(t *testing.T, server *api.Server) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

// TestSlowNode: the time of the node is not that in which a client must send and take.
func TestSlowNode(t *testing.T) {
	const patience = 200 * time.Millisecond
	for _, h2 := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := good()
			n.submit = func(ctx context.Context, _ graph.Submission) ([]graph.Result, error) {
				select {
				case <-time.After(3 * patience):
					return nil, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			client, url := serveInBubble(t, n, api.Config{ReadTimeout: patience, WriteTimeout: patience}, h2)
			answer, err := client.Post(url+"/v1/changes", patchType, strings.NewReader("TX ."))
			if err != nil {
				t.Fatalf("HTTP/2 %v: %v", h2, err)
			}
			if _ = answer.Body.Close(); answer.StatusCode != 200 || (answer.ProtoMajor == 2) != h2 {
				t.Errorf("HTTP/2 %v: %s %s", h2, answer.Proto, answer.Status)
			}
		})
	}
}
