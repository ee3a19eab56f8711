package quadrille

import (
	"context"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
)

// inProcessQueue is the number of batches that wait in a transport that reaches only this process.
const inProcessQueue = 64

// open opens what the node is to run on: it starts the embedded engine, or connects to that of others, and opens the
// pipeline's logs, which waits for a cluster to have a majority.
func open(ctx context.Context, cfg Config) (*Runtime, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	r := &Runtime{cfg: cfg, done: make(chan struct{})}
	r.close = sync.OnceValue(r.end)
	if cfg.inMemory() {
		r.engine, r.transport = memory.New(cfg.Shards), shipper.NewInProcess(inProcessQueue)
		return r, nil
	}
	if err := r.openEngine(ctx); err != nil {
		return nil, r.abandon(err)
	}
	return r, nil
}

func (r *Runtime) openEngine(ctx context.Context) (err error) {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if r.engine, err = r.openLogs(ctx); err != nil {
		return err
	}
	if r.marks, err = r.openMarks(); err != nil {
		return err
	}
	r.transport, err = natstransport.New(r.events, r.cfg.Pipeline, natstransport.WithLogger(r.cfg.Logger))
	return err
}

// connect makes both connections to the engine.
func (r *Runtime) connect(ctx context.Context) error {
	own, events, err := r.connections(ctx)
	if err != nil {
		return err
	}
	if r.own, err = own(connOptions(r.cfg.Name, r.cfg.Logger)...); err != nil {
		return err
	}
	r.events, err = events(connOptions(r.cfg.Name+" events", r.cfg.Logger)...)
	return err
}

// connections returns what connects to the embedded engine, which it starts, or to another.
func (r *Runtime) connections(ctx context.Context) (own, events connection, err error) {
	if r.cfg.NATS != "" {
		own, events = r.dial(ctx)
		return own, events, nil
	}
	if r.server, err = jetstream.StartServer(ctx, r.cfg.server(), slog.New(quieter{r.cfg.Logger.Handler()})); err != nil {
		return nil, nil, err
	}
	return r.server.Connect, r.server.ConnectEvents, nil
}

func (r *Runtime) disconnect() {
	for _, nc := range []*nats.Conn{r.events, r.own} {
		if nc != nil {
			nc.Close()
		}
	}
	if r.undial != nil {
		r.undial()
	}
}

// openLogs opens the pipeline's logs. That it exists is noted in the folder, so that what is missing at a later start is known
// to be lost.
func (r *Runtime) openLogs(ctx context.Context) (engine.Engine, error) {
	c := &r.cfg
	exists, err := r.exists()
	if err != nil {
		return nil, err
	}
	logs, err := jetstream.Open(ctx, r.own, jetstream.Config{
		Pipeline: c.Pipeline, Shards: c.Shards, Streams: c.Streams, Replicas: r.replicas(),
		Existing: exists, Server: r.server, Logger: c.Logger, Compress: c.Compress,
	})
	if err != nil || c.Dir == "" {
		return logs, err
	}
	return logs, jetstream.RememberPipeline(c.Dir, c.Pipeline)
}

func (r *Runtime) exists() (bool, error) {
	if r.cfg.Dir == "" {
		return false, nil
	}
	return jetstream.PipelineExists(r.cfg.Dir, r.cfg.Pipeline)
}

func (r *Runtime) replicas() int {
	switch {
	case r.cfg.Replicas > 0:
		return r.cfg.Replicas
	case r.cfg.clustered() || r.own.ConnectedClusterName() != "":
		return 3
	}
	return 1
}

// openMarks opens the file in which the node keeps how far the shards' logs go, in the folder that openLogs has made; nil if it
// keeps nothing.
func (r *Runtime) openMarks() (*node.MarkFile, error) {
	c := &r.cfg
	if c.Dir == "" {
		return nil, nil
	}
	return node.OpenMarks(node.MarksPath(c.Dir, c.Pipeline, c.Name), c.Pipeline, c.Shards)
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

// lower makes details of notices; what is graver stays.
func lower(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
