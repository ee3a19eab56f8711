package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/shipper"
)

// maxPositionBytes bounds the producers' positions in one record's headers, about.
const maxPositionBytes = 128 << 10

// maxReason bounds the reason in a dead letter, in bytes.
const maxReason = 4096

// inflight is the append under way: a claim, or the records that hold one group of events.
type inflight struct {
	// records and payloads are the parts, in order; next is the one under way.
	records  []*Record
	payloads [][]byte
	next     int
	// answers are the acks of the events decided by this append, in the order of the queue.
	answers []shipper.Ack
	// events says that the logic holds uncommitted changes of these events.
	events        bool
	adds, deletes uint64
}

func (f *inflight) id() string { return f.records[f.next].ID }

func (o *Operator) start(f *inflight) {
	o.inflight = f
	o.sendAppend()
}

func (o *Operator) sendAppend() {
	o.gen++
	o.retryAt = time.Time{}
	o.emit(Append{Gen: o.gen, Expect: o.chain.Seq, Payload: o.inflight.payloads[o.inflight.next]})
}

// Appended answers [Append].
func (o *Operator) Appended(now time.Time, gen uint64, seq uint64, err error) {
	o.now = now
	if gen != o.gen || o.inflight == nil {
		return
	}
	switch {
	case err == nil:
		if err := o.committed(seq); err != nil {
			o.halt(err)
		}
		return
	case errors.Is(err, engine.ErrConflict):
		o.stats.Refused++
	default:
		o.stats.Unknown++
	}
	o.read() // the tail decides
}

// committed takes in that the part under way is in the log at seq.
func (o *Operator) committed(seq uint64) error {
	f := o.inflight
	r := f.records[f.next]
	whole, err := o.push(seq, r)
	if err != nil {
		return err
	}
	o.stats.Records++
	o.stats.RecordBytes += uint64(len(f.payloads[f.next]))
	o.unsaved += len(f.payloads[f.next])
	if f.next++; f.next < len(f.records) {
		if !o.reading { // while reading, the parts that follow may be in the log, too
			o.sendAppend()
		}
		return nil
	}
	o.inflight = nil
	o.finish(f, whole, seq)
	if r.Kind == Claim {
		o.emit(Changed{})
		if !o.reading {
			o.own()
		}
		return nil
	}
	o.emit(Changed{})
	if !o.reading {
		o.work()
	}
	return nil
}

// finish makes a committed group of events part of the state and answers it.
func (o *Operator) finish(f *inflight, whole *Record, seq uint64) {
	if f.events {
		o.logic.Commit(seq)
	}
	o.producers.apply(whole, seq)
	o.stats.Adds += f.adds
	o.stats.Deletes += f.deletes
	for i := range f.answers {
		a := &f.answers[i]
		if a.Status == shipper.Committed || a.Status == shipper.Bad && a.Position == 0 {
			a.Position, a.Head = seq, o.chain.DeltaHead
		}
	}
	o.answer(f.answers)
	o.maybeSnapshot()
}

// abandon gives up the append under way: it is not in the log, or only as a chain that never closes.
func (o *Operator) abandon() {
	if o.inflight.events {
		o.logic.Rollback()
	}
	o.queue.undecide()
	o.inflight = nil
}

// work decides the next group of queued events and appends what they change.
func (o *Operator) work() {
	for o.state == Owning && o.inflight == nil && o.queue.undecided() {
		g := group{o: o, tentative: map[string]int{}}
		g.gather()
		if len(g.positions) == 0 && len(g.body) == 0 {
			if g.evaluated {
				o.logic.Rollback() // nothing changed, and no identity to remember
			}
			o.answer(g.answers)
			continue
		}
		o.start(g.inflight())
	}
}

// group is what one append decides.
type group struct {
	o             *Operator
	body          []byte
	answers       []shipper.Ack
	positions     []ProducerPosition
	tentative     map[string]int // producer → index in positions
	positionBytes int
	evaluated     bool
	reason        string // of the one event of a dead letter
	letter        *shipper.Event
	adds, deletes uint64
}

// gather takes events from the queue while they fit in one record. An event that can't be evaluated gets a record of
// its own.
func (g *group) gather() {
	o := g.o
	for o.queue.undecided() {
		ev := o.queue.peek()
		full := len(g.body) > 0 && len(g.body)+len(ev.Payload) > o.cfg.MaxRecord ||
			g.positionBytes > maxPositionBytes
		if full || g.letter != nil || ev.Prev != "" && len(g.body) > 0 {
			return
		}
		answer, again := g.decide(ev)
		if again {
			return
		}
		g.answers = append(g.answers, answer)
		o.queue.decide()
	}
}

// decide answers one event. again: the event is bad, and the group before it must be appended first.
func (g *group) decide(ev *shipper.Event) (answer shipper.Ack, again bool) {
	if known, ok := g.known(ev); ok {
		return known, false
	}
	if ev.Prev != "" && ev.Prev != g.o.chain.DeltaHead {
		return shipper.Ack{Status: shipper.Conflict, Head: g.o.chain.DeltaHead}, false
	}
	if isOnce(ev.Producer) && g.o.producers.once+len(g.positions) >= g.o.cfg.MaxOnce {
		g.o.stats.BusyAcked++
		return shipper.Ack{Status: shipper.Busy, Reason: "too many idempotency keys are remembered"}, false
	}
	body, adds, deletes, err := g.o.logic.Evaluate(ev, g.body)
	g.evaluated = true
	if err != nil {
		return g.bad(ev, err)
	}
	g.body = body
	g.adds, g.deletes = g.adds+adds, g.deletes+deletes
	g.remember(ev, adds, deletes)
	g.o.stats.Events++
	return shipper.Ack{Status: shipper.Committed, Adds: adds, Deletes: deletes, Position: g.o.chain.Whole}, false
}

func (g *group) bad(ev *shipper.Event, err error) (shipper.Ack, bool) {
	g.o.logic.Rollback()
	g.evaluated = false
	if len(g.answers) > 0 {
		// The good events before it come first: they are taken again, without this one.
		g.replay()
		return shipper.Ack{}, true
	}
	g.o.stats.Bad++
	g.letter, g.reason = ev, err.Error()[:min(len(err.Error()), maxReason)]
	g.remember(ev, 0, 0)
	return shipper.Ack{Status: shipper.Bad, Reason: g.reason}, false
}

// replay evaluates the events decided so far once more after a rollback; they were good, so they are again.
func (g *group) replay() {
	g.body = g.body[:0]
	for i := range g.answers {
		if g.answers[i].Status == shipper.Committed {
			g.body, _, _, _ = g.o.logic.Evaluate(g.o.queue.decided(len(g.answers)-i), g.body)
			g.evaluated = true
		}
	}
}

// known answers an event that came before.
func (g *group) known(ev *shipper.Event) (shipper.Ack, bool) {
	if ev.Producer == "" {
		return shipper.Ack{}, false
	}
	last := producer{}
	if p := g.o.producers.byKey[ev.Producer]; p != nil {
		last = *p
	}
	if i, ok := g.tentative[ev.Producer]; ok {
		last = producer{ProducerPosition: g.positions[i]}
	} else if last.Producer == "" {
		return shipper.Ack{}, false
	}
	switch {
	case isOnce(ev.Producer) && last.Seq != ev.Seq:
		return shipper.Ack{Status: shipper.Reused}, true
	case ev.Seq > last.Seq:
		return shipper.Ack{}, false
	}
	g.o.stats.Duplicates++
	answer := shipper.Ack{Status: shipper.Duplicate}
	if ev.Seq == last.Seq {
		answer.Position, answer.Adds, answer.Deletes = last.Position, last.Adds, last.Deletes
	}
	if ev.Seq == last.Seq && last.Bad { // who sends it again must not believe that it was accepted
		answer.Status, answer.Reason = shipper.Bad, "it came before and is a dead letter"
	}
	return answer, true
}

func (g *group) remember(ev *shipper.Event, adds, deletes uint64) {
	if ev.Producer == "" {
		return
	}
	at := ProducerPosition{Producer: ev.Producer, Seq: ev.Seq, Adds: adds, Deletes: deletes}
	if i, ok := g.tentative[ev.Producer]; ok {
		g.positions[i] = at
		return
	}
	g.tentative[ev.Producer] = len(g.positions)
	g.positions = append(g.positions, at)
	g.positionBytes += 3*len(ev.Producer) + 48
}

// inflight makes the records of the group; a large body becomes a chain of parts.
func (g *group) inflight() *inflight {
	o := g.o
	f := &inflight{answers: g.answers, events: g.evaluated, adds: g.adds, deletes: g.deletes}
	kind, body := Delta, g.body
	if g.letter != nil {
		kind, body = DeadLetter, encodeLetter(g.letter)
	}
	prev := o.chain.Head
	for part := 1; ; part++ {
		var piece []byte
		piece, body = cut(body, o.cfg.MaxRecord)
		r := &Record{Prev: prev, Kind: kind, Shard: o.cfg.Shard, Writer: o.self(), Time: o.time(), Body: piece}
		if r.More = len(body) > 0; r.More || part > 1 {
			r.Part = part
		}
		if !r.More {
			r.Positions, r.Reason = g.positions, g.reason
		}
		f.payloads = append(f.payloads, r.Encode(make([]byte, 0, len(piece)+1024)))
		f.records = append(f.records, r)
		if !r.More {
			return f
		}
		prev = r.ID
	}
}

// cut splits a body at the last row that ends within limit; a row that is longer is split anywhere.
func cut(body []byte, limit int) (piece, rest []byte) {
	if len(body) <= limit {
		return body, nil
	}
	at := bytes.LastIndexByte(body[:limit], '\n') + 1
	if at == 0 {
		at = limit
	}
	return body[:at], body[at:]
}

func (o *Operator) maybeSnapshot() {
	s, ok := o.logic.(Snapshotter)
	if !ok || o.cfg.SnapshotEvery == 0 || o.unsaved < o.cfg.SnapshotEvery {
		return
	}
	o.unsaved = 0
	c := o.chain
	extra, err := json.Marshal(snapshotState{Shard: o.cfg.Shard, Position: c.Whole, Head: c.Head,
		DeltaHead: c.DeltaHead, Owner: c.Owner, Clock: o.producers.clock, Time: o.producers.last,
		Producers: o.producers.encode()})
	if err != nil {
		return // no time that JSON can't hold comes out of a log
	}
	o.stats.SnapshotsTaken++
	o.emit(TakeSnapshot{Position: c.Whole, Write: s.Snapshot(extra)})
}
