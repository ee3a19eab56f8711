package sparql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// Store reads what a store holds, and can change it. Make it with [NewStore]. It is used by one goroutine at a time.
type Store struct{ session *session }

// NewStore checks the endpoint; it connects to nothing. The store is to be closed.
func NewStore(e Endpoint) (*Store, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("SPARQL store: %w", err)
	}
	return &Store{e.connect()}, nil
}

// Close ends the connections.
func (s *Store) Close() { s.session.close() }

// Graphs returns the names of the graphs that hold something, the default graph first, whose name is the zero term.
func (s *Store) Graphs(ctx context.Context) ([]rdf.Term, error) {
	names, err := s.session.column(ctx, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }", "g")
	if err != nil {
		return nil, fmt.Errorf("graphs of the store: %w", err)
	}
	graphs := []rdf.Term{{}}
	for _, name := range names {
		graph, err := rdf.IRI(name)
		if err != nil {
			return nil, err
		}
		graphs = append(graphs, graph)
	}
	return graphs, nil
}

// GraphNamed returns the graph of a setting: an IRI, or [DefaultGraph].
func GraphNamed(name string) (rdf.Term, error) {
	if name == DefaultGraph {
		return rdf.Term{}, nil
	}
	return rdf.IRI(name)
}

// ErrChanged: the store was changed while it was read, or an answer was cut off.
var ErrChanged = errors.New("the store was changed while it was read, or its answer is not whole")

// Quads hands over the quads of graphs, those of positions left out. They are valid until fn returns. Each graph is read by
// CONSTRUCT, and counted afterwards: what was cut off, or changed meanwhile, is [ErrChanged].
func (s *Store) Quads(ctx context.Context, graphs []rdf.Term, fn func(rdf.Quad) error) error {
	for _, graph := range graphs {
		pattern := "?s ?p ?o"
		if !graph.IsZero() {
			pattern = "GRAPH " + graph.String() + " { ?s ?p ?o }"
		}
		read, err := s.graph(ctx, graph, pattern, fn)
		if err != nil {
			return err
		}
		count, err := s.session.column(ctx, "SELECT (COUNT(*) AS ?n) { "+pattern+" }", "n")
		if err != nil {
			return fmt.Errorf("count the graph %s: %w", graph, err)
		}
		if len(count) != 1 || count[0] != strconv.Itoa(read) {
			return fmt.Errorf("%w: %d triples of the graph %s were read, %q were counted", ErrChanged, read, graph, count)
		}
	}
	return nil
}

const triplesType = "application/n-triples"

// graph hands over a graph, and returns how many triples it has.
func (s *Store) graph(ctx context.Context, graph rdf.Term, pattern string, fn func(rdf.Quad) error) (read int, err error) {
	query := "CONSTRUCT { ?s ?p ?o } WHERE { " + pattern + " }"
	answer, err := s.session.post(ctx, s.session.Query, "application/sparql-query", triplesType, strings.NewReader(query))
	if err != nil {
		return 0, fmt.Errorf("read the graph %s: %w", graph, err)
	}
	defer answer.Body.Close()
	if media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); media != triplesType && media != "text/plain" {
		return 0, fmt.Errorf("%w: %s answers %q, not %s", ErrNoEndpoint, s.session.Query, media, triplesType)
	}
	triples := nquads.NewReader(answer.Body, nquads.Triples(), nquads.File(s.session.Query))
	var q rdf.Quad
	for {
		switch err := triples.Next(&q); {
		case err == io.EOF: //nolint:errorlint // around another error it is that of a connection
			return read, nil
		case err != nil:
			return read, fmt.Errorf("read the graph %s: %w", graph, err)
		}
		read++
		if q.P.String() == at {
			continue
		}
		q.G = graph
		if err := fn(q); err != nil {
			return read, err
		}
	}
}

// Change deletes and adds quads, in requests of about 1 MiB, unconditionally: a sink that writes the same quads meanwhile may
// undo it, or be undone by it. Blank nodes are an error.
func (s *Store) Change(ctx context.Context, deletes, adds []rdf.Quad) error {
	for _, step := range []struct {
		operation string
		quads     []rdf.Quad
	}{{"DELETE DATA", deletes}, {"INSERT DATA", adds}} {
		for rest := step.quads; len(rest) > 0; {
			var t template
			n := 0
			for ; n < len(rest) && len(t.text) < 1<<20; n++ {
				if _, err := refuseBlanks.Name(rest[n]); err != nil {
					return err
				}
				t.add(rest[n])
			}
			t.end()
			if err := s.session.update(ctx, []byte(step.operation+" {\n"+string(t.text)+"}\n")); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}
