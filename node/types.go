package node

import (
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// Record is one delta of a shard's log, whole (the parts of a chain are joined).
type Record struct {
	// Shard is the shard's number.
	Shard int
	// Position is that of the record, or of its last part, in the shard's log.
	Position uint64
	// ID is the record's id, Prev that of the delta before it in the shard's log, "" if there is none: what a guarded event must
	// name. The records between them, claims and dead letters, change nothing and are not given out.
	ID, Prev string
	// Time is the writer's clock.
	Time time.Time
	// Body is what the logic wrote: of RDF the rows, as RDF Patch text of one or more transactions TX … TC, which take effect
	// together. Nobody changes it.
	Body []byte
}

// FollowOptions choose what [Node.Follow] reads.
type FollowOptions struct {
	// From holds, per shard, the record after which to begin; shards that are not in it begin at the start.
	From engine.Cursor
	// Shards to read, each once; nil reads all.
	Shards []int
	// Live: go on with what is yet to come until ctx ends. Otherwise Follow returns at the tail as of its call, or, where a log gives
	// nothing for seconds and has no majority of its servers, [engine.ErrNoLeader].
	Live bool
	// Failed, if set, is called for a shard that can't be read any further: its log is damaged, or the cursor is not one
	// to go on from ([ErrCursor]). After nil the other shards go on, as long as there are any; another error ends the
	// reading and is returned. It is never called at the same time as fn.
	Failed func(shard int, err error) error
}

// Status is a snapshot of a node, for people and for tests.
type Status struct {
	// Pipeline is the coordinator id, Node the name of this node, Incarnation that of its process.
	Pipeline    string
	Node        string
	Incarnation uint64
	// Epoch is that of the newest control record that is installed.
	Epoch uint64
	// Key says by what changes are routed.
	Key string
	// Ready: a member that can commit to every shard that it owns, now. NotReady says what is missing.
	Ready    bool
	NotReady string
	// Degraded lists what is not as it should be, here or elsewhere, as far as this node knows; empty: all is well.
	Degraded []string
	// Absent are nodes that were taken for dead and have neither come back nor left, in order.
	Absent []string
	// Engine is how the engine's streams and disk were within the last seconds.
	Engine EngineStatus
	// Members are in order of name, Shards in order of number.
	Members []MemberStatus
	Shards  []ShardStatus
	// Stats are the counters of this node.
	Stats Stats
}

// EngineStatus is how the engine is.
type EngineStatus struct {
	// Streams are what it keeps logs in, each with its copies.
	Streams []StreamStatus
	// Storage is that of this node's server, in bytes; zero if it runs none. StorageError says why it takes nothing more.
	Storage      engine.Storage
	StorageError string
	// Troubles are what else keeps the engine from being well.
	Troubles []string
	// Damages are what was found damaged on this node's disk since its start, and what was done about it.
	Damages []string
}

// StreamStatus is how one stream is.
type StreamStatus struct {
	engine.StreamHealth
	// Degraded: it has fewer good copies than it should. Error says why it takes no appends.
	Degraded bool
	Error    string
}

// MemberStatus is what this node knows of a member.
type MemberStatus struct {
	// Name is the member's name, Incarnation that of the process that bears it.
	Name        string
	Incarnation uint64
	// Owned is the number of shards that the assignment gives it.
	Owned int
	// Alive: it was heard within the time after which it would be taken for dead, and is not cut off. Cut: it says itself that it
	// hears none of the others, and reaches no majority of the engine's servers.
	Alive       bool
	Cut         bool
	HeardMillis int64   // since its last beat; -1: never heard
	Load        float64 // changes in the last second
	Info        string
}

// ShardStatus is what this node knows of a shard.
type ShardStatus struct {
	// Shard is the shard's number, Owner and Standby the names of the nodes that the assignment gives it to.
	Shard   int
	Owner   string
	Standby string
	// State is this node's part: none, following, claiming, owning, halted.
	State    string
	Position uint64
	// Size is the number of entries of the state, such as quads; 0 if the logic does not count them.
	Size int
	// Letters is the number of dead letters that are open, in this node's copy.
	Letters int
	Head    string
	Error   string
}

// Letter is a dead letter of a shard's log.
type Letter struct {
	operator.Letter
	// Shard is the shard's number, Position that of the record, or of its last part.
	Shard    int
	Position uint64
	// Time is the writer's clock, Reason why the event is one.
	Time   time.Time
	Reason string
	// Parts is the number of records that hold it; of several, [Node.LetterHeads] doesn't read the payload.
	Parts int
}

// Stats counts since the node's start.
type Stats struct {
	Events         uint64 // events answered as owner
	Adds           uint64 // real additions committed as owner
	Deletes        uint64 // real deletions committed as owner
	Duplicates     uint64 // events that had been committed before
	Bad            uint64 // events dead-lettered
	Records        uint64 // records appended
	RecordBytes    uint64 // bytes of them
	AppendNanos    uint64 // time appends were under way, summed
	AppendRefused  uint64 // appends refused
	AppendUnknown  uint64 // appends without an answer
	Claims         uint64 // shards claimed
	ClaimTries     uint64 // claims sent to be appended; far more than claims say that they fail
	Yields         uint64 // shards given up
	Halted         uint64 // shards halted for damage
	ProposedFailed uint64 // members this node proposed as failed
	// OldestMillis is how long the oldest batch of this node's doors waits for its answer; 0: none does.
	OldestMillis int64
}
