// Package shard says which shard a key falls in and which node owns which shard, and plans how ownership changes when
// nodes come and go. All of it is pure.
package shard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// HashName names the hash of keys, as it stands in the settings of a pipeline.
const HashName = "fnv1a64"

// Max is the largest number of shards: an assignment of that many, with the longest node names, fits in one record of
// the control log.
const Max = 4096

// Constants of FNV-1a with 64 bits (Fowler, Noll, Vo).
const (
	offsetBasis = 0xcbf29ce484222325
	prime       = 0x100000001b3
)

// Hash is the FNV-1a hash (Fowler, Noll, Vo) of the key's bytes with 64 bits.
func Hash(key string) uint64 {
	h := uint64(offsetBasis)
	for i := range len(key) {
		h ^= uint64(key[i])
		h *= prime
	}
	return h
}

// Of returns the shard that the key falls in, of n shards; n must be at least 1.
func Of(key string, n int) int { return int(Hash(key) % uint64(n)) }

// Assignment says which node owns each shard. It is immutable. The zero value has no shards; an assignment may also
// have shards and name no node, when nobody is a member.
type Assignment struct{ nodes []string }

// NewAssignment returns the assignment of shard i to nodes[i]; "" is nobody.
func NewAssignment(nodes []string) Assignment { return Assignment{slices.Clone(nodes)} }

// Shards is the number of shards.
func (a Assignment) Shards() int { return len(a.nodes) }

// Node returns the owner of shard s, or "" if it has none or is not one of the assignment's.
func (a Assignment) Node(s int) string {
	if uint(s) >= uint(len(a.nodes)) {
		return ""
	}
	return a.nodes[s]
}

// Nodes returns the owner of each shard, in a slice of the caller's own.
func (a Assignment) Nodes() []string { return slices.Clone(a.nodes) }

// Empty reports whether no shard has an owner.
func (a Assignment) Empty() bool {
	return !slices.ContainsFunc(a.nodes, func(node string) bool { return node != "" })
}

// Equal reports whether both assign the same shards to the same nodes.
func (a Assignment) Equal(b Assignment) bool { return slices.Equal(a.nodes, b.nodes) }

// Owners returns the names of the nodes that own a shard, sorted.
func (a Assignment) Owners() []string {
	names := slices.Sorted(slices.Values(a.nodes))
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// MarshalJSON writes {"map":{"0":"n1","1":"n2"}}, in order of shard; shards without an owner are left out.
func (a Assignment) MarshalJSON() ([]byte, error) {
	out := []byte(`{"map":{`)
	for s, node := range a.nodes {
		if node == "" {
			continue
		}
		if out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		name, err := json.Marshal(node)
		if err != nil {
			return nil, err
		}
		out = append(strconv.AppendQuote(out, strconv.Itoa(s)), ':')
		out = append(out, name...)
	}
	return append(out, "}}"...), nil
}

// UnmarshalJSON reads what MarshalJSON writes. The number of shards is one more than the highest in the text; see
// [Assignment.Resize].
func (a *Assignment) UnmarshalJSON(text []byte) error {
	var doc struct {
		Map map[int]string `json:"map"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("assignment: %w", err)
	}
	var nodes []string
	for s, node := range doc.Map {
		if s < 0 || s >= Max {
			return fmt.Errorf("assignment: shard %d: expected 0 to %d", s, Max-1)
		}
		if s >= len(nodes) {
			nodes = append(nodes, make([]string, s+1-len(nodes))...)
		}
		nodes[s] = node
	}
	a.nodes = nodes
	return nil
}

// Resize returns the assignment with n shards; those beyond the ones that a has belong to nobody. It is an error if a
// assigns a shard beyond n.
func (a Assignment) Resize(n int) (Assignment, error) {
	if len(a.nodes) > n {
		return Assignment{}, fmt.Errorf("assignment of %d shards: expected at most %d", len(a.nodes), n)
	}
	nodes := make([]string, n)
	copy(nodes, a.nodes)
	return Assignment{nodes}, nil
}

// Move is the change of one shard's owner.
type Move struct {
	// Shard is the shard's number.
	Shard int
	// From is the owner before, "" for a shard that had none; To the owner after, "" for one that has none any more.
	From, To string
}

// Plan is a new assignment and the moves that lead to it.
type Plan struct {
	// Assignment is the new one, whole.
	Assignment Assignment
	// Moves are in order of shard.
	Moves []Move
}

// Diff returns the plan that leads from one assignment to another.
func Diff(from, to Assignment) Plan {
	p := Plan{Assignment: to}
	for s := range max(from.Shards(), to.Shards()) {
		if f, t := from.Node(s), to.Node(s); f != t {
			p.Moves = append(p.Moves, Move{Shard: s, From: f, To: t})
		}
	}
	return p
}
