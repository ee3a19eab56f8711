package tail

import (
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
		Form: JSON, Out: &out})
	mu.Lock()
	defer mu.Unlock()
	if err != nil || cursor.String() != "main@0:6" || !slices.Equal(asked, []string{"now", "main@0:5"}) || !strings.Contains(out.String(), `"position":6`) {
		t.Errorf("asked %q, at %s, %v: %s", asked, cursor, err, out.String())
	}
}
