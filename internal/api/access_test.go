package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
)

// only is the access of those who have the one token, for everything.
func only(t *testing.T, token string) api.Access {
	t.Helper()
	one, err := access.NewToken("all", access.Admin, token)
	if err != nil {
		t.Fatal(err)
	}
	return api.Access{Tokens: access.NewTokens(one)}
}

// TestRights: each token is good for what its rights say, on every path, and docs/access.md says what that is.
func TestRights(t *testing.T) {
	const read, write, admin = "the token of a reader", "the token of a writer", "the token of an admin"
	var list []access.Token
	for text, rights := range map[string]access.Right{read: access.Read, write: access.Write, admin: access.Admin} {
		token, err := access.NewToken(rights.String(), rights, text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, token)
	}
	tokens := access.NewTokens(list...)
	n := &scripted{
		submit: func(context.Context, graph.Submission) ([]graph.Result, error) { return nil, nil },
		follow: func(context.Context, node.FollowOptions, func(node.Record) error) error { return nil },
		data:   func(io.Writer, graph.DataOptions) (engine.Cursor, error) { return nil, nil },
	}
	usual := serve(t, n, api.Config{Access: api.Access{Tokens: tokens}})
	other := serve(t, n, api.Config{Access: api.Access{Tokens: tokens, OpenMetrics: true, ClosedProbes: true}})
	docs, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path string
		allowed      []string // tokens
		shown        string   // in the documentation; "" if not as a row of its own
	}{
		{"GET", "/v1/changes?live=false", []string{read, admin}, "read"},
		{"POST", "/v1/changes", []string{write, admin}, "write"},
		{"GET", "/v1/data", []string{read, admin}, "read"},
		{"HEAD", "/metrics", []string{read, admin}, ""},
		{"GET", "/v1/status", []string{read, write, admin}, "any"},
		{"GET", "/v1/verify", []string{admin}, "admin"},
		{"GET", "/metrics", []string{read, admin}, "read; none with `metrics: open`"},
		{"GET", "/healthz", []string{"", read, write, admin}, "none; any with `probes: token`"},
		{"GET", "/readyz", []string{"", read, write, admin}, "none; any with `probes: token`"},
	} {
		path, _, _ := strings.Cut(test.path, "?")
		row := fmt.Sprintf("| `%s %s` | %s |\n", test.method, path, test.shown)
		if test.shown != "" && !strings.Contains(string(docs), row) {
			t.Errorf("docs/access.md lacks the row\n%s", row)
		}
		for _, token := range []string{"", read, write, admin, "the token of nobody"} {
			want := 401
			for _, t := range []string{read, write, admin} {
				if t == token {
					want = 403
				}
			}
			for _, allowed := range test.allowed {
				if allowed == token || allowed == "" {
					want = 0
				}
			}
			answer, body := asks(t, test.method, usual+test.path, token)
			got := answer.StatusCode
			if got != 401 && got != 403 {
				got = 0
			}
			if got != want {
				t.Errorf("%s %s with %q: %d %s, want %d", test.method, test.path, token, answer.StatusCode, body, want)
			}
			if challenge := answer.Header.Get("WWW-Authenticate"); want == 403 && !strings.Contains(challenge, "insufficient_scope") {
				t.Errorf("%s %s: %q", test.method, test.path, challenge)
			}
		}
	}
	for path, want := range map[string][2]int{"/metrics": {200, 200}, "/healthz": {401, 200}, "/readyz": {401, 200}} {
		for i, token := range []string{"", write} {
			if answer, body := asks(t, "GET", other+path, token); answer.StatusCode != want[i] {
				t.Errorf("%s with %q: %d %s", path, token, answer.StatusCode, body)
			}
		}
	}
	tokens.Replace(list[:0])
	if answer, _ := asks(t, "GET", usual+"/v1/status", admin); answer.StatusCode != 401 {
		t.Errorf("a token that was taken away: %d", answer.StatusCode)
	}
}

// asks sends a request with a token, if any.
func asks(t *testing.T, method, url, token string) (*http.Response, string) {
	t.Helper()
	if token == "" {
		return call(t, method, url, "")
	}
	return call(t, method, url, "", "Authorization", "Bearer "+token)
}

// certificate writes one for 127.0.0.1, with a serial number, and its key.
func certificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificateReload: connections that come after a reload see the new certificate; of one that is no good they don't.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, 1)
	c, err := api.ReadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := api.Listen(api.ListenConfig{Addr: "127.0.0.1:0", Certificate: c})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	seen := func(want int64) {
		t.Helper()
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != want {
			t.Errorf("certificate %d, want %d", got, want)
		}
	}
	seen(1)
	certificate(t, cert, key, 2)
	seen(1)
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	seen(2)
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("a key that is none: %v", err)
	}
	seen(2)
	_ = ln.Close()
	<-done
}
