// Package inverse makes the patch that undoes a patch of any length: its rows are kept in a temporary file and read backward.
package inverse

import (
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// maxPendingHeaders bounds the bytes of the headers before a transaction, which are held until it commits.
const maxPendingHeaders = 16 << 20

// Inverse is a [patch.Change] that writes the inverse of each row to a temporary file, one a line, to be read backward. It
// is used by one goroutine.
type Inverse struct {
	spool   *spool
	begun   int64    // where the transaction begins in the spool; -1: there is none
	headers [][]byte // rows
	size    int      // bytes of headers
	row     []byte
}

var _ patch.Change = (*Inverse)(nil)

// New returns an inverse of nothing. The caller must close it.
func New() (*Inverse, error) {
	s, err := newSpool()
	if err != nil {
		return nil, err
	}
	return &Inverse{spool: s, begun: -1}, nil
}

// Close removes the temporary file.
func (v *Inverse) Close() { v.spool.close() }

// Patch returns the inverse, an RDF Patch, of what has come so far. Nothing may come after it.
func (v *Inverse) Patch() (io.Reader, error) {
	if err := v.end(); err != nil {
		return nil, err
	}
	return v.spool.backward()
}

// Header keeps a header until its transaction has come, since in the inverse, too, it goes before it. The headers id and
// prev, which name the patch, are left out.
func (v *Inverse) Header(name string, value rdf.Term) error {
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

// Begin implements [patch.Change].
func (v *Inverse) Begin() error {
	v.begun = v.spool.size
	return v.write(patch.AppendCommit(v.row[:0]))
}

// Commit implements [patch.Change].
func (v *Inverse) Commit() error {
	v.begun = -1
	if err := v.write(patch.AppendBegin(v.row[:0])); err != nil {
		return err
	}
	return v.end()
}

// Abort drops the transaction.
func (v *Inverse) Abort() error {
	size := v.begun
	v.begun, v.headers, v.size = -1, nil, 0
	return v.spool.truncate(size)
}

// end writes the headers, the last one first.
func (v *Inverse) end() error {
	for i := len(v.headers) - 1; i >= 0; i-- {
		if err := v.spool.write(v.headers[i]); err != nil {
			return err
		}
	}
	v.headers, v.size = v.headers[:0], 0
	return nil
}

// AddPrefix implements [patch.Change].
func (v *Inverse) AddPrefix(graph rdf.Term, prefix, _ string) error {
	return v.write(patch.AppendDeletePrefix(v.row[:0], graph, prefix))
}

// DeletePrefix is a [patch.ErrNotInvertible].
func (v *Inverse) DeletePrefix(_ rdf.Term, prefix string) error {
	return fmt.Errorf("row PD %q, which does not say which IRI the prefix had: %w", prefix, patch.ErrNotInvertible)
}

// Add implements [patch.Change].
func (v *Inverse) Add(q rdf.Quad) error { return v.write(patch.AppendDelete(v.row[:0], q)) }

// Delete implements [patch.Change].
func (v *Inverse) Delete(q rdf.Quad) error { return v.write(patch.AppendAdd(v.row[:0], q)) }

func (v *Inverse) write(row []byte) error {
	v.row = row
	return v.spool.write(row)
}
