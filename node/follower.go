package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// follower is one reader of several shards. It works on a shard when the shard has something to read, with a few
// goroutines that end when there is nothing to do.
type follower struct {
	n      *Node
	o      FollowOptions
	fn     func(Record) error
	ctx    context.Context
	cancel context.CancelCauseFunc

	one sync.Mutex // around fn and o.Failed

	mu     sync.Mutex // guards what follows
	places map[int]*place
	queue  []int
	busy   int // workers
	lost   int // shards that have failed
	closed bool
	idle   chan struct{} // closed by the last worker of one that isn't live
	all    sync.WaitGroup
}

// place is how far a follower has come in a shard. One worker at a time uses what comes before queued.
type place struct {
	mark    engine.Mark // of the last whole record
	head    string      // the id of the last delta up to there, "" if there is none
	headed  bool        // head is known
	caught  bool        // all was read up to a tail of the log
	stirred uint64      // what was known then; see feed

	queued, working, again, failed bool
}

// stallAfter is how long a log may give nothing until a worker turns to another shard first.
const stallAfter = 5 * time.Second

// errStalled says that the worker turned to another shard.
var errStalled = errors.New("the log gives nothing")

func (n *Node) newFollower(ctx context.Context, o FollowOptions, fn func(Record) error) *follower {
	f := &follower{n: n, o: o, fn: fn, places: map[int]*place{}, idle: make(chan struct{})}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	for _, s := range o.Shards {
		f.places[s] = &place{mark: o.From[s], headed: o.From[s].Position == 0}
	}
	return f
}

// run returns when ctx or the reading ends, with the reason.
func (f *follower) run() error {
	defer f.cancel(nil)
	if len(f.places) == 0 && !f.o.Live {
		return nil
	}
	if f.o.Live {
		for s := range f.places {
			f.n.feeds.subscribe(s, f)
		}
		f.n.feeds.changed()
	}
	f.mu.Lock() // no worker looks before all shards are in the queue: the last to find it empty ends the reading
	for _, s := range f.o.Shards {
		f.wakeLocked(s)
	}
	f.mu.Unlock()
	select {
	case <-f.ctx.Done():
	case <-f.idle:
	}
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	if f.o.Live {
		for s := range f.places {
			f.n.feeds.unsubscribe(s, f)
		}
		f.n.feeds.changed()
	}
	f.all.Wait()
	return context.Cause(f.ctx)
}

// wake has a worker look at the shard. It never blocks.
func (f *follower) wake(s int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wakeLocked(s)
}

func (f *follower) wakeLocked(s int) {
	p := f.places[s]
	if p.working {
		p.again = true
		return
	}
	f.enqueue(s, p)
}

func (f *follower) enqueue(s int, p *place) {
	if f.closed || p.queued || p.failed {
		return
	}
	p.queued = true
	f.queue = append(f.queue, s)
	if f.busy < readers {
		f.busy++
		f.all.Go(f.work)
	}
}

// work looks at shards until none is left to look at.
func (f *follower) work() {
	for {
		s, p := f.next()
		if p == nil {
			return
		}
		f.done(s, p, f.advance(s, p))
	}
}

func (f *follower) next() (int, *place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.queue) == 0 {
		f.busy--
		if f.busy == 0 && !f.closed && !f.o.Live {
			f.closed = true
			close(f.idle)
		}
		return 0, nil
	}
	s := f.queue[0]
	f.queue = f.queue[1:]
	p := f.places[s]
	p.queued, p.working = false, true
	return s, p
}

// done notes what came of looking at a shard.
func (f *follower) done(s int, p *place, err error) {
	switch {
	case err == nil || errors.Is(err, errStalled) || f.ctx.Err() != nil:
	case errors.Is(err, ErrCursor), errors.Is(err, engine.ErrDamaged), errors.Is(err, engine.ErrTrimmed), errors.Is(err, operator.ErrNewer):
		f.fail(s, p, err)
	default:
		f.cancel(fmt.Errorf("shard %d: %w", s, err))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p.working = false
	if p.again || errors.Is(err, errStalled) {
		p.again = false
		f.enqueue(s, p)
	}
}

// fail gives up a shard; the others go on, if the reader wants that.
func (f *follower) fail(s int, p *place, err error) {
	f.mu.Lock()
	p.failed = true
	f.lost++
	none := f.lost == len(f.places)
	f.mu.Unlock()
	if f.o.Failed == nil {
		f.cancel(err)
		return
	}
	f.one.Lock()
	defer f.one.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	if stop := f.o.Failed(s, err); stop != nil {
		f.cancel(stop)
	} else if none && f.o.Live {
		f.cancel(fmt.Errorf("no shard is left to read: %w", err))
	}
}

// advance gives fn what is new in a shard.
func (f *follower) advance(s int, p *place) error {
	if f.o.Live && !p.caught {
		_, p.stirred = f.n.feeds.after(s, p.mark.Position)
		p.caught = f.n.isTail(s, p)
	}
	for {
		var recent []*news
		var stirred uint64
		if f.o.Live {
			recent, stirred = f.n.feeds.after(s, p.mark.Position)
		}
		read := !p.caught || stirred != p.stirred
		for _, w := range recent {
			if read = read || w.prev != p.mark.ID; read {
				break
			}
			if err := f.deliver(p, w.kind, w.rec); err != nil {
				return err
			}
		}
		if !read {
			return nil
		}
		if err := f.read(s, p); err != nil {
			return err
		}
		p.caught, p.stirred = true, stirred
		if len(recent) > 0 && p.mark.Position < recent[len(recent)-1].rec.Position {
			return fmt.Errorf("shard %d: %w: it ends at %d, but the record at %d was committed", s, engine.ErrDamaged,
				p.mark.Position, recent[len(recent)-1].rec.Position)
		}
	}
}

// isTail reports whether the place, which it completes, is at the last record that this node knows of, where it
// knows of each: then there is nothing to read. It is asked by who has subscribed to the shard: what is committed later
// is published to it, and what was published before is known here by its position.
func (n *Node) isTail(s int, p *place) bool {
	v := n.loops[s].view.Load()
	at := p.mark
	if !n.loopFeeds(s) || at.ID == "" || v.mark.Position != at.Position || !at.Names(v.mark.ID) ||
		n.feeds.shards[s].heard.Load() > at.Position {
		return false
	}
	p.mark.ID, p.head, p.headed = v.mark.ID, v.head, true
	return true
}

// deliver gives fn a record, if it is a delta, and notes that it was read.
func (f *follower) deliver(p *place, kind operator.Kind, r Record) error {
	if kind == operator.Delta {
		r.Prev = p.head
		if err := f.give(r); err != nil {
			return err
		}
		p.head = r.ID
	}
	p.mark = engine.Mark{Position: r.Position, ID: r.ID}
	return nil
}

func (f *follower) give(r Record) error {
	f.one.Lock()
	defer f.one.Unlock()
	if err := f.ctx.Err(); err != nil {
		return err
	}
	err := f.fn(r)
	if err != nil {
		f.cancel(err)
	}
	return err
}

// read gives fn what the log has after the place, up to its tail.
func (f *follower) read(s int, p *place) error {
	err := f.readOn(s, p)
	if !errors.Is(err, errNoHead) {
		return err
	}
	if p.head, err = f.n.deltaBefore(f.ctx, s, p.mark.Position); err != nil {
		return err
	}
	p.headed = true
	return f.readOn(s, p)
}

// errNoHead says that the record at the place is no delta, so the one before it must be looked for.
var errNoHead = errors.New("the delta before is not known")

func (f *follower) readOn(s int, p *place) error {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(stallAfter, func() { cancel(errStalled) })
	defer watchdog.Stop()
	begin, mark := p.mark, f.n.cfg.Marks.Mark(s)
	chain, known := &operator.Chain{Shard: s}, begin.Position == 0
	tail, err := f.n.cfg.Engine.Shard(s).Read(ctx, begin.Position, func(e engine.Entry) (err error) {
		watchdog.Stop() // what fn takes its time for is not the log's silence
		defer watchdog.Reset(stallAfter)
		if known {
			return f.push(s, p, chain, e)
		}
		known = true
		if chain, err = resumeAt(s, begin, e); err == nil {
			err = p.resumed(chain)
		}
		return err
	})
	if err == nil {
		err = f.ends(ctx, s, mark, tail)
	}
	switch {
	case errors.Is(err, operator.ErrInside):
		return insideError(s, begin)
	case errors.Is(err, engine.ErrTrimmed):
		return cursorError(s, begin, "%v", err)
	case err != nil && f.ctx.Err() == nil && errors.Is(context.Cause(ctx), errStalled):
		return f.stalled(s)
	case err == nil && !known:
		return endError(s, begin, tail)
	}
	return err
}

// stalled says what it means that the log gives nothing: a reader up to the present can't wait for it where too few servers reach each
// other.
func (f *follower) stalled(s int) error {
	if !f.o.Live {
		if _, err := f.n.tail(f.ctx, s); errors.Is(err, engine.ErrNoLeader) {
			return err
		}
	}
	return errStalled
}

// resumed completes the place with what the record there says.
func (p *place) resumed(chain *operator.Chain) error {
	p.mark.ID = chain.Head
	switch {
	case chain.DeltaHead != "":
		p.head, p.headed = chain.DeltaHead, true
	case !p.headed:
		return errNoHead
	}
	return nil
}

// ends checks that the log, which was read up to the tail, goes as far as the mark. One replica's word is not believed.
func (f *follower) ends(ctx context.Context, s int, mark engine.Mark, tail uint64) error {
	if operator.CheckTail(mark, tail) == nil {
		return nil
	}
	_, err := f.n.tail(ctx, s)
	return err
}

// push takes an entry of the log.
func (f *follower) push(s int, p *place, chain *operator.Chain, e engine.Entry) error {
	before := chain.Seq
	r, err := chain.Push(e.Seq, e.Payload)
	if err == nil {
		err = operator.CheckMark(f.n.cfg.Marks.Mark(s), before, e.Seq, chain.Head)
	}
	if err != nil || r == nil {
		return err
	}
	return f.deliver(p, r.Kind, recordOf(s, e.Seq, r))
}
