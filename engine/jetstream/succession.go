package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"time"

	_ "unsafe" // for go:linkname

	"github.com/nats-io/nats-server/v2/server"
)

// A server whose process dies closes its connections at once, but its Raft groups are missed only when a follower's
// election time is over, and two followers that stand in the same moment take each other's votes and wait for another
// one. So each server looks which others have no route to it any more, and then one of those that are left stands for each
// of the lost leader's groups: the same for all of them, since all choose by the same rule. Whoever is wrong, since
// the leader is heard all the same, has its timer set back by the next heartbeat. It stands before any other follower's
// time is over: 2/10 of the election time until a server is missed, and up to 5/10 that a campaign takes to begin, are less
// than what is left of the other's after the last heartbeat. Groups that nobody stands for so elect as they did.

// lookupRaftNode returns one of a server's Raft groups, or nil. The server has no other way to let a follower stand for
// election. If a later version has it no more, this program doesn't link.
//
//go:linkname lookupRaftNode github.com/nats-io/nats-server/v2/server.(*Server).lookupRaftNode
func lookupRaftNode(s *server.Server, group string) server.RaftNode

// globalAccount is the account of the embedded server's streams.
const globalAccount = "$G"

// raftGroups are the Raft groups that a server is in: those of the streams, and the cluster's own.
func (s *Server) raftGroups() map[string]server.RaftzGroup {
	all := map[string]server.RaftzGroup{}
	for _, account := range []string{"", globalAccount} { // the server's own is what it takes for ""
		if groups := s.ns.Raftz(&server.RaftzOptions{AccountFilter: account}); groups != nil {
			for _, of := range *groups {
				maps.Copy(all, of)
			}
		}
	}
	return all
}

// succession watches a server's routes.
type succession struct {
	s     *Server
	grace time.Duration // for which a server has no route until it is missed: one that lives takes one up again

	routes int                  // at the last look
	linked map[string]bool      // servers with a route, by name
	since  map[string]time.Time // servers without one any more, until they are missed
}

// successionOf returns that of a server; nil if there is nothing to watch.
func successionOf(s *Server, cfg ServerConfig) *succession {
	if cfg.Cluster == "" || cfg.Election == StockElection {
		return nil
	}
	return &succession{s: s, grace: 2 * timesFor(cfg.election()).reconnect, linked: map[string]bool{},
		since: map[string]time.Time{}}
}

// run looks until ctx ends.
func (c *succession) run(ctx context.Context) {
	tick := time.NewTicker(c.grace / 5)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, lost := range c.look(now) {
				for _, group := range c.turns(lost, c.s.raftGroups()) {
					if node := lookupRaftNode(c.s.ns, group); node != nil {
						_ = node.Campaign() // it fails if it leads by now
					}
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// look returns the servers that are missed since the last look.
func (c *succession) look(now time.Time) []string {
	if n := c.s.ns.NumRoutes(); n != c.routes || len(c.since) > 0 {
		routes, err := c.s.ns.Routez(nil)
		if err != nil {
			return nil
		}
		c.routes = routes.NumRoutes
		linked := make(map[string]bool, len(routes.Routes))
		for _, r := range routes.Routes {
			linked[r.RemoteName] = true
		}
		c.note(linked, now)
	}
	return c.missed(now)
}

// note takes down which servers have a route.
func (c *succession) note(linked map[string]bool, now time.Time) {
	for name := range c.linked {
		if !linked[name] {
			c.since[name] = now
		}
	}
	for name := range linked {
		delete(c.since, name)
	}
	c.linked = linked
}

// missed returns those that have had time enough to come back, each once.
func (c *succession) missed(now time.Time) (names []string) {
	for name, since := range c.since {
		if now.Sub(since) >= c.grace {
			delete(c.since, name)
			names = append(names, name)
		}
	}
	return names
}

// turns are those of the groups that a lost server led for which this one is to stand.
func (c *succession) turns(lost string, groups map[string]server.RaftzGroup) (names []string) {
	for name, group := range groups {
		if group.Peers[group.Leader].Name != lost {
			continue
		}
		left := []string{c.s.Name()}
		for _, peer := range group.Peers {
			if peer.Name != lost && c.linked[peer.Name] {
				left = append(left, peer.Name)
			}
		}
		if successor(name, left) == c.s.Name() {
			names = append(names, name)
		}
	}
	return names
}

// successor is who of some servers stands first for a group: the same whoever asks, another for each group.
func successor(group string, servers []string) (first string) {
	var highest [sha256.Size]byte
	for _, name := range servers {
		if sum := sha256.Sum256([]byte(group + "\x00" + name)); first == "" || bytes.Compare(sum[:], highest[:]) > 0 {
			first, highest = name, sum
		}
	}
	return first
}
