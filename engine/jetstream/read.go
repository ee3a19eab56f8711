package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
)

// reader gives fn the entries of a log in order, and proves that it leaves out none: each names the one before it.
// Not for concurrent use.
type reader struct {
	log *log
	get *getter
	fn  func(engine.Entry) error

	last    uint64 // fn has all that was asked for up to here
	met     bool   // last is the position of an entry
	upTo    uint64 // what comes later is not asked for
	heard   uint64 // there are entries up to here at least
	stopped error  // what fn returned
	want    uint64 // entries up to here are missing in what a replica has said
	gaps    int    // in a row, that the leader has, too
	empty   int    // answers in a row of replicas that lag
	alarmed bool
}

// Outcomes of reading that are no errors of the engine.
var (
	errStopped = errors.New("fn returned an error")
	errGap     = errors.New("entries are missing")
)

// maxGaps is how often a gap must show before the log is held to be damaged. A replica that lags has none; a log that is
// being trimmed has one at the replicas that have done it.
const maxGaps = 20

func (l *log) newReader(from uint64, fn func(engine.Entry) error) (*reader, error) {
	if err := l.gone(); err != nil {
		return nil, fmt.Errorf("read %s: %w", l.subject, err)
	}
	g, err := l.newGetter(batchMessages)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", l.subject, err)
	}
	return &reader{log: l, get: g, fn: fn, last: max(from, 1) - 1, upTo: math.MaxUint64}, nil
}

func (r *reader) close() { r.get.close() }

// take gives m to fn if it comes next. It returns errGap if something is missing before it.
func (r *reader) take(ctx context.Context, m *nats.Msg) error {
	e, prev, err := entryOf(m)
	switch {
	case err != nil:
		return err
	case e.Seq <= r.last || e.Seq > r.upTo && r.last >= r.upTo:
		return nil
	case prev > r.last:
		r.want = prev
		return errGap
	case prev < r.last && r.met:
		return fmt.Errorf("%w: entry %d says that %d is before it, but %d is", engine.ErrDamaged, e.Seq, prev, r.last)
	case e.Seq > r.upTo:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	r.log.known.saw(e.Seq)
	if err := r.fn(e); err != nil {
		r.stopped = err
		return errStopped
	}
	r.last, r.met, r.gaps, r.empty = e.Seq, true, 0, 0
	return nil
}

// batch asks a replica once for what comes next, and returns how many entries came. They may be fewer than there are.
func (r *reader) batch(ctx context.Context) (n int, err error) {
	most := batchMessages
	if few := engine.Few(ctx); few > 0 {
		most = min(most, few)
	}
	request := &getRequest{Seq: r.last + 1, Next: r.log.subject, Batch: most, MaxBytes: batchBytes}
	err = r.get.get(ctx, request, func(m *nats.Msg) error {
		n++
		return r.take(ctx, m)
	})
	switch {
	case errors.Is(err, errGap):
		return n, r.doubt(ctx)
	case err == nil && n == 0 && r.last < min(r.upTo, r.heard):
		// It lags, or has lost the end of the log.
		if r.empty++; r.empty > maxGaps {
			r.want = min(r.upTo, r.heard)
			return n, r.doubt(ctx)
		}
	}
	return n, err
}

// doubt is called when a replica leaves out entries that must be there. One replica's word is not believed: what the
// leader has is taken from it. It returns nil if reading again may help, and an error when nobody has them.
func (r *reader) doubt(ctx context.Context) error {
	for began := r.last; r.last < r.want; {
		next, err := r.log.leaders(ctx, &getRequest{Seq: r.last + 1, Next: r.log.subject})
		if err != nil {
			return err
		}
		if next != nil {
			err = r.take(ctx, next)
		}
		if next == nil || errors.Is(err, errGap) {
			return r.denied(ctx)
		}
		if err != nil {
			return err
		}
		if r.last > began && !r.alarmed {
			r.alarmed = true
			r.log.alarm("a replica leaves out entries that the leader has; restart its server, which checks and mends it",
				"log", r.log.subject, "position", r.last)
		}
	}
	return nil
}

// denied is called when the leader does not have the next entry either: the log is trimmed, which it says itself, or
// damaged at that server, too. Other replicas may answer the next time, and another leader is a third opinion.
func (r *reader) denied(ctx context.Context) error {
	before, err := r.log.trimmed(ctx)
	if err != nil {
		return err
	}
	if r.last+1 < before {
		return fmt.Errorf("%w: position %d, it was trimmed before %d", engine.ErrTrimmed, r.last+1, before)
	}
	switch r.gaps++; {
	case r.gaps == maxGaps/2 && r.log.barrier != nil:
		r.log.another(ctx)
	case r.gaps > maxGaps:
		return fmt.Errorf("%w: entries after %d, up to %d, are missing", engine.ErrDamaged, r.last, r.want)
	}
	return nil
}

// final reports whether reading can't go on after err.
func (r *reader) final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, errStopped) || errors.Is(err, engine.ErrDamaged) || errors.Is(err, errEncoding) ||
		errors.Is(err, engine.ErrTrimmed) || errors.Is(err, nats.ErrConnectionClosed)
}

// failure is the error to return for err.
func (r *reader) failure(ctx context.Context, doing string, err error) error {
	switch {
	case errors.Is(err, errStopped):
		return r.stopped
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%s %s: %w", doing, r.log.subject, err)
}

// Read reads in batches. The tail is the proof of where the log ends, and the chain that none is left out before it, so
// it doesn't matter which replica answers.
func (l *log) Read(ctx context.Context, from uint64, fn func(engine.Entry) error) (uint64, error) {
	end, err := l.tail(ctx)
	if end == nil || err != nil {
		return 0, err
	}
	r, err := l.newReader(from, fn)
	if err != nil {
		return 0, err
	}
	defer r.close()
	if r.upTo, err = positionOf(end); err == nil {
		r.heard = r.upTo
		err = r.all(ctx, end)
	}
	if err != nil {
		return 0, r.failure(ctx, "read", err)
	}
	return r.upTo, nil
}

// all reads up to the tail, which was read already.
func (r *reader) all(ctx context.Context, tail *nats.Msg) error {
	if err := r.take(ctx, tail); !errors.Is(err, errGap) {
		return err
	}
	var wait pause
	for r.last < r.upTo {
		n, err := r.batch(ctx)
		switch {
		case err != nil && r.final(ctx, err):
			return err
		case err == nil && n > 0 && r.gaps == 0:
			wait = pause{}
			continue
		}
		if err := wait.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}
