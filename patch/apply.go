package patch

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Dataset is a set of quads that a patch changes. A transaction of a quad store is one. It is used by one goroutine at
// a time, and copies what it keeps of the terms.
type Dataset interface {
	// Add puts the quad in and reports whether that is a change.
	Add(q rdf.Quad) bool
	// Delete takes the quad out and reports whether that is a change.
	Delete(q rdf.Quad) bool
}

// Applier is a [Change] that applies rows to a [Dataset], each as it comes; make one with [Apply] or [Effective]. An
// aborted transaction is undone. For that it holds the terms of the open transaction's real changes, up to the bound it
// was made with; beyond it, [ErrTransactionSize]. It knows no prefixes.
type Applier struct {
	d    Dataset
	c    Change
	held heldRows
	open bool
}

var _ Change = (*Applier)(nil)

// Apply returns a [Change] that applies rows to d. maxBytes bounds the terms of a transaction that it holds (0:
// [DefaultMaxTransaction]; each row costs 20 bytes besides). When the reader fails inside a transaction, call
// [Applier.Rollback].
func Apply(d Dataset, maxBytes int) *Applier { return Effective(d, Tee(), maxBytes) }

// Effective is Apply that also hands the effective delta to c: the additions and deletions that changed d, in their
// order, and headers, prefixes and the ends of transactions as they come.
func Effective(d Dataset, c Change, maxBytes int) *Applier {
	return &Applier{d: d, c: c, held: heldRows{max: maxBytes}}
}

// Rollback undoes what the open transaction, if there is one, has changed. It hands nothing on.
func (a *Applier) Rollback() {
	_ = a.held.backward(func(kind rowKind, p parts) error { // which returns no error
		if kind == addRow {
			a.d.Delete(p.quad())
		} else {
			a.d.Add(p.quad())
		}
		return nil
	})
	a.held.reset()
	a.open = false
}

// Header hands an H row on.
func (a *Applier) Header(name string, value rdf.Term) error { return a.c.Header(name, value) }

// Begin begins a transaction.
func (a *Applier) Begin() error {
	if a.open {
		return errNested
	}
	a.open = true
	return a.c.Begin()
}

// Commit ends the transaction: it can't be undone any more.
func (a *Applier) Commit() error {
	if !a.open {
		return errNotOpen
	}
	a.open = false
	a.held.reset()
	return a.c.Commit()
}

// Abort undoes the transaction.
func (a *Applier) Abort() error {
	if !a.open {
		return errNotOpen
	}
	a.Rollback()
	return a.c.Abort()
}

// AddPrefix hands a PA row on.
func (a *Applier) AddPrefix(graph rdf.Term, prefix, iri string) error {
	return a.c.AddPrefix(graph, prefix, iri)
}

// DeletePrefix hands a PD row on.
func (a *Applier) DeletePrefix(graph rdf.Term, prefix string) error {
	return a.c.DeletePrefix(graph, prefix)
}

// Add applies an A row.
func (a *Applier) Add(q rdf.Quad) error {
	if !a.d.Add(q) {
		return nil
	}
	if err := a.hold(addRow, q); err != nil {
		a.d.Delete(q)
		return err
	}
	return a.c.Add(q)
}

// Delete applies a D row.
func (a *Applier) Delete(q rdf.Quad) error {
	if !a.d.Delete(q) {
		return nil
	}
	if err := a.hold(deleteRow, q); err != nil {
		a.d.Add(q)
		return err
	}
	return a.c.Delete(q)
}

func (a *Applier) hold(kind rowKind, q rdf.Quad) error {
	if !a.open {
		return nil
	}
	if err := a.held.hold(kind, quadParts(q)); err != nil {
		return fmt.Errorf("applying: %w", err)
	}
	return nil
}
