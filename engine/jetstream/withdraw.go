package jetstream

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/quadrille-stream/quadrille/engine"
)

// All servers of a cluster are one Raft group, which decides where streams are. It counts each server that was ever in it, also
// one that keeps no log, as a fourth of which only three are needed: when it has gone for good, one of the others less may be
// away. So one that leaves takes itself out, and one that is missing is told of.

// metaGroup is the name of that group.
const metaGroup = "_meta_"

// withdrawPoll is the time between attempts to leave it: a proposal may get lost.
const withdrawPoll = 200 * time.Millisecond

// Withdraw asks the others to take the server out of the group of all servers, if it keeps no copy of a log; else it does nothing.
// It asks until it sees that this is done, which a server that was taken out may never hear, or ctx ends. The server is of no
// use afterwards: shut it down. The others tell of it if it was in vain, and take one of its name in again five minutes later.
func (s *Server) Withdraw(ctx context.Context) {
	groups := s.raftGroups()
	if _, member := groups[metaGroup]; !member || len(groups) > 1 {
		return
	}
	s.room.left.Store(true) // who is taken out stops storing, and would be a member again if that were started again
	poll := time.NewTicker(withdrawPoll)
	defer poll.Stop()
	for s.ns.JetStreamEnabled() {
		if node := lookupRaftNode(s.ns, metaGroup); node != nil {
			_ = node.ProposeRemovePeer(node.ID()) // asked again
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// idleAway are the servers of the cluster that have no route to this one and keep no log, as far as this one's groups and those
// streams tell, in order.
func (s *Server) idleAway(streams []engine.StreamHealth) (names []string) {
	groups := s.raftGroups()
	keepers := map[string]bool{}
	for _, stream := range streams {
		for _, r := range stream.Replicas {
			keepers[r.Server] = true
		}
	}
	linked := map[string]bool{}
	if routes, err := s.ns.Routez(nil); err == nil {
		for _, r := range routes.Routes {
			linked[r.RemoteName] = true
		}
	}
	for id, peer := range groups[metaGroup].Peers {
		keeps := keepers[peer.Name]
		for name, g := range groups {
			_, in := g.Peers[id]
			keeps = keeps || in && name != metaGroup
		}
		if !keeps && !linked[peer.Name] {
			names = append(names, serverName(id, peer))
		}
	}
	slices.Sort(names)
	return names
}

// serverName is what a server is called, which who has started after it has gone doesn't know.
func serverName(id string, peer server.RaftzGroupPeer) string {
	if peer.Name == "" {
		return "of the Raft id " + id
	}
	return peer.Name
}
