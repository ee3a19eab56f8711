package jetstream

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestElectionVariables: the server's variables are the ones that are set. What the process began with is the stock times,
// else its first server had not started.
func TestElectionVariables(t *testing.T) {
	check(t, setElection(testElection)) // unless a server has by now
	if got, want := current(), timesFor(testElection); got != want {
		t.Errorf("the times are %+v, want %+v", got, want)
	}
}

func TestElectionErrors(t *testing.T) {
	check(t, setElection(testElection))
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{MinElection - 1, "expected 200ms to 10s"},
		{MaxElection + 1, "expected 200ms to 10s"},
		{DefaultElection, "another server of this process runs with 2s"},
		{StockElection, "another server of this process runs with 2s"},
	} {
		if err := setElection(test.d); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("setElection(%v): %v, want %q", test.d, err, test.want)
		}
	}
}

// TestElectionTakesEffect: with the stock times no follower ever stands for election within four seconds. On a busy machine an
// election takes any time, so one of several is enough.
func TestElectionTakesEffect(t *testing.T) {
	t.Parallel()
	n, cfg := newNet3(t), fresh(1, 3)
	open(t, n.servers[0], cfg)
	// leads waits until one server alone leads the stream, besides the one that is cut off, which goes on until it hears of the next.
	leads := func(cut int) (leader int) {
		until(t, func() error {
			var lead []int
			for i, s := range n.servers {
				if s.ns.JetStreamIsStreamLeader("$G", streamName(cfg, "0")) && i != cut {
					lead = append(lead, i)
				}
			}
			if len(lead) != 1 {
				return fmt.Errorf("%v lead", lead)
			}
			leader = lead[0]
			return nil
		})
		return leader
	}
	for range 10 {
		leader := leads(-1)
		began := time.Now()
		n.isolate(leader, true)
		leads(leader)
		if time.Since(began) < stockTimes.minElection {
			return
		}
		n.isolate(leader, false)
	}
	t.Error("no leader was elected soon: the election times are without effect")
}

// TestHandOver: a server that hands over leads nothing afterwards, and others do.
func TestHandOver(t *testing.T) {
	t.Parallel()
	servers, err := startCluster(t.TempDir(), "handover", true)
	t.Cleanup(func() { stopAll(servers) })
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Pipeline: fresh(1, 1).Pipeline, Shards: 4, Replicas: 3}
	open(t, servers[0], cfg)
	for i, s := range servers {
		for shard := range cfg.Shards {
			leads := func() bool { return s.ns.JetStreamIsStreamLeader("$G", streamName(cfg, fmt.Sprint(shard))) }
			led := leads()
			if group, _ := s.unled(); group == "" && led && leads() { // it did all the time: another may be elected at any
				t.Errorf("server %d leads a stream, and has nothing to hand over", i)
			}
		}
	}
	for i, s := range servers[:2] { // the last could hand over to nobody
		if err := s.HandOver(limited(t)); err != nil {
			t.Fatal(err)
		}
		for _, group := range []string{"control", "0", "1", "2", "3"} {
			if s.ns.JetStreamIsStreamLeader("$G", streamName(cfg, group)) {
				t.Errorf("server %d leads %s after it has handed over", i, group)
			}
		}
		if s.ns.JetStreamIsLeader() {
			t.Errorf("server %d leads the cluster after it has handed over", i)
		}
	}
	if err := one(t).HandOver(limited(t)); err != nil {
		t.Errorf("a server that stands alone: %v", err)
	}
}

// TestAloneWithoutElections: a server that stands alone starts whatever the process's election time is, and one that names another
// doesn't.
func TestAloneWithoutElections(t *testing.T) {
	check(t, setElection(testElection))
	check(t, ServerConfig{}.setElection())
	if err := (ServerConfig{Election: DefaultElection}).setElection(); err == nil {
		t.Error("another election time was taken")
	}
	if err := (ServerConfig{Cluster: "c"}).setElection(); err == nil {
		t.Error("a member was taken with another election time")
	}
}
