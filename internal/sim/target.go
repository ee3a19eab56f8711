package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// target is the peer of a sink. For each shard it holds records, and knows who opened it last: what another writes, though it
// was sent before, is refused. One that holds each record once has its position with the record, and the other one writes it
// afterwards.
type target struct {
	w      *world
	name   string
	once   bool
	shards []*held
}

// held is what a target has of a shard.
type held struct {
	t      *target
	shard  int
	opened int         // counts who opened it
	writer int         // who wrote last
	at     engine.Mark // up to which it says that it has all
	next   int         // the index of the next delta of the shard's log
}

func (w *world) addTarget(name string, once bool) {
	t := &target{w: w, name: name, once: once}
	for s := range w.cfg.Shards {
		t.shards = append(t.shards, &held{t: t, shard: s})
	}
	w.targets = append(w.targets, t)
}

func (h *held) String() string { return fmt.Sprintf("%s shard %d", h.t.name, h.shard) }

// writer is a connection for one shard: what an adapter makes of it.
type writer struct {
	h  *held
	p  *proc
	id int         // the number of its opening
	at engine.Mark // what the adapter knows
}

// delay is how long something is on its way to a target.
func (w *world) delay() time.Duration {
	if d := w.late; d > 0 {
		w.late = 0
		return d
	}
	if w.chance(w.chaos.Late) {
		return w.between(0, 8*time.Second)
	}
	return w.between(0, 10*time.Millisecond)
}

// open is [connector.Sink.Open].
func (h *held) open(p *proc, done func(*writer, error)) {
	w := h.t.w
	lost := w.chance(w.chaos.PeerFails)
	w.after(w.between(0, 20*time.Millisecond), func() {
		h.opened++
		k := &writer{h: h, p: p, id: h.opened, at: h.at}
		w.note("%s is opened by %s, %d, behind %d", h, p, k.id, k.at.Position)
		p.after(w.between(0, 10*time.Millisecond), func() {
			if lost {
				done(nil, errCut)
				return
			}
			done(k, nil)
		})
	})
}

// fate of a write.
type writeFate int

const (
	wellWritten writeFate = iota
	notWritten            // for now
	cutShort              // some of the records are written, and the connection is cut
	unanswered            // it is done, and the connection is cut
)

func (w *world) writeFate() writeFate {
	if !w.chance(w.chaos.PeerFails) {
		return wellWritten
	}
	return writeFate(1 + w.rng.IntN(3))
}

// write is [connector.Writer.Write].
func (k *writer) write(records []connector.Record, done func(error)) {
	w, n, err := k.h.t.w, len(records), error(nil)
	switch w.writeFate() {
	case notWritten:
		n, err = w.rng.IntN(n+1), connector.ErrRetry
	case cutShort:
		n, err = w.rng.IntN(n), errCut
	case unanswered:
		err = errCut
	}
	if errors.Is(err, errCut) {
		answer := done
		k.p.after(w.between(0, time.Second), func() { answer(err) })
		done = func(error) {} // an answer comes too late, if at all
	}
	w.after(w.delay(), func() {
		refused := k.h.put(k, records[:n])
		if refused == nil && (err == nil || k.h.t.once) {
			k.h.at = last(k.h.at, records[:n])
		}
		at := k.h.at
		k.p.after(w.between(0, 10*time.Millisecond), func() {
			if refused == nil {
				k.at = at
				refused = err
			}
			done(refused)
		})
	})
}

// last is the mark of the last record, or the one before.
func last(before engine.Mark, records []connector.Record) engine.Mark {
	if len(records) == 0 {
		return before
	}
	return records[len(records)-1].Mark
}

// errFenced is what a write returns when somebody else has opened the shard.
var errFenced = errors.New("somebody else writes")

// put takes in records, and checks them.
func (h *held) put(k *writer, records []connector.Record) error {
	w := h.t.w
	if k.id != h.opened && w.cfg.Bug != UnfencedTarget {
		w.note("%s: what %s, %d, has sent is refused", h, k.p, k.id)
		return errFenced
	}
	if k.id < h.writer {
		w.broken(ErrTarget, "%s: %s, %d, writes after %d has", h, k.p, k.id, h.writer)
	}
	h.writer = k.id
	for _, r := range records {
		h.take(r)
	}
	return nil
}

// take checks a record: it is the next of the log, or, where that is all that is promised, one that was before.
func (h *held) take(r connector.Record) {
	deltas := h.t.w.check.shards[h.shard].deltas
	at := slices.Index(deltas[:min(len(deltas), h.next+1)], r.Mark)
	switch {
	case at < 0:
		h.t.w.broken(ErrTarget, "%s: the delta at %d is not one that may come next", h, r.Position)
	case h.t.once && at < h.next || r.Position <= h.at.Position:
		h.t.w.broken(ErrTarget, "%s: the delta at %d comes again", h, r.Position)
	default:
		h.next = at + 1
	}
}

// restless says what the target has not got, or nil.
func (h *held) restless() error {
	s := h.t.w.check.shards[h.shard]
	if h.next < len(s.deltas) && s.lost == nil {
		return fmt.Errorf("%s has %d of %d deltas", h, h.next, len(s.deltas))
	}
	return nil
}
