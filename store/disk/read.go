package disk

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// reader reads a state of the database. It is used by one goroutine.
type reader struct {
	src     pebble.Reader
	stats   *statistics
	idle    []cursor // that may be used again
	key     []byte   // in use within a call alone
	changes uint64   // of what is read; no cursor of before is used again
}

// cursor is an iterator that sees what was there after so many changes.
type cursor struct {
	*pebble.Iterator
	changes uint64
}

// changed notes that what is read is not what it was.
func (r *reader) changed() { r.changes++ }

// get returns the value of a key, appended to dst; nil if there is none.
func (r *reader) get(key, dst []byte) ([]byte, error) {
	value, closer, err := r.src.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	defer closer.Close()
	if dst == nil {
		dst = make([]byte, 0, len(value))
	}
	return append(dst, value...), nil
}

// has reports whether there is a key.
func (r *reader) has(key []byte) (bool, error) {
	var none [0]byte
	value, err := r.get(key, none[:])
	return value != nil, err
}

// lookup returns the id of a text, Any if it has none.
func (r *reader) lookup(text string) (store.ID, error) {
	var room [16]byte
	r.key = textKeyOf(r.key[:0], text)
	value, err := r.get(r.key, room[:0])
	if err != nil || value == nil {
		return store.Any, err
	}
	n, rest, ok := cutNumber(value)
	if !ok || len(rest) > 0 {
		return store.Any, fmt.Errorf("%w: the id of %.100q is %x", ErrDamaged, text, value)
	}
	return store.ID(n), nil
}

// Lookup implements [store.Reader].
func (r *reader) Lookup(t rdf.Term) (store.ID, bool, error) {
	if t.IsZero() {
		return store.DefaultGraph, true, nil
	}
	if id, inline := store.InlineID(t); inline {
		return id, true, nil
	}
	id, err := r.lookup(t.String())
	return id, id != store.Any, err
}

// Term implements [store.Reader].
func (r *reader) Term(id store.ID) (rdf.Term, error) {
	if id == store.DefaultGraph {
		return rdf.Term{}, nil
	}
	if t, inline := store.InlineTerm(id); inline {
		return t, nil
	}
	r.key = idKey(r.key[:0], id)
	text, err := r.get(r.key, nil)
	if err == nil && text == nil {
		err = store.ErrNoTerm
	}
	return rdf.Trusted(string(text)), err
}

// cursor returns one with these bounds.
func (r *reader) cursor(low, high []byte) (cursor, error) {
	for n := len(r.idle); n > 0; n = len(r.idle) {
		c := r.idle[n-1]
		r.idle = r.idle[:n-1]
		if c.changes == r.changes {
			c.SetBounds(low, high)
			return c, nil
		}
		_ = c.Close() // its errors have come from its reading
	}
	it, err := r.src.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return cursor{}, fmt.Errorf("read store: %w", err)
	}
	return cursor{it, r.changes}, nil
}

// release takes a cursor back, unless it has failed.
func (r *reader) release(c cursor) error {
	if err := c.Error(); err != nil {
		return fmt.Errorf("read store: %w", errors.Join(err, c.Close()))
	}
	r.idle = append(r.idle, c)
	return nil
}

// close closes all cursors that are not in use.
func (r *reader) close() {
	for _, c := range r.idle {
		_ = c.Close()
	}
	r.idle = nil
}

// quads is the number of quads of a predicate, or with Any of all, as the last commit says.
func (r *reader) quads(predicate store.ID) (int, error) {
	if predicate == store.Any {
		var h head
		value, err := r.get([]byte{headKey}, nil)
		if err == nil && value != nil && !h.parse(value) {
			err = fmt.Errorf("%w: its head", ErrDamaged)
		}
		return int(h.quads), err
	}
	var room [16]byte
	r.key = appendNumber(append(r.key[:0], countKey), uint64(predicate))
	value, err := r.get(r.key, room[:0])
	if err != nil || value == nil {
		return 0, err
	}
	n, _, ok := cutNumber(value)
	if !ok {
		return 0, fmt.Errorf("%w: the count %x", ErrDamaged, value)
	}
	return int(n), nil
}

// match yields the quads that fit. check is called after each; its error ends the reading.
func (r *reader) match(p store.Pattern, check func() error) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		for _, b := range find(p) {
			if more, err := r.scan(&b, yield, check); err != nil {
				yield(store.Quad{}, err)
				return
			} else if !more {
				return
			}
		}
	}
}

// scan reports whether to go on.
func (r *reader) scan(b *bounds, yield func(store.Quad, error) bool, check func() error) (more bool, err error) {
	it, err := r.cursor(b.low, b.high)
	if err != nil {
		return false, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		q, good := b.order.quad(it.Key())
		if !good {
			return false, errors.Join(fmt.Errorf("%w: the key %x is none of a quad", ErrDamaged, it.Key()), r.release(it))
		}
		if !yield(q, nil) {
			return false, r.release(it)
		}
		if err := check(); err != nil {
			return false, errors.Join(err, it.Close())
		}
	}
	return true, r.release(it)
}

// countMatches counts the quads that fit.
func (r *reader) countMatches(p store.Pattern) (sum int, err error) {
	for _, b := range find(p) {
		n, err := r.countKeys(b.low, b.high)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// countKeys counts the keys from low on and before high.
func (r *reader) countKeys(low, high []byte) (n int, err error) {
	c, err := r.cursor(low, high)
	if err != nil {
		return 0, err
	}
	for ok := c.First(); ok; ok = c.Next() {
		n++
	}
	return n, r.release(c)
}

// any reports whether a quad fits.
func (r *reader) any(p store.Pattern) (bool, error) {
	for _, b := range find(p) {
		it, err := r.cursor(b.low, b.high)
		if err != nil {
			return false, err
		}
		there := it.First()
		if err := r.release(it); err != nil || there {
			return there, err
		}
	}
	return false, nil
}

// view is a snapshot of the database.
type view struct {
	reader
	snapshot *pebble.Snapshot // nil: it is closed
	head     head
}

var _ store.Dense = (*view)(nil)

// View pins what is committed.
func (s *Store) View() store.View {
	s.pins.RLock()
	defer s.pins.RUnlock()
	snapshot := s.db.NewSnapshot()
	v := &view{snapshot: snapshot, reader: reader{src: snapshot, stats: &s.stats}}
	v.head = head{position: s.Position(), quads: uint64(s.Len()), last: s.head.last, meta: s.head.meta}
	return v
}

// Position implements [store.View].
func (v *view) Position() uint64 { return v.head.position }

// Len implements [store.View].
func (v *view) Len() int { return int(v.head.quads) }

// Meta implements [store.View].
func (v *view) Meta() ([]byte, error) { return v.head.meta, v.check() }

// Close implements [store.View].
func (v *view) Close() {
	if v.snapshot != nil {
		v.close()
		_ = v.snapshot.Close() // only ever fails for a second call
		v.snapshot = nil
	}
}

func (v *view) check() error {
	if v.snapshot == nil {
		return store.ErrClosed
	}
	return nil
}

// Lookup implements [store.Reader].
func (v *view) Lookup(t rdf.Term) (store.ID, bool, error) {
	if err := v.check(); err != nil {
		return store.Any, false, err
	}
	return v.reader.Lookup(t)
}

// Term implements [store.Reader].
func (v *view) Term(id store.ID) (rdf.Term, error) {
	if err := v.check(); err != nil {
		return rdf.Term{}, err
	}
	return v.reader.Term(id)
}

// Match implements [store.Reader].
func (v *view) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		if err := v.check(); err != nil {
			yield(store.Quad{}, err)
			return
		}
		v.match(p, v.check)(yield)
	}
}

// Blocks implements [store.Reader].
func (v *view) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	return store.InBlocks(v.Match(p), block, each)
}

// Count implements [store.Reader].
func (v *view) Count(p store.Pattern) (int, error) {
	if err := v.check(); err != nil {
		return 0, err
	}
	if p == (store.Pattern{}) {
		return v.Len(), nil
	}
	return v.countMatches(p)
}

// Statistics implements [store.Reader].
func (v *view) Statistics(predicate store.ID) (store.Statistics, error) {
	if err := v.check(); err != nil {
		return store.Statistics{}, err
	}
	quads, err := v.quads(predicate)
	if err != nil {
		return store.Statistics{}, err
	}
	return v.stats.of(predicate, quads), nil
}

// Terms implements [store.Dense]: of ids that are gone it yields the zero term, at the cost of a byte each in a snapshot.
func (v *view) Terms() iter.Seq2[rdf.Term, error] {
	return func(yield func(rdf.Term, error) bool) {
		if err := v.terms(yield); err != nil && !errors.Is(err, io.EOF) {
			yield(rdf.Term{}, err)
		}
	}
}

// terms returns io.EOF where yield says that it is enough.
func (v *view) terms(yield func(rdf.Term, error) bool) error {
	if err := v.check(); err != nil {
		return err
	}
	it, err := v.cursor([]byte{termKey}, []byte{termKey + 1})
	if err != nil {
		return err
	}
	next := store.ID(1)
	for ok := it.First(); ok; ok = it.Next() {
		n, _, good := cutNumber(it.Key()[1:])
		text, err := it.ValueAndErr()
		if !good || err != nil {
			return errors.Join(fmt.Errorf("%w: term %x", ErrDamaged, it.Key()), err, it.Close())
		}
		for ; next < store.ID(n); next++ {
			if !yield(rdf.Term{}, nil) {
				return errors.Join(io.EOF, v.release(it))
			}
		}
		if !yield(rdf.Trusted(string(text)), nil) {
			return errors.Join(io.EOF, v.release(it))
		}
		next++
	}
	return v.release(it)
}
