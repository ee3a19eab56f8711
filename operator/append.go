package operator

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

const (
	// maxPositionBytes bounds the producers' positions in one record's headers. The largest position fits: that of a name
	// that is all escapes.
	maxPositionBytes = 3*event.MaxText + positionRoom
	// positionRoom is what a position takes besides the name: three numbers, and what stands between them.
	positionRoom = 64
	// maxReason bounds the reason in a dead letter, in bytes.
	maxReason = 4096
	// maxEscape is the length of the longest escape of a byte in a header.
	maxEscape = 6
	// fixedRows bounds the rows of a record that are always as long, and the names of the others.
	fixedRows = 1 << 10
)

// HeaderRoom is the number of bytes that the headers of a record take at most, whose writer is that node: what the engine
// accepts for a record must have room for them beside Config.MaxRecord.
func HeaderRoom(node string) int {
	return fixedRows + maxEscape*(len(node)+maxReason) + maxPositionBytes
}

// inflight is the append under way: a claim, or the records that hold one group of events.
type inflight struct {
	// records and payloads are the parts, in order; next is the one under way.
	records  []*Record
	payloads [][]byte
	next     int
	// answers are the acks of the events decided by this append, in the order of the queue.
	answers []event.Ack
	// events says that the logic holds uncommitted changes of these events.
	events        bool
	adds, deletes uint64
	body          []byte // that the records are made of
}

func (f *inflight) id() string { return f.records[f.next].ID }

// largest is the size of the largest record that is yet to be appended, in bytes.
func (f *inflight) largest() (n int) {
	for _, p := range f.payloads[f.next:] {
		n = max(n, len(p))
	}
	return n
}

func (o *Operator) start(f *inflight) {
	o.inflight = f
	o.sendAppend()
}

func (o *Operator) sendAppend() {
	o.gen++
	o.retryAt = time.Time{}
	claim := o.inflight.records[o.inflight.next].Kind == Claim
	if claim {
		o.stats.ClaimTries++
	}
	o.emit(Append{Gen: o.gen, Expect: o.chain.Seq, Payload: o.inflight.payloads[o.inflight.next], Claim: claim})
}

// Appended answers [Append].
func (o *Operator) Appended(now time.Time, gen uint64, seq uint64, err error) {
	o.now = now
	if gen != o.gen || o.inflight == nil {
		return
	}
	if err != nil {
		o.appendFailed(err)
		return
	}
	if err := o.committed(seq); err != nil {
		o.halt(err)
	}
}

// committed takes in that the part under way is in the log at seq.
func (o *Operator) committed(seq uint64) error {
	f := o.inflight
	r := f.records[f.next]
	whole, err := o.push(seq, r)
	if err != nil {
		return err
	}
	o.trouble = trouble{}
	o.stats.Records++
	o.stats.RecordBytes += uint64(len(f.payloads[f.next]))
	o.grown(f.payloads[f.next])
	if f.next++; f.next < len(f.records) {
		if !o.reading { // while reading, the parts that follow may be in the log, too
			o.sendAppend()
		}
		return nil
	}
	o.inflight = nil
	if err := o.finish(f, whole, seq); err != nil {
		return err
	}
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

// finish makes a committed group of events part of the state and answers it. The answers are the same when the state
// fails: the events are in the log.
func (o *Operator) finish(f *inflight, whole *Record, seq uint64) (err error) {
	o.alone = false
	o.producers.apply(whole, seq) // first, for a [Durable] Logic that keeps both
	if f.events {
		err = o.logic.Commit(seq)
	}
	o.stats.Adds += f.adds
	o.stats.Deletes += f.deletes
	for i := range f.answers {
		a := &f.answers[i]
		if a.Status == event.Committed || a.Status == event.Bad && a.Position == 0 {
			a.Position, a.Head = seq, o.chain.DeltaHead
		}
	}
	o.answer(f.answers)
	giveBody(f.body) // the records' payloads are copies of it
	if err != nil {
		return o.chain.at(seq, fmt.Errorf("%w: %w", ErrState, err))
	}
	o.maybeSnapshot()
	return nil
}

// abandon gives up the append under way: it is not in the log, or only as a chain that never closes.
func (o *Operator) abandon() {
	if o.inflight.events {
		o.logic.Rollback()
	}
	o.queue.undecide()
	o.inflight = nil
}

// bodies is memory for the bodies of groups, which no shard keeps for itself.
var bodies sync.Pool

func takeBody() []byte {
	if b, ok := bodies.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

// giveBody gives memory back that nobody uses any more.
func giveBody(b []byte) {
	if cap(b) > 0 && cap(b) <= maxSpare {
		bodies.Put(&b)
	}
}

// maxSpare bounds the memory that waits for a later group, in bytes.
const maxSpare = 2 << 20

// work decides the next group of queued events and appends what they change.
func (o *Operator) work() {
	for o.state == Owning && o.inflight == nil && o.queue.undecided() {
		g := group{o: o, body: takeBody(), tentative: map[event.Producer]int{}}
		g.gather()
		o.askIndex()
		if g.failed != nil {
			o.logic.Rollback()
			o.halt(fmt.Errorf("shard %d: %w", o.cfg.Shard, g.failed))
			return
		}
		if g.letter == nil && len(g.positions) == 0 && len(g.body) == 0 {
			if g.evaluated {
				o.logic.Rollback() // nothing changed, and no identity to remember
			}
			o.answer(g.answers)
			giveBody(g.body)
			continue
		}
		o.start(g.inflight())
	}
}

// askIndex asks for an index, if what was evaluated since the last look would have been quicker with one.
func (o *Operator) askIndex() {
	if i, ok := o.logic.(Indexer); ok && i.LacksIndex() {
		o.emit(MakeIndex{})
	}
}

// group is what one append decides.
type group struct {
	o             *Operator
	body          []byte
	answers       []event.Ack
	positions     []ProducerPosition
	tentative     map[event.Producer]int // producer → index in positions
	settling      []uint64               // letters that are settled by events of the group
	positionBytes int
	evaluated     bool
	reason        string // of the one event of a dead letter
	letter        *event.Event
	failed        error // the state has no room for the next event, or has failed
	adds, deletes uint64
}

// gather takes events from the queue while they fit in one record. An event that can't be evaluated gets a record of
// its own.
func (g *group) gather() {
	o := g.o
	for o.queue.undecided() {
		ev := o.queue.peek()
		full := len(g.body) > 0 && len(g.body)+len(ev.Payload) > o.cfg.MaxRecord ||
			g.positionBytes+positionSize(ev.Producer) > maxPositionBytes && g.positionBytes > 0
		if full || g.letter != nil || o.alone && len(g.answers) > 0 || ev.Guarded() && len(g.body) > 0 {
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

// decide answers one event. again: the event is bad, and the group before it must be appended first; or the
// state has failed.
func (g *group) decide(ev *event.Event) (answer event.Ack, again bool) {
	if known, ok := g.known(ev); ok {
		return known, false
	}
	if ev.Producer.Kind == event.Settled { // it is no work for the logic
		g.remember(ev, 0, 0)
		g.o.stats.Events++
		return event.Ack{Status: event.Committed, Position: g.o.chain.Whole}, false
	}
	if ev.Guarded() && ev.Prev != g.o.chain.DeltaHead {
		return event.Ack{Status: event.Conflict, Head: g.o.chain.DeltaHead}, false
	}
	if ev.Producer.Kind == event.Once && g.o.producers.once+len(g.positions) >= g.o.cfg.MaxOnce {
		g.o.stats.BusyAcked++
		return event.Ack{Status: event.Busy, Reason: "too many idempotency keys are remembered"}, false
	}
	if reason, _, rejected := ev.Rejected(); rejected {
		return g.bad(ev, errors.New(reason))
	}
	// The record of the group gets the same time.
	e := Evaluation{Time: g.o.time(), Shard: g.o.cfg.Shard, MaxBody: g.o.cfg.MaxBody, MaxSteps: g.o.cfg.MaxSteps}
	body, adds, deletes, err := g.o.logic.Evaluate(ev, e, g.body)
	if errors.Is(err, ErrFull) || errors.Is(err, ErrState) {
		g.failed = err
		return event.Ack{}, true
	}
	if err != nil {
		return g.bad(ev, err)
	}
	g.body, g.evaluated = body, true
	g.adds, g.deletes = g.adds+adds, g.deletes+deletes
	g.remember(ev, adds, deletes)
	g.o.stats.Events++
	return event.Ack{Status: event.Committed, Adds: adds, Deletes: deletes, Position: g.o.chain.Whole}, false
}

func (g *group) bad(ev *event.Event, err error) (event.Ack, bool) {
	if len(g.answers) > 0 {
		return event.Ack{}, true // the good events before it come first
	}
	g.o.stats.Bad++
	text := strings.ToValidUTF8(err.Error(), "?") // as those will have it who read it in the log
	g.letter, g.reason = ev, clip(text, maxReason)
	g.remember(ev, 0, 0)
	return event.Ack{Status: event.Bad, Reason: g.reason}, false
}

// known answers an event that came before.
func (g *group) known(ev *event.Event) (event.Ack, bool) {
	if ev.Producer.IsZero() {
		return event.Ack{}, false
	}
	if ev.Producer.Kind == event.Settled {
		return g.settled(settles(ev.Producer))
	}
	last, ok := g.o.producers.find(ev.Producer)
	letter := last.letter(ev.Seq)
	if i, tentative := g.tentative[ev.Producer]; tentative {
		last = producer{ProducerPosition: g.positions[i]}
	} else if !ok {
		return event.Ack{}, false
	}
	switch {
	case ev.Producer.Kind == event.Once && last.Seq != ev.Seq:
		return event.Ack{Status: event.Reused}, true
	case ev.Seq > last.Seq:
		return event.Ack{}, false
	}
	g.o.stats.Duplicates++
	if letter != nil { // who sends it again must not believe that it was accepted
		why := cmp.Or(g.o.producers.reason(letter.position), "it came before and is a dead letter")
		return event.Ack{Status: event.Bad, Position: letter.position, Reason: why}, true
	}
	answer := event.Ack{Status: event.Duplicate}
	if ev.Seq == last.Seq {
		answer.Position, answer.Adds, answer.Deletes = last.Position, last.Adds, last.Deletes
	}
	return answer, true
}

// settled answers an event that settles a letter which is not open, or is being settled by another one of the group.
func (g *group) settled(letter uint64) (event.Ack, bool) {
	if g.o.producers.open.Has(letter) && !slices.Contains(g.settling, letter) {
		g.settling = append(g.settling, letter)
		return event.Ack{}, false
	}
	g.o.stats.Duplicates++
	return event.Ack{Status: event.Duplicate}, true
}

func (g *group) remember(ev *event.Event, adds, deletes uint64) {
	if ev.Producer.IsZero() {
		return
	}
	at := ProducerPosition{Producer: ev.Producer, Seq: ev.Seq, Adds: adds, Deletes: deletes}
	if i, ok := g.tentative[ev.Producer]; ok {
		g.positions[i] = at
		return
	}
	g.tentative[ev.Producer] = len(g.positions)
	g.positions = append(g.positions, at)
	g.positionBytes += positionSize(ev.Producer)
}

// positionSize bounds what a producer's position takes in a header.
func positionSize(p event.Producer) int { return 3*(len(p.Prefix())+len(p.Name)) + positionRoom }

// inflight makes the records of the group; a large body becomes a chain of parts.
func (g *group) inflight() *inflight {
	o := g.o
	f := &inflight{answers: g.answers, events: g.evaluated, adds: g.adds, deletes: g.deletes, body: g.body}
	whole := Record{Prev: o.chain.Head, Kind: Delta, Shard: o.cfg.Shard, Writer: o.self(), Time: o.time(), Body: g.body,
		Positions: g.positions, Reason: g.reason}
	if g.letter != nil {
		whole.Kind, whole.Body = DeadLetter, encodeLetter(g.letter)
	}
	o.cutParts(f, whole, 1)
	return f
}

// cutParts adds the records that hold the body of whole, as parts from this number on where one is not enough. The last
// has the positions and the reason.
func (o *Operator) cutParts(f *inflight, whole Record, part int) {
	for body := whole.Body; ; part++ {
		r := whole
		r.Body, body = cut(body, o.cfg.MaxRecord)
		if r.More = len(body) > 0; r.More || part > 1 {
			r.Part = part
		}
		if r.More {
			r.Positions, r.Reason = nil, ""
		}
		f.payloads = append(f.payloads, r.Encode(make([]byte, 0, len(r.Body)+1024)))
		f.records = append(f.records, &r)
		if !r.More {
			return
		}
		whole.Prev = r.ID
	}
}

// recut makes the records anew that are yet to be appended, for another MaxRecord.
func (o *Operator) recut(f *inflight) {
	whole := *join(f.records[f.next:])
	f.records, f.payloads = f.records[:f.next], f.payloads[:f.next]
	o.cutParts(f, whole, f.next+1)
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

// readCost is what a record costs whoever reads the log instead of a snapshot, in bytes of large records.
func readCost(payload []byte) int { return max(len(payload), 2500) }

// grown notes that the log has one record more.
func (o *Operator) grown(payload []byte) {
	o.unsaved += readCost(payload)
	o.unsavedBytes += len(payload)
}

// SnapshotAfter sets [Config].SnapshotEvery anew, for the snapshots from the next on, and the log bytes as they are that there
// must be at least: a large state is not to be written for little log.
func (o *Operator) SnapshotAfter(bytes, least int) { o.cfg.SnapshotEvery, o.least = bytes, least }

func (o *Operator) maybeSnapshot() {
	s, ok := o.logic.(Snapshotter)
	if !ok || o.cfg.SnapshotEvery == 0 || o.unsaved < o.cfg.SnapshotEvery || o.unsavedBytes < o.least {
		return
	}
	o.unsaved, o.unsavedBytes = 0, 0
	o.stats.SnapshotsTaken++
	o.emit(TakeSnapshot{Position: o.chain.Whole, Write: s.Snapshot(o.pin().write)})
}
