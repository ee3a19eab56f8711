package api_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
)

// certificate makes a certificate for loopback, and returns its files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return cert, key, writeCertificate(t, cert, key, 1)
}

// writeCertificate writes a certificate with a serial number, and its key.
func writeCertificate(t *testing.T, cert, key string, serial int64) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	err = errors.Join(os.WriteFile(cert, text, 0o600), os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	return pool
}

// listenTLS listens with a certificate, which it returns.
func listenTLS(t *testing.T, cert, key string) (net.Listener, *api.Certificate) {
	t.Helper()
	c, err := api.ReadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := api.Listen(api.ListenConfig{Addr: "127.0.0.1:0", Certificate: c})
	if err != nil {
		t.Fatal(err)
	}
	return ln, c
}

// serveTLS serves with TLS and returns a client that speaks HTTP/2 or, without, HTTP/1.1.
func serveTLS(t *testing.T, n api.Node, cfg api.Config, http2 bool) (*http.Client, string) {
	t.Helper()
	cert, key, pool := certificate(t)
	cfg.Logger = slog.New(slog.DiscardHandler)
	ln, _ := listenTLS(t, cert, key)
	server := api.NewServer(ln, api.ServerConfig{Access: cfg.Access, WaitsFor: "its turn", Logger: cfg.Logger})
	server.Use(api.New(n, cfg))
	stop := running(t, server)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: http2}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
	})
	return &http.Client{Transport: transport}, "https://" + ln.Addr().String()
}

// TestHTTP2: with TLS both versions are spoken, and each tells the same: trailers, problems, and answers that are cut off.
func TestHTTP2(t *testing.T) {
	for _, major := range []int{1, 2} {
		n := good()
		n.follow = allRecords
		n.data = func(w io.Writer, o graph.DataOptions) (engine.Cursor, error) {
			_, err := w.Write(bytes.Repeat([]byte("x"), 100<<10))
			return nil, errors.Join(err, errors.New("no disk"))
		}
		client, url := serveTLS(t, n, api.Config{MaxBody: 1000}, major == 2)
		get := func(method, path, body string) (*http.Response, string, error) {
			r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", patchType)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if answer.ProtoMajor != major {
				t.Errorf("%s is spoken", answer.Proto)
			}
			return answer, string(text), err
		}
		answer, text, err := get("GET", "/v1/changes", "")
		if err != nil || !strings.HasSuffix(text, "A <s:2> <p:1> <o:1> .\nTC .\n") || !strings.HasPrefix(answer.Trailer.Get(api.CursorHeader), "main@0:9:") {
			t.Errorf("changes: %v %q, %v", err, text, answer.Trailer)
		}
		for range 2 {
			if answer, text, err := get("POST", "/v1/changes", strings.Repeat("x", 2000)); err != nil || answer.StatusCode != 413 || code(t, text) != "too_large" {
				t.Errorf("too large: %v %d %s", err, answer.StatusCode, text)
			}
		}
		if _, _, err := get("GET", "/v1/data", ""); err == nil {
			t.Error("data that are cut off look whole")
		}
		if answer, text, err := get("GET", "/v1/status", ""); err != nil || answer.StatusCode != 200 {
			t.Errorf("status: %v %d %s", err, answer.StatusCode, text)
		}
	}
}

// TestBudgets: readers of changes leave those of data their places, and the other way round.
func TestBudgets(t *testing.T) {
	n, hold, begun := good(), make(chan struct{}), make(chan struct{}, 2)
	wait := func() {
		begun <- struct{}{}
		<-hold
	}
	n.follow = func(context.Context, node.FollowOptions, func(node.Record) error) error { wait(); return nil }
	n.data = func(io.Writer, graph.DataOptions) (engine.Cursor, error) { wait(); return nil, nil }
	url := serve(t, n, api.Config{MaxReaders: 1, MaxDumps: 1})
	ended := make(chan int, 2)
	for _, path := range []string{"/v1/changes", "/v1/data"} {
		go func() {
			answer, err := http.Get(url + path)
			if err != nil {
				ended <- 0
				return
			}
			_ = answer.Body.Close()
			ended <- answer.StatusCode
		}()
	}
	<-begun
	<-begun
	for path, says := range map[string]string{"/v1/changes": "1 readers of changes", "/v1/data": "1 answers with data"} {
		if answer, body := call(t, "GET", url+path, ""); answer.Header.Get("Retry-After") != "5" || !strings.Contains(body, says) || code(t, body) != "too_many_streams" {
			t.Errorf("%s: %v %s", path, answer.Header, body)
		}
	}
	close(hold)
	for range 2 {
		if status := <-ended; status != 200 {
			t.Errorf("a reader that had its place: %d", status)
		}
	}
}
