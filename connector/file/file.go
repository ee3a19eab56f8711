// Package file is a sink that writes the log of each shard to a file, as an RDF Patch log.
//
// The file of shard 3 is shard-0003.rdfp. Each record stands there as it is in the shard's log, after a comment that
// gives its place:
//
//	# shard 3 position 17 length 412
//	H id <ni:///sha-256;…> .
//	…
//	TC .
//
// Exactly once: how far the sink has come is in the file itself, so that it can't depart from what was written. When a
// file is opened, every record in it is checked by the hash in its id. An end that a crash has torn is cut back to the
// last whole record and written again from the log. A record that is bad though good ones stand behind it is damage: the
// shard stops with an error that names the file and the byte, until somebody has moved the file away; then all of it is
// written anew. So it is when the log, at the position of the file's last record, has another record or none.
package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// Source is what the sink reads. Both methods may be called concurrently.
type Source interface {
	// Owned returns the shards whose logs are to be written now, at once.
	Owned() []int
	// Follow calls fn, from one goroutine, for each record of the shard after the one that is named, those to come
	// included, in order, until ctx ends or fn returns an error. fn doesn't keep raw. It is an error if the log has no
	// such record. The zero Mark begins at the start.
	Follow(ctx context.Context, shard int, after engine.Mark, fn func(at engine.Mark, raw []byte) error) error
}

// Config configures a [Sink].
type Config struct {
	// Dir holds the files. It is made if it is not there. Two sinks may share it: the file of a shard is locked by the
	// one that writes it, and the other waits.
	Dir string
	// MaxBatch bounds the bytes of a shard that wait to be written; then the reading waits. Default 1 MiB.
	MaxBatch int
	// Poll is the time between looks at which shards are owned. Default 1 s.
	Poll time.Duration
	// Backoff is the time after an error of a shard until it is tried again; it doubles to MaxBackoff with each error in
	// a row. Defaults 100 ms and 10 s.
	Backoff, MaxBackoff time.Duration
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	c.MaxBatch = cmp.Or(c.MaxBatch, 1<<20)
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.Backoff = cmp.Or(c.Backoff, 100*time.Millisecond)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, 10*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
}

// Sink writes the logs of the shards that its node owns. Make it with [New], then call Run.
type Sink struct {
	source Source
	cfg    Config
	disk   disk
	// opening holds a value for each file that is being checked.
	opening chan struct{}

	mu        sync.Mutex
	positions map[int]uint64
	errs      map[int]error
}

// maxOpening bounds the files that are checked at one time, each of which takes the memory of its largest record.
const maxOpening = 4

// New returns a sink; it starts nothing and touches no file.
func New(source Source, cfg Config) (*Sink, error) {
	cfg.setDefaults()
	if cfg.Dir == "" {
		return nil, errors.New("a file sink needs a folder")
	}
	return &Sink{source: source, cfg: cfg, disk: osDisk{}, opening: make(chan struct{}, maxOpening),
		positions: map[int]uint64{}, errs: map[int]error{}}, nil
}

// Positions returns, per shard that is written, the position up to which its file is on the disk.
func (s *Sink) Positions() map[int]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.positions)
}

// Errors returns the errors of the shards that are being tried again.
func (s *Sink) Errors() map[int]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.errs)
}

// Run writes until ctx ends, and returns nil when every file is closed. An error of a shard is logged and tried again;
// it stops no other. The error that Run returns is that of making the folder. Run is called once.
func (s *Sink) Run(ctx context.Context) error {
	if err := s.disk.MkdirAll(s.cfg.Dir); err != nil {
		return fmt.Errorf("file sink: %w", err)
	}
	var all sync.WaitGroup
	defer all.Wait()
	stops := map[int]context.CancelFunc{}
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	poll := time.NewTicker(s.cfg.Poll)
	defer poll.Stop()
	for {
		owned := s.source.Owned()
		for _, shard := range owned {
			if stops[shard] == nil {
				each, stop := context.WithCancel(ctx)
				stops[shard] = stop
				all.Go(func() { s.keep(each, shard) })
			}
		}
		for shard, stop := range stops {
			if !slices.Contains(owned, shard) {
				stop()
				delete(stops, shard)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

// keep writes one shard until ctx ends, over all errors.
func (s *Sink) keep(ctx context.Context, shard int) {
	defer s.forget(shard)
	backoff := s.cfg.Backoff
	for {
		begin := s.position(shard)
		err := s.write(ctx, shard)
		if ctx.Err() != nil {
			return
		}
		if s.position(shard) != begin {
			backoff = s.cfg.Backoff // it went on meanwhile
		}
		s.cfg.Logger.Error("file sink: shard stopped; trying again", "shard", shard, "after", backoff, "error", err)
		s.failed(shard, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, s.cfg.MaxBackoff)
	}
}

// write follows the shard's log from where its file ends.
func (s *Sink) write(ctx context.Context, shard int) (err error) {
	path := filepath.Join(s.cfg.Dir, Name(shard))
	w, err := s.open(ctx, path, shard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.cut > 0 {
		s.cfg.Logger.Warn("file sink: an end that a crash has torn is cut off and written again from the log", "file", path,
			"bytes", w.cut, "at", w.size)
	}
	begin := w.last
	s.reached(shard, begin.Position)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := newBatch(s.cfg.MaxBatch)
	var writing sync.WaitGroup
	writing.Go(func() {
		if err := s.drain(shard, b, w); err != nil {
			b.fail(err)
			cancel(err)
		}
	})
	defer writing.Wait()
	defer b.end()
	err = s.source.Follow(ctx, shard, begin, func(at engine.Mark, raw []byte) error { return b.add(shard, at, raw) })
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil {
		err = errors.New("the log ended")
	}
	return fmt.Errorf("go on with %s, which ends with position %d: %w", path, begin.Position, err)
}

// open opens a shard's file when it is its turn.
func (s *Sink) open(ctx context.Context, path string, shard int) (*writer, error) {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return open(s.disk, path, shard, s.cfg.MaxBatch)
}

// drain writes batch after batch, each with one fsync, until the batches end.
func (s *Sink) drain(shard int, b *batch, w *writer) error {
	var buffer []byte
	for {
		data, last := b.take(buffer)
		if data == nil {
			return nil
		}
		if err := w.append(data, last); err != nil {
			return err
		}
		s.reached(shard, last.Position)
		buffer = data[:0]
	}
}

func (s *Sink) position(shard int) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.positions[shard]
}

func (s *Sink) reached(shard int, position uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.positions[shard] = position
	delete(s.errs, shard)
}

func (s *Sink) failed(shard int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs[shard] = err
}

func (s *Sink) forget(shard int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.positions, shard)
	delete(s.errs, shard)
}

// Name is the name of a shard's file.
func Name(shard int) string { return fmt.Sprintf("shard-%04d.rdfp", shard) }
