package dataset

import "github.com/quadrille-stream/quadrille/store"

// Within returns a logic whose store holds so many quads, those of the open transaction counted twice.
func Within(quads int) *Logic {
	l := New()
	l.store = store.NewMemoryWithin(quads)
	return l
}
