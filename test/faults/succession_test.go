//go:build unix

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// TestKilledServerIsMissedAtOnce: the other servers elect leaders for what a killed one led, long before their election
// time is over, since its connections have ended.
func TestKilledServerIsMissedAtOnce(t *testing.T) {
	testMissed(t, func(r *rig, i int) error { return r.nodes.Kill(i) }, func(r *rig, i int) error { return r.nodes.Restart(i) },
		missedElection*9/10)
}

// TestStoppedServerIsMissedSoon: they do it for one that is stopped, whose connections stay, since it says nothing any more.
func TestStoppedServerIsMissedSoon(t *testing.T) {
	testMissed(t, func(r *rig, i int) error { return r.nodes.Pause(i) }, func(r *rig, i int) error { return r.nodes.Continue(i) },
		missedElection*12/10)
}

// missedElection is the election time of these tests: without a successor the first of two followers stands after 8 to 20
// seconds, for each log by itself.
const missedElection = 10 * time.Second

// missedPoll is how exactly it is measured when a log has a leader.
const missedPoll = 100 * time.Millisecond

// testMissed lets a fault happen to the server that leads most, and waits until others lead all that it led.
func testMissed(t *testing.T, begin, end func(r *rig, i int) error, within time.Duration) {
	const streams = 8
	r := start(t, cluster.Config{Nodes: 3, Shards: streams,
		Args: []string{"--streams", fmt.Sprint(streams), "--election", fmt.Sprint(missedElection)}})
	name, led := r.leads()
	victim := 0
	for i := range cluster.Servers {
		if r.nodes.Name(i) == name {
			victim = i
		}
	}
	r.must(begin(r, victim))
	began := time.Now()
	nc, err := nats.Connect(r.nodes.Engines()[(victim+1)%cluster.Servers], r.login())
	r.must(err)
	defer nc.Close()
	js, err := nc.JetStream()
	r.must(err)
	r.until("other servers lead its logs", within-time.Since(began), func() error {
		for _, stream := range led {
			info, err := js.StreamInfo(stream, nats.MaxWait(missedPoll)) // nobody answers for a log without a leader
			if err != nil || info.Cluster.Leader == "" || info.Cluster.Leader == name {
				return fmt.Errorf("%s: %+v, %v", stream, info, err)
			}
		}
		return nil
	})
	r.must(end(r, victim))
	r.balanced()
	r.good()
}

// login is that of the nodes to their engines.
func (r *rig) login() nats.Option { return jetstream.Secret(r.nodes.Secret()).Login(jetstream.Logs) }

// leads returns the server that leads the most of the shards' streams, and those.
func (r *rig) leads() (server string, streams []string) {
	r.Helper()
	status, err := r.http.Status(r.ctx, r.nodes.Doors()[0])
	r.must(err)
	by := map[string][]string{}
	for _, s := range status.Engine.Streams {
		by[s.Leader] = append(by[s.Leader], s.Name)
	}
	for leader, of := range by {
		if leader != "" && len(of) > len(streams) {
			server, streams = leader, of
		}
	}
	return server, streams
}
