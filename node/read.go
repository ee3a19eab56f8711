package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/store"
)

// Follow reads the deltas of the shards' logs, each shard's in order, and calls fn for one at a time. Every node can
// read every shard. fn's error ends the reading and is returned. Live reading returns ctx.Err() when ctx ends. A log that
// ends before it is known to go, or has other records, is [engine.ErrDamaged]; live reading notices when it goes on.
func (n *Node) Follow(ctx context.Context, o FollowOptions, fn func(Record) error) error {
	shards := o.Shards
	if shards == nil {
		for s := range n.loops {
			shards = append(shards, s)
		}
	}
	for _, s := range shards {
		if s < 0 || s >= len(n.loops) {
			return fmt.Errorf("shard %d: the pipeline has shards 0 to %d", s, len(n.loops)-1)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var one sync.Mutex
	for _, s := range shards {
		all.Go(func() {
			err := n.followShard(ctx, s, o.From[s], o.Live, func(r Record) error {
				one.Lock()
				defer one.Unlock()
				if err := ctx.Err(); err != nil {
					return err
				}
				return fn(r)
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (n *Node) followShard(ctx context.Context, s int, from uint64, live bool, fn func(Record) error) error {
	chain := operator.Resume(s, from)
	var raw []byte
	push := func(e engine.Entry) error {
		if raw == nil {
			raw = e.Payload
		} else {
			raw = append(bytes.Clone(raw), e.Payload...)
		}
		before := chain.Seq
		r, err := chain.Push(e.Seq, e.Payload)
		if err == nil {
			err = operator.CheckMark(n.cfg.Marks.Mark(s), before, e.Seq, chain.Head)
		}
		if err != nil || r == nil {
			return err
		}
		whole := raw
		raw = nil
		if r.Kind != operator.Delta {
			return nil
		}
		return fn(Record{Shard: s, Position: e.Seq, ID: r.ID, Prev: r.Prev, Time: r.Time, Body: r.Body, Raw: whole})
	}
	log := n.cfg.Engine.Shard(s)
	if live {
		return log.Follow(ctx, from+1, push)
	}
	mark := n.cfg.Marks.Mark(s)
	for tries := 1; ; tries++ {
		tail, err := log.Read(ctx, chain.Seq+1, push)
		if err != nil {
			return err
		}
		if err = operator.CheckTail(mark, tail); err == nil || tries == tailTries {
			return err
		}
		if err := pause(ctx, tailPause); err != nil {
			return err
		}
	}
}

// Tails returns the position of the last record of every shard's log. It is [engine.ErrDamaged] if one ends before it is
// known to go.
func (n *Node) Tails(ctx context.Context) (Positions, error) {
	p := Positions{}
	for s := range n.loops {
		e, err := n.tail(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("tail of shard %d: %w", s, err)
		}
		p[s] = e.Seq
	}
	return p, nil
}

// localWait bounds how long a reader waits for this node's copy of a shard to reach the tail.
const localWait = 200 * time.Millisecond

// WriteData writes the quads of all shards as N-Quads and returns their positions. Each shard is as its log said at or
// after the call: whatever was accepted before is in it. It reads this node's copy of a shard, where that is as far, and
// otherwise brings the newest snapshot to the tail, so that it needs no other node. A log that ends before it is known to
// go is [engine.ErrDamaged].
func (n *Node) WriteData(ctx context.Context, w io.Writer) (Positions, error) {
	positions := Positions{}
	for s := range n.loops {
		at, err := n.writeShard(ctx, w, s)
		if err != nil {
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
		positions[s] = at
	}
	return positions, nil
}

func (n *Node) writeShard(ctx context.Context, w io.Writer, s int) (uint64, error) {
	tail, err := n.tail(ctx, s)
	if err != nil {
		return 0, err
	}
	quads, at, err := n.copyAt(ctx, s, tail.Seq)
	if err != nil {
		return 0, err
	}
	v := quads.View()
	defer v.Close()
	buf := make([]byte, 0, 64<<10)
	v.Quads(func(q rdf.Quad) bool {
		buf = nquads.AppendQuad(buf, q)
		if len(buf) > 60<<10 {
			_, err = w.Write(buf)
			buf = buf[:0]
		}
		return err == nil
	})
	if err == nil {
		_, err = w.Write(buf)
	}
	return at, err
}

// copyAt returns the shard's quads at tail or later.
func (n *Node) copyAt(ctx context.Context, s int, tail uint64) (store.Store, uint64, error) {
	if _, ok := n.loops[s].view.Load().logic.(*dataset.Logic); !ok {
		return nil, 0, errors.New("the pipeline's operators keep no RDF")
	}
	v := n.viewAt(ctx, s, tail, localWait)
	if v == nil {
		return n.rebuild(ctx, s)
	}
	return v.logic.(*dataset.Logic).Store(), v.position, nil
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

// rebuild makes the shard's quads anew from the newest snapshot and the log, with the very operator that owns shards.
func (n *Node) rebuild(ctx context.Context, s int) (store.Store, uint64, error) {
	cfg := operator.Config{Shard: s, Logic: func() operator.Logic { return dataset.New() }}
	op := operator.New(cfg)
	op.Marked(time.Time{}, n.cfg.Marks.Mark(s))
	op.Assign(time.Time{}, operator.Assignment{Role: operator.Standby})
	for effects := op.Effects(); len(effects) > 0; effects = op.Effects() {
		for _, e := range effects {
			switch e := e.(type) {
			case operator.Restore:
				op.Restored(time.Time{}, e.Gen, n.newest(ctx, cfg))
			case operator.Follow:
				if err := n.replay(ctx, s, op, e); err != nil {
					return nil, 0, err
				}
			}
		}
	}
	return op.Logic().(*dataset.Logic).Store(), op.Position(), op.Err()
}

// replay brings the operator to the tail of the log. What it doubts is read again.
func (n *Node) replay(ctx context.Context, s int, op *operator.Operator, e operator.Follow) error {
	_, err := n.cfg.Engine.Shard(s).Read(ctx, e.From, func(entry engine.Entry) error {
		op.Entries(time.Time{}, e.Gen, []engine.Entry{entry})
		op.Effects() // notices alone, that would pile up
		if op.Waiting() {
			return errDoubt
		}
		return op.Err()
	})
	if err != nil && !errors.Is(err, errDoubt) {
		return err
	}
	op.ReadDone(time.Time{}, e.Gen, nil)
	if op.Waiting() {
		err = pause(ctx, tailPause)
		op.Tick(time.Time{}.Add(time.Hour))
		return err
	}
	return nil
}

// errDoubt ends a reading that the operator doubts.
var errDoubt = errors.New("the log contradicts what is known of it")
