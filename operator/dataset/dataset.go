// Package dataset is the operator's logic for RDF: the state of a shard is a set of quads, an event is an RDF Patch,
// and what goes to the log is the exact delta.
package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// The media types of the events that a [Logic] evaluates.
const (
	// MediaType is RDF Patch in text form.
	MediaType = patch.MediaType
	// ReplaceMediaType is RDF Patch with wildcards, which are evaluated on the state.
	ReplaceMediaType = patch.ReplaceMediaType
	// UpdateMediaType is SPARQL Update, which is evaluated on the state, too.
	UpdateMediaType = patch.UpdateMediaType
)

// Logic evaluates RDF Patch events on a memory store. Its methods are those of [operator.Logic] and
// [operator.Snapshotter]; [Logic.Store], [Logic.View] and [Logic.Len] may be used by anybody at any time.
type Logic struct {
	// Logger takes faults of the program that events have met, with the stack. It is set before the logic is used. Default:
	// slog.Default().
	Logger *slog.Logger

	state   atomic.Pointer[state] // readers load it while the shard's loop works on
	tx      store.Tx
	part    func() ([]byte, error) // the operator's own state, to be kept with each commit; nil: it is not
	index   bool                   // the store in memory has an index from the start
	scanned bool                   // an update has passed over many quads for lack of an index
	// kept are updates by their texts, ready to be carried out within so many steps.
	kept      map[string]*eval.Update
	keptSteps int
}

var (
	_ operator.Logic       = (*Logic)(nil)
	_ operator.Snapshotter = (*Logic)(nil)
)

// state is what has the quads.
type state struct {
	quads  store.Store
	memory *memory.Store // the same, if it is in memory
}

// New returns a logic with an empty store in memory.
func New() *Logic { return on(memory.New()) }

func on(m *memory.Store) *Logic {
	l := &Logic{}
	l.state.Store(&state{m, m})
	return l
}

// Indexed returns a logic with an empty store in memory that has its index from the start ([memory.Store.Index]).
func Indexed() *Logic {
	m := memory.New()
	_ = m.Index(context.Background()) // fails only with its context
	l := on(m)
	l.index = true
	return l
}

// Store returns the shard's quads.
func (l *Logic) Store() store.Store { return l.state.Load().quads }

// Use takes the store as the state, in the place of the one before, which is left as it is. It is for a logic on this one, whose store
// outlives the process: part, if not nil, returns what each commit keeps besides. No transaction may be open.
func (l *Logic) Use(s store.Store, part func() ([]byte, error)) {
	l.state.Store(&state{quads: s})
	l.part = part
}

func (l *Logic) begin() store.Tx {
	if l.tx == nil {
		l.tx = l.Store().Begin()
	}
	return l.tx
}

// Evaluate writes the rows of the event that change something to dst, each transaction that has any between TX and TC. A
// bad event leaves no trace, and so does one that has met a fault of the program. A step is a row of the event, or a quad that is looked at
// for a wildcard.
func (l *Logic) Evaluate(ev *event.Event, within operator.Evaluation, dst []byte) (body []byte, adds, deletes uint64, err error) {
	switch ev.MediaType {
	case MediaType, ReplaceMediaType, UpdateMediaType:
	default:
		return dst, 0, 0, fmt.Errorf("media type %q: this shard evaluates %s, %s and %s", ev.MediaType, MediaType, ReplaceMediaType,
			UpdateMediaType)
	}
	tx := l.begin()
	before := tx.Savepoint()
	defer func() {
		if p := recover(); p != nil {
			body, adds, deletes, err = dst, 0, 0, l.panicked(p, ev, tx, before)
		}
	}()
	d := newDelta(within, dst)
	evaluate := l.patch
	if ev.MediaType == UpdateMediaType {
		evaluate = l.update
	}
	if err := evaluate(ev, within, d); err != nil {
		if undo := tx.RollbackTo(before); undo != nil {
			err = failed(undo)
		}
		return dst, 0, 0, err
	}
	return d.dst, d.adds, d.deletes, nil
}

// patch evaluates an RDF Patch, with or without wildcards.
func (l *Logic) patch(ev *event.Event, within operator.Evaluation, to *delta) error {
	var how []patch.Option
	if ev.Checked {
		how = append(how, patch.Trusted())
	}
	b := newBudget(l, within, len(ev.Payload))
	change := patch.Effective(b, to)
	if ev.MediaType == ReplaceMediaType {
		change = patch.Replace(b, change)
	}
	return patch.Parse(ev.Payload, change, how...)
}

// failed says what an error of the store, if it is one, means for the shard. The event or the log is not to blame.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, store.ErrFull) {
		return fmt.Errorf("%w: %w", operator.ErrFull, err)
	}
	return fmt.Errorf("%w: %w", operator.ErrState, err)
}

// Commit makes what was evaluated visible.
func (l *Logic) Commit(position uint64) error {
	tx := l.begin()
	l.tx = nil
	var part []byte
	if l.part != nil {
		var err error
		if part, err = l.part(); err != nil {
			tx.Rollback()
			return failed(err)
		}
	}
	return failed(tx.Commit(position, part))
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
	view := l.Store().View()
	return func(w io.Writer) error {
		defer view.Close()
		return store.WriteSnapshot(w, view, extra)
	}
}

// Restore fills a fresh logic with a snapshot's quads.
func (l *Logic) Restore(r io.Reader, extra func(io.Reader) error) error {
	m, err := memory.ReadSnapshot(r, extra)
	if err == nil && l.index {
		err = m.Index(context.Background())
	}
	if err != nil {
		return err
	}
	l.state.Store(&state{m, m})
	return nil
}

var (
	beginRow  = []byte("TX .\n")
	commitRow = []byte("TC .\n")
)

// budget is a transaction on which the rows of an event are tried, each of which is a step.
type budget struct {
	l  *Logic
	tx store.Tx
	// left is how many steps there may still be, of most.
	left, most int
	// room is how many bytes of quads may still be found: as many as may go out, and those of the event, which may stay.
	room int
}

func newBudget(l *Logic, within operator.Evaluation, size int) *budget {
	b := &budget{l: l, tx: l.begin(), most: math.MaxInt, room: math.MaxInt}
	if within.MaxSteps > 0 {
		b.most = within.MaxSteps
	}
	if b.left = b.most; within.MaxBody != 0 {
		b.room = within.MaxBody + size
	}
	return b
}

// steps counts rows, before they are tried, of which there may be too many.
func (b *budget) steps(n int) error {
	if b.left -= n; b.left < 0 {
		return fmt.Errorf("it takes more than %d steps; split it into smaller ones", b.most)
	}
	return nil
}

// hold counts a quad that was found, which is held until all are.
func (b *budget) hold(q rdf.Quad) error {
	if b.room -= len(q.S.String()) + len(q.P.String()) + len(q.O.String()) + len(q.G.String()); b.room < 0 {
		return errors.New("it replaces more than a delta has room for; split it into smaller ones")
	}
	return nil
}

func (b *budget) Add(q rdf.Quad) (bool, error) {
	if err := b.steps(1); err != nil {
		return false, err
	}
	changed, err := b.tx.Add(q)
	return changed, failed(err)
}

func (b *budget) Delete(q rdf.Quad) (bool, error) {
	if err := b.steps(1); err != nil {
		return false, err
	}
	changed, err := b.tx.Delete(q)
	return changed, failed(err)
}

// Match implements [patch.Matcher]. Each quad of the subject, or of the graph, is looked at, and is a step.
func (b *budget) Match(s, p, g rdf.Term, fn func(rdf.Quad)) error {
	var want store.Pattern
	for _, bound := range [...]struct {
		term rdf.Term
		id   *store.ID
	}{{s, &want.S}, {p, &want.P}, {g, &want.G}} {
		if bound.term == patch.Any {
			continue
		}
		id, known, err := b.tx.Lookup(bound.term)
		if err != nil || !known {
			return failed(err)
		}
		*bound.id = id
	}
	by := store.Pattern{S: want.S}
	if s == patch.Any {
		if by.G = want.G; b.l.Indexing() != nil {
			quads, _ := b.tx.Count(store.Pattern{}) // of a store in memory
			b.left -= b.l.passOver(quads)           // what is found is too much then
		}
	}
	for q, err := range b.tx.Match(by) {
		if err != nil {
			return failed(err)
		}
		if err := b.steps(1); err != nil {
			return err
		}
		if want.G != store.Any && q.G != want.G || want.P != store.Any && q.P != want.P {
			continue
		}
		found := rdf.Quad{S: s, P: p, G: g}
		if err := b.name(&found, q); err != nil {
			return failed(err)
		}
		if err := b.hold(found); err != nil {
			return err
		}
		fn(found)
	}
	return nil
}

// name gives a quad that was found the terms that it was not found by.
func (b *budget) name(found *rdf.Quad, q store.Quad) (err error) {
	found.O = patch.Any
	for _, part := range [...]struct {
		id   store.ID
		term *rdf.Term
	}{{q.S, &found.S}, {q.P, &found.P}, {q.O, &found.O}, {q.G, &found.G}} {
		if *part.term != patch.Any {
			continue
		}
		if *part.term, err = b.tx.Term(part.id); err != nil {
			return err
		}
	}
	return nil
}

// delta writes the rows that have changed something.
type delta struct {
	patch.Ignore
	dst           []byte
	begun         int // len(dst) before TX
	adds, deletes uint64
	most, maxBody int // how long dst may get, by maxBody
}

func newDelta(within operator.Evaluation, dst []byte) *delta {
	d := &delta{dst: dst, most: math.MaxInt, maxBody: within.MaxBody}
	if d.maxBody > 0 {
		d.most = len(dst) + d.maxBody
	}
	return d
}

// row looks at the row that begins there, which no door has looked at if the event is of a sender of one's own.
func (d *delta) row(begin int) error {
	if err := checkRow(d.dst[begin:]); err != nil {
		return err
	}
	return d.bound()
}

// bound fails when more was written than is allowed.
func (d *delta) bound() error {
	if len(d.dst) > d.most {
		return fmt.Errorf("it changes more than %d bytes hold; split it into smaller ones", d.maxBody)
	}
	return nil
}

func (d *delta) Begin() error {
	d.begun = len(d.dst)
	d.dst = append(d.dst, beginRow...)
	return nil
}

func (d *delta) Commit() error {
	if len(d.dst) == d.begun+len(beginRow) {
		d.dst = d.dst[:d.begun]
		return nil
	}
	d.dst = append(d.dst, commitRow...)
	return d.bound()
}

// Abort can't come: the door takes aborted transactions out.
func (d *delta) Abort() error {
	return errors.New("an event holds an aborted transaction; the door leaves those out")
}

func (d *delta) Add(q rdf.Quad) error {
	before := len(d.dst)
	d.dst = patch.AppendAdd(d.dst, q)
	d.adds++
	return d.row(before)
}

func (d *delta) Delete(q rdf.Quad) error {
	before := len(d.dst)
	d.dst = patch.AppendDelete(d.dst, q)
	d.deletes++
	return d.row(before)
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
