package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quadrille-stream/quadrille/operator"
)

// stalled is how long the reading of a snapshot may bring nothing before it is given up for the one before it, or for the
// log; and how long the writing of one may stand still before it is given up for the next.
const stalled = 15 * time.Second

// blob is the name of a shard's snapshot at a position.
func blob(shard int, position uint64) string { return fmt.Sprintf("shard/%05d/%020d", shard, position) }

// blobs returns the names of a shard's snapshots, the newest first.
func (n *Node) blobs(ctx context.Context, shard int) ([]string, error) {
	infos, err := n.cfg.Engine.Blobs().List(ctx, fmt.Sprintf("shard/%05d/", shard))
	names := make([]string, len(infos))
	for i, info := range infos {
		names[len(infos)-1-i] = info.Name
	}
	return names, err
}

// newest returns what the newest snapshot holds that can be read, with its size, and nil when there is none, or ctx has ended. It takes as
// long as the network takes.
func (n *Node) newest(ctx context.Context, cfg operator.Config) (r *operator.Restored, size int) {
	listing, cancel := context.WithTimeout(ctx, stalled)
	names, err := n.blobs(listing, cfg.Shard)
	cancel()
	if err != nil && ctx.Err() == nil {
		n.log.Warn("snapshots can't be listed; the log is read from its start", "shard", cfg.Shard, "err", err)
	}
	for _, name := range names {
		r, size, err := n.readSnapshot(ctx, cfg, name)
		if err == nil {
			return r, size
		}
		if ctx.Err() != nil {
			return nil, 0
		}
		n.log.Warn("snapshot can't be read; the one before it is used, or the log", "shard", cfg.Shard,
			"snapshot", name, "err", err)
	}
	return nil, 0
}

// readSnapshot reads one snapshot.
func (n *Node) readSnapshot(ctx context.Context, cfg operator.Config, name string) (r *operator.Restored, size int, err error) {
	ctx, w, stop := watch(ctx)
	defer stop()
	blob, err := n.cfg.Engine.Blobs().Get(ctx, name)
	if err != nil {
		return nil, 0, errors.Join(err, context.Cause(ctx))
	}
	w.Reader = blob
	r, err = operator.ReadSnapshot(cfg, w)
	if err = errors.Join(err, blob.Close()); err != nil {
		return nil, 0, errors.Join(err, context.Cause(ctx))
	}
	return r, w.size, nil
}

var errSilent = fmt.Errorf("nothing came for %v", stalled)

// watched is a reader that puts the timer off with all that comes, and counts it.
type watched struct {
	io.Reader
	timer *time.Timer
	size  int
}

// watch returns a context that ends when nothing has come through the reader for too long.
func watch(ctx context.Context) (context.Context, *watched, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watched{timer: time.AfterFunc(stalled, func() { cancel(errSilent) })}
	return ctx, w, func() {
		w.timer.Stop()
		cancel(nil)
	}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.size += n
	if n > 0 {
		w.timer.Reset(stalled)
	}
	return n, err
}

// KeptSnapshots is how many snapshots of a shard stay: the newest, and the one before it, for when the newest can't be read.
const KeptSnapshots = 2

// snapshot keeps a snapshot, and takes those away that are older than the ones that stay.
func (n *Node) snapshot(ctx context.Context, shard int, s operator.TakeSnapshot) (size int, err error) {
	if size, err = n.put(ctx, blob(shard, s.Position), s); err != nil {
		return 0, err
	}
	names, err := n.blobs(ctx, shard)
	for _, name := range names[min(KeptSnapshots, len(names)):] {
		err = errors.Join(err, n.cfg.Engine.Blobs().Delete(ctx, name))
	}
	return size, err
}

func (n *Node) put(ctx context.Context, name string, s operator.TakeSnapshot) (size int, err error) {
	ctx, watched, stop := watch(ctx)
	defer stop()
	r, w := io.Pipe()
	go func() { w.CloseWithError(s.Write(w)) }()
	watched.Reader = r
	err = n.cfg.Engine.Blobs().Put(ctx, name, watched)
	r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	if err != nil {
		return 0, errors.Join(err, context.Cause(ctx))
	}
	return watched.size, nil
}
