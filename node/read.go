package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node/core"
	"github.com/quadrille-stream/quadrille/operator"
)

// Follow reads the deltas of the shards' logs, each shard's in order, and calls fn for one at a time. Every node can
// read every shard. fn's error ends the reading and is returned. Live reading returns ctx.Err() when ctx ends. A log that
// ends before it is known to go, or has other records, is [engine.ErrDamaged]; live reading notices when it goes on.
//
// A shard begins after the record that o.From names; where the log has no such record, the error is an [ErrCursor]. That,
// and damage of a log, ends the reading, unless o.Failed lets the other shards go on.
func (n *Node) Follow(ctx context.Context, o FollowOptions, fn func(Record) error) error {
	if o.Shards == nil {
		for s := range n.loops {
			o.Shards = append(o.Shards, s)
		}
	}
	for _, s := range o.Shards {
		if s < 0 || s >= len(n.loops) {
			return n.noShard(s)
		}
	}
	for s := range o.From {
		if s < 0 || s >= len(n.loops) {
			return n.noShard(s)
		}
	}
	return n.newFollower(ctx, o, fn).run()
}

func (n *Node) noShard(s int) error {
	return fmt.Errorf("shard %d: the pipeline has shards 0 to %d", s, len(n.loops)-1)
}

// localWait bounds how long a reader waits for this node's copy of a shard to reach the tail.
const localWait = 200 * time.Millisecond

// End returns the position at which a shard's log ends; see [Node.Ends].
func (n *Node) End(ctx context.Context, s int) (uint64, error) {
	ends, errs := n.Ends(ctx, []int{s})
	return ends[0], errs[0]
}

// Ends returns for each of these shards the position at which its log ends, as of now or later, or why that can't be had: the error of a
// shard that is halted, [engine.ErrDamaged] if the log ends before its mark, and [engine.ErrNoLeader] if there is no answer within
// [core.CallTimeout].
func (n *Node) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	ends, errs := make([]uint64, len(shards)), make([]error, len(shards))
	open := make([]int, 0, len(shards)) // indexes of those to ask for
	for i, s := range shards {
		if errs[i] = n.askable(s); errs[i] == nil {
			open = append(open, i)
		}
	}
	for tries := 1; len(open) > 0; tries++ {
		short := n.askEnds(ctx, shards, open, ends, errs)
		if len(short) == 0 || tries == tailTries || pause(ctx, tailPause) != nil {
			break
		}
		open = short
	}
	return ends, errs
}

// askable returns why it is of no use to ask for the end of a shard's log.
func (n *Node) askable(s int) error {
	if s < 0 || s >= len(n.loops) {
		return n.noShard(s)
	}
	if v := n.loops[s].view.Load(); v.state == operator.Halted {
		return v.err
	}
	return nil
}

// askEnds asks the engine once for the ends of those shards that are at open, and sets them. It returns those that end before their marks.
func (n *Node) askEnds(ctx context.Context, shards, open []int, ends []uint64, errs []error) (short []int) {
	asked, marks := make([]int, len(open)), make([]engine.Mark, len(open))
	for i, at := range open {
		asked[i], marks[i] = shards[at], n.cfg.Marks.Mark(shards[at]) // as it is before the question
	}
	asking, cancel := context.WithTimeout(ctx, core.CallTimeout)
	defer cancel()
	found, failed := n.cfg.Engine.Ends(asking, asked)
	for i, at := range open {
		ends[at], errs[at] = found[i], unanswered(ctx, asking, failed[i])
		if errs[at] == nil {
			if errs[at] = operator.CheckTail(marks[i], found[i]); errs[at] != nil {
				short = append(short, at)
			}
		}
	}
	return short
}

// EndMarks returns for each shard the mark of the record with which its log ends, the zero Mark for an empty log, or why that can't
// be had.
func (n *Node) EndMarks(ctx context.Context) ([]engine.Mark, []error) {
	marks, all := make([]engine.Mark, len(n.loops)), make([]int, len(n.loops))
	for s := range all {
		all[s] = s
	}
	ends, errs := n.Ends(ctx, all)
	together(len(all), func(s int) {
		if errs[s] == nil {
			marks[s], errs[s] = n.endMark(ctx, s, ends[s])
		}
	})
	return marks, errs
}

// endMark is the mark of the last record of a log, which ends at a position or later: as this node's copy has it, or else the log.
func (n *Node) endMark(ctx context.Context, s int, end uint64) (engine.Mark, error) {
	if v := n.loops[s].view.Load(); v.mark.Position == end && v.mark.ID != "" {
		return v.mark, nil
	}
	tail, err := n.tail(ctx, s)
	if err != nil || tail.Seq == 0 {
		return engine.Mark{}, err
	}
	r, err := decode(tail)
	if err != nil {
		return engine.Mark{}, err
	}
	return engine.Mark{Position: tail.Seq, ID: r.ID}, nil
}

// ViewAt returns the state of a shard at the position or later, and the mark of the last record in it. The caller closes the
// view. It is that of this node's copy of the shard, where that is as far, and else of one that is made of the newest
// snapshot and the log, so that it needs no other node; it is kept for the next call. Errors are those of the engine, and an
// error for a logic that is no [operator.Viewer].
func (n *Node) ViewAt(ctx context.Context, s int, position uint64) (operator.View, engine.Mark, error) {
	for {
		known, viewer, err := n.shown(ctx, s, position)
		if err != nil {
			return nil, engine.Mark{}, err
		}
		if known == nil {
			return n.copyOf(ctx, s, position)
		}
		v := viewer.View()
		if v == nil { // the loop has just dropped the shard, and not shown it yet
			return n.copyOf(ctx, s, position)
		}
		if v.Position() <= known.position {
			return v, known.mark, nil // nothing was applied since
		}
		position = v.Position()
		v.Close()
	}
}

// shown returns what this node's loop shows of the shard at the position or later, with its logic; nothing if that is not to be soon.
func (n *Node) shown(ctx context.Context, s int, position uint64) (*view, operator.Viewer, error) {
	if s < 0 || s >= len(n.loops) {
		return nil, nil, n.noShard(s)
	}
	if _, err := viewerOf(n.loops[s].view.Load().logic); err != nil {
		return nil, nil, err
	}
	known := n.viewAt(ctx, s, position, localWait)
	if known == nil {
		return nil, nil, nil
	}
	viewer, err := viewerOf(known.logic)
	return known, viewer, err
}

// viewerOf returns the logic as one that can be looked at.
func viewerOf(l operator.Logic) (operator.Viewer, error) {
	v, ok := l.(operator.Viewer)
	if !ok {
		return nil, errors.New("the logic of the pipeline's shards shows no state")
	}
	return v, nil
}

// viewAt returns what this node's loop shows of the shard once it has reached the position; nil when that is not to be,
// or not within bound.
func (n *Node) viewAt(ctx context.Context, shard int, position uint64, bound time.Duration) *view {
	l := n.loops[shard]
	v := l.view.Load()
	if v.position >= position {
		return v
	}
	late := time.NewTimer(bound)
	defer late.Stop()
	for {
		shown := l.shown.wait() // before the look: what is shown meanwhile closes it
		v = l.view.Load()
		if v.position >= position {
			return v
		}
		if v.state == operator.None || v.state == operator.Halted {
			return nil
		}
		select {
		case <-shown:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// restored returns an operator, the very one that owns shards, with the newest snapshot, the generation of its reading
// and the position from which it reads on.
func (n *Node) restored(ctx context.Context, s int) (op *operator.Operator, gen, from uint64) {
	cfg := operator.Config{Shard: s, Apart: true, Logic: func() operator.Logic { return n.cfg.Logic(s) }}
	op = operator.New(cfg)
	op.Marked(time.Time{}, n.cfg.Marks.Mark(s))
	op.Assign(time.Time{}, operator.Assignment{Role: operator.Standby})
	for effects := op.Effects(); len(effects) > 0; effects = op.Effects() {
		for _, e := range effects {
			switch e := e.(type) {
			case operator.Restore:
				r, _ := n.newest(ctx, cfg)
				op.Restored(time.Time{}, e.Gen, r)
			case operator.Follow:
				from, gen = e.From, e.Gen
			}
		}
	}
	return op, gen, from
}
