// Package invert makes the patch that undoes a patch of any length.
package invert

import (
	"errors"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// ErrNotInvertible: the row can't be undone by a row.
var ErrNotInvertible = errors.New("can't be inverted")

var errOpen = errors.New("TX without TC or TA")

// maxPendingHeaders bounds the bytes of the headers before a transaction, which are held until it commits.
const maxPendingHeaders = 16 << 20

// Inverter is a [patch.Change] that makes the patch which undoes the rows that come: all in reverse order, additions as deletions
// and the other way round, and the transactions with them, the last one first. After real changes only (each A of what was
// absent, each D of what was there), the inverse gives back exactly what was there before.
//
// Headers stay before their transaction, except id and prev, which name the patch and not its inverse; those of one
// transaction may have 16 MiB. An aborted transaction has no effect, so nothing of it is in the inverse. PD is
// [ErrNotInvertible], since its row doesn't say which IRI the prefix had; PA is taken for that of a prefix that was not
// there.
//
// A patch of any length takes the same small memory: what is longer than 1 MiB is kept in a temporary file
// ([os.TempDir]), which Close removes. The zero Inverter is ready. It is used by one goroutine at a time.
type Inverter struct {
	rows    spool // the inverse of each, one a line, to be read backward
	open    bool
	begun   int64    // where the open transaction begins in rows
	headers [][]byte // rows, of what comes or is open
	size    int      // bytes of headers
	row     []byte
}

var _ patch.Change = (*Inverter)(nil)

// Close removes what is kept. The reader of the inverse is of no use after it.
func (v *Inverter) Close() error { return v.rows.close() }

// Reader returns the inverse of what has come so far, an RDF Patch in text form whose rows are those of a [patch.Writer]. Nothing
// may come after it, and no transaction may be open.
func (v *Inverter) Reader() (io.Reader, error) {
	if v.open {
		return nil, errOpen
	}
	if err := v.end(); err != nil {
		return nil, err
	}
	return v.rows.backward()
}

// Header keeps a header until its transaction has come, since in the inverse, too, it goes before it.
func (v *Inverter) Header(name string, value rdf.Term) error {
	if name == patch.HeaderID || name == patch.HeaderPrev {
		return nil
	}
	row := patch.AppendHeader(nil, name, value)
	if v.size += len(row); v.size > maxPendingHeaders {
		return fmt.Errorf("headers of more than %d bytes before a transaction: %w", maxPendingHeaders, rdf.ErrLimit)
	}
	v.headers = append(v.headers, row)
	return nil
}

// Begin begins a transaction, with which the inverse ends it.
func (v *Inverter) Begin() error {
	if v.open {
		return patch.ErrNested
	}
	v.open, v.begun = true, v.rows.size
	return v.write(patch.AppendCommit(v.row[:0]))
}

// Commit ends the transaction, with which the inverse begins it.
func (v *Inverter) Commit() error {
	if !v.open {
		return patch.ErrNotOpen
	}
	v.open = false
	if err := v.write(patch.AppendBegin(v.row[:0])); err != nil {
		return err
	}
	return v.end()
}

// Abort drops the transaction.
func (v *Inverter) Abort() error {
	if !v.open {
		return patch.ErrNotOpen
	}
	v.open, v.headers, v.size = false, nil, 0
	return v.rows.truncate(v.begun)
}

// end writes the headers, the last one first.
func (v *Inverter) end() error {
	for i := len(v.headers) - 1; i >= 0; i-- {
		if err := v.rows.write(v.headers[i]); err != nil {
			return err
		}
	}
	v.headers, v.size = v.headers[:0], 0
	return nil
}

// AddPrefix undoes a PA row.
func (v *Inverter) AddPrefix(graph rdf.Term, prefix, _ string) error {
	return v.write(patch.AppendDeletePrefix(v.row[:0], graph, prefix))
}

// DeletePrefix is [ErrNotInvertible].
func (v *Inverter) DeletePrefix(_ rdf.Term, prefix string) error {
	return fmt.Errorf("row PD %q, which does not say which IRI the prefix had: %w", prefix, ErrNotInvertible)
}

// Add undoes an A row.
func (v *Inverter) Add(q rdf.Quad) error { return v.write(patch.AppendDelete(v.row[:0], q)) }

// Delete undoes a D row.
func (v *Inverter) Delete(q rdf.Quad) error { return v.write(patch.AppendAdd(v.row[:0], q)) }

func (v *Inverter) write(row []byte) error {
	v.row = row
	return v.rows.write(row)
}
