//go:build unix

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/internal/cli/cluster"
)

// TestKilledServerIsMissedAtOnce: the other servers elect leaders for what a killed one led, long before their election
// time is over, since its connections have ended.
func TestKilledServerIsMissedAtOnce(t *testing.T) {
	const (
		election = 10 * time.Second
		most     = election * 9 / 10 // without a successor the first of two followers stands after 8 to 20 seconds, for each log
		streams  = 8
	)
	r := start(t, cluster.Config{Nodes: 3, Shards: streams, Args: []string{"--streams", fmt.Sprint(streams), "--election", fmt.Sprint(election)}})
	name, led := r.leads()
	victim := 0
	for i := range cluster.Servers {
		if r.nodes.Name(i) == name {
			victim = i
		}
	}
	r.must(r.nodes.Kill(victim))
	killed := time.Now()
	nc, err := nats.Connect(r.nodes.Engines()[(victim+1)%cluster.Servers])
	r.must(err)
	defer nc.Close()
	js, err := nc.JetStream()
	r.must(err)
	r.until("other servers lead its logs", most-time.Since(killed), func() error {
		for _, stream := range led {
			info, err := js.StreamInfo(stream, nats.MaxWait(time.Second))
			if err != nil || info.Cluster.Leader == "" || info.Cluster.Leader == name {
				return fmt.Errorf("%s: %+v, %v", stream, info, err)
			}
		}
		return nil
	})
	r.must(r.nodes.Restart(victim))
	r.balanced()
	r.good()
}

// leads returns the server that leads the most of the shards' streams, and those.
func (r *rig) leads() (server string, streams []string) {
	r.Helper()
	nc, err := nats.Connect(strings.Join(r.nodes.Engines(), ","))
	r.must(err)
	defer nc.Close()
	js, err := nc.JetStream()
	r.must(err)
	by := map[string][]string{}
	for s := range js.Streams() {
		if leader := s.Cluster.Leader; leader != "" {
			by[leader] = append(by[leader], s.Config.Name)
		}
	}
	for leader, of := range by {
		if len(of) > len(streams) {
			server, streams = leader, of
		}
	}
	return server, streams
}
