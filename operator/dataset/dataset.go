// Package dataset is the operator's logic for RDF: the state of a shard is a set of quads, an event is an RDF Patch,
// and what goes to the log is the exact delta.
package dataset

import (
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// MediaType is the media type of the events that a [Logic] evaluates: RDF Patch in text form.
const MediaType = "application/rdf-patch"

// Logic evaluates RDF Patch events on a memory store. Its methods are those of [operator.Logic] and
// [operator.Snapshotter]; [Logic.Store] may be read by anybody at any time.
type Logic struct {
	store *store.Memory
	tx    store.Tx
}

var (
	_ operator.Logic       = (*Logic)(nil)
	_ operator.Snapshotter = (*Logic)(nil)
)

// New returns a logic with an empty store.
func New() *Logic { return &Logic{store: store.NewMemory()} }

// Store returns the shard's quads.
func (l *Logic) Store() store.Store { return l.store }

func (l *Logic) begin() store.Tx {
	if l.tx == nil {
		l.tx = l.store.Begin()
	}
	return l.tx
}

// Evaluate writes the rows of the event that change something to dst, each transaction that has any between TX and TC. A
// bad event leaves no trace.
func (l *Logic) Evaluate(ev *event.Event, dst []byte) ([]byte, uint64, uint64, error) {
	if ev.MediaType != MediaType {
		return dst, 0, 0, fmt.Errorf("media type %q: this shard evaluates %s", ev.MediaType, MediaType)
	}
	e := evaluation{tx: l.begin(), dst: dst}
	before := e.tx.Savepoint()
	if err := patch.Parse(ev.Payload, &e); err != nil {
		e.tx.RollbackTo(before)
		return dst, 0, 0, err
	}
	return e.dst, e.adds, e.deletes, nil
}

// room returns the error of a transaction that has found no room.
func room(tx store.Tx) error {
	if err := tx.Err(); err != nil {
		return fmt.Errorf("%w: %w", operator.ErrFull, err)
	}
	return nil
}

// Commit makes what was evaluated visible.
func (l *Logic) Commit(position uint64) {
	// It can't fail: Evaluate and Apply return the error of a transaction that found no room, after which comes Rollback.
	_ = l.begin().Commit(position)
	l.tx = nil
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
	if err := patch.Parse(body, &replay{tx: tx}); err != nil {
		l.Rollback()
		return err
	}
	l.Commit(position)
	return nil
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
	m, err := store.ReadSnapshot(r, extra)
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
	return nil
}

// Abort can't come: the door takes aborted transactions out.
func (e *evaluation) Abort() error {
	return errors.New("an event holds an aborted transaction; the door leaves those out")
}

func (e *evaluation) Add(q rdf.Quad) error {
	if e.tx.Add(q) {
		e.dst = patch.AppendAdd(e.dst, q)
		e.adds++
		return nil
	}
	return room(e.tx)
}

func (e *evaluation) Delete(q rdf.Quad) error {
	if e.tx.Delete(q) {
		e.dst = patch.AppendDelete(e.dst, q)
		e.deletes++
		return nil
	}
	return room(e.tx)
}

// replay applies the rows of a delta, each of which must be a change.
type replay struct {
	patch.Ignore
	tx store.Tx
}

func (r *replay) Add(q rdf.Quad) error {
	if !r.tx.Add(q) {
		if err := room(r.tx); err != nil {
			return err
		}
		return fmt.Errorf("the delta adds what is there: %s", patch.AppendAdd(nil, q))
	}
	return nil
}

func (r *replay) Delete(q rdf.Quad) error {
	if !r.tx.Delete(q) {
		if err := room(r.tx); err != nil {
			return err
		}
		return fmt.Errorf("the delta deletes what is not there: %s", patch.AppendDelete(nil, q))
	}
	return nil
}
