//go:build unix

package faults

import (
	"fmt"
	"os"
	"strings"
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
		soon  = 50 * time.Second // with the engine's own pings it takes one to two minutes
		count = 40               // subjects, which are in all shards
	)
	r := start(t, cluster.Config{Nodes: 3, Shards: 4, Cuttable: true})
	for deaf := range 3 {
		others := []int{(deaf + 1) % 3, (deaf + 2) % 3}
		before := r.accusations(deaf)
		for _, i := range others {
			r.nodes.Cut(i, deaf)
		}
		for i, end := 0, time.Now().Add(lasts); time.Now().Before(end); i++ {
			r.once(others[i%2], fmt.Sprintf("deaf-%d-%d", deaf, i), r.request(count, 200), soon)
		}
		r.nodes.Heal()
		r.balanced()
		if after := r.accusations(deaf); after != before {
			t.Errorf("%s was deaf, and has taken others for dead %d times", r.nodes.Name(deaf), after-before)
		}
	}
	r.good()
}

// accusations is how often node i has taken another for dead, by its log.
func (r *rig) accusations(i int) int {
	r.Helper()
	text, err := os.ReadFile(r.nodes.Log(i))
	r.must(err)
	return strings.Count(string(text), "it is proposed as failed")
}
