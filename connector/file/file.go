// Package file reads and writes files. A [Source] reads those of folders, and follows those that grow. A [Sink] writes the log
// of each shard to a file, as an RDF Patch log.
//
// The file of shard 3 is shard-0003.rdfp. Each delta of the shard's log stands there as a patch of one transaction, however many
// records it took, after a comment that gives its place and the sum of what follows:
//
//	# shard 3 position 17 length 412 sum n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg
//	H id <ni:///sha-256;…> .
//	H prev <ni:///sha-256;…> .
//	H shard "3" .
//	H time "2026-01-02T03:04:05Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
//	TX .
//	…
//	TC .
//
// Exactly once: how far the sink has come is in the file itself, so that it can't depart from what was written. When a
// file is opened, every patch in it is checked by its sum, and that each follows the one before. An end that a crash has torn is
// cut back to the last whole one and written again from the log. One that is bad though good ones stand behind it is damage: the
// shard stops with an error that names the file and the byte, until somebody has moved the file away; then all of it is
// written anew. So it is when the log, at the position of the file's last patch, has another record or none.
//
// A file that is rotated becomes a piece, such as shard-0003-00000000000000000017.rdfp, with the position of its first patch;
// it may be compressed then. By name the pieces come in the order of the log, and before the file that is written. A piece is
// compressed only when something has been written behind it; so where the file has nothing yet, the newest piece says how far
// the sink has come.
package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// Config configures a [Sink].
type Config struct {
	// Dir holds the files. It is made if it is not there. Two sinks may share it: the file of a shard is locked by the
	// one that writes it, and the other fails to open it.
	Dir string
	// MaxBatch bounds the bytes that are written with one fsync, unless a single record is larger. It must not become smaller
	// while files are there. Default 1 MiB.
	MaxBatch int
	// NQuads: files are N-Quads (.nq), each delta as the quads that it adds, with its headers in comments before them. They
	// can't tell that a quad is gone: a delta that deletes stops its shard.
	NQuads bool
	// RotateSize is the size in bytes from which on a file becomes a piece before more is written; 0: it never does.
	RotateSize int64
	// RotateEvery is a time, such as an hour: a file has patches of one such span of UTC alone, by the times of the records. It
	// becomes a piece when one of another span comes. 0: it has any.
	RotateEvery time.Duration
	// Compress says how pieces are compressed: "zstd", "gzip" or, by default, not at all.
	Compress string
	// Keep is how many pieces of a shard are kept; 0: all.
	Keep int
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Sink writes the logs of shards to files. Make it with [New]. It may be used concurrently.
type Sink struct {
	cfg  Config
	disk disk
	// opening holds a value for each file that is being checked.
	opening chan struct{}
}

// maxOpening bounds the files that are checked at one time, each of which takes the memory of its largest record.
const maxOpening = 4

// New returns a sink; it touches no file.
func New(cfg Config) (*Sink, error) {
	cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 1<<20)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Dir == "" {
		return nil, errors.New("a file sink needs a folder")
	}
	if _, known := endings[cfg.Compress]; !known {
		return nil, fmt.Errorf("file: compress %q: expected zstd, gzip or nothing", cfg.Compress)
	}
	rotates := cfg.RotateSize > 0 || cfg.RotateEvery > 0
	if min(cfg.RotateSize, int64(cfg.RotateEvery), int64(cfg.Keep)) < 0 || !rotates && (cfg.Keep > 0 || cfg.Compress != "") {
		return nil, errors.New("file: keep and compress are about pieces: they need a size or a time for rotation, and none is " +
			"less than 0")
	}
	if rotates && runtime.GOOS == "windows" {
		return nil, errors.New("file: this system does not rename open files: they can't be rotated")
	}
	return &Sink{cfg: cfg, disk: osDisk{}, opening: make(chan struct{}, maxOpening)}, nil
}

// Promise is [connector.Once]: the file itself says how far it is.
func (s *Sink) Promise() connector.Promise { return connector.Once }

// Open opens a shard's file when it is its turn, checks it, and cuts off what a crash has torn.
func (s *Sink) Open(ctx context.Context, shard int) (connector.Writer, error) {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.disk.MkdirAll(s.cfg.Dir); err != nil {
		return nil, fmt.Errorf("file sink: %w", err)
	}
	kind := s.cfg.kind()
	path := filepath.Join(s.cfg.Dir, stem(shard)+kind.ending())
	w, err := open(s.disk, path, shard, s.cfg.MaxBatch)
	if err != nil {
		return nil, err
	}
	w.kind = kind
	if err := w.goOn(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if w.cut > 0 {
		s.cfg.Logger.Warn("file sink: an end that a crash has torn is cut off and written again from the log", "file", path,
			"bytes", w.cut, "at", w.size)
	}
	return w, nil
}

// Name is the name of a shard's file, as RDF Patch.
func Name(shard int) string { return stem(shard) + kind{}.ending() }

// Samples are names of files as sinks write them: in each format a file, and its first piece, compressed in each way.
func Samples() (names []string) {
	for _, k := range []kind{{}, {nquads: true}} {
		names = append(names, stem(0)+k.ending())
		for _, compress := range slices.Sorted(maps.Values(endings)) {
			names = append(names, k.piece(0, 1)+compress)
		}
	}
	return names
}

// stem is what the names of a shard's files begin with.
func stem(shard int) string { return fmt.Sprintf("shard-%04d", shard) }
