package dataset

import (
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// Within returns a logic whose store holds so many quads, those of the open transaction counted twice.
func Within(quads int) *Logic {
	return on(memory.NewWithin(quads))
}

// On returns a logic on what wrap makes of its store.
func On(wrap func(store.Store) store.Store) *Logic {
	l := New()
	l.Use(wrap(memory.New()), nil)
	return l
}
