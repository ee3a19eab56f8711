package tail

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// TestGoesOnFromNow: a connection that is lost before the first change is taken up where it began, not at another "now".
func TestGoesOnFromNow(t *testing.T) {
	var mu sync.Mutex // the second connection is another goroutine's
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Query().Get("from"))
		w.Header().Set("Content-Type", "text/event-stream")
		if len(asked) == 1 {
			_, _ = io.WriteString(w, "id: main@0:5\n\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "id: main@0:6\ndata: {\"shard\":0,\"position\":6,\"patch\":\"\"}\n\n")
	}))
	defer server.Close()
	c := client.New("")
	defer c.Close()
	var out strings.Builder
	cursor, err := Write(t.Context(), c, Config{URLs: []string{server.URL}, Query: url.Values{"from": {"now"}}, Patience: time.Minute,
		Empty: true, Form: JSON, Out: &out})
	mu.Lock()
	defer mu.Unlock()
	if err != nil || cursor.String() != "main@0:6" || !slices.Equal(asked, []string{"now", "main@0:5"}) || !strings.Contains(out.String(), `"position":6`) {
		t.Errorf("asked %q, at %s, %v: %s", asked, cursor, err, out.String())
	}
}

// TestWithoutRows: a change without rows is written where that is asked for, and read in any case.
func TestWithoutRows(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: main@0:5\ndata: {\"position\":5,\"adds\":1}\n\n"+
			"id: main@0:6\ndata: {\"position\":6,\"deletes\":1}\n\nid: main@0:7\ndata: {\"position\":7}\n\n")
	}))
	defer server.Close()
	c := client.New("")
	defer c.Close()
	number := func(dst []byte, change client.Change) ([]byte, error) {
		return fmt.Append(dst, change.Position, " "), nil
	}
	for empty, want := range map[bool]string{true: "5 6 7 ", false: "5 6 "} {
		var out strings.Builder
		cursor, err := Write(t.Context(), c, Config{URLs: []string{server.URL}, Query: url.Values{}, Empty: empty, Form: number, Out: &out})
		if err != nil || out.String() != want || cursor.String() != "main@0:7" {
			t.Errorf("empty %v: %q at %s, %v", empty, out.String(), cursor, err)
		}
	}
}
