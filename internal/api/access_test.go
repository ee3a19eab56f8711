package api_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

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
	usual := serve(t, n, api.Config{Access: api.Access{Tokens: tokens}, Delta: true, Console: true})
	docs, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	looked := map[string]bool{} // endpoints
	for _, test := range []struct {
		method, path string
		allowed      []string // tokens
		shown        string   // in the documentation; "" if not as a row of its own
	}{
		{"GET", "/v1/changes?live=false", []string{read, admin}, "read"},
		{"POST", "/v1/changes", []string{write, admin}, "write"},
		{"GET", "/v1/data", []string{read, admin}, "read"},
		{"POST", "/v1/delta", []string{read, admin}, "read"},
		{"GET", "/sparql", []string{read, admin}, "read"},
		{"POST", "/sparql", []string{read, write, admin}, "read for a query, write for an update"},
		{"GET", "/data", []string{read, admin}, "read"},
		{"PUT", "/data", []string{write, admin}, "write"},
		{"POST", "/data", []string{write, admin}, "write"},
		{"PATCH", "/data", []string{write, admin}, "write"},
		{"DELETE", "/data", []string{write, admin}, "write"},
		{"GET", "/data/{graph}", []string{read, admin}, "read"},
		{"PUT", "/data/{graph}", []string{write, admin}, "write"},
		{"POST", "/data/{graph}", []string{write, admin}, "write"},
		{"PATCH", "/data/{graph}", []string{write, admin}, "write"},
		{"DELETE", "/data/{graph}", []string{write, admin}, "write"},
		{"HEAD", "/metrics", []string{read, admin}, ""},
		{"GET", "/v1/status", []string{read, write, admin}, "any"},
		{"GET", "/v1/overview", []string{read, admin}, "read"},
		{"GET", "/v1/verify", []string{admin}, "admin"},
		{"GET", "/v1/sources", []string{read, admin}, "read"},
		{"GET", "/v1/sources/{name}", []string{read, admin}, "read"},
		{"POST", "/v1/sources/{name}/pause", []string{admin}, "admin"},
		{"POST", "/v1/sources/{name}/resume", []string{admin}, "admin"},
		{"POST", "/v1/sources/{name}/seek", []string{admin}, "admin"},
		{"GET", "/v1/sinks", []string{read, admin}, "read"},
		{"GET", "/v1/sinks/{name}", []string{read, admin}, "read"},
		{"POST", "/v1/sinks/{name}/pause", []string{admin}, "admin"},
		{"POST", "/v1/sinks/{name}/resume", []string{admin}, "admin"},
		{"POST", "/v1/sinks/{name}/seek", []string{admin}, "admin"},
		{"GET", "/v1/letters", []string{read, admin}, "read"},
		{"GET", "/v1/letters/{name}", []string{read, admin}, "read"},
		{"POST", "/v1/letters/{name}/retry", []string{admin}, "admin"},
		{"POST", "/v1/letters/{name}/drop", []string{admin}, "admin"},
		{"GET", "/v1/openapi.json", []string{read, write, admin}, "any"},
		{"OPTIONS", "/v1/verify", []string{read, write, admin}, ""},
		{"DELETE", "/v1/data", []string{read, write, admin}, ""},
		{"POST", "/delta/$/rpc", []string{read, admin}, "read"},
		{"GET", "/delta/$/ping", []string{read, admin}, "read"},
		{"GET", "/delta/{log}/{patch}", []string{read, admin}, "read"},
		{"GET", "/metrics", []string{read, admin}, "read; none with `metrics: open`"},
		{"GET", "/", []string{"", read, write, admin}, "none; nothing is there with `console: off`"},
		{"GET", "/console/{file}", []string{"", read, write, admin}, "none; nothing is there with `console: off`"},
		{"GET", "/healthz", []string{"", read, write, admin}, "none; any with `probes: token`"},
		{"GET", "/readyz", []string{"", read, write, admin}, "none; any with `probes: token`"},
	} {
		path, _, _ := strings.Cut(test.path, "?")
		looked[strings.ToLower(test.method)+" "+path] = true
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
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method := range methods {
			if !looked[method+" "+path] {
				t.Errorf("who may %s %s?", method, path)
			}
		}
	}
	tokens.Replace(list[:0])
	if answer, _ := asks(t, "GET", usual+"/v1/status", admin); answer.StatusCode != 401 {
		t.Errorf("a token that was taken away: %d", answer.StatusCode)
	}
}

// TestSettingsOfAccess: metrics may be for everybody and probes not, and the document of that node says so.
func TestSettingsOfAccess(t *testing.T) {
	token, err := access.NewToken("writer", access.Write, "the token of a writer")
	if err != nil {
		t.Fatal(err)
	}
	a := api.New(good(), api.Config{Access: api.Access{Tokens: access.NewTokens(token), OpenMetrics: true, ClosedProbes: true}})
	ask := func(path, token string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "http://localhost"+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		a.ServeHTTP(w, r)
		return w
	}
	var d openAPI
	if err := json.Unmarshal(ask("/v1/openapi.json", "the token of a writer").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		with, without int
		security      string
	}{
		"/metrics": {200, 200, "[]"},
		"/healthz": {200, 401, "[map[token:[read]] map[token:[write]] map[token:[admin]] map[]]"},
		"/readyz":  {200, 401, "[map[token:[read]] map[token:[write]] map[token:[admin]] map[]]"},
		"/v1/data": {403, 401, "[map[token:[read]] map[token:[admin]] map[]]"},
	} {
		with, without := ask(path, "the token of a writer").Code, ask(path, "").Code
		if with != want.with || without != want.without {
			t.Errorf("%s: %d with a token, %d without", path, with, without)
		}
		o := d.Paths[path]["get"]
		if got := fmt.Sprint(o.Security); got != want.security {
			t.Errorf("%s is described as %s", path, got)
		}
		for _, status := range []int{with, without} {
			if _, told := o.Responses[fmt.Sprint(status)]; !told {
				t.Errorf("%s: the document has no answer %d", path, status)
			}
		}
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

// TestCertificateReload: connections that come after a reload see the new certificate; of one that is no good they don't.
func TestCertificateReload(t *testing.T) {
	cert, key, _ := certificate(t)
	ln, c := listenTLS(t, cert, key)
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
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != want {
			t.Errorf("certificate %d, want %d", got, want)
		}
		if spoken := conn.ConnectionState().NegotiatedProtocol; spoken != "h2" {
			t.Errorf("the server speaks %q", spoken)
		}
	}
	seen(1)
	writeCertificate(t, cert, key, 2)
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
