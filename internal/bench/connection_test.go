package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSubmit: a request is sent again while the node is busy, over the connection that is there, and nothing but 200 with all parts counts.
func TestSubmit(t *testing.T) {
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.RemoteAddr+r.URL.RawQuery+r.Header.Get("X")+string(body))
		switch {
		case len(bodies) == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case len(bodies) == 3:
			fmt.Fprint(w, `{"accepted":0,"failed":1,"adds":0,"outcomes":[{"problem":{"status":503}}]}`)
			return
		case string(body) == "bad":
			w.WriteHeader(http.StatusBadRequest)
		case string(body) == "chunks":
			w.(http.Flusher).Flush()
		}
		fmt.Fprintf(w, `{"accepted":1,"failed":%d,"adds":0,"outcomes":[{"problem":{"status":400}}]}`, strings.Count(string(body), "part"))
	}))
	defer server.Close()
	c, err := dial(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	retries := 0
	send := func(body string) error {
		return c.submit(t.Context(), "/?q=1", "X: y\r\n", []byte(body), func() { retries++ })
	}
	for _, test := range []struct{ body, want string }{{"one", ""}, {"part", `status 200: "problem":{"status":400`}, {"bad", "status 400"}, {"two", ""}, {"chunks", "no Content-Length"}} {
		if err := send(test.body); (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.body, err, test.want)
		}
	}
	if retries != 2 || len(bodies) != 7 || bodies[0] != bodies[1] || !strings.HasSuffix(bodies[0], "q=1yone") {
		t.Errorf("%d retries: %q", retries, bodies)
	}
}

// TestWriter: a request has one change, or as many parts as it should, each with a key of its own, or lines.
func TestWriter(t *testing.T) {
	one := writer{kind: &updateKind, client: 3, batch: 1}
	headers, body := one.request(7)
	if headers != "Content-Type: application/sparql-update\r\nIdempotency-Key: bench-updates-3-7\r\n" || !strings.Contains(string(body), "b:updates3 b:n ?m") {
		t.Errorf("one: %s%s", headers, body)
	}
	two := writer{kind: &patchKind, client: 3, batch: 2}
	headers, body = two.request(7)
	for _, part := range []string{"bench-patches-3-14\r\n", "patches6>", "bench-patches-3-15\r\n", "patches7>", "--b--\r\n"} {
		if !strings.Contains(string(body), part) || !strings.Contains(headers, "multipart/mixed; boundary=b\r\n") {
			t.Errorf("two: %s%s lacks %s", headers, body, part)
		}
	}
	lines := writer{kind: &mappedKind, client: 3, batch: 2}
	if _, body = lines.request(7); string(body) != "{\"subject\": 6}\n{\"subject\": 7}\n" {
		t.Errorf("lines: %s", body)
	}
}
