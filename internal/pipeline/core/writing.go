package core

import (
	"errors"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// recordSize is about what a record takes besides its text.
const recordSize = 256

// Writing takes the records of a shard to one connection of a sink: it collects those that come while the ones before them are
// being written. It is used by one goroutine at a time.
//
// This is what comes of each input in each state: records are awaited; some are being written; they are to be written again after
// a pause; the connection is to be closed. "." is nothing, "-" can't be.
//
//	input                                  awaiting  writing   pausing  over
//	Add                                    writing   .         .        .
//	Wrote                                  -         awaiting  -        -
//	Wrote, and others wait                 -         .         -        -
//	Wrote: try again                       -         pausing   -        -
//	Wrote: try again, but all are written  -         awaiting  -        -
//	Wrote: an error                        -         over      -        -
//	Paused                                 -         -         writing  -
//	Stop                                   over      over      over     .
type Writing struct {
	max     int // bytes
	backoff Backoff
	waiting []connector.Record
	size    int
	step    WritingStep
}

// WritingStep is what a [Writing] wants done next.
type WritingStep struct {
	// Action is Await, Write, Pause or Over.
	Action Action
	// Records are those to be written, at least one.
	Records []connector.Record
	// Pause is how long to wait.
	Pause time.Duration
	// Err is why to wait, or why it is over.
	Err error
}

// NewWriting returns that of a new connection; limit bounds the bytes of the records that wait.
func NewWriting(limit int, backoff Backoff) *Writing {
	return &Writing{max: limit, backoff: backoff}
}

// Step is what is to be done next. It is the same until the next input.
func (w *Writing) Step() WritingStep { return w.step }

// Fits reports whether there is room for a record. One that is larger than all that may wait goes alone.
func (w *Writing) Fits(r connector.Record) bool {
	return len(w.waiting) == 0 || w.size+sizeOf(r) <= w.max
}

func sizeOf(r connector.Record) int { return recordSize + len(r.Body) }

// Add takes in the next record of the shard, which fits.
func (w *Writing) Add(r connector.Record) {
	w.waiting, w.size = append(w.waiting, r), w.size+sizeOf(r)
	if w.step.Action == Await {
		w.next()
	}
}

// next writes all that waits.
func (w *Writing) next() {
	w.step = WritingStep{}
	if len(w.waiting) > 0 {
		w.step = WritingStep{Action: Write, Records: w.waiting}
	}
	w.waiting, w.size = nil, 0
}

// Wrote takes in what came of a write, and the position up to which the target has all for certain.
func (w *Writing) Wrote(at uint64, err error) {
	switch {
	case err == nil:
		w.backoff.Reset()
		w.next()
	case errors.Is(err, connector.ErrRetry):
		w.again(at, err)
	default:
		w.step = WritingStep{Action: Over, Err: err}
	}
}

// again writes after a pause what is not written yet.
func (w *Writing) again(at uint64, err error) {
	left := slices.DeleteFunc(slices.Clone(w.step.Records), func(r connector.Record) bool { return r.Position <= at })
	if len(left) == 0 {
		w.next()
		return
	}
	w.step = WritingStep{Action: Pause, Records: left, Pause: w.backoff.After(err), Err: err}
}

// Paused says that the pause is over.
func (w *Writing) Paused() { w.step = WritingStep{Action: Write, Records: w.step.Records} }

// Stop says that nobody writes any more, because of err.
func (w *Writing) Stop(err error) { w.step = WritingStep{Action: Over, Err: err} }
