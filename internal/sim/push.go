package sim

import (
	"errors"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/operator"
)

// maxWaiting bounds the bytes that wait for a target. It is small, so that readers have to wait.
const maxWaiting = 2 << 10

// push is a sink in a process, for one shard, while that owns it.
type push struct {
	p        *proc
	h        *held
	returned func()
	stopped  bool
	backoff  core.Backoff

	// Of one connection.
	k       *writer
	begin   uint64
	writing *core.Writing
	busy    bool // something is under way
	read    []connector.Record
	reader  *reader
	pausing
}

func (h *held) run(p *proc, returned func()) call {
	s := &push{p: p, h: h, returned: returned, backoff: h.t.w.backoff()}
	s.connect()
	return s
}

// stop is what the end of the context does: what was sent is on its way.
func (s *push) stop() {
	s.stopped = true
	if s.resume != nil {
		s.resume()
	}
	if s.writing != nil {
		s.close(errStopped)
	}
}

// connect opens the target, and follows the log from where that ends.
func (s *push) connect() {
	if s.stopped {
		s.returned()
		return
	}
	s.h.open(s.p, func(k *writer, err error) {
		if err != nil || s.stopped {
			s.again(err)
			return
		}
		s.k, s.begin, s.read, s.busy = k, k.at.Position, nil, false
		s.writing = core.NewWriting(maxWaiting, s.h.t.w.backoff())
		s.follow()
	})
}

// follow reads the log on.
func (s *push) follow() {
	k, chain := s.k, operator.Resume(s.h.shard, s.k.at.Position)
	if s.h.t.w.cfg.Bug == ReadOnAfterError {
		chain = operator.Resume(s.h.shard, max(s.k.at.Position, s.p.passed[s.h]))
	}
	s.reader = s.h.t.w.engine.shards[s.h.shard].follow(s.p, chain.Whole+1, func(entries []engine.Entry) {
		for _, e := range entries {
			if s.k == k {
				s.take(chain, e)
			}
		}
	}, func(err error) {
		if s.k == k && s.writing != nil {
			s.close(errors.Join(err, errCut))
		}
	})
}

// take takes an entry of the log.
func (s *push) take(chain *operator.Chain, e engine.Entry) {
	r, err := chain.Push(e.Seq, e.Payload)
	switch {
	case s.writing == nil:
	case err != nil:
		s.close(err)
	case r != nil && r.Kind == operator.Delta:
		s.read = append(s.read, connector.Record{Mark: engine.Mark{Position: e.Seq, ID: r.ID}, Time: r.Time, Body: r.Body})
		s.p.passed[s.h] = e.Seq
		s.step()
	}
}

// step does what is to be done next, unless something is under way.
func (s *push) step() {
	if s.writing == nil {
		return
	}
	for len(s.read) > 0 && s.writing.Fits(s.read[0]) {
		s.writing.Add(s.read[0])
		s.read = s.read[1:]
	}
	s.p.check(s.writing)
	switch step := s.writing.Step(); {
	case step.Action == core.Over:
		s.close(step.Err)
	case s.busy:
	case step.Action == core.Pause:
		k := s.k
		s.busy = true
		s.pause(s.p, step.Pause, func() { s.did(k, (*core.Writing).Paused) })
	case step.Action == core.Write:
		k := s.k
		s.busy = true
		k.write(step.Records, func(err error) {
			s.did(k, func(w *core.Writing) { w.Wrote(k.at.Position, err) })
		})
	}
}

// did tells what was done with a connection, unless that is closed.
func (s *push) did(k *writer, tell func(*core.Writing)) {
	if s.k != k || s.writing == nil || s.stopped {
		return
	}
	s.busy = false
	tell(s.writing)
	s.step()
}

// close closes the connection.
func (s *push) close(err error) {
	s.reader.stop()
	at := s.k.at.Position
	s.k, s.writing = nil, nil
	s.p.after(s.h.t.w.between(0, 10*time.Millisecond), func() {
		if at != s.begin {
			s.backoff.Reset()
		}
		s.again(err)
	})
}

// again connects anew after a pause.
func (s *push) again(err error) {
	if s.stopped {
		s.returned()
		return
	}
	s.h.t.w.note("%s at %s has stopped: %v", s.h, s.p, err)
	s.pause(s.p, s.backoff.After(err), s.connect)
}
