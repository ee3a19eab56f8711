package connectors

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/config"
)

// TestExamplePoll: the graph of a node is what the document of a web server is, whatever it becomes.
func TestExamplePoll(t *testing.T) {
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "new"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "plant.ttl")); err != nil {
			t.Fatal(err)
		}
	}
	write(`<urn:pump> <urn:speed> "17" ; <urn:in> <urn:hall> .`)
	node := runExample(t, "poll", func(d *config.Document) {
		settings := d.Sources[0].Settings.(*config.PollSource) //nolint:forcetypeassert // the example's
		settings.URL, settings.Every = server.URL+"/plant.ttl", 100*time.Millisecond
	})
	hall := "<urn:pump> <urn:in> <urn:hall> .\n"
	eventually(t, "the first state", func() bool { return sameLines(data(t, node), hall+"<urn:pump> <urn:speed> \"17\" .\n") })
	write(`<urn:pump> <urn:speed> "18" ; <urn:in> <urn:hall> .`)
	eventually(t, "the second state", func() bool { return sameLines(data(t, node), hall+"<urn:pump> <urn:speed> \"18\" .\n") })
}

// TestPollMapped: a document of JSON, as changes and as a state. A state of which an item is gone takes it out.
func TestPollMapped(t *testing.T) {
	var document atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, document.Load().(string)) //nolint:forcetypeassert // a test's own
	}))
	defer server.Close()
	document.Store(`[{"id": "a", "v": 1}, {"id": "b", "v": 2}]`)
	node := run(t, `
sources:
  - {name: log, type: poll, url: "`+server.URL+`", every: 100ms, mapping: seen}
  - {name: now, type: poll, url: "`+server.URL+`", every: 100ms, mapping: item, what: state, graph: "urn:now"}
mappings:
  seen: {mode: replace, over: "$[*]", s: "urn:$(id)", po: [["urn:v", $(v)]]}
  item: {mode: replace, over: "$[*]", s: "urn:$(id)", po: [["urn:v", $(v)]]}
`)
	quad := func(id, v, graph string) string {
		return "<urn:" + id + "> <urn:v> \"" + v + "\"^^<http://www.w3.org/2001/XMLSchema#integer>" + graph + " .\n"
	}
	const now = " <urn:now>"
	eventually(t, "the first version", func() bool {
		return sameLines(data(t, node), quad("a", "1", "")+quad("b", "2", "")+quad("a", "1", now)+quad("b", "2", now))
	})
	document.Store(`[{"id": "b", "v": 3}]`)
	eventually(t, "the second version", func() bool {
		return sameLines(data(t, node), quad("a", "1", "")+quad("b", "3", "")+quad("b", "3", now))
	})
}
