package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
)

const (
	// leaveBound bounds the time in which the others must have agreed that this node leaves.
	leaveBound = 30 * time.Second
	// handOverPatience bounds the time in which the others must have taken the shards of a node that stops. Those that they
	// have not are without an owner until they notice that it is gone.
	handOverPatience = 3 * time.Second
	// startingQuietly is how long a start may take until the log says what it waits for.
	startingQuietly = 3 * time.Second
)

// serveCommand is the configuration of a node.
type serveCommand struct {
	Config configFile `short:"c" placeholder:"FILE" help:"YAML file whose keys are these flags' names. Flags go before the environment, that before the file."`

	Name     string        `placeholder:"NAME" help:"Name of the node, unique in the pipeline. Default: the host's name."`
	Pipeline string        `default:"main" help:"Name of the pipeline; nodes with the same one work together."`
	Shards   int           `default:"8" help:"Number of shards; it is fixed when the pipeline is created."`
	Key      string        `enum:"subject,graph,dataset" default:"subject" help:"What changes are routed by (${enum}); it is fixed too."`
	Zone     string        `help:"Where the node is; standbys are spread over zones."`
	Weight   int           `default:"1" help:"The node's share of the shards, compared with the others' weights."`
	Leave    bool          `help:"Leave the pipeline at the end, so that the others need not notice first."`
	KeepKeys time.Duration `default:"24h" help:"How long idempotency keys are remembered, the same on all nodes; a shard remembers a million at most, and then says that it is busy."`
	SinkDir  string        `placeholder:"DIR" help:"Write the logs of the owned shards to files in this folder."`
	Web      webFlags      `embed:""`
	Engine   engineFlags   `embed:""`

	LogLevel  slog.Level `default:"info" help:"Least level that is logged: debug, info, warn or error."`
	LogFormat string     `enum:"text,json" default:"text" help:"Form of the log on standard error (${enum})."`
}

// webFlags is how the HTTP API is served.
type webFlags struct {
	HTTP      string   `name:"http" placeholder:"HOST:PORT" default:"127.0.0.1:7375" help:"Address of the HTTP API; port 0 takes a free one. Beyond loopback it needs TLS and a token."`
	Advertise string   `placeholder:"URL" help:"Address of the HTTP API that other nodes show. Default: what it listens on."`
	Token     string   `placeholder:"TOKEN" help:"Token that requests must bring; rather set it by the environment."`
	TLSCert   string   `name:"tls-cert" placeholder:"FILE" help:"PEM file of the certificate for HTTPS."`
	TLSKey    string   `name:"tls-key" placeholder:"FILE" help:"PEM file of its key."`
	Hosts     []string `placeholder:"NAME" help:"Host names, besides loopback, that requests may be for."`
	MaxBody   byteSize `default:"64MiB" help:"Largest document that is taken in one request."`
}

// Run runs the node until a signal ends it.
func (c *serveCommand) Run(ctx context.Context, std *streams) error {
	if err := c.check(); err != nil {
		return err
	}
	log := c.logger(std.err)
	ln, err := api.Listen(api.ListenConfig{Addr: c.Web.HTTP, CertFile: c.Web.TLSCert, KeyFile: c.Web.TLSKey,
		Protected: c.Web.Token != ""})
	if err != nil {
		return err
	}
	starting := api.NewStarting(ln, c.Engine.waitsFor())
	waits := time.AfterFunc(startingQuietly, func() { log.Warn("the node is starting: " + c.Engine.waitsFor()) })
	started, err := c.Engine.start(ctx, c, log)
	waits.Stop()
	ln = starting.Stop()
	defer ln.Close()
	if err != nil {
		if ctx.Err() != nil {
			return nil // ended by a signal while it waited
		}
		return err
	}
	defer started.close(log)
	return c.serve(ctx, std, log, ln, started)
}

// check looks at what the parser can't.
func (c *serveCommand) check() error {
	if c.Name == "" {
		if c.Engine.Cluster != "" {
			return usagef("--name: a member of a cluster needs a name, the same at every start")
		}
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("name of the host, as the node's; give --name: %w", err)
		}
		c.Name = host
	}
	switch {
	case c.Shards < 1 || c.Shards > shard.Max:
		return usagef("--shards=%d: expected 1 to %d", c.Shards, shard.Max)
	case c.Weight < 1:
		return usagef("--weight=%d: expected 1 or more", c.Weight)
	case c.KeepKeys <= 0:
		return usagef("--keep-keys=%v: expected more than 0", c.KeepKeys)
	case c.Web.MaxBody < 1:
		return usagef("--max-body=%v: expected 1 or more", c.Web.MaxBody)
	}
	return c.Engine.check()
}

func (c *serveCommand) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// address is the URL of the HTTP API.
func (c *serveCommand) address(ln net.Listener) string {
	if c.Web.Advertise != "" {
		return c.Web.Advertise
	}
	u := url.URL{Scheme: "http", Host: ln.Addr().String()}
	if c.Web.TLSCert != "" {
		u.Scheme = "https"
	}
	return u.String()
}

// serve wires the node's parts and runs them. They end in the reverse of the order in which they stand: requests under
// way end while the node still works.
func (c *serveCommand) serve(ctx context.Context, std *streams, log *slog.Logger, ln net.Listener, e *started) error {
	transport, err := natstransport.New(e.events, c.Pipeline, natstransport.WithLogger(log))
	if err != nil {
		return err
	}
	cfg := graph.Config{Key: graph.Key(c.Key), Config: node.Config{
		Pipeline: c.Pipeline, Name: c.Name, Shards: c.Shards, Zone: c.Zone, Weight: c.Weight,
		Engine: e.engine, Transport: transport, Logger: log, Info: c.address(ln), Keep: c.KeepKeys,
	}}
	if e.marks != nil {
		cfg.Marks = e.marks
	}
	n, err := graph.New(cfg)
	if err != nil {
		return err
	}
	var signalled context.Context = ctx
	parts := []part{
		{"transport", transport.Run},
		{"node", n.Run},
		{"hand over", func(ctx context.Context) error {
			<-ctx.Done()
			switch {
			case signalled.Err() == nil:
				return nil
			case c.Leave:
				return c.leave(ctx, n, log)
			}
			handOver(ctx, n, log)
			return nil
		}},
	}
	web := api.Config{MaxBody: int64(c.Web.MaxBody), Token: c.Web.Token, Hosts: c.Web.Hosts, Logger: log,
		Verifier: c.verifier(e)}
	if c.SinkDir != "" {
		files, err := file.New(file.Config{Dir: filepath.Clean(c.SinkDir), Logger: log})
		if err != nil {
			return err
		}
		sink := pipeline.NewSink(n, files, pipeline.SinkConfig{Name: "file", Logger: log})
		parts = append(parts, part{"file sink", sink.Run})
		web.Sinks = map[string]api.Sink{"file": sink}
	}
	server := api.New(n, web)
	parts = append(parts,
		part{"HTTP", func(ctx context.Context) error { return server.Serve(ctx, ln) }},
		part{"announce", func(ctx context.Context) error {
			return announce(ctx, n, std.out, fmt.Sprintf("quadrille: node %s is ready at %s, engine at %s\n", c.Name,
				c.address(ln), e.address))
		}},
	)
	return runParts(ctx, parts, log)
}

// handOver has the others take the shards, so that nobody waits for this node. It stays a member, which is expected back.
func handOver(ctx context.Context, n *graph.Graph, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverPatience)
	defer cancel()
	if err := n.HandOver(ctx); err != nil {
		log.Warn("the others have not taken all shards; they will when they notice that this node is gone", "err", err)
	}
}

func (c *serveCommand) leave(ctx context.Context, n *graph.Graph, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveBound)
	defer cancel()
	if err := n.Leave(ctx); err != nil {
		return fmt.Errorf("leave the pipeline: %w; the others will notice that the node is gone", err)
	}
	log.Info("left the pipeline")
	return nil
}

// announce writes the line when the node is ready for the first time.
func announce(ctx context.Context, n *graph.Graph, w io.Writer, line string) error {
	if n.WaitReady(ctx) != nil {
		return nil // it ends before it is ready
	}
	if _, err := io.WriteString(w, line); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
