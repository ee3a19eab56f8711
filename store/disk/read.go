package disk

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// idleCursors is how many a reader keeps for use again: each keeps buffers and tables that are gone otherwise.
const idleCursors = 8

// maxBlock is how many quads or keys are read at a time, while [Store.Close] waits.
const maxBlock = 64

// reader reads a state of the database. It is used by one goroutine, but may be ended by another.
type reader struct {
	src     pebble.Reader
	faults  *faults // nil: damage is not noted
	stats   *statistics
	key     []byte // in use within a call alone
	changes uint64 // of what is read; no cursor of before is used again

	mu      sync.Mutex // of what is below, held while src is read
	ended   atomic.Bool
	cursors []*cursor // all there are
}

// cursor is an iterator that sees what was there after so many changes.
type cursor struct {
	it      *pebble.Iterator
	changes uint64
	busy    bool // it is in use
	order   *order
	begun   bool
	done    bool
	block   []store.Quad // that were read
}

// changed notes that what is read is not what it was.
func (r *reader) changed() { r.changes++ }

// get returns the value of a key, appended to dst; nil if there is none.
func (r *reader) get(key, dst []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Load() {
		return nil, store.ErrClosed
	}
	value, closer, err := r.src.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, r.failed(err)
	}
	if dst == nil {
		dst = make([]byte, 0, len(value))
	}
	dst = append(dst, value...)
	return dst, closer.Close()
}

// failed is an error of reading. Damage is noted.
func (r *reader) failed(err error) error {
	if err = diskError(err); errors.Is(err, ErrDamaged) {
		r.faults.found(err)
	}
	return fmt.Errorf("read store: %w", err)
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
		return store.Any, r.failed(fmt.Errorf("%w: the id of %.100q is %x", ErrDamaged, text, value))
	}
	return store.ID(n), nil
}

// Lookup implements [store.Reader].
func (r *reader) Lookup(t rdf.Term) (store.ID, bool, error) { return lookup(t, r.lookup) }

// lookup finds a term, whose text it looks up if it has to.
func lookup(t rdf.Term, text func(string) (store.ID, error)) (store.ID, bool, error) {
	if t.IsZero() {
		return store.DefaultGraph, true, nil
	}
	if id, inline := store.InlineID(t); inline {
		return id, true, nil
	}
	id, err := text(t.String())
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
	return rdf.Trusted(asString(text)), err
}

// cursor returns one with these bounds, of keys that are of quads in that order (nil: of others). Whoever takes it releases it.
func (r *reader) cursor(low, high []byte, o *order) (*cursor, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Load() {
		return nil, store.ErrClosed
	}
	r.trim()
	for _, c := range r.cursors {
		if !c.busy {
			c.it.SetBounds(low, high)
			c.busy, c.begun, c.done, c.order = true, false, false, o
			return c, nil
		}
	}
	it, err := r.src.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return nil, r.failed(err)
	}
	c := &cursor{it: it, changes: r.changes, busy: true, order: o}
	r.cursors = append(r.cursors, c)
	return c, nil
}

// trim closes the cursors that nobody uses and that see what was before, or are too many. Their errors have come from their reading.
func (r *reader) trim() {
	idle := 0
	r.cursors = slices.DeleteFunc(r.cursors, func(c *cursor) bool {
		if c.busy {
			return false
		}
		if idle++; c.changes == r.changes && idle <= idleCursors && c.it.Error() == nil {
			return false
		}
		_ = c.it.Close()
		return true
	})
}

// release takes a cursor back. One of a reader that has ended is closed already.
func (r *reader) release(c *cursor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.busy = false
	r.trim()
}

// end closes all cursors, also those that are in use: what reads them gets [store.ErrClosed]. It reports whether that is new.
func (r *reader) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Load() {
		return false
	}
	r.ended.Store(true)
	for _, c := range r.cursors {
		_ = c.it.Close() // its errors have come from its reading
	}
	r.cursors = nil
	return true
}

// advance has each called for the next keys, at most n; more is false behind the last.
func (r *reader) advance(c *cursor, n int, each func(*pebble.Iterator) error) (more bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended.Load() {
		return false, store.ErrClosed
	}
	for range n {
		if !c.next() {
			if err := c.it.Error(); err != nil {
				return false, r.failed(err)
			}
			return false, nil
		}
		if err := each(c.it); errors.Is(err, ErrDamaged) {
			return false, r.failed(err)
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c *cursor) next() bool {
	switch {
	case c.done:
	case !c.begun:
		c.begun = true
		c.done = !c.it.First()
	default:
		c.done = !c.it.Next()
	}
	return !c.done
}

// quad takes the quad in where the iterator is.
func (c *cursor) quad(it *pebble.Iterator) error {
	q, good := c.order.quad(it.Key())
	if !good {
		return fmt.Errorf("%w: the key %x is none of a quad", ErrDamaged, it.Key())
	}
	c.block = append(c.block, q)
	return nil
}

// quads is the number of quads of a predicate, or with Any of all, as the last commit says.
func (r *reader) quads(predicate store.ID) (int, error) {
	if predicate == store.Any {
		var h head
		value, err := r.get([]byte{headKey}, nil)
		if err == nil && value != nil && !h.parse(value) {
			err = r.failed(fmt.Errorf("%w: its head", ErrDamaged))
		}
		return int(h.quads), err
	}
	var room [16]byte
	r.key = countKeyOf(r.key[:0], predicate)
	value, err := r.get(r.key, room[:0])
	if err != nil || value == nil {
		return 0, err
	}
	n, _, ok := cutNumber(value)
	if !ok {
		return 0, r.failed(fmt.Errorf("%w: the count %x", ErrDamaged, value))
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

// scan reports whether to go on. It reads few quads first, since often few are asked for.
func (r *reader) scan(b *bounds, yield func(store.Quad, error) bool, check func() error) (more bool, err error) {
	c, err := r.cursor(b.low, b.high, b.order)
	if err != nil {
		return false, err
	}
	defer r.release(c)
	more = true
	for n := 4; more; n = min(2*n, maxBlock) {
		c.block = c.block[:0]
		more, err = r.advance(c, n, c.quad)
		for _, q := range c.block {
			if !yield(q, nil) {
				return false, nil
			}
			if err := check(); err != nil {
				return false, err
			}
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
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
	return n, r.each(low, high, func(*pebble.Iterator) error { n++; return nil })
}

// each calls fn for the keys from low on and before high.
func (r *reader) each(low, high []byte, fn func(*pebble.Iterator) error) error {
	c, err := r.cursor(low, high, nil)
	if err != nil {
		return err
	}
	defer r.release(c)
	for more := true; more; {
		if more, err = r.advance(c, maxBlock, fn); err != nil {
			return err
		}
	}
	return nil
}

// any reports whether a quad fits.
func (r *reader) any(p store.Pattern) (there bool, err error) {
	for _, b := range find(p) {
		c, err := r.cursor(b.low, b.high, b.order)
		if err != nil {
			return false, err
		}
		there, err := r.advance(c, 1, func(*pebble.Iterator) error { return nil })
		if r.release(c); err != nil || there {
			return there, err
		}
	}
	return false, nil
}
