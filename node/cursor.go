package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// ErrCursor says that a reader can't go on from its cursor: the log has another record at the position, or none, or the
// position is inside a transaction. Nothing is skipped in its place. Begin with a cursor that a node has handed out, or
// at the start.
var ErrCursor = errors.New("no reader can go on from this cursor")

// cursorError is an [ErrCursor] that tells the shard, the position, and what is there.
func cursorError(s int, at engine.Mark, format string, args ...any) error {
	return fmt.Errorf("%w: shard %d, position %d: %s", ErrCursor, s, at.Position, fmt.Sprintf(format, args...))
}

// resumeAt returns the chain of a reader that has read up to the mark, of which e is what the log has there or next.
func resumeAt(s int, at engine.Mark, e engine.Entry) (*operator.Chain, error) {
	if e.Seq != at.Position {
		return nil, cursorError(s, at, "the log has no record there; the next is at %d", e.Seq)
	}
	chain, err := operator.ResumeAt(s, e.Seq, e.Payload)
	if err == nil && !at.Names(chain.Head) {
		return nil, cursorError(s, at, "the log has the record %s there, and the cursor names %s", engine.ShortID(chain.Head),
			engine.ShortID(at.ID))
	}
	return chain, err
}

// errFound ends a reading that has found what it looked for.
var errFound = errors.New("found")

// Resolve checks a cursor, and returns it with the ids that are missing. The error is an [ErrCursor] when nobody can read
// on from it, and names the first shard, by number. A shard of which the log can't be read is left as it is: who follows
// it hears why.
func (n *Node) Resolve(ctx context.Context, c engine.Cursor) (engine.Cursor, error) {
	shards := make([]int, 0, len(c))
	for s := range c {
		if s < 0 || s >= len(n.loops) {
			return nil, n.noShard(s)
		}
		shards = append(shards, s)
	}
	slices.Sort(shards)
	marks, errs := make([]engine.Mark, len(shards)), make([]error, len(shards))
	together(len(shards), func(i int) {
		marks[i], errs[i] = n.resolve(ctx, shards[i], c[shards[i]])
	})
	resolved := engine.Cursor{}
	for i, s := range shards {
		if errs[i] != nil {
			return nil, errs[i]
		}
		resolved[s] = marks[i]
	}
	return resolved, nil
}

func (n *Node) resolve(ctx context.Context, s int, at engine.Mark) (engine.Mark, error) {
	if at.Position == 0 {
		return engine.Mark{}, nil
	}
	if known := n.loops[s].view.Load(); known.state == operator.Owning && known.mark.Position == at.Position &&
		at.ID != "" && at.Names(known.mark.ID) {
		return known.mark, nil
	}
	var chain *operator.Chain
	var id string // of the record at the position
	tail, err := n.cfg.Engine.Shard(s).Read(ctx, at.Position, func(e engine.Entry) (err error) {
		if chain == nil {
			if chain, err = resumeAt(s, at, e); err == nil {
				id = chain.Head
			}
		} else {
			_, err = chain.Push(e.Seq, e.Payload)
		}
		if err == nil && !chain.Inside() {
			return errFound
		}
		return err
	})
	switch {
	case errors.Is(err, errFound):
		return engine.Mark{Position: at.Position, ID: id}, nil
	case errors.Is(err, operator.ErrInside), err == nil && chain != nil:
		return at, insideError(s, at)
	case err == nil:
		return at, endError(s, at, tail)
	case errors.Is(err, ErrCursor), ctx.Err() != nil:
		return at, err
	}
	return at, nil
}

func insideError(s int, at engine.Mark) error {
	return cursorError(s, at, "it is inside a transaction of several records; take the position of the record before them")
}

func endError(s int, at engine.Mark, tail uint64) error {
	return cursorError(s, at, "the log ends at %d", tail)
}

// Tails returns a cursor after the last whole record of every shard: what a transaction of several records has written
// while it isn't closed is yet to come.
func (n *Node) Tails(ctx context.Context) (engine.Cursor, error) {
	marks, errs := make([]engine.Mark, len(n.loops)), make([]error, len(n.loops))
	together(len(n.loops), func(s int) {
		if v := n.loops[s].view.Load(); v.state == operator.Owning {
			marks[s] = v.mark // nobody else writes the log
		} else {
			marks[s], errs[s] = n.lastWhole(ctx, s)
		}
	})
	c := engine.Cursor{}
	for s, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("tail of shard %d: %w", s, err)
		}
		c[s] = marks[s]
	}
	return c, nil
}

// Before returns a cursor so many positions before the end of each log, behind the newest whole record up to there, so that a reader gets all
// that is later. A shard whose log isn't as long, or has no such record, isn't in it: it is read from its start. In an engine that has several
// shards in a log of its own, positions are those of all of them. Errors are those of the engine.
func (n *Node) Before(ctx context.Context, positions uint64) (engine.Cursor, error) {
	marks, errs := make([]engine.Mark, len(n.loops)), make([]error, len(n.loops))
	together(len(n.loops), func(s int) { marks[s], errs[s] = n.before(ctx, s, positions) })
	c := engine.Cursor{}
	for s, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
		if marks[s].Position > 0 {
			c[s] = marks[s]
		}
	}
	return c, nil
}

func (n *Node) before(ctx context.Context, s int, positions uint64) (at engine.Mark, err error) {
	tail, err := n.tail(ctx, s)
	if err != nil || tail.Seq <= positions {
		return at, err
	}
	return n.lastThatFits(ctx, s, tail.Seq-positions, func(r *operator.Record) bool { return !r.More })
}

// lastWhole returns the mark of the last record of the log that isn't inside a transaction.
func (n *Node) lastWhole(ctx context.Context, s int) (engine.Mark, error) {
	tail, err := n.tail(ctx, s)
	if err != nil || tail.Seq == 0 {
		return engine.Mark{}, err
	}
	r, err := decode(tail)
	if err != nil {
		return engine.Mark{}, err
	}
	// There are at least as many records before it as parts; other logs may have positions between them.
	for back := uint64(r.Part); r.More; back *= 2 {
		from := tail.Seq - min(back, tail.Seq)
		at, err := n.wholeFrom(ctx, s, from)
		if err != nil || at.Position > 0 {
			return at, err
		}
		if from == 0 {
			return engine.Mark{}, fmt.Errorf("%w: it begins inside a transaction", engine.ErrDamaged)
		}
	}
	return engine.Mark{Position: tail.Seq, ID: r.ID}, nil
}

// wholeFrom returns the last whole record before the transaction that is open, if one stands at from or later.
func (n *Node) wholeFrom(ctx context.Context, s int, from uint64) (at engine.Mark, err error) {
	_, err = n.cfg.Engine.Shard(s).Read(ctx, from, func(e engine.Entry) error {
		r, err := decode(e)
		switch {
		case err != nil:
			return err
		case !r.More:
			at = engine.Mark{Position: e.Seq, ID: r.ID}
		case at.Position == 0:
			return errFound // it begins before from
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return at, err
}

// Head returns the id of the newest delta of a shard's log up to the position, which an event can build on ([event.Event]); "" if there is none.
// Errors are those of the engine.
func (n *Node) Head(ctx context.Context, s int, position uint64) (string, error) {
	if s < 0 || s >= len(n.loops) {
		return "", n.noShard(s)
	}
	if position == 0 {
		return "", nil
	}
	return n.deltaBefore(ctx, s, position)
}

// deltaBefore returns the id of the last whole delta of the log up to the position, "" if there is none, or the log was trimmed
// behind it.
func (n *Node) deltaBefore(ctx context.Context, s int, position uint64) (string, error) {
	at, err := n.lastThatFits(ctx, s, position, func(r *operator.Record) bool { return r.Kind == operator.Delta && !r.More })
	return at.ID, err
}

// lastThatFits returns the mark of the last record of the log up to the position that fits, the zero one if there is none, or the log was trimmed
// behind it. Few records stand between two that fit: it looks at the last one, the last two, the last four, and so on.
func (n *Node) lastThatFits(ctx context.Context, s int, position uint64, fits func(*operator.Record) bool) (at engine.Mark, err error) {
	for back := uint64(1); ; back *= 2 {
		from := position - min(back, position)
		err := n.readSpan(ctx, s, from, position, func(position uint64, r *operator.Record) {
			if fits(r) {
				at = engine.Mark{Position: position, ID: r.ID}
			}
		})
		if errors.Is(err, engine.ErrTrimmed) {
			return engine.Mark{}, nil
		}
		if err != nil || at.Position > 0 || from == 0 {
			return at, err
		}
	}
}

// readSpan hands over the records of a log from one position up to another. What stands behind is not looked at.
func (n *Node) readSpan(ctx context.Context, s int, from, to uint64, fn func(position uint64, r *operator.Record)) error {
	_, err := n.cfg.Engine.Shard(s).Read(ctx, from, func(e engine.Entry) error {
		if e.Seq > to {
			return errFound
		}
		r, err := decode(e)
		if err != nil {
			return err
		}
		if fn(e.Seq, r); e.Seq == to {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// readers bounds how many shards one reader reads at a time.
const readers = 8

// together calls fn for 0 to n-1, a few at a time.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range min(n, readers) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	all.Wait()
}
