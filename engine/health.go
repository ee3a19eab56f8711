package engine

import (
	"fmt"
	"strings"
)

// Health is how an engine's logs and its storage are, as far as can be known from here.
type Health struct {
	// Streams are what the engine keeps logs and blobs in.
	Streams []StreamHealth `json:"streams"`
	// Storage is that of this process, if it runs a part of the engine; else zero.
	Storage Storage `json:"storage"`
	// Troubles are what else keeps the engine from being well, such as that nobody leads its servers.
	Troubles []string `json:"troubles,omitempty"`
	// Damages are what was found damaged here since the start, and what was done about it.
	Damages []string `json:"damages,omitempty"`
}

// StreamHealth is how one stream is: some logs that are replicated together.
type StreamHealth struct {
	// Name is the engine's name of it.
	Name string `json:"name"`
	// Shards are those whose logs are in it; none for the control log and the blobs.
	Shards []int `json:"shards,omitempty"`
	// Leader is the server that orders its appends; empty: none is known.
	Leader string `json:"leader,omitempty"`
	// Replicas are the copies that there are, and Expected is how many there should be.
	Replicas []ReplicaHealth `json:"replicas"`
	Expected int             `json:"expected"`
	// Err is why nothing can be appended; nil if it can be. It wraps ErrNoLeader, ErrDamaged or ErrNoRoom.
	Err error `json:"-"`
}

// Good is the number of copies that are current.
func (s *StreamHealth) Good() (n int) {
	for _, r := range s.Replicas {
		if r.State == Current {
			n++
		}
	}
	return n
}

// Degraded reports whether the stream has fewer good copies than it should, or takes no appends.
func (s *StreamHealth) Degraded() bool { return s.Err != nil || s.Good() < s.Expected }

// Copies says in short how the copies are, as in "n1 current, n2 behind by 17".
func (s *StreamHealth) Copies() string {
	list := make([]string, len(s.Replicas))
	for i, r := range s.Replicas {
		list[i] = r.Server + " " + string(r.State)
		if r.State == Behind {
			list[i] += fmt.Sprintf(" by %d", r.Lag)
		}
		if r.Why != "" {
			list[i] += " (" + r.Why + ")"
		}
	}
	return strings.Join(list, ", ")
}

// ReplicaState is how a copy is.
type ReplicaState string

// The states of a copy.
const (
	// Current: it has what is committed, or nearly.
	Current ReplicaState = "current"
	// Behind: it is reached, and lacks something.
	Behind ReplicaState = "behind"
	// Offline: its server is not heard.
	Offline ReplicaState = "offline"
	// Unknown: no server leads the stream, so nobody knows what the copy lacks.
	Unknown ReplicaState = "unknown"
)

// ReplicaHealth is how one copy of a stream is.
type ReplicaHealth struct {
	// Server keeps it.
	Server string       `json:"server"`
	State  ReplicaState `json:"state"`
	// Lag is the number of operations that it lacks, as its leader knows. Why says what keeps it from being current, if
	// that is known.
	Lag uint64 `json:"lag,omitempty"`
	Why string `json:"why,omitempty"`
}

// Storage is what a process has stored, in bytes.
type Storage struct {
	// Used is what is stored, Limit the most that may be (0: no limit but the disk), Free what the disk has left.
	Used  int64 `json:"used"`
	Limit int64 `json:"limit,omitempty"`
	Free  int64 `json:"free"`
	// Err is why nothing can be stored; nil if it can be. It wraps ErrNoRoom.
	Err error `json:"-"`
}
