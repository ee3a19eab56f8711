// Package replay applies patches to data in memory.
package replay

import (
	"iter"
	"maps"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// settleEvery is the number of rows outside a transaction after which they are settled, so that the store need not
// remember how to undo them.
const settleEvery = 1 << 16

// Replay is a [patch.Change] that changes a store. It knows the prefixes of the default graph. It is used by one goroutine.
type Replay struct {
	store *memory.Store
	tx    store.Tx // nil: none
	open  bool     // the transaction is one of the patch
	rows  int      // outside a transaction, not settled

	transactions, aborted uint64
	state, before         state // before: when the transaction began
}

// state is what an aborted transaction takes back, besides what is in the store.
type state struct {
	adds, deletes uint64
	prefixes      map[string]string // IRI by name
	shared        bool              // the map is that of the state before, too
}

var _ patch.Change = (*Replay)(nil)

// New returns a replay on no data.
func New() *Replay { return &Replay{store: memory.New()} }

// Counts says what has happened.
type Counts struct {
	// Transactions have begun, of which Aborted were.
	Transactions, Aborted uint64
	// Adds and Deletes are the rows that have changed something, outside of transactions or of such as committed.
	Adds, Deletes uint64
}

// Counts counts what came since the data.
func (r *Replay) Counts() Counts {
	return Counts{r.transactions, r.aborted, r.state.adds, r.state.deletes}
}

// EndData settles what was added until now, which is the data that patches are applied to. It is not counted.
func (r *Replay) EndData() error {
	err := r.Settle()
	r.state.adds = 0
	return err
}

// Len is the number of quads.
func (r *Replay) Len() int { return r.store.Len() }

// Prefixes are the IRIs of the default graph's prefixes by name. They belong to the replay.
func (r *Replay) Prefixes() map[string]string { return r.state.prefixes }

// Quads iterates over the quads. It ends with the first error.
func (r *Replay) Quads() iter.Seq2[rdf.Quad, error] {
	return func(yield func(rdf.Quad, error) bool) {
		view := r.store.View()
		defer view.Close()
		store.Quads(view, store.Pattern{})(yield)
	}
}

// Settle commits the rows that are outside a transaction.
func (r *Replay) Settle() error {
	if r.tx != nil && !r.open {
		return r.commit()
	}
	return nil
}

func (r *Replay) commit() error {
	err := r.tx.Commit(r.store.Position()+1, nil)
	r.tx, r.open, r.rows = nil, false, 0
	return err
}

// row returns the transaction that a row is of.
func (r *Replay) row() (store.Tx, error) {
	if r.rows == settleEvery {
		if err := r.Settle(); err != nil {
			return nil, err
		}
	}
	if r.tx == nil {
		r.tx = r.store.Begin()
	}
	if !r.open {
		r.rows++
	}
	return r.tx, nil
}

// Header has no effect.
func (r *Replay) Header(string, rdf.Term) error { return nil }

// Begin implements [patch.Change].
func (r *Replay) Begin() error {
	if err := r.Settle(); err != nil {
		return err
	}
	r.transactions++
	r.state.shared = true
	r.tx, r.open, r.before = r.store.Begin(), true, r.state
	return nil
}

// Commit implements [patch.Change].
func (r *Replay) Commit() error {
	return r.commit()
}

// Abort takes back what the transaction has changed.
func (r *Replay) Abort() error {
	r.tx.Rollback()
	r.aborted++
	r.tx, r.open, r.state = nil, false, r.before
	return nil
}

// Add implements [patch.Change].
func (r *Replay) Add(q rdf.Quad) error {
	tx, err := r.row()
	if err != nil {
		return err
	}
	changed, err := tx.Add(q)
	if changed {
		r.state.adds++
	}
	return err
}

// Delete implements [patch.Change].
func (r *Replay) Delete(q rdf.Quad) error {
	tx, err := r.row()
	if err != nil {
		return err
	}
	changed, err := tx.Delete(q)
	if changed {
		r.state.deletes++
	}
	return err
}

// Declare takes the prefixes of the data.
func (r *Replay) Declare(prefixes []turtle.Prefix) {
	for _, p := range prefixes {
		r.own()[p.Name] = p.IRI
	}
}

// AddPrefix implements [patch.Change].
func (r *Replay) AddPrefix(graph rdf.Term, prefix, iri string) error {
	if graph.IsZero() {
		r.own()[strings.Clone(prefix)] = strings.Clone(iri)
	}
	return nil
}

// DeletePrefix implements [patch.Change].
func (r *Replay) DeletePrefix(graph rdf.Term, prefix string) error {
	if graph.IsZero() {
		delete(r.own(), prefix)
	}
	return nil
}

// own returns prefixes that may be changed.
func (r *Replay) own() map[string]string {
	s := &r.state
	if s.shared || s.prefixes == nil {
		s.prefixes, s.shared = maps.Clone(s.prefixes), false
	}
	if s.prefixes == nil {
		s.prefixes = map[string]string{}
	}
	return s.prefixes
}
