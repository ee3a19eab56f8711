package daemon

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/verify"
	"github.com/quadrille-stream/quadrille/node"
)

// waitsFor says what a node waits for that starts.
func (d *daemon) waitsFor() string {
	e := &d.Engine
	switch {
	case e.NATS != "":
		return fmt.Sprintf("it waits for the engine at %s, and for a majority of its servers", redacted(e.NATS))
	case e.Cluster != "":
		return fmt.Sprintf("it waits for a majority of the servers of cluster %q (--routes): start the others", e.Cluster)
	}
	return "it reads its data"
}

// redacted hides the passwords that addresses of servers may have.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil {
			list[i] = u.Redacted()
		}
	}
	return strings.Join(list, ",")
}

// started is an engine that runs. Events between nodes have a connection of their own, so that they don't hold up the
// engine's answers, and so that it can do nothing else.
type started struct {
	server  *jetstream.Server // nil: others run it
	own     *nats.Conn
	events  *nats.Conn
	engine  engine.Engine
	marks   *node.MarkFile // nil: there is no folder for them
	address string         // "" if only this process can reach it
}

// where says where the engine is.
func (s *started) where() string {
	if s.address == "" {
		return "inside, without a port"
	}
	return "at " + s.address
}

// start starts the embedded engine, or connects to that of others, and opens the pipeline's logs, which waits for a
// cluster to have a majority.
func (d *daemon) start(ctx context.Context) (_ *started, err error) {
	s := &started{}
	defer func() {
		if err != nil {
			s.close(d.log)
		}
	}()
	connect, connectEvents := d.connect, d.connectEvents
	if d.Engine.NATS == "" {
		if s.server, err = jetstream.StartServer(ctx, d.server(), slog.New(quieter{d.log.Handler()})); err != nil {
			return nil, err
		}
		connect, connectEvents = s.server.Connect, s.server.ConnectEvents
	}
	if s.own, err = connect(connOptions(d.Node.Name, d.log)...); err != nil {
		return nil, err
	}
	if s.events, err = connectEvents(connOptions(d.Node.Name+" events", d.log)...); err != nil {
		return nil, err
	}
	s.address = s.own.ConnectedUrlRedacted()
	if s.server != nil {
		s.address = s.server.ClientURL()
	}
	if s.engine, err = d.open(ctx, s); err != nil {
		return nil, err
	}
	s.marks, err = d.openMarks()
	return s, err
}

// open opens the pipeline's logs. That it exists is noted in the data folder, so that what is missing at a later start is
// known to be lost.
func (d *daemon) open(ctx context.Context, s *started) (engine.Engine, error) {
	e, p := &d.Engine, &d.Pipeline
	exists, err := jetstream.PipelineExists(e.Data, p.Name)
	if err != nil {
		return nil, err
	}
	opened, err := jetstream.Open(ctx, s.own, jetstream.Config{
		Pipeline: p.Name, Shards: p.Shards, Streams: e.Streams, Replicas: d.replicas(s.own),
		Existing: exists, Server: s.server, Logger: d.log, Compress: e.Compress,
	})
	if err != nil {
		return nil, err
	}
	if !d.keeps() {
		return opened, nil
	}
	return opened, jetstream.RememberPipeline(e.Data, p.Name)
}

// keeps reports whether the node keeps anything in the data folder. With an engine that others run it does if the folder
// was given or is there.
func (d *daemon) keeps() bool {
	e := &d.Engine
	if e.NATS == "" || e.Data != config.DefaultData {
		return true
	}
	_, err := os.Stat(e.Data)
	return !errors.Is(err, fs.ErrNotExist)
}

// openMarks opens the file in which the node keeps how far the shards' logs go, in the data folder; nil if it keeps nothing.
func (d *daemon) openMarks() (*node.MarkFile, error) {
	if !d.keeps() {
		return nil, nil
	}
	if err := os.MkdirAll(d.Engine.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return node.OpenMarks(verify.MarksFile(d.Engine.Data, d.Pipeline.Name, d.Node.Name), d.Pipeline.Name, d.Pipeline.Shards)
}

// server is the configuration of the embedded server, which takes any free port for -1. Without a port of its own a member of a
// cluster has one that only processes of this machine reach, since it can't be without.
func (d *daemon) server() jetstream.ServerConfig {
	e := &d.Engine
	cfg := jetstream.ServerConfig{Name: d.Node.Name, Dir: e.Data, Host: e.Listen, Port: e.Port, Election: e.Election,
		MaxStore: int64(e.MaxStore), Secret: jetstream.Secret(e.Secret)}
	if cfg.Election == 0 {
		cfg.Election = jetstream.StockElection
	}
	if e.Port == 0 {
		cfg.Host, cfg.Port, cfg.NoListen = jetstream.DefaultHost, -1, e.Cluster == ""
	}
	if e.Cluster != "" {
		cfg.Cluster, cfg.ClusterHost, cfg.ClusterPort, cfg.Routes = e.Cluster, e.Listen, e.ClusterPort, e.Routes
		if cfg.ClusterPort == 0 {
			cfg.ClusterPort = -1
		}
	}
	return cfg
}

func (d *daemon) replicas(nc *nats.Conn) int {
	e := &d.Engine
	switch {
	case e.Replicas > 0:
		return e.Replicas
	case e.Cluster != "" || nc.ConnectedClusterName() != "":
		return 3
	}
	return 1
}

// connect connects to another engine, for its logs.
func (d *daemon) connect(opts ...nats.Option) (*nats.Conn, error) {
	return d.connectAs(jetstream.Logs, d.Engine.NATSCreds, opts)
}

// connectEvents connects to another engine, for events.
func (d *daemon) connectEvents(opts ...nats.Option) (*nats.Conn, error) {
	return d.connectAs(jetstream.Events, cmp.Or(d.Engine.NATSEventsCreds, d.Engine.NATSCreds), opts)
}

// connectAs connects to embedded engines of other nodes, or to servers that others run.
func (d *daemon) connectAs(login jetstream.Login, creds string, opts []nats.Option) (*nats.Conn, error) {
	e := &d.Engine
	if e.Secret != "" {
		nc, err := nats.Connect(e.NATS, append(opts, jetstream.Secret(e.Secret).Login(login))...)
		if err != nil {
			return nil, fmt.Errorf("connect to the engine at %s (--nats): %w; if it refuses this node, its secret is another (engine.secret, "+
				"QUADRILLE_SECRET)", redacted(e.NATS), err)
		}
		return nc, nil
	}
	if creds != "" {
		option, err := credentials(creds)
		if err != nil {
			return nil, err
		}
		opts = append(opts, option)
	}
	if e.NATSUser != "" {
		opts = append(opts, nats.UserInfo(e.NATSUser, string(e.NATSPassword)))
	}
	if e.NATSCA != "" {
		opts = append(opts, nats.RootCAs(e.NATSCA))
	}
	nc, err := nats.Connect(e.NATS, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS (--nats): %w; embedded engines of other nodes need their secret (--secret), other servers "+
			"credentials (--nats-creds, --nats-user)", err)
	}
	return nc, nil
}

// maxCredentials bounds a file of credentials in bytes.
const maxCredentials = 64 << 10

// credentials logs in with a credentials file, or with one that holds the seed of an nkey and nothing else.
func credentials(path string) (nats.Option, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("credentials for NATS: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCredentials))
	if err != nil {
		return nil, fmt.Errorf("credentials for NATS: %w", err)
	}
	if bytes.Contains(text, []byte("BEGIN NATS USER JWT")) {
		return nats.UserCredentials(path), nil
	}
	option, err := nats.NkeyOptionFromSeed(path)
	if err != nil {
		return nil, fmt.Errorf("credentials for NATS: %s: expected a credentials file or the seed of an nkey: %w", path, err)
	}
	return option, nil
}

// verifier is what /v1/verify asks: the files of this process's engine, or an engine that others run.
func (d *daemon) verifier(e *started) api.Verifier {
	n := verify.Node{Name: d.Node.Name, Pipeline: d.Pipeline.Name, Shards: d.Pipeline.Shards, Engine: e.engine, Marks: e.marks}
	if e.server == nil {
		return &verify.EngineVerifier{Node: n}
	}
	return &verify.ReplicaVerifier{Node: n, Server: e.server, Dir: d.Engine.Data, Clustered: d.Engine.Cluster != ""}
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
