package patch

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/rdf"
)

// DefaultMaxRequest is the number of bytes that a request of an [UpdateWriter] may have unless told otherwise.
const DefaultMaxRequest = 1 << 20

// ErrBlankNode: SPARQL Update has no way to name a blank node that is there already.
var ErrBlankNode = errors.New("a blank node can't be named in SPARQL Update")

// BlankPolicy says what stands for a blank node where it can't be named: an IRI, or an error.
type BlankPolicy func(blank rdf.Term) (rdf.Term, error)

// RefuseBlanks is the policy that makes every blank node an [ErrBlankNode].
func RefuseBlanks(blank rdf.Term) (rdf.Term, error) {
	return blank, fmt.Errorf("%s: %w", blank, ErrBlankNode)
}

// Skolemise returns the policy that makes an IRI of each blank node: prefix and its label. The store must have been fed
// so from the beginning.
func Skolemise(prefix string) BlankPolicy {
	return func(blank rdf.Term) (rdf.Term, error) { return rdf.IRI(prefix + blank.Value()) }
}

// UpdateWriter is a [Change] that writes SPARQL 1.1 Update, so that any store that speaks SPARQL can be fed (triple
// terms and base directions need SPARQL 1.2). Each transaction is its net effect, deletions before additions: DELETE
// DATA, then INSERT DATA. Transactions keep their order, and aborted ones are left out, as are headers and prefixes.
//
// A request is whole operations, each ended by ";", so that requests one after the other are a request too. It has as
// many transactions as fit, and a transaction is in one request if it fits into one: a store applies that as a whole.
// Rows outside a transaction are written as if they were in one, up to the next TX or [UpdateWriter.Flush].
//
// It is used by one goroutine at a time.
type UpdateWriter struct {
	emit  func(request []byte) error
	blank BlankPolicy
	max   int
	net   Net
	buf   []byte
	kind  rowKind // of the operation under way in buf
	in    bool    // an operation is under way
	line  []byte  // the row that is written
	err   error
}

var _ Change = (*UpdateWriter)(nil)

// UpdateOption changes how an [UpdateWriter] writes.
type UpdateOption func(*UpdateWriter)

// MaxRequest bounds the bytes of a request ([DefaultMaxRequest], which 0 stands for). A row that does not fit into one
// is [rdf.ErrLimit].
func MaxRequest(bytes int) UpdateOption {
	return func(u *UpdateWriter) {
		if bytes > 0 {
			u.max = bytes
		}
	}
}

// MaxTransaction bounds the bytes of the terms of a transaction, which is held until it commits
// ([DefaultMaxTransaction], which 0 stands for). A longer one is [ErrTransactionSize].
func MaxTransaction(bytes int) UpdateOption { return func(u *UpdateWriter) { u.net.MaxBytes = bytes } }

// NewUpdateWriter returns a writer that hands each request to emit, whose bytes are valid until emit returns. What was
// written has been emitted only after [UpdateWriter.Flush]. After an error, of emit or of a row, no row is taken.
func NewUpdateWriter(emit func(request []byte) error, blank BlankPolicy, opts ...UpdateOption) *UpdateWriter {
	u := &UpdateWriter{emit: emit, blank: blank, max: DefaultMaxRequest}
	for _, opt := range opts {
		opt(u)
	}
	return u
}

// Flush emits what is pending. An open transaction stays pending.
func (u *UpdateWriter) Flush() error {
	if u.err == nil {
		u.err = u.drain()
	}
	if u.err == nil {
		u.err = u.send()
	}
	return u.err
}

// drain writes the net effect. What does not fit behind the transactions before it begins a request of its own.
func (u *UpdateWriter) drain() error {
	rows := updateRows{u: u, split: len(u.buf) == 0}
	before, kind, in := len(u.buf), u.kind, u.in
	err := u.net.Emit(&rows)
	if !errors.Is(err, errFull) {
		return err
	}
	u.buf, u.kind, u.in = u.buf[:before], kind, in
	if err := u.send(); err != nil {
		return err
	}
	rows.split = true
	return u.net.Emit(&rows)
}

// send emits the request.
func (u *UpdateWriter) send() error {
	u.end()
	if len(u.buf) == 0 {
		return nil
	}
	err := u.emit(u.buf)
	u.buf = u.buf[:0]
	return err
}

// operationEnd ends an operation.
const operationEnd = "} ;\n"

func (u *UpdateWriter) end() {
	if u.in {
		u.buf = append(u.buf, operationEnd...)
		u.in = false
	}
}

// Header takes an H row, of which nothing is written.
func (u *UpdateWriter) Header(string, rdf.Term) error { return u.err }

// AddPrefix takes a PA row, of which nothing is written.
func (u *UpdateWriter) AddPrefix(rdf.Term, string, string) error { return u.err }

// DeletePrefix takes a PD row, of which nothing is written.
func (u *UpdateWriter) DeletePrefix(rdf.Term, string) error { return u.err }

// Begin begins a transaction.
func (u *UpdateWriter) Begin() error { return u.step(u.drain, u.net.Begin) }

// Commit writes the transaction.
func (u *UpdateWriter) Commit() error { return u.step(u.net.Commit, u.drain) }

// Abort drops the transaction.
func (u *UpdateWriter) Abort() error { return u.step(u.net.Abort) }

func (u *UpdateWriter) step(steps ...func() error) error {
	for _, step := range steps {
		if u.err == nil {
			u.err = step()
		}
	}
	return u.err
}

// Add takes an A row.
func (u *UpdateWriter) Add(q rdf.Quad) error { return u.row(addRow, quadParts(q)) }

// Delete takes a D row.
func (u *UpdateWriter) Delete(q rdf.Quad) error { return u.row(deleteRow, quadParts(q)) }

func (u *UpdateWriter) row(kind rowKind, p parts) error {
	if u.err != nil {
		return u.err
	}
	u.err = u.net.row(kind, p)
	if !u.net.open && u.net.Len() > 0 && errors.Is(u.err, ErrTransactionSize) {
		if u.err = u.drain(); u.err == nil {
			u.err = u.net.row(kind, p)
		}
	}
	return u.err
}

// errFull: the request has no room for the row.
var errFull = errors.New("request is full")

// updateRows writes the rows of a net effect.
type updateRows struct {
	Counter
	u     *UpdateWriter
	split bool // into requests
}

func (r *updateRows) Add(q rdf.Quad) error    { return r.row(addRow, "INSERT DATA {\n", q) }
func (r *updateRows) Delete(q rdf.Quad) error { return r.row(deleteRow, "DELETE DATA {\n", q) }

func (r *updateRows) row(kind rowKind, operation string, q rdf.Quad) error {
	u := r.u
	q, err := u.blank.Name(q)
	if err != nil {
		return err
	}
	u.line = appendData(u.line[:0], q)
	size := len(u.line) + len(operationEnd)
	if !u.in || u.kind != kind {
		size += len(operation) + len(operationEnd)
	}
	if len(u.buf)+size > u.max {
		if !r.split {
			return errFull
		}
		if err := u.send(); err != nil {
			return err
		}
		if size = len(u.line) + len(operation) + len(operationEnd); size > u.max {
			return fmt.Errorf("request of %d bytes for one row is %w of %d", size, rdf.ErrLimit, u.max)
		}
	}
	if !u.in || u.kind != kind {
		u.end()
		u.buf = append(u.buf, operation...)
		u.in, u.kind = true, kind
	}
	u.buf = append(u.buf, u.line...)
	return nil
}

// appendData appends a quad as a line of quad data.
func appendData(dst []byte, q rdf.Quad) []byte {
	dst = append(dst, "  "...)
	if !q.G.IsZero() {
		dst = append(append(append(dst, "GRAPH "...), q.G.String()...), " { "...)
	}
	for _, t := range [...]rdf.Term{q.S, q.P, q.O} {
		dst = append(append(dst, t.String()...), ' ')
	}
	dst = append(dst, '.')
	if !q.G.IsZero() {
		dst = append(dst, " }"...)
	}
	return append(dst, '\n')
}

// Name returns the quad with what stands for its blank nodes, those within triple terms among them.
func (b BlankPolicy) Name(q rdf.Quad) (rdf.Quad, error) {
	for _, t := range [...]*rdf.Term{&q.S, &q.O, &q.G} {
		named, err := b.named(*t)
		if err != nil {
			return q, err
		}
		*t = named
	}
	return q, nil
}

func (b BlankPolicy) named(t rdf.Term) (rdf.Term, error) {
	switch t.Kind() {
	case rdf.KindBlank:
		return b(t)
	case rdf.KindTriple:
		parts, _ := t.Triple()
		s, err := b.named(parts.S)
		if err != nil {
			return t, err
		}
		o, err := b.named(parts.O)
		if err != nil || s == parts.S && o == parts.O {
			return t, err
		}
		return rdf.TripleTerm(s, parts.P, o)
	}
	return t, nil
}
