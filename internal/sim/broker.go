package sim

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/internal/pipeline/core"
	"github.com/quadrille-stream/quadrille/operator/dataset"
)

// broker is the peer of a source, and the connections to it: streams of messages, which it gives out to who is connected, each
// stream to one at a time. It keeps an offset for the group of those that read, which says what is acked.
//
// A log gives out from where its reader says, and the group's offset may be set anywhere. A queue gives out from that offset,
// which only ever falls back. A plain one is a queue whose messages have no identity; they only add.
type broker struct {
	w       *world
	name    string
	queue   bool
	plain   bool
	home    int
	left    int // messages that are still to be made
	streams []*stream
	conns   []*conn
	turns   int // rebalances
	down    bool
}

// stream is one sequence of messages.
type stream struct {
	b        *broker
	name     string
	messages []*message
	group    uint64 // what is before this offset is acked
	owner    *conn
	checked  int // messages before this one were found to be committed
	given    int // messages before this one were given out
	values   map[string]int
}

// message is one message, and what must become of it.
type message struct {
	connector.Message
	parts  []event.Addressed // its events, or those of its letters
	adds   []string          // lines that it adds, and
	drops  []string          // lines that it deletes
	letter *event.Producer   // as which it must be a dead letter, not nil if it must
	seen   int               // times that the letter is in the log
}

// errCut is what a connection returns to a peer that is gone. What was under way may have been done.
var errCut = errors.New("the connection is cut")

// What makes a message a poison: of that media type it can't be divided; an event that has the row is too large for any door;
// that never is the head of a dataset.
const (
	noDocument = "text/none"
	refusedRow = "<urn:refused>"
	neverHead  = "ni:never"
)

func (w *world) addBroker(name string, streams int) *broker {
	b := &broker{w: w, name: name, queue: name != "log", plain: name == "plain", home: core.Home(name, w.cfg.Shards)}
	for i := range streams {
		b.streams = append(b.streams, &stream{b: b, name: fmt.Sprintf("t/%d", i), values: map[string]int{}})
	}
	w.brokers = append(w.brokers, b)
	return b
}

// produce makes messages from time to time until there are enough, and looks after the connections.
func (b *broker) produce() {
	if b.left > 0 {
		for range min(b.left, 1+b.w.rng.IntN(3)) {
			b.left--
			b.streams[b.w.rng.IntN(len(b.streams))].make(!b.plain && b.w.chance(0.1))
		}
		b.pump()
	}
	b.w.after(b.w.between(0, 1500*time.Millisecond), b.produce)
	b.miss()
}

// miss takes out connections of processes that are gone, or have been silent.
func (b *broker) miss() {
	for _, c := range b.conns {
		if (c.p.dead || c.p.paused) && b.w.chance(0.5) {
			c.cut()
			return
		}
	}
}

// make makes the next message: the subjects that it is about get another value in place of the one before, and one more beside.
func (s *stream) make(poison bool) {
	w := s.b.w
	m := &message{Message: connector.Message{Stream: s.name, MediaType: dataset.MediaType}}
	if n := len(s.messages); n > 0 {
		m.Offset = s.messages[n-1].Offset + 1
	}
	m.Offset += uint64(w.rng.IntN(3) / 2)
	var body bytes.Buffer
	body.WriteString("TX .\n")
	for _, k := range w.rng.Perm(4)[:1+w.rng.IntN(3)] {
		s.change(m, &body, fmt.Sprintf("<urn:%s/%s:%d>", s.b.name, s.name, k), poison)
	}
	body.WriteString("TC .\n")
	m.Body = body.Bytes()
	if s.messages = append(s.messages, m); poison {
		s.poison(m)
	} else if !s.b.plain {
		m.parts, _ = s.b.divide(m.Message, core.Producer(event.Source, s.b.name, s.name, 0), m.Offset+1)
	}
}

// change writes the change of one subject.
func (s *stream) change(m *message, body *bytes.Buffer, subject string, poison bool) {
	before, n := s.values[subject], int(m.Offset)+1
	if s.b.plain {
		m.adds = append(m.adds, fmt.Sprintf("%s <urn:was> \"%d\" .", subject, n))
		fmt.Fprintf(body, "A %s <urn:was> \"%d\" .\n", subject, n)
		return
	}
	if !poison {
		s.values[subject] = n
	}
	m.adds = append(m.adds, fmt.Sprintf("%s <urn:is> \"%d\" .", subject, n), fmt.Sprintf("%s <urn:was> \"%d\" .", subject, n))
	if before > 0 {
		line := fmt.Sprintf("%s <urn:is> \"%d\" .", subject, before)
		fmt.Fprintf(body, "D %s\n", line)
		m.drops = append(m.drops, line)
	}
	fmt.Fprintf(body, "A %s <urn:is> \"%d\" .\nA %s <urn:was> \"%d\" .\n", subject, n, subject, n)
}

// poison makes of a message one that is no document, can't be evaluated, or is refused.
func (s *stream) poison(m *message) {
	m.adds, m.drops = nil, nil
	body := m.Body
	own := core.Producer(event.Source, s.b.name, s.name, 0)
	shard, mark := s.b.home, "!"
	switch s.b.w.rng.IntN(3) {
	case 0:
		m.MediaType = noDocument
	case 1:
		m.MediaType, mark = badType, ""
		shard = s.b.w.rng.IntN(s.b.w.cfg.Shards)
		m.Body = []byte(fmt.Sprintf("%d", shard))
	case 2:
		of := s.b.w.rng.IntN(s.b.w.cfg.Shards)
		m.Body = []byte(fmt.Sprintf("%d %s", of, refusedRow))
		if s.b.w.cfg.Key == dataset.Dataset {
			of, m.Body = counterShard(s.b.w), []byte(fmt.Sprintf("H prev %q .\n%s", neverHead, body))
		}
		mark += fmt.Sprint(of)
	}
	if mark != "" {
		own.Name = s.b.name + mark + strings.TrimPrefix(own.Name, s.b.name)
	}
	m.letter = &own
	m.parts = []event.Addressed{{Shard: shard, Event: event.Event{Producer: own, Seq: m.Offset + 1}}}
}

// divide is what the door of a graph does with a message.
func (b *broker) divide(m connector.Message, from event.Producer, seq uint64) ([]event.Addressed, error) {
	ev := event.Event{Producer: from, Seq: seq, MediaType: m.MediaType, Payload: m.Body}
	shard := 0
	switch {
	case m.MediaType == noDocument:
		return nil, errors.New("no document")
	case m.MediaType == badType || bytes.Contains(m.Body, []byte(refusedRow)):
		_, err := fmt.Sscan(string(m.Body), &shard)
		return []event.Addressed{{Shard: shard, Event: ev}}, err
	}
	split, err := dataset.Splitter{Key: b.w.cfg.Key, Shards: b.w.cfg.Shards}.Whole().Patch(m.Body)
	if err != nil {
		b.w.broken(ErrDropped, "%s: %v", b.name, err)
	}
	split.MediaType = m.MediaType
	return split.Of(from, seq), nil
}

// refused reports whether no door takes an event.
func refused(ev *event.Event) bool {
	_, _, letter := ev.Rejected()
	return !letter && bytes.HasSuffix(ev.Payload, []byte(refusedRow))
}

// conn is a connection to a broker: what an adapter makes of it.
type conn struct {
	b        *broker
	p        *proc
	progress func(stream string, done func(next uint64, found bool, err error))
	at       map[*stream]int // the index of the next message of each stream that it was given and whose beginning it knows
	failed   error
	reading  func([]connector.Message, error) // a Read under way
	sending  bool                             // messages are on their way
}

func (c *conn) String() string { return fmt.Sprintf("%s of %s", c.b.name, c.p) }

// open connects.
func (b *broker) open(p *proc, progress func(string, func(uint64, bool, error)), done func(*conn, error)) {
	w := b.w
	if b.down || w.chance(w.chaos.PeerFails) {
		p.after(w.between(0, time.Second), func() { done(nil, errCut) })
		return
	}
	w.after(w.between(0, 20*time.Millisecond), func() {
		c := &conn{b: b, p: p, progress: progress, at: map[*stream]int{}}
		b.conns = append(b.conns, c)
		b.rebalance()
		p.after(w.between(0, 10*time.Millisecond), func() { done(c, nil) })
	})
}

// rebalance gives each stream to one of those who are connected.
func (b *broker) rebalance() {
	b.turns++
	for i, s := range b.streams {
		var to *conn
		if n := len(b.conns); n > 0 {
			to = b.conns[(i+b.turns)%n]
		}
		if s.owner == to {
			continue
		}
		if s.owner != nil {
			delete(s.owner.at, s)
		}
		if s.owner = to; to != nil {
			to.p.after(b.w.between(0, 10*time.Millisecond), func() { to.begin(s) })
		}
	}
}

// begin finds where the reading of a stream begins.
func (c *conn) begin(s *stream) {
	if s.owner != c {
		return
	}
	if c.b.queue || c.b.w.cfg.Bug == PeersOffset {
		c.from(s, s.group)
		return
	}
	c.progress(s.name, func(next uint64, _ bool, err error) {
		switch {
		case err != nil:
			c.fail(err)
		case s.owner == c:
			c.from(s, next)
		}
	})
}

// from begins to read a stream with an offset.
func (c *conn) from(s *stream, offset uint64) {
	i := 0
	for i < len(s.messages) && s.messages[i].Offset < offset {
		i++
	}
	c.at[s] = i
	c.b.w.note("%s reads %s from offset %d", c, s.name, offset)
	c.pump()
}

// read is [connector.Reader.Read].
func (c *conn) read(done func([]connector.Message, error)) {
	c.reading = done
	c.pump()
}

func (b *broker) pump() {
	for _, c := range b.conns {
		c.pump()
	}
}

// pump gives out messages, if somebody waits for them.
func (c *conn) pump() {
	if c.reading == nil || c.sending {
		return
	}
	if c.failed != nil {
		c.answer(nil, c.failed)
		return
	}
	var list []connector.Message
	for _, s := range c.b.streams {
		if _, mine := c.at[s]; mine && len(list) < 4 {
			list = append(list, c.take(s)...)
		}
	}
	if len(list) > 0 {
		c.answer(list, nil)
	}
}

// take takes the next messages of a stream, or some that were given out a moment ago.
func (c *conn) take(s *stream) (list []connector.Message) {
	w := c.b.w
	for range 1 + w.rng.IntN(4) {
		if c.at[s] > 0 && w.chance(w.chaos.Redeliver) {
			c.at[s]--
		}
		if c.at[s] == len(s.messages) {
			break
		}
		m := s.messages[c.at[s]].Message
		if c.at[s]++; c.at[s] <= s.given && w.cfg.Bug == FreshIdentity {
			m.Stream += fmt.Sprintf("#%d", w.steps)
		}
		if s.b.plain {
			m.Stream = ""
		}
		s.given = max(s.given, c.at[s])
		list = append(list, m)
	}
	return list
}

func (c *conn) answer(list []connector.Message, err error) {
	c.sending = true
	c.p.after(c.b.w.between(0, 5*time.Millisecond), func() {
		done := c.reading
		c.sending, c.reading = false, nil
		done(list, err)
	})
}

// fail makes the connection fail.
func (c *conn) fail(err error) {
	if c.failed == nil {
		c.failed = err
		c.pump()
	}
}

// cut cuts a connection; what was sent is still on its way.
func (c *conn) cut() {
	c.b.w.note("%s is cut", c)
	c.p.after(c.b.w.between(0, time.Second), func() { c.fail(errCut) })
	c.b.w.after(c.b.w.between(0, time.Second), func() { c.b.leave(c) })
}

// ack is [connector.Reader.Ack].
func (c *conn) ack(messages []connector.Message, done func(error)) {
	w := c.b.w
	if c.failed != nil {
		c.p.after(0, func() { done(c.failed) })
		return
	}
	late := w.between(0, 5*time.Millisecond)
	if w.chance(w.chaos.Late) {
		late = w.between(0, 4*time.Second)
	}
	if !w.chance(w.chaos.PeerFails) {
		w.after(late, func() { c.b.acked(c, messages) })
	}
	if w.chance(w.chaos.PeerFails) {
		c.cut()
		c.p.after(w.between(0, time.Second), func() { done(errCut) })
		return
	}
	c.p.after(w.between(0, 5*time.Millisecond), func() { done(nil) })
}

// acked takes in acks, perhaps of who doesn't read the streams any more.
func (b *broker) acked(from *conn, messages []connector.Message) {
	for _, m := range messages {
		name, _, _ := strings.Cut(m.Stream, "#")
		for _, s := range b.streams {
			if s.name != name && !b.plain {
				continue
			}
			if why := s.uncommitted(m.Offset + 1); why != nil {
				b.w.broken(ErrAcked, "%s acks %s %d: %v", from, s.name, m.Offset, why)
			}
			s.group = max(s.group, m.Offset+1)
		}
	}
}

// leave ends a connection.
func (b *broker) leave(c *conn) {
	for i, other := range b.conns {
		if other == c {
			b.conns = append(b.conns[:i:i], b.conns[i+1:]...)
			b.rebalance()
			return
		}
	}
}

// outage cuts all connections for a while, in which messages come that nobody reads. The group's offsets may be lost over that.
func (b *broker) outage() {
	if b.down {
		return
	}
	b.w.note("%s is down", b.name)
	b.down = true
	conns := b.conns
	b.conns = nil
	b.rebalance()
	for _, c := range conns {
		c.p.after(b.w.between(0, time.Second), func() { c.fail(errCut) })
	}
	b.w.after(b.w.aWhile(), func() {
		if b.down = false; b.w.rng.IntN(2) == 0 {
			b.reset()
		}
	})
}

// reset sets the group's offsets elsewhere: back, and those of a log forward, too.
func (b *broker) reset() {
	for _, s := range b.streams {
		n := uint64(0)
		if len(s.messages) > 0 {
			n = s.messages[len(s.messages)-1].Offset + 1
		}
		if b.queue {
			n = s.group
		}
		if s.group = n; b.w.rng.IntN(2) == 0 {
			s.group = b.w.rng.Uint64N(n + 1)
		}
		b.w.note("the group's offset of %s %s is reset to %d", b.name, s.name, s.group)
	}
}

// uncommitted says which of the messages before an offset is not committed; nil, if all are.
func (s *stream) uncommitted(offset uint64) error {
	for ; s.checked < len(s.messages) && s.messages[s.checked].Offset < offset; s.checked++ {
		m := s.messages[s.checked]
		if s.b.plain && !s.b.w.check.have(m.adds) {
			return fmt.Errorf("message %d is not committed", m.Offset)
		}
		for i := range m.parts {
			part := &m.parts[i]
			if s.b.w.check.shards[part.Shard].last[part.Producer] < part.Seq || m.letter != nil && m.seen == 0 {
				return fmt.Errorf("message %d is not committed in shard %d", m.Offset, part.Shard)
			}
		}
	}
	return nil
}
