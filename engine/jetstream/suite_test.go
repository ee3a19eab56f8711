package jetstream

import (
	"slices"
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

// TestSuiteSoleUser: the engine's user is the only one of a server that listens to nobody.
func TestSuiteSoleUser(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, func(t testing.TB, n, shards int) []engine.Engine {
		e, _ := soleUser(t, shards)
		return slices.Repeat([]engine.Engine{e}, n)
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
