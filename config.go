package quadrille

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Defaults of [Config].
const (
	// DefaultPipeline is the name of a pipeline.
	DefaultPipeline = "main"
	// DefaultShards is the number of its shards.
	DefaultShards = 8
	// DefaultName is the name of a node that is alone.
	DefaultName = "n1"
)

// Config says how a node is started. What keeps its logs follows from what is given:
//
//   - nothing of the below: the memory, for tests and for what may be lost at the end;
//   - Dir: an engine inside the process, alone, that keeps all in the folder and opens no port;
//   - Dir and Routes: the same, as a member of a cluster, which keeps three copies;
//   - NATS and Secret: the embedded engines of other nodes;
//   - NATS: servers that others run.
//
// An embedded engine takes nobody in who doesn't know its Secret.
type Config struct {
	// Pipeline is the name of what the nodes do together: 1 to 64 ASCII letters, digits, '-' and '_'. Default "main".
	Pipeline string
	// Shards is the number of shards, 1 to 4,096, fixed when the pipeline is created. Default 8.
	Shards int
	// Key says by what changes are routed, fixed too. Default [graph.Subject].
	Key graph.Key
	// Keep is how long idempotency keys are remembered, fixed too. Default 24 h.
	Keep time.Duration

	// Name is the node's name, unique in the pipeline and the same at every start. Default "n1" for one that is alone; else
	// required.
	Name string
	// NameMustBeFree: the start fails with [jetstream.ErrNameTaken] while another process of the pipeline runs with the name, which
	// is heard. Else this one takes its place, and the other stops with [node.ErrSuperseded]. A member of a cluster of embedded
	// engines never takes the place of one that answers at one of the Routes.
	NameMustBeFree bool
	// Zone is where the node is, for the spread of standbys. Weight is its share of the shards. Defaults "" and 1.
	Zone   string
	Weight int
	// Info is shown to people by the other nodes' status. At most 1 KiB.
	Info string
	// Logger takes what an operator of the system must know. Default slog.Default.
	Logger *slog.Logger

	// Store says where the quads of the node's shards are: in memory, or on a disk, which needs Dir. It concerns this node alone.
	// [StartNode] has a logic of its own, and no use for it.
	Store Store
	// Index: the quads in memory have an index from the start, so that reading some of them needs no look at all. Else a shard gets one when a
	// query asks it first. With it each change takes some two microseconds more, and a quad 60 to 70 bytes. Quads on a disk always have one.
	Index bool
	// Queries bounds what queries take. [StartNode] has no use for it.
	Queries graph.QueryLimits

	// Answer answers what other nodes ask this one with [node.Node.Ask], for who has a logic of his own: [StartNode]. Nil: nobody does.
	Answer request.Handler

	// Dir is the folder of what is kept on disk; it is made if it is not there. One process at a time. With NATS it keeps how
	// far the logs are known to go, and may be left out: a log that loses its end while no node runs is then not noticed.
	Dir string

	// Secret is what all members of a cluster, and the nodes that connect to them, know and nobody else: 32 random characters or
	// more, such as of [jetstream.NewSecret]. Members need it, here or in the file quadrille.secret of Dir, mode 0600. An engine
	// that is alone and has a Port makes that file at its first start.
	Secret jetstream.Secret

	// Routes are the addresses of the cluster's members, as nats://HOST:PORT; the own one may be among them.
	Routes []string
	// Cluster is the cluster's name. Default, with Routes: that of the pipeline.
	Cluster string
	// ClusterPort is the port for the other members, of the embedded engine. Default 6222; -1: any free one.
	ClusterPort int
	// Host is the address on which the embedded engine listens, for members and for Port. Default 127.0.0.1.
	Host string
	// Port is that of the embedded engine for nodes that have none, which log in with the Secret. -1: any free one. Default: none
	// for an engine that is alone; for a member of a cluster, which can't be without, a free one on 127.0.0.1.
	Port int
	// Election is the time without a leader after which a server of the embedded engine stands for election; see
	// [jetstream.ServerConfig].
	Election time.Duration
	// MaxStore bounds the bytes that the embedded engine stores. Default: the disk.
	MaxStore int64

	// NATS are the addresses of NATS servers with JetStream that others run or, with Secret, of other nodes' embedded engines;
	// with commas between them.
	NATS string
	// NATSCreds is a file of credentials, or of the seed of an nkey, for servers that others run. NATSEventsCreds is the same for
	// the connection that carries events, which needs less rights: docs/access.md lists them. Default: NATSCreds.
	NATSCreds, NATSEventsCreds string
	// NATSUser and NATSPassword are for servers that others run and that know their users by passwords.
	NATSUser, NATSPassword string
	// NATSCA is a PEM file of the certificates to trust instead of the system's.
	NATSCA string

	// Replicas is how many servers keep each log, 1 to 5, and Streams over how many streams the logs are spread; both are fixed
	// when the pipeline is created. Defaults: 3 in a cluster, else 1; by the number of shards.
	Replicas, Streams int
	// Compress compresses the larger records of the logs.
	Compress bool
}

// clustered says whether the embedded engine is a member of a cluster.
func (c *Config) clustered() bool { return c.Cluster != "" }

// inMemory says whether nothing is kept.
func (c *Config) inMemory() bool { return c.Dir == "" && c.NATS == "" }

func (c *Config) setDefaults() error {
	c.Pipeline = cmp.Or(c.Pipeline, DefaultPipeline)
	c.Shards = cmp.Or(c.Shards, DefaultShards)
	c.Host = cmp.Or(c.Host, jetstream.DefaultHost)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if len(c.Routes) > 0 {
		c.Cluster = cmp.Or(c.Cluster, c.Pipeline)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("configuration of a node: %w", err)
	}
	c.Name = cmp.Or(c.Name, DefaultName)
	return nil
}

func (c *Config) check() error {
	switch {
	case c.Shards < 1 || c.Shards > shard.Max:
		return fmt.Errorf("%d shards: expected 1 to %d", c.Shards, shard.Max)
	case c.NATS != "" && (c.clustered() || c.Port != 0 || c.ClusterPort != 0):
		return errors.New("NATS means another engine; Port, Cluster, ClusterPort and Routes are of an embedded one")
	case c.ClusterPort != 0 && !c.clustered():
		return errors.New("ClusterPort needs Routes or Cluster")
	case c.inMemory() && (c.clustered() || c.Port != 0):
		return errors.New("an engine for other processes needs a folder: set Dir")
	case c.Store != "" && c.Store != StoreMemory && c.Store != StoreDisk:
		return fmt.Errorf("Store %q: expected %q or %q", c.Store, StoreMemory, StoreDisk)
	case c.Store == StoreDisk && c.Dir == "":
		return errors.New("a store on a disk needs a folder: set Dir")
	case c.Name == "" && (c.clustered() || c.NATS != ""):
		return errors.New("a node that is not alone needs a Name, the same at every start")
	}
	for _, route := range c.Routes {
		if u, err := url.Parse(route); err != nil || u.Port() == "" {
			return fmt.Errorf("route %q: expected nats://HOST:PORT", route)
		}
	}
	return c.checkAccess()
}

// checkAccess looks at what the node shows to an engine.
func (c *Config) checkAccess() error {
	others := c.NATSCreds != "" || c.NATSEventsCreds != "" || c.NATSUser != "" || c.NATSPassword != "" || c.NATSCA != ""
	switch {
	case c.NATS == "" && others:
		return errors.New("NATSCreds, NATSEventsCreds, NATSUser, NATSPassword and NATSCA need NATS")
	case c.Secret != "" && others:
		return errors.New("a Secret is of embedded engines; NATSCreds, NATSEventsCreds, NATSUser, NATSPassword and NATSCA are for servers " +
			"that others run")
	case (c.NATSUser == "") != (c.NATSPassword == ""):
		return errors.New("NATSUser and NATSPassword go together")
	case c.NATSUser != "" && (c.NATSCreds != "" || c.NATSEventsCreds != ""):
		return errors.New("NATSUser and NATSCreds: expected one of them")
	case c.NATSEventsCreds != "" && c.NATSCreds == "":
		return errors.New("NATSEventsCreds needs NATSCreds")
	case c.Secret != "":
		return c.Secret.Check()
	}
	return nil
}

// server is the configuration of the embedded engine. A member of a cluster that is given no port has one that only processes of
// this machine reach.
func (c *Config) server() jetstream.ServerConfig {
	s := jetstream.ServerConfig{Name: c.Name, Dir: c.Dir, Host: c.Host, Port: c.Port, NoListen: c.Port == 0, Secret: c.Secret,
		Election: c.Election, MaxStore: c.MaxStore}
	if c.clustered() {
		s.Cluster, s.ClusterHost, s.ClusterPort, s.Routes = c.Cluster, c.Host, c.ClusterPort, c.Routes
		if c.Port == 0 {
			s.Host, s.Port, s.NoListen = jetstream.DefaultHost, -1, false
		}
	}
	return s
}

// nodeConfig is the configuration of the node on what was opened.
func (r *Runtime) nodeConfig() node.Config {
	c := &r.cfg
	n := node.Config{Pipeline: c.Pipeline, Name: c.Name, Shards: c.Shards, Zone: c.Zone, Weight: c.Weight,
		Engine: r.engine, Transport: r.transport, Requests: r.transport, Logger: c.Logger, Info: c.Info, Keep: c.Keep}
	if r.marks != nil {
		n.Marks = r.marks
	}
	return n
}
