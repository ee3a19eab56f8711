package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"net"
	"net/url"
	"syscall"
	"time"

	_ "unsafe" // for go:linkname

	"github.com/nats-io/nats-server/v2/server"
)

// A server that dies is missed only when a follower's election time is over, and two followers that stand in the same
// moment take each other's votes and wait for another one. So each server looks what it hears of the others. One whose
// process dies closes its connections at once: when another has no route to this one any more, and its port is closed, it
// has ended (of a network that fails the port says nothing; whoever stood on its word would depose a leader that a majority
// still hears). One that is stopped, or whose host is gone, keeps its connections: it is missed when nothing at all has
// come from it for a bit more than the time of two heartbeats. Then one of those that are left stands for each of the lost
// leader's groups: the same for all of them, since all choose by the same rule. The engine lets it wait for a tenth to half
// of the election time before it asks for votes, and forgets it if the leader is heard meanwhile. So it stands when the
// first of the others' times are over, or before; and groups that nobody stands for so elect as they did.

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
//
// This is what a look tells of another server in each state: it never had a route, was heard in the look before, has said nothing
// for up to 14 looks though it has a route, or for longer, has no route any more, or was missed since. A cell has the next state,
// and the server where it is missed; "." is nothing.
//
//	input                            unknown  heard                quiet                silent          gone            missed
//	a route and messages             heard    .                    heard                heard           heard           heard
//	a route, no message              heard    quiet                silent: a is silent  .               heard           heard
//	a route, no message in 15 looks  quiet    silent: a is silent  silent               .               quiet           quiet
//	no route                         .        gone                 gone                 gone            .               .
//	no route in the time of grace    .        gone                 gone                 gone            missed: miss a  .
//	no route, one look more          .        missed: miss a       missed: miss a       missed: miss a  missed          .
type succession struct {
	s      *Server
	routes []string      // where the other servers listen, this one perhaps among them
	grace  time.Duration // for which a server has no route until it is missed: it may be about to take one up again

	known  map[string]bool      // servers that had a route at any time, by name
	linked map[string]int64     // those that have one, and how many messages have come from them
	since  map[string]time.Time // those without one any more, until they are missed
	quiet  map[string]int       // looks since something has come from those that have one
}

// Looks, counted instead of timed: who sleeps takes nobody else for silent.
const (
	graceLooks  = 5              // in the time of grace
	silentLooks = 3 * graceLooks // without a message, until a server that has a route is missed
)

// successionOf returns that of a server; nil if there is nothing to watch.
func successionOf(s *Server, cfg ServerConfig) *succession {
	if cfg.Cluster == "" || cfg.Election == StockElection {
		return nil
	}
	c := &succession{s: s, grace: 2 * timesFor(cfg.election()).reconnect, known: map[string]bool{}, linked: map[string]int64{},
		since: map[string]time.Time{}, quiet: map[string]int{}}
	for _, r := range cfg.Routes {
		if u, err := url.Parse(r); err == nil {
			c.routes = append(c.routes, u.Host)
		}
	}
	return c
}

// run looks until ctx ends.
func (c *succession) run(ctx context.Context) {
	tick := time.NewTicker(c.grace / graceLooks)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			gone, silent := c.look(now)
			if len(gone) > 0 && c.ended(ctx) {
				silent = append(silent, gone...)
			}
			for _, lost := range silent {
				c.stand(lost)
			}
		case <-ctx.Done():
			return
		}
	}
}

// stand lets this server stand for its part of the groups that a lost one led.
func (c *succession) stand(lost string) {
	turns := c.turns(lost, c.s.raftGroups())
	if len(turns) > 0 {
		c.s.room.log.Warn("a server is missed: this one stands for what it led", "server", lost, "groups", len(turns))
	}
	for _, group := range turns {
		if node := lookupRaftNode(c.s.ns, group); node != nil {
			_ = node.Campaign() // it fails if it leads by now
		}
	}
}

// ended reports whether the processes of all servers without a route have ended: their ports are closed, and no others are open
// than those of servers with a route, and this one's. A server that was never seen may be among the closed ones; so none may be
// in doubt.
func (c *succession) ended(ctx context.Context) bool {
	closed, open := 0, 0
	for _, addr := range c.routes {
		dialing, cancel := context.WithTimeout(ctx, c.grace)
		conn, err := new(net.Dialer).DialContext(dialing, "tcp", addr)
		cancel()
		switch {
		case err == nil:
			_ = conn.Close()
			open++
		case errors.Is(err, syscall.ECONNREFUSED):
			closed++
		default:
			return false // it may live
		}
	}
	return closed > 0 && open <= len(c.linked)+1 && closed >= len(c.known)-len(c.linked)
}

// look returns the servers that are missed since the last look: those that have no route any more, and those that say
// nothing though they have one.
func (c *succession) look(now time.Time) (gone, silent []string) {
	routes, err := c.s.ns.Routez(nil)
	if err != nil {
		return nil, nil
	}
	linked := make(map[string]int64, len(c.linked))
	for _, r := range routes.Routes {
		linked[r.RemoteName] += r.InMsgs
	}
	c.note(linked, now)
	return c.missed(now), c.silent()
}

// note takes down which servers have a route, and how many messages have come from each.
func (c *succession) note(linked map[string]int64, now time.Time) {
	for name := range c.linked {
		if _, still := linked[name]; !still {
			c.since[name] = now
			delete(c.quiet, name)
		}
	}
	for name, count := range linked {
		c.known[name] = true
		delete(c.since, name)
		if before, had := c.linked[name]; had && count == before {
			c.quiet[name]++
		} else {
			c.quiet[name] = 0
		}
	}
	c.linked = linked
}

// silent returns those from which nothing has come for long enough, each once.
func (c *succession) silent() (names []string) {
	for name, looks := range c.quiet {
		if looks == silentLooks {
			names = append(names, name)
		}
	}
	return names
}

// heard reports whether a server has a route and isn't silent.
func (c *succession) heard(name string) bool {
	_, linked := c.linked[name]
	return linked && c.quiet[name] < silentLooks
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
			if peer.Name != lost && c.heard(peer.Name) {
				left = append(left, peer.Name)
			}
		}
		if 2*len(left) <= len(group.Peers)+1 { // these are the others: it can't win
			continue
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
