package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/verify"
	"github.com/quadrille-stream/quadrille/node"
)

// defaultData is the folder of the embedded engine's data where none is given, that of the flag below.
const defaultData = "quadrille-data"

// engineFlags is the configuration of the engine: embedded, alone or as a member of a cluster, or one that others run.
type engineFlags struct {
	Data        string   `placeholder:"DIR" default:"quadrille-data" help:"Folder of the embedded engine's data."`
	Listen      string   `placeholder:"HOST" default:"127.0.0.1" help:"Address of the embedded engine; on loopback."`
	Port        int      `help:"Port of the embedded engine for other processes; 0 takes a free one."`
	Cluster     string   `placeholder:"NAME" help:"Name of the cluster of embedded engines that this one is a member of."`
	ClusterPort int      `help:"Port for the other members; 0 takes a free one."`
	Routes      []string `placeholder:"URL" help:"Addresses of the members, nats://HOST:CLUSTERPORT; this one's may be among them."`

	NATS      string `name:"nats" placeholder:"URL" help:"NATS servers with JetStream that others run, with commas between them, instead of an embedded engine."`
	NATSCreds string `name:"nats-creds" placeholder:"FILE" help:"Credentials file for these servers."`
	NATSCA    string `name:"nats-ca" placeholder:"FILE" help:"PEM file of the certificates to trust instead of the system's."`

	Election time.Duration `default:"500ms" help:"Time without a leader after which a server of the embedded engine stands for election; 0 leaves it as NATS has it, at 4 s and more. The same on all nodes."`
	MaxStore byteSize      `help:"Most that the embedded engine stores. Default: the disk."`

	Compress bool `help:"Compress larger records in the logs: less than half the disk, and slower by a tenth or more."`

	Replicas int `help:"Copies of the logs. Default: 3 in a cluster, else 1."`
	Streams  int `help:"Streams over which the shards' logs are spread. Default: by the number of shards."`
}

// errOpenEngine is returned for an engine address that others can reach.
var errOpenEngine = errors.New("the embedded engine listens on loopback only, as it asks nobody who they are; " +
	"for nodes on several machines run NATS servers with TLS and accounts, and name them with --nats")

func (e *engineFlags) check() error {
	switch embedded := e.Cluster != "" || len(e.Routes) > 0 || e.Port != 0 || e.ClusterPort != 0; {
	case e.NATS != "" && embedded:
		return usagef("--nats means an engine that others run; --port, --cluster, --cluster-port and --routes are of an embedded one")
	case e.NATS == "" && (e.NATSCreds != "" || e.NATSCA != ""):
		return usagef("--nats-creds and --nats-ca need --nats")
	case e.Cluster == "" && (len(e.Routes) > 0 || e.ClusterPort != 0):
		return usagef("--routes and --cluster-port need --cluster")
	case e.Port < 0 || e.Port > 65535 || e.ClusterPort < 0 || e.ClusterPort > 65535:
		return usagef("--port=%d --cluster-port=%d: expected 0 to 65535", e.Port, e.ClusterPort)
	case e.Election != 0 && (e.Election < jetstream.MinElection || e.Election > jetstream.MaxElection):
		return usagef("--election=%v: expected %v to %v, or 0", e.Election, jetstream.MinElection, jetstream.MaxElection)
	case e.MaxStore < 0:
		return usagef("--max-store=%v: expected 1 or more", e.MaxStore)
	case e.Replicas < 0 || e.Replicas > 5:
		return usagef("--replicas=%d: expected 1 to 5", e.Replicas)
	case e.Streams < 0:
		return usagef("--streams=%d: expected 1 or more", e.Streams)
	}
	if !isLoopback(e.Listen) {
		return fmt.Errorf("--listen=%s: %w", e.Listen, errOpenEngine)
	}
	for _, route := range e.Routes {
		u, err := url.Parse(route)
		if err != nil || u.Port() == "" {
			return usagef("--routes=%s: expected nats://HOST:CLUSTERPORT", route)
		}
		if !isLoopback(u.Hostname()) {
			return fmt.Errorf("--routes=%s: %w", route, errOpenEngine)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// waitsFor says what a node waits for that starts.
func (e *engineFlags) waitsFor() string {
	switch {
	case e.NATS != "":
		return fmt.Sprintf("it waits for the engine at %s, and for a majority of its servers", e.NATS)
	case e.Cluster != "":
		return fmt.Sprintf("it waits for a majority of the servers of cluster %q (--routes): start the others", e.Cluster)
	}
	return "it reads its data"
}

// started is an engine that runs. Events between nodes have a connection of their own, so that they don't hold up the
// engine's answers.
type started struct {
	server  *jetstream.Server // nil: others run it
	own     *nats.Conn
	events  *nats.Conn
	engine  engine.Engine
	marks   *node.MarkFile // nil: there is no folder for them
	address string
}

// start starts the embedded engine, or connects to that of others, and opens the pipeline's logs, which waits for a
// cluster to have a majority.
func (e *engineFlags) start(ctx context.Context, c *serveCommand, log *slog.Logger) (_ *started, err error) {
	s := &started{}
	defer func() {
		if err != nil {
			s.close(log)
		}
	}()
	connect := e.connect
	if e.NATS == "" {
		if s.server, err = jetstream.StartServer(ctx, e.server(c.Name), slog.New(quieter{log.Handler()})); err != nil {
			return nil, err
		}
		connect = s.server.Connect
	}
	if s.own, err = connect(connOptions(c.Name, log)...); err != nil {
		return nil, err
	}
	if s.events, err = connect(connOptions(c.Name+" events", log)...); err != nil {
		return nil, err
	}
	s.address = s.own.ConnectedUrlRedacted()
	if s.server != nil {
		s.address = s.server.ClientURL()
	}
	if s.engine, err = e.open(ctx, c, s, log); err != nil {
		return nil, err
	}
	s.marks, err = e.openMarks(c)
	return s, err
}

// open opens the pipeline's logs. That it exists is noted in the data folder, so that what is missing at a later start is
// known to be lost.
func (e *engineFlags) open(ctx context.Context, c *serveCommand, s *started, log *slog.Logger) (engine.Engine, error) {
	exists, err := jetstream.PipelineExists(e.Data, c.Pipeline)
	if err != nil {
		return nil, err
	}
	opened, err := jetstream.Open(ctx, s.own, jetstream.Config{
		Pipeline: c.Pipeline, Shards: c.Shards, Streams: e.Streams, Replicas: e.replicas(s.own),
		Existing: exists, Server: s.server, Logger: log, Compress: e.Compress,
	})
	if err != nil {
		return nil, err
	}
	if !e.keeps() {
		return opened, nil
	}
	return opened, jetstream.RememberPipeline(e.Data, c.Pipeline)
}

// keeps reports whether the node keeps anything in the data folder. With an engine that others run it does if the folder
// was given or is there.
func (e *engineFlags) keeps() bool {
	if e.NATS == "" || e.Data != defaultData {
		return true
	}
	_, err := os.Stat(e.Data)
	return !errors.Is(err, fs.ErrNotExist)
}

// openMarks opens the file in which the node keeps how far the shards' logs go, in the data folder; nil if it keeps nothing.
func (e *engineFlags) openMarks(c *serveCommand) (*node.MarkFile, error) {
	if !e.keeps() {
		return nil, nil
	}
	if err := os.MkdirAll(e.Data, 0o750); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return node.OpenMarks(verify.MarksFile(e.Data, c.Pipeline, c.Name), c.Pipeline, c.Shards)
}

// server is the configuration of the embedded server, which takes any free port for -1.
func (e *engineFlags) server(name string) jetstream.ServerConfig {
	cfg := jetstream.ServerConfig{Name: name, Dir: e.Data, Host: e.Listen, Port: e.Port, Election: e.Election,
		MaxStore: int64(e.MaxStore)}
	if cfg.Election == 0 {
		cfg.Election = jetstream.StockElection
	}
	if cfg.Port == 0 {
		cfg.Port = -1
	}
	if e.Cluster != "" {
		cfg.Cluster, cfg.ClusterHost, cfg.ClusterPort, cfg.Routes = e.Cluster, e.Listen, e.ClusterPort, e.Routes
		if cfg.ClusterPort == 0 {
			cfg.ClusterPort = -1
		}
	}
	return cfg
}

func (e *engineFlags) replicas(nc *nats.Conn) int {
	switch {
	case e.Replicas > 0:
		return e.Replicas
	case e.Cluster != "" || nc.ConnectedClusterName() != "":
		return 3
	}
	return 1
}

// connect connects to the servers that others run.
func (e *engineFlags) connect(opts ...nats.Option) (*nats.Conn, error) {
	if e.NATSCreds != "" {
		opts = append(opts, nats.UserCredentials(e.NATSCreds))
	}
	if e.NATSCA != "" {
		opts = append(opts, nats.RootCAs(e.NATSCA))
	}
	nc, err := nats.Connect(e.NATS, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS (--nats): %w", err)
	}
	return nc, nil
}

// verifier is what /v1/verify asks: the files of this process's engine, or an engine that others run.
func (c *serveCommand) verifier(e *started) api.Verifier {
	n := verify.Node{Name: c.Name, Pipeline: c.Pipeline, Shards: c.Shards, Engine: e.engine, Marks: e.marks}
	if e.server == nil {
		return &verify.EngineVerifier{Node: n}
	}
	return &verify.ReplicaVerifier{Node: n, Server: e.server, Dir: c.Engine.Data, Clustered: c.Engine.Cluster != ""}
}

// connOptions are those of every connection: it is taken up again without end, and its troubles are logged.
func connOptions(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("quadrille " + name),
		nats.MaxReconnects(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("connection to the engine is lost; it is taken up again", "connection", name, "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("connected to the engine again", "connection", name, "server", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Warn("connection to the engine", "connection", name, "subject", subject, "err", err)
		}),
	}
}

// handOverBound bounds the time in which other servers must lead what this one led.
const handOverBound = 2 * time.Second

// close lets other servers lead, closes the marks, ends the connections, then the embedded server: what was accepted is on
// disk already.
func (s *started) close(log *slog.Logger) {
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), handOverBound)
		defer cancel()
		_ = s.server.HandOver(ctx) // who elects instead takes longer, no more
	}
	if s.marks != nil {
		if err := s.marks.Close(); err != nil {
			log.Warn("close the file of marks", "err", err)
		}
	}
	for _, nc := range []*nats.Conn{s.events, s.own} {
		if nc != nil {
			nc.Close()
		}
	}
	if s.server != nil {
		s.server.Shutdown()
	}
}

// quieter logs the embedded server's notices as details: it tells of every stream and every election.
type quieter struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, lower(level))
}

// Handle implements [slog.Handler].
func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lower(r.Level)
	r.AddAttrs(slog.String("part", "engine"))
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

// lower is the level below: notices become details, and warnings notices.
func lower(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
