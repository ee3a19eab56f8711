package connectors

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// TestSSE: events of others come in, each once, though the stream ends after each and begins at its start.
func TestSSE(t *testing.T) {
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		last := 0
		_, _ = fmt.Sscan(r.Header.Get("Last-Event-ID"), &last)
		if last >= 3 {
			select {
			case <-r.Context().Done():
			case <-over: // the node comes again until it is ended
			}
			return
		}
		for n := 1; n <= last+1; n++ {
			_, _ = fmt.Fprintf(w, "retry: 1\nid: %d\ndata: TX .\ndata: D <urn:s> <urn:n> \"%d\" .\ndata: A <urn:s> <urn:n> \"%d\" .\ndata: TC .\n\n", n, n-1, n)
		}
	}))
	defer server.Close()
	defer close(over)
	node := run(t, "sources: [{name: feed, type: sse, ids: numbers, url: \""+server.URL+"\"}]\n")
	eventually(t, "the last", func() bool { return data(t, node) == "<urn:s> <urn:n> \"3\" .\n" })
	if adds := rows(get(t, node+"/v1/changes"), "A "); len(adds) != 3 {
		t.Errorf("%q", adds)
	}
}

// TestExampleSSE: the sender's numbers come in, each once, though it is ended and started again.
func TestExampleSSE(t *testing.T) {
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	var said logtext.Text
	stop := runPython(t, "sse/sender.py", free[0], &said)
	node := runExample(t, "sse", func(d *config.Document) {
		settings := d.Sources[0].Settings.(*config.SSESource) //nolint:forcetypeassert // the example's
		settings.URL = strings.Replace(settings.URL, ":8002", ":"+strconv.Itoa(free[0]), 1)
	})
	has := func(number int) func() bool {
		return func() bool {
			var n int
			_, err := fmt.Sscanf(data(t, node), "<urn:clock> <urn:n> \"%d\" .", &n)
			return err == nil && n >= number
		}
	}
	eventually(t, "the first numbers", has(2))
	stop()
	runPython(t, "sse/sender.py", free[0], &said)
	eventually(t, "the next ones", has(4))
	for i, row := range rows(get(t, node+"/v1/changes"), "A ") {
		if want := fmt.Sprintf("A <urn:clock> <urn:n> \"%d\" .\n", i+1); row != want {
			t.Errorf("%q, want %q", row, want)
		}
	}
}

// TestExampleHTTP: a pipeline has what another one has.
func TestExampleHTTP(t *testing.T) {
	first := run(t, "pipeline: {name: main}\n")
	second := runExample(t, "http", func(d *config.Document) {
		settings := d.Sources[0].Settings.(*config.HTTPSource) //nolint:forcetypeassert // the example's
		settings.URL = []string{first}
	})
	for _, speed := range []string{"17", "18"} {
		post(t, first+"/v1/changes", "application/rdf-patch", "TX .\nD <urn:pump> <urn:speed> \"17\" .\nA <urn:pump> <urn:speed> \""+speed+"\" .\nTC .\n")
		eventually(t, speed, func() bool { return data(t, second) == "<urn:pump> <urn:speed> \""+speed+"\" .\n" })
	}
}
