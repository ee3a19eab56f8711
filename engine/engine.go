// Package engine declares what Quadrille needs of a distributed engine: logs with compare-and-set, heartbeats and
// blobs. Package engine/memory implements it in one process, engine/jetstream on NATS JetStream; package
// engine/enginetest holds the suite that both pass.
package engine

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors of a [Log]. Implementations wrap them; test with errors.Is.
var (
	// ErrConflict: an append was refused because the tail is not the expected one, or because another append to the
	// same log is under way. It does not prove that somebody else has won: read the tail and decide from what is there.
	ErrConflict = errors.New("log tail is not the expected one")
	// ErrUnknown: nobody can say whether the append took or will yet take effect (timeout, lost connection). Append the
	// same bytes at the same expected tail again, and read the tail when that is refused.
	ErrUnknown = errors.New("outcome of append is unknown")
	// ErrTooLarge: the record is over the engine's limit; it will never be accepted.
	ErrTooLarge = errors.New("record is larger than the engine accepts")
	// ErrNotFound: there is no such blob.
	ErrNotFound = errors.New("not found")
	// ErrTrimmed: the log no longer holds the position asked for.
	ErrTrimmed = errors.New("log is trimmed beyond this position")
	// ErrDamaged: the log, or a blob, is not what was accepted: it is missing, ends too early, has a gap, or an entry
	// was altered. Reading again doesn't help; whoever gets it stops using the log, and says so.
	ErrDamaged = errors.New("log is damaged")
	// ErrNoRoom is wrapped beside ErrUnknown when an append failed because the storage is full, or over its limit. The
	// log goes on by itself when there is room.
	ErrNoRoom = errors.New("the engine has no room left")
	// ErrNoLeader is wrapped beside ErrUnknown, and by reads, when nobody leads the log: too few of its servers can reach
	// each other.
	ErrNoLeader = errors.New("the log has no leader")
)

// Mark names a committed entry of a shard's log: it is known that the log goes at least this far, with this record there.
// The zero Mark knows nothing.
type Mark struct {
	// Position is the entry's Seq.
	Position uint64 `json:"position"`
	// ID is the id of the record at Position. Empty: not known.
	ID string `json:"id,omitempty"`
}

// Entry is one record of a log.
type Entry struct {
	// Seq is the position. Positions of a log grow, with gaps. 0 is "before the first".
	Seq uint64
	// Payload belongs to the receiver, which must not change it.
	Payload []byte
}

// reserveKey is the key of the context value of WithReserve.
type reserveKey struct{}

// WithReserve lets the appends under ctx use what an engine keeps for them when its storage gets full: claims and control
// records, by which nodes agree on who owns what. Nothing else should.
func WithReserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserveKey{}, true)
}

// Reserved reports whether ctx comes from WithReserve.
func Reserved(ctx context.Context) bool { return ctx.Value(reserveKey{}) != nil }

// fewKey is the key of the context value of WithFew.
type fewKey struct{}

// WithFew says that readings under ctx need about n entries, at least one each: an engine that reads ahead asks for no more at one time.
// It bounds nothing else: what is read is the same.
func WithFew(ctx context.Context, n int) context.Context { return context.WithValue(ctx, fewKey{}, n) }

// Few returns the number of WithFew, 0 if ctx doesn't come from there.
func Few(ctx context.Context) int {
	n, _ := ctx.Value(fewKey{}).(int)
	return n
}

// Log is a replicated append-only log. All methods may be called concurrently. An entry that Append has confirmed is
// on a majority of the replicas, each of which has fsynced it, and every later Tail or Read by anybody sees it.
type Log interface {
	// Append adds payload if the last entry's Seq is expect (0: the log is empty) and returns its Seq.
	// The caller must not change payload until Append returns. Errors: ErrConflict, ErrUnknown, ErrTooLarge, or
	// ctx.Err wrapped together with ErrUnknown when ctx ended while the append was under way.
	Append(ctx context.Context, expect uint64, payload []byte) (uint64, error)
	// Tail returns the last entry, or a zero Entry if the log is empty.
	Tail(ctx context.Context) (Entry, error)
	// Read calls fn for each entry with Seq >= from up to the tail as it is when Read is called, in order, without a
	// gap, and returns the Seq of that tail (0: the log is empty). fn's error ends the read and is returned as it is.
	Read(ctx context.Context, from uint64, fn func(Entry) error) (uint64, error)
	// Follow calls fn for each entry with Seq >= from, in order, without a gap and none twice, those yet to come
	// included, until ctx ends (it returns ctx.Err()) or fn returns an error (returned as it is). It outlives
	// leader changes, reconnects and consumers that stop: it goes on from the last entry delivered.
	Follow(ctx context.Context, from uint64, fn func(Entry) error) error
}

// ShardLog is the log of one shard.
type ShardLog interface {
	Log
	// Trim removes the entries with Seq < before. The tail is never removed.
	Trim(ctx context.Context, before uint64) error
}

// Beat says that a node lives.
type Beat struct {
	// Node is the name of the node.
	Node string `json:"node"`
	// Incarnation tells processes of one name apart; see coordinator.
	Incarnation uint64 `json:"incarnation"`
	// Load is the number of changes that the node accepted in the last second.
	Load float64 `json:"load"`
	// Info is free text for status pages, such as the address of the HTTP API. At most 1 KiB.
	Info string `json:"info,omitempty"`
	// Cut: the node hears nobody and reaches no majority, so it can't serve what it owns.
	Cut bool `json:"cut,omitempty"`
	// Marks tell, by shard, how far logs go for certain. At most [MaxBeatMarks].
	Marks map[int]Mark `json:"marks,omitempty"`
}

// MaxBeatMarks bounds Beat.Marks.
const MaxBeatMarks = 256

// Heartbeats are lossy, unordered messages to every node; nothing of them is stored.
type Heartbeats interface {
	// Beat tells everybody, this process included, that a node lives.
	Beat(ctx context.Context, b Beat) error
	// Listen calls fn for each beat heard, one at a time, until ctx ends; it returns ctx.Err().
	Listen(ctx context.Context, fn func(Beat)) error
}

// BlobInfo describes a blob.
type BlobInfo struct {
	// Name is that under which it was put.
	Name string
	// Size is its length in bytes.
	Size int64
	// Time is when it was put, by the engine's clock.
	Time time.Time
}

// Blobs keeps large immutable values, such as snapshots. All methods may be called concurrently.
type Blobs interface {
	// Put stores what r holds under name, replacing what was there, in full or not at all.
	Put(ctx context.Context, name string, r io.Reader) error
	// Get opens the blob; ErrNotFound if there is none. The reader reports damage as an error. The caller closes it.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List returns the blobs whose names begin with prefix, in order of name.
	List(ctx context.Context, prefix string) ([]BlobInfo, error)
	// Delete removes a blob; no error if there is none.
	Delete(ctx context.Context, name string) error
}

// Limits are what an engine can take.
type Limits struct {
	// Pipeline is the name of the pipeline whose logs these are; empty: they can be any one's.
	Pipeline string
	// Shards is the number of shard logs.
	Shards int
	// MaxRecord is the largest payload of an append, in bytes.
	MaxRecord int
}

// Engine is a connection to one pipeline's logs, heartbeats and blobs. All methods may be called concurrently and, but for
// Health and Ends, do no I/O.
type Engine interface {
	// Limits tells what the engine can take. It doesn't change.
	Limits() Limits
	// Health looks at the logs and the storage now. It returns what it could learn within about a second, or before ctx
	// ends; what doesn't answer is told as such.
	Health(ctx context.Context) Health
	// Control is the control log.
	Control() Log
	// Shard is the log of shard s, 0 <= s < the number of shards the engine was opened with.
	Shard(s int) ShardLog
	// Ends returns for each of these shards the position at which its log ends, as [Log.Tail] gives it, or why that can't be had. It moves no
	// records, and asks for many at once; one that has no answer holds up no other.
	Ends(ctx context.Context, shards []int) ([]uint64, []error)
	// Heartbeats is the pipeline's heartbeat channel.
	Heartbeats() Heartbeats
	// Blobs is the pipeline's blob store.
	Blobs() Blobs
}
