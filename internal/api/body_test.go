package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
)

// dial opens a connection and sends what stands there.
func dial(t *testing.T, url, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// raw sends a request as it stands there, and returns status and body of the answer.
func raw(t *testing.T, url, request string) (int, string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(dial(t, url, request)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// TestWhoTellsOfMuchTakesLittle: those who tell of a large body and send none leave the others their room.
func TestWhoTellsOfMuchTakesLittle(t *testing.T) {
	const most = 1 << 20
	n := good()
	url := serve(t, n, api.Config{MaxBody: most, MaxBodies: 4 * most})
	for range 8 {
		idle := dial(t, url, fmt.Sprintf("POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n"+
			"Expect: 100-continue\r\n\r\n", patchType, most))
		if line, err := bufio.NewReader(idle).ReadString('\n'); err != nil || !strings.Contains(line, "100") { // its body is waited for
			t.Fatalf("%q, %v", line, err)
		}
	}
	if answer, body := call(t, "POST", url+"/v1/changes", strings.Repeat("x", most), "Content-Type", patchType); answer.StatusCode != 200 {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// TestLargeBuffersAreNotLent: what was used for a large body isn't taken for one that has hardly begun.
func TestLargeBuffersAreNotLent(t *testing.T) {
	const most = 1 << 20
	url := serve(t, good(), api.Config{MaxBody: most, MaxBodies: most + most/2})
	for range 20 {
		if answer, body := call(t, "POST", url+"/v1/changes", strings.Repeat("x", most), "Content-Type", patchType); answer.StatusCode != 200 {
			t.Fatalf("%d %s", answer.StatusCode, body)
		}
		idle := dial(t, url, "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: "+patchType+"\r\nTransfer-Encoding: chunked\r\n"+
			"Expect: 100-continue\r\n\r\n")
		if _, err := bufio.NewReader(idle).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		answer, body := call(t, "POST", url+"/v1/changes", strings.Repeat("x", most/2), "Content-Type", patchType)
		if answer.StatusCode != 200 {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
		_ = idle.Close()
	}
}

// TestSlowBody: a body that doesn't go on is answered.
func TestSlowBody(t *testing.T) {
	url := serve(t, good(), api.Config{ReadTimeout: 50 * time.Millisecond})
	request := "POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + patchType + "\r\nContent-Length: 4\r\n\r\n"
	if status, body := raw(t, url, request+"TX"); status != 408 || code(t, body) != "slow_body" {
		t.Errorf("half a body: %d %s", status, body)
	}
}

// TestBodyWithoutLength: who sends a body of which nothing would be read hears of it.
func TestBodyWithoutLength(t *testing.T) {
	url := serve(t, good(), api.Config{})
	const header = "Host: localhost\r\nContent-Type: " + patchType + "\r\n"
	for _, test := range []struct {
		request string
		want    int
	}{
		{"POST /v1/changes HTTP/1.0\r\n" + header + "\r\nTX .", 411},
		{"POST /v1/changes HTTP/1.1\r\n" + header + "\r\nTX .", 411},
		{"POST /v1/changes HTTP/1.0\r\n" + header + "Content-Length: 0\r\n\r\n", 200},
		{"POST /v1/changes HTTP/1.1\r\n" + header + "Content-Length: 0\r\n\r\n", 200},
		{"POST /v1/changes HTTP/1.1\r\n" + header + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200},
	} {
		status, body := raw(t, url, test.request)
		if status != test.want || status == 411 && code(t, body) != "length_required" {
			t.Errorf("%q: %d %s", test.request, status, body)
		}
	}
}

// TestContentEncodings: of all lines of the header, which are one list, by each name of gzip; what is read is what was meant.
func TestContentEncodings(t *testing.T) {
	var got string
	n := good()
	n.submit = func(_ context.Context, s graph.Submission) ([]graph.Result, error) {
		got = string(s.Body)
		return nil, nil
	}
	url := serve(t, n, api.Config{})
	for _, test := range []struct {
		codings []string
		zipped  bool
		want    int
	}{
		{nil, false, 200}, {[]string{""}, false, 200}, {[]string{"identity"}, false, 200},
		{[]string{"gzip"}, true, 200}, {[]string{"GZIP"}, true, 200}, {[]string{"x-gzip"}, true, 200},
		{[]string{"identity", "gzip"}, true, 200}, {[]string{"identity, gzip"}, true, 200},
		{[]string{"gzip", "gzip"}, true, 415}, {[]string{"gzip, x-gzip"}, true, 415}, {[]string{"gzip", "br"}, true, 415}, {[]string{"br, gzip"}, true, 415},
	} {
		var body io.Reader = strings.NewReader("TX .")
		if test.zipped {
			body = zipped("TX .")
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/changes", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Content-Encoding"], got = test.codings, ""
		answer, text := send(t, r, "Content-Type", patchType)
		if answer.StatusCode != test.want || (got == "TX .") != (test.want == 200) {
			t.Errorf("%q: %d %s, read %q", test.codings, answer.StatusCode, text, got)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/changes", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Content-Type"] = []string{patchType, "text/turtle"}
	if answer, text := send(t, r); answer.StatusCode != 415 {
		t.Errorf("two types: %d %s", answer.StatusCode, text)
	}
}

// TestOlderNameOfGzip: an answer is compressed for who asks for it so, unless it is short.
func TestOlderNameOfGzip(t *testing.T) {
	url := serve(t, good(), api.Config{})
	for path, want := range map[string]string{"/v1/openapi.json": "gzip", "/v1/status": ""} {
		if answer, _ := call(t, "GET", url+path, "", "Accept-Encoding", "x-gzip"); answer.Header.Get("Content-Encoding") != want {
			t.Errorf("%s: %v", path, answer.Header)
		}
	}
}

// TestWhatIsNoRequest: the page says what is answered before there is a request.
func TestWhatIsNoRequest(t *testing.T) {
	url := serve(t, good(), api.Config{})
	for want, requests := range map[int][]string{
		400: {
			"GET /v1/status HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n",
			"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		},
		431: {"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\n"},
		501: {"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n"},
		505: {"GET /v1/status HTTP/3.0\r\nHost: localhost\r\n\r\n"},
	} {
		for _, request := range requests {
			answer, err := http.ReadResponse(bufio.NewReader(dial(t, url, request)), nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%.100q: %d %v", request, answer.StatusCode, answer.Header)
			}
		}
	}
}

// bounded knows by when what is written must be taken.
type bounded struct {
	*httptest.ResponseRecorder
	by, written time.Time
}

func (b *bounded) SetReadDeadline(time.Time) error     { return nil }
func (b *bounded) SetWriteDeadline(by time.Time) error { b.by = by; return nil }
func (b *bounded) Write(p []byte) (int, error) {
	b.written = b.by
	return b.ResponseRecorder.Write(p)
}

// TestAnswersAreBounded: a client has a time to take the answer, also after the node has had its own.
func TestAnswersAreBounded(t *testing.T) {
	w := &bounded{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "http://localhost/v1/changes", strings.NewReader("TX ."))
	r.Header.Set("Content-Type", patchType)
	api.New(good(), api.Config{}).ServeHTTP(w, r)
	if w.Code != 200 || w.written.IsZero() {
		t.Errorf("%d, by %v", w.Code, w.written)
	}
}
