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
	"github.com/quadrille-stream/quadrille/node/core"
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
	// largeBatch is the size in bytes beyond which a batch is handed over beside the loop, which would else be deaf for
	// as long; it has sendTimeout once more for each 4 MiB.
	largeBatch = 1 << 20
	sendBytes  = 4 << 20
)

// loop is the goroutine of one shard on this node: it alone touches the shard's operator and outbox.
type loop struct {
	n     *Node
	shard int
	log   *slog.Logger
	in    chan func(now time.Time)
	// remote holds batches that arrived; nothing else can fill it. remoteBytes is what they hold.
	remote      chan event.Batch
	remoteBytes atomic.Int64

	cfg     operator.Config
	replica *core.Replica[waiter]
	op      *operator.Operator // the replica's
	gaveUp  gaveUp
	// shipping holds the large batches that are being handed over: one of the outbox, under "", and one answer per node.
	shipping map[string]*shipping

	stopReading context.CancelFunc
	state       operator.State // that was logged last
	snapshots   bool           // one is being written
	marked      uint64         // the mark was raised up to here

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
	trouble  error     // why the owner can't commit, or the follower not read; since when
	since    time.Time // of trouble
	stats    operator.Stats
	logic    operator.Logic
	queued   int       // bytes in the outbox
	underWay time.Time // since when its batch waits for an answer; zero: none does
	// refusal is what refusedBy answered when the batch under way was last sent; zero: nothing.
	refusal   event.Ack
	refusedBy string
}

func newLoop(n *Node, shard int) *loop {
	l := &loop{n: n, shard: shard, log: n.log.With("shard", shard), in: make(chan func(time.Time), inboxSize),
		remote: make(chan event.Batch, inboxSize), shipping: map[string]*shipping{},
		gaveUp: gaveUp{wake: make(chan struct{}, 1)}, stopReading: func() {}}
	l.cfg = operator.Config{
		Shard: shard, Node: n.cfg.Name, Logic: func() operator.Logic { return n.cfg.Logic(shard) },
		MaxRecord: n.maxRecord, MaxQueue: n.cfg.MaxQueue, Keep: n.cfg.Keep, SnapshotEvery: n.cfg.SnapshotEvery,
	}
	l.replica = core.NewReplica[waiter](l.cfg, func() engine.Mark { return n.cfg.Marks.Mark(shard) })
	l.op = l.replica.Operator
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
	l.replica.Enter(l.n.door, shipper.OutboxConfig{Node: l.n.cfg.Name, Shard: l.shard,
		FirstID: core.FirstBatch(l.n.incarnation.Load()), MaxQueue: l.n.cfg.MaxQueue})
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
		case b := <-l.remote:
			l.remoteBytes.Add(-int64(shipper.BatchWireBound(&b)))
			l.deliver(b)
		case <-l.gaveUp.wake:
			l.forget()
		case <-tick.C:
			ticking = false
			l.replica.Hear(time.Now())
			l.replica.Tick(time.Now())
		case <-ctx.Done():
			return nil
		}
		l.effects(ctx)
		if !ticking && l.replica.Busy() {
			ticking = true
			tick.Reset(l.n.cfg.Tick)
		}
	}
}

// effects does what operator and outbox ask for, until they ask for nothing: an ack to this very node makes more.
func (l *loop) effects(ctx context.Context) {
	l.show() // before any ack: who has one finds what it is for
	for more := true; more; {
		more = false
		for _, e := range l.op.Effects() {
			more = true
			l.effect(ctx, e)
		}
		answers, sends := l.replica.Answered()
		for _, a := range answers {
			more = true
			a.To.to <- answer{index: a.To.index, ack: a.Ack}
		}
		for _, s := range sends {
			more = true
			l.send(ctx, s.Node, s.Batch)
		}
	}
	l.mark()
	l.show()
}

// send hands a batch to its node. Between outbox and operator of this very loop nothing is in between.
func (l *loop) send(ctx context.Context, node string, b event.Batch) {
	if node == l.n.cfg.Name {
		l.deliver(b)
		return
	}
	size := shipper.BatchWireBound(&b)
	if size > largeBatch {
		l.sendAside(ctx, node, b, size)
		return
	}
	if len(b.Acks) == 0 {
		l.stopShipping()
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	l.sent(time.Now(), node, b, l.n.ship.ShipBatch(ctx, node, b))
}

// shipping is a large batch that is being handed over.
type shipping struct {
	node string
	id   uint64
	stop context.CancelFunc
}

// sendAside hands a large batch over in a job. The same batch, sent again meanwhile, is still on its way; another one
// takes its place.
func (l *loop) sendAside(ctx context.Context, node string, b event.Batch, size int) {
	var of string
	if len(b.Acks) > 0 {
		of = node
	}
	if before := l.shipping[of]; before != nil {
		if before.node == node && before.id == b.ID {
			return
		}
		before.stop()
	}
	bounded, stop := context.WithTimeout(ctx, sendTimeout*time.Duration(1+size/sendBytes))
	this := &shipping{node: node, id: b.ID, stop: stop}
	l.shipping[of] = this
	l.job(func() {
		err := l.n.ship.ShipBatch(bounded, node, b)
		stop()
		_ = l.post(ctx, func(now time.Time) {
			if l.shipping[of] == this {
				delete(l.shipping, of)
			}
			l.sent(now, node, b, err)
		})
	})
}

// stopShipping stops the large batch that the outbox has left behind: for the next, or because nobody waits for it.
func (l *loop) stopShipping() {
	if large := l.shipping[""]; large != nil {
		large.stop()
	}
}

// sent takes in what became of handing over a batch.
func (l *loop) sent(now time.Time, node string, b event.Batch, err error) {
	switch {
	case l.replica.Sent(now, b, err):
		l.log.Warn("batch can't be sent; the event that is too large is answered so", "to", node, "batch", b.ID,
			"events", len(b.Events), "err", err)
	case errors.Is(err, shipper.ErrTooLarge):
		l.log.Error("answer can't be sent; its node will ask again", "to", node, "batch", b.ID, "err", err)
	case err != nil:
		l.log.Debug("batch is not sent; it will be sent again", "to", node, "err", err)
	}
}

// deliver takes in a batch: events for the operator, or acks for the outbox.
func (l *loop) deliver(b event.Batch) {
	if err := l.replica.Deliver(time.Now(), b); err != nil {
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
	old := l.view.Load()
	out := l.replica.Outbox
	refusedBy, refusal := out.Refusal()
	since, trouble := l.op.Trouble()
	if old.state != l.op.State() {
		defer l.n.feeds.changed()
		if old.state == operator.Owning || l.op.State() == operator.Owning {
			defer l.n.owning.tell()
		}
	}
	l.view.Store(&view{state: l.op.State(), owner: old.owner, standby: old.standby, position: l.op.Position(),
		mark: l.op.Mark(), head: l.op.Head(), err: l.op.Err(), trouble: trouble, since: since, stats: l.op.Stats(),
		logic: l.op.Logic(), queued: out.Queued(), underWay: out.Since(), refusal: refusal, refusedBy: refusedBy})
}
