package jetstream

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// TestFourthServer: a server that keeps no log counts among the servers; that it has gone is told, and no longer when it has come
// back and left. One that keeps a log stays.
func TestFourthServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	three, err := startCluster(dir, "four", true)
	t.Cleanup(func() { stopAll(three) })
	if err != nil {
		t.Fatal(err)
	}
	open(t, three[0], fresh(1, 3))
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	cfg := ServerConfig{Name: "fourth", Dir: filepath.Join(dir, "fourth"), Port: -1, Cluster: "four", Election: testElection, ClusterPort: free[0],
		Routes: []string{three[0].ClusterURL()}, Secret: testSecret, NoSync: true}
	fourth := start(t, cfg)
	size := func(want int) func() error {
		return func() error {
			for _, s := range three {
				if got := s.raftGroups()[metaGroup].Size; got != want {
					return fmt.Errorf("%s knows %d servers, want %d", s.Name(), got, want)
				}
			}
			return nil
		}
	}
	until(t, size(4))
	away := func(want ...string) func() error {
		return func() error {
			for _, s := range three {
				if got := s.idleAway(nil); !slices.Equal(got, want) {
					return fmt.Errorf("%s: %v are away, want %v", s.Name(), got, want)
				}
			}
			return nil
		}
	}
	until(t, away())
	fourth.Shutdown()
	until(t, away("fourth"))
	kept := []engine.StreamHealth{{Replicas: []engine.ReplicaHealth{{Server: "fourth"}}}} // of which these servers have no copy
	if got := three[0].idleAway(kept); len(got) > 0 {
		t.Errorf("%v keep logs", got)
	}
	fourth = start(t, cfg)
	until(t, away())
	asking, done := context.WithCancel(limited(t))
	var asks sync.WaitGroup
	asks.Go(func() { fourth.Withdraw(asking) })
	until(t, size(3))
	done()
	asks.Wait()
	if err := fourth.ns.ShutdownJetStream(); err != nil {
		t.Error(err)
	}
	if fourth.room.look(); fourth.ns.JetStreamEnabled() {
		t.Error("the storage of a server that has left is started again")
	}
	fourth.Shutdown()
	until(t, away())
	for _, s := range three {
		if s.Withdraw(limited(t)); !s.ns.JetStreamEnabled() {
			t.Errorf("%s, which keeps logs, has left", s.Name())
		}
	}
	until(t, size(3))
}

// until waits until something holds.
func until(t *testing.T, holds func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for err := holds(); err != nil; err = holds() {
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(readyPoll)
	}
}
