package patch

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

// ErrNotInvertible: the row can't be undone by a row, or the stream is not one transaction.
var ErrNotInvertible = errors.New("can't be inverted")

var errOutside = fmt.Errorf("row outside a transaction: %w", ErrNotInvertible)

// Invert returns a [Change] that takes a patch of one transaction and hands its inverse to c when it commits: the rows
// in reverse order, additions as deletions and the other way round. After a patch of real changes only (each A of what
// was absent, each D of what was there), the inverse gives back exactly what was there before.
//
// Headers go to c as they come, except id and prev, which name the patch and not its inverse. An aborted transaction
// has no effect, so nothing of it is handed on. A transaction after one that has committed, rows outside a transaction,
// and PD (its IRI is unknown) are [ErrNotInvertible]; PA is taken for that of a prefix that was not there. maxBytes
// bounds the terms held (0: [DefaultMaxTransaction]; each row costs 20 bytes besides); beyond it, [ErrTransactionSize].
func Invert(c Change, maxBytes int) Change {
	return &inverter{c: c, held: heldRows{max: maxBytes}}
}

// inverter holds the rows of the transaction.
type inverter struct {
	c    Change
	held heldRows
	open bool
	done bool
}

func (v *inverter) Header(name string, value rdf.Term) error {
	if normal(name) == HeaderID || normal(name) == HeaderPrev {
		return nil
	}
	return v.c.Header(name, value)
}

func (v *inverter) Begin() error {
	if v.open || v.done {
		return fmt.Errorf("second transaction of a patch: %w; invert the transactions one by one, the last one first",
			ErrNotInvertible)
	}
	v.open = true
	return nil
}

func (v *inverter) Abort() error {
	if !v.open {
		return errOutside
	}
	v.open = false
	v.held.reset()
	return nil
}

func (v *inverter) Commit() error {
	if !v.open {
		return errOutside
	}
	v.open, v.done = false, true
	if err := v.c.Begin(); err != nil {
		return err
	}
	if err := v.held.backward(v.undo); err != nil {
		return err
	}
	return v.c.Commit()
}

func (v *inverter) undo(kind rowKind, p parts) error {
	switch kind {
	case addRow:
		return v.c.Delete(p.quad())
	case deleteRow:
		return v.c.Add(p.quad())
	}
	return v.c.DeletePrefix(rdf.Trusted(p[0]), p[1])
}

func (v *inverter) Add(q rdf.Quad) error { return v.hold(addRow, quadParts(q)) }

func (v *inverter) Delete(q rdf.Quad) error { return v.hold(deleteRow, quadParts(q)) }

func (v *inverter) AddPrefix(graph rdf.Term, prefix, _ string) error {
	return v.hold(addPrefixRow, parts{graph.String(), prefix})
}

func (v *inverter) DeletePrefix(_ rdf.Term, prefix string) error {
	return fmt.Errorf("row PD %q, which does not say which IRI the prefix had: %w", prefix, ErrNotInvertible)
}

func (v *inverter) hold(kind rowKind, p parts) error {
	if !v.open {
		return errOutside
	}
	if err := v.held.hold(kind, p); err != nil {
		return fmt.Errorf("inverting: %w", err)
	}
	return nil
}
