package client

import (
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
)

// MaxPlaces bounds the places of one request of /v1/verify.
const MaxPlaces = 1024

// ControlLog is the shard of a [Place] or [LogReport] that means the control log.
const ControlLog = -1

// Place is a position in a log.
type Place struct {
	// Shard is that of the log, or ControlLog.
	Shard    int
	Position uint64
}

// Report is what a node says of its own copy of the logs.
type Report struct {
	// Node is the name of the node, Pipeline the coordinator id.
	Node     string `json:"node"`
	Pipeline string `json:"pipeline"`
	// Replica: the logs were read from the files of this node's own replica. Otherwise they came through the engine, from
	// whichever replica answered.
	Replica bool `json:"replica"`
	// Data is the folder of the files.
	Data string `json:"data,omitempty"`
	// Replicas is how many copies of each log there should be; 0: not known.
	Replicas int `json:"replicas,omitempty"`
	// Logs are in order of shard. A log without a record, or one that this node has no replica of, is not among them.
	Logs []LogReport `json:"logs"`
	// Marks tell how far the logs go for certain, as the node knows, in order of shard. They were read before the logs.
	Marks []MarkReport `json:"marks"`
	// Snapshots are in order of name.
	Snapshots []SnapshotReport `json:"snapshots"`
	// Damages are the first that were found, More counts the others.
	Damages []DamageReport `json:"damages"`
	More    int            `json:"more_damages,omitempty"`
	// Streams are the engine's streams that the node has a replica of, Missing those of the pipeline that it has none of; with
	// more servers than replicas that is right.
	Streams []string `json:"streams,omitempty"`
	Missing []string `json:"missing,omitempty"`
	// Servers are the names of the servers that keep copies of the logs, as the engine says. With an embedded engine they are
	// those of the nodes.
	Servers []string `json:"servers,omitempty"`
	// AtStart are damages that the node found when it started, and set aside.
	AtStart []DamageReport `json:"at_start,omitempty"`
}

// LogReport is what was found in one log.
type LogReport struct {
	// Shard is that of the log, or ControlLog.
	Shard   int    `json:"shard"`
	Records uint64 `json:"records"`
	// First and Last are the positions of the first and the last record.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Head is the id of the last record. A record of the control log has the hash of its bytes as id.
	Head string `json:"head"`
	// Damaged: Damages say something of this log, or of the stream that it is in.
	Damaged bool `json:"damaged,omitempty"`
}

// MarkReport is a record that is known to be in a shard's log.
type MarkReport struct {
	// Shard is the shard's number.
	Shard int `json:"shard"`
	engine.Mark
	// From says who knows it.
	From string `json:"from"`
}

// SnapshotReport is a snapshot whose digest was right.
type SnapshotReport struct {
	// Name is the engine's name of it, Size its length in bytes.
	Name string `json:"name"`
	Size int64  `json:"size"`
	// Digest is what was compared, empty if the engine did it.
	Digest string `json:"digest,omitempty"`
	// Shard and Position say what it is of. Position 0: the name doesn't tell.
	Shard    int    `json:"shard"`
	Position uint64 `json:"position"`
}

// DamageReport is one thing that is wrong.
type DamageReport struct {
	// Stream is the engine's name of what is damaged.
	Stream string `json:"stream"`
	// File and Offset are the place, if it is in a file.
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	// Kind is for programs, What for people.
	Kind string `json:"kind"`
	What string `json:"what"`
	// SetAside is the folder to which the damaged files were moved.
	SetAside string `json:"set_aside,omitempty"`
}

// Verification is the answer of /v1/verify: a report or, with at=SHARD:POSITION,…, the ids there. The answer begins before
// it is known how it ends: what went wrong later is Error.
type Verification struct {
	*Report
	// IDs are those of the records at the places that were asked for; Error says why there is neither.
	IDs   []string `json:"ids,omitempty"`
	Error *Problem `json:"error,omitempty"`
}

// String is SHARD:POSITION.
func (p Place) String() string {
	shard := "control"
	if p.Shard != ControlLog {
		shard = strconv.Itoa(p.Shard)
	}
	return shard + ":" + strconv.FormatUint(p.Position, 10)
}

// FormatPlaces makes the value of at.
func FormatPlaces(places []Place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}
