package daemon

import (
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/logtext"
)

// TestProfiles: what Go's tools ask for is there, for who asks from this machine by its address, until it is stopped.
func TestProfiles(t *testing.T) {
	var log logtext.Text
	stop, err := serveProfiles("127.0.0.1:0", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	base := regexp.MustCompile(`http://127\.0\.0\.1:\d+/debug/pprof/`).FindString(log.String())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path, host string, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			r.Host = host
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := client.Do(r)
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
	for path, want := range map[string]string{"": "goroutine", "goroutine?debug=1": "TestProfiles", "heap?debug=1": "heap profile", "allocs": "", "trace?seconds=0.01": "go 1."} {
		if status, body := get(path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, %.200q", path, status, body)
		}
	}
	for _, test := range []struct {
		path, host string
		header     []string
		status     int
	}{
		{"cmdline", "", nil, 404}, {"nothing", "", nil, 404}, {"profile?seconds=3600", "", nil, 400},
		{"goroutine", "pages.example", nil, 403}, {"goroutine", "pages.example:6060", nil, 403}, {"goroutine", "10.0.0.1", nil, 403},
		{"goroutine", "localhost", nil, 200}, {"goroutine", "[::1]:6060", nil, 200},
		{"goroutine", "", []string{"Origin", "http://pages.example"}, 403}, {"goroutine", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		if status, body := get(test.path, test.host, test.header...); status != test.status {
			t.Errorf("%+v: %d, %.200q", test, status, body)
		}
	}
	if _, err := serveProfiles(strings.TrimSuffix(strings.TrimPrefix(base, "http://"), profilesPath), slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "--pprof: another process listens") {
		t.Error(err)
	}
	stop()
	if answer, err := client.Get(base); err == nil { //nolint:noctx // nobody answers
		answer.Body.Close()
		t.Error("profiles are still given")
	}
}

// TestNoProfiles: without an address nothing listens.
func TestNoProfiles(t *testing.T) {
	var log logtext.Text
	stop, err := serveProfiles("", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || log.String() != "" {
		t.Fatal(err, log.String())
	}
	stop()
}
