package core

import (
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/operator"
)

// Times of planned moves.
const (
	// MoveEvery is the time between looks at how far a shard is that this node is to take.
	MoveEvery = 50 * time.Millisecond
	// NearTail is how soon a follower must reach what was the tail of the log to be near enough to take the shard.
	NearTail = 200 * time.Millisecond
)

// Role is a shard in a state, and what it asks of a node there.
type Role struct {
	// Owner and Standby are the nodes that the state gives the shard to; "": none.
	Owner, Standby string
	// Assignment is the node's own role: to own it, to follow it, as its standby or because a planned move is to bring it
	// here, or nothing.
	Assignment operator.Assignment
}

// Roles are those of a node in all shards, as far as its process bears the name in that incarnation.
func Roles(s *coordinator.State, node string, incarnation uint64) []Role {
	_, member := s.Member(node)
	roles, target := make([]Role, s.Settings.Shards), s.Target()
	for shard := range roles {
		p := Role{Owner: s.Assignment.Node(shard), Standby: s.Standby(shard),
			Assignment: operator.Assignment{Control: s.Epoch, Epoch: s.ShardEpoch(shard), Incarnation: incarnation}}
		switch {
		case !member:
		case p.Owner == node:
			p.Assignment.Role = operator.Owner
		case p.Standby == node, target.Node(shard) == node: // the latter makes a planned move short
			p.Assignment.Role = operator.Standby
		}
		roles[shard] = p
	}
	return roles
}

// Targets lists the shards that planned moves are to bring to a node.
func Targets(s *coordinator.State, node string) (list []int) {
	target := s.Target()
	for shard := range s.Settings.Shards {
		if target.Node(shard) == node && s.Assignment.Node(shard) != node {
			list = append(list, shard)
		}
	}
	return list
}

// Undrained counts the shards of a node that planned moves are to take away.
func Undrained(s *coordinator.State, node string) (count int) {
	target := s.Target()
	for shard := range s.Settings.Shards {
		if s.Assignment.Node(shard) == node && target.Node(shard) != node {
			count++
		}
	}
	return count
}

// FirstBatch is the id of an incarnation's first batch: above those of the incarnations of its name before it, 40 bits for
// each.
func FirstBatch(incarnation uint64) uint64 { return incarnation<<40 + 1 }
