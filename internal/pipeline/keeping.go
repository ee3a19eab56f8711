package pipeline

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/patch"
)

// How far a sink is whose target can't be asked stands in the log of the shard, as the sequence of a producer, one for each order to
// seek: it only grows, so what who had the shard before notes late is nothing new, or is about an order that is over. An order says
// itself where it begins.

// keepEvery is the time between two notes of how far a shard is: each is a record of its log.
const keepEvery = 5 * time.Second

// keepPatience bounds the last note of a connection, which a log without a majority doesn't take.
const keepPatience = 2 * time.Second

// kept is the producer whose sequence is how far the shard was written since an order, the first of which is 0.
func (s *Sink) kept(order uint64) event.Producer {
	return marking("!sink/" + s.cfg.Name + "/at/" + strconv.FormatUint(order, 10))
}

// open connects where the shard is to be gone on with, after what was ordered was carried out. keeping is nil where the target
// keeps that itself.
func (s *Sink) open(ctx context.Context, shard int) (connector.Writer, *keeping, error) {
	to, placeless := s.to.(connector.Placeless)
	if placeless && s.cfg.Place != nil {
		return s.openAt(ctx, shard, to)
	}
	if err := s.seek(ctx, shard); err != nil {
		return nil, nil, err
	}
	w, err := s.connect(func() (connector.Writer, error) { return s.to.Open(ctx, shard) })
	return w, nil, err
}

// connect opens a connection, whose panics are contained.
func (s *Sink) connect(open func() (connector.Writer, error)) (connector.Writer, error) {
	to, err := guarded(s.guard, open)
	return &guardedWriter{to: to, guard: s.guard}, err
}

// openAt connects behind what is known to be written, or where the newest order says, whichever is further.
func (s *Sink) openAt(ctx context.Context, shard int, to connector.Placeless) (connector.Writer, *keeping, error) {
	order, err := s.cfg.Place.Sequence(ctx, shard, s.asked())
	if err != nil {
		return nil, nil, err
	}
	begin, err := s.cfg.Place.Sequence(ctx, shard, s.target(order))
	if err != nil {
		return nil, nil, err
	}
	position, err := s.cfg.Place.Sequence(ctx, shard, s.kept(order))
	if err != nil {
		return nil, nil, err
	}
	at, err := s.markAt(ctx, shard, max(position, max(begin, 1)-1))
	if err != nil {
		return nil, nil, err
	}
	w, err := s.connect(func() (connector.Writer, error) { return to.OpenAt(ctx, shard, at) })
	return w, &keeping{s: s, shard: shard, order: order, noted: at.Position}, err
}

// keeping notes how far a shard is written over one connection. Methods of a nil one do nothing.
type keeping struct {
	s     *Sink
	shard int
	order uint64
	noted uint64        // used by who notes
	at    atomic.Uint64 // the newest position that is worth a note
}

// wrote takes in the records that were to be written, and how far the target is. Deltas without rows are not worth a note, since a
// note is one.
func (k *keeping) wrote(records []connector.Record, at engine.Mark) {
	if k == nil {
		return
	}
	for i := range records {
		if adds, deletes := patch.CountRows(records[i].Body); records[i].Position <= at.Position && adds+deletes > 0 {
			k.at.Store(at.Position)
			return
		}
	}
}

// start notes from time to time, until stop is called, which notes once more.
func (k *keeping) start(ctx context.Context) (stop func()) {
	if k == nil {
		return func() {}
	}
	keeping, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for clock.Sleep(keeping, k.s.cfg.KeepEvery) == nil {
			k.note(keeping)
		}
	}()
	return func() {
		cancel()
		<-ended
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepPatience)
		defer cancel()
		k.note(last)
	}
}

// note commits how far the shard is, if that isn't noted. What fails is tried with the next note.
func (k *keeping) note(ctx context.Context) {
	at := k.at.Load()
	if at <= k.noted {
		return
	}
	if err := commitAll(ctx, k.s.cfg.Place, []event.Addressed{core.Note(k.shard, k.s.kept(k.order), at)}); err != nil {
		k.s.cfg.Logger.Warn("how far the sink is could not be noted: what it has written since the last note comes again when another"+
			" node goes on", "shard", k.shard, "position", at, "err", err)
		return
	}
	k.noted = at
}
