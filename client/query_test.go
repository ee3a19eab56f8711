package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
)

// TestAsk: what a node is asked, and what of its answer is told.
func TestAsk(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if r.URL.Query().Get("timeout") != "2s" || r.URL.Query().Get("named-graph-uri") != "urn:g" || string(text) != "ASK {}" ||
			r.Header.Get("Quadrille-Cursor") != "0:7" || r.Header.Get("Accept") != "text/csv, text/turtle" {
			t.Errorf("%s %v %q", r.URL, r.Header, text)
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Quadrille-Cursor", "main@0:9:0123456789abcdef")
		_, _ = io.WriteString(w, "body")
	}))
	defer server.Close()
	c := client.New("")
	defer c.Close()
	answer, err := c.Ask(t.Context(), server.URL, client.Query{Text: "ASK {}", Accept: []string{"text/csv", "text/turtle"},
		Timeout: 2 * time.Second, Named: []string{"urn:g"}, After: client.Cursor{Cursor: engine.Cursor{0: {Position: 7}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "body" || answer.MediaType != "text/csv" || answer.Cursor.String() != "main@0:9:0123456789abcdef" {
		t.Errorf("%q, %v: %+v", body, err, answer)
	}
}

// TestTry: what a node is asked of an update that isn't carried out.
func TestTry(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 500, time.UTC)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		query := r.URL.Query()
		if r.Method+r.URL.Path != "POST/v1/delta" || query.Get("timeout") != "2s" || query.Get("id") != "x" || query.Get("now") != "2026-01-31T12:00:00.0000005Z" ||
			string(text) != "CLEAR ALL" || r.Header.Get("Quadrille-Cursor") != "0:7" || r.Header.Get("Accept") != "application/rdf-patch" {
			t.Errorf("%s %v %q", r.URL, r.Header, text)
		}
		w.Header().Set("Content-Type", "application/rdf-patch")
		w.Header().Set("Quadrille-Cursor", "main@0:9:0123456789abcdef")
		_, _ = io.WriteString(w, "TX .\nTC .\n")
	}))
	defer server.Close()
	c := client.New("")
	defer c.Close()
	answer, err := c.Try(t.Context(), server.URL, client.Trial{Text: "CLEAR ALL", Accept: []string{"application/rdf-patch"}, Timeout: 2 * time.Second,
		After: client.Cursor{Cursor: engine.Cursor{0: {Position: 7}}}, Now: at, ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "TX .\nTC .\n" || answer.MediaType != "application/rdf-patch" || answer.Cursor.String() != "main@0:9:0123456789abcdef" {
		t.Errorf("%q, %v: %+v", body, err, answer)
	}
}

// TestAnswerBreaksOff: an answer that isn't whole ends with an error, be it told or not.
func TestAnswerBreaksOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Quadrille-Error")
		_, _ = io.WriteString(w, "a part")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/data" {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Quadrille-Error", "data: shard 3")
	}))
	defer server.Close()
	c := client.New("")
	defer c.Close()
	for name, ask := range map[string]func() (*client.Answer, error){
		"shard 3":        func() (*client.Answer, error) { return c.Ask(t.Context(), server.URL, client.Query{Text: "ASK {}"}) },
		"unexpected EOF": func() (*client.Answer, error) { return c.Graph(t.Context(), server.URL, "urn:g", "text/turtle") },
	} {
		answer, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if !errors.Is(err, client.ErrBrokenOff) || !strings.Contains(err.Error(), name) || string(body) != "a part" {
			t.Errorf("%q, %v, expected %s", body, err, name)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestChangesOfGraphs: updates and graphs are sent where they belong, with their key.
func TestChangesOfGraphs(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = append(got, strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key"), string(text)}, " "))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"adds":3}`)
	}))
	defer server.Close()
	c := client.New("")
	defer c.Close()
	for _, change := range []func() (client.Accepted, error){
		func() (client.Accepted, error) { return c.Update(t.Context(), server.URL, "CLEAR ALL", "k") },
		func() (client.Accepted, error) {
			return c.PutGraph(t.Context(), server.URL, "urn:g", "text/turtle", "", []byte("<s> <p> 1 ."))
		},
		func() (client.Accepted, error) {
			return c.PutGraph(t.Context(), server.URL, "", "text/turtle", "", nil)
		},
	} {
		if a, err := change(); err != nil || a.Adds != 3 {
			t.Errorf("%+v, %v", a, err)
		}
	}
	want := "POST /sparql application/sparql-update k CLEAR ALL|PUT /data?graph=urn%3Ag text/turtle  <s> <p> 1 .|PUT /data?default= text/turtle  "
	if all := strings.Join(got, "|"); all != want {
		t.Errorf("%s\nwant\n%s", all, want)
	}
}
