package event

import "errors"

// Errors of what becomes of events, as their senders see them. Test with errors.Is.
//
// ErrNoOwner, ErrBusy and ErrStopped, and an engine without room or leader, leave open whether the events are committed, now
// or later: send the same again, with the same identity. ErrHalted does so, too, but sending again is of no use before
// somebody has seen to the shard.
var (
	// ErrNoOwner: a shard had no owner that answered within the bounded wait.
	ErrNoOwner = errors.New("shard has no owner that answers")
	// ErrBusy: a queue is full, at the door or at the owner, or the owner is not ready.
	ErrBusy = errors.New("shard is busy")
	// ErrHalted: the owner has stopped the shard: its log is damaged, or its store is full.
	ErrHalted = errors.New("shard is halted")
	// ErrStopped: the node has stopped, or is about to. Another may do.
	ErrStopped = errors.New("node is stopped")
	// ErrTooLarge: the document, a transaction in it, or what becomes of it on its way to the log is over a limit.
	ErrTooLarge = errors.New("too large")
	// ErrReused: the once-only identity came before with another content. It is noticed in the shards that both have in
	// common.
	ErrReused = errors.New("idempotency key was used for another body")
	// ErrBad: the owner could not evaluate the event; it is in the dead-letter log.
	ErrBad = errors.New("event can't be evaluated")
	// ErrKey: an idempotency key, or the name of a producer, is too long, or no UTF-8.
	ErrKey = errors.New("idempotency key is not usable")
	// ErrMediaType: the media type is none of those that the door reads.
	ErrMediaType = errors.New("media type is not supported")
	// ErrNotLocal: the update can't be carried out by shards that know nothing of each other.
	ErrNotLocal = errors.New("update is not local to one shard")
	// ErrPrev: the document says what it builds on, but the pipeline's key puts it in several shards.
	ErrPrev = errors.New(`header "prev" needs a pipeline with key: dataset`)
)
