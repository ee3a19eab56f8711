package patch

import (
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Net is a [Change] that gathers the net effect of any number of transactions, and hands it on as one transaction that
// has each quad once. The zero Net is ready.
//
// The net effect has the last row of each quad, and of each prefix of a graph. It changes every dataset to what the
// rows change it to in their order. Aborted transactions are left out.
type Net struct {
	// Effective says that all rows are real changes: each A of what was absent, each D of what was there. Then an A after
	// a D of the same quad, or a D after an A, cancel each other, and the net effect is of real changes too.
	Effective bool
	// MaxBytes bounds the terms held (0: [DefaultMaxTransaction]; each row costs 32 to 40 bytes besides, and an open
	// transaction up to as much again). Where rows cancel each other, three quarters of it are sure to be had. Beyond it,
	// rows and commits are [ErrTransactionSize], after which the net effect is of no use.
	MaxBytes int

	table   rowTable
	held    heldRows // of the open transaction
	open    bool
	some    bool     // a transaction or row is in it
	headers []header // of what is in it
	mixed   bool     // it is of several logs
	coming  []header // of the next transaction or row
}

type header struct {
	name  string
	value rdf.Term
}

var _ Change = (*Net)(nil)

// Len is the number of rows of the net effect, without an open transaction.
func (n *Net) Len() int { return n.table.live }

// Emit hands the net effect to c, and forgets it: headers (the id is that of the last patch, prev that of the first
// one, of others the last of each name; patches of several logs, as their headers shard say, leave no id, prev and shard), TX, prefix rows, deletions, additions, and TC. It hands on nothing if no
// transaction came. An open transaction stays open, and is no part of it. After an error of c, which is returned,
// nothing is forgotten.
func (n *Net) Emit(c Change) error {
	if !n.some {
		return nil
	}
	for _, h := range n.headers {
		if err := c.Header(h.name, h.value); err != nil {
			return err
		}
	}
	if err := n.emit(c); err != nil {
		return err
	}
	n.table.reset()
	n.headers, n.some, n.mixed = nil, false, false
	return nil
}

func (n *Net) emit(c Change) error {
	if err := c.Begin(); err != nil {
		return err
	}
	for _, kind := range [...]rowKind{deletePrefixRow, addPrefixRow, deleteRow, addRow} {
		if err := n.table.each(kind, func(p *parts) error { return handOn(c, kind, p) }); err != nil {
			return err
		}
	}
	return c.Commit()
}

// handOn hands a row to c.
func handOn(c Change, kind rowKind, p *parts) error {
	switch kind {
	case addRow:
		return c.Add(p.quad())
	case deleteRow:
		return c.Delete(p.quad())
	case addPrefixRow:
		return c.AddPrefix(rdf.Trusted(p[0]), p[1], p[2])
	}
	return c.DeletePrefix(rdf.Trusted(p[0]), p[1])
}

// Header keeps a header.
func (n *Net) Header(name string, value rdf.Term) error {
	n.coming = append(n.coming, header{strings.Clone(normal(name)), value.Clone()})
	return nil
}

// merge takes the headers of a patch that is in the net effect now.
func (n *Net) merge() {
	n.mixed = n.mixed || n.otherLog()
	if n.mixed {
		n.headers, n.coming = slices.DeleteFunc(n.headers, header.links), slices.DeleteFunc(n.coming, header.links)
	}
	for _, h := range n.coming {
		at := slices.IndexFunc(n.headers, func(o header) bool { return o.name == h.name })
		switch {
		case h.name == HeaderPrev && n.some:
		case at >= 0:
			n.headers[at] = h
		default:
			n.headers = append(n.headers, h)
		}
	}
	n.coming, n.some = nil, true
}

// otherLog reports whether the patch that comes names another log than what is in the net effect.
func (n *Net) otherLog() bool {
	shard := func(h header) bool { return h.name == HeaderShard }
	before, after := slices.IndexFunc(n.headers, shard), slices.IndexFunc(n.coming, shard)
	return before >= 0 && after >= 0 && n.headers[before].value != n.coming[after].value
}

// links reports whether the header says where in a log a patch stands.
func (h header) links() bool {
	return h.name == HeaderID || h.name == HeaderPrev || h.name == HeaderShard
}

// Begin begins a transaction.
func (n *Net) Begin() error {
	if n.open {
		return ErrNested
	}
	n.open = true
	return nil
}

// Commit merges the transaction with what came before.
func (n *Net) Commit() error {
	if !n.open {
		return ErrNotOpen
	}
	if err := n.held.forward(n.put); err != nil {
		return err
	}
	n.merge()
	n.end()
	return nil
}

// Abort drops the transaction.
func (n *Net) Abort() error {
	if !n.open {
		return ErrNotOpen
	}
	n.end()
	return nil
}

func (n *Net) end() {
	n.open, n.coming = false, nil
	n.held.reset()
}

// AddPrefix keeps a PA row.
func (n *Net) AddPrefix(graph rdf.Term, prefix, iri string) error {
	return n.row(addPrefixRow, parts{graph.String(), prefix, iri})
}

// DeletePrefix keeps a PD row.
func (n *Net) DeletePrefix(graph rdf.Term, prefix string) error {
	return n.row(deletePrefixRow, parts{graph.String(), prefix})
}

// Add keeps an A row.
func (n *Net) Add(q rdf.Quad) error { return n.row(addRow, quadParts(q)) }

// Delete keeps a D row.
func (n *Net) Delete(q rdf.Quad) error { return n.row(deleteRow, quadParts(q)) }

func (n *Net) row(kind rowKind, p parts) error {
	if !n.open {
		n.merge()
		return n.put(kind, p)
	}
	n.held.max = n.MaxBytes
	return n.held.hold(kind, p)
}

func (n *Net) put(kind rowKind, p parts) error {
	if n.table.max = n.MaxBytes; n.table.max <= 0 {
		n.table.max = DefaultMaxTransaction
	}
	return n.table.put(kind, p, n.Effective)
}
