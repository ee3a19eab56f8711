package patch

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
)

// DefaultMaxTransaction is the number of bytes of terms that who must hold a transaction does unless told otherwise.
const DefaultMaxTransaction = 64 << 20

// ErrTransactionSize: the transaction is over the bound.
var ErrTransactionSize = fmt.Errorf("transaction %w", rdf.ErrLimit)

// Errors of a [Change] whose rows come out of order. Readers don't let that happen.
var (
	// ErrNested: a transaction begins in another one.
	ErrNested = errors.New("TX inside a transaction")
	// ErrNotOpen: a transaction ends that has not begun.
	ErrNotOpen = errors.New("TC or TA without TX")
)

// heldRows are the changes of a transaction: their terms one after the other in text, their lengths in rows.
type heldRows struct {
	max  int // bytes of text; 0: DefaultMaxTransaction
	text []byte
	rows []heldRow
}

type heldRow struct {
	kind rowKind
	len  [4]uint32
}

type rowKind uint8

const (
	addRow rowKind = iota
	deleteRow
	addPrefixRow    // graph, prefix, IRI
	deletePrefixRow // graph, prefix
)

// parts are the terms of a quad, or what a prefix row has.
type parts [4]string

func quadParts(q rdf.Quad) parts {
	return parts{q.S.String(), q.P.String(), q.O.String(), q.G.String()}
}

func (p *parts) quad() rdf.Quad {
	return rdf.Quad{S: rdf.Trusted(p[0]), P: rdf.Trusted(p[1]), O: rdf.Trusted(p[2]), G: rdf.Trusted(p[3])}
}

func (p *parts) size() int { return len(p[0]) + len(p[1]) + len(p[2]) + len(p[3]) }

// hold keeps a row.
func (h *heldRows) hold(kind rowKind, p parts) error {
	most := h.max
	if most <= 0 {
		most = DefaultMaxTransaction
	}
	if len(h.text)+p.size() > most {
		return fmt.Errorf("%w of %d bytes", ErrTransactionSize, most)
	}
	row := heldRow{kind: kind}
	for i, part := range p {
		h.text = append(h.text, part...)
		row.len[i] = uint32(len(part))
	}
	h.rows = append(h.rows, row)
	return nil
}

// reset forgets the rows, and keeps the memory unless it is a lot.
func (h *heldRows) reset() {
	if cap(h.text) > DefaultMaxTransaction {
		h.text, h.rows = nil, nil
	}
	h.text, h.rows = h.text[:0], h.rows[:0]
}

// forward calls fn with the rows in their order. Their parts are valid until the next row is held.
func (h *heldRows) forward(fn func(rowKind, parts) error) error {
	at := 0
	for _, row := range h.rows {
		var p parts
		for i := range p {
			end := at + int(row.len[i])
			p[i] = unsafe.String(unsafe.SliceData(h.text[at:end]), end-at)
			at = end
		}
		if err := fn(row.kind, p); err != nil {
			return err
		}
	}
	return nil
}
