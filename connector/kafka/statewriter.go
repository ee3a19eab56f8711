package kafka

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/store"
)

// stateTransaction is the size of a transaction of states in bytes, unless one state is larger.
const stateTransaction = 1 << 20

// begin writes the states that the shard has, or what is left of that. Some of it may be there after an error.
func (w *writer) begin(ctx context.Context) error {
	view, of, err := w.view(ctx, w.progress.seen)
	if err != nil {
		return err
	}
	defer view.Close()
	return w.states(ctx).initial(view, of)
}

// writeStates writes the subjects that records name.
func (w *writer) writeStates(ctx context.Context, records []connector.Record) error {
	last := records[len(records)-1]
	view, of, err := w.view(ctx, max(last.Position, w.progress.seen))
	if err != nil {
		return err
	}
	defer view.Close()
	return w.states(ctx).changed(view, of, records)
}

// view returns the shard at a position or later.
func (w *writer) view(ctx context.Context, position uint64) (store.View, engine.Mark, error) {
	view, of, err := w.cfg.View(ctx, w.shard, position)
	if err != nil {
		return nil, of, fmt.Errorf("the state of shard %d at position %d or later: %w", w.shard, position, err)
	}
	return view, of, nil
}

// states goes on from the progress of the writer, and commits with it.
func (w *writer) states(ctx context.Context) *states {
	return &states{progress: w.progress, format: w.cfg.States, bound: stateTransaction,
		commit: func(of engine.Mark, list []state, next *progress) error {
			records := append(w.stateRecords(of, list), w.positionRecord("", next.text(w.topic)))
			if err := w.transact(ctx, records...); err != nil {
				return err
			}
			w.progress = *next
			return nil
		}}
}
