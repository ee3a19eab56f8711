// Package daemon is what quadrille serve runs: a node with its engine, HTTP API and connectors, as a [config.Document] says.
package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/node"
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

// daemon is a node as its configuration says.
type daemon struct {
	*config.Document
	log   *slog.Logger
	out   io.Writer // takes the line that says that it is ready
	guard *guard
}

// Run runs a node until ctx ends, which returns nil, or until it can't go on. The document has passed its Check. The log goes to
// logs, and one line to out when the node is ready for the first time.
func Run(ctx context.Context, doc *config.Document, out, logs io.Writer) error {
	d := &daemon{Document: doc, log: logger(doc.Log, logs), out: out}
	guard, err := newGuard(&d.HTTP, d.log)
	if err != nil {
		return err
	}
	d.guard = guard
	ln, err := api.Listen(api.ListenConfig{Addr: d.HTTP.Address, Certificate: guard.cert, Protected: guard.access.Tokens != nil})
	if err != nil {
		return err
	}
	defer onHangup(guard.reload)()
	starting := api.NewStarting(ln, d.waitsFor())
	waits := time.AfterFunc(startingQuietly, func() { d.log.Warn("the node is starting: " + d.waitsFor()) })
	started, err := d.start(ctx)
	waits.Stop()
	ln = starting.Stop()
	defer ln.Close()
	if err != nil {
		if ctx.Err() != nil {
			return nil // ended while it waited
		}
		return err
	}
	defer started.close(d.log)
	return d.serve(ctx, ln, started)
}

func logger(c config.Log, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// address is the URL of the HTTP API.
func (d *daemon) address(ln net.Listener) string {
	if d.HTTP.Advertise != "" {
		return d.HTTP.Advertise
	}
	u := url.URL{Scheme: "http", Host: ln.Addr().String()}
	if d.HTTP.TLSCert != "" {
		u.Scheme = "https"
	}
	return u.String()
}

// serve puts the components together and runs them. They end in the reverse of the order in which they stand: requests under
// way end while the node still works.
func (d *daemon) serve(ctx context.Context, ln net.Listener, e *started) error {
	transport, err := natstransport.New(e.events, d.Pipeline.Name, natstransport.WithLogger(d.log))
	if err != nil {
		return err
	}
	cfg := graph.Config{Key: graph.Key(d.Pipeline.Key), Config: node.Config{
		Pipeline: d.Pipeline.Name, Name: d.Node.Name, Shards: d.Pipeline.Shards, Zone: d.Node.Zone, Weight: d.Node.Weight,
		Engine: e.engine, Transport: transport, Logger: d.log, Info: d.address(ln), Keep: d.Pipeline.KeepKeys,
	}}
	if e.marks != nil {
		cfg.Marks = e.marks
	}
	n, err := graph.New(cfg)
	if err != nil {
		return err
	}
	connected, err := d.connectors(n)
	if err != nil {
		return err
	}
	server := api.New(n, api.Config{MaxBody: int64(d.HTTP.MaxBody), Access: d.guard.access, Hosts: d.HTTP.Hosts, Logger: d.log,
		Verifier: d.verifier(e), Sinks: connected.sinks, Sources: connected.sources})
	list := []component{{"transport", transport.Run}, {"node", n.Run}, {"hand over", d.ending(ctx, n)}}
	list = append(list, connected.components...)
	list = append(list,
		component{"HTTP", func(ctx context.Context) error { return server.Serve(ctx, ln) }},
		component{"announce", func(ctx context.Context) error {
			return announce(ctx, n, d.out, fmt.Sprintf("quadrille: node %s is ready at %s, engine %s\n", d.Node.Name, d.address(ln), e.where()))
		}},
	)
	return runAll(ctx, list, d.log)
}

// ending returns the component that, when it is to end because the daemon was asked to, lets the others take the shards.
func (d *daemon) ending(asked context.Context, n *graph.Graph) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		switch {
		case asked.Err() == nil:
			return nil
		case d.Node.Leave:
			return leave(ctx, n, d.log)
		}
		handOver(ctx, n, d.log)
		return nil
	}
}

// handOver has the others take the shards, so that nobody waits for this node. It stays a member, which is expected back.
func handOver(ctx context.Context, n *graph.Graph, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverPatience)
	defer cancel()
	if err := n.HandOver(ctx); err != nil {
		log.Warn("the others have not taken all shards; they will when they notice that this node is gone", "err", err)
	}
}

func leave(ctx context.Context, n *graph.Graph, log *slog.Logger) error {
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
