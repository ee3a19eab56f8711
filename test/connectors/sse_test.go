package connectors

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestSSE: events of others come in, each once, though the stream ends after each and begins at its start.
func TestSSE(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		last := 0
		_, _ = fmt.Sscan(r.Header.Get("Last-Event-ID"), &last)
		if last >= 3 {
			<-r.Context().Done()
		}
		for n := 1; n <= last+1; n++ {
			_, _ = fmt.Fprintf(w, "retry: 1\nid: %d\ndata: TX .\ndata: D <urn:s> <urn:n> \"%d\" .\ndata: A <urn:s> <urn:n> \"%d\" .\ndata: TC .\n\n", n, n-1, n)
		}
	}))
	defer server.Close()
	node := run(t, "sources: [{name: feed, type: sse, ids: numbers, url: \""+server.URL+"\"}]\n")
	defer server.CloseClientConnections()
	eventually(t, "the last", func() bool { return data(t, node) == "<urn:s> <urn:n> \"3\" .\n" })
	if adds := rows(get(t, node+"/v1/changes"), "A "); len(adds) != 3 {
		t.Errorf("%q", adds)
	}
}
