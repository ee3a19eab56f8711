//go:build unix

package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/cluster"
)

// TestDeafServer: each server in turn hears nobody, and is heard. The others are soon rid of it: it must not stand for
// election again and again, each time in a term that deposes the leader of the others. It takes nobody for dead, neither
// while it hears nobody nor when it hears again.
func TestDeafServer(t *testing.T) {
	const (
		lasts = 5 * time.Second
		soon  = 10 * time.Second // with the engine's own pings it takes one to two minutes
		count = 40               // subjects, which are in all shards
	)
	r := start(t, cluster.Config{Nodes: 3, Shards: 4, Cuttable: true})
	for deaf := range 3 {
		others := []int{(deaf + 1) % 3, (deaf + 2) % 3}
		before := r.incarnations(others[0])
		for _, i := range others {
			r.nodes.Cut(i, deaf)
		}
		for i, end := 0, time.Now().Add(lasts); time.Now().Before(end); i++ {
			r.once(others[i%2], fmt.Sprintf("deaf-%d-%d", deaf, i), r.request(count, 200), soon)
		}
		r.nodes.Heal()
		r.balanced()
		after := r.incarnations(others[0])
		for _, i := range others {
			if name := r.nodes.Name(i); before[name] != after[name] {
				t.Errorf("%s was deaf, and %s was taken for dead: it had entered as %d, and has as %d", r.nodes.Name(deaf), name,
					before[name], after[name])
			}
		}
	}
	r.good()
}

// incarnations are those of the members, as node i knows them.
func (r *rig) incarnations(i int) map[string]uint64 {
	r.Helper()
	s, err := r.status(i)
	r.must(err)
	of := map[string]uint64{}
	for _, m := range s.Members {
		of[m.Name] = m.Incarnation
	}
	return of
}
