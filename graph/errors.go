package graph

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// ConflictError says that the patch's "prev" is not the head of its dataset. Nothing of the patch is applied. An empty
// "prev" asks for a dataset to which nothing was ever committed: one that was emptied again has a head.
type ConflictError struct {
	// Head is the id of the newest delta, empty if there is none.
	Head string
}

// Error tells the head, with which the sender can try again.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("prev is not the head of the dataset; the head is %q", e.Head)
}

// NotLocalError says why no shard can carry an update out alone, where that stands in its text, and what would do. It is an
// [event.ErrNotLocal]. Nothing of the update is applied.
type NotLocalError struct {
	*eval.NotLocalError
	// Elsewhere: it asks for what is elsewhere, by LOAD or SERVICE. Of any other [Graph.Try] tells the delta.
	Elsewhere bool
}

// Is reports whether target is [event.ErrNotLocal].
func (e *NotLocalError) Is(target error) bool { return target == event.ErrNotLocal }

// PartialError says that some shards of a submission have committed and others have not. Send the same again, with
// the same idempotency key: what is committed has no second effect.
type PartialError struct {
	// Done holds the results of the shards that have committed.
	Done []Result
	// Err is the error of the first shard, by number, that has not.
	Err error
}

// Error tells how many shards have committed, and why the first that has not did not.
func (e *PartialError) Error() string {
	shards := "shards"
	if len(e.Done) == 1 {
		shards = "shard"
	}
	return fmt.Sprintf("%d %s committed, then: %v", len(e.Done), shards, e.Err)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// MissingError says that an answer is without some shards, whose logs are damaged, or have no majority of their servers.
type MissingError struct {
	// Shards are the numbers, in order, and Errs the reasons.
	Shards []int
	Errs   []error
}

// Error names the shards.
func (e *MissingError) Error() string {
	return fmt.Sprintf("shards %v are missing: %v", e.Shards, errors.Join(e.Errs...))
}

// Unwrap returns the reasons.
func (e *MissingError) Unwrap() []error { return e.Errs }

// add notes err if it is of a kind that concerns its shard alone, and reports whether it is.
func (e *MissingError) add(s int, err error) bool {
	if !errors.Is(err, engine.ErrDamaged) && !errors.Is(err, engine.ErrTrimmed) && !errors.Is(err, operator.ErrNewer) &&
		!errors.Is(err, engine.ErrNoLeader) {
		return false
	}
	e.Shards, e.Errs = append(e.Shards, s), append(e.Errs, fmt.Errorf("shard %d: %w", s, err))
	return true
}
