package cli_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// told is how a node refuses a request.
const told = `{"type":"urn:quadrille:problem:CODE","title":"t","status":STATUS,"code":"CODE","detail":"the reason"}`

// TestTailBegins: tail begins now, as tail -f does, and reads all there is when it doesn't follow.
func TestTailBegins(t *testing.T) {
	var asked string
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query().Get("from")
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, strings.NewReplacer("CODE", "cursor", "STATUS", "410").Replace(told))
	}))
	defer node.Close()
	for args, want := range map[string]string{"": "now", " --follow": "now", " --no-follow": "start", " --from start": "start",
		" --no-follow --from now": "now", " --from 3 --shard 1": "1:3"} {
		if status, _, failed := run(t, "", strings.Fields("tail --url "+node.URL+args)...); status != 1 || asked != want {
			t.Errorf("tail%s: asked for %q, want %q; %d, %s", args, asked, want, status, failed)
		}
	}
}

// TestAdvice: each command that asks a node says what may help when it is refused, or somebody else answers.
func TestAdvice(t *testing.T) {
	var status int
	var body, kind string
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	node := httptest.NewServer(handler)
	defer node.Close()
	secure := httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	t.Chdir(t.TempDir())
	write(t, "a.rdfp", "A <x:s> <x:p> 1 .\n")
	problem := func(code, status string) string {
		return strings.NewReplacer("CODE", code, "STATUS", status).Replace(told)
	}
	for _, test := range []struct {
		name, url, body, kind string
		status                int
		want                  string
	}{
		{"page", node.URL, "<html>", "text/html", 200, "not a node's"},
		{"page, not found", node.URL, "<html>", "text/html", 404, "404 not found: the answer is not a node's; --url or QUADRILLE_URL"},
		{"path", node.URL + "/v1/", problem("not_found", "404"), "application/problem+json", 404, "; --url is the address of a node without a path, " + node.URL + "\n"},
		{"token", node.URL, problem("unauthorized", "401"), "application/problem+json", 401, "401 unauthorized: the reason; --token or"},
		{"host", node.URL, problem("wrong_host", "421"), "application/problem+json", 421, "421 wrong_host: the reason; --url"},
		{"starting", node.URL, problem("starting", "503"), "application/problem+json", 503, "503 starting: the reason; --patience"},
		{"TLS and plain HTTP", "https" + strings.TrimPrefix(node.URL, "http"), "", "", 200, "; no TLS is spoken there: --url http://HOST:PORT\n"},
		{"plain HTTP and TLS", "http" + strings.TrimPrefix(secure.URL, "https"), "", "", 200, "; TLS is spoken there: --url https://HOST:PORT\n"},
		{"certificate", secure.URL, "", "", 200, "; --tls-ca FILE names the certificates to trust\n"},
		{"nobody", "http://127.0.0.1:1", "", "", 200, "http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused; no node runs there: start one"},
	} {
		status, body, kind = test.status, test.body, test.kind
		for _, command := range []string{"status", "tail", "publish a.rdfp", "verify", "shard of key"} {
			if command == "publish a.rdfp" && test.name == "page" {
				continue // it may have been accepted, and is sent again
			}
			code, out, failed := run(t, "", strings.Fields(command+" --patience 0s --url "+test.url)...)
			if code != 1 || out != "" || !strings.Contains(failed, test.want) || strings.Contains(failed, "<html>") {
				t.Errorf("%s, %s: %d, %s%s", test.name, command, code, out, failed)
			}
		}
	}
}
