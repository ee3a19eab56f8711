package operator

import (
	"errors"
	"io"
	"time"

	"github.com/quadrille-stream/quadrille/event"
)

// The errors of a [Logic] that say nothing against the event or the log. The shard halts, and names them.
var (
	// ErrFull: the state has no room for an event, of which nothing is in the log.
	ErrFull = errors.New("the state is full")
	// ErrState: the state can't be read or written, such as one on a disk that fails. An error of Commit is always this one.
	ErrState = errors.New("the state has failed")
	// ErrStateDamaged comes with ErrState: what a [Durable] has kept is damaged, such as by its disk. It is set aside, and the shard goes on
	// from snapshot and log.
	ErrStateDamaged = errors.New("the kept state is damaged")
)

// Evaluation is what an event is evaluated with besides the state. The zero value has no bounds.
type Evaluation struct {
	// Time is the time of the event, in UTC: that in the header of the record that will hold it. It is the only clock by
	// which a Logic may decide.
	Time time.Time
	// Shard is the number of the shard.
	Shard int
	// MaxBody bounds the bytes that the event may append, 0: not at all.
	MaxBody int
	// MaxSteps bounds the work, 0: not at all. A step is what takes about a microsecond: a row of the event, a quad that is
	// looked at, a solution that is made. Steps are counted, and not time measured, so that the same event on the same
	// state comes to the same end on every machine.
	MaxSteps int
}

// Logic is what a shard does with its events. It is deterministic: the same records applied in the same order give the
// same state. It is used by one goroutine at a time.
type Logic interface {
	// Evaluate tries the event on the state together with the events evaluated since the last Commit or Rollback, and
	// appends what must be in the log to dst. An event that changes nothing appends nothing. An error says that the
	// event is bad, such as one that is over the bounds of e: then it leaves no trace, neither in what is being evaluated
	// nor in body, which is dst as it was. One that wraps [ErrFull] says that there is no room for it, or [ErrState] that
	// the state has failed: the shard halts.
	Evaluate(ev *event.Event, e Evaluation, dst []byte) (body []byte, adds, deletes uint64, err error)
	// Commit makes the evaluated events part of the state, which is then at the log position. The record that holds them
	// is in the log by then. So an error halts the shard: its state is not what the log says.
	Commit(position uint64) error
	// Rollback forgets the events evaluated since the last Commit.
	Rollback()
	// Apply brings a committed body that somebody else has evaluated into the state. An error means that the body
	// can't come from this state, so the log is damaged, unless it wraps [ErrFull] or [ErrState].
	Apply(position uint64, body []byte) error
}

// Indexer is a [Logic] that evaluates some of its events more quickly with an index, which [Viewer.Indexing] makes. What events come to is
// the same with the index and without, but for the steps that they take.
type Indexer interface {
	Viewer
	// LacksIndex reports whether an event was evaluated since the last call for which an index would have been of use, and there was
	// none.
	LacksIndex() bool
}

// Snapshotter is a [Logic] whose state can be kept and brought back.
type Snapshotter interface {
	// Snapshot pins the committed state, in a time that doesn't grow with it, and returns a function that writes it, with
	// what extra writes, and releases it. That function is called once, by any goroutine, while the Logic works on.
	Snapshot(extra func(io.Writer) error) func(w io.Writer) error
	// Restore fills a Logic that is fresh, and that nobody else has seen, with a snapshot's state, and calls extra once
	// with what the snapshot's extra wrote. It takes as long as r does. After an error, which may be extra's, the Logic is
	// of no more use.
	Restore(r io.Reader, extra func(io.Reader) error) error
}

// Durable is a [Logic] whose state outlives the process, such as one on a disk. The operator reads its log from where
// that state stands, and asks for a snapshot only where there is none.
//
// Config.Logic makes it without touching what is kept. It is used between Open and Close. What Restore has filled is
// apart from what was kept until Open puts it in its place: a Logic that is restored may never be opened, nor is one that only serves
// readers ([Config.Apart]), which is used without, be it restored or empty.
type Durable interface {
	Logic
	// Open brings the kept state back, as of its last Commit or Apply. An older one is as good, as long as quads, part and entries belong
	// together: what is missing is applied again. The shard's loop waits for it. An error halts the shard, but for one that wraps
	// [ErrStateDamaged].
	//
	// During Commit and Apply, part returns the operator's own state at their position, with which to refuse what comes twice, and puts
	// the entries of it that have changed since it was called last. All is to be kept in the same batch, and so are entries of before that
	// were not put again. It takes some 100 bytes, and 1 µs, for each producer that has changed.
	Open(part func(put func(Entry) error) ([]byte, error)) (Kept, error)
	// Close lets go of what is kept, without changing it. Another Logic of the shard may be opened then.
	Close() error
	// Damaged is what was found damaged of what is kept, be it by whoever reads it or in the background; it wraps [ErrStateDamaged], and is
	// nil if nothing was found. Any goroutine may call it at any time.
	Damaged() error
	// SetAside closes what is kept, if it is open, and puts it where nobody uses it and a person finds it, in the place of what was set
	// aside before. It says where. Another Logic of the shard, opened then, finds nothing kept.
	SetAside() (where string, err error)
	// Forget puts what is kept, and not open, out of the way, and returns what removes it, which takes its time and is called once, by any
	// goroutine; nil if nothing is kept. Another Logic of the shard finds nothing kept, and may be opened before that has returned.
	Forget() (remove func() error, err error)
}
