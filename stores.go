package quadrille

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"

	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// Store says where a node keeps the quads of its shards.
type Store string

// The places. Quads on a disk are for shards that are larger than memory; a node that starts again has them, and reads the end of the
// logs only.
const (
	StoreMemory Store = "memory"
	StoreDisk   Store = "disk"
)

// storeBuffer is about the memory that the stores on a disk of all shards of a node take for what isn't written yet, in bytes. For what was
// read they have one cache.
const storeBuffer = 512 << 20

// logic makes the logic of shards. A folder of their quads is this process's until the end.
func (r *Runtime) logic() (fn func(shard int) operator.Logic, err error) {
	c := &r.cfg
	switch {
	case c.Store != StoreDisk && c.Index:
		return func(int) operator.Logic { return logging(dataset.Indexed(), c.Logger) }, nil
	case c.Store != StoreDisk:
		return func(int) operator.Logic { return logging(dataset.New(), c.Logger) }, nil
	}
	dir := filepath.Join(c.Dir, "quads", c.Pipeline)
	if r.quads, err = ondisk.Take(dir); err != nil {
		return nil, fmt.Errorf("store of quads: %w", err)
	}
	aside, err := ondisk.Aside(dir)
	if err != nil {
		return nil, fmt.Errorf("store of quads: %w", err)
	}
	for _, folder := range aside {
		c.Logger.Warn("a shard's quads that were found damaged are still there; the folder can be removed", "folder", folder)
	}
	buffer := uint64(min(max(storeBuffer/4/c.Shards, 1<<20), disk.DefaultBuffer))
	return func(shard int) operator.Logic {
		l := ondisk.New(disk.Options{Dir: filepath.Join(dir, strconv.Itoa(shard)), Buffer: buffer})
		logging(l.Logic, c.Logger)
		return l
	}, nil
}

func logging(l *dataset.Logic, log *slog.Logger) *dataset.Logic {
	l.Logger = log
	return l
}
