package quadrille

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

const (
	// handOverPatience bounds the time in which the others must have taken the shards of a node that stops. Those that they
	// have not are without an owner until they notice that it is gone.
	handOverPatience = 3 * time.Second
	// leadPatience bounds the time in which other servers must lead what this one led.
	leadPatience = 2 * time.Second
)

// Runtime is what a node runs on: an engine, a transport, and what is kept in its folder. All methods may be called by anybody
// at any time.
type Runtime struct {
	cfg Config

	// server is the embedded one, nil if others run it. Events between nodes have a connection of their own, so that they don't
	// hold up the engine's answers, and so that it can do nothing else; both are nil if all is in memory. marks is nil if there
	// is no folder for them; quads is the hold on the folder of the shards' quads, nil if they are in memory.
	server      *jetstream.Server
	own, events *nats.Conn
	undial      context.CancelFunc
	engine      engine.Engine
	marks       *node.MarkFile
	quads       io.Closer
	transport   transport

	node  *node.Node // nil: not started
	stop  context.CancelFunc
	done  chan struct{}
	err   error // why the node has ended by itself; once done is closed
	close func() error
}

// transport is one that is to be run.
type transport interface {
	shipper.Transport
	request.Transport
	Run(ctx context.Context) error
}

// Done is closed when the node has ended: by itself, or by Close.
func (r *Runtime) Done() <-chan struct{} { return r.done }

// Err says why the node has ended by itself, such as [node.ErrSuperseded]. It is nil while it runs, and when Close has ended it.
func (r *Runtime) Err() error {
	select {
	case <-r.done:
		return r.err
	default:
		return nil
	}
}

// Run waits until ctx ends, or the node has ended by itself, and closes it. Start has started it already: it need not be called.
func (r *Runtime) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-r.done:
	}
	return r.Close()
}

// Close ends the node and all that it runs on, and returns when nothing of it runs any more. The others take its shards before,
// for which they have 3 s; it stays a member of the pipeline, unless it has left. The error is that of Err, or says
// what could not be closed. Close may be called more than once.
func (r *Runtime) Close() error { return r.close() }

// Engine is what keeps the logs.
func (r *Runtime) Engine() engine.Engine { return r.engine }

// EngineURL is where other processes reach the engine, empty if they can't.
func (r *Runtime) EngineURL() string {
	switch {
	case r.server != nil:
		return r.server.ClientURL()
	case r.own != nil:
		return r.own.ConnectedUrlRedacted()
	}
	return ""
}

// Server is the embedded server, nil if there is none.
func (r *Runtime) Server() *jetstream.Server { return r.server }

// Marks is the file in which the node keeps how far the logs are known to go, nil if it has no folder.
func (r *Runtime) Marks() *node.MarkFile { return r.marks }

// start runs the node, and returns when it has entered the pipeline. After an error nothing runs.
func (r *Runtime) start(ctx context.Context, n *node.Node) (err error) {
	if err := r.nameFree(ctx); err != nil {
		return r.abandon(err)
	}
	life, stop := context.WithCancel(context.Background())
	r.node, r.stop = n, stop
	go r.drive(life)
	select {
	case <-n.Entered():
		return nil
	case <-ctx.Done():
		err = fmt.Errorf("it has not entered the pipeline: %w", ctx.Err())
	case <-r.done:
	}
	return r.abandon(err)
}

// drive runs the node and its transport, which ends after it.
func (r *Runtime) drive(life context.Context) {
	defer close(r.done)
	carry, end := context.WithCancel(context.WithoutCancel(life))
	var carried error
	var carrying sync.WaitGroup
	carrying.Go(func() {
		defer r.stop()
		if err := r.transport.Run(carry); carry.Err() == nil {
			carried = fmt.Errorf("transport: %w", cmp.Or(err, errEnded))
		}
	})
	r.err = r.node.Run(life)
	end()
	carrying.Wait()
	r.err = errors.Join(r.err, carried)
}

// errEnded is what is wrong with something that has ended without an error while it was to run.
var errEnded = errors.New("ended")

// abandon ends what has been started, and returns why; without err, because the node has ended by itself.
func (r *Runtime) abandon(err error) error {
	return fmt.Errorf("start node %q: %w", r.cfg.Name, errors.Join(err, r.Close()))
}

// end ends everything, in the reverse order of its start: what was accepted is on disk already.
func (r *Runtime) end() error {
	var errs []error
	if r.node != nil {
		r.handOver()
		r.stop()
		<-r.done
		errs = append(errs, r.err)
	}
	if r.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), leadPatience)
		defer cancel()
		_ = r.server.HandOver(ctx) // who elects instead takes longer, no more
		if r.node != nil && r.node.HasLeft() {
			r.server.Withdraw(ctx)
		}
	}
	if r.marks != nil {
		if err := r.marks.Close(); err != nil {
			errs = append(errs, fmt.Errorf("file of marks: %w", err))
		}
	}
	if r.quads != nil {
		errs = append(errs, r.quads.Close())
	}
	r.disconnect()
	if r.server != nil {
		r.server.Shutdown()
	}
	return errors.Join(errs...)
}

// handOver has the others take the shards, so that nobody waits for this node. It stays a member, which is expected back.
func (r *Runtime) handOver() {
	select {
	case <-r.done: // it has ended by itself
		return
	default:
	}
	select {
	case <-r.node.Entered():
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverPatience)
	defer cancel()
	if err := r.node.HandOver(ctx); err != nil {
		r.cfg.Logger.Warn("the others have not taken all shards; they will when they notice that this node is gone",
			"node", r.cfg.Name, "err", err)
	}
}
