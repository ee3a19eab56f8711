package operator

import (
	"io"

	"github.com/quadrille-stream/quadrille/event"
)

// Effect is something for the driver to do. Effects of one input are done in order; those that take long (all but
// Ack and the notices) are started in order and answered by an input of the same generation.
type Effect interface{ effect() }

type (
	// Restore asks for the newest snapshot that [ReadSnapshot] can read, answered by [Operator.Restored]. Gen is the generation, here as below: the
	// answer brings it back, and one of an older generation has no effect.
	Restore struct {
		// Gen is the generation.
		Gen uint64
	}
	// Read asks for the entries from From to the tail, answered by [Operator.Entries] and then [Operator.ReadDone]. From is
	// the position of the last record known, so that the reading shows whether it is still there.
	Read struct {
		// Gen is the generation, From the first position.
		Gen, From uint64
	}
	// Follow asks for the entries from From and all that come, answered by [Operator.Entries] until the next Read,
	// Follow or StopReading.
	Follow struct {
		// Gen is the generation, From the first position.
		Gen, From uint64
	}
	// StopReading ends the read or follow under way.
	StopReading struct{}
	// Append asks for an append at the expected tail, answered by [Operator.Appended].
	Append struct {
		// Gen is the generation, Expect the position that must be the tail.
		Gen, Expect uint64
		// Payload is the record. Nobody changes it.
		Payload []byte
		// Claim: it is a claim, which may use what the engine keeps for claims; see engine.WithReserve.
		Claim bool
	}
	// Ack sends acks to a node.
	Ack struct {
		// Node is where to, Batch holds the acks.
		Node  string
		Batch event.Batch
	}
	// Changed tells that state or position have changed.
	Changed struct{}
	// Superseded tells that a later process bears this node's name: this one must stop.
	Superseded struct {
		// By is that process.
		By Writer
	}
	// SetAside tells that the state that a [Durable] Logic had kept is damaged and set aside. What follows restores the shard.
	SetAside struct{ Aside }
	// TakeSnapshot asks to keep a snapshot of Position. Either Write or [TakeSnapshot.Drop] is called, once, by any
	// goroutine.
	TakeSnapshot struct {
		// Position is that of the state in the snapshot.
		Position uint64
		// Write writes the snapshot, which takes its time.
		Write func(io.Writer) error
	}
	// MakeIndex asks to make the index of [Viewer.Indexing], by any goroutine. Nothing waits for it, and it comes again while there is
	// none. A driver may leave it out: events are then evaluated without.
	MakeIndex struct{}
)

// Drop releases what the snapshot has pinned, without writing it.
func (s TakeSnapshot) Drop() { _ = s.Write(refusing{}) }

// refusing takes nothing.
type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func (Restore) effect()      {}
func (Read) effect()         {}
func (Follow) effect()       {}
func (StopReading) effect()  {}
func (Append) effect()       {}
func (Ack) effect()          {}
func (Changed) effect()      {}
func (Superseded) effect()   {}
func (SetAside) effect()     {}
func (TakeSnapshot) effect() {}
func (MakeIndex) effect()    {}
