package patch

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Counter is a [Change] that counts rows. The zero Counter is ready.
type Counter struct {
	// Headers, Begins, Commits, Aborts, PrefixAdds, PrefixDeletes, Adds and Deletes are the rows of each kind.
	Headers, Begins, Commits, Aborts         uint64
	PrefixAdds, PrefixDeletes, Adds, Deletes uint64
}

var _ Change = (*Counter)(nil)

// Header counts an H row.
func (c *Counter) Header(string, rdf.Term) error { c.Headers++; return nil }

// Begin counts a TX row.
func (c *Counter) Begin() error { c.Begins++; return nil }

// Commit counts a TC row.
func (c *Counter) Commit() error { c.Commits++; return nil }

// Abort counts a TA row.
func (c *Counter) Abort() error { c.Aborts++; return nil }

// AddPrefix counts a PA row.
func (c *Counter) AddPrefix(rdf.Term, string, string) error { c.PrefixAdds++; return nil }

// DeletePrefix counts a PD row.
func (c *Counter) DeletePrefix(rdf.Term, string) error { c.PrefixDeletes++; return nil }

// Add counts an A row.
func (c *Counter) Add(rdf.Quad) error { c.Adds++; return nil }

// Delete counts a D row.
func (c *Counter) Delete(rdf.Quad) error { c.Deletes++; return nil }

// Tee returns a [Change] that hands each row to all of changes, in their order. The first error ends a row and is
// returned; those that come later don't get that row.
func Tee(changes ...Change) Change { return tee(changes) }

type tee []Change

func (t tee) Header(name string, value rdf.Term) error {
	for _, c := range t {
		if err := c.Header(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Begin() error {
	for _, c := range t {
		if err := c.Begin(); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Commit() error {
	for _, c := range t {
		if err := c.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Abort() error {
	for _, c := range t {
		if err := c.Abort(); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) AddPrefix(graph rdf.Term, prefix, iri string) error {
	for _, c := range t {
		if err := c.AddPrefix(graph, prefix, iri); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) DeletePrefix(graph rdf.Term, prefix string) error {
	for _, c := range t {
		if err := c.DeletePrefix(graph, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Add(q rdf.Quad) error {
	for _, c := range t {
		if err := c.Add(q); err != nil {
			return err
		}
	}
	return nil
}

func (t tee) Delete(q rdf.Quad) error {
	for _, c := range t {
		if err := c.Delete(q); err != nil {
			return err
		}
	}
	return nil
}

// DefaultMaxTransaction is the number of bytes of terms that [Invert] holds unless told otherwise.
const DefaultMaxTransaction = 64 << 20

// Errors of [Invert].
var (
	// ErrNotInvertible: the row can't be undone by a row, or the stream is not one transaction.
	ErrNotInvertible = errors.New("can't be inverted")
	// ErrTransactionSize: the transaction is over the bound.
	ErrTransactionSize = fmt.Errorf("transaction %w", rdf.ErrLimit)
)

var errNotOpen = fmt.Errorf("row outside a transaction: %w", ErrNotInvertible)

// Invert returns a [Change] that takes a patch of one transaction and hands its inverse to c when it commits: the rows
// in reverse order, additions as deletions and the other way round. After a patch of real changes only (each A of what
// was absent, each D of what was there), the inverse gives back exactly what was there before.
//
// Headers go to c as they come, except id and prev, which name the patch and not its inverse. An aborted transaction
// has no effect, so nothing of it is handed on. A transaction after one that has committed, rows outside a transaction,
// and PD (its IRI is unknown) are [ErrNotInvertible]; PA is taken for that of a prefix that was not there. maxBytes
// bounds the terms held (0: [DefaultMaxTransaction]; each row costs 20 bytes besides); beyond it, [ErrTransactionSize].
func Invert(c Change, maxBytes int) Change {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxTransaction
	}
	return &inverter{c: c, max: maxBytes}
}

// inverter holds the rows of the transaction: their terms one after the other in text, their lengths in rows.
type inverter struct {
	c    Change
	max  int
	text []byte
	rows []heldRow
	open bool
	done bool
}

type heldRow struct {
	kind rowKind
	len  [4]uint32
}

type rowKind uint8

const (
	addRow rowKind = iota
	deleteRow
	prefixRow
)

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
		return errNotOpen
	}
	v.open = false
	v.text, v.rows = v.text[:0], v.rows[:0]
	return nil
}

func (v *inverter) Commit() error {
	if !v.open {
		return errNotOpen
	}
	v.open, v.done = false, true
	if err := v.c.Begin(); err != nil {
		return err
	}
	end := len(v.text)
	for i := len(v.rows) - 1; i >= 0; i-- {
		row := v.rows[i]
		var parts [4]string
		for j := len(parts) - 1; j >= 0; j-- {
			begin := end - int(row.len[j])
			parts[j] = unsafe.String(unsafe.SliceData(v.text[begin:end]), end-begin)
			end = begin
		}
		if err := v.undo(row.kind, parts); err != nil {
			return err
		}
	}
	return v.c.Commit()
}

func (v *inverter) undo(kind rowKind, parts [4]string) error {
	if kind == prefixRow {
		return v.c.DeletePrefix(rdf.Trusted(parts[0]), parts[1])
	}
	q := rdf.Quad{S: rdf.Trusted(parts[0]), P: rdf.Trusted(parts[1]), O: rdf.Trusted(parts[2]), G: rdf.Trusted(parts[3])}
	if kind == addRow {
		return v.c.Delete(q)
	}
	return v.c.Add(q)
}

func (v *inverter) Add(q rdf.Quad) error {
	return v.hold(addRow, q.S.String(), q.P.String(), q.O.String(), q.G.String())
}

func (v *inverter) Delete(q rdf.Quad) error {
	return v.hold(deleteRow, q.S.String(), q.P.String(), q.O.String(), q.G.String())
}

func (v *inverter) AddPrefix(graph rdf.Term, prefix, _ string) error {
	return v.hold(prefixRow, graph.String(), prefix, "", "")
}

func (v *inverter) DeletePrefix(_ rdf.Term, prefix string) error {
	return fmt.Errorf("row PD %q, which does not say which IRI the prefix had: %w", prefix, ErrNotInvertible)
}

func (v *inverter) hold(kind rowKind, parts ...string) error {
	if !v.open {
		return errNotOpen
	}
	row := heldRow{kind: kind}
	for i, part := range parts {
		if len(v.text)+len(part) > v.max {
			return fmt.Errorf("inverting: %w of %d bytes", ErrTransactionSize, v.max)
		}
		v.text = append(v.text, part...)
		row.len[i] = uint32(len(part))
	}
	v.rows = append(v.rows, row)
	return nil
}
