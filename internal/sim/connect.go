package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/operator"
)

// connect makes sources and sinks with their peers: a log, two queues, a target that holds each delta once, and one that may hold it
// again.
func (w *world) connect() {
	for _, name := range []string{"log", "queue", "plain"} {
		streams := 1
		if name != "plain" {
			streams += w.rng.IntN(3)
		}
		b := w.addBroker(name, streams)
		b.left = 3 * w.cfg.Documents
		w.after(w.between(0, 2*time.Second), b.produce)
	}
	w.addTarget("once", true)
	w.addTarget("again", false)
}

// connectors makes the calls of all connectors in a process that has entered.
func (p *proc) connectors() {
	p.passed = map[*held]uint64{}
	for _, b := range p.w.brokers {
		p.running = append(p.running, &running{p: p, calls: map[int]call{}, begin: func(shard int, returned func()) call {
			if shard != b.home {
				returned()
				return nil
			}
			return b.run(p, returned)
		}})
	}
	for _, t := range p.w.targets {
		p.running = append(p.running, &running{p: p, calls: map[int]call{}, begin: func(shard int, returned func()) call {
			return t.shards[shard].run(p, returned)
		}})
	}
}

// owning makes the connectors look at what the process owns; several changes may be seen as one.
func (p *proc) owning() {
	if p.looking || len(p.running) == 0 {
		return
	}
	p.looking = true
	p.after(p.w.between(0, 3*time.Millisecond), func() {
		p.looking = false
		var owned []int
		for s, l := range p.loops {
			if l.op.State() == operator.Owning {
				owned = append(owned, s)
			}
		}
		for _, r := range p.running {
			r.own(owned)
		}
	})
}

// disconnected says which message has no effect yet, and which delta is in no target; nil if all are.
func (w *world) disconnected() error {
	for _, b := range w.brokers {
		if b.left > 0 {
			return fmt.Errorf("%s has %d messages to make", b.name, b.left)
		}
		for _, s := range b.streams {
			if err := s.restless(); err != nil {
				return fmt.Errorf("%s %s: %w", b.name, s.name, err)
			}
		}
	}
	for _, t := range w.targets {
		for _, h := range t.shards {
			if err := h.restless(); err != nil {
				return err
			}
		}
	}
	return nil
}

// restless says what is still to be done with a stream; nil, if all are committed and, of a log, that is noted.
func (s *stream) restless() error {
	n := len(s.messages)
	if n == 0 || s.b.w.losing() {
		return nil
	}
	end := s.messages[n-1].Offset + 1
	if err := s.uncommitted(end); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if !s.b.queue && s.noted() < end {
		return fmt.Errorf("it is noted up to %d, and has %d", s.noted(), end)
	}
	return nil
}

// noted is how far the source has come in the stream, as its home says.
func (s *stream) noted() uint64 {
	return s.b.w.check.shards[s.b.home].last[core.Producer(event.Resume, s.b.name, s.name, 0)]
}

// find is the stream of a producer, or of one whose letters it numbers; nil if there is none.
func (w *world) find(p event.Producer) *stream {
	for _, b := range w.brokers {
		for _, s := range b.streams {
			if name, ok := strings.CutSuffix(p.Name, "/"+s.name); ok && strings.HasPrefix(name+"!", b.name+"!") {
				return s
			}
		}
	}
	return nil
}

// message is that of a sequence.
func (s *stream) message(seq uint64) *message {
	i, ok := slices.BinarySearchFunc(s.messages, seq, func(m *message, seq uint64) int { return int(m.Offset+1) - int(seq) })
	if !ok {
		return nil
	}
	return s.messages[i]
}

// connected checks what a record says of sources.
func (c *check) connected(shard int, r *operator.Record) {
	if r.Kind == operator.Delta {
		c.shards[shard].rising(r.Body)
	}
	for _, at := range r.Positions {
		s := c.w.find(at.Producer)
		if s == nil {
			continue
		}
		if at.Producer.Kind == event.Resume {
			if why := s.uncommitted(at.Seq); why != nil {
				c.w.broken(ErrAcked, "%s %s is noted up to %d: %v", s.b.name, s.name, at.Seq, why)
			}
			continue
		}
		if r.Kind == operator.DeadLetter {
			c.letter(s, at)
		}
	}
}

// rising checks that the values which messages give to a subject come in order, each once.
func (s *shardCheck) rising(body []byte) {
	for code, line := range lines(body) {
		subject, value, ok := strings.Cut(line, " <urn:is> \"")
		if !ok || code != 'A' {
			continue
		}
		n, _ := strconv.Atoi(strings.TrimSuffix(value, "\" ."))
		if n <= s.values[subject] {
			s.w.broken(ErrTwice, "shard %d: %s is set to %d after %d", s.shard, subject, n, s.values[subject])
		}
		s.values[subject] = n
	}
}

// letter checks a dead letter: it is that of a poison message, once.
func (c *check) letter(s *stream, at operator.ProducerPosition) {
	m := s.message(at.Seq)
	if m == nil || m.letter == nil || *m.letter != at.Producer {
		c.w.broken(ErrDropped, "%s %d is a dead letter", at.Producer, at.Seq)
		return
	}
	if m.seen++; m.seen > 1 {
		c.w.broken(ErrTwice, "%s %d is a dead letter again", at.Producer, at.Seq)
	}
}

// have reports whether the shards have all of the lines.
func (c *check) have(lines []string) bool {
	for _, line := range lines {
		if !slices.ContainsFunc(c.shards, func(s *shardCheck) bool { return s.logged[line] }) {
			return false
		}
	}
	return true
}

// effects checks at the end that the shards hold what the messages say, each stream's in order, and nothing else of them.
func (c *check) effects() {
	want := model{}
	for _, b := range c.w.brokers {
		for _, s := range b.streams {
			for _, m := range s.messages {
				for _, line := range m.drops {
					delete(want, line)
				}
				for _, line := range m.adds {
					want[line] = true
				}
				if m.letter != nil && m.seen != 1 {
					c.w.broken(ErrDropped, "%s is a dead letter %d times", m.letter, m.seen)
				}
			}
		}
	}
	var more []string
	for _, s := range c.shards {
		for line := range s.logged {
			if strings.Contains(line, "/t/") && !want[line] {
				more = append(more, line)
			}
			delete(want, line)
		}
	}
	if missing := slices.Sorted(maps.Keys(want)); len(missing) > 0 {
		c.w.broken(ErrLost, "no shard has %v", missing)
	}
	if len(more) > 0 {
		c.w.broken(ErrTwice, "the shards have %v, which no message says", slices.Sorted(slices.Values(more)))
	}
}
