// Package core is what the running of connectors decides, without goroutines, clocks or I/O: package pipeline drives it beside a
// node, and the simulation in virtual time.
//
// [Tasks] says what runs for which shard while this node owns it. [Passage] brings the messages of a source's connection through
// the door: what is sent, what is sent again, what becomes a dead letter, how far the source has come, and what is acked when.
// [Writing] takes the records of a shard to a sink's connection: what is written together, and what again. [Backoff] is the pause
// after an error. Each has a table of its states and inputs; [Passage] and [Writing] say by Step what is to be done next.
package core

// Action is what a machine wants done next. Behind each stand the inputs that tell what came of it.
type Action int

// The actions.
const (
	// Await messages: [Passage.Take], [Passage.Idle] when none came for a while, [Passage.End] when no more will come; or records:
	// [Writing.Add].
	Await Action = iota
	// Send events through the door: [Passage.Sent].
	Send
	// Write records to the target: [Writing.Wrote].
	Write
	// Pause: [Passage.Paused], [Writing.Paused].
	Pause
	// Ack messages: [Passage.Acked].
	Ack
	// Over: close the connection.
	Over
)
