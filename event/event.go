// Package event has the words that sources, nodes and operators share: what an event is, who sent it, and what its owner
// answers. It is pure data, and imports nothing of this module.
package event

import "strings"

// MaxText bounds each text of an event and of an answer in bytes: names, keys, media types, reasons.
const MaxText = 64 << 10

// Event is one unit of work for one shard: what a source handed over, or the part of it that falls in the shard. Which
// shard that is says the [Batch] that holds it, or [Addressed] before it is in one: the events of a batch can't differ
// in that. An Event is immutable once it is shipped.
type Event struct {
	// Epoch is the epoch of the assignment by which the sender found the owner.
	Epoch uint64
	// Key is the routing key, for people and for operators that need it. It may be empty when the event holds changes
	// of many keys of one shard.
	Key string
	// Producer and Seq are the identity of the event (DESIGN, G4). Seq grows per producer and shard; that of a [Once]
	// producer is a fingerprint of its one event. The zero Producer has no identity: at least once.
	Producer Producer
	Seq      uint64
	// MediaType says what Payload is.
	MediaType string
	// Payload is the content. Nobody changes it.
	Payload []byte
	// Checked: who made the event has read its content, and Payload is what he wrote of it in the canonical form of its media
	// type. So its owner finds the parts of Payload by what stands between them, and looks inside none. It is false unless
	// that is certain.
	Checked bool
	// Prev, if not empty, is the record id that must be the head of the shard for the event to be accepted. First asks
	// for a shard without a head, in which nothing was ever committed; Prev is then empty.
	Prev  string
	First bool
}

// Guarded reports whether the event is accepted at one head of its shard only.
func (e *Event) Guarded() bool { return e.First || e.Prev != "" }

// rejected is before the media type of an event that is no work but a dead letter.
const rejected = "rejected/"

// Reject makes the event a dead letter: its owner doesn't evaluate it, but keeps it with the reason, beside its identity. What a
// source can't make sense of is so out of the way of what follows it, and not lost.
func (e *Event) Reject(reason string) {
	e.MediaType, e.Key = rejected+e.MediaType, reason
}

// Rejected returns the reason of an event that was rejected, and what its payload is.
func (e *Event) Rejected() (reason, mediaType string, yes bool) {
	mediaType, yes = strings.CutPrefix(e.MediaType, rejected)
	return e.Key, mediaType, yes
}

// Addressed is an event on its way to a batch.
type Addressed struct {
	// Shard is the shard that the event's key falls in.
	Shard int
	// Event is the event.
	Event
}

// Status is the owner's answer to an event.
type Status uint8

// The answers of an owner.
const (
	// Committed: the event's changes are in the log.
	Committed Status = iota + 1
	// Duplicate: they were there before; the event had no second effect.
	Duplicate
	// NotOwner: this node does not own the shard; Ack.Epoch is the newest assignment epoch it knows.
	NotOwner
	// Busy: the owner's queue is full, or it is not ready; send again later.
	Busy
	// Bad: the event can't be evaluated; it is in the dead-letter log at Ack.Position. Sending again doesn't help.
	Bad
	// Conflict: Event.Prev is not the head, or there is one though Event.First asks for none; Ack.Head is it.
	Conflict
	// Reused: the once-only producer name was used before for another event.
	Reused
	// Halted: the owner has stopped the shard for good (damage, a full store). Sending again doesn't help; the outcome of
	// what was under way is open.
	Halted
	// TooLarge: the event is over a limit that can't be passed, which Ack.Reason names: it can't be carried, or its record
	// not be logged. Sending again doesn't help. The sender's own outbox says so of what can't be sent.
	TooLarge
	// NoRoom: the engine of the owner has no room left; the owner goes on when there is. Send again later.
	NoRoom
	// NoLeader: nobody leads the shard's log; the owner goes on when somebody does. Send again later.
	NoLeader
)

// Refusal reports whether one ack with the status answers a whole batch that was not taken, to be sent again later.
func (s Status) Refusal() bool { return s == NotOwner || s == Busy || s == NoRoom || s == NoLeader }

// Final reports whether the status says what became of an event, or that sending it again doesn't help.
func (s Status) Final() bool { return s >= Committed && s <= TooLarge && !s.Refusal() }

// Ack answers one event.
type Ack struct {
	// Status is the answer; the zero Status is no answer yet.
	Status Status
	// Epoch is set with NotOwner.
	Epoch uint64
	// Position is the log position of the record that holds the event, with Committed, Bad and, where still known,
	// Duplicate (else 0).
	Position uint64
	// Adds and Deletes count the real changes (Committed; Duplicate where still known).
	Adds, Deletes uint64
	// Head is the id of the shard's last record, with Committed and Conflict.
	Head string
	// Reason is set with Bad, Busy, Halted, TooLarge, NoRoom and NoLeader: what the owner knows, for people.
	Reason string
}
