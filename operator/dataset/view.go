package dataset

import (
	"context"

	"github.com/quadrille-stream/quadrille/operator"
)

var _ operator.Viewer = (*Logic)(nil)

// Len is the number of quads.
func (l *Logic) Len() int { return l.Store().Len() }

// View pins the quads as they are now; it is a [store.View].
func (l *Logic) View() operator.View { return l.Store().View() }

// Indexing implements [operator.Viewer]: a store in memory gets an index ([memory.Store.Index]) when somebody asks it.
func (l *Logic) Indexing() func(context.Context) error {
	m := l.state.Load().memory
	if m == nil || m.Indexed() {
		return nil
	}
	return m.Index
}
