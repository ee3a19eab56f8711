package sim

import (
	"bytes"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

func (l *loop) entries(gen uint64) func([]engine.Entry) {
	return func(entries []engine.Entry) {
		l.post(func(now time.Time) { l.op.Entries(now, gen, entries) })
	}
}

func (l *loop) readDone(gen uint64) func(error) {
	return func(err error) {
		l.post(func(now time.Time) { l.op.ReadDone(now, gen, err) })
	}
}

// restore gives the operator the newest snapshot that can be read: the newest may be damaged, and all may be lost on the
// way. Reading is a job: the loop goes on meanwhile.
func (l *loop) restore(gen uint64) {
	w := l.p.w
	l.p.after(w.between(time.Millisecond, 10*time.Millisecond), func() {
		var r *operator.Restored
		if list := w.engine.blobs[l.shard]; len(list) > 0 && !l.p.deaf && !w.chance(w.chaos.FailRead) {
			r = l.newest(list)
		}
		l.post(func(now time.Time) { l.op.Restored(now, gen, r) })
	})
}

func (l *loop) newest(list []blob) *operator.Restored {
	for _, b := range list {
		r, err := operator.ReadSnapshot(l.cfg, bytes.NewReader(b.data))
		if err == nil {
			return r
		}
		l.p.w.note("%s shard %d: snapshot can't be read: %v", l.p, l.shard, err)
	}
	return nil
}

// takeSnapshot writes the pinned state some time later, while the operator goes on.
func (l *loop) takeSnapshot(e operator.TakeSnapshot) {
	w := l.p.w
	if l.snapshot {
		e.Drop()
		return
	}
	l.snapshot = true
	l.p.after(w.between(time.Millisecond, 200*time.Millisecond), func() {
		var buf bytes.Buffer
		if err := e.Write(&buf); err != nil {
			w.broken(ErrExact, "%s shard %d: write snapshot: %v", l.p, l.shard, err)
		}
		if !l.p.mute {
			w.engine.put(l.shard, blob{position: e.Position, data: buf.Bytes()})
		}
		l.post(func(time.Time) { l.snapshot = false })
	})
}

// sending is what package node's Send does for its caller: events under way, until all are answered or time is up.
type sending struct {
	p      *proc
	events []event.Addressed
	acks   []event.Ack
	left   int
	over   bool
	done   func(acks []event.Ack)
}

// waiter is who waits for the ack of one event.
type waiter struct {
	index int
	to    *sending
}

// send routes events to the owners of their shards, in order per shard. done is called once, in the process; acks that
// have not come are zero.
func (p *proc) send(events []event.Addressed, wait time.Duration, done func([]event.Ack)) *sending {
	s := &sending{p: p, events: slices.Clone(events), acks: make([]event.Ack, len(events)), left: len(events), done: done}
	byShard := make([][]int, len(p.loops))
	for i := range events {
		byShard[events[i].Shard] = append(byShard[events[i].Shard], i)
	}
	for i, indexes := range byShard {
		if to := p.senders[i]; len(indexes) > 0 {
			to.do(func(now time.Time) { to.submit(now, s, indexes) })
		}
	}
	p.after(wait, s.giveUp)
	return s
}

func (s *sending) answer(index int, ack event.Ack) {
	s.p.w.check.acked(s.events[index], ack)
	s.acks[index] = ack
	if s.left--; s.left == 0 && !s.over {
		s.over = true
		s.done(s.acks)
	}
}

// giveUp answers what is there, and tells the senders that nobody waits any more.
func (s *sending) giveUp() {
	if s.over {
		return
	}
	s.over = true
	for _, from := range s.p.senders {
		from.do(func(time.Time) { from.forget(s) })
	}
	s.done(s.acks)
}
