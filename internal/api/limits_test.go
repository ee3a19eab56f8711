package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
)

// asBinary is a patch in binary form.
func asBinary(t *testing.T, text string) string {
	t.Helper()
	var binary bytes.Buffer
	w := patch.NewBinaryWriter(&binary)
	if err := errors.Join(patch.Parse([]byte(text), w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return binary.String()
}

// TestWhatIsGivenIsTaken: the largest change that a node takes it gives out in forms that any other takes, to the same effect.
func TestWhatIsGivenIsTaken(t *testing.T) {
	const around = len(`A <http://e/s> <http://e/p> "" <http://e/g> .`)
	row := `A <http://e/s> <http://e/p> "` + strings.Repeat("x", dataset.MaxRow-around-8) + `\n\n\"\\" <http://e/g> .`
	from := realNode(t, api.Config{}, row)
	_, want := call(t, "GET", from+"/v1/data", "")
	if len(want) < dataset.MaxRow-10 {
		t.Fatalf("%d bytes", len(want))
	}
	for _, given := range []struct{ path, media string }{
		{"/v1/changes", patchType}, {"/v1/changes", patch.BinaryMediaType},
		{"/v1/data", "application/n-quads"}, {"/v1/data", "application/trig"}, {"/v1/data", "application/ld+json"},
		{"/v1/data?graph=http://e/g", "text/turtle"}, {"/v1/data?graph=http://e/g", "application/n-triples"},
	} {
		_, text := call(t, "GET", from+given.path, "", "Accept", given.media)
		to := realNode(t, api.Config{})
		post(t, to, given.media, text)
		_, got := call(t, "GET", to+"/v1/data", "")
		if strings.HasSuffix(given.path, "/g") {
			got = strings.Replace(got, `\\" .`, `\\" <http://e/g> .`, 1)
		}
		if got != want {
			t.Errorf("%s as %s: %d bytes become %d", given.path, given.media, len(want), len(got))
		}
	}
}

// TestOverLimits: what is over a limit is so in whichever form it comes, and has its place where that is known.
func TestOverLimits(t *testing.T) {
	base := realNode(t, api.Config{})
	long := strings.Repeat("x", dataset.MaxRow)
	for media, document := range map[string]string{
		patchType:               "TX .\nA <http://e/s> <http://e/p> \"" + long + "\" .\nTC .",
		"application/n-quads":   "<http://e/s> <http://e/p> \"" + long + "\" .",
		"application/n-triples": "<http://e/s> <http://e/p> \"" + long[:len(long)-20] + "\" .",
		"text/turtle":           "<http://e/s> <http://e/p> <http://e/" + long + "> .",
		"application/trig":      "<http://e/g> { <http://e/s> <http://e/p> \"" + long + "\" }",
		"application/ld+json":   `{"@id":"http://e/s","http://e/p":"` + long + `"}`,
		patch.BinaryMediaType:   asBinary(t, `A <http://e/s> <http://e/p> "`+long+`" .`),
	} {
		answer, body := call(t, "POST", base+"/v1/changes", document, "Content-Type", media)
		if answer.StatusCode != 413 || code(t, body) != "too_large" || len(body) > 1000 {
			t.Errorf("%s: %d %.1000s", media, answer.StatusCode, body)
		}
	}
	if _, body := call(t, "POST", base+"/v1/changes", "\n<http://e/s> <http://e/p> \""+long+"\" .", "Content-Type", "text/turtle"); !strings.Contains(body, `"line":2`) {
		t.Errorf("%.1000s", body)
	}
}

// TestFormWithoutPlace: what JSON-LD can't hold is no failure of the node, with partial=true as without.
func TestFormWithoutPlace(t *testing.T) {
	base := realNode(t, api.Config{})
	post(t, base, "application/n-triples", `<http://e/s> <http://e/p> <<( <http://e/a> <http://e/b> "c" )>> .`)
	for _, query := range []string{"", "?partial=true"} {
		answer, body := call(t, "GET", base+"/v1/data"+query, "", "Accept", "application/ld+json")
		if answer.StatusCode != 406 || code(t, body) != "not_acceptable" || answer.Header.Get("Retry-After") != "" {
			t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
		}
	}
	if answer, _ := call(t, "GET", base+"/v1/data", "", "Accept", "application/ld+json, application/trig;q=0.5"); answer.StatusCode != 406 {
		t.Errorf("%d", answer.StatusCode)
	}
}

// TestMemoryInUse: others use what JSON-LD needs; it can be asked for again.
func TestMemoryInUse(t *testing.T) {
	busy := fmt.Errorf("%w: memory", event.ErrBusy)
	n := good()
	n.data = func(io.Writer, graph.DataOptions) (engine.Cursor, error) { return nil, busy }
	n.submit = func(context.Context, graph.Submission) ([]graph.Result, error) { return nil, busy }
	url := serve(t, n, api.Config{})
	for method, path := range map[string]string{"GET": "/v1/data", "POST": "/v1/changes"} {
		answer, body := call(t, method, url+path, "", "Content-Type", "application/ld+json")
		if answer.StatusCode != 503 || code(t, body) != "busy" || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", method, answer.StatusCode, body)
		}
	}
}

// TestDetailsAreBounded: a problem repeats no more of a request than a reader can use.
func TestDetailsAreBounded(t *testing.T) {
	base := serve(t, good(), api.Config{})
	long := url.QueryEscape(strings.Repeat("é", 20_000))
	for _, query := range []string{"from=" + long, "at=" + long, long + "=x", "graph=" + long} {
		answer, body := call(t, "GET", base+"/v1/changes?"+query, "")
		if answer.StatusCode != 400 || len(body) > 5000 || strings.Contains(body, "\uFFFD") {
			t.Errorf("%.20s: %d, %d bytes", query, answer.StatusCode, len(body))
		}
	}
	if answer, body := call(t, "GET", base+"/v1/status", "", "Accept", strings.Repeat("x/y,", 20_000)); answer.StatusCode != 406 || len(body) > 5000 {
		t.Errorf("%d, %d bytes", answer.StatusCode, len(body))
	}
}

// TestChangesThatCantBegin: what ends by itself tells that nothing can be read before it has a status; what is live waits.
func TestChangesThatCantBegin(t *testing.T) {
	n := good()
	n.follow = func(context.Context, node.FollowOptions, func(node.Record) error) error {
		return fmt.Errorf("shard 1: %w", engine.ErrNoLeader)
	}
	url := serve(t, n, api.Config{})
	for _, accept := range []string{patchType, patch.BinaryMediaType, "text/event-stream"} {
		answer, body := call(t, "GET", url+"/v1/changes?live=false", "", "Accept", accept)
		if answer.StatusCode != 503 || code(t, body) != "tails" || answer.Header.Get("Retry-After") == "" || answer.Header.Get("Trailer") != "" {
			t.Errorf("%s: %d %v %s", accept, answer.StatusCode, answer.Header, body)
		}
	}
	if answer, body := call(t, "GET", url+"/v1/changes", "", "Accept", "text/event-stream"); answer.StatusCode != 200 || !strings.Contains(body, "event: error") {
		t.Errorf("live: %d %s", answer.StatusCode, body)
	}
}
