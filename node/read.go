package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/store"
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

// DataOptions choose what [Node.WriteData] does about shards that can't be read.
type DataOptions struct {
	// Partial: write the others also when it is known from the start that some are missing.
	Partial bool
}

// MissingError says that an answer is without some shards, whose logs are damaged.
type MissingError struct {
	// Shards are the numbers, in order, and Errs the reasons.
	Shards []int
	Errs   []error
}

// Error names the shards.
func (e *MissingError) Error() string {
	return fmt.Sprintf("shards %v are missing: %v", e.Shards, errors.Join(e.Errs...))
}

// Unwrap returns the reasons.
func (e *MissingError) Unwrap() []error { return e.Errs }

// add notes err if it is of a kind that concerns its shard alone, and reports whether it is.
func (e *MissingError) add(s int, err error) bool {
	if !errors.Is(err, engine.ErrDamaged) && !errors.Is(err, engine.ErrTrimmed) {
		return false
	}
	e.Shards, e.Errs = append(e.Shards, s), append(e.Errs, fmt.Errorf("shard %d: %w", s, err))
	return true
}

// WriteData writes the quads of all shards as N-Quads and returns the cursor from which to follow them. Each shard is as
// its log said at or after the call: whatever was accepted before is in it. It reads this node's copy of a shard, where
// that is as far, and otherwise brings the newest snapshot to the tail, so that it needs no other node; it keeps what it
// has made of it for the next call.
//
// A shard that can't be read doesn't stop the others: the error is then a [MissingError], the cursor is without the
// shard, and a comment at the end says so. When that is known from the start, nothing is written, unless o says so.
func (n *Node) WriteData(ctx context.Context, w io.Writer, o DataOptions) (Cursor, error) {
	missing := &MissingError{}
	tails, errs := n.ends(ctx)
	for s, err := range errs {
		if err != nil && !missing.add(s, err) {
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	if len(missing.Shards) > 0 && !o.Partial {
		return nil, missing
	}
	cursor := Cursor{}
	for s := range n.loops {
		if errs[s] != nil {
			continue
		}
		at, err := n.writeShard(ctx, w, s, tails[s])
		switch {
		case err == nil:
			cursor[s] = at
		case !missing.add(s, err):
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	if len(missing.Shards) == 0 {
		return cursor, nil
	}
	_, err := fmt.Fprintf(w, "# incomplete: %s\n", strings.ReplaceAll(missing.Error(), "\n", "; "))
	return cursor, errors.Join(missing, err)
}

// ends returns where the logs end, and why a shard's data can't be had.
func (n *Node) ends(ctx context.Context) ([]uint64, []error) {
	tails, errs := make([]uint64, len(n.loops)), make([]error, len(n.loops))
	together(len(n.loops), func(s int) {
		if v := n.loops[s].view.Load(); v.state == operator.Halted {
			errs[s] = v.err
			return
		}
		tail, err := n.tail(ctx, s)
		tails[s], errs[s] = tail.Seq, err
	})
	return tails, errs
}

func (n *Node) writeShard(ctx context.Context, w io.Writer, s int, tail uint64) (engine.Mark, error) {
	v, at, err := n.copyAt(ctx, s, tail)
	if err != nil {
		return at, err
	}
	defer v.Close()
	buf := make([]byte, 0, 64<<10)
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			return at, err
		}
		buf = nquads.AppendQuad(buf, q)
		if len(buf) > 60<<10 {
			if _, err := w.Write(buf); err != nil {
				return at, err
			}
			buf = buf[:0]
		}
	}
	_, err = w.Write(buf)
	return at, err
}

// copyAt returns the shard's quads at tail or later, and the mark of the last record in them.
func (n *Node) copyAt(ctx context.Context, s int, tail uint64) (store.View, engine.Mark, error) {
	if _, ok := n.loops[s].view.Load().logic.(*dataset.Logic); !ok {
		return nil, engine.Mark{}, errors.New("the pipeline's operators keep no RDF")
	}
	for {
		known := n.viewAt(ctx, s, tail, localWait)
		if known == nil {
			return n.copyOf(ctx, s, tail)
		}
		v := known.logic.(*dataset.Logic).Store().View()
		if v.Position() <= known.position {
			return v, known.mark, nil // nothing was applied since
		}
		tail = v.Position()
		v.Close()
	}
}

// viewAt returns what this node's loop shows of the shard once it has reached the position; nil when that is not to be,
// or not within bound.
func (n *Node) viewAt(ctx context.Context, shard int, position uint64, bound time.Duration) *view {
	for deadline := time.Now().Add(bound); ; {
		v := n.loops[shard].view.Load()
		if v.position >= position {
			return v
		}
		if v.state == operator.None || v.state == operator.Halted || time.Now().After(deadline) {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
	}
}

// restored returns an operator, the very one that owns shards, with the newest snapshot, the generation of its reading
// and the position from which it reads on.
func (n *Node) restored(ctx context.Context, s int) (op *operator.Operator, gen, from uint64) {
	cfg := operator.Config{Shard: s, Logic: func() operator.Logic { return dataset.New() }}
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
