package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/api"
)

// TestStarting: from the first moment a port answers, at first what the node waits for, then the API, on the same listener.
func TestStarting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (status int, retry, text string) {
		t.Helper()
		resp, err := http.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, resp.Header.Get("Retry-After"), string(body)
	}
	defer http.DefaultClient.CloseIdleConnections()
	starting := api.NewStarting(ln, "it waits for a majority")
	if status, _, text := get("/healthz"); status != 200 || text != `{"status":"ok"}`+"\n" && text != `{"status":"ok"}` {
		t.Errorf("/healthz: %d %s", status, text)
	}
	for _, path := range []string{"/readyz", "/v1/status", "/v1/changes", "/"} {
		status, retry, text := get(path)
		if status != 503 || retry != "1" || !strings.Contains(text, `"code":"starting"`) ||
			!strings.Contains(text, "it waits for a majority") {
			t.Errorf("%s: %d, again after %q, %s", path, status, retry, text)
		}
	}
	next := starting.Stop()
	if next.Addr() != ln.Addr() {
		t.Errorf("at %v", next.Addr())
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- api.New(nil, api.Config{}).Serve(ctx, next) }()
	if status, _, text := get("/v1/nothing"); status != 404 {
		t.Errorf("the API: %d %s", status, text)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("the port is open still")
	}
	// Whoever ends while it starts closes the port, too.
	if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	next = api.NewStarting(ln, "").Stop()
	for range 2 {
		if err := next.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := next.Accept(); err == nil {
		t.Error("a closed listener accepts")
	}
}
