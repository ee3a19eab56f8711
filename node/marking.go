package node

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
)

const (
	// syncMarksEvery is the time between syncs of the marks: what the machine may forget when it loses power.
	syncMarksEvery = time.Second
	// quietMarks bounds the marks in a beat that have not changed: each comes again now and then, for who has not heard
	// it. quietLook bounds the shards that are looked at for them.
	quietMarks = 8
	quietLook  = 64
)

// marking is what a node still has to tell of the marks of its shards.
type marking struct {
	mu      sync.Mutex
	changed []int  // shards whose mark was raised by their owner here and is not told, in order of that
	listed  []bool // by shard: it is in changed
	turn    int    // the shard at which the next look at quiet ones begins

	failing atomic.Bool // the last raise or sync failed
}

// raise keeps a mark.
func (n *Node) raise(shard int, m engine.Mark) {
	if m.Position > n.cfg.Marks.Mark(shard).Position {
		n.marksKept(n.cfg.Marks.Raise(shard, m))
	}
}

// marksKept tells once when marks can't be kept, and once when they can again.
func (n *Node) marksKept(err error) {
	switch failed := err != nil; {
	case failed && !n.marking.failing.Swap(true):
		n.log.Error("how far the shards' logs go can't be kept: a log that loses its end while this node is down may not "+
			"be noticed", "err", err)
	case !failed && n.marking.failing.Load() && n.marking.failing.Swap(false):
		n.log.Info("how far the shards' logs go is kept again")
	}
}

// syncMarks syncs the marks now and then. Run does it once more at the end.
func (n *Node) syncMarks(ctx context.Context) error {
	tick := time.NewTicker(syncMarksEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.marksKept(n.cfg.Marks.Sync())
		case <-ctx.Done():
			return nil
		}
	}
}

// tell notes that the others are to hear the shard's mark.
func (m *marking) tell(shard int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.listed[shard] {
		m.listed[shard] = true
		m.changed = append(m.changed, shard)
	}
}

// beatMarks are the marks of the next beat: those that changed, and a few of the others that this node owns. What has no
// room comes first in the next.
func (n *Node) beatMarks() map[int]engine.Mark {
	m := &n.marking
	m.mu.Lock()
	told := min(len(m.changed), engine.MaxBeatMarks)
	marks := make(map[int]engine.Mark, told+quietMarks)
	for _, s := range m.changed[:told] {
		m.listed[s] = false
		marks[s] = n.cfg.Marks.Mark(s)
	}
	m.changed = append(m.changed[:0], m.changed[told:]...)
	m.mu.Unlock()
	room := min(len(marks)+quietMarks, engine.MaxBeatMarks)
	for looks := 0; looks < min(quietLook, len(n.loops)) && len(marks) < room; looks++ {
		s := m.turn
		m.turn = (m.turn + 1) % len(n.loops)
		if n.loops[s].view.Load().state == operator.Owning {
			marks[s] = n.cfg.Marks.Mark(s)
		}
	}
	return marks
}

// heardMarks takes in the marks of another node's beat.
func (n *Node) heardMarks(b engine.Beat) {
	if b.Node == n.cfg.Name || len(b.Marks) > engine.MaxBeatMarks {
		return
	}
	for s, m := range b.Marks {
		if s >= 0 && s < len(n.loops) {
			n.raise(s, m)
		}
	}
}

// mark raises the shard's mark when what the operator knows to be in the log has moved.
func (l *loop) mark() {
	m := l.op.Committed()
	if m.Position <= l.marked {
		return
	}
	l.marked = m.Position
	l.n.raise(l.shard, m)
	if l.op.State() == operator.Owning {
		l.n.marking.tell(l.shard)
	}
}

const (
	// tailTries is how often a reader asks for the tail of a log that ends before its mark, and tailPause the time between.
	tailTries = 3
	tailPause = 50 * time.Millisecond
)

// tail returns the last entry of the shard's log. It is [engine.ErrDamaged] if the log ends before the mark, or has another
// record there, whichever replica is asked, and [engine.ErrNoLeader] if there is no answer within [core.CallTimeout].
//
// It is as of now or later; those who ask at the same time share the answer.
func (n *Node) tail(ctx context.Context, s int) (engine.Entry, error) {
	return n.loops[s].tails.Get(ctx)
}

func (n *Node) readTail(ctx context.Context, s int) (engine.Entry, error) {
	mark := n.cfg.Marks.Mark(s)
	for tries := 1; ; tries++ {
		e, err := n.lastEntry(ctx, s)
		if err != nil {
			return e, err
		}
		if err = checkEnd(mark, e); err == nil || tries == tailTries {
			return e, err
		}
		if err := pause(ctx, tailPause); err != nil {
			return e, err
		}
	}
}

// lastEntry asks the engine, which without a majority of its servers has no answer.
func (n *Node) lastEntry(ctx context.Context, s int) (engine.Entry, error) {
	asking, cancel := context.WithTimeout(ctx, core.CallTimeout)
	defer cancel()
	e, err := n.cfg.Engine.Shard(s).Tail(asking)
	return e, unanswered(ctx, asking, err)
}

// unanswered is the error of a call of the engine under asking, which is ctx for as long as an engine is waited for.
func unanswered(ctx, asking context.Context, err error) error {
	if err != nil && asking.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: no answer within %v", engine.ErrNoLeader, core.CallTimeout)
	}
	return err
}

// checkEnd compares the end of a log with a mark.
func checkEnd(mark engine.Mark, tail engine.Entry) error {
	if tail.Seq != mark.Position || mark.ID == "" {
		return operator.CheckTail(mark, tail.Seq)
	}
	r, err := decode(tail)
	if err != nil {
		return err
	}
	return operator.CheckMark(mark, tail.Seq-1, tail.Seq, r.ID)
}

// decode reads the record of an entry; an error says where it stands.
func decode(e engine.Entry) (*operator.Record, error) {
	r, err := operator.Decode(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("position %d: %w", e.Seq, err)
	}
	return r, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
