package disk

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// view is a snapshot of the database. It may be closed by [Store.Close], on another goroutine.
type view struct {
	reader
	s        *Store
	snapshot *snapshot // nil: there was none, the store is closed
	head     head
}

// snapshot is what views of the same content read. The store's pins guard it.
type snapshot struct {
	*pebble.Snapshot
	views int // that are open
}

var _ store.Dense = (*view)(nil)

// View pins what is committed. That of a store that is closed is closed.
func (s *Store) View() store.View {
	s.pins.Lock()
	defer s.pins.Unlock()
	v := &view{s: s, head: head{position: s.Position(), quads: uint64(s.Len()), last: s.head.last, meta: s.head.meta}}
	if v.ended.Store(s.closed); !s.closed {
		v.read(&snapshot{Snapshot: s.db.NewSnapshot()})
	}
	return v
}

// read has the view read a snapshot; pins are locked.
func (v *view) read(of *snapshot) {
	of.views++
	v.snapshot = of
	v.reader.src, v.reader.stats, v.reader.faults = of, &v.s.stats, v.s.faults
	v.s.views[v] = struct{}{}
}

// Again implements [store.View].
func (v *view) Again() store.View {
	v.s.pins.Lock()
	defer v.s.pins.Unlock()
	again := &view{s: v.s, head: v.head}
	if again.ended.Store(v.ended.Load()); !v.ended.Load() {
		again.read(v.snapshot)
	}
	return again
}

// Position implements [store.View].
func (v *view) Position() uint64 { return v.head.position }

// Len implements [store.View].
func (v *view) Len() int { return int(v.head.quads) }

// Meta implements [store.View].
func (v *view) Meta() ([]byte, error) { return v.head.meta, v.check() }

// Close implements [store.View].
func (v *view) Close() {
	v.s.pins.Lock()
	defer v.s.pins.Unlock()
	v.shut()
}

// shut closes the view; pins are locked.
func (v *view) shut() {
	if v.end() {
		if v.snapshot.views--; v.snapshot.views == 0 {
			_ = v.snapshot.Close() // only ever fails for a second call
		}
		delete(v.s.views, v)
	}
}

func (v *view) check() error {
	if v.ended.Load() {
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
		if err := v.terms(yield); err != nil {
			yield(rdf.Term{}, err)
		}
	}
}

// terms yields terms until yield says that it is enough.
func (v *view) terms(yield func(rdf.Term, error) bool) error {
	c, err := v.cursor([]byte{termKey}, []byte{termKey + 1}, nil)
	if err != nil {
		return err
	}
	defer v.release(c)
	var id store.ID
	var text string
	read := func(it *pebble.Iterator) error {
		n, _, good := cutNumber(it.Key()[1:])
		value, err := it.ValueAndErr()
		if !good || err != nil {
			return errors.Join(fmt.Errorf("%w: term %x", ErrDamaged, it.Key()), err)
		}
		id, text = store.ID(n), string(value)
		return nil
	}
	for next := store.ID(1); ; next++ {
		more, err := v.advance(c, 1, read)
		if err != nil || !more {
			return err
		}
		for ; next < id; next++ {
			if !yield(rdf.Term{}, nil) {
				return nil
			}
		}
		if !yield(rdf.Trusted(text), nil) {
			return nil
		}
	}
}
