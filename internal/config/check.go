package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/shard"
)

// UsageError is a mistake in a setting, or in several that don't go together.
type UsageError struct {
	// Err is the mistake.
	Err error
}

// Error implements error.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Check looks at what no setting says alone, and gives the node the name of its host if it has none.
func (d *Document) Check(places Places) *Mistakes {
	m := &Mistakes{places: places}
	d.checkName(m)
	m.Add(jetstream.CheckPipeline(d.Pipeline.Name), "pipeline.name")
	least(m, d.Node.Weight, 1, "node.weight")
	between(m, d.Pipeline.Shards, 1, shard.Max, "pipeline.shards")
	if d.Pipeline.KeepKeys <= 0 {
		m.Add(fmt.Errorf("%v: expected more than 0", d.Pipeline.KeepKeys), "pipeline.keep-keys")
	}
	if n := len(d.HTTP.Token); n > 0 && n < access.MinToken {
		m.Add(fmt.Errorf("it has %d characters, expected %d or more, at random", n, access.MinToken), "http.token")
	}
	least(m, d.HTTP.MaxBody, 1, "http.max-body")
	least(m, d.HTTP.MaxReaders, 1, "http.max-readers")
	least(m, d.HTTP.MaxDumps, 1, "http.max-dumps")
	least(m, d.HTTP.MaxQueries, 1, "http.max-queries")
	if d.HTTP.QueryTime <= 0 {
		m.Add(fmt.Errorf("%v: expected more than 0", d.HTTP.QueryTime), "http.query-time")
	}
	least(m, d.HTTP.QueryMemory, 1, "http.query-memory")
	if all, one := d.HTTP.AllMemory, d.HTTP.QueryMemory; all != 0 && all < one {
		m.Add(fmt.Errorf("%d: expected what one query may hold (http.query-memory), %d, or more", all, one), "http.queries-memory")
	}
	least(m, d.HTTP.QuerySteps, 1, "http.query-steps")
	for _, origin := range d.HTTP.Origins {
		m.Add(checkOrigin(origin), "http.origins")
	}
	d.Engine.check(m)
	if d.Engine.Streams > d.Pipeline.Shards && d.Pipeline.Shards > 0 {
		m.Add(fmt.Errorf("%d: expected at most the number of shards, %d", d.Engine.Streams, d.Pipeline.Shards), "engine.streams")
	}
	return m
}

// checkOrigin looks at the origin of pages. There is none for all: they would act for whoever looks at one.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return fmt.Errorf("%q: expected the origin of pages, https://HOST or http://HOST:PORT", origin)
	}
	return nil
}

// checkName looks at the node's name, which a member of a cluster must have at every start.
func (d *Document) checkName(m *Mistakes) {
	if d.Node.Name == "" && d.Engine.Cluster != "" {
		m.Add(errors.New("{node.name} is missing: a member of a cluster needs a name, the same at every start"), "node.name", "engine.cluster")
		return
	}
	if d.Node.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			m.Add(fmt.Errorf("name of the host, as the node's: %w", err), "node.name")
			return
		}
		d.Node.Name = host
	}
	m.Add(coordinator.CheckNode(d.Node.Name), "node.name")
}

// least reports a value that is too small.
func least[V int | Size](m *Mistakes, value, low V, key string) {
	if value < low {
		m.Add(fmt.Errorf("%v: expected %d or more", value, int64(low)), key)
	}
}

// between reports a value that is too small or too large.
func between(m *Mistakes, value, low, high int, key string) {
	if value < low || value > high {
		m.Add(fmt.Errorf("%d: expected %d to %d", value, low, high), key)
	}
}

func (e *Engine) check(m *Mistakes) {
	if embedded := e.Cluster != "" || len(e.Routes) > 0 || e.Port != 0 || e.ClusterPort != 0; e.NATS != "" && embedded {
		m.Add(errors.New("{engine.nats} means another engine; {engine.port}, {engine.cluster}, {engine.cluster-port} and "+
			"{engine.routes} are of an embedded one"), "engine.nats", "engine.port", "engine.cluster", "engine.cluster-port", "engine.routes")
	}
	e.checkAccess(m)
	if e.NATS == "" && e.Cluster == "" && (len(e.Routes) > 0 || e.ClusterPort != 0) {
		m.Add(errors.New("{engine.routes} and {engine.cluster-port} need {engine.cluster}"), "engine.routes", "engine.cluster-port")
	}
	if e.NATS == "" && e.Cluster == "" && e.Replicas > 1 {
		m.Add(fmt.Errorf("%d: a node that stands alone keeps one copy; for more make it a member of a cluster ({engine.cluster}, "+
			"{engine.routes}), or use a cluster that others run ({engine.nats})", e.Replicas), "engine.replicas")
	} else {
		between(m, e.Replicas, 0, jetstream.MaxReplicas, "engine.replicas")
	}
	if strings.ContainsFunc(e.Cluster, unicode.IsSpace) {
		m.Add(fmt.Errorf("%q: expected a name without white space", e.Cluster), "engine.cluster")
	}
	if e.Cluster != "" && len(e.Routes) == 0 && e.NATS == "" {
		m.Add(errors.New("{engine.cluster} needs {engine.routes}, the addresses of its members"), "engine.cluster", "engine.routes")
	}
	between(m, e.Port, -1, 65535, "engine.port")
	between(m, e.ClusterPort, 0, 65535, "engine.cluster-port")
	least(m, e.Streams, 0, "engine.streams")
	least(m, e.MaxStore, 0, "engine.max-store")
	if e.Election != 0 && (e.Election < jetstream.MinElection || e.Election > jetstream.MaxElection) {
		m.Add(fmt.Errorf("%v: expected %v to %v, or 0", e.Election, jetstream.MinElection, jetstream.MaxElection), "engine.election")
	}
	e.checkAddresses(m)
}

func (e *Engine) checkAddresses(m *Mistakes) {
	for address := range strings.SplitSeq(e.NATS, ",") {
		if scheme, host, found := strings.Cut(strings.TrimSpace(address), "://"); found &&
			(!slices.Contains([]string{"nats", "tls", "ws", "wss"}, scheme) || host == "") {
			m.Add(fmt.Errorf("%s: expected nats://HOST:PORT, tls://, ws:// or wss://", jetstream.RedactURLs(address)), "engine.nats")
		}
	}
	for _, route := range e.Routes {
		if u, err := url.Parse(route); err != nil || u.Port() == "" {
			m.Add(fmt.Errorf("%s: expected nats://HOST:CLUSTERPORT", route), "engine.routes")
		}
	}
}

// ofOthers are the keys of what a node shows to servers that others run.
var ofOthers = []string{"engine.nats-creds", "engine.nats-events-creds", "engine.nats-user", "engine.nats-password", "engine.nats-ca"}

// checkAccess looks at what the node shows to an engine.
func (e *Engine) checkAccess(m *Mistakes) {
	others := e.NATSCreds != "" || e.NATSEventsCreds != "" || e.NATSUser != "" || e.NATSPassword != "" || e.NATSCA != ""
	list := "{" + strings.Join(ofOthers[:len(ofOthers)-1], "}, {") + "} and {" + ofOthers[len(ofOthers)-1] + "}"
	switch {
	case e.NATS == "" && others:
		m.Add(errors.New(list+" need {engine.nats}"), ofOthers...)
	case e.Secret != "" && others:
		m.Add(errors.New("{engine.secret} is of embedded engines; "+list+" are for servers that others run"), "engine.secret", "engine.nats")
	case (e.NATSUser == "") != (e.NATSPassword == ""):
		m.Add(errors.New("{engine.nats-user} and {engine.nats-password} belong together: give both, or none"),
			"engine.nats-user", "engine.nats-password")
	case e.NATSUser != "" && (e.NATSCreds != "" || e.NATSEventsCreds != ""):
		m.Add(errors.New("{engine.nats-user} and {engine.nats-creds}: expected one of them"), "engine.nats-user", "engine.nats-creds")
	case e.NATSEventsCreds != "" && e.NATSCreds == "":
		m.Add(errors.New("{engine.nats-events-creds} needs {engine.nats-creds}"), "engine.nats-events-creds", "engine.nats")
	}
	if e.Secret != "" {
		m.Add(jetstream.Secret(e.Secret).Check(), "engine.secret")
	}
}
