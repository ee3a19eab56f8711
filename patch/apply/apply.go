// Package apply applies patches to a quad store.
package apply

import (
	"maps"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// flushEvery is the number of rows outside a transaction after which they are committed, so that the store need not
// remember how to undo them.
const flushEvery = 1 << 16

// Applier is a [patch.Change] that changes a store: each transaction of the patch is one of the store, whose position it
// raises by one. Rows outside a transaction are committed in groups of at most 65,536, when a transaction begins, and by
// [Applier.Flush]. Nobody else may change the store between. It is used by one goroutine at a time.
//
// After an error, of the store or of the reader, the caller calls [Applier.Rollback], or drops the store.
type Applier struct {
	store store.Store
	tx    store.Tx // nil: none
	open  bool     // the transaction is one of the patch
	rows  int      // outside a transaction, not committed

	transactions, aborted uint64
	state, before         state // before: when tx began
}

// state is what is taken back with a transaction, besides what is in the store.
type state struct {
	adds, deletes uint64
	prefixes      map[string]string // IRI by name
	shared        bool              // the map is that of the state before, too
}

var _ patch.Change = (*Applier)(nil)

// To returns what applies patches to s.
func To(s store.Store) *Applier { return &Applier{store: s} }

// Counts says what has happened.
type Counts struct {
	// Transactions have begun, of which Aborted were.
	Transactions, Aborted uint64
	// Adds and Deletes are the rows that have changed something, but for those that were taken back.
	Adds, Deletes uint64
}

// Counts counts what has come.
func (a *Applier) Counts() Counts {
	return Counts{a.transactions, a.aborted, a.state.adds, a.state.deletes}
}

// Prefixes are the IRIs of the default graph's prefixes by name, as the rows PA and PD have left them. The caller may not
// change them.
func (a *Applier) Prefixes() map[string]string { return a.state.prefixes }

// Flush commits the rows outside a transaction. One that is open stays so.
func (a *Applier) Flush() error {
	if a.tx != nil && !a.open {
		return a.commit()
	}
	return nil
}

// Rollback takes back the open transaction, or the rows outside one that are not committed.
func (a *Applier) Rollback() {
	if a.tx != nil {
		a.tx.Rollback()
		a.end()
		a.state = a.before
	}
}

func (a *Applier) begin() {
	a.state.shared = true
	a.tx, a.before = a.store.Begin(), a.state
}

func (a *Applier) commit() error {
	err := a.tx.Commit(a.store.Position()+1, nil)
	a.end()
	if err != nil {
		a.state = a.before
	}
	return err
}

func (a *Applier) end() { a.tx, a.open, a.rows = nil, false, 0 }

// row returns the transaction that a row is of.
func (a *Applier) row() (store.Tx, error) {
	if a.rows == flushEvery {
		if err := a.Flush(); err != nil {
			return nil, err
		}
	}
	if a.tx == nil {
		a.begin()
	}
	if !a.open {
		a.rows++
	}
	return a.tx, nil
}

// Header has no effect.
func (a *Applier) Header(string, rdf.Term) error { return nil }

// Begin begins a transaction of the store.
func (a *Applier) Begin() error {
	if a.open {
		return patch.ErrNested
	}
	if err := a.Flush(); err != nil {
		return err
	}
	a.begin()
	a.transactions++
	a.open = true
	return nil
}

// Commit commits it.
func (a *Applier) Commit() error {
	if !a.open {
		return patch.ErrNotOpen
	}
	return a.commit()
}

// Abort takes back what the transaction has changed.
func (a *Applier) Abort() error {
	if !a.open {
		return patch.ErrNotOpen
	}
	a.Rollback()
	a.aborted++
	return nil
}

// Add applies an A row.
func (a *Applier) Add(q rdf.Quad) error {
	tx, err := a.row()
	if err != nil {
		return err
	}
	changed, err := tx.Add(q)
	if changed {
		a.state.adds++
	}
	return err
}

// Delete applies a D row.
func (a *Applier) Delete(q rdf.Quad) error {
	tx, err := a.row()
	if err != nil {
		return err
	}
	changed, err := tx.Delete(q)
	if changed {
		a.state.deletes++
	}
	return err
}

// AddPrefix keeps a prefix of the default graph; those of other graphs have no effect.
func (a *Applier) AddPrefix(graph rdf.Term, prefix, iri string) error {
	if graph.IsZero() {
		a.own()[strings.Clone(prefix)] = strings.Clone(iri)
	}
	return nil
}

// DeletePrefix forgets a prefix of the default graph.
func (a *Applier) DeletePrefix(graph rdf.Term, prefix string) error {
	if graph.IsZero() {
		delete(a.own(), prefix)
	}
	return nil
}

// own returns prefixes that may be changed.
func (a *Applier) own() map[string]string {
	s := &a.state
	if s.shared {
		s.prefixes, s.shared = maps.Clone(s.prefixes), false
	}
	if s.prefixes == nil {
		s.prefixes = map[string]string{}
	}
	return s.prefixes
}
