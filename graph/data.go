package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/store"
)

// DataOptions choose what [Graph.WriteData] does about shards that can't be read.
type DataOptions struct {
	// Partial: write the others also when it is known from the start that some are missing.
	Partial bool
}

// WriteData writes the quads of all shards as N-Quads and returns the cursor from which to follow them. Each shard is as
// its log said at or after the call: whatever was accepted before is in it. It reads this node's copy of a shard, where
// that is as far, and otherwise brings the newest snapshot to the tail, so that it needs no other node; it keeps what it
// has made of it for the next call.
//
// A shard that can't be read doesn't stop the others: the error is then a [MissingError], the cursor is without the
// shard, and a comment at the end says so. When that is known from the start, nothing is written, unless o says so.
func (g *Graph) WriteData(ctx context.Context, w io.Writer, o DataOptions) (engine.Cursor, error) {
	missing := &MissingError{}
	tails, errs := g.Ends(ctx)
	for s, err := range errs {
		if err != nil && !missing.add(s, err) {
			return nil, fmt.Errorf("shard %d: %w", s, err)
		}
	}
	if len(missing.Shards) > 0 && !o.Partial {
		return nil, missing
	}
	cursor := engine.Cursor{}
	for s := range tails {
		if errs[s] != nil {
			continue
		}
		at, err := g.writeShard(ctx, w, s, tails[s])
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

func (g *Graph) writeShard(ctx context.Context, w io.Writer, s int, tail uint64) (engine.Mark, error) {
	v, at, err := g.viewAt(ctx, s, tail)
	if err != nil {
		return at, err
	}
	defer v.Close()
	buf := make([]byte, 0, 64<<10)
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			return at, err
		}
		if buf = nquads.AppendQuad(buf, q); len(buf) < 60<<10 {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return at, err
		}
		buf = buf[:0]
	}
	_, err = w.Write(buf)
	return at, err
}

// View returns the shard's quads at the end of its log as it is at the call or later, so that whatever was accepted before is
// in it, and the mark of the last record in them. The caller closes the view. The node reads its own copy of the shard where
// that is as far, else it makes one. Errors are those of the engine, such as [engine.ErrDamaged].
func (g *Graph) View(ctx context.Context, shard int) (store.View, engine.Mark, error) {
	end, err := g.End(ctx, shard)
	if err != nil {
		return nil, engine.Mark{}, err
	}
	return g.viewAt(ctx, shard, end)
}

// viewAt is View at a known end of the log.
func (g *Graph) viewAt(ctx context.Context, shard int, end uint64) (store.View, engine.Mark, error) {
	v, at, err := g.Node.ViewAt(ctx, shard, end)
	if err != nil {
		return nil, at, err
	}
	quads, ok := v.(store.View)
	if !ok {
		v.Close()
		return nil, at, fmt.Errorf("shard %d: the logic of this graph shows no quads", shard)
	}
	return quads, at, nil
}
