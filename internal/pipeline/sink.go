package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/node"
)

// Deltas is where a sink's records come from. Both methods may be called concurrently.
type Deltas interface {
	Ownership
	// Follow is [node.Node.Follow].
	Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error
}

// SinkConfig configures a [Sink].
type SinkConfig struct {
	// Name is what the sink is called in the log.
	Name string
	// MaxBatch bounds the bytes of a shard's records that wait to be written; then the reading waits. Default 1 MiB.
	MaxBatch int
	// Backoff is the pause after an error of a shard.
	Backoff Backoff
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Sink writes the logs of the shards that its node owns to a [connector.Sink]. Make it with [NewSink], then call Run.
type Sink struct {
	from Deltas
	to   connector.Sink
	cfg  SinkConfig

	mu        sync.Mutex
	positions map[int]uint64
	failures  map[int]Failure
}

// NewSink returns a sink; it starts nothing.
func NewSink(from Deltas, to connector.Sink, cfg SinkConfig) *Sink {
	cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 1<<20)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default()).With("sink", cfg.Name)
	return &Sink{from: from, to: to, cfg: cfg, positions: map[int]uint64{}, failures: map[int]Failure{}}
}

// Positions returns, per shard that is written, the position up to which the target has it for certain.
func (s *Sink) Positions() map[int]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.positions)
}

// Failures says why shards are being tried again.
func (s *Sink) Failures() map[int]Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.failures)
}

// Run writes until ctx ends, and returns when every connection is closed. An error of a shard is logged and tried again; it
// stops no other. Run is called once.
func (s *Sink) Run(ctx context.Context) error {
	whileOwned(ctx, s.from, s.keep)
	return nil
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
			backoff.Reset() // it went on meanwhile
		}
		s.cfg.Logger.Error("the sink has stopped for a shard; it is tried again", "shard", shard, "err", err)
		s.failed(shard, err)
		if clock.Sleep(ctx, backoff.After(err)) != nil {
			return
		}
	}
}

// write follows the shard's log from where the target ends.
func (s *Sink) write(ctx context.Context, shard int) (err error) {
	w, err := s.to.Open(ctx, shard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	begin := w.At()
	s.reached(shard, begin.Position)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := newBatch(s.cfg.MaxBatch, s.cfg.Backoff)
	var writing sync.WaitGroup
	writing.Go(func() {
		if err := s.drain(ctx, shard, b, w); err != nil {
			cancel(err)
		}
	})
	defer writing.Wait()
	defer b.end()
	options := node.FollowOptions{From: engine.Cursor{shard: begin}, Shards: []int{shard}, Live: true}
	err = s.from.Follow(ctx, options, func(r node.Record) error {
		return b.add(connector.Record{Mark: engine.Mark{Position: r.Position, ID: r.ID}, Prev: r.Prev, Time: r.Time, Body: r.Body})
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil {
		err = errors.New("the log ended")
	}
	return fmt.Errorf("go on with %s, which ends with position %d: %w", w.Target(), begin.Position, err)
}

// drain writes batch after batch until the batches end.
func (s *Sink) drain(ctx context.Context, shard int, b *batch, w connector.Writer) error {
	for {
		step, more := b.next()
		if !more {
			return nil
		}
		switch step.Action {
		case core.Write:
			err := w.Write(ctx, step.Records)
			at := w.At().Position
			s.reached(shard, at)
			if err != nil {
				s.failed(shard, err)
			}
			b.did(func(w *core.Writing) { w.Wrote(at, err) })
		case core.Pause:
			b.pause(ctx, step)
		default:
			return fmt.Errorf("write to %s: %w", w.Target(), step.Err)
		}
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
	delete(s.failures, shard)
}

func (s *Sink) failed(shard int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[shard] = s.failures[shard].again(err)
}

func (s *Sink) forget(shard int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.positions, shard)
	delete(s.failures, shard)
}
