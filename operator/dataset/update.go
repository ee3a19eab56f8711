package dataset

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
)

// maxUpdateMemory bounds what the evaluation of one update holds at a time, in bytes, about.
const maxUpdateMemory = 128 << 20

// update evaluates a SPARQL Update. What it makes of its own, labels of blank nodes, numbers of RAND and the like, comes from the identity
// of the event and the shard, so that each try of the same event makes the same.
func (l *Logic) update(ev *event.Event, within operator.Evaluation, to *delta) error {
	if ev.Producer.IsZero() {
		return errors.New("an update without a producer: what it makes of its own is made of that; send it through the door of a node")
	}
	tx := l.updating(within)
	u, err := l.prepared(ev.Payload, tx.most)
	if err != nil {
		return err
	}
	id := eval.Identity{ID: fmt.Sprintf("%d %s %d", within.Shard, ev.Producer, ev.Seq), Time: within.Time}
	return overBudget(u.Run(context.Background(), tx, id, to))
}

const (
	// keptUpdates is the number of updates that are kept ready, keptText the bytes that the text of one may have.
	keptUpdates = 64
	keptText    = 2 << 10
)

// prepared is the update of a text. Who counts, or says again and again what is so, sends the same text each time, and half of the time
// that it takes is for reading it.
func (l *Logic) prepared(payload []byte, steps int) (*eval.Update, error) {
	if u, kept := l.kept[string(payload)]; kept && l.keptSteps == steps {
		return u, nil
	}
	text, tree := string(payload), read.take(payload)
	if tree == nil {
		var err error
		if tree, err = sparql.ParseUpdate(text); err != nil {
			return nil, err
		}
	}
	u, err := eval.PrepareUpdate(tree, eval.Options{Steps: int64(steps), Memory: maxUpdateMemory})
	if err != nil || len(text) > keptText {
		return u, err
	}
	if l.kept == nil || len(l.kept) >= keptUpdates || l.keptSteps != steps {
		l.kept, l.keptSteps = map[string]*eval.Update{}, steps
	}
	l.kept[text] = u
	return u, nil
}

// overBudget says of an update that is over a bound what its sender can do.
func overBudget(err error) error {
	bound, over := errors.AsType[*eval.BudgetError](err)
	switch {
	case !over || errors.Is(err, operator.ErrState):
		return err
	case bound.Bound == "Memory":
		return fmt.Errorf("it holds more than %d bytes at a time; split it into smaller ones", bound.Limit)
	}
	return fmt.Errorf("it takes more than %d steps; bind more of its patterns, or split it into smaller ones", bound.Limit)
}

// LacksIndex implements [operator.Indexer].
func (l *Logic) LacksIndex() bool {
	lacks := l.scanned
	l.scanned = false
	return lacks
}

var _ operator.Indexer = (*Logic)(nil)

const (
	// worthIndex is the number of quads from which on an index is of use.
	worthIndex = 1 << 10
	// passedOver is the number of quads that are passed over in a step.
	passedOver = 16
)

// updating is the transaction as an update sees it. Errors of the store are those of the state. Where there is no index, who asks by
// something else than the subject passes over all quads, which is counted, and who only plans by the answer gets a guess.
type updating struct {
	store.Tx
	l *Logic
	// bare: the store has no index. Then quads is the number of its quads, and left, of most, how many steps there may still be.
	bare              bool
	quads, left, most int
}

func (l *Logic) updating(within operator.Evaluation) *updating {
	u := &updating{Tx: l.begin(), l: l, most: math.MaxInt}
	if within.MaxSteps > 0 {
		u.most = within.MaxSteps
	}
	u.left = u.most
	if l.Indexing() != nil {
		u.bare = true
		u.quads, _ = u.Tx.Count(store.Pattern{}) // of a store in memory
	}
	return u
}

// pass counts what is passed over to find the quads of a pattern.
func (u *updating) pass(p store.Pattern) error {
	if !u.bare || p.S != store.Any {
		return nil
	}
	if u.left -= u.l.passOver(u.quads); u.left < 0 {
		return &eval.BudgetError{Bound: "Steps", Limit: int64(u.most)}
	}
	return nil
}

// passOver notes that so many quads are passed over, for lack of an index, and returns how many steps that is.
func (l *Logic) passOver(quads int) (steps int) {
	l.scanned = l.scanned || quads >= worthIndex
	return quads / passedOver
}

// Lookup implements [store.Reader].
func (u *updating) Lookup(t rdf.Term) (store.ID, bool, error) {
	id, ok, err := u.Tx.Lookup(t)
	return id, ok, failed(err)
}

// Term implements [store.Reader].
func (u *updating) Term(id store.ID) (rdf.Term, error) {
	t, err := u.Tx.Term(id)
	return t, failed(err)
}

// Match implements [store.Reader].
func (u *updating) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		if err := u.pass(p); err != nil {
			yield(store.Quad{}, err)
			return
		}
		for q, err := range u.Tx.Match(p) {
			if !yield(q, failed(err)) {
				return
			}
		}
	}
}

// Blocks implements [store.Reader].
func (u *updating) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	if err := u.pass(p); err != nil {
		return err
	}
	var ended error // by the caller
	err := u.Tx.Blocks(p, block, func(quads []store.Quad) error {
		ended = each(quads)
		return ended
	})
	if ended != nil {
		return ended
	}
	return failed(err)
}

// Count implements [store.Reader].
func (u *updating) Count(p store.Pattern) (int, error) {
	if u.bare && p.S == store.Any {
		return guess(u.quads), nil
	}
	n, err := u.Tx.Count(p)
	return n, failed(err)
}

// Statistics implements [store.Reader].
func (u *updating) Statistics(predicate store.ID) (store.Statistics, error) {
	if u.bare {
		return store.Statistics{Quads: u.quads, Subjects: guess(u.quads), Objects: guess(u.quads)}, nil
	}
	s, err := u.Tx.Statistics(predicate)
	return s, failed(err)
}

// guess is a number of quads, or of terms, that nobody has counted.
func guess(of int) int { return int(math.Sqrt(float64(of))) }

// Add implements [store.Tx].
func (u *updating) Add(q rdf.Quad) (bool, error) {
	changed, err := u.Tx.Add(q)
	return changed, failed(err)
}

// Put implements [store.Tx].
func (u *updating) Put(q rdf.Quad) (store.Quad, bool, error) {
	ids, changed, err := u.Tx.Put(q)
	return ids, changed, failed(err)
}

// AddIDs implements [store.Tx].
func (u *updating) AddIDs(q store.Quad) (bool, error) {
	changed, err := u.Tx.AddIDs(q)
	return changed, failed(err)
}

// DeleteIDs implements [store.Tx].
func (u *updating) DeleteIDs(q store.Quad) (bool, error) {
	changed, err := u.Tx.DeleteIDs(q)
	return changed, failed(err)
}

// Delete implements [store.Tx].
func (u *updating) Delete(q rdf.Quad) (bool, error) {
	changed, err := u.Tx.Delete(q)
	return changed, failed(err)
}

// RollbackTo implements [store.Tx].
func (u *updating) RollbackTo(s store.Savepoint) error { return failed(u.Tx.RollbackTo(s)) }
