// Package node is a running node: it owns every goroutine, and drives the pure parts - coordinator, operators,
// outboxes - over an engine and a transport.
//
// It is a library as much as the inside of the binary: give [Config] a Logic of your own, and the node shards, fences,
// logs and replays whatever your events mean.
package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Config configures a [Node].
type Config struct {
	// Pipeline is the coordinator id: nodes with the same one, on the same engine, work together. Default: the engine's, which
	// it must be, or "main" where the engine has no name for it.
	Pipeline string
	// Name is the node's name, unique in the pipeline. Required.
	Name string
	// Shards is the number of shards; it is fixed when the pipeline is created. Default: the engine's, which it must be.
	Shards int
	// KeyName names how the keys of events are made. It is committed with the pipeline, and the same on all nodes. Default
	// "subject".
	KeyName string
	// Zone is where the node is, for the spread of standbys. Weight is its share of the shards. Defaults "" and 1.
	Zone   string
	Weight int
	// Engine holds the logs. Required.
	Engine engine.Engine
	// Transport carries events between nodes. Required. The node registers itself with it; who made it runs it.
	Transport shipper.Transport
	// Requests carries requests between nodes: [shipper.InProcess] and natstransport.Transport do. Nil: this node alone can be
	// asked, by itself. Who made it runs it.
	Requests request.Transport
	// Answer answers the requests of other nodes, and of this one, while [Node.Run] runs; also before the node has entered. Nil:
	// nobody answers here.
	Answer request.Handler
	// AnswerAtOnce bounds the requests that are answered at a time; others are refused as busy. Default [request.DefaultAtOnce].
	AnswerAtOnce int
	// Logic makes the work of a shard, in its empty state. Required.
	Logic func(shard int) operator.Logic
	// Logger takes what an operator of the system must know. Default slog.Default.
	Logger *slog.Logger
	// Info is shown to people by the other nodes' status, such as the address of the HTTP API. At most 1 KiB.
	Info string
	// Wait bounds how long a door waits for owners. Default 20 s.
	Wait time.Duration
	// MaxQueue bounds the bytes of events that wait, per shard, at the door and at the owner. Default 64 MiB.
	MaxQueue int
	// MaxCopies bounds the bytes, at 256 for an entry of the state, of the copies that are kept of shards that the node neither owns nor
	// follows, once somebody has asked for their data. Default 256 MiB; negative: none.
	MaxCopies int
	// SnapshotEvery is the number of log bytes between snapshots of a shard, of which a record counts for 2,500 at least;
	// negative: none. Default: 8 MB, or twice the size of the newest snapshot where that is more, so that who restores a
	// shard reads about as much log as state. Half of that size must be there as real bytes, so that the snapshots are at
	// most about twice as many bytes as the log.
	SnapshotEvery int
	// KeepGone is how long what a [operator.Durable] logic keeps of a shard stays after the shard has gone to other nodes: one that comes
	// back by then is not restored. Default 10 min.
	KeepGone time.Duration
	// Keep is how long idempotency keys are remembered, the same on all nodes. Default [coordinator.DefaultKeep].
	Keep time.Duration
	// Marks keeps how far the shards' logs are known to go: a log that ends before is damaged, and its shard halts. For as
	// many shards as there are; [OpenMarks] keeps them in a file. Default: in memory only, so that a log that loses its
	// end while no node runs is not noticed.
	Marks Marks
	// BeatEvery and FailAfter are the time between heartbeats, and that without one after which a member is proposed as
	// failed. Defaults 150 ms and 750 ms.
	BeatEvery, FailAfter time.Duration
	// Tick is the time between the retries that operators and outboxes may make. Default 10 ms.
	Tick time.Duration

	snapshotsGrow bool // with the state: SnapshotEvery is the default
}

// snapshotEvery is the default of Config.SnapshotEvery for a small state.
const snapshotEvery = 8_000_000

func (c *Config) setDefaults() error {
	c.KeyName = cmp.Or(c.KeyName, "subject")
	c.Weight = cmp.Or(c.Weight, 1)
	c.Wait = cmp.Or(c.Wait, 20*time.Second)
	c.MaxQueue = cmp.Or(c.MaxQueue, 64<<20)
	c.MaxCopies = cmp.Or(c.MaxCopies, 256<<20)
	c.snapshotsGrow = c.SnapshotEvery == 0
	c.SnapshotEvery = cmp.Or(c.SnapshotEvery, snapshotEvery)
	c.KeepGone = cmp.Or(c.KeepGone, 10*time.Minute)
	c.Keep = cmp.Or(c.Keep, coordinator.DefaultKeep)
	c.BeatEvery = cmp.Or(c.BeatEvery, core.BeatEvery)
	c.FailAfter = cmp.Or(c.FailAfter, core.FailAfter)
	c.Tick = cmp.Or(c.Tick, 10*time.Millisecond)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.SnapshotEvery = max(c.SnapshotEvery, 0)
	switch {
	case c.Engine == nil || c.Transport == nil || c.Logic == nil:
		return errors.New("a node needs an engine, a transport and a logic")
	case len(c.Info) > 1024:
		return fmt.Errorf("info of %d bytes: at most 1024", len(c.Info))
	}
	if err := c.setPipeline(); err != nil {
		return err
	}
	if c.Marks == nil {
		c.Marks = newMemoryMarks(c.Shards)
	}
	if c.Requests == nil {
		c.Requests = new(request.Local)
	}
	return nil
}

// setPipeline takes the name and the number of shards from the engine, which has the logs.
func (c *Config) setPipeline() error {
	logs := c.Engine.Limits()
	c.Pipeline = cmp.Or(c.Pipeline, logs.Pipeline, "main")
	c.Shards = cmp.Or(c.Shards, logs.Shards)
	switch {
	case c.Shards < 1 || c.Shards > shard.Max:
		return fmt.Errorf("%d shards: expected 1 to %d", c.Shards, shard.Max)
	case c.Shards != logs.Shards:
		return fmt.Errorf("%d shards: the engine was opened with %d; give both the same number, or 0 here", c.Shards, logs.Shards)
	case logs.Pipeline != "" && c.Pipeline != logs.Pipeline:
		return fmt.Errorf("pipeline %q: the engine was opened for %q; give both the same name, or none here", c.Pipeline, logs.Pipeline)
	}
	return nil
}

// ErrSuperseded is returned by [Node.Run] when a later process has entered under the node's name: this one has stopped.
var ErrSuperseded = errors.New("another process has entered with this node's name")

// Node is a running node. Make it with [New], then call Run; the other methods may be called by anybody at any time.
type Node struct {
	cfg   Config
	log   *slog.Logger
	coord *coordinator.Coordinator
	ship  *shipper.Shipper

	// entered is closed when the process has entered, with incarnation known and the loops running.
	entered chan struct{}
	// life ends when Run is about to end.
	life        context.Context
	stop        context.CancelFunc
	incarnation atomic.Uint64
	senders     []*sender
	loops       []*loop
	maxRecord   int            // of the operators
	door        event.Producer // of this process

	feeds    *feeds
	copies   copies
	owning   bell
	indexing *indexing

	beats   beats
	marking marking
	// health is as it was when last looked at, healthBefore the time before; nil: not yet.
	health, healthBefore atomic.Pointer[engine.Health]
	behind               atomic.Pointer[[]standbyLag] // the shards that this node is not yet a good standby of; nil: not yet known
	counted              doorStats
	left                 atomic.Bool // it was asked to leave, and is not to enter again
	fatal                chan error  // the first reason to stop
	// enterFault is why entering failed last, proposalFault why a member that is gone could not be proposed as failed, or
	// the control log not be asked; nil when it did not fail.
	enterFault, proposalFault atomic.Pointer[error]
	// cut: the node hears none of the others, and no majority of the engine's servers answers it. outside: the others took it
	// for dead.
	cut, outside condition
	jobs         sync.WaitGroup
}

// New checks the configuration and returns a node that does nothing yet.
func New(cfg Config) (*Node, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Logger.With("node", cfg.Name), entered: make(chan struct{}), fatal: make(chan error, 1)}
	n.ship = shipper.New(cfg.Name, cfg.Transport, shipper.WithShards(cfg.Shards))
	n.life, n.stop = context.WithCancel(context.Background())
	var err error
	n.coord, err = coordinator.New(coordinator.Config{
		CoordID: cfg.Pipeline, LocalNode: cfg.Name, Shards: cfg.Shards, Key: cfg.KeyName, Keep: cfg.Keep,
		Zone: cfg.Zone, Weight: cfg.Weight, IdempotentMembership: true, Marks: cfg.Marks.Mark,
	}, cfg.Engine.Control(), n.ship)
	if err != nil {
		return nil, err
	}
	if n.maxRecord, err = maxRecord(cfg); err != nil {
		return nil, err
	}
	n.beats.last = map[string]heard{}
	n.marking.listed = make([]bool, cfg.Shards)
	n.feeds, n.copies.limit = newFeeds(cfg.Shards), cfg.MaxCopies
	n.indexing = newIndexing()
	n.senders, n.loops = make([]*sender, cfg.Shards), make([]*loop, cfg.Shards)
	for s := range n.loops {
		n.loops[s] = newLoop(n, s)
		n.senders[s] = &sender{n: n, shard: s, log: n.loops[s].log}
	}
	return n, nil
}

const (
	// fullRecord is the size of a record's body where the engine takes that much: a compromise between the time that one
	// takes and the number of parts of a large transaction.
	fullRecord = 512 << 10
	// leastRecord is what must be left for it.
	leastRecord = 4 << 10
)

// maxRecord is the size of a record's body that fits in what the engine takes, beside the largest headers.
func maxRecord(cfg Config) (int, error) {
	limit, headers := cfg.Engine.Limits().MaxRecord, operator.HeaderRoom(cfg.Name)
	if limit-headers < leastRecord {
		return 0, fmt.Errorf("the engine takes records of %d bytes, at least %d are needed: raise its limit "+
			"(max_payload of the NATS servers)", limit, headers+leastRecord)
	}
	return min(fullRecord, limit-headers), nil
}

// Coordinator returns the node's coordinator, for its assignment, its statistics, and routing of events of one's own.
func (n *Node) Coordinator() *coordinator.Coordinator { return n.coord }

// Entered is closed when the node has entered the pipeline, which it does once [Node.Run] runs and the engine takes its record:
// from then on it may own shards.
func (n *Node) Entered() <-chan struct{} { return n.entered }

// Shards returns the number of the pipeline's shards.
func (n *Node) Shards() int { return len(n.loops) }

// Queued returns how many bytes wait in the fullest of this node's outboxes, and how many may.
func (n *Node) Queued() (fullest, most int) {
	for _, s := range n.senders {
		fullest = max(fullest, s.shown().queued)
	}
	return fullest, n.cfg.MaxQueue
}

// Run enters the pipeline and works until ctx ends, which returns nil, or until it can't go on: the settings differ
// from the committed ones, the control log is damaged, or another process has taken its name ([ErrSuperseded]).
// It returns when every goroutine has ended; [Node.Send] and [Node.SendBatch] then return [event.ErrStopped]. Run is called once.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer n.stop()
	n.ship.SetReceiver(receiver{n})
	if err := n.cfg.Transport.RegisterRoute(n.cfg.Name, receiver{n}); err != nil {
		return fmt.Errorf("register at the transport: %w", err)
	}
	if err := n.answer(); err != nil {
		n.unregister()
		return err
	}
	var all sync.WaitGroup
	run := func(name string, fn func(context.Context) error) {
		all.Go(func() {
			if err := fn(ctx); err != nil && ctx.Err() == nil {
				n.fail(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	run("heartbeats", n.listen)
	run("health", n.watchHealth)
	run("readers", n.keepFeeds)
	run("enter", func(ctx context.Context) error {
		if err := n.enter(ctx); err != nil {
			return err
		}
		for _, s := range n.senders {
			s.enter()
		}
		run("control log", n.coord.Run)
		run("assignment", n.follow)
		run("planned moves", n.move)
		run("failure detector", n.detect)
		run("marks", n.syncMarks)
		for _, l := range n.loops {
			run("shard", l.run)
		}
		close(n.entered)
		return nil
	})
	var err error
	select {
	case <-ctx.Done():
	case err = <-n.fatal:
	}
	cancel()
	n.stop()
	n.withdraw()
	all.Wait()
	for _, s := range n.senders {
		s.stop()
	}
	n.jobs.Wait()
	n.indexing.end()
	n.marksKept(n.cfg.Marks.Sync())
	n.unregister()
	return err
}

func (n *Node) unregister() {
	n.cfg.Transport.RemoveRoute(n.cfg.Name)
	n.ship.SetReceiver(nil)
}

// fail stops the node.
func (n *Node) fail(err error) {
	select {
	case n.fatal <- err:
	default:
	}
}

// enter makes this process the bearer of the node's name. It tries until it can: a cluster that starts, or elects a
// leader, takes its time.
func (n *Node) enter(ctx context.Context) error {
	for {
		_, err := n.coord.Enter(ctx)
		state := n.coord.State()
		incarnation, other := n.coord.Process().Entered(state)
		switch {
		case incarnation > 0:
			n.begin(incarnation, state.Epoch)
			return nil
		case err == nil && other:
			return fmt.Errorf("%w just after this one", ErrSuperseded)
		case ctx.Err() != nil, errors.Is(err, coordinator.ErrSettings), errors.Is(err, engine.ErrDamaged):
			return err
		}
		if err != nil {
			n.enterFault.Store(&err)
		}
		n.log.Warn("not entered yet; it is tried again", "err", err)
		select {
		case <-time.After(core.ReenterAfter):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// doorRandom is the number of random characters, of 5 bits each, in the name of a process's producer.
const doorRandom = 12

// begin notes what the committed record says of this process.
func (n *Node) begin(incarnation, epoch uint64) {
	n.incarnation.Store(incarnation)
	// The random part tells this process from one that was given the same incarnation, before the control log lost its end.
	n.door = event.Producer{Kind: event.Door, Name: fmt.Sprintf("%s/%d/%s", n.cfg.Name, incarnation, rand.Text()[:doorRandom])}
	n.log.Info("entered", "incarnation", incarnation, "epoch", epoch)
}

// receiver takes the batches that arrive for this node.
type receiver struct{ n *Node }

// Deliver hands a batch to its shard: events to the loop, acks to the sender. It never blocks: a shard that hangs must not
// hold up the others, and who waits for an ack sends again.
func (r receiver) Deliver(_ context.Context, b event.Batch) error {
	switch {
	case b.Shard < 0 || b.Shard >= len(r.n.loops):
		return fmt.Errorf("%w: %d", shipper.ErrInvalidShard, b.Shard)
	case len(b.Acks) > 0: // a transport uses its slices again: no events doesn't mean nil
		r.n.senders[b.Shard].acked(b)
		return nil
	}
	b.Events, b.Acks = slices.Clone(b.Events), nil // they are lent
	return r.n.loops[b.Shard].inbox.put(b)
}
