package jetstream

import (
	"fmt"
	"sync"
	"time"

	_ "unsafe" // for go:linkname
)

// The NATS server has no option for the times of its Raft groups: they are variables of its package that nothing but its
// own tests can reach. With the stock ones a server that dies without a goodbye is missed for 4 to 9 seconds, and one
// that hears nobody leads on for 10 to 20. So they are set here, by their names, before the first server of the process
// starts. This is of github.com/nats-io/nats-server/v2 v2.15.2 (server/raft.go); if they are not what they were there,
// starting a server fails, and TestElectionVariables with it.
//
//go:linkname minElectionTimeout github.com/nats-io/nats-server/v2/server.minElectionTimeout
//go:linkname maxElectionTimeout github.com/nats-io/nats-server/v2/server.maxElectionTimeout
//go:linkname minCampaignTimeout github.com/nats-io/nats-server/v2/server.minCampaignTimeout
//go:linkname maxCampaignTimeout github.com/nats-io/nats-server/v2/server.maxCampaignTimeout
//go:linkname hbInterval github.com/nats-io/nats-server/v2/server.hbInterval
//go:linkname lostQuorumInterval github.com/nats-io/nats-server/v2/server.lostQuorumInterval
//go:linkname lostQuorumCheck github.com/nats-io/nats-server/v2/server.lostQuorumCheck
//go:linkname routeConnectDelay github.com/nats-io/nats-server/v2/server.routeConnectDelay
//go:linkname routeReconnectDelay github.com/nats-io/nats-server/v2/server.routeReconnectDelay
var (
	minElectionTimeout, maxElectionTimeout time.Duration // without a leader until a follower stands for election
	minCampaignTimeout, maxCampaignTimeout time.Duration // between the attempts of a candidate
	hbInterval                             time.Duration // between heartbeats of a leader that has nothing else to say
	lostQuorumInterval, lostQuorumCheck    time.Duration // without a majority until a leader steps down, and between looks
	routeConnectDelay, routeReconnectDelay time.Duration // between attempts to reach a server, and before the first of them
)

// raftTimes are the times of Raft groups, and of the routes between their members: a deposed leader goes on until it hears
// of the other one, and all that it takes meanwhile is to be taken back, one entry after the other.
type raftTimes struct {
	minElection, maxElection, minCampaign, maxCampaign, heartbeat, lostQuorum, lostQuorumCheck time.Duration
	connect, reconnect                                                                         time.Duration
}

// stockTimes are those of the pinned version.
var stockTimes = raftTimes{4 * time.Second, 9 * time.Second, 100 * time.Millisecond, 800 * time.Millisecond, time.Second,
	10 * time.Second, 10 * time.Second, time.Second, time.Second}

// Bounds and default of [ServerConfig.Election].
const (
	// DefaultElection is the shortest with which no healthy cluster held an election in measurements under full load.
	DefaultElection = 500 * time.Millisecond
	// MinElection leaves room for a few heartbeats.
	MinElection = 200 * time.Millisecond
	// MaxElection is about what the stock times are.
	MaxElection = 10 * time.Second
	// StockElection leaves the times as the NATS server has them.
	StockElection = -1
)

// timesFor are the times for a follower's shortest wait: the others keep about the proportions of the stock ones.
func timesFor(election time.Duration) raftTimes {
	if election == StockElection {
		return stockTimes
	}
	return raftTimes{
		minElection: election, maxElection: 2 * election,
		minCampaign: election / 10, maxCampaign: election / 2,
		heartbeat:  election / 4,
		lostQuorum: 2 * election, lostQuorumCheck: election / 2,
		connect: election / 2, reconnect: election / 10,
	}
}

// election is the one choice that a process can make.
var election struct {
	sync.Mutex
	set   bool
	times raftTimes
}

// setElection sets the times of all servers of this process, which must be the same.
func setElection(d time.Duration) error {
	if d != StockElection && (d < MinElection || d > MaxElection) {
		return fmt.Errorf("server configuration: an election time of %v, expected %v to %v", d, MinElection, MaxElection)
	}
	times := timesFor(d)
	election.Lock()
	defer election.Unlock()
	switch {
	case election.set && election.times != times:
		return fmt.Errorf("server configuration: an election time of %v, but another server of this process runs with %v",
			d, election.times.minElection)
	case election.set:
		return nil
	case current() != stockTimes:
		return fmt.Errorf("the NATS server's election times are %+v, not the %+v of the version that this was written for: "+
			"start it with the stock ones", current(), stockTimes)
	}
	election.set, election.times = true, times
	minElectionTimeout, maxElectionTimeout = times.minElection, times.maxElection
	minCampaignTimeout, maxCampaignTimeout = times.minCampaign, times.maxCampaign
	hbInterval, lostQuorumInterval, lostQuorumCheck = times.heartbeat, times.lostQuorum, times.lostQuorumCheck
	routeConnectDelay, routeReconnectDelay = times.connect, times.reconnect
	return nil
}

// current are the times as they are.
func current() raftTimes {
	return raftTimes{minElectionTimeout, maxElectionTimeout, minCampaignTimeout, maxCampaignTimeout, hbInterval,
		lostQuorumInterval, lostQuorumCheck, routeConnectDelay, routeReconnectDelay}
}
