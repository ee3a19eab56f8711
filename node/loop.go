package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/rounds"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

// readChunk bounds the bytes of the entries that go to an operator at once.
const readChunk = 1 << 20

// loop is the goroutine of one shard's replica on this node: it alone touches the operator. It waits for nobody: neither for
// the sender of its shard, nor for a transport, nor for the engine.
type loop struct {
	n     *Node
	shard int
	log   *slog.Logger
	inbox *inbox
	in    chan func(now time.Time)

	cfg     operator.Config
	replica *core.Replica
	op      *operator.Operator // the replica's
	// answering holds the answers that are being handed over, the newest to each node.
	answering shipments

	stopReading context.CancelFunc
	state       operator.State // that was logged last
	snapshots   bool           // one is being written
	marked      uint64         // the mark was raised up to here

	view  atomic.Pointer[view]                   // what others may see
	shown bell                                   // of view
	tails *rounds.Rounds[struct{}, engine.Entry] // readings of the log's tail, for who asks whatever the replica does
}

// view is what a loop shows of itself.
type view struct {
	state    operator.State
	position uint64
	mark     engine.Mark // of the record at position
	head     string
	err      error
	trouble  error     // why the owner can't commit, or the follower not read; since when
	since    time.Time // of trouble
	stats    operator.Stats
	logic    operator.Logic
	letters  operator.Letters
	aside    operator.Aside
}

func newLoop(n *Node, shard int) *loop {
	l := &loop{n: n, shard: shard, log: n.log.With("shard", shard), inbox: newInbox(shard, n.cfg.MaxQueue),
		in: make(chan func(time.Time), inputs), stopReading: func() {}}
	l.tails = rounds.New(func(ctx context.Context, _ []struct{}) (engine.Entry, error) { return n.readTail(ctx, shard) })
	l.cfg = operator.Config{
		Shard: shard, Node: n.cfg.Name, Logic: func() operator.Logic { return n.cfg.Logic(shard) },
		MaxRecord: n.maxRecord, MaxQueue: n.cfg.MaxQueue, Keep: n.cfg.Keep, SnapshotEvery: n.cfg.SnapshotEvery,
	}
	l.replica = core.NewReplica(l.cfg, func() engine.Mark { return n.cfg.Marks.Mark(shard) })
	l.op = l.replica.Operator
	l.view.Store(&view{logic: l.op.Logic()})
	return l
}

// post gives an input to the loop; it waits while the loop is behind.
func (l *loop) post(ctx context.Context, fn func(now time.Time)) error {
	select {
	case l.in <- fn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the loop. Its goroutines end with it: readers are cancelled, appends are bounded by ctx.
func (l *loop) run(ctx context.Context) error {
	tick := time.NewTimer(l.n.cfg.Tick)
	defer tick.Stop()
	defer func() { l.stopReading() }()
	defer l.op.Close()
	ticking := true
	for {
		select {
		case fn := <-l.in:
			now := time.Now()
			l.replica.Hear(now)
			fn(now)
		case <-l.inbox.wake:
			l.receive(time.Now())
		case <-tick.C:
			ticking = false
			now := time.Now()
			l.replica.Hear(now)
			l.op.Tick(now)
		case <-ctx.Done():
			return nil
		}
		l.effects(ctx)
		if !ticking && l.op.Waiting() {
			ticking = true
			tick.Reset(l.n.cfg.Tick)
		}
	}
}

// receive takes in what others have put into the inbox.
func (l *loop) receive(now time.Time) {
	role, b := l.inbox.take()
	l.replica.Hear(now)
	if role != nil {
		l.op.Assign(now, role.Assignment)
	}
	l.op.Deliver(now, b)
}

// effects does what the operator asks for.
func (l *loop) effects(ctx context.Context) {
	l.show() // before any ack: who has one finds what it is for
	for _, e := range l.op.Effects() {
		l.effect(ctx, e)
	}
	l.mark()
}

// answer sends acks to a node.
func (l *loop) answer(ctx context.Context, node string, b event.Batch) {
	if node == l.n.cfg.Name {
		l.n.senders[l.shard].acked(b)
		return
	}
	this := &shipment{node: node, batch: b}
	if !l.answering.add(this) {
		return
	}
	l.n.hand(ctx, this, func(err error) {
		l.answering.remove(this)
		switch {
		case errors.Is(err, shipper.ErrTooLarge):
			l.log.Error("answer can't be sent; its node will ask again", "to", node, "batch", b.ID, "err", err)
		case err != nil:
			l.log.Debug("answer is not sent; its node will ask again", "to", node, "err", err)
		}
	})
}

func (l *loop) effect(ctx context.Context, e operator.Effect) {
	switch e := e.(type) {
	case operator.Ack:
		l.answer(ctx, e.Node, e.Batch)
	case operator.Append:
		l.job(func() { l.append(ctx, e) })
	case operator.Read:
		l.startReading(ctx, func(ctx context.Context) { l.read(ctx, e) })
	case operator.Follow:
		l.startReading(ctx, func(ctx context.Context) { l.follow(ctx, e) })
	case operator.StopReading:
		l.stopReading()
	case operator.Restore:
		l.startReading(ctx, func(ctx context.Context) { l.restore(ctx, e.Gen) })
	case operator.TakeSnapshot:
		l.takeSnapshot(ctx, e)
	case operator.MakeIndex:
		l.makeIndex()
	case operator.Superseded:
		l.n.fail(fmt.Errorf("%w: incarnation %d has claimed shard %d", ErrSuperseded, e.By.Incarnation, l.shard))
	case operator.SetAside:
		l.log.Error("what was kept of a shard on this node's disk is damaged; it is set aside, and the shard restored", "folder", e.Where,
			"err", e.Err)
	case operator.Changed:
		if err := l.op.Err(); err != nil {
			l.log.Error("shard is halted; the others go on", "err", err)
			return
		}
		if state := l.op.State(); state != l.state {
			l.state = state
			l.log.Debug("shard", "state", state, "position", l.op.Position())
		}
	}
}

// job runs what takes long outside of the loop. Run waits for all jobs.
func (l *loop) job(fn func()) { l.n.jobs.Go(fn) }

func (l *loop) startReading(ctx context.Context, fn func(context.Context)) {
	l.stopReading()
	ctx, l.stopReading = context.WithCancel(ctx)
	l.job(func() { fn(ctx) })
}

func (l *loop) append(ctx context.Context, e operator.Append) {
	began := time.Now()
	if e.Claim {
		ctx = engine.WithReserve(ctx)
	}
	seq, err := l.n.cfg.Engine.Shard(l.shard).Append(ctx, e.Expect, e.Payload)
	l.n.counted.appendNanos.Add(uint64(time.Since(began)))
	if err != nil {
		l.log.Debug("append", "expect", e.Expect, "bytes", len(e.Payload), "err", err)
	}
	if err == nil {
		l.n.feeds.publish(l.shard, engine.Entry{Seq: seq, Payload: e.Payload})
	}
	_ = l.post(ctx, func(now time.Time) { l.op.Appended(now, e.Gen, seq, err) })
}

func (l *loop) read(ctx context.Context, e operator.Read) {
	var chunk []engine.Entry
	size := 0
	flush := func() error {
		entries := chunk
		chunk, size = nil, 0
		return l.post(ctx, func(now time.Time) { l.op.Entries(now, e.Gen, entries) })
	}
	_, err := l.n.cfg.Engine.Shard(l.shard).Read(ctx, e.From, func(entry engine.Entry) error {
		l.n.feeds.publish(l.shard, entry)
		chunk = append(chunk, entry)
		if size += len(entry.Payload); size < readChunk {
			return nil
		}
		return flush()
	})
	if err == nil && len(chunk) > 0 {
		err = flush()
	}
	_ = l.post(ctx, func(now time.Time) { l.op.ReadDone(now, e.Gen, err) })
}

func (l *loop) follow(ctx context.Context, e operator.Follow) {
	err := l.n.cfg.Engine.Shard(l.shard).Follow(ctx, e.From, func(entry engine.Entry) error {
		l.n.feeds.publish(l.shard, entry)
		return l.post(ctx, func(now time.Time) { l.op.Entries(now, e.Gen, []engine.Entry{entry}) })
	})
	if ctx.Err() == nil {
		l.log.Warn("following the log ended; it is taken up again", "err", err)
		_ = l.post(ctx, func(now time.Time) { l.op.ReadDone(now, e.Gen, err) })
	}
}

// restore gives the operator the newest snapshot that can be read. Reading takes as long as the network takes, and is
// done here, in a job: the loop gets what is whole.
func (l *loop) restore(ctx context.Context, gen uint64) {
	r, size := l.n.newest(ctx, l.cfg)
	_ = l.post(ctx, func(now time.Time) {
		l.op.Restored(now, gen, r)
		l.snapshotSize(size)
	})
}

func (l *loop) takeSnapshot(ctx context.Context, e operator.TakeSnapshot) {
	if l.snapshots {
		// The one before is not written yet: the next will hold this one's changes.
		l.job(e.Drop)
		return
	}
	l.snapshots = true
	l.job(func() {
		size, err := l.n.snapshot(ctx, l.shard, e)
		if err != nil && ctx.Err() == nil {
			l.log.Warn("snapshot is not kept; the log holds all", "err", err)
		}
		_ = l.post(ctx, func(time.Time) {
			l.snapshots = false
			l.snapshotSize(size)
		})
	})
}

// snapshotSize takes in how large the newest snapshot is, as far as is known.
func (l *loop) snapshotSize(size int) {
	if l.n.cfg.snapshotsGrow && size > 0 {
		l.op.SnapshotAfter(max(snapshotEvery, 2*size), size/2)
	}
}

// show publishes what others may see of the loop.
func (l *loop) show() {
	if old := l.view.Load(); old.state != l.op.State() {
		defer l.n.feeds.changed()
		if old.state == operator.Owning || l.op.State() == operator.Owning {
			defer l.n.owning.tell()
		}
	}
	since, trouble := l.op.Trouble()
	l.view.Store(&view{state: l.op.State(), position: l.op.Position(), mark: l.op.Mark(), head: l.op.Head(), err: l.op.Err(),
		trouble: trouble, since: since, stats: l.op.Stats(), logic: l.op.Logic(),
		letters: l.op.Letters(), aside: l.op.Aside()})
	l.shown.tell()
}
