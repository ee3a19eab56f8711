package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// webDocuments are what the server of TestLoadDocuments has, by path: the type, and the text.
var webDocuments = map[string][2]string{
	"/turtle":   {"text/turtle; charset=utf-8", "<a> <http://e/p> _:x . _:x <http://e/p> 1 ."},
	"/ntriples": {"application/n-triples", "<http://e/s> <http://e/p> _:x .\n"},
	"/nquads":   {"application/n-quads", "<http://e/s> <http://e/p> <http://e/o> <http://e/other> .\n"},
	"/trig":     {"application/trig", "<http://e/g> { <http://e/s> <http://e/p> <http://e/o> }"},
	"/jsonld":   {"application/ld+json", `{"@id":"http://e/s","http://e/p":[{"@id":"http://e/o"}]}`},
	"/rdfxml":   {"application/rdf+xml", `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="s"><p xmlns="http://e/" r:resource="http://e/o"/></r:Description>`},
	"/file.nt":  {"text/plain", "<http://e/s> <http://e/p> <http://e/o> .\n"},
	"/nothing":  {"application/n-triples", ""},
	"/html":     {"text/html", "<html>"},
	"/wrong":    {"text/turtle", "<http://e/s> <http://e/p> 1 .\n oops"},
}

// TestLoadDocuments: LOAD reads documents of all formats from hosts that are allowed, and what is wrong with one changes nothing.
func TestLoadDocuments(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.nt", "<http://e/old> <http://e/p> <http://e/o> .\n")
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveDocument(w, r, other.URL) }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	delta := func(update string, more ...string) (int, string, string) {
		return run(t, strings.ReplaceAll(update, "WEB", server.URL), append([]string{"delta", "--data", "a.nt", "--id", "1", "-"}, more...)...)
	}
	for path, want := range map[string]string{
		"/turtle":         "A <" + server.URL + "/a> <http://e/p> _:B <http://e/g> .\nA _:B <http://e/p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> <http://e/g> .\n",
		"/moved":          "A <" + server.URL + "/a> <http://e/p> _:B <http://e/g> .\nA _:B <http://e/p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> <http://e/g> .\n",
		"/turtle#part":    "A <" + server.URL + "/a> <http://e/p> _:B <http://e/g> .\nA _:B <http://e/p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> <http://e/g> .\n",
		"/ntriples":       "A <http://e/s> <http://e/p> _:B <http://e/g> .\n",
		"/nquads":         "A <http://e/s> <http://e/p> <http://e/o> <http://e/g> .\n",
		"/trig":           "A <http://e/s> <http://e/p> <http://e/o> <http://e/g> .\n",
		"/jsonld":         "A <http://e/s> <http://e/p> <http://e/o> <http://e/g> .\n",
		"/rdfxml":         "A <" + server.URL + "/s> <http://e/p> <http://e/o> <http://e/g> .\n",
		"/file.nt":        "A <http://e/s> <http://e/p> <http://e/o> <http://e/g> .\n",
		"/packed/file.nt": "A <http://e/s> <http://e/p> <http://e/o> <http://e/g> .\n",
		"/nothing":        "",
	} {
		status, out, failed := delta("LOAD <WEB"+path+"> INTO GRAPH <http://e/g>", "--allow-host", host)
		if out = oneLabel(out); status != 0 || out != "TX .\n"+want+"TC .\n" || failed != "" {
			t.Errorf("%s: %d, %q, %s", path, status, out, failed)
		}
	}
	for path, want := range map[string]string{
		"WEB/html":      `has the type "text/html": expected RDF data (ntriples, nquads, turtle, trig, rdfxml or jsonld)`,
		"WEB/wrong":     server.URL + "/wrong:2:2: expected",
		"WEB/none":      "answers 404 Not Found",
		"WEB/empty":     "answers 204 No Content: expected a document",
		"WEB/away":      "a redirect leads to " + other.URL + "/turtle: nothing is asked without leave; --allow-host " + strings.TrimPrefix(other.URL, "http://"),
		"WEB/round":     "more than 5 redirects",
		"WEB/endless":   "the document has more than 1MiB; --max-memory SIZE raises the bound",
		"WEB/bomb":      "the document has more than 1MiB",
		other.URL + "/": "nothing is asked without leave",
		"file:///etc/x": `address "file:///etc/x": expected http://… or https://…`,
	} {
		status, out, failed := delta("LOAD <"+path+">", "--allow-host", host, "--max-memory", "1MiB")
		if status != 1 || out != "" || !strings.HasPrefix(failed, "<stdin>: operation 1 (LOAD): LOAD can't be carried out: <") || !strings.Contains(failed, want) {
			t.Errorf("%s: %d, %q, %s", path, status, out, failed)
		}
		status, out, failed = delta("LOAD SILENT <"+path+"> ; INSERT DATA { <http://e/new> <http://e/p> 1 }", "--allow-host", host, "--max-memory", "1MiB")
		if status != 0 || strings.Count(out, "\n") != 3 || failed != "" {
			t.Errorf("%s, SILENT: %d, %q, %s", path, status, out, failed)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("a host that is not allowed was asked %d times", n)
	}
	_, once, _ := delta("LOAD <WEB/ntriples>", "--allow-host", host)
	if _, twice, _ := delta("LOAD <WEB/ntriples>", "--allow-host", host); once != twice {
		t.Errorf("%q, and then %q", once, twice)
	}
}

// oneLabel gives all blank nodes of a patch one label.
func oneLabel(patch string) string {
	words := strings.Fields(patch)
	for _, w := range words {
		if strings.HasPrefix(w, "_:") {
			patch = strings.ReplaceAll(patch, w, "_:B")
		}
	}
	return patch
}

func serveDocument(w http.ResponseWriter, r *http.Request, other string) {
	nothing := bytes.Repeat([]byte("# nothing\n"), 1000)
	switch r.URL.Path {
	case "/moved":
		http.Redirect(w, r, "/turtle", http.StatusFound)
		return
	case "/away":
		http.Redirect(w, r, other+"/turtle", http.StatusFound)
		return
	case "/round":
		http.Redirect(w, r, "/round", http.StatusFound)
		return
	case "/empty":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/endless":
		w.Header().Set("Content-Type", "application/n-triples")
		for r.Context().Err() == nil {
			if _, err := w.Write(nothing); err != nil {
				return
			}
		}
		return
	case "/bomb", "/packed/file.nt":
		text := []byte(webDocuments["/file.nt"][1])
		if w.Header().Set("Content-Type", "application/octet-stream"); r.URL.Path == "/bomb" {
			w.Header().Set("Content-Type", "application/n-triples")
			text = bytes.Repeat(nothing, 200)
		}
		z := gzip.NewWriter(w)
		_, _ = z.Write(text)
		_ = z.Close()
		return
	}
	d, ok := webDocuments[r.URL.Path]
	if !ok || !strings.Contains(r.Header.Get("Accept"), "text/turtle") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", d[0])
	_, _ = io.WriteString(w, d[1])
}

// TestLoadContexts: JSON-LD that LOAD reads has the contexts of --contexts, and no others.
func TestLoadContexts(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.nt", "")
	if err := os.Mkdir("contexts", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "contexts/contexts.json", `{"http://e/context":"c.jsonld"}`)
	write(t, "contexts/c.jsonld", `{"@context":{"p":"http://e/p"}}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/ld+json")
		fmt.Fprint(w, `{"@context":"http://e/context","@id":"http://e/s","p":"v"}`)
	}))
	defer server.Close()
	args := []string{"delta", "--data", "a.nt", "-", "--allow-host", strings.TrimPrefix(server.URL, "http://")}
	status, out, failed := run(t, "LOAD <"+server.URL+">", append(args, "--contexts", "contexts")...)
	if status != 0 || !strings.Contains(out, `A <http://e/s> <http://e/p> "v" .`) {
		t.Errorf("%d, %q, %s", status, out, failed)
	}
	if status, _, failed := run(t, "LOAD <"+server.URL+">", args...); status != 1 || !strings.Contains(failed, "--contexts DIR") {
		t.Errorf("%d, %s", status, failed)
	}
}
