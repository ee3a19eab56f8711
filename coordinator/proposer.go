package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// Action is what a [Proposer] wants to be done next.
type Action uint8

const (
	// ReadNewest: read the tail of the control log, and answer with Newest.
	ReadNewest Action = iota
	// AppendNext: append Payload behind Expect, and answer with Appended.
	AppendNext
	// ReadBehind: read the entry that follows Expect, and answer with Behind.
	ReadBehind
	// Finished: nothing; Result tells what has come of it.
	Finished
)

// Step is what a [Proposer] wants to be done next.
type Step struct {
	// Action says what.
	Action Action
	// Pause comes before it; 0: none.
	Pause time.Duration
	// Expect is the position of the tail behind which the record is to stand. Of AppendNext and ReadBehind.
	Expect uint64
	// Payload is the record, which must not be changed. Of AppendNext.
	Payload []byte
}

// ProposerConfig configures a [Proposer].
type ProposerConfig struct {
	// CoordID names the pipeline, as [Config].CoordID does.
	CoordID string
	// ID is unlike that of any other proposal: by it the proposer knows its own record.
	ID string
	// Compute makes the next state of the newest one; when it returns the state that it was given there is nothing to do.
	// It is called again on a newer state when somebody else was first.
	Compute func(*State) (*State, error)
	// Marks are those that the proposer knows, as [Config].Marks; nil: none.
	Marks func(shard int) engine.Mark
}

// Proposer is one try to change the committed state, as a pure state machine: it says what to do next, and is told what
// came of it. It does no I/O and knows no time. It is used by one goroutine.
//
// This is what comes of each answer at each step: the newest state is to be read, the next one to be appended, appended once
// more since the outcome is unknown, the entry behind the expected tail to be read, or it is finished. A cell has the next step,
// "later" where it comes after a pause, and what Result tells. "-" is no answer to the step, and must not be given.
//
//	input                    read                 append               again                behind               finished
//	Newest                   append               -                    -                    -                    -
//	Newest: nothing to do    finished: unchanged  -                    -                    -                    -
//	Newest: no next state    finished: error      -                    -                    -                    -
//	Retry: it can't be read  read later           -                    -                    behind later         -
//	Appended                 -                    finished: committed  finished: committed  -                    -
//	Appended: unknown        -                    again later          again later          -                    -
//	Appended: conflict       -                    read later           behind               -                    -
//	Appended: another error  -                    finished: error      finished: unknown    -                    -
//	Behind: this proposal    -                    -                    -                    finished: committed  -
//	Behind: another          -                    -                    -                    read later           -
//	Behind: nothing          -                    -                    -                    again later          -
//
// A conflict with an outcome unknown may have been with this proposal, one without is with another's.
// While the outcome is unknown the same bytes are appended at the same place again: whichever copy arrives first decides,
// and the entry behind the expected tail tells whose it was.
type Proposer struct {
	cfg        ProposerConfig
	step       Step
	tries      int
	base, next *State
	doubt      error // why it isn't known whether the record is in the log; nil: it isn't
	at         uint64
	err        error
}

// NewProposer returns a proposer whose first step is to read the newest state.
func NewProposer(cfg ProposerConfig) *Proposer { return &Proposer{cfg: cfg} }

// Step is what to do next.
func (p *Proposer) Step() Step { return p.step }

// Newest takes in the newest state, which the record at position tail holds; 0: there is none yet.
func (p *Proposer) Newest(base *State, tail uint64) {
	next, err := p.cfg.Compute(base)
	if err != nil || next == base {
		p.base, p.next = base, base
		p.finish(0, err)
		return
	}
	if p.cfg.Marks != nil {
		next = next.Raise(p.cfg.Marks)
	}
	next.Proposal = p.cfg.ID
	p.base, p.next, p.doubt = base, next, nil
	payload, err := AppendRecord(nil, p.cfg.CoordID, base, next)
	if err != nil {
		p.finish(0, err)
		return
	}
	p.step = Step{Action: AppendNext, Expect: tail, Payload: payload}
}

// Appended takes in what came of the append: the position of the record, or the engine's error.
func (p *Proposer) Appended(at uint64, err error) {
	switch {
	case err == nil:
		p.finish(at, nil)
	case errors.Is(err, engine.ErrUnknown):
		p.doubt = err
		p.again(AppendNext)
	case errors.Is(err, engine.ErrConflict) && p.doubt != nil:
		p.step.Action, p.step.Pause = ReadBehind, 0
	case errors.Is(err, engine.ErrConflict):
		p.again(ReadNewest)
	default:
		p.finish(0, p.Abandoned(fmt.Errorf("append to the control log: %w", err)))
	}
}

// Behind takes in the entry that follows the expected tail; the zero Entry: there is none.
func (p *Proposer) Behind(first engine.Entry) {
	switch {
	case string(first.Payload) == string(p.step.Payload): // it holds the proposal's ID
		p.finish(first.Seq, nil)
	case first.Seq > 0:
		p.doubt = nil
		p.again(ReadNewest)
	default:
		p.again(AppendNext)
	}
}

// Retry takes in that what was to be read could not be.
func (p *Proposer) Retry() { p.again(p.step.Action) }

// Abandoned is the error of a proposal that ends before it is finished, because of cause: [ErrOutcomeUnknown] if it may
// have been committed, or may be yet.
func (p *Proposer) Abandoned(cause error) error {
	if p.doubt != nil {
		return fmt.Errorf("%w: %w; %w", ErrOutcomeUnknown, cause, p.doubt)
	}
	return cause
}

// Result is what has come of a finished proposal: the state that is committed now, at a position, and the one before it.
// They are the same, and the position 0, if there was nothing to do.
func (p *Proposer) Result() (at uint64, before, after *State, err error) {
	return p.at, p.base, p.next, p.err
}

// again makes a step that was in vain the next one, later each time.
func (p *Proposer) again(action Action) {
	p.tries++
	p.step.Action, p.step.Pause = action, retryPause(p.tries)
}

func (p *Proposer) finish(at uint64, err error) {
	p.step = Step{Action: Finished}
	p.at, p.err = at, err
}

// retryPause is the pause before a repeated try, longer each time.
func retryPause(tries int) time.Duration {
	return min(time.Millisecond<<min(tries, 10), maxRetryPause)
}

// maxRetryPause bounds the pause before a repeated try.
const maxRetryPause = 250 * time.Millisecond
