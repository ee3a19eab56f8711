package jetstream

import (
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
)

func TestSuiteOneServer(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func(t testing.TB, n, shards int) (list []engine.Engine) {
		cfg := fresh(shards, 1)
		for range n {
			list = append(list, open(t, one(t), cfg))
		}
		return list
	})
}

// TestSuiteThreeServers: each engine is connected to another server.
func TestSuiteThreeServers(t *testing.T) {
	t.Parallel()
	servers := three(t)
	enginetest.Run(t, func(t testing.TB, n, shards int) (list []engine.Engine) {
		cfg := fresh(shards, 3)
		for i := range n {
			list = append(list, open(t, servers[i%3], cfg))
		}
		return list
	})
}
