package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// feeds hands the records that this node comes to know of to its live readers, however many they are: a record is decoded
// once, and a shard in which nothing happens costs a reader nothing. Records come from the shards' loops, where this node
// owns or follows the shard, and else from one follower for all readers. A reader takes nothing on trust: each record
// must name the one before it, which the reader has; where it doesn't, the reader reads the log.
type feeds struct {
	shards []feed
	limit  int           // of bytes
	poke   chan struct{} // holds a value when what is watched, or a loop's state, has changed

	mu    sync.Mutex // guards what follows, and in each feed recent, followers and stirred
	order []*news    // all that is kept, the oldest first
	bytes int
}

// feed is what is known of one shard.
type feed struct {
	watched atomic.Int32  // number of followers
	heard   atomic.Uint64 // the last position that was published

	joining sync.Mutex      // guards chain
	chain   *operator.Chain // nil: nothing was heard since somebody watches

	recent    []*news // the oldest first
	followers map[*follower]struct{}
	stirred   uint64 // counts what happened that is known only to the log
}

// news is a whole record.
type news struct {
	shard int
	kind  operator.Kind
	prev  string // the id of the record before it, of any kind
	rec   Record // without Prev, which a reader knows
}

// size is about what it takes.
func (w *news) size() int { return len(w.rec.Body) + 512 }

// feedBytes bounds the records that a node keeps for its readers, in bytes: who is behind by more reads the log.
const feedBytes = 32 << 20

func newFeeds(shards int) *feeds {
	return &feeds{shards: make([]feed, shards), limit: feedBytes, poke: make(chan struct{}, 1)}
}

func (f *feeds) changed() {
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// subscribe wakes the follower from now on when something happens in the shard.
func (f *feeds) subscribe(s int, by *follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fd := &f.shards[s]
	if fd.followers == nil {
		fd.followers = map[*follower]struct{}{}
	}
	fd.followers[by] = struct{}{}
	fd.watched.Store(int32(len(fd.followers)))
}

func (f *feeds) unsubscribe(s int, by *follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fd := &f.shards[s]
	delete(fd.followers, by)
	fd.watched.Store(int32(len(fd.followers)))
	if len(fd.followers) == 0 {
		fd.followers, fd.recent = nil, nil
		f.order = slices.DeleteFunc(f.order, func(w *news) bool {
			if w.shard == s {
				f.bytes -= w.size()
			}
			return w.shard == s
		})
	}
}

// publish takes in a committed entry. Several may tell of the same one; each tells in order.
func (f *feeds) publish(s int, e engine.Entry) {
	fd := &f.shards[s]
	fd.joining.Lock()
	defer fd.joining.Unlock()
	fd.heard.Store(max(e.Seq, fd.heard.Load()))
	if fd.watched.Load() == 0 {
		fd.chain = nil
		return
	}
	if fd.chain == nil {
		fd.chain = operator.Resume(s, e.Seq-1)
	}
	if e.Seq <= fd.chain.Seq {
		return
	}
	r, err := fd.chain.Push(e.Seq, e.Payload)
	switch {
	case err != nil:
		// Something was missed, or is wrong: the log tells.
		fd.chain = nil
		f.stir(s)
	case r != nil:
		f.add(&news{shard: s, kind: r.Kind, prev: r.Prev, rec: recordOf(s, e.Seq, r)})
	}
}

func recordOf(s int, position uint64, r *operator.Record) Record {
	return Record{Shard: s, Position: position, ID: r.ID, Time: r.Time, Body: r.Body}
}

// add keeps a record, lets the oldest go, and wakes the followers.
func (f *feeds) add(w *news) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fd := &f.shards[w.shard]
	if len(fd.followers) == 0 {
		return
	}
	fd.recent = append(fd.recent, w)
	f.order = append(f.order, w)
	f.bytes += w.size()
	for f.bytes > f.limit && len(f.order) > 1 {
		old := f.order[0]
		f.order[0] = nil
		f.order = f.order[1:]
		f.bytes -= old.size()
		of := &f.shards[old.shard]
		of.recent[0] = nil
		of.recent = of.recent[1:]
	}
	f.wake(fd, w.shard)
}

// stir has the followers of a shard read its log.
func (f *feeds) stir(s int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shards[s].stirred++
	f.wake(&f.shards[s], s)
}

func (f *feeds) wake(fd *feed, s int) {
	for by := range fd.followers {
		by.wake(s)
	}
}

// after returns what is kept of the shard after the position, and how often it was stirred.
func (f *feeds) after(s int, position uint64) ([]*news, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fd := &f.shards[s]
	i, _ := slices.BinarySearchFunc(fd.recent, position+1, func(w *news, p uint64) int {
		if w.rec.Position < p {
			return -1
		}
		return 1
	})
	return slices.Clone(fd.recent[i:]), fd.stirred
}

// loopFeeds reports whether the shard's loop comes to know of every record.
func (n *Node) loopFeeds(s int) bool {
	state := n.loops[s].view.Load().state
	return state == operator.Owning || state == operator.Following
}

// keepFeeds follows the logs of the shards that somebody reads, as long as their loops don't.
func (n *Node) keepFeeds(ctx context.Context) error {
	stops := map[int]context.CancelFunc{}
	var all sync.WaitGroup
	defer all.Wait()
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	for {
		for s := range n.feeds.shards {
			need := n.feeds.shards[s].watched.Load() > 0 && !n.loopFeeds(s)
			stop, running := stops[s]
			switch {
			case need && !running:
				each, cancel := context.WithCancel(ctx)
				stops[s] = cancel
				all.Go(func() { n.tailShard(each, s) })
			case running && !need:
				stop()
				delete(stops, s)
			}
		}
		select {
		case <-n.feeds.poke:
		case <-ctx.Done():
			return nil
		}
	}
}

// retailAfter is the pause before a log that can't be followed is tried again.
const retailAfter = time.Second

// tailShard tells of what comes to a log, and wakes the readers for what came before.
func (n *Node) tailShard(ctx context.Context, s int) {
	log := n.cfg.Engine.Shard(s)
	for ctx.Err() == nil {
		tail, err := log.Tail(ctx)
		n.feeds.stir(s)
		if err == nil {
			err = log.Follow(ctx, tail.Seq+1, func(e engine.Entry) error {
				n.feeds.publish(s, e)
				return ctx.Err()
			})
			n.feeds.stir(s) // who reads finds the damage, too
		}
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, engine.ErrDamaged) {
			n.log.Debug("following for readers ended; it is taken up again", "shard", s, "err", err)
		}
		select {
		case <-time.After(retailAfter):
		case <-ctx.Done():
		}
	}
}
