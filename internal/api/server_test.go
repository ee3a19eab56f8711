package api_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/api"
)

// TestStarting: from the first moment a port answers, at first what the node waits for, then the API, on the same connection.
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
	server := api.NewServer(ln, "it waits for a majority", slog.New(slog.DiscardHandler))
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
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	server.Use(api.New(nil, api.Config{}))
	go func() { served <- server.Run(ctx) }()
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
}

// TestEndsWhileStarting: who ends while it starts closes the port, too.
func TestEndsWhileStarting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := api.NewServer(ln, "", slog.New(slog.DiscardHandler))
	for range 2 {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("the port is open still")
	}
}

// TestNobodyIsCutOffAtTheStart: while the API takes over, each request has its answer, on connections old and new.
func TestNobodyIsCutOffAtTheStart(t *testing.T) {
	cert, key, pool := certificate(t)
	for range 10 {
		ln, err := api.Listen(api.ListenConfig{Addr: "127.0.0.1:0", CertFile: cert, KeyFile: key})
		if err != nil {
			t.Fatal(err)
		}
		server := api.NewServer(ln, "its turn", slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		served, begun := make(chan error, 1), make(chan struct{}, 16)
		go func() {
			<-begun
			server.Use(api.New(nil, api.Config{Logger: slog.New(slog.DiscardHandler)}))
			served <- server.Run(ctx)
		}()
		var clients sync.WaitGroup
		for i := range cap(begun) {
			clients.Go(func() {
				transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
					ForceAttemptHTTP2: i%2 == 0, DisableKeepAlives: i%4 < 2}
				defer transport.CloseIdleConnections()
				if err := untilServed(&http.Client{Transport: transport}, "https://"+ln.Addr().String(), begun); err != nil {
					t.Error(err)
				}
			})
		}
		clients.Wait()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// untilServed asks until the API answers, and says at its first answer that it has begun.
func untilServed(client *http.Client, url string, begun chan<- struct{}) error {
	for first := true; ; first = false {
		answer, err := client.Get(url + "/v1/nothing")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err != nil || answer.Body.Close() != nil {
			return fmt.Errorf("read the answer: %v", err)
		}
		if first {
			begun <- struct{}{}
		}
		if answer.StatusCode == http.StatusNotFound {
			return nil
		}
	}
}
