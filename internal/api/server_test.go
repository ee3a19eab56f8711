package api_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
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
	server := api.NewServer(ln, api.ServerConfig{WaitsFor: "it waits for a majority", Logger: slog.New(slog.DiscardHandler)})
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
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shown := api.NewServer(other, api.ServerConfig{Access: only(t, "0123456789abcdef"), Console: true, Logger: slog.New(slog.DiscardHandler)})
	for path, want := range map[string]int{"/": 200, "/console/app.js": 200, "/console/nothing": 404, "/v1/overview": 401} {
		resp, err := http.Get("http://" + other.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("the console of a node that starts: %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if err := shown.Close(); err != nil {
		t.Error(err)
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

// TestStrangersWhileStarting: what a node waits for is told to those alone whom the API will let in.
func TestStrangersWhileStarting(t *testing.T) {
	const token = "0123456789abcdef"
	closed := only(t, token)
	closed.ClosedProbes = true
	for _, test := range []struct {
		access      api.Access
		token, path string
		host        string
		status      int
	}{
		{only(t, token), "", "/v1/status", "", 401},
		{only(t, token), token + "x", "/v1/status", "", 401},
		{only(t, token), token, "/v1/status", "", 503},
		{only(t, token), "", "/readyz", "", 503},
		{only(t, token), "", "/healthz", "", 200},
		{closed, "", "/readyz", "", 401},
		{closed, "", "/healthz", "", 401},
		{closed, token, "/healthz", "", 200},
		{api.Access{}, "", "/v1/status", "elsewhere.example", 421},
		{api.Access{}, "", "/v1/status", "", 503},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := api.NewServer(ln, api.ServerConfig{Access: test.access, WaitsFor: "it waits for a majority", Logger: slog.New(slog.DiscardHandler)})
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "http://"+cmp.Or(test.host, "localhost")+test.path, nil)
		r.Header.Set("Authorization", "Bearer "+test.token)
		server.ServeHTTP(w, r)
		if w.Code != test.status || w.Code != 503 && strings.Contains(w.Body.String(), "majority") {
			t.Errorf("%s with %q: %d %s, want %d", test.path, test.token, w.Code, w.Body, test.status)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEndsWhileStarting: who ends while it starts closes the port, too.
func TestEndsWhileStarting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := api.NewServer(ln, api.ServerConfig{Logger: slog.New(slog.DiscardHandler)})
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
		ln, _ := listenTLS(t, cert, key)
		server := api.NewServer(ln, api.ServerConfig{WaitsFor: "its turn", Logger: slog.New(slog.DiscardHandler)})
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
