package client

import (
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// Status is a snapshot of a node, for people and for tests.
type Status struct {
	// Pipeline is the coordinator id, Node the name of this node, Incarnation that of its process.
	Pipeline    string `json:"pipeline"`
	Node        string `json:"node"`
	Incarnation uint64 `json:"incarnation"`
	// Epoch is that of the newest control record that is installed.
	Epoch uint64 `json:"epoch"`
	// Key says by what changes are routed.
	Key string `json:"key"`
	// Ready: a member that can commit to every shard that it owns, now. NotReady says what is missing.
	Ready    bool   `json:"ready"`
	NotReady string `json:"not_ready,omitempty"`
	// Degraded lists what is not as it should be, here or elsewhere, as far as this node knows; empty: all is well.
	Degraded []string `json:"degraded,omitempty"`
	// Absent are nodes that were taken for dead and have neither come back nor left, in order.
	Absent []string `json:"absent,omitempty"`
	// Engine is how the engine's streams and disk were within the last seconds.
	Engine EngineStatus `json:"engine"`
	// Members are in order of name, Shards in order of number.
	Members []MemberStatus `json:"members"`
	Shards  []ShardStatus  `json:"shards"`
	// Sources and Sinks are those that the node's configuration names, in order of name.
	Sources []SourceStatus `json:"sources,omitempty"`
	Sinks   []SinkStatus   `json:"sinks,omitempty"`
	// Queries are those under way at this node.
	Queries QueryStatus `json:"queries"`
	// Stats are the counters of this node.
	Stats Stats `json:"stats"`
}

// EngineStatus is how the engine is.
type EngineStatus struct {
	// Streams are what it keeps logs in, each with its copies.
	Streams []StreamStatus `json:"streams,omitempty"`
	// Storage is that of this node's server, in bytes; zero if it runs none. StorageError says why it takes nothing more.
	Storage      engine.Storage `json:"storage"`
	StorageError string         `json:"storage_error,omitempty"`
	// Troubles are what else keeps the engine from being well.
	Troubles []string `json:"troubles,omitempty"`
	// Damages are what was found damaged on this node's disk since its start, and what was done about it.
	Damages []string `json:"damages,omitempty"`
}

// StreamStatus is how one stream is.
type StreamStatus struct {
	engine.StreamHealth
	// Degraded: it has fewer good copies than it should. Error says why it takes no appends.
	Degraded bool   `json:"degraded"`
	Error    string `json:"error,omitempty"`
}

// MemberStatus is what this node knows of a member.
type MemberStatus struct {
	// Name is the member's name, Incarnation that of the process that bears it.
	Name        string `json:"name"`
	Incarnation uint64 `json:"incarnation"`
	// Owned is the number of shards that the assignment gives it.
	Owned int `json:"owned"`
	// Alive: it was heard within the time after which it would be taken for dead, and is not cut off. Cut: it says itself that it
	// hears none of the others, and reaches no majority of the engine's servers.
	Alive       bool    `json:"alive"`
	Cut         bool    `json:"cut,omitempty"`
	HeardMillis int64   `json:"heard_ms"` // since its last beat; -1: never heard
	Load        float64 `json:"load"`     // changes in the last second
	Info        string  `json:"info,omitempty"`
}

// ShardStatus is what this node knows of a shard.
type ShardStatus struct {
	// Shard is the shard's number, Owner and Standby the names of the nodes that the assignment gives it to.
	Shard   int    `json:"shard"`
	Owner   string `json:"owner"`
	Standby string `json:"standby,omitempty"`
	// State is this node's part: none, following, claiming, owning, halted.
	State    string `json:"state"`
	Position uint64 `json:"position"`
	Quads    int    `json:"quads"`
	Letters  int    `json:"dead_letters,omitempty"` // that are open, in this node's copy
	Head     string `json:"head,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Failure is why something is being tried again.
type Failure struct {
	// Since is when it last went from well to failing, Error the newest error.
	Since time.Time `json:"since"`
	Error string    `json:"error"`
}

// QueryStatus says what queries are under way at the node.
type QueryStatus struct {
	Running int `json:"running"` // of those that it was asked
	Waiting int `json:"waiting"` // for a place, or for a shard to be as far as its log
	Foreign int `json:"foreign"` // queries of other nodes that read shards here
	// Memory is what all of them hold, about, in bytes.
	Memory int64 `json:"memory"`
}

// Stats counts since the node's start.
type Stats struct {
	Submissions    uint64 `json:"submissions"`     // documents taken in at this node's door
	ChangesIn      uint64 `json:"changes_in"`      // rows of them
	Events         uint64 `json:"events"`          // events answered as owner
	Adds           uint64 `json:"adds"`            // real additions committed as owner
	Deletes        uint64 `json:"deletes"`         // real deletions committed as owner
	Duplicates     uint64 `json:"duplicates"`      // events that had been committed before
	Bad            uint64 `json:"bad"`             // events dead-lettered
	Records        uint64 `json:"records"`         // records appended
	RecordBytes    uint64 `json:"record_bytes"`    // bytes of them
	AppendNanos    uint64 `json:"append_nanos"`    // time appends were under way, summed
	AppendRefused  uint64 `json:"append_refused"`  // appends refused
	AppendUnknown  uint64 `json:"append_unknown"`  // appends without an answer
	Claims         uint64 `json:"claims"`          // shards claimed
	ClaimTries     uint64 `json:"claim_tries"`     // claims sent to be appended; far more than claims say that they fail
	Yields         uint64 `json:"yields"`          // shards given up
	Halted         uint64 `json:"halted"`          // shards halted for damage
	ProposedFailed uint64 `json:"proposed_failed"` // members this node proposed as failed
	// OldestMillis is how long the oldest batch of this node's doors waits for its answer; 0: none does.
	OldestMillis int64 `json:"oldest_batch_ms"`
}
