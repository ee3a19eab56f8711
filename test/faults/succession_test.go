//go:build unix

package faults

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// TestKilledServerIsMissedAtOnce: the other servers stand for all that a killed one led, long before their election time is over,
// since its connections have ended.
func TestKilledServerIsMissedAtOnce(t *testing.T) {
	testMissed(t, func(r *rig, i int) error { return r.nodes.Kill(i) }, func(r *rig, i int) error { return r.nodes.Restart(i) },
		func(led int) int { return led })
}

// TestStoppedServerIsMissedSoon: they do it for one that is stopped, whose connections stay, since it says nothing any more. On a
// machine that is busy the election time of one of its logs may be over before.
func TestStoppedServerIsMissedSoon(t *testing.T) {
	testMissed(t, func(r *rig, i int) error { return r.nodes.Pause(i) }, func(r *rig, i int) error { return r.nodes.Continue(i) },
		func(int) int { return 1 })
}

// missedElection is the election time of these tests: without a successor the first of two followers stands after 8 to 20
// seconds, for each log by itself.
const missedElection = 10 * time.Second

// testMissed lets a fault happen to the server that leads most, and waits until others lead all that it led: for at least that
// many of its logs they have stood because they missed it. Clients write and read meanwhile: none sees less than it has written, or seen.
func testMissed(t *testing.T, begin, end func(r *rig, i int) error, least func(led int) int) {
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
	judge := r.reading()
	r.must(begin(r, victim))
	nc, err := nats.Connect(r.nodes.Engines()[(victim+1)%cluster.Servers], r.login(), nats.Timeout(answers))
	r.must(err)
	defer nc.Close()
	js, err := nc.JetStream()
	r.must(err)
	r.until("other servers lead its logs", patience, func() error {
		for _, stream := range led {
			info, err := js.StreamInfo(stream, nats.MaxWait(time.Second)) // nobody answers for a log without a leader
			if err != nil || info.Cluster.Leader == "" || info.Cluster.Leader == name {
				return fmt.Errorf("%s: %+v, %v", stream, info, err)
			}
		}
		return nil
	})
	if stood := r.stood(name); stood < least(len(led)) {
		t.Errorf("%s led %d logs, and the others have stood for %d since they missed it", name, len(led), stood)
	}
	r.must(end(r, victim))
	r.balanced()
	judge()
	r.good()
}

// login is that of the nodes to their engines.
func (r *rig) login() nats.Option { return jetstream.Secret(r.nodes.Secret()).Login(jetstream.Logs) }

var missed = regexp.MustCompile(`a server is missed: this one stands .* server=(\S+) groups=(\d+)`)

// stood returns for how many groups of a server that was missed others have stood.
func (r *rig) stood(server string) (groups int) {
	r.Helper()
	for i := range r.nodes.Size() {
		text, err := os.ReadFile(r.nodes.Log(i))
		r.must(err)
		for _, m := range missed.FindAllStringSubmatch(string(text), -1) {
			if n, err := strconv.Atoi(m[2]); m[1] == server && err == nil {
				groups += n
			}
		}
	}
	return groups
}

// leads returns the server that leads the most of the shards' streams, and those. What a node says of leaders it has looked up a second
// ago, or longer; so all nodes are to say the same.
func (r *rig) leads() (server string, streams []string) {
	r.Helper()
	var by map[string][]string
	r.until("all nodes know the same leaders", recovery, func() error {
		first, err := r.leaders(0)
		for i := 1; i < r.nodes.Size() && err == nil; i++ {
			var other map[string][]string
			if other, err = r.leaders(i); !maps.EqualFunc(first, other, slices.Equal) {
				err = errors.Join(err, fmt.Errorf("%v and %v", first, other))
			}
		}
		by = first
		return err
	})
	for leader, of := range by {
		if leader != "" && len(of) > len(streams) {
			server, streams = leader, of
		}
	}
	return server, streams
}

// leaders are the streams that each server leads, as node i knows.
func (r *rig) leaders(i int) (map[string][]string, error) {
	status, err := r.status(i)
	by := map[string][]string{}
	for _, s := range status.Engine.Streams {
		by[s.Leader] = append(by[s.Leader], s.Name)
	}
	return by, err
}
