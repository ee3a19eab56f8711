package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/verify"
)

// waitsFor says what a node waits for that starts.
func (d *daemon) waitsFor() string {
	e := &d.Engine
	switch {
	case e.NATS != "":
		return fmt.Sprintf("it waits for the engine at %s, and for a majority of its servers", jetstream.RedactURLs(e.NATS))
	case e.Cluster != "":
		return fmt.Sprintf("it waits for a majority of the servers of cluster %q (--routes), or for %d if the pipeline is new: start the "+
			"others; each that was ever a member counts until it has left (--leave)", e.Cluster, cmp.Or(e.Replicas, defaultReplicas))
	}
	return "it reads its data"
}

// node is the configuration of the node and of what it runs on.
func (d *daemon) node(ln net.Listener) quadrille.Config {
	e, p := &d.Engine, &d.Pipeline
	cfg := quadrille.Config{
		Pipeline: p.Name, Shards: p.Shards, Key: graph.Key(p.Key), Keep: p.KeepKeys,
		Name: d.Node.Name, NameMustBeFree: true, Zone: d.Node.Zone, Weight: d.Node.Weight, Info: d.address(ln), Logger: d.log,
		Store: quadrille.Store(d.Node.Store), Index: d.Node.Index == "now", Queries: d.queries(),
		Secret: jetstream.Secret(e.Secret), NATS: e.NATS, NATSCreds: e.NATSCreds, NATSEventsCreds: e.NATSEventsCreds,
		NATSUser: e.NATSUser, NATSPassword: string(e.NATSPassword), NATSCA: e.NATSCA,
		Host: e.Listen, Port: e.Port, Cluster: e.Cluster, Routes: e.Routes, MaxStore: int64(e.MaxStore),
		Election: cmp.Or(e.Election, jetstream.StockElection), Replicas: e.Replicas, Streams: e.Streams, Compress: e.Compress,
	}
	if d.keeps() {
		cfg.Dir = e.Data
	}
	if e.Cluster != "" {
		cfg.ClusterPort = cmp.Or(e.ClusterPort, -1)
	}
	return cfg
}

// queries bounds what queries take.
func (d *daemon) queries() graph.QueryLimits {
	return graph.QueryLimits{Concurrent: d.HTTP.MaxQueries, Time: d.HTTP.QueryTime, Memory: int64(d.HTTP.QueryMemory), Together: int64(d.HTTP.AllMemory), Steps: int64(d.HTTP.QuerySteps)}
}

// keeps reports whether the node keeps anything in the data folder. With an engine that others run it does if the folder
// was given or is there, or has the shards' quads.
func (d *daemon) keeps() bool {
	e := &d.Engine
	if e.NATS == "" || e.Data != config.DefaultData || d.Node.Store == "disk" {
		return true
	}
	_, err := os.Stat(e.Data)
	return !errors.Is(err, fs.ErrNotExist)
}

// verifier is what /v1/verify asks: the files of this process's engine, or an engine that others run.
func (d *daemon) verifier(n *quadrille.Graph) api.Verifier {
	of := verify.Node{Name: d.Node.Name, Pipeline: d.Pipeline.Name, Shards: d.Pipeline.Shards, Engine: n.Engine(), Marks: n.Marks()}
	if n.Server() == nil {
		return &verify.EngineVerifier{Node: of}
	}
	return &verify.ReplicaVerifier{Node: of, Server: n.Server(), Dir: d.Engine.Data, Clustered: d.Engine.Cluster != ""}
}
