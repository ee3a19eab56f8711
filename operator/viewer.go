package operator

import "context"

// View is a logic's state at one position, which doesn't change while the logic goes on. It may be used by one goroutine at
// a time, for as long as it likes.
type View interface {
	// Position is that of the last delta in the state.
	Position() uint64
	// Len is the number of entries, whatever they are.
	Len() int
	// Close releases the view.
	Close()
}

// Viewer is a [Logic] whose state can be looked at. Its methods may be called by any goroutine at any time, and show what
// is committed.
type Viewer interface {
	Logic
	// Len is the number of entries of the state, whatever they are.
	Len() int
	// View pins the state as it is now. The caller closes it. It is nil for a [Durable] that is closed: its shard is being dropped, or
	// its process ends, and the state is elsewhere.
	View() View
	// Indexing returns what makes an index, by which views that are opened later find entries without a look at all of them, and which
	// is kept up from then on; nil if there is one, or none is needed. What it returns may be called by any goroutine, while the
	// shard goes on, and takes as long as the state is large; its only error is that of the context.
	Indexing() func(context.Context) error
}
