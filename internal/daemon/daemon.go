// Package daemon is what quadrille serve runs: a node with its engine, HTTP API and connectors, as a [config.Document] says.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
)

const (
	// leaveBound bounds the time in which the others must have agreed that this node leaves.
	leaveBound = 30 * time.Second
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

// Run runs a node until ctx ends, which returns nil, or until it can't go on. The document has passed [Check]. The log goes to
// logs, and one line to out when the node is ready for the first time.
func Run(ctx context.Context, doc *config.Document, out, logs io.Writer) error {
	d := &daemon{Document: doc, log: logger(doc.Log, logs), out: out}
	guard, err := newGuard(&d.HTTP, d.log)
	if err != nil {
		return err
	}
	d.guard = guard
	ln, err := api.Listen(guard.listen())
	if err != nil {
		return notListening("--http", d.HTTP.Address, err)
	}
	defer onHangup(guard.reload)()
	d.logStart(ln)
	if err := d.checkPorts(); err != nil {
		return errors.Join(err, ln.Close())
	}
	stopProfiles, err := serveProfiles(d.HTTP.Pprof, d.log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer stopProfiles()
	server := api.NewServer(ln, api.ServerConfig{Access: guard.access, WaitsFor: d.waitsFor(), Console: d.console(), Logger: d.log})
	defer func() { _ = server.Close() }() // of a start that failed; else Run has closed it
	waits := time.AfterFunc(startingQuietly, func() { d.log.Warn("the node is starting: " + d.waitsFor()) })
	n, err := quadrille.Start(ctx, d.node(ln))
	waits.Stop()
	if err != nil {
		if ctx.Err() != nil {
			return nil // ended while it waited
		}
		return advised(err)
	}
	defer func() { _ = n.Close() }() // which its component has done, unless it has ended by itself or was never run
	return d.serve(ctx, server, d.address(ln), n)
}

func logger(c config.Log, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// console says whether the node shows its console.
func (d *daemon) console() bool { return d.HTTP.Console == "on" }

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
func (d *daemon) serve(ctx context.Context, server *api.Server, address string, n *quadrille.Graph) error {
	connected, err := d.connectors(n.Graph)
	if err != nil {
		return err
	}
	peers, err := d.peers()
	if err != nil {
		return err
	}
	server.Use(api.New(n.Graph, api.Config{MaxBody: int64(d.HTTP.MaxBody), MaxReaders: d.HTTP.MaxReaders, MaxDumps: d.HTTP.MaxDumps,
		Access: d.guard.access, Logger: d.log, Delta: d.HTTP.Delta, Console: d.console(),
		Mappings: d.Mappings, Verifier: d.verifier(n), Sinks: connected.sinks, Sources: connected.sources,
		Control: control{&connected.control}, Desk: desk{&connected.control, d.Sources}, Peers: peers}))
	list := []component{{"node", d.running(ctx, n)}}
	list = append(list, connected.components...)
	list = append(list,
		component{"HTTP", server.Run},
		component{"announce", func(ctx context.Context) error {
			return announce(ctx, n.Graph, d.out, fmt.Sprintf("quadrille: node %s is ready at %s, engine %s\n", d.Node.Name, address, where(n)))
		}},
	)
	return runAll(ctx, list, d.log)
}

// where says where the engine is.
func where(n *quadrille.Graph) string {
	if at := n.EngineURL(); at != "" {
		return "at " + at
	}
	return "inside, without a port"
}

// running returns the component that is the node. When the daemon was asked to end it leaves the pipeline, if it is to, or has
// the others take its shards.
func (d *daemon) running(asked context.Context, n *quadrille.Graph) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-n.Done():
			return n.Err()
		}
		var left error
		if asked.Err() != nil && d.Node.Leave {
			left = leave(ctx, n.Graph, d.log)
		}
		return errors.Join(left, n.Close())
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

// readiness is what announce needs of a node.
type readiness interface {
	// WaitReady is [node.Node.WaitReady].
	WaitReady(ctx context.Context) error
}

// announce writes the line when the node is ready for the first time.
func announce(ctx context.Context, n readiness, w io.Writer, line string) error {
	if n.WaitReady(ctx) == nil { // else it ends before it is ready, and says why itself
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}
