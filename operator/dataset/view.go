package dataset

import "github.com/quadrille-stream/quadrille/operator"

var _ operator.Viewer = (*Logic)(nil)

// Len is the number of quads.
func (l *Logic) Len() int { return l.Store().Len() }

// View pins the quads as they are now; it is a [store.View].
func (l *Logic) View() operator.View { return l.Store().View() }
