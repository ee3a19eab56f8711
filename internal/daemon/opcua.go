package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/opcua"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// opcuaSource makes a source of an OPC UA server. Its values are documents of JSON, so they need a mapping; how its nodes are
// made is RDF.
func (d *daemon) opcuaSource(mapped bool, s *config.OPCUASource, n *graph.Graph) (connector.Source, error) {
	switch {
	case s.Structure && mapped:
		return nil, errors.New("structure is RDF: expected no mapping; for the values let there be another source, with one")
	case !s.Structure && !mapped:
		return nil, errors.New("values are documents of JSON: they need a mapping")
	case s.Structure && s.Graph == "":
		return nil, errors.New("graph is missing: that which becomes the structure, and has nothing else")
	case !s.Structure && s.Graph != "":
		return nil, errors.New("graph is that of a structure (structure: true); the graph of values stands in the mapping")
	case s.MaxNodes < 1 || s.QueueSize < 1 || s.MaxQueued < 1:
		return nil, errors.New("max-nodes, queue-size and max-queued: expected 1 or more")
	}
	cfg := opcua.SourceConfig{Connection: opcuaConnection(&s.OPCUAConnection), Nodes: s.Nodes, Trees: s.Trees,
		MaxNodes: s.MaxNodes, Publishing: s.Publishing, Sampling: s.Sampling, Queue: s.QueueSize, Deadband: s.Deadband,
		Percent: s.DeadbandType == "percent", Silence: s.Silence, MaxQueued: s.MaxQueued, Structure: s.Structure,
		NodeIRI: s.NodeIRI, Every: s.Every, Logger: d.log}
	if s.Structure {
		var err error
		if cfg.Graph, err = sparql.GraphNamed(s.Graph); err != nil {
			return nil, fmt.Errorf("graph: %w", err)
		}
		cfg.Have = func(ctx context.Context, fn func(rdf.Quad) error) error { return eachQuad(ctx, n, fn) }
	}
	return opcua.NewSource(cfg)
}

// opcuaSink makes a sink of an OPC UA server, which asks the node for what the shards have.
func (d *daemon) opcuaSink(s *config.OPCUASink, n *graph.Graph) (connector.Sink, error) {
	cfg := opcua.SinkConfig{Connection: opcuaConnection(&s.OPCUAConnection), SkipRefused: s.OnRefused == "skip", Logger: d.log,
		State: func(ctx context.Context, shard int, predicates []rdf.Term, fn func(rdf.Quad) error) (engine.Mark, error) {
			return eachWith(ctx, n, shard, predicates, fn)
		}}
	for _, w := range s.Writes {
		cfg.Writes = append(cfg.Writes, opcua.Write{Subject: w.Subject, Predicate: w.Predicate, Graph: w.Graph, Node: w.Node})
	}
	return opcua.NewSink(cfg)
}

// eachWith hands over the quads of a shard that have one of the predicates.
func eachWith(ctx context.Context, n *graph.Graph, shard int, predicates []rdf.Term, fn func(rdf.Quad) error) (engine.Mark,
	error) {
	return view(ctx, n, shard, func(v store.View) error {
		for _, predicate := range predicates {
			id, ok, err := v.Lookup(predicate)
			if err == nil && ok { // otherwise the shard has none
				err = eachOf(v, store.Pattern{P: id}, fn)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func opcuaConnection(c *config.OPCUAConnection) opcua.Connection {
	return opcua.Connection{URL: c.URL, Policy: c.SecurityPolicy, Sign: c.SecurityMode == "Sign", PKI: c.PKI, User: c.User,
		Password: string(c.Password), UserCertificate: c.UserCertificate, UserKey: c.UserKey, Timeout: c.Timeout}
}
