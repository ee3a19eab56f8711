package sim

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// call is what runs for a shard while a process owns it.
type call interface {
	// stop is what the end of a context does.
	stop()
}

// running are the calls of one connector in a process, as package pipeline has them.
type running struct {
	p     *proc
	tasks core.Tasks
	calls map[int]call
	// begin begins a call; none, if there is nothing to do for the shard.
	begin func(shard int, returned func()) call
}

// own takes in what the process owns now.
func (r *running) own(owned []int) {
	begin, end := r.tasks.Own(owned)
	for _, shard := range end {
		r.calls[shard].stop()
	}
	for _, shard := range begin {
		r.call(shard)
	}
}

// call calls what runs for a shard.
func (r *running) call(shard int) {
	returned := func() {
		delete(r.calls, shard)
		if r.tasks.Returned(shard) {
			r.call(shard)
		}
	}
	if c := r.begin(shard, func() { r.p.after(0, returned) }); c != nil {
		r.calls[shard] = c
	}
}

// pull is a source in a process, while that owns its home.
type pull struct {
	p        *proc
	b        *broker
	returned func()
	stopped  bool
	backoff  core.Backoff

	// Of one connection.
	c       *conn
	pass    *core.Passage
	read    []connector.Message // waits for the passage
	readErr error
	sending *sending
	batch   []connector.Message // that was taken last
	count   int                 // messages that are acked
	idle    int                 // tells timers apart
	busy    bool                // something is under way for the passage

	pausing
}

// pausing is the pause of a call. Its zero value has none.
type pausing struct {
	pauses int
	resume func() // ends the pause, not nil while there is one
}

// pause does a thing later, or as soon as the call is to end.
func (s *pausing) pause(p *proc, d time.Duration, then func()) {
	s.pauses++
	n := s.pauses
	s.resume = func() {
		if n == s.pauses && s.resume != nil {
			s.resume = nil
			then()
		}
	}
	p.after(d, s.resume)
}

// backoff are the pauses of connectors: shorter than the defaults, to save steps.
func (w *world) backoff() core.Backoff {
	return core.Backoff{Max: 2 * time.Second, Rand: func(below time.Duration) time.Duration { return w.between(0, below) }}
}

func (b *broker) run(p *proc, returned func()) call {
	b.w.note("%s runs at %s", b.name, p)
	s := &pull{p: p, b: b, returned: returned, backoff: b.w.backoff()}
	s.connect()
	return s
}

// stop ends the call as soon as what is under way has ended.
func (s *pull) stop() {
	s.stopped, s.readErr = true, errStopped
	switch {
	case s.sending != nil:
		s.sending.giveUp()
	case s.resume != nil:
		s.resume()
	}
	s.step()
}

// errStopped is why a call ends that was stopped.
var errStopped = errors.New("it is stopped")

// connect opens a connection.
func (s *pull) connect() {
	if s.stopped {
		s.returned()
		return
	}
	s.pass, s.read, s.readErr, s.count = nil, nil, nil, 0
	s.b.open(s.p, s.next, func(c *conn, err error) {
		if err != nil {
			s.again(err)
			return
		}
		s.c = c
		s.pass = core.NewPassage(core.PassageConfig{Source: s.b.name, Home: s.b.home, Divide: s.b.divide, Backoff: s.b.w.backoff(),
			Logger: slog.New(slog.DiscardHandler)})
		if !s.stopped {
			s.readOn()
		}
		s.step()
	})
}

// again connects anew after a pause.
func (s *pull) again(err error) {
	if s.count > 0 {
		s.backoff.Reset()
	}
	s.b.w.note("%s at %s has stopped: %v", s.b.name, s.p, err)
	if s.stopped {
		s.returned()
		return
	}
	s.pause(s.p, s.backoff.After(err), s.connect)
}

// next is [connector.Progress.Next] and node.Sequence.
func (s *pull) next(stream string, done func(uint64, bool, error)) {
	answered := false
	answer := func(next uint64, err error) {
		if !answered {
			answered = true
			done(next, next > 0, err)
		}
	}
	l := s.p.loops[s.b.home]
	l.post(func(time.Time) {
		if l.op.State() != operator.Owning {
			answer(0, event.ErrNoOwner)
			return
		}
		answer(l.op.Producer(core.Producer(event.Resume, s.b.name, stream, 0)).Seq, nil)
	})
	s.p.after(3*time.Second, func() { answer(0, event.ErrNoOwner) })
}

// readOn reads the next messages while those before are committed.
func (s *pull) readOn() {
	c := s.c
	c.read(func(list []connector.Message, err error) {
		if c != s.c || s.stopped {
			return
		}
		if s.read = list; err != nil {
			s.readErr = err
		}
		s.step()
	})
}

// step does what the passage wants done, unless something is under way.
func (s *pull) step() {
	for s.pass != nil && !s.busy {
		s.p.check(s.pass)
		switch step := s.pass.Step(); step.Action {
		case core.Await:
			if !s.await() {
				return
			}
		case core.Send:
			s.busy = true
			s.send(step.Events)
		case core.Pause:
			if s.stopped {
				s.close(errStopped)
				return
			}
			s.busy = true
			s.pause(s.p, step.Pause, s.paused)
		case core.Ack:
			s.busy = true
			s.c.ack(step.Messages, func(err error) {
				s.busy = false
				s.count += len(step.Messages)
				s.pass.Acked(err)
				s.step()
			})
		default:
			if s.readErr != nil {
				step.Err = s.readErr
			}
			s.close(step.Err)
			return
		}
	}
}

// await gives the passage what was read; false says that nothing was.
func (s *pull) await() bool {
	s.idle++
	switch idle := s.idle; {
	case len(s.read) > 0 && !s.stopped:
		list := s.read
		s.read = nil
		s.take(list)
		s.readOn()
	case s.readErr != nil:
		s.pass.End()
	default:
		s.p.after(core.Idle, func() {
			if s.idle == idle && s.pass != nil && !s.busy {
				s.pass.Idle()
				s.step()
			}
		})
		return false
	}
	return true
}

// paused goes on with the passage.
func (s *pull) paused() {
	s.busy = false
	if !s.stopped {
		s.pass.Paused()
	}
	s.step()
}

// take gives the passage a batch.
func (s *pull) take(list []connector.Message) {
	if s.b.w.cfg.Bug == AckBeforeCommit {
		s.c.ack(list, func(error) {})
	}
	s.batch = list
	s.pass.Take(list)
}

// send is node.SendBatch.
func (s *pull) send(events []event.Addressed) {
	w := s.b.w
	answered := func(acks []event.Ack, err error) {
		s.busy, s.sending = false, nil
		s.pass.Sent(acks, err)
		s.step()
	}
	if s.p.entry == nil {
		s.p.after(time.Second, func() { answered(nil, event.ErrNoOwner) })
		return
	}
	sent := s.bug(events)
	s.sending = s.p.send(sent, w.between(500*time.Millisecond, 3*time.Second), func(acks []event.Ack) {
		var err error
		for _, a := range acks {
			if a.Status == 0 {
				err = event.ErrNoOwner
			}
		}
		s.p.after(0, func() { answered(acks[:len(events)], err) })
	})
	if s.stopped {
		s.sending.giveUp()
	}
}

// bug changes what is sent, where a run is to find that.
func (s *pull) bug(events []event.Addressed) []event.Addressed {
	switch s.b.w.cfg.Bug {
	case NoteBeforeCommit:
		for i := range s.batch {
			m := &s.batch[i]
			events = append(events[:len(events):len(events)], event.Addressed{Shard: s.b.home, Event: event.Event{
				Producer: core.Producer(event.Resume, s.b.name, m.Stream, 0), Seq: m.Offset + 1, MediaType: dataset.MediaType}})
		}
		s.batch = nil
	case SkipLetter:
		events = slices.Clone(events)
		for i := range events {
			if _, _, letter := events[i].Rejected(); letter {
				events[i].Event = event.Event{MediaType: dataset.MediaType}
			}
		}
	}
	return events
}

// close closes the connection.
func (s *pull) close(err error) {
	c := s.c
	s.c, s.pass = nil, nil
	s.p.after(s.b.w.between(0, 20*time.Millisecond), func() {
		s.b.leave(c)
		s.again(err)
	})
}
