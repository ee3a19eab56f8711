package sim

import (
	"bytes"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/store"
)

// check compares what happens with what DESIGN §1 promises. It sees each entry at the moment it is in a log, each event
// when a door takes it, and each ack when it is handed over. What an event must do it finds out with a model of its
// own, a set of lines of text; it never asks the code that it checks.
type check struct {
	w        *world
	shards   []*shardCheck
	states   map[uint64][]byte // by epoch, what a node has installed
	epoch    uint64            // of the newest control record
	records  int
	accepted int
}

// shardCheck is what is known of one shard.
type shardCheck struct {
	*check
	shard   int
	chain   *operator.Chain
	events  map[event.Producer][]*taken // by producer, in order of seq
	last    map[event.Producer]uint64   // seq of each producer in the log
	logged  model                       // what the records say
	wanted  model                       // what the events say
	differ  int                         // lines that are in one of the two
	points  []point                     // by position
	deltas  []engine.Mark               // the records that sinks must get
	values  map[string]int              // the newest that a message has given to a subject
	damaged bool                        // by a fault: halting is right
	lost    map[string]bool             // the records that the log has lost from its end; nil: none
	// processes is the number of those that had been started when it lost them.
	processes int
}

// taken is an event that a door has taken.
type taken struct {
	event.Addressed
	cancelled bool // nobody waits for it; it may never have been sent
}

// point is the state of a shard at the position of a whole record.
type point struct {
	position  uint64
	hash      uint64
	lines     int
	kind      operator.Kind
	positions []operator.ProducerPosition
}

// model is a set of lines, each the text of a quad.
type model map[string]bool

func newCheck(w *world) *check {
	c := &check{w: w, states: map[uint64][]byte{}}
	for s := range w.cfg.Shards {
		c.shards = append(c.shards, &shardCheck{check: c, shard: s, chain: &operator.Chain{Shard: s},
			events: map[event.Producer][]*taken{}, last: map[event.Producer]uint64{}, logged: model{}, wanted: model{},
			values: map[string]int{}, points: []point{{}}})
	}
	return c
}

// submitted is told of each event that a door takes.
func (c *check) submitted(ev event.Addressed) {
	s := c.shards[ev.Shard]
	if s.taken(ev.Producer, ev.Seq) != nil {
		return
	}
	list := append(s.events[ev.Producer], &taken{Addressed: ev})
	slices.SortFunc(list, func(a, b *taken) int { return int(int64(a.Seq) - int64(b.Seq)) })
	s.events[ev.Producer] = list
}

func (s *shardCheck) taken(producer event.Producer, seq uint64) *taken {
	for _, t := range s.events[producer] {
		if t.Seq == seq {
			return t
		}
	}
	return nil
}

// cancelled is told of each event that nobody waits for any more.
func (c *check) cancelled(ev event.Addressed) {
	c.shards[ev.Shard].taken(ev.Producer, ev.Seq).cancelled = true
}

// appended is told of each entry of a log.
func (c *check) appended(l *simLog, p *proc, e engine.Entry) {
	if l.shard < 0 {
		c.control(e)
		return
	}
	s := c.shards[l.shard]
	if s.lost != nil {
		s.written(p, e)
		return
	}
	c.records++
	r, err := s.chain.Push(e.Seq, e.Payload)
	switch {
	case err != nil:
		c.w.broken(ErrOwner, "%v", err)
	case r == nil:
		c.w.note("shard %d, position %d: a part of %s", s.shard, e.Seq, s.chain.Owner.Node)
	default:
		s.record(e.Seq, r)
	}
}

// record checks a whole record: what it says must be what its events say.
func (s *shardCheck) record(position uint64, r *operator.Record) {
	s.w.note("shard %d, position %d: %s of %s, epoch %d, incarnation %d, %d positions", s.shard, position, r.Kind,
		r.Writer.Node, r.Writer.Epoch, r.Writer.Incarnation, len(r.Positions))
	for _, at := range r.Positions {
		s.producer(r, at)
	}
	s.connected(s.shard, r)
	if r.Kind == operator.Delta {
		s.deltas = append(s.deltas, engine.Mark{Position: position, ID: r.ID})
		for code, line := range lines(r.Body) {
			if !s.set(s.logged, s.wanted, line, code == 'A') {
				s.w.broken(ErrExact, "shard %d, position %d: no change: %c %s", s.shard, position, code, line)
			}
		}
	}
	if s.differ != 0 {
		s.w.broken(ErrOrder, "shard %d, position %d: the record and its events differ in %d lines: %v", s.shard, position,
			s.differ, s.difference())
	}
	last := s.points[len(s.points)-1]
	p := point{position: position, hash: last.hash, lines: len(s.logged), kind: r.Kind, positions: r.Positions}
	if r.Kind == operator.Delta {
		for _, line := range lines(r.Body) {
			p.hash ^= hash(line)
		}
	}
	s.points = append(s.points, p)
}

// producer takes in the events of one producer that a record holds: all since its last.
func (s *shardCheck) producer(r *operator.Record, at operator.ProducerPosition) {
	last, known := s.last[at.Producer]
	once := at.Producer.Kind == event.Once
	if known && (once || at.Seq <= last) {
		s.w.broken(ErrTwice, "shard %d: %s %d again, it was at %d", s.shard, at.Producer, at.Seq, last)
	}
	s.last[at.Producer] = at.Seq
	if s.taken(at.Producer, at.Seq) == nil {
		s.w.broken(ErrOrder, "shard %d: nobody has sent %s %d", s.shard, at.Producer, at.Seq)
	}
	for _, t := range s.events[at.Producer] {
		if t.Seq > at.Seq || t.Seq <= last || once && t.Seq != at.Seq {
			continue
		}
		if t.Prev == neverHead { // refused
			continue
		}
		if t.bad() != (r.Kind == operator.DeadLetter) {
			s.w.broken(ErrDropped, "shard %d: %s %d is in a record of kind %s", s.shard, at.Producer, t.Seq, r.Kind)
		}
		s.want(t, r.Body)
	}
}

// bad reports whether the event is to be a dead letter.
func (t *taken) bad() bool {
	_, _, letter := t.Rejected()
	return letter || t.MediaType == badType
}

// want applies an event to the model, unless nobody waited for it and it is not in the record.
func (s *shardCheck) want(t *taken, body []byte) {
	if t.bad() {
		return
	}
	if isUpdate(&t.Event) {
		s.update(t)
		return
	}
	for code, line := range lines(t.Payload) {
		if t.cancelled && t.Producer.Kind == event.Door && !bytes.Contains(body, []byte(line)) {
			return
		}
		if begin, _, wildcard := strings.Cut(line, " "+patch.Any.String()); wildcard && t.MediaType == dataset.ReplaceMediaType {
			s.clear(begin + " ")
			continue
		}
		s.set(s.wanted, s.logged, line, code == 'A')
	}
}

// clear takes all lines out of the model that begin like this. That a transaction may add some of them again makes no difference
// to it.
func (s *shardCheck) clear(begin string) {
	for line := range s.wanted {
		if strings.HasPrefix(line, begin) {
			s.set(s.wanted, s.logged, line, false)
		}
	}
}

// set puts a line in or out and reports whether that is a change; differ follows.
func (s *shardCheck) set(m, other model, line string, in bool) bool {
	if m[line] == in {
		return false
	}
	if in {
		m[line] = true
	} else {
		delete(m, line)
	}
	if other[line] == in {
		s.differ--
	} else {
		s.differ++
	}
	return true
}

// difference names some of the lines in which record and events differ.
func (s *shardCheck) difference() []string {
	var list []string
	for _, line := range slices.Sorted(maps.Keys(s.logged)) {
		if !s.wanted[line] {
			list = append(list, "not wanted: "+line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(s.wanted)) {
		if !s.logged[line] {
			list = append(list, "missing: "+line)
		}
	}
	return list[:min(len(list), 4)]
}

// lines are the rows of a patch that add ('A') or delete ('D'), each with the text of its quad.
func lines(body []byte) func(yield func(byte, string) bool) {
	return func(yield func(byte, string) bool) {
		for line := range strings.SplitSeq(string(body), "\n") {
			if len(line) > 2 && line[1] == ' ' && (line[0] == 'A' || line[0] == 'D') && !yield(line[0], line[2:]) {
				return
			}
		}
	}
}

func hash(line string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(line))
	return h.Sum64()
}

// at is the state at the position of a whole record.
func (s *shardCheck) at(position uint64) (point, bool) {
	i, ok := slices.BinarySearchFunc(s.points, position, func(p point, at uint64) int { return int(p.position) - int(at) })
	if !ok {
		return point{}, false
	}
	return s.points[i], true
}

// acked is told of each ack that a client gets.
func (c *check) acked(ev event.Addressed, a event.Ack) {
	s := c.shards[ev.Shard]
	switch a.Status {
	case event.Committed, event.Bad:
		c.accepted++
		s.accept(ev, a)
	case event.Duplicate:
		if last, ok := s.last[ev.Producer]; !ok || last < ev.Seq {
			c.w.broken(ErrDurable, "shard %d: %s %d is said to be there, the log has %d", s.shard, ev.Producer, ev.Seq, last)
		}
		if a.Position > 0 {
			s.accept(ev, a)
		}
	case event.Reused:
		if last, ok := s.last[ev.Producer]; !ok || last == ev.Seq {
			c.w.broken(ErrDurable, "shard %d: key %s is said to be used for another body", s.shard, ev.Producer)
		}
	case event.Conflict:
		if !ev.Guarded() || ev.Prev == a.Head {
			c.w.broken(ErrDurable, "shard %d: %s: refused, though its prev is the head", s.shard, ev.Producer)
		}
	}
}

// accept checks that the record at the position of an ack holds the event.
func (s *shardCheck) accept(ev event.Addressed, a event.Ack) {
	p, ok := s.at(a.Position)
	if !ok {
		s.w.broken(ErrDurable, "shard %d: %s %d is acked at %d, where no record is", s.shard, ev.Producer, ev.Seq, a.Position)
		return
	}
	for _, at := range p.positions {
		if at.Producer != ev.Producer || at.Seq < ev.Seq {
			continue
		}
		if at.Seq == ev.Seq && (at.Adds != a.Adds || at.Deletes != a.Deletes) {
			s.w.broken(ErrExact, "shard %d: %s %d: acked +%d -%d, logged +%d -%d", s.shard, ev.Producer, ev.Seq, a.Adds,
				a.Deletes, at.Adds, at.Deletes)
		}
		return
	}
	s.w.broken(ErrDurable, "shard %d: the record at %d does not hold %s %d", s.shard, a.Position, ev.Producer, ev.Seq)
}

// changed is told of each change of a shard in a process; now and then it compares the store.
func (c *check) changed(l *loop) {
	s := c.shards[l.shard]
	if err := l.op.Err(); err != nil {
		c.w.note("%s shard %d is halted: %v", l.p, l.shard, err)
		if !s.damaged {
			c.w.broken(ErrDamage, "%s: %v", l.p, err)
		}
		return
	}
	s.lostEnd(l)
	if c.w.steps%16 == 0 {
		s.store(l)
	}
}

// store compares a store with the model at its position.
func (s *shardCheck) store(l *loop) {
	want, ok := s.at(l.op.Position())
	if !ok {
		s.w.broken(ErrExact, "%s shard %d is at %d, where no whole record ends", l.p, l.shard, l.op.Position())
		return
	}
	view := l.op.Logic().(*dataset.Logic).Store().View()
	defer view.Close()
	got, n := uint64(0), 0
	var text []byte
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			s.w.broken(ErrExact, "%s shard %d: %v", l.p, l.shard, err)
			return
		}
		text = nquads.AppendQuad(text[:0], q)
		got ^= hash(strings.TrimSuffix(string(text), "\n"))
		n++
	}
	if got != want.hash || n != want.lines {
		s.w.broken(ErrExact, "%s shard %d, position %d: the store has %d quads, the log %d, or others", l.p, l.shard,
			want.position, n, want.lines)
	}
}

// control checks a control record: epochs count, and the assignment is whole.
func (c *check) control(e engine.Entry) {
	s, err := coordinator.ParseRecord(coordID, e.Payload)
	if err != nil || s.Epoch != c.epoch+1 {
		c.w.broken(ErrControl, "record at %d: epoch %d after %d: %v", e.Seq, s.Epoch, c.epoch, err)
		return
	}
	c.epoch = s.Epoch
	text, _ := s.Assignment.MarshalJSON()
	c.w.note("control log, epoch %d: %s", s.Epoch, text)
	for i := range c.w.cfg.Shards {
		owner, standby := s.Assignment.Node(i), s.Standby(i)
		_, member := s.Member(owner)
		if member != (len(s.Members) > 0) || standby != "" && standby == owner {
			c.w.broken(ErrControl, "epoch %d: shard %d has owner %q and standby %q", s.Epoch, i, owner, standby)
		}
	}
}

// installed checks that all nodes see the same at the same epoch.
func (c *check) installed(p *proc, s *coordinator.State) {
	text, err := coordinator.AppendRecord(nil, coordID, coordinator.NewState(s.Settings), s)
	if known, ok := c.states[s.Epoch]; err != nil || ok && !bytes.Equal(known, text) {
		c.w.broken(ErrControl, "%s sees another epoch %d: %v", p, s.Epoch, err)
	}
	c.states[s.Epoch] = text
}

func counterShard(w *world) int { return shard.Of("", w.cfg.Shards) }

// counter is what a reader of the log finds: the head, and the value of the optimistic clients' counter.
func (c *check) counter() (head string, value int) {
	s := c.shards[counterShard(c.w)]
	for line := range s.logged {
		if text, ok := strings.CutPrefix(line, "<urn:counter> <urn:p> \""); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(text, "\" ."))
			value = max(value, n)
		}
	}
	return s.chain.DeltaHead, value
}

// final reads every log once more, as anybody could, and compares every store.
func (c *check) final() {
	if !c.w.losing() {
		c.effects()
	}
	for i, l := range c.w.engine.shards {
		s, chain := c.shards[i], operator.Chain{Shard: i}
		for _, e := range l.entries {
			if _, err := chain.Push(e.Seq, e.Payload); err != nil && !s.damaged {
				c.w.broken(ErrDurable, "read again: %v", err)
			}
		}
		for _, p := range c.w.live() {
			if l := p.loops[i]; l.op.State() == operator.Owning || l.op.State() == operator.Following {
				s.store(l)
			}
		}
	}
}
