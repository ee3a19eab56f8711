package config

import (
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/shard"
)

// UsageError is a mistake in a setting, or in several that don't go together.
type UsageError struct{ error }

// Unwrap returns the error.
func (e UsageError) Unwrap() error { return e.error }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Check looks at what no setting says alone, and gives the node the name of its host if it has none. Errors are a [UsageError], or
// wrap [quadrille.ErrOpenEngine].
func (d *Document) Check() error {
	if d.Node.Name == "" {
		if d.Engine.Cluster != "" {
			return Usagef("--name: a member of a cluster needs a name, the same at every start")
		}
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("name of the host, as the node's; give --name: %w", err)
		}
		d.Node.Name = host
	}
	switch {
	case d.Pipeline.Shards < 1 || d.Pipeline.Shards > shard.Max:
		return Usagef("--shards=%d: expected 1 to %d", d.Pipeline.Shards, shard.Max)
	case d.Node.Weight < 1:
		return Usagef("--weight=%d: expected 1 or more", d.Node.Weight)
	case d.Pipeline.KeepKeys <= 0:
		return Usagef("--keep-keys=%v: expected more than 0", d.Pipeline.KeepKeys)
	case d.HTTP.MaxBody < 1:
		return Usagef("--max-body=%v: expected 1 or more", d.HTTP.MaxBody)
	case d.HTTP.MaxReaders < 1:
		return Usagef("--max-readers=%d: expected 1 or more", d.HTTP.MaxReaders)
	case d.HTTP.MaxDumps < 1:
		return Usagef("--max-dumps=%d: expected 1 or more", d.HTTP.MaxDumps)
	}
	return d.Engine.check()
}

func (e *Engine) check() error {
	switch embedded := e.Cluster != "" || len(e.Routes) > 0 || e.Port != 0 || e.ClusterPort != 0; {
	case e.NATS != "" && embedded:
		return Usagef("--nats means an engine that others run; --port, --cluster, --cluster-port and --routes are of an embedded one")
	case e.NATS == "" && (e.NATSCreds != "" || e.NATSCA != ""):
		return Usagef("--nats-creds and --nats-ca need --nats")
	case e.Cluster == "" && (len(e.Routes) > 0 || e.ClusterPort != 0):
		return Usagef("--routes and --cluster-port need --cluster")
	case e.Port < 0 || e.Port > 65535 || e.ClusterPort < 0 || e.ClusterPort > 65535:
		return Usagef("--port=%d --cluster-port=%d: expected 0 to 65535", e.Port, e.ClusterPort)
	case e.Election != 0 && (e.Election < jetstream.MinElection || e.Election > jetstream.MaxElection):
		return Usagef("--election=%v: expected %v to %v, or 0", e.Election, jetstream.MinElection, jetstream.MaxElection)
	case e.MaxStore < 0:
		return Usagef("--max-store=%v: expected 1 or more", e.MaxStore)
	case e.Replicas < 0 || e.Replicas > 5:
		return Usagef("--replicas=%d: expected 1 to 5", e.Replicas)
	case e.Streams < 0:
		return Usagef("--streams=%d: expected 1 or more", e.Streams)
	}
	return e.checkAddresses()
}

func (e *Engine) checkAddresses() error {
	if !isLoopback(e.Listen) {
		return fmt.Errorf("--listen=%s: %w, with --nats", e.Listen, quadrille.ErrOpenEngine)
	}
	for _, route := range e.Routes {
		u, err := url.Parse(route)
		if err != nil || u.Port() == "" {
			return Usagef("--routes=%s: expected nats://HOST:CLUSTERPORT", route)
		}
		if !isLoopback(u.Hostname()) {
			return fmt.Errorf("--routes=%s: %w, with --nats", route, quadrille.ErrOpenEngine)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
