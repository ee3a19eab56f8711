package config

import (
	"fmt"
	"net/url"
	"os"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/shard"
)

// UsageError is a mistake in a setting, or in several that don't go together.
type UsageError struct{ error }

// Unwrap returns the error.
func (e UsageError) Unwrap() error { return e.error }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Check looks at what no setting says alone, and gives the node the name of its host if it has none. Errors are a [UsageError],
// but for that of a host without a name.
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
	case d.HTTP.Token != "" && len(d.HTTP.Token) < access.MinToken:
		return Usagef("--token: it has %d characters, expected %d or more, at random", len(d.HTTP.Token), access.MinToken)
	case (d.HTTP.TLSCert == "") != (d.HTTP.TLSKey == ""):
		return Usagef("--tls-cert and --tls-key: TLS needs both")
	case d.HTTP.MaxBody < 1:
		return Usagef("--max-body=%v: expected 1 or more", d.HTTP.MaxBody)
	}
	return d.Engine.check()
}

func (e *Engine) check() error {
	if err := e.checkAccess(); err != nil {
		return err
	}
	switch {
	case e.Cluster == "" && (len(e.Routes) > 0 || e.ClusterPort != 0):
		return Usagef("--routes and --cluster-port need --cluster")
	case e.Port < -1 || e.Port > 65535 || e.ClusterPort < 0 || e.ClusterPort > 65535:
		return Usagef("--port=%d --cluster-port=%d: expected 0 to 65535, or --port=-1", e.Port, e.ClusterPort)
	case e.Election != 0 && (e.Election < jetstream.MinElection || e.Election > jetstream.MaxElection):
		return Usagef("--election=%v: expected %v to %v, or 0", e.Election, jetstream.MinElection, jetstream.MaxElection)
	case e.MaxStore < 0:
		return Usagef("--max-store=%v: expected 1 or more", e.MaxStore)
	case e.Replicas < 0 || e.Replicas > 5:
		return Usagef("--replicas=%d: expected 1 to 5", e.Replicas)
	case e.Streams < 0:
		return Usagef("--streams=%d: expected 1 or more", e.Streams)
	}
	for _, route := range e.Routes {
		if u, err := url.Parse(route); err != nil || u.Port() == "" {
			return Usagef("--routes=%s: expected nats://HOST:CLUSTERPORT", route)
		}
	}
	return nil
}

// checkAccess looks at what says which engine it is, and how it is come to.
func (e *Engine) checkAccess() error {
	embedded := e.Cluster != "" || len(e.Routes) > 0 || e.Port != 0 || e.ClusterPort != 0
	others := e.NATSCreds != "" || e.NATSEventsCreds != "" || e.NATSUser != "" || e.NATSPassword != "" || e.NATSCA != ""
	switch {
	case e.NATS != "" && embedded:
		return Usagef("--nats means another engine; --port, --cluster, --cluster-port and --routes are of an embedded one")
	case e.NATS == "" && others:
		return Usagef("--nats-creds, --nats-events-creds, --nats-user, --nats-password and --nats-ca need --nats")
	case e.Secret != "" && others:
		return Usagef("--secret is of embedded engines; --nats-creds, --nats-user and --nats-ca are for servers that others run")
	case (e.NATSUser == "") != (e.NATSPassword == ""):
		return Usagef("--nats-user and --nats-password go together")
	case e.NATSUser != "" && (e.NATSCreds != "" || e.NATSEventsCreds != ""):
		return Usagef("--nats-user and --nats-creds: expected one of them")
	}
	if e.Secret == "" {
		return nil
	}
	if err := jetstream.Secret(e.Secret).Check(); err != nil {
		return Usagef("--secret: %w", err)
	}
	return nil
}
