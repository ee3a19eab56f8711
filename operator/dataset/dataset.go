// Package dataset is the operator's logic for RDF: the state of a shard is a set of quads, an event is an RDF Patch,
// and what goes to the log is the exact delta.
package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// MediaType is the media type of the events that a [Logic] evaluates: RDF Patch in text form.
const MediaType = "application/rdf-patch"

// Logic evaluates RDF Patch events on a memory store. Its methods are those of [operator.Logic] and
// [operator.Snapshotter]; [Logic.Store], [Logic.View] and [Logic.Len] may be used by anybody at any time.
type Logic struct {
	store store.Store
	tx    store.Tx
}

var (
	_ operator.Logic       = (*Logic)(nil)
	_ operator.Snapshotter = (*Logic)(nil)
)

// New returns a logic with an empty store.
func New() *Logic { return &Logic{store: memory.New()} }

// Store returns the shard's quads.
func (l *Logic) Store() store.Store { return l.store }

func (l *Logic) begin() store.Tx {
	if l.tx == nil {
		l.tx = l.store.Begin()
	}
	return l.tx
}

// Evaluate writes the rows of the event that change something to dst, each transaction that has any between TX and TC. A
// bad event leaves no trace. A step is a row of the event.
func (l *Logic) Evaluate(ev *event.Event, within operator.Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	if ev.MediaType != MediaType {
		return dst, 0, 0, fmt.Errorf("media type %q: this shard evaluates %s", ev.MediaType, MediaType)
	}
	e := newEvaluation(l.begin(), within, dst)
	before := e.tx.Savepoint()
	var how []patch.Option
	if ev.Checked {
		how = append(how, patch.Trusted())
	}
	if err := patch.Parse(ev.Payload, e, how...); err != nil {
		if undo := e.tx.RollbackTo(before); undo != nil {
			err = failed(undo)
		}
		return dst, 0, 0, err
	}
	return e.dst, e.adds, e.deletes, nil
}

// failed says what an error of the store means for the shard. The event or the log is not to blame.
func failed(err error) error {
	if errors.Is(err, store.ErrFull) {
		return fmt.Errorf("%w: %w", operator.ErrFull, err)
	}
	return fmt.Errorf("%w: %w", operator.ErrState, err)
}

// Commit makes what was evaluated visible.
func (l *Logic) Commit(position uint64) error {
	err := l.begin().Commit(position, nil)
	l.tx = nil
	if err != nil {
		return failed(err)
	}
	return nil
}

// Rollback forgets what was evaluated.
func (l *Logic) Rollback() {
	if l.tx != nil {
		l.tx.Rollback()
		l.tx = nil
	}
}

// Apply replays a delta. Each of its rows must be a real change, else the log doesn't belong to this state.
func (l *Logic) Apply(position uint64, body []byte) error {
	tx := l.begin()
	if err := patch.Parse(body, &replay{tx: tx}, patch.Trusted()); err != nil { // a logic has written it, as its record's id says
		l.Rollback()
		return err
	}
	return l.Commit(position)
}

// Snapshot pins the store and returns the function that writes it.
func (l *Logic) Snapshot(extra func(io.Writer) error) func(io.Writer) error {
	view := l.store.View()
	return func(w io.Writer) error {
		defer view.Close()
		return store.WriteSnapshot(w, view, extra)
	}
}

// Restore fills a fresh logic with a snapshot's quads.
func (l *Logic) Restore(r io.Reader, extra func(io.Reader) error) error {
	m, err := memory.ReadSnapshot(r, extra)
	if err != nil {
		return err
	}
	l.store = m
	return nil
}

var (
	beginRow  = []byte("TX .\n")
	commitRow = []byte("TC .\n")
)

// evaluation tries rows on a transaction and writes those that change something.
type evaluation struct {
	patch.Ignore
	tx            store.Tx
	dst           []byte
	begun         int // len(dst) before TX
	adds, deletes uint64
	// left is how many steps there may still be, of maxSteps, and most how long dst may get, by maxBody.
	left, most        int
	maxSteps, maxBody int
}

func newEvaluation(tx store.Tx, within operator.Evaluation, dst []byte) *evaluation {
	e := &evaluation{tx: tx, dst: dst, left: math.MaxInt, most: math.MaxInt, maxSteps: within.MaxSteps, maxBody: within.MaxBody}
	if e.maxSteps > 0 {
		e.left = e.maxSteps
	}
	if e.maxBody > 0 {
		e.most = len(dst) + e.maxBody
	}
	return e
}

// step counts a row, before it is tried, of which there may be too many.
func (e *evaluation) step() error {
	if e.left--; e.left < 0 {
		return fmt.Errorf("it takes more than %d steps; split it into smaller ones", e.maxSteps)
	}
	return nil
}

// bound fails when more was written than is allowed.
func (e *evaluation) bound() error {
	if len(e.dst) > e.most {
		return fmt.Errorf("it changes more than %d bytes hold; split it into smaller ones", e.maxBody)
	}
	return nil
}

func (e *evaluation) Begin() error {
	e.begun = len(e.dst)
	e.dst = append(e.dst, beginRow...)
	return nil
}

func (e *evaluation) Commit() error {
	if len(e.dst) == e.begun+len(beginRow) {
		e.dst = e.dst[:e.begun]
		return nil
	}
	e.dst = append(e.dst, commitRow...)
	return e.bound()
}

// Abort can't come: the door takes aborted transactions out.
func (e *evaluation) Abort() error {
	return errors.New("an event holds an aborted transaction; the door leaves those out")
}

func (e *evaluation) Add(q rdf.Quad) error {
	if err := e.step(); err != nil {
		return err
	}
	changed, err := e.tx.Add(q)
	if err != nil {
		return failed(err)
	}
	if changed {
		e.dst = patch.AppendAdd(e.dst, q)
		e.adds++
	}
	return e.bound()
}

func (e *evaluation) Delete(q rdf.Quad) error {
	if err := e.step(); err != nil {
		return err
	}
	changed, err := e.tx.Delete(q)
	if err != nil {
		return failed(err)
	}
	if changed {
		e.dst = patch.AppendDelete(e.dst, q)
		e.deletes++
	}
	return e.bound()
}

// replay applies the rows of a delta, each of which must be a change.
type replay struct {
	patch.Ignore
	tx store.Tx
}

func (r *replay) Add(q rdf.Quad) error {
	changed, err := r.tx.Add(q)
	if err != nil {
		return failed(err)
	}
	if !changed {
		return fmt.Errorf("the delta adds what is there: %s", patch.AppendAdd(nil, q))
	}
	return nil
}

func (r *replay) Delete(q rdf.Quad) error {
	changed, err := r.tx.Delete(q)
	if err != nil {
		return failed(err)
	}
	if !changed {
		return fmt.Errorf("the delta deletes what is not there: %s", patch.AppendDelete(nil, q))
	}
	return nil
}
