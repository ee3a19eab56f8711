package sparql_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/connector/sparql"
)

// fault is what a gateway does with a request.
type fault int

const (
	none      fault = iota
	lost            // the connection ends before the store has the request
	cut             // it ends when the store has done what was asked
	torn            // it ends in the middle of the answer
	busy            // 503, and nothing was done
	done            // 503, and all was done
	lie             // 200, and nothing was done
	malformed       // 200, with what is no result
	refused         // 400, and nothing was done
	faults          // how many there are
)

// gateway stands between a sink and its store.
type gateway struct {
	*httptest.Server
	to *store

	mu   sync.Mutex
	next func(update bool) fault
	held chan *bytes.Buffer // takes the updates instead of the store, if it isn't nil
}

func newGateway(t testing.TB, to *store) *gateway {
	g := &gateway{to: to}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	return g
}

// randomly makes a part of the requests fail.
func (g *gateway) randomly(random *rand.Rand, oneIn int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = func(bool) fault {
		if random.IntN(oneIn) > 0 {
			return none
		}
		return fault(1 + random.IntN(int(faults)-1))
	}
}

// then says what happens to each request.
func (g *gateway) then(next func(update bool) fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = next
}

// hold keeps updates from the store, and hands them over.
func (g *gateway) hold() <-chan *bytes.Buffer {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan *bytes.Buffer, 1)
	return g.held
}

// release lets updates through again.
func (g *gateway) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = nil
}

func (g *gateway) fault(update bool) (fault, chan<- *bytes.Buffer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		return none, g.held
	}
	return g.next(update), g.held
}

// through changes a sink's configuration so that it goes through the gateway.
func (g *gateway) through(cfg *sparql.SinkConfig) {
	cfg.Query, cfg.Update = g.URL+"/query", g.URL+"/update"
}

// ServeHTTP implements [http.Handler].
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	url, update := g.to.query, false
	if strings.HasPrefix(r.URL.Path, "/update") {
		url, update = g.to.update, true
	}
	what, held := g.fault(update)
	switch {
	case update && held != nil:
		held <- bytes.NewBuffer(body)
		panic(http.ErrAbortHandler)
	case what == lost:
		panic(http.ErrAbortHandler)
	case what == busy:
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case what == refused:
		http.Error(w, "no", http.StatusBadRequest)
		return
	case what == lie:
		w.Header().Set("Content-Type", "application/sparql-results+json")
		_, _ = io.WriteString(w, `{"head":{"vars":["at"]},"results":{"bindings":[]}}`)
		return
	case what == malformed:
		w.Header().Set("Content-Type", "application/sparql-results+json")
		_, _ = io.WriteString(w, `{"head":`)
		return
	}
	g.forward(w, r, url, body, what)
}

func (g *gateway) forward(w http.ResponseWriter, r *http.Request, url string, body []byte, what fault) {
	// The store does what it was asked for, whether it is waited for or not: who closes the gateway waits for it.
	to, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	to.Header = r.Header.Clone()
	answer, err := client.Do(to)
	if err != nil {
		http.Error(w, "the store is away", http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil || what == cut:
		panic(http.ErrAbortHandler)
	case what == done:
		http.Error(w, "done, but who knows", http.StatusServiceUnavailable)
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.StatusCode)
	if what == torn {
		_, _ = w.Write(text[:len(text)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text)
}
