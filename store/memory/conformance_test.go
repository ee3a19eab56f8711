package memory_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
	"github.com/quadrille-stream/quadrille/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, storetest.Stores{
		Open:  func() store.Store { return memory.New() },
		Small: func() store.Store { return memory.NewWithin(20) },
	})
}

func TestIndexed(t *testing.T) {
	storetest.Run(t, storetest.Stores{
		Open:  func() store.Store { return indexed(t, memory.New()) },
		Small: func() store.Store { return indexed(t, memory.NewWithin(20)) },
	})
}

func indexed(t testing.TB, m *memory.Store) *memory.Store {
	if err := m.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}
