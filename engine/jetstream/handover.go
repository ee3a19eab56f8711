package jetstream

import (
	"context"
	"fmt"
	"time"

	_ "unsafe" // for go:linkname

	"github.com/nats-io/nats-server/v2/server"
)

// transferRaftLeaders is what the NATS server does first when it is to stop: it lets others lead all groups that it
// leads, the cluster's own among them, and stands for no election any more. The server reaches it only through a way to
// stop that takes seconds. If a later version has it no more, this program doesn't link.
//
//go:linkname transferRaftLeaders github.com/nats-io/nats-server/v2/server.(*Server).transferRaftLeaders
func transferRaftLeaders(s *server.Server) bool

// handOverPoll is the time between looks at whether others lead.
const handOverPoll = 5 * time.Millisecond

// HandOver lets the other servers of the cluster lead whatever this one leads, and returns when they do, or ctx ends. The
// server leads nothing from then on; shut it down. A server that stands alone has nobody to hand over to: nil at once.
func (s *Server) HandOver(ctx context.Context) error {
	if !s.ns.JetStreamIsClustered() {
		return nil
	}
	poll := time.NewTicker(handOverPoll)
	defer poll.Stop()
	for {
		transferRaftLeaders(s.ns) // again, since it may have been elected just then
		group, leader := s.unled()
		if group == "" {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("hand over of NATS server %q: group %s is led by %q: %w", s.Name(), group, leader, ctx.Err())
		}
	}
}

// unled returns a Raft group that no other server leads, as far as this one knows; "" if there is none.
func (s *Server) unled() (group, leader string) {
	for name, g := range s.raftGroups() {
		if g.Leader == "" || g.Leader == g.ID || g.State == server.Leader.String() {
			return name, g.Leader
		}
	}
	return "", ""
}
