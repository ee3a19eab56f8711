package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

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
	// Switches say whether it is paused; nil: it never is.
	Switches Switches
	// Place keeps where to seek, and how far the sink is where its target can't tell; nil: it can't seek, and such a target gets all
	// from the start of the log whenever the sink begins.
	Place Place
	// KeepEvery is the time between two notes of how far it is, where the target can't tell. Default 5 s.
	KeepEvery time.Duration
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Sink writes the logs of the shards that its node owns to a [connector.Sink]. Make it with [NewSink], then call Run.
type Sink struct {
	from Deltas
	to   connector.Sink
	cfg  SinkConfig

	rate  rate
	told  *complaints
	guard *guard

	mu     sync.Mutex
	shards map[int]*SinkShard
}

// SinkShard is how a sink is for a shard that its node owns.
type SinkShard struct {
	// Paused: it is not to be written now, and no connection is open.
	Paused bool
	// Opened: the target was asked how far it is, and At is the record up to which it has the shard for certain.
	Opened bool
	At     engine.Mark
	// Oldest is the time of the oldest record that is not written yet; zero if none is known.
	Oldest time.Time
	// Failure is why it is being tried again.
	Failure
	// Tries says what has failed.
	Tries

	oldest   uint64 // the position of the record that Oldest is of
	unopened bool   // the last error was that no connection could be had
}

// NewSink returns a sink; it starts nothing.
func NewSink(from Deltas, to connector.Sink, cfg SinkConfig) *Sink {
	cfg.MaxBatch, cfg.KeepEvery = cmp.Or(cfg.MaxBatch, 1<<20), cmp.Or(cfg.KeepEvery, keepEvery)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default()).With("sink", cfg.Name)
	told := newComplaints(cfg.Logger, "the sink has stopped; it is tried again", "the sink goes on", true)
	return &Sink{from: from, to: to, cfg: cfg, told: told, guard: newGuard(cfg.Logger), shards: map[int]*SinkShard{}}
}

// Promise is that of what is written to.
func (s *Sink) Promise() connector.Promise { return s.to.Promise() }

// Rate is how many records a second were written within the last seconds, of all shards.
func (s *Sink) Rate() float64 { return s.rate.perSecond(time.Now()) }

// Shards returns how it is for each shard that is written, or is to be when the sink is paused no longer.
func (s *Sink) Shards() map[int]SinkShard {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[int]SinkShard, len(s.shards))
	for shard, of := range s.shards {
		all[shard] = *of
	}
	return all
}

// note looks at what is shown of a shard, or changes it.
func (s *Sink) note(shard int, fn func(*SinkShard)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shards[shard] == nil {
		s.shards[shard] = &SinkShard{}
	}
	fn(s.shards[shard])
}

// Run writes until ctx ends, and returns when every connection is closed. An error of a shard is logged and tried again; it
// stops no other. Run is called once.
func (s *Sink) Run(ctx context.Context) error {
	defer s.told.begin()()
	whileOwned(ctx, s.from, func(ctx context.Context, shard int) {
		defer s.forget(shard)
		whileOn(ctx, s.cfg.Switches, SinkKind.Switch(s.cfg.Name), func(ctx context.Context, paused bool) {
			s.note(shard, func(of *SinkShard) { of.Paused, of.Failure = paused, Failure{} })
			s.told.gone(shard)
			if paused {
				s.wait(ctx, shard)
			} else {
				s.keep(ctx, shard)
			}
		})
	})
	return nil
}

// errFound ends a reading that has found what it looked for.
var errFound = errors.New("found")

// wait looks, while the sink is paused, for the oldest record that is not written, if it is known how far the target is.
func (s *Sink) wait(ctx context.Context, shard int) {
	var of SinkShard
	s.note(shard, func(now *SinkShard) { of = *now })
	if !of.Opened || of.oldest > 0 {
		return
	}
	options := node.FollowOptions{From: engine.Cursor{shard: of.At}, Shards: []int{shard}, Live: true}
	err := s.from.Follow(ctx, options, func(r node.Record) error {
		s.waits(shard, r.Position, r.Time)
		return errFound
	})
	if ctx.Err() == nil && !errors.Is(err, errFound) {
		s.cfg.Logger.Warn("the sink is paused, and the log behind what it has written can't be read", "shard", shard, "err", err)
	}
}

// keep writes one shard until ctx ends, over all errors.
func (s *Sink) keep(ctx context.Context, shard int) {
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
		s.told.failed(shard, err)
		s.failed(shard, err)
		if clock.Sleep(ctx, backoff.After(err)) != nil {
			return
		}
	}
}

// write follows the shard's log from where the target ends.
func (s *Sink) write(ctx context.Context, shard int) (err error) {
	w, kept, err := s.open(ctx, shard)
	s.note(shard, func(of *SinkShard) { of.opening(err) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	begin := w.At()
	s.reached(shard, begin)
	defer kept.start(ctx)()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := newBatch(s.cfg.MaxBatch, s.cfg.Backoff)
	var writing sync.WaitGroup
	writing.Go(func() {
		if err := s.drain(ctx, shard, b, w, kept); err != nil {
			cancel(err)
		}
	})
	defer writing.Wait()
	defer b.end()
	options := node.FollowOptions{From: engine.Cursor{shard: begin}, Shards: []int{shard}, Live: true}
	err = s.from.Follow(ctx, options, func(r node.Record) error {
		s.waits(shard, r.Position, r.Time)
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
func (s *Sink) drain(ctx context.Context, shard int, b *batch, w connector.Writer, kept *keeping) error {
	for {
		step, more := b.next()
		if !more {
			return nil
		}
		switch step.Action {
		case core.Write:
			err := w.Write(ctx, step.Records)
			at := w.At()
			s.reached(shard, at)
			kept.wrote(step.Records, at)
			if err != nil && ctx.Err() == nil {
				s.failed(shard, err)
			}
			b.did(func(w *core.Writing) { w.Wrote(at.Position, err) })
			if err == nil {
				s.wrote(shard, len(step.Records), b)
			}
		case core.Pause:
			b.pause(ctx, step)
		default:
			return fmt.Errorf("write to %s: %w", w.Target(), step.Err)
		}
	}
}

func (s *Sink) position(shard int) (position uint64) {
	s.note(shard, func(of *SinkShard) { position = of.At.Position })
	return position
}

// opening takes in whether a connection was had. Where none was before, that is what has succeeded now.
func (of *SinkShard) opening(err error) {
	if err == nil && of.unopened {
		of.Retries = 0
	}
	of.unopened = err != nil
}

// waits takes in that a record is to be written.
func (s *Sink) waits(shard int, position uint64, at time.Time) {
	s.note(shard, func(of *SinkShard) {
		if of.oldest == 0 && position > of.At.Position {
			of.oldest, of.Oldest = position, at
		}
	})
}

// reached takes in how far the target is.
func (s *Sink) reached(shard int, at engine.Mark) {
	s.told.well(shard)
	s.note(shard, func(of *SinkShard) {
		of.Opened, of.At, of.Failure = true, at, Failure{}
		if of.oldest <= at.Position {
			of.oldest, of.Oldest = 0, time.Time{}
		}
	})
}

// wrote takes in that all of a batch was written; what waits behind it is the oldest then.
func (s *Sink) wrote(shard, records int, behind *batch) {
	s.rate.add(time.Now(), records)
	s.note(shard, func(of *SinkShard) { of.Retries = 0 })
	if next := behind.first(); next != nil {
		s.waits(shard, next.Position, next.Time)
	}
}

func (s *Sink) failed(shard int, err error) {
	s.note(shard, func(of *SinkShard) {
		of.Failure = of.again(err)
		of.Tries.failed(err)
	})
}

func (s *Sink) forget(shard int) {
	s.told.gone(shard)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shards, shard)
}
