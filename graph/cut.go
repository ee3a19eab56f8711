package graph

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/store"
)

// cut is the state of shards, each at one position.
type cut struct {
	views []store.View
	marks engine.Cursor
}

func (c *cut) release() {
	for _, v := range c.views {
		v.Close()
	}
}

// pin opens the views of the shards that answer a query, each at its position or later.
func (g *Graph) pin(ctx context.Context, q *asked, from []uint64) (*cut, error) {
	c := &cut{marks: engine.Cursor{}}
	for i, s := range q.shards {
		view, at, err := g.searched(ctx, s, from[i], !q.bySubject)
		if err == nil {
			c.views, c.marks[s] = append(c.views, view), at
			err = reached(s, at, q.after[s])
		}
		if err != nil {
			c.release()
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	return c, nil
}

// positions are those at which the shards must be, at least: where After says, or at the end of the log as it is now, or later.
func (g *Graph) positions(ctx context.Context, q *asked) ([]uint64, error) {
	positions := make([]uint64, len(q.shards))
	var open, at []int // shards whose ends are asked for, and where they are among all
	for i, s := range q.shards {
		if after, known := q.after[s]; known {
			positions[i] = after.Position
		} else {
			open, at = append(open, s), append(at, i)
		}
	}
	ends, errs := g.Ends(ctx, open)
	for i, s := range open {
		if errs[i] != nil {
			return nil, fmt.Errorf("shard %d: %w", s, errs[i])
		}
		positions[at[i]] = ends[i]
	}
	return positions, nil
}

// searched is ViewAt for who looks for quads.
func (g *Graph) searched(ctx context.Context, s int, position uint64, wait bool) (store.View, engine.Mark, error) {
	v, at, err := g.IndexedViewAt(ctx, s, position, wait)
	if err != nil {
		return nil, at, err
	}
	quads, err := quadsOf(v)
	return quads, at, err
}

// reached is an error if a shard is not where a cursor is, since its log has no such record.
func reached(s int, at, after engine.Mark) error {
	if at.Position < after.Position {
		return cursorError(s, "its log ends at %d, before the cursor's %d", at.Position, after.Position)
	}
	if at.Position == after.Position && !after.Names(at.ID) {
		return cursorError(s, "the record at %d is %s, and the cursor names %s", at.Position, engine.ShortID(at.ID), engine.ShortID(after.ID))
	}
	return nil
}

func cursorError(s int, format string, args ...any) error {
	return fmt.Errorf("%w: shard %d: %s", node.ErrCursor, s, fmt.Sprintf(format, args...))
}
