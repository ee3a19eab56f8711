package daemon

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// sparqlEndpoint is where a store is asked.
func sparqlEndpoint(c *config.SPARQLConnection) (sparql.Endpoint, error) {
	roots, err := rootsOf(c.TLSCA)
	return sparql.Endpoint{Query: c.Query, User: c.User, Password: string(c.Password), Token: string(c.Token), Roots: roots, Timeout: c.Timeout}, err
}

// sparqlSink makes a sink for a store. Two pipelines, and two sinks of one, have positions of their own there.
func (d *daemon) sparqlSink(name string, c *config.SPARQLSink) (connector.Sink, error) {
	if err := rdf.CheckIRI(c.BlankPrefix); err != nil {
		return nil, fmt.Errorf("blank-prefix: %w", err)
	}
	endpoint, err := sparqlEndpoint(&c.SPARQLConnection)
	if err != nil {
		return nil, err
	}
	endpoint.Update = c.Update
	cfg := sparql.SinkConfig{
		Endpoint: endpoint, Name: d.Pipeline.Name + ":" + name, PositionGraph: c.PositionGraph, Blank: patch.Skolemise(c.BlankPrefix), MaxRequest: int(c.MaxRequest),
	}
	if c.BlankNodes == "refuse" {
		cfg.Blank = patch.RefuseBlanks
	}
	return sparql.NewSink(cfg)
}

// sparqlSource makes a source for a store, which asks the node for what the shards have.
func sparqlSource(c *config.SPARQLSource, n *graph.Graph) (connector.Source, error) {
	endpoint, err := sparqlEndpoint(&c.SPARQLConnection)
	if err != nil {
		return nil, err
	}
	return sparql.NewSource(sparql.SourceConfig{
		Endpoint: endpoint, Graphs: c.Graphs, Every: c.Every, Keep: c.Keep, Refuse: c.BlankNodes == "refuse",
		Have: func(ctx context.Context, fn func(rdf.Quad) error) error { return eachQuad(ctx, n, fn) },
	})
}

// eachQuad hands over the quads of all shards.
func eachQuad(ctx context.Context, n *graph.Graph, fn func(rdf.Quad) error) error {
	for s := range n.Shards() {
		if _, err := view(ctx, n, s, func(v store.View) error { return eachOf(v, store.Pattern{}, fn) }); err != nil {
			return fmt.Errorf("shard %d: %w", s, err)
		}
	}
	return nil
}

// view looks at what a shard has, and returns as of when that was.
func view(ctx context.Context, n *graph.Graph, shard int, look func(store.View) error) (engine.Mark, error) {
	v, at, err := n.View(ctx, shard)
	if err != nil {
		return at, err
	}
	defer v.Close()
	return at, look(v)
}

// eachOf hands over the quads that match.
func eachOf(v store.View, pattern store.Pattern, fn func(rdf.Quad) error) error {
	for q, err := range store.Quads(v, pattern) {
		if err == nil {
			err = fn(q)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
