// Package operator is a shard's owner and standby as a pure state machine: assignments, batches, log entries, results
// of appends and the passing of time go in, effects come out. It has no clock, no I/O and no goroutine, so that the
// simulation runs the very code that production runs.
//
// An [Operator] guards what is the same for every kind of work: claims and fencing, the order of the log, once-only
// effect, group commit, dead letters, snapshots. What an event means is its [Logic]'s; package operator/dataset holds
// the one for RDF.
package operator

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// Config configures an [Operator].
type Config struct {
	// Shard is the shard's number.
	Shard int
	// Node is the name of this node, and Incarnation that of the process; each assignment brings it anew.
	Node        string
	Incarnation uint64
	// Logic makes the shard's work in its empty state.
	Logic func() Logic
	// Apart: the state serves readers beside that of the shard's owner or standby, so that a [Durable] Logic is not opened: it has what
	// it was restored with, and what was applied to it.
	Apart bool
	// MaxRecord bounds the bytes of one record's body. With [HeaderRoom] it must be within the engine's limit. Default
	// 512 KiB.
	MaxRecord int
	// MaxBody bounds the bytes that one event may put into the log. Default 128 MiB, so that it refuses no patch that a
	// node's door takes.
	MaxBody int
	// MaxSteps bounds the steps in which one event is evaluated, see [Evaluation]. Default 10,000,000, which, too, is more
	// than the rows of any such patch.
	MaxSteps int
	// MaxQueue bounds the bytes of the events that wait; beyond it the answer is Busy. Default 64 MiB.
	MaxQueue int
	// MaxOnce bounds the once-only producers that are remembered; beyond it the answer is Busy. Default 1,000,000.
	MaxOnce int
	// Keep is how long once-only producers are remembered, measured by the times of the log's records. Default 24 h.
	Keep time.Duration
	// Backoff is the time between attempts of what did not succeed; while the engine has no room it grows to a second.
	// Default 50 ms.
	Backoff time.Duration
	// SnapshotEvery is the number of log bytes between snapshots, of which a record counts for 2,500 at least; 0 takes none.
	// Default 0.
	SnapshotEvery int
}

func (c *Config) setDefaults() {
	c.MaxRecord = cmp.Or(c.MaxRecord, 512<<10)
	c.MaxBody = cmp.Or(c.MaxBody, 128<<20)
	c.MaxSteps = cmp.Or(c.MaxSteps, 10_000_000)
	c.MaxQueue = cmp.Or(c.MaxQueue, 64<<20)
	c.MaxOnce = cmp.Or(c.MaxOnce, 1_000_000)
	c.Keep = cmp.Or(c.Keep, 24*time.Hour)
	c.Backoff = cmp.Or(c.Backoff, 50*time.Millisecond)
}

// State is what an operator does.
type State uint8

// The states. Resting keeps the store but neither follows nor owns: it waits for the next assignment.
const (
	None State = iota
	Restoring
	Following
	Claiming
	Owning
	Resting
	Halted
)

// String returns the state's name in lower case.
func (s State) String() string {
	return [...]string{"none", "restoring", "following", "claiming", "owning", "resting", "halted"}[s]
}

// Role is the part that the assignment gives this node in a shard.
type Role uint8

// The roles.
const (
	NoRole Role = iota
	Standby
	Owner
)

// Stats count what an operator did since it was made.
type Stats struct {
	// Events were evaluated as owner; Adds and Deletes are their real changes, committed. Duplicates had been committed
	// before, Bad ones can't be evaluated.
	Events, Adds, Deletes, Duplicates, Bad uint64
	// Records of RecordBytes were appended; of all appends some were Refused, or their outcome Unknown.
	Records, RecordBytes, Refused, Unknown uint64
	// Claims were committed, ClaimTries sent to be appended. Yields ended an ownership, Halts found damage.
	Claims, ClaimTries, Yields, Halts uint64
	// SetAside is how many kept states were damaged and are set aside.
	SetAside uint64
	// SnapshotsTaken were asked for, SnapshotsUsed restored; BusyAcked answers said "busy".
	SnapshotsTaken, SnapshotsUsed, BusyAcked uint64
}

// Operator is one shard on one node. It is used by one goroutine at a time; after each input the driver takes its
// Effects and does them.
//
// This is what comes of each input in each [State]. Claiming is one of three: the log is read to its end ("read"), the claim is
// being appended ("claim"), or waits for another try; so is owning: nothing is under way ("own"), an append is ("append"), its
// outcome is being read ("unsure"), or it waits for another try ("wait"). A cell has the next state; "+", if a record is taken
// in; "later", if something is tried again after Backoff; "again", if something is asked for anew; and what senders are answered:
// "ack", "no" (not the owner), "halted", "large". "." is nothing, and "-" can't come. An answer of the present generation that
// was not asked for can't, either, and has no effect.
//
//	input                 none     restore  follow   read     claim   own     append       unsure       wait         rest    halt
//	Assign, older         .        .        .        .        .       .       .            .            .            .       .
//	Assign NoRole         .        none     none     none     none    none    none no      none no      none no      none    .
//	Assign Standby        restore  .        .        follow   follow  follow  follow no    follow no    follow no    follow  .
//	Assign Owner          restore  .        read     .        .       .       .            .            .            .       .
//	Assign Owner, later   restore  .        read     again    read    read    read no      read no      read no      read    .
//	an answer, older      .        .        .        .        .       .       .            .            .            .       .
//	Restored              .        follow   .        .        .       .       .            .            .            .       .
//	Entries: next record  .        .        +        +        .       .       .            +            .            .       .
//	Entries: our append   -        -        -        -        -       -       -            + ack        -            -       -
//	Entries: later claim  .        .        +        rest +   .       .       .            rest + no    .            .       .
//	Entries: damaged      .        .        halt     halt     .       .       .            halt halted  .            .       .
//	Entries: another      .        .        .        .        .       .       .            later        .            .       .
//	ReadDone              .        .        -        claim    .       .       .            wait         .            .       .
//	ReadDone: failed      .        .        later    later    .       .       .            later        .            .       .
//	ReadDone: trimmed     .        .        restore  restore  .       .       .            restore      .            .       .
//	ReadDone: damaged     .        .        halt     halt     .       .       .            halt halted  .            .       .
//	Appended              .        .        .        .        own +   .       own + ack    -            -            .       .
//	Appended: conflict    .        .        .        .        read    .       unsure       -            -            .       .
//	Appended: unknown     .        .        .        .        read    .       unsure       -            -            .       .
//	Appended: too large   .        .        .        .        halt    .       own large    -            -            .       .
//	Appended: damaged     .        .        .        .        halt    .       halt halted  -            -            .       .
//	Deliver               no       no       no       .        .       append  .            .            .            no      halted
//	Deliver, what waits   -        -        -        -        -       -       .            .            .            -       -
//	Marked, later         .        .        .        .        .       .       .            .            .            .       .
//	Marked: another       .        .        halt     halt     halt    halt    halt halted  halt halted  halt halted  halt    .
//	Tick                  .        .        .        .        .       .       .            .            .            .       .
//	Tick, after Backoff   .        .        .        .        .       .       .            .            append       .       .
//
// Batches wait in restore, read and claim for an owner, who commits them when it owns; else they are answered as in rest. What
// differs with the error of an append or a read is in trouble.go. In follow and read the reading has begun well: one that begins
// with another record than the last one known is repeated, as in unsure. Where but the state is damaged that a [Durable] has kept, there
// is restore instead of halt, in the same role, and batches wait.
type Operator struct {
	cfg     Config
	state   State
	role    Role
	epoch   uint64 // of the shard, by the assignment
	control uint64 // newest assignment epoch known

	logic               Logic
	opened              bool // the logic is a [Durable] one, between Open and Close
	chain               *Chain
	producers           *producers
	unsaved             int // log bytes since the last snapshot, by readCost
	unsavedBytes, least int // those that there are, and that there must be at least
	watch
	asides asides

	claimed Writer // with which this process has sent its newest claim

	queue    queue
	inflight *inflight
	alone    bool                   // the next append is to be of one event: one of a group was too large
	lastAcks map[string]event.Batch // last answer to each sender, for batches that come again

	gen     uint64 // of the read, follow, restore or append under way; answers to older ones are late
	reading bool
	retryAt time.Time // when to read or append again
	trouble trouble
	trimmed bool // the log was trimmed where it was to be read, and the newest snapshot is the last hope
	now     time.Time

	effects []Effect
	err     error
	stats   Stats
}

// New returns an operator without a role.
func New(cfg Config) *Operator {
	cfg.setDefaults()
	o := &Operator{cfg: cfg}
	o.reset()
	return o
}

// reset forgets all that was read.
func (o *Operator) reset() {
	o.Close()
	o.logic = o.cfg.Logic()
	o.chain = &Chain{Shard: o.cfg.Shard}
	o.producers = newProducers(o.cfg.Keep)
	o.unsaved, o.unsavedBytes = 0, 0
	o.lastAcks = map[string]event.Batch{}
}

// State returns what the operator does, and Err why it is halted.
func (o *Operator) State() State { return o.state }

// Waiting reports whether the operator needs to be told the time.
func (o *Operator) Waiting() bool { return !o.retryAt.IsZero() }

// Err returns the error that halted the operator; nil otherwise.
func (o *Operator) Err() error { return o.err }

// Position returns the log position of the state.
func (o *Operator) Position() uint64 { return o.chain.Whole }

// Mark returns the position of the state, and the id of the record there.
func (o *Operator) Mark() engine.Mark {
	return engine.Mark{Position: o.chain.Whole, ID: o.chain.WholeID}
}

// Head returns the id of the newest delta applied, empty if there is none.
func (o *Operator) Head() string { return o.chain.DeltaHead }

// Logic returns the shard's logic, for readers; it changes when the shard is dropped.
func (o *Operator) Logic() Logic { return o.logic }

// Stats returns the counters.
func (o *Operator) Stats() Stats { return o.stats }

// Effects returns the effects of the inputs since the last call.
func (o *Operator) Effects() []Effect {
	e := o.effects
	o.effects = nil
	return e
}

func (o *Operator) emit(e Effect) { o.effects = append(o.effects, e) }

func (o *Operator) become(s State) {
	if o.state != s {
		o.state = s
		o.emit(Changed{})
	}
}

// self is this process as the writer of the current shard epoch.
func (o *Operator) self() Writer {
	return Writer{Epoch: o.epoch, Node: o.cfg.Node, Incarnation: o.cfg.Incarnation}
}

// time is the time of a record: of the wall clock alone, so that who writes it counts with the same as who reads it.
func (o *Operator) time() time.Time { return o.now.UTC().Round(0) }

// Assignment is the part that the newest control record gives this process in the shard.
type Assignment struct {
	// Control is the epoch of that record.
	Control uint64
	Role    Role
	// Epoch is that at which the shard's owner last changed.
	Epoch uint64
	// Incarnation is that with which this process entered; it changes when it was taken for dead and has entered again.
	Incarnation uint64
}

// Assign takes in an assignment. One that is older than the newest known is ignored.
func (o *Operator) Assign(now time.Time, a Assignment) {
	if a.Control < o.control {
		return
	}
	o.now, o.control = now, a.Control
	same := a.Role == o.role && a.Incarnation == o.cfg.Incarnation && (a.Epoch == o.epoch || o.state == Following)
	if !same && o.role == Owner {
		o.stopOwning()
	}
	o.role, o.epoch, o.cfg.Incarnation = a.Role, a.Epoch, a.Incarnation
	if same || o.state == Halted {
		return
	}
	if o.role == NoRole {
		o.drop()
		return
	}
	o.resume()
}

// resume goes for the present role from whatever state there is.
func (o *Operator) resume() {
	if o.state == Restoring {
		return
	}
	if o.state == None && !o.kept() {
		return
	}
	if o.role == Owner {
		o.become(Claiming)
		o.read()
		return
	}
	o.become(Following)
	o.gen++
	o.reading, o.retryAt = true, time.Time{}
	o.emit(Follow{Gen: o.gen, From: o.begin()})
}

// Restored answers [Restore]: r is the newest snapshot that can be read, whose state the operator takes over, or nil if
// there is none. Then the log is read from its start.
func (o *Operator) Restored(now time.Time, gen uint64, r *Restored) {
	if gen != o.gen || o.state != Restoring {
		return
	}
	o.now = now
	if r != nil {
		o.Close()
		o.logic, o.chain, o.producers = r.logic, r.chain, r.producers
		o.stats.SnapshotsUsed++
	}
	found, err := o.open()
	if err == nil && r != nil && o.opened && (!found || o.chain.Whole != r.Position()) {
		err = fmt.Errorf("shard %d: open: %w: it is not what was restored, position %d", o.cfg.Shard, ErrState, r.Position())
	}
	if err != nil {
		o.halt(err)
		return
	}
	o.become(Resting)
	o.resume()
}

// read brings the state to the tail of the log.
func (o *Operator) read() {
	o.gen++
	o.reading = true
	o.retryAt = time.Time{}
	o.emit(Read{Gen: o.gen, From: o.begin()})
}

// drop forgets the shard.
func (o *Operator) drop() {
	o.gen++
	o.reading, o.retryAt = false, time.Time{}
	o.emit(StopReading{})
	o.refuseAll()
	o.remember(o.Committed())
	o.reset()
	o.trouble, o.trimmed = trouble{}, false
	o.become(None)
}

// stopOwning ends ownership by the assignment or by a claim in the log: nothing uncommitted remains, senders are told.
func (o *Operator) stopOwning() {
	if o.state == Owning {
		o.stats.Yields++
	}
	if o.inflight != nil {
		o.abandon()
	}
	o.refuseAll()
	o.retryAt, o.trouble = time.Time{}, trouble{}
	if o.state == Owning || o.state == Claiming {
		o.gen++
		o.reading = false
		o.emit(StopReading{})
		o.become(Resting)
	}
}

// halt stops the shard for good: its log is damaged, or its state full or failed. The others go on. Where it is but the kept state that
// is damaged, the shard is restored instead.
func (o *Operator) halt(err error) {
	if err = o.setAside(err); err == nil {
		return
	}
	if o.inflight != nil {
		o.abandon()
	}
	o.gen++
	o.reading = false
	o.retryAt, o.trouble = time.Time{}, trouble{}
	o.emit(StopReading{})
	o.err = err
	o.stats.Halts++
	o.become(Halted)
	o.refuseAll()
}

// Entries answers [Read] and [Follow].
func (o *Operator) Entries(now time.Time, gen uint64, entries []engine.Entry) {
	o.now = now
	if gen != o.gen || !o.reading {
		return
	}
	for _, e := range entries {
		if err := o.anchored(e); err != nil {
			o.doubt(err)
			return
		}
		if err := o.entry(e); err != nil {
			o.halt(err)
			return
		}
		if o.state == Resting { // a claim in it has ended the ownership
			return
		}
	}
	if len(entries) > 0 {
		o.progress()
		o.emit(Changed{})
	}
}

// entry takes in one entry that this process did not append, or does not know whether it did.
func (o *Operator) entry(e engine.Entry) error {
	if e.Seq <= o.chain.Seq {
		return nil
	}
	r, err := Decode(e.Payload)
	if err != nil {
		return o.chain.at(e.Seq, err)
	}
	if o.inflight != nil {
		if r.ID == o.inflight.id() {
			return o.committed(e.Seq)
		}
		o.abandon() // somebody else's record took the place of ours
	}
	whole, err := o.push(e.Seq, r)
	if err != nil || whole == nil {
		return err
	}
	o.grown(e.Payload)
	if err := o.apply(e.Seq, whole); err != nil {
		return o.chain.at(e.Seq, err)
	}
	if whole.Kind == Claim {
		o.sawClaim(whole.Writer)
	}
	return nil
}

func (o *Operator) apply(seq uint64, r *Record) error {
	o.producers.apply(r, seq) // first, for a [Durable] Logic that keeps both
	if r.Kind != Delta {
		return nil
	}
	err := o.logic.Apply(seq, r.Body)
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrState) {
		return err
	}
	return fmt.Errorf("%w: %w", engine.ErrDamaged, err)
}

// sawClaim ends our ownership if a claim in the log supersedes it.
func (o *Operator) sawClaim(w Writer) {
	if o.role != Owner || !w.Supersedes(o.self()) {
		return
	}
	if w.Node == o.cfg.Node && w.Incarnation > o.cfg.Incarnation {
		o.emit(Superseded{By: w})
	}
	o.stopOwning()
}

// ReadDone answers [Read], after its entries, and [Follow] when it fails. A failed read is tried again, but for damage.
func (o *Operator) ReadDone(now time.Time, gen uint64, err error) {
	o.now = now
	if gen != o.gen || !o.reading {
		return
	}
	if err != nil {
		o.readFailed(err)
		return
	}
	if err := o.reached(); err != nil {
		o.doubt(err)
		return
	}
	o.reading, o.doubts = false, 0
	o.progress()
	switch {
	case o.inflight != nil:
		// Refused or unknown, and nothing new at the tail: ours may still be on its way. The same bytes at the same
		// place can take effect once only, whichever copy arrives first.
		o.retryAt = now.Add(o.backoff())
	case o.state == Claiming:
		o.claim()
	case o.state == Owning:
		o.work()
	}
}

// claim appends the record by which this process takes the shard.
func (o *Operator) claim() {
	if w := o.chain.Owner; w.Supersedes(o.self()) {
		o.sawClaim(w)
		return
	}
	switch {
	case o.chain.Owner == o.self() && o.claimed == o.self():
		o.own() // our claim is there: its answer got lost
		return
	case o.chain.Owner == o.self():
		o.halt(fmt.Errorf("shard %d: %w: it holds a claim of %s, incarnation %d, epoch %d, which this process has not made: "+
			"the control log has lost its end; %s", o.cfg.Shard, engine.ErrDamaged, o.cfg.Node, o.cfg.Incarnation, o.epoch, advice))
		return
	}
	o.claimed = o.self()
	r := &Record{Prev: o.chain.Head, Kind: Claim, Shard: o.cfg.Shard, Writer: o.self(), Time: o.time()}
	o.start(&inflight{records: []*Record{r}, payloads: [][]byte{r.Encode(nil)}})
}

func (o *Operator) own() {
	o.stats.Claims++
	o.become(Owning)
	o.work()
}

// Tick tells the time; at least every Backoff.
func (o *Operator) Tick(now time.Time) {
	o.now = now
	// A time that is too far away is one of before the clock was set back.
	if left := o.retryAt.Sub(now); o.retryAt.IsZero() || left > 0 && left <= o.backoff() {
		return
	}
	o.retryAt = time.Time{}
	switch {
	case o.state == Following:
		o.resume()
	case o.reading:
		o.read()
	case o.inflight != nil:
		o.sendAppend()
	}
}
