package sparql_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// shards stand for a pipeline: what is committed there.
type shards struct {
	patch.Counter
	progress conntest.Progress

	mu  sync.Mutex
	has map[rdf.Quad]bool
}

func newShards(lines string) *shards {
	s := &shards{has: map[rdf.Quad]bool{}}
	if err := nquads.Parse([]byte(lines), s.Add); err != nil {
		panic(err)
	}
	return s
}

// each is what a source asks for.
func (s *shards) each(_ context.Context, fn func(rdf.Quad) error) error {
	s.mu.Lock()
	has := maps.Clone(s.has)
	s.mu.Unlock()
	for q := range has {
		if err := fn(q); err != nil {
			return err
		}
	}
	return nil
}

func (s *shards) Add(q rdf.Quad) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.has[q] = true
	return nil
}

func (s *shards) Delete(q rdf.Quad) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.has, q)
	return nil
}

func (s *shards) lines() map[string]bool {
	all := map[string]bool{}
	_ = s.each(context.Background(), func(q rdf.Quad) error {
		all[unlabelled(strings.TrimSuffix(strings.TrimSpace(string(nquads.AppendQuad(nil, q))), " ."))] = true
		return nil
	})
	return all
}

// unlabelled is a quad without the label of its blank node, which is another one in each format of an answer.
func unlabelled(quad string) string {
	if strings.HasPrefix(quad, "_:") {
		_, rest, _ := strings.Cut(quad, " ")
		return "_:b " + rest
	}
	return quad
}

// copiedQuads are those of the graphs that are copied.
func copiedQuads(t *testing.T, s *store) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for quad := range s.quads(t) {
		if !strings.HasSuffix(quad, "<urn:g2>") {
			all[unlabelled(quad)] = true
		}
	}
	return all
}

// take commits what a reader has, as the pipeline does, until it ends or enough says so. lose says which readings get lost.
func (s *shards) take(t *testing.T, r connector.Reader, lose func(n int) bool, enough func() bool) error {
	t.Helper()
	for n := 0; !enough(); {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		messages, err := r.Read(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range messages {
			if lose(n) {
				continue
			}
			if err := patch.Parse(m.Body, s); err != nil {
				t.Fatal(err)
			}
			if m.Stream != "" {
				s.progress.Commit(m)
			}
		}
		if err := r.Ack(t.Context(), messages); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return nil
}

func never() bool    { return false }
func none0(int) bool { return false }

func source(t *testing.T, s *store, to *shards, change func(*sparql.SourceConfig)) *sparql.Source {
	t.Helper()
	cfg := sparql.SourceConfig{Endpoint: s.endpoint(), Graphs: []string{"default", "urn:g1"}, Have: to.each}
	change(&cfg)
	src, err := sparql.NewSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func open(t *testing.T, src *sparql.Source, to *shards) connector.Reader {
	t.Helper()
	r, err := src.Open(t.Context(), &to.progress)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fill makes a store with n triples in each of two graphs, some with blank nodes, and something beside them.
func (s *store) fill(t *testing.T, n int) {
	t.Helper()
	s.do(t, "DROP ALL")
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "<urn:s%d> <urn:p> \"%d\" . GRAPH <urn:g1> { <urn:s%d> <urn:p> \"g\\n\"@en . }\n", i, i, i)
	}
	s.do(t, "INSERT DATA { "+rows.String()+"GRAPH <urn:g2> { <urn:not> <urn:copied> <urn:x> } "+
		"GRAPH <urn:quadrille:positions> { <urn:x> <urn:quadrille:at> \"1\" } }")
	s.do(t, "INSERT { ?b <urn:blank> ?s } WHERE { ?s <urn:p> \"1\" BIND(BNODE() AS ?b) }")
}

// sameGraphs compares the graphs that are copied.
func sameGraphs(t *testing.T, s *store, to *shards, beside ...string) {
	t.Helper()
	want := copiedQuads(t, s)
	for _, quad := range beside {
		want[quad] = true
	}
	if diff := cmp.Diff(want, to.lines()); diff != "" {
		t.Errorf("the shards (+) differ from the store (-):\n%s", diff)
	}
}

// testSource: what the graphs are in the store, they are in the shards.
func testSource(t *testing.T, s *store) {
	t.Run("once", func(t *testing.T) {
		s.fill(t, 3000)
		to := newShards("<urn:old> <urn:p> <urn:o> .\n<urn:old> <urn:p> <urn:o> <urn:g1> .\n<urn:old> <urn:p> <urn:o> <urn:others> .\n")
		src := source(t, s, to, func(*sparql.SourceConfig) {})
		r := open(t, src, to)
		// A message that gets lost is found by the next reading.
		if err := to.take(t, r, func(n int) bool { return n == 0 }, never); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		_ = r.Close()
		sameGraphs(t, s, to, "<urn:old> <urn:p> <urn:o> <urn:others>")
		s.do(t, "INSERT DATA { <urn:later> <urn:p> <urn:o> }")
		before := to.lines()
		again := open(t, source(t, s, to, func(*sparql.SourceConfig) {}), to)
		if messages, err := again.Read(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("what was copied is read again: %v, %v", messages, err)
		}
		_ = again.Close()
		if diff := cmp.Diff(before, to.lines()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("again and again", func(t *testing.T) {
		s.fill(t, 10)
		to := newShards("")
		src := source(t, s, to, func(c *sparql.SourceConfig) { c.Every = 50 * time.Millisecond })
		r := open(t, src, to)
		defer func() { _ = r.Close() }()
		for _, update := range []string{"DELETE DATA { <urn:s3> <urn:p> \"3\" }", "DROP GRAPH <urn:g1>", "INSERT DATA { GRAPH <urn:g1> { <urn:n> <urn:p> 1 } }"} {
			s.do(t, update)
			there := copiedQuads(t, s)
			err := to.take(t, r, none0, func() bool { return maps.Equal(there, to.lines()) })
			for errors.Is(err, sparql.ErrChanged) { // the update came while it was read
				_ = r.Close()
				r = open(t, src, to)
				err = to.take(t, r, none0, func() bool { return maps.Equal(there, to.lines()) })
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("keeps", func(t *testing.T) {
		s.fill(t, 10)
		to := newShards("<urn:old> <urn:p> <urn:o> .\n")
		r := open(t, source(t, s, to, func(c *sparql.SourceConfig) { c.Keep = true }), to)
		if err := to.take(t, r, none0, never); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		_ = r.Close()
		sameGraphs(t, s, to, "<urn:old> <urn:p> <urn:o>")
	})
	t.Run("refuses blank nodes", func(t *testing.T) {
		s.fill(t, 10)
		to := newShards("")
		r := open(t, source(t, s, to, func(c *sparql.SourceConfig) { c.Refuse = true }), to)
		if err := to.take(t, r, none0, never); !errors.Is(err, connector.ErrGiveUp) {
			t.Error(err)
		}
		_ = r.Close()
	})
	t.Run("goes on after faults", func(t *testing.T) {
		s.fill(t, 2000)
		to := newShards("<urn:old> <urn:p> <urn:o> .\n")
		g := newGateway(t, s)
		requests := 0
		g.then(func(bool) fault { // each kind once
			if requests++; requests < int(faults) {
				return fault(requests)
			}
			return none
		})
		for err := error(nil); err != io.EOF; {
			r := open(t, source(t, s, to, func(c *sparql.SourceConfig) { c.Query = g.URL + "/query" }), to)
			err = to.take(t, r, none0, never)
			_ = r.Close()
		}
		sameGraphs(t, s, to)
	})
}

func TestSourceFromFuseki(t *testing.T)   { testSource(t, fuseki(t, "memory")) }
func TestSourceFromOxigraph(t *testing.T) { testSource(t, oxigraph(t, "disk")) }

// TestCutAnswer: an answer that is not whole, and doesn't say so, takes nothing out of the shards.
func TestCutAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(string(query), "CONSTRUCT") {
			w.Header().Set("Content-Type", "application/n-triples")
			_, _ = io.WriteString(w, "<urn:s1> <urn:p> <urn:o> .\n")
			return
		}
		w.Header().Set("Content-Type", "application/sparql-results+json")
		_, _ = io.WriteString(w, `{"head":{"vars":["n"]},"results":{"bindings":[{"n":{"type":"literal","value":"2"}}]}}`)
	}))
	defer server.Close()
	to := newShards("<urn:s1> <urn:p> <urn:o> .\n<urn:s2> <urn:p> <urn:o> .\n")
	r := open(t, source(t, &store{query: server.URL, update: server.URL}, to, func(c *sparql.SourceConfig) { c.Graphs = []string{"default"} }), to)
	defer r.Close()
	if messages, err := r.Read(t.Context()); !errors.Is(err, sparql.ErrChanged) {
		t.Errorf("%v, %v", messages, err)
	}
}

func TestSourceConfig(t *testing.T) {
	good := sparql.Endpoint{Query: "http://127.0.0.1:1"}
	for want, cfg := range map[string]sparql.SourceConfig{
		"address":           {Graphs: []string{"default"}},
		"no graph":          {Endpoint: good},
		"a pause of -1s":    {Endpoint: good, Graphs: []string{"default"}, Every: -time.Second},
		"-1 quads":          {Endpoint: good, Graphs: []string{"default"}, MaxHeld: -1},
		"graph: invalid RD": {Endpoint: good, Graphs: []string{"none"}},
	} {
		if _, err := sparql.NewSource(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
