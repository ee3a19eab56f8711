package operator

import (
	"errors"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

const (
	// maxBackoff bounds the time between attempts, which doubles while the engine has no room.
	maxBackoff = time.Second
	// lasting is how old trouble is before senders are told: most is over sooner, and they need not know.
	lasting = time.Second
	// tellEvery is the time after which a sender that asks again is told again.
	tellEvery = time.Second
	// maxStrange bounds the appends, in a row, whose error is none of the engine's contract: about two minutes.
	maxStrange = 120
)

// trouble is why what the operator asks of the engine fails, since the last time that it succeeded.
type trouble struct {
	err     error // the last; nil: there is none
	since   time.Time
	backoff time.Duration // 0: that of the Config
	strange int           // errors in a row that no contract names
}

// Trouble returns why the last append or read has failed, and since when all have; nil when the last has succeeded. It
// is there for a moment with each append that is refused or unanswered: what has lasted for a second is worth telling.
// The error wraps that of the engine, such as [engine.ErrNoRoom] or [engine.ErrNoLeader].
func (o *Operator) Trouble() (since time.Time, err error) { return o.trouble.since, o.trouble.err }

func (o *Operator) failed(err error) {
	if o.trouble.err == nil {
		o.trouble.since = o.now
	}
	o.trouble.err = err
}

// progress ends the trouble, unless it is that of an append that is still to be made.
func (o *Operator) progress() {
	o.trimmed = false
	if o.inflight == nil {
		o.trouble = trouble{}
	}
}

// backoff is the time until the next attempt.
func (o *Operator) backoff() time.Duration { return max(o.trouble.backoff, o.cfg.Backoff) }

// slower doubles that time, up to its bound.
func (o *Operator) slower() { o.trouble.backoff = min(2*o.backoff(), maxBackoff) }

// appendFailed decides what an append's error means. The tail of the log decides what became of an append that may have
// taken effect; one that can't ever is not made again.
func (o *Operator) appendFailed(err error) {
	o.failed(err)
	switch {
	case errors.Is(err, engine.ErrDamaged):
		o.halt(fmt.Errorf("shard %d: append after %d: %w", o.cfg.Shard, o.chain.Seq, err))
		return
	case errors.Is(err, engine.ErrTooLarge):
		o.stats.Refused++
		o.tooLarge(err)
		return
	case errors.Is(err, engine.ErrConflict), errors.Is(err, engine.ErrTrimmed):
		o.stats.Refused++ // somebody has written, or perhaps not
	case errors.Is(err, engine.ErrNoRoom):
		o.stats.Unknown++
		o.slower()
	case errors.Is(err, engine.ErrNoLeader), errors.Is(err, engine.ErrUnknown):
		o.stats.Unknown++
	default:
		// Nobody has promised anything of such an error, so the outcome is unknown. But an engine that goes on like that
		// is not the one that the operator knows.
		o.stats.Unknown++
		o.slower()
		if o.trouble.strange++; o.trouble.strange >= maxStrange {
			o.halt(fmt.Errorf("shard %d: %d appends failed with an error that the engine should not give: %w",
				o.cfg.Shard, o.trouble.strange, err))
			return
		}
	}
	o.read()
}

// readFailed decides what a read's error means.
func (o *Operator) readFailed(err error) {
	o.failed(err)
	switch {
	case errors.Is(err, engine.ErrDamaged):
		o.halt(fmt.Errorf("shard %d: read after %d: %w", o.cfg.Shard, o.chain.Seq, err))
	case errors.Is(err, engine.ErrTrimmed):
		o.behindTrim(err)
	default:
		// [engine.ErrNoLeader], a lost connection, a time-out: an engine that can't be reached has many errors. What can't
		// be read now may be read later, and nothing that was read is in doubt. [Operator.Trouble] tells.
		o.retryAt = o.now.Add(o.backoff())
	}
}

// behindTrim reads again from the newest snapshot, behind which the log was trimmed. If the log is trimmed beyond that, too,
// something is lost.
func (o *Operator) behindTrim(err error) {
	if o.trimmed {
		o.halt(fmt.Errorf("shard %d: no snapshot reaches as far as the log begins: %w", o.cfg.Shard, err))
		return
	}
	o.trimmed = true
	o.again()
}

// tooLarge makes smaller records of what is under way. What can't be made smaller is answered: it will never be in the
// log. The node fits MaxRecord to the engine's limit, so that this is the last resort.
func (o *Operator) tooLarge(err error) {
	f := o.inflight
	refused := len(f.payloads[f.next])
	claim := f.records[f.next].Kind == Claim
	if !claim {
		o.cfg.MaxRecord = max(min(o.cfg.MaxRecord, refused/2), 1)
		o.recut(f)
	}
	switch {
	case f.largest() < refused:
		o.sendAppend()
	case claim || f.next > 0: // parts that are in the log must be followed by the others
		o.halt(fmt.Errorf("shard %d: a record of %d bytes can't be made smaller: %w", o.cfg.Shard, refused, err))
	case len(f.answers) > 1: // some of them may do alone
		o.alone = true
		o.abandon()
		o.work()
	default:
		o.giveUp(f, fmt.Sprintf("it is not committed: its record would have %d bytes, which the engine doesn't accept",
			refused))
	}
}

// giveUp answers the events of an append that can't be made; none of it is in the log.
func (o *Operator) giveUp(f *inflight, reason string) {
	o.inflight, o.alone = nil, false
	o.logic.Rollback()
	for i := range f.answers {
		if a := &f.answers[i]; a.Status == event.Committed || a.Status == event.Bad && a.Position == 0 {
			*a = event.Ack{Status: event.TooLarge, Reason: reason}
		}
	}
	o.answer(f.answers)
	o.progress()
	o.work()
}

// tell answers a batch that waits and whose sender asks again, so that it knows why: at once where the engine has named the
// cause, else when it has lasted. The batch stays in the queue; its events have identities, so that the sender may send
// them again, here or elsewhere.
func (o *Operator) tell(w *waiting) {
	status, reason := o.trouble.status(), o.reason()
	if status != event.Busy {
		reason = clip(o.trouble.err.Error(), maxReason)
	}
	if reason == "" || !w.told.IsZero() && o.now.Sub(w.told) < tellEvery {
		return
	}
	w.told = o.now
	o.stats.BusyAcked++
	o.answerWhole(w.Batch, event.Ack{Status: status, Reason: reason})
}

// status is the cause in the words of senders.
func (t *trouble) status() event.Status {
	switch {
	case errors.Is(t.err, engine.ErrNoRoom):
		return event.NoRoom
	case errors.Is(t.err, engine.ErrNoLeader):
		return event.NoLeader
	}
	return event.Busy
}

// reason says why the shard can't commit; empty when that is not known to last.
func (o *Operator) reason() string {
	since, err := o.Trouble()
	if err == nil || o.now.Sub(since) < lasting {
		return ""
	}
	text := fmt.Sprintf("the owner can't commit since %s: %v", since.UTC().Format(time.RFC3339), err)
	return clip(text, maxReason)
}
