// Package store keeps the quads of one shard.
package store

import (
	"errors"

	"github.com/quadrille-stream/quadrille/rdf"
)

// ErrFull: the store can't hold another quad or term. [Tx.Err] and [Tx.Commit] wrap it, and [ReadSnapshot].
var ErrFull = errors.New("store is full")

// Store is a set of quads with a log position. One goroutine writes, through one [Tx] at a time; any number of
// goroutines may read through [Store.View] meanwhile.
type Store interface {
	// Begin starts the transaction. At most one is open at a time.
	Begin() Tx
	// View pins the committed content as it is now. The caller must Close it.
	View() View
	// Len is the number of committed quads.
	Len() int
	// Position is the position of the last commit.
	Position() uint64
}

// Tx collects changes that nobody else sees until Commit. Add and Delete see the store together with the changes of
// this transaction. Used by one goroutine.
//
// A change that finds no room fails the transaction: it has no effect, Err says why, Add and Delete do nothing more, and
// all that is left is to roll back. Whoever answers for a change asks Err after it.
type Tx interface {
	// Add puts the quad in and reports whether that is a change. Its terms are copied if kept. False can also say that
	// there is no room: see Err.
	Add(q rdf.Quad) bool
	// Delete takes the quad out and reports whether that is a change.
	Delete(q rdf.Quad) bool
	// Err returns nil, or why the transaction has failed; it wraps [ErrFull].
	Err() error
	// Savepoint names the changes made so far, for RollbackTo.
	Savepoint() Savepoint
	// RollbackTo drops the changes made since the savepoint, which must be one of this transaction; those before it stay,
	// and the transaction goes on, also if it has failed since. Savepoints after it are no longer of use.
	RollbackTo(s Savepoint)
	// Commit makes the changes visible, in one step with the new position, and ends the transaction. A transaction that
	// has failed is rolled back, and its Err returned.
	Commit(position uint64) error
	// Rollback drops the changes and ends the transaction.
	Rollback()
}

// Savepoint is a place in a transaction. Only the transaction that gave it out understands it.
type Savepoint int

// View is a consistent, immutable view. It may be used by one goroutine at a time, for as long as it likes.
type View interface {
	// Position is the log position of the view.
	Position() uint64
	// Len is the number of quads.
	Len() int
	// Quads calls fn for each quad, in no particular order, until fn returns false.
	Quads(fn func(rdf.Quad) bool)
	// Close releases the view.
	Close()
}
