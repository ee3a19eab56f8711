// Package connector has the contracts between a pipeline and the world: a [Source] brings messages whose content becomes
// changes, a [Sink] takes the deltas of the shards. An adapter is a package of its own below this one, and passes the suite of
// package conntest. Adapters only talk to their peer: when they run, with what pauses they try again, how far they are and what
// is shown of them is the pipeline's.
//
// An error of any method means that the connection is of no use any more: the pipeline closes it, waits, and opens another
// one. Two errors mean something else, see [ErrRetry] and [ErrGiveUp].
package connector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

var (
	// ErrRetry: the call may succeed later, on the same connection. What it was to do has not been done.
	ErrRetry = errors.New("try again on the same connection")
	// ErrGiveUp: something must be changed first, at the peer or in the configuration - a wrong password, a topic that isn't there,
	// damage. The pipeline shows it, and tries again only after its longest pause. [GiveUpf] makes such errors.
	ErrGiveUp = errors.New("it does not go on by itself")
)

// GiveUpf returns an error that is [ErrGiveUp] and what it wraps with %w. Its text is that of the format alone, which says what is to
// be done.
func GiveUpf(format string, args ...any) error { return givenUp{fmt.Errorf(format, args...)} }

// givenUp is an ErrGiveUp whose text is its own.
type givenUp struct{ error }

// Unwrap returns what it is.
func (g givenUp) Unwrap() []error { return []error{g.error, ErrGiveUp} }

// Message is what a source has received: a document of changes, and where it stood.
type Message struct {
	// Stream is the sequence that the message stands in, such as a topic's partition, and Offset its place there. Together
	// they are its identity: the same content has the same one whenever it is received again. Offsets of a stream grow, gaps are
	// allowed, and the largest uint64 is not used. A message without a stream has no identity: what is received twice has its
	// effect twice.
	Stream string
	Offset uint64
	// MediaType says what Body is, one of those that a pipeline takes in.
	MediaType string
	// Body is the document. Nobody changes it once it was received.
	Body []byte
	// Reason, if not empty, says why the message is no document, or can't be had: it becomes a dead letter with this reason.
	Reason string
	// Time is the peer's, zero if it has none.
	Time time.Time
	// Vars hands over what the peer says of it besides, by names that the adapter's documentation has, such as topic and key: a
	// mapping can use it. It is called after Read has returned, perhaps several times. nil: there is nothing.
	Vars iter.Seq2[string, string]
}

// Progress tells how far a source has come. It may be used concurrently.
type Progress interface {
	// Next returns the offset of a stream from which to read on: every message before it is committed. found is false if
	// nothing of the stream is. It is asked for when the stream becomes this reader's, and reads what is committed; the error
	// is that of ctx, or says why that can't be had now.
	Next(ctx context.Context, stream string) (offset uint64, found bool, err error)
}

// Source is a way in. Its methods may be called concurrently, but one [Reader] at a time is open.
type Source interface {
	// Open connects. The reader begins each stream where progress says, or where the source is configured to begin if nothing
	// of it was read yet. ctx bounds the opening alone.
	Open(ctx context.Context, progress Progress) (Reader, error)
}

// Reader is a connection of a [Source]. Read and Ack are called by one goroutine each, which may be two.
type Reader interface {
	// Read waits for messages, and returns at least one, and few enough to be held at once: the reader bounds their number and
	// bytes. The messages of a stream come in order. io.EOF says that there is an end, and no more will ever come; the error is
	// ctx.Err() when ctx ends, after which Read may be called again, and nothing is lost.
	Read(ctx context.Context) ([]Message, error)
	// Ack says that the messages are committed: the peer need not keep them for this source any more. They are acked in the
	// order in which they were read, each once, perhaps several batches at once. A message that isn't acked may be received
	// again, from this reader or the next one.
	Ack(ctx context.Context, committed []Message) error
	// Close disconnects, and ends a Read under way. What isn't acked stays with the peer. It is called once.
	Close() error
}

// Extent is what a peer has of a stream.
type Extent struct {
	// Stream is the stream's name, as in its messages; "" is that of messages without a stream, whose offsets are their numbers in the
	// order in which Read returns them, from 1 on.
	Stream string
	// First is the offset of the first message that the peer still has, or the one at which the next one will be; End is that of the
	// next message to come, 0 if that isn't known. Between them offsets may be missing.
	First, End uint64
	// Per is by how much offsets grow for one of what a lag is counted in; 0 is 1. Bytes: that is bytes, and not messages.
	Per   uint64
	Bytes bool
}

// Lagger is a [Reader] that can tell what its peer has: so one sees how far behind it is, and where its streams begin.
type Lagger interface {
	Reader
	// Extents returns what the peer has of the streams that are this reader's; of those that it leaves out that isn't known. It may be
	// called at any time until Close, also while Read and Ack are. An error has no other meaning than that it can't be told now.
	Extents(ctx context.Context) ([]Extent, error)
}

// Record is one delta of a shard's log.
type Record struct {
	// Mark is its position and id; Prev is the id of the delta before it, "" for the first.
	engine.Mark
	Prev string
	// Time is the writer's clock.
	Time time.Time
	// Body holds the rows as RDF Patch text: one transaction TX … TC. Nobody changes it. With id and prev before it, it is a
	// patch of a log, see [patch.Entry].
	Body []byte
}

// Promise is what a sink's target holds of each delta, whatever fails meanwhile.
type Promise uint8

const (
	// AtLeastOnce: each delta, some of them again after a failure, with the same position.
	AtLeastOnce Promise = iota
	// Once: each delta once, in order, since the target itself says how far it is.
	Once
)

// String returns "at least once" or "once".
func (p Promise) String() string {
	if p == Once {
		return "once"
	}
	return "at least once"
}

// Sink is a way out. Its methods may be called concurrently; the shards are written independently of each other.
type Sink interface {
	// Promise says what the target holds.
	Promise() Promise
	// Open connects, for one shard that this node owns. Who had the shard before may still be writing: the sink keeps it from
	// going on, or fails until it has ended. ctx bounds the opening alone.
	Open(ctx context.Context, shard int) (Writer, error)
}

// Seeker is a [Sink] whose target can be told that a shard is at another place of its log.
type Seeker interface {
	Sink
	// Seek has the next writer of the shard begin behind the record of the mark, which is one of the shard's log, or at its start if
	// the mark is zero: what comes behind it is written, again where it was before, and what is skipped is not. Who has the shard is
	// kept from going on, as by Open. ctx bounds it. To be told the same again does no harm.
	Seek(ctx context.Context, shard int, to engine.Mark) error
}

// Placeless is a [Sink] whose target can't be asked how far it is: the pipeline keeps that in the log of the shard, and so tells it
// another place, too. What was written within seconds before a crash, or before another node took the shard, is written again.
type Placeless interface {
	Sink
	// OpenAt is Open, for a writer that begins behind the record of the mark, or at the log's start if the mark is zero, where Open
	// begins. The writer's At is what the pipeline keeps.
	OpenAt(ctx context.Context, shard int, at engine.Mark) (Writer, error)
}

// Writer is a sink's connection for one shard. It is used by one goroutine.
type Writer interface {
	// Target names what is written to, for people, such as a path or a topic's partition.
	Target() string
	// At is the record up to which the target has all for certain. It may be called at any time; the pipeline goes on after it
	// when the writer has been opened, and knows after an error what was written.
	At() engine.Mark
	// Write hands over the next records of the shard, in order, at least one. It returns when they are where the promise says,
	// with nil, or with an error: then some may be there.
	Write(ctx context.Context, records []Record) error
	// Close disconnects. It is called once.
	Close() error
}
