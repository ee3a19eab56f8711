package publish

import (
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// document is a body of changes to be sent.
type document struct {
	body    []byte
	format  rdfio.Format // Update, or else an RDF Patch
	changes uint64       // rows that add or delete, or operations
	prev    bool         // it begins with the header "prev"
}

// divider cuts a stream of rows into documents, at the ends of transactions; rows outside a transaction, and the
// statements of N-Quads, may be cut anywhere. Where it cuts depends on the rows and the sizes alone, so that the same
// input gives the same documents. Aborted transactions are left out, and of the headers all but "prev", with which a
// document begins that holds just the patch that it stands in.
type divider struct {
	target, max int // bytes after which a document ends; bytes that it may have
	ignorePrev  bool
	// emit takes a document and returns an empty buffer for the next one.
	emit func(document) ([]byte, error)

	next         document
	prev         bool // next begins with the header "prev"
	begun        int  // where the transaction under way begins in next.body; -1: there is none
	begunChanges uint64
	transactions int
	since        time.Time // when the first change of next has come
}

var _ patch.Change = (*divider)(nil)

func newDivider(target, most int, emit func(document) ([]byte, error)) *divider {
	return &divider{target: target, max: most, emit: emit, begun: -1}
}

func (d *divider) Header(name string, value rdf.Term) error {
	isPrev := name == patch.HeaderPrev && !d.ignorePrev
	if isPrev || d.prev && name == patch.HeaderID {
		if err := d.cut(); err != nil {
			return err
		}
	}
	if isPrev {
		d.prev = true
		d.next.body = patch.AppendHeader(d.next.body, name, value)
	}
	return nil
}

func (d *divider) Begin() error {
	d.begun, d.begunChanges = len(d.next.body), d.next.changes
	d.transactions++
	d.next.body = patch.AppendBegin(d.next.body)
	return nil
}

func (d *divider) Commit() error {
	d.next.body = patch.AppendCommit(d.next.body)
	err := d.bound(d.begun, d.begunChanges)
	d.begun = -1
	if err != nil {
		return err
	}
	return d.full()
}

func (d *divider) Abort() error {
	d.next.body, d.next.changes = d.next.body[:d.begun], d.begunChanges
	d.begun = -1
	return nil
}

func (d *divider) AddPrefix(graph rdf.Term, prefix, iri string) error {
	return d.row(patch.AppendAddPrefix(d.next.body, graph, prefix, iri), 0)
}

func (d *divider) DeletePrefix(graph rdf.Term, prefix string) error {
	return d.row(patch.AppendDeletePrefix(d.next.body, graph, prefix), 0)
}

func (d *divider) Add(q rdf.Quad) error { return d.row(patch.AppendAdd(d.next.body, q), 1) }

func (d *divider) Delete(q rdf.Quad) error { return d.row(patch.AppendDelete(d.next.body, q), 1) }

// row takes the document with one more row, which holds that many changes.
func (d *divider) row(body []byte, changes uint64) error {
	at, before := len(d.next.body), d.next.changes
	if d.begun >= 0 {
		at, before = d.begun, d.begunChanges
	}
	if d.next.changes == 0 && changes > 0 {
		d.since = time.Now()
	}
	d.next.body, d.next.changes = body, d.next.changes+changes
	if err := d.bound(at, before); err != nil {
		return err
	}
	return d.full()
}

// full ends a document that is long enough where it may end.
func (d *divider) full() error {
	if d.begun >= 0 || d.prev || len(d.next.body) < d.target {
		return nil
	}
	return d.cut()
}

// bound ends a document that is too long before what can't be cut: the transaction under way or the last row, which
// begins at that byte, after so many changes.
func (d *divider) bound(at int, changes uint64) error {
	if len(d.next.body) <= d.max {
		return nil
	}
	if at == 0 || d.prev {
		return fmt.Errorf("transaction %d of the document has more than %d bytes; split it, or raise --max-transaction "+
			"here and --max-body of the nodes", d.transactions, d.max)
	}
	if err := d.cutAt(at, changes); err != nil {
		return err
	}
	return d.bound(0, 0)
}

// cutAt hands on what stands before that byte, which holds so many changes.
func (d *divider) cutAt(at int, changes uint64) error {
	whole := d.next
	d.next.body, d.next.changes = whole.body[:at], changes
	rest := append([]byte(nil), whole.body[at:]...)
	if err := d.cut(); err != nil {
		return err
	}
	d.next.body, d.next.changes = append(d.next.body, rest...), whole.changes-changes
	if d.begun >= 0 {
		d.begun, d.begunChanges = 0, 0
	}
	return nil
}

// whole returns what could be handed on now, without the transaction under way: up to which byte, and how many changes.
func (d *divider) whole() (at int, changes uint64) {
	switch {
	case d.prev: // it holds just the patch that it stands in
		return 0, 0
	case d.begun >= 0:
		return d.begun, d.begunChanges
	}
	return len(d.next.body), d.next.changes
}

// flush hands on what is whole.
func (d *divider) flush() error {
	at, changes := d.whole()
	if changes == 0 {
		return nil
	}
	return d.cutAt(at, changes)
}

// cut hands the document on, if there is anything in it.
func (d *divider) cut() error {
	d.next.prev, d.prev = d.prev, false
	if len(d.next.body) == 0 {
		return nil
	}
	buffer, err := d.emit(d.next)
	d.next = document{body: buffer}
	return err
}
