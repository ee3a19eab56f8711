package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shipper"
)

const (
	// inboxSize bounds the inputs that wait for a loop, and the batches. A sender has one batch per shard under way.
	inboxSize = 256
	// readChunk bounds the bytes of the entries that go to an operator at once.
	readChunk = 1 << 20
	// sendTimeout bounds how long a loop waits to hand a batch to the transport; the outbox sends it again.
	sendTimeout = time.Second
)

// loop is the goroutine of one shard on this node: it alone touches the shard's operator and outbox.
type loop struct {
	n     *Node
	shard int
	log   *slog.Logger
	in    chan func(now time.Time)
	// remote holds batches that arrived; nothing else can fill it.
	remote chan shipper.Batch

	op      *operator.Operator
	out     *shipper.Outbox
	doorSeq uint64
	token   uint64
	waiting map[uint64]waiter // by token

	stopReading context.CancelFunc
	snapshots   bool // one is being written

	view atomic.Pointer[view] // what others may see
}

// view is what a loop shows of itself.
type view struct {
	state    operator.State
	owner    string
	standby  string
	position uint64
	mark     engine.Mark // of the record at position
	head     string
	err      error
	stats    operator.Stats
	logic    operator.Logic
	queued   int // bytes in the outbox
}

func newLoop(n *Node, shard int) *loop {
	l := &loop{n: n, shard: shard, log: n.log.With("shard", shard), in: make(chan func(time.Time), inboxSize),
		remote: make(chan shipper.Batch, inboxSize), waiting: map[uint64]waiter{}, stopReading: func() {}}
	l.op = operator.New(operator.Config{
		Shard: shard, Node: n.cfg.Name, Logic: func() operator.Logic { return n.cfg.Logic(shard) },
		MaxQueue: n.cfg.MaxQueue, Keep: n.cfg.Keep, SnapshotEvery: n.cfg.SnapshotEvery,
	})
	l.view.Store(&view{logic: l.op.Logic()})
	return l
}

// post gives an input to the loop; it blocks while the loop is behind.
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
	l.out = shipper.NewOutbox(shipper.OutboxConfig{Node: l.n.cfg.Name, Shard: l.shard,
		FirstID: firstID(l.n.incarnation.Load()), MaxQueue: l.n.cfg.MaxQueue})
	tick := time.NewTimer(l.n.cfg.Tick)
	defer tick.Stop()
	defer func() { l.stopReading() }()
	ticking := true
	for {
		select {
		case fn := <-l.in:
			fn(time.Now())
		case b := <-l.remote:
			l.deliver(b)
		case <-tick.C:
			ticking = false
			l.op.Tick(time.Now())
			l.out.Tick(time.Now())
		case <-ctx.Done():
			return nil
		}
		l.effects(ctx)
		if !ticking && (l.op.Waiting() || l.out.Len() > 0) {
			ticking = true
			tick.Reset(l.n.cfg.Tick)
		}
	}
}

// firstID is that of an incarnation's first batch: above those of the incarnations of this name before it, 40 bits for
// each.
func firstID(incarnation uint64) uint64 { return incarnation<<40 + 1 }

// effects does what operator and outbox ask for, until they ask for nothing: an ack to this very node makes more.
func (l *loop) effects(ctx context.Context) {
	l.show() // before any ack: who has one finds what it is for
	for more := true; more; {
		more = false
		for _, e := range l.op.Effects() {
			more = true
			l.effect(ctx, e)
		}
		sends, dones := l.out.Effects()
		for _, d := range dones {
			more = true
			if w, ok := l.waiting[d.Token]; ok {
				delete(l.waiting, d.Token)
				w.to <- answer{index: w.index, ack: d.Ack}
			}
		}
		for _, s := range sends {
			more = true
			l.send(ctx, s.Node, s.Batch)
		}
	}
	l.show()
}

// send hands a batch to its node. Between outbox and operator of this very loop nothing is in between.
func (l *loop) send(ctx context.Context, node string, b shipper.Batch) {
	if node == l.n.cfg.Name {
		l.deliver(b)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := l.n.ship.ShipBatch(ctx, node, b); err != nil {
		l.log.Debug("batch is not sent; it will be sent again", "to", node, "err", err)
	}
}

// deliver takes in a batch: events for the operator, or acks for the outbox.
func (l *loop) deliver(b shipper.Batch) {
	if len(b.Acks) == 0 { // a transport uses its slices again: nil it need not be
		l.op.Deliver(time.Now(), b)
	} else if err := l.out.Acked(time.Now(), b); err != nil {
		l.log.Error("ack is not understood", "err", err)
	}
}

func (l *loop) effect(ctx context.Context, e operator.Effect) {
	switch e := e.(type) {
	case operator.Ack:
		l.send(ctx, e.Node, e.Batch)
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
	case operator.Superseded:
		l.n.fail(fmt.Errorf("%w: incarnation %d has claimed shard %d", ErrSuperseded, e.By.Incarnation, l.shard))
	case operator.Changed:
		if err := l.op.Err(); err != nil {
			l.log.Error("shard is halted; the others go on", "err", err)
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

// restore gives the operator the newest snapshot that can be read.
func (l *loop) restore(ctx context.Context, gen uint64) {
	names, err := l.n.blobs(ctx, l.shard)
	if err != nil && ctx.Err() == nil {
		l.log.Warn("snapshots can't be listed; the log is read from its start", "err", err)
	}
	for _, name := range names {
		r, err := l.n.cfg.Engine.Blobs().Get(ctx, name)
		if err == nil {
			err = l.restored(ctx, gen, r)
			err = errors.Join(err, r.Close())
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		l.log.Warn("snapshot can't be read; the log is read instead", "snapshot", name, "err", err)
	}
	_ = l.restored(ctx, gen, nil)
}

// restored waits until the operator has read the snapshot.
func (l *loop) restored(ctx context.Context, gen uint64, r io.Reader) error {
	done := make(chan error, 1)
	if err := l.post(ctx, func(now time.Time) { done <- l.op.Restored(now, gen, r) }); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *loop) takeSnapshot(ctx context.Context, e operator.TakeSnapshot) {
	if l.snapshots {
		// The one before is not written yet: the next will hold this one's changes.
		_ = e.Write(io.Discard)
		return
	}
	l.snapshots = true
	l.job(func() {
		if err := l.n.snapshot(ctx, l.shard, e); err != nil && ctx.Err() == nil {
			l.log.Warn("snapshot is not kept; the log holds all", "err", err)
		}
		_ = l.post(ctx, func(time.Time) { l.snapshots = false })
	})
}

// show publishes what others may see of the loop.
func (l *loop) show() {
	old := l.view.Load()
	if old.state != l.op.State() {
		defer l.n.feeds.changed()
	}
	l.view.Store(&view{state: l.op.State(), owner: old.owner, standby: old.standby, position: l.op.Position(),
		mark: l.op.Mark(), head: l.op.Head(), err: l.op.Err(), stats: l.op.Stats(), logic: l.op.Logic(), queued: l.out.Queued()})
}
