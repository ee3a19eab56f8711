package node_test

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/node"
)

// TestBefore: a reader that begins so many positions before the ends gets all that is later, also where the shards of one stream have each
// other's positions between their records.
func TestBefore(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	server, err := jetstream.StartServer(t.Context(), jetstream.ServerConfig{Name: "s", Dir: t.TempDir(), NoListen: true}, nil)
	must(err)
	defer server.Shutdown()
	nc, err := server.Connect()
	must(err)
	defer nc.Close()
	e, err := jetstream.Open(t.Context(), nc, jetstream.Config{Pipeline: "p", Shards: 2, Streams: 1})
	must(err)
	shards := []*foreign{takeOver(t, e, 0, 1), takeOver(t, e, 1, 1)}
	deltas := make([][]engine.Mark, 2)
	for i, s := range []int{0, 0, 1, 0, 1, 1, 1, 0, 0, 1} {
		deltas[s] = append(deltas[s], shards[s].delta(i+1))
	}
	n := idle(t, e, 2, nil)
	for positions := uint64(1); positions < 16; positions++ {
		from, err := n.Before(t.Context(), positions)
		must(err)
		got := make([]int, 2)
		err = n.Follow(t.Context(), node.FollowOptions{From: from}, func(r node.Record) error {
			got[r.Shard]++
			return nil
		})
		if err != nil && !errors.Is(err, t.Context().Err()) {
			t.Fatal(err)
		}
		for s, all := range deltas {
			last, want := all[len(all)-1].Position, 0
			for _, d := range all {
				if d.Position+positions > last {
					want++
				}
			}
			if got[s] != want {
				t.Errorf("%d positions before the end of shard %d at %d: %d deltas from %v, want %d", positions, s, last, got[s], from[s], want)
			}
		}
	}
}
