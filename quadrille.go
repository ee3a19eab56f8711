// Package quadrille starts a node with one call: the engine that keeps its logs, the transport between nodes, and the node
// itself. [Start] starts one that holds RDF; [StartNode] one whose events mean something of your own.
//
// Packages graph and node have what can be done with it; whoever opens an engine in another way gives it to [graph.New] or
// [node.New].
package quadrille

import (
	"context"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// Graph is a knowledge graph on a node that runs.
type Graph struct {
	*graph.Graph
	*Runtime
}

// Node is a node that runs, with a logic of your own.
type Node struct {
	*node.Node
	*Runtime
}

// Run is that of [Runtime].
func (n *Node) Run(ctx context.Context) error { return n.Runtime.Run(ctx) }

// Start starts a node that holds RDF, and returns when it has entered the pipeline, which in a cluster waits for a majority of
// the servers. ctx bounds that alone: the node runs until [Runtime.Close]. After an error nothing is left running; a folder, or
// an engine, whose pipeline has another number of shards, another key or keep time is one.
func Start(ctx context.Context, cfg Config) (*Graph, error) {
	r, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := r.nodeConfig()
	if c.Logic, err = r.logic(); err != nil {
		return nil, r.abandon(err)
	}
	g, err := graph.New(graph.Config{Key: r.cfg.Key, Config: c, Queries: r.cfg.Queries})
	if err != nil {
		return nil, r.abandon(err)
	}
	if err := r.start(ctx, g.Node); err != nil {
		return nil, err
	}
	return &Graph{g, r}, nil
}

// StartNode is [Start] for a logic of your own, which makes the work of a shard in its empty state. Config.Key names how your
// keys are made; nodes with another name for that don't enter.
func StartNode(ctx context.Context, cfg Config, logic func(shard int) operator.Logic) (*Node, error) {
	r, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := r.nodeConfig()
	c.Logic, c.KeyName, c.Answer = logic, string(r.cfg.Key), r.cfg.Answer
	n, err := node.New(c)
	if err != nil {
		return nil, r.abandon(err)
	}
	if err := r.start(ctx, n); err != nil {
		return nil, err
	}
	return &Node{n, r}, nil
}
