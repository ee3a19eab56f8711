package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Errors of a [StreamSink]. Implementations wrap them; test with errors.Is.
var (
	// ErrNotAccepted: the messages are not for this sink, or it takes none (it is not open yet, or closed): sending
	// them here again is of no use.
	ErrNotAccepted = errors.New("not accepted here")
	// ErrBackPressure: the sink has stopped taking messages for now; send the same ones again later.
	ErrBackPressure = errors.New("stopped by back-pressure")
)

// Message is one message of an embedder's stream: quads to add.
type Message struct {
	// StreamID names the stream. It is not empty, and UTF-8, and at most [event.MaxText] bytes long with the prefix that its
	// producer has.
	StreamID string
	// Offset is the place of the message in its stream. Offsets grow, gaps are allowed; the largest uint64 is not used.
	Offset uint64
	// Quads are the triples of the message, each in its graph; a zero graph is the default graph.
	Quads []rdf.Quad
}

// Identity returns the producer and the sequence by which the message is known (DESIGN, G4). Sequences begin at 1, so
// that offset 0 is told from "nothing yet".
func (m *Message) Identity() (producer event.Producer, seq uint64) {
	return event.Producer{Kind: event.Stream, Name: m.StreamID}, m.Offset + 1
}

// Check reports what makes the message one that no sink accepts, wrapping [ErrNotAccepted]: no StreamID, one that is no
// UTF-8 or too long, or the unused Offset.
func (m *Message) Check() error {
	producer, _ := m.Identity()
	switch n := len(producer.Prefix()) + len(producer.Name); {
	case m.StreamID == "":
		return fmt.Errorf("message at offset %d: %w: it names no stream", m.Offset, ErrNotAccepted)
	case n > event.MaxText:
		return fmt.Errorf("message at offset %d: %w: its stream's name has %d bytes with the prefix %q, at most %d are allowed",
			m.Offset, ErrNotAccepted, n, producer.Prefix(), event.MaxText)
	case m.Offset == math.MaxUint64:
		return fmt.Errorf("message of stream %q: %w: offset %d is reserved", m.StreamID, ErrNotAccepted, m.Offset)
	}
	if err := producer.Check(); err != nil {
		return fmt.Errorf("message at offset %d: %w: %w", m.Offset, ErrNotAccepted, err)
	}
	return nil
}

// StreamSink is the way in for code that embeds the library and has streams of its own.
//
// The protocol: (StreamID, Offset) is the identity of a message. The messages of one stream are written in the order of
// their offsets, by one writer at a time; different streams may be written concurrently. A sink commits messages
// through the logs of the shards that their quads fall in, as it does with changes from anywhere else.
//
// WriteBatch returns when all messages of the batch are committed, with nil, or with an error. After an error, or when
// the caller's process ended meanwhile, some of them may be committed and others not: write the same batch again, with
// the same offsets. What is committed already has no second effect, however late it comes. For the same reason a
// stream goes on after a restart from any offset that is not beyond the last one confirmed.
//
// Errors: [ErrNotAccepted]: give up, or find the right place; sending again doesn't help. [ErrBackPressure]: nothing of
// this batch was begun; wait, then write it again. ctx.Err(), or anything else: the outcome is open, write it again.
//
// The [Pressure] says how to go on, and is valid with and without an error: [Continue]: write the next batch;
// [SlowDown]: go on, but leave time between batches, or make fewer or larger ones; [Stop]: don't write for now - a batch
// written all the same waits for room, or fails with ErrBackPressure. Signals are hints: whoever ignores them is slowed
// by blocking, and nothing is lost.
//
// The sink doesn't keep batch or its slices after it has returned.
type StreamSink interface {
	// WriteBatch commits the messages in order, and says how to go on.
	WriteBatch(ctx context.Context, batch []Message) (Pressure, error)
}

// Pressure is how much a sink can take.
type Pressure uint8

// The signals, from the least pressure to the most.
const (
	Continue Pressure = iota
	SlowDown
	Stop
)

// String returns "continue", "slow down" or "stop".
func (p Pressure) String() string {
	switch p {
	case Continue:
		return "continue"
	case SlowDown:
		return "slow down"
	case Stop:
		return "stop"
	}
	return fmt.Sprintf("Pressure(%d)", uint8(p))
}

// Thresholds derive a [Pressure] from how full a queue is. The fields are fractions of its capacity; a field that is 0
// has its default.
type Thresholds struct {
	// SlowDown is where SlowDown begins. Default 0.5.
	SlowDown float64
	// Stop is where Stop begins. Default 0.9.
	Stop float64
}

// Pressure returns the signal of a queue that holds used of at most capacity. A queue without capacity is full.
func (t Thresholds) Pressure(used, capacity int) Pressure {
	t.SlowDown = cmp.Or(t.SlowDown, 0.5)
	t.Stop = cmp.Or(t.Stop, 0.9)
	switch fill := float64(used) / float64(capacity); {
	case capacity <= 0 || fill >= t.Stop:
		return Stop
	case fill >= t.SlowDown:
		return SlowDown
	default:
		return Continue
	}
}
