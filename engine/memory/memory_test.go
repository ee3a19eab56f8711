package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/enginetest"
	"github.com/quadrille-stream/quadrille/engine/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	enginetest.Run(t, func(_ testing.TB, n, shards int) []engine.Engine {
		e := memory.New(shards)
		list := make([]engine.Engine, n)
		for i := range list {
			list[i] = e // what the nodes of one process share
		}
		return list
	})
}
