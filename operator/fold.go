package operator

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/event"
)

// Fold returns the simplest [Logic] of one's own: decide says what an event puts into the log, and apply folds what is
// committed into the state. decide must not change the state, and sees it without the events that are being committed
// with this one; a logic that must see those, or that takes snapshots, implements [Logic] itself.
//
// decide appends to dst and returns it; appending nothing says that the event changes nothing, an error that it is bad,
// and so is one that appends more than Config.MaxBody.
// apply gets whole groups of what decide appended, in order, each once, for the owner and for who follows it alike; its
// error says that the log is damaged, and halts the shard. Each counts as one addition. Both are called by one goroutine at a time.
func Fold(decide func(ev *event.Event, dst []byte) ([]byte, error), apply func(body []byte) error) Logic {
	return &fold{decide: decide, apply: apply}
}

type fold struct {
	decide  func(*event.Event, []byte) ([]byte, error)
	apply   func([]byte) error
	pending []byte
}

func (f *fold) Evaluate(ev *event.Event, e Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	body, err := f.decide(ev, dst)
	if err != nil || len(body) == len(dst) {
		return dst, 0, 0, err
	}
	if n := len(body) - len(dst); e.MaxBody > 0 && n > e.MaxBody {
		return dst, 0, 0, fmt.Errorf("it puts %d bytes into the log, at most %d are allowed", n, e.MaxBody)
	}
	f.pending = append(f.pending, body[len(dst):]...)
	return body, 1, 0, nil
}

// Commit applies what decide has returned. Whoever replays it finds the error, too.
func (f *fold) Commit(uint64) error {
	err := f.apply(f.pending)
	f.Rollback()
	return err
}

func (f *fold) Rollback() { f.pending = f.pending[:0] }

func (f *fold) Apply(_ uint64, body []byte) error { return f.apply(body) }
