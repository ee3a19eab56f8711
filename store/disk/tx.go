package disk

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// tx is the open transaction: a batch, and what of it is known without it. Most only ask for single quads and terms. One that is asked
// for more has a batch that can be read together with the database, which costs a place in its index for each key.
type tx struct {
	reader
	s         *Store // nil: it has ended
	batch     *pebble.Batch
	indexed   bool                // src is the batch, else the database
	quads     map[store.Quad]bool // those that have changed: whether they are there
	log       []change
	grown     map[store.ID]int      // by how many quads each predicate, and Any for all
	touched   map[store.ID]struct{} // terms of which a quad went last, and none came: they may be without one at the end
	last      uint64                // the last id that was given
	given     map[string]store.ID   // texts that got one
	names     map[store.ID]string   // the same
	failed    error
	committed bool
}

const (
	// maxBatch is about how large the batch of a transaction may be, in bytes, and maxRecords how many keys it may have: it can't have more
	// than 4 GiB, nor can the index of its keys.
	maxBatch   = 2 << 30
	maxRecords = 1 << 26
	// spare is what a commit may write of its own.
	spare = 1 << 28
)

// change is a change of the transaction.
type change struct {
	quad  store.Quad
	added bool
}

// Begin starts the transaction. It panics if one is open.
func (s *Store) Begin() store.Tx {
	if s.tx != nil {
		panic("store: Begin while a transaction is open")
	}
	s.tx = &tx{s: s, batch: s.db.NewBatch(), reader: reader{src: s.db, stats: &s.stats, faults: s.faults}, last: s.head.last,
		grown: map[store.ID]int{}, touched: map[store.ID]struct{}{}, quads: map[store.Quad]bool{}, given: map[string]store.ID{},
		names: map[store.ID]string{}}
	return s.tx
}

// index has what is read from now on read with what the batch has.
func (t *tx) index() error {
	if t.indexed {
		return nil
	}
	batch := t.s.db.NewIndexedBatch()
	if err := batch.Apply(t.batch, nil); err != nil {
		_ = batch.Close() // it has nothing to fail with
		return t.fail(err)
	}
	_ = t.batch.Close() // as above
	t.batch, t.src, t.indexed = batch, batch, true
	return nil
}

// open panics if the transaction has ended.
func (t *tx) open() *tx {
	if t.s == nil {
		panic("store: the transaction has ended")
	}
	return t
}

// end ends the transaction.
func (t *tx) end() {
	t.reader.end()
	_ = t.batch.Close() // it has nothing to fail with
	for text := range t.given {
		t.s.known.forget(text)
	}
	if len(t.quads) > 0 && !t.committed {
		t.s.recent = recent{}
	}
	t.s.tx, t.s = nil, nil
}

// fail makes the transaction one that can only be rolled back.
func (t *tx) fail(err error) error {
	t.failed = diskError(err)
	return t.failed
}

// lookup returns the id of a text, Any if it has none. It remembers some.
func (t *tx) lookup(text string) (store.ID, error) {
	if id, ok := t.s.known.get(text); ok {
		return id, nil
	}
	if id, ok := t.given[text]; ok {
		return id, nil
	}
	id, err := t.reader.lookup(text)
	if err == nil && id != store.Any {
		t.s.known.put(text, id)
	}
	return id, err
}

// Lookup implements [store.Reader].
func (t *tx) Lookup(term rdf.Term) (store.ID, bool, error) { return lookup(term, t.open().lookup) }

// Term implements [store.Reader].
func (t *tx) Term(id store.ID) (rdf.Term, error) {
	if text, ok := t.open().names[id]; ok {
		return rdf.Trusted(text), nil
	}
	return t.reader.Term(id)
}

// ids returns the ids of the quad's terms; ok is false if one has none.
func (t *tx) ids(q *rdf.Quad) (ids store.Quad, ok bool, err error) {
	ok = true
	for place, term := range [...]rdf.Term{q.S, q.P, q.O, q.G} {
		id, there, err := t.Lookup(term)
		if err != nil {
			return ids, false, err
		}
		*component(&ids, uint8(place)) = id
		ok = ok && there
	}
	return ids, ok, nil
}

// there reports whether there is a quad.
func (t *tx) there(q *store.Quad) (bool, error) {
	if there, changed := t.quads[*q]; changed {
		return there, nil
	}
	if t.s.recent.has(q) {
		return true, nil
	}
	t.key = orders(q)[0].key(t.key[:0], q)
	return t.has(t.key)
}

// Add implements [store.Tx].
func (t *tx) Add(q rdf.Quad) (bool, error) {
	_, changed, err := t.Put(q)
	return changed, err
}

// Put implements [store.Tx].
func (t *tx) Put(q rdf.Quad) (store.Quad, bool, error) {
	if t.open().failed != nil {
		return store.Quad{}, false, t.failed
	}
	ids, known, err := t.ids(&q)
	if err == nil && known {
		if there, err := t.there(&ids); err != nil || there {
			return ids, false, errOr(err, t.fail)
		}
	}
	if err == nil {
		err = t.fits(&q)
	}
	if err != nil {
		return ids, false, t.fail(err)
	}
	if !known {
		err = t.intern(&q, &ids)
	}
	return ids, err == nil, t.added(&ids, err)
}

// added makes the change that a quad is there now, unless there is an error already.
func (t *tx) added(ids *store.Quad, err error) error {
	if err == nil {
		err = t.change(change{*ids, true})
	}
	if err != nil {
		t.touch(ids)
		return t.fail(err)
	}
	return nil
}

// AddIDs implements [store.Tx].
func (t *tx) AddIDs(q store.Quad) (bool, error) {
	if t.open().failed != nil {
		return false, t.failed
	}
	err := t.known(&q)
	if err == nil {
		if there, err := t.there(&q); err != nil || there {
			return false, errOr(err, t.fail)
		}
		err = t.fits(&rdf.Quad{})
	}
	if err != nil {
		return false, t.fail(err)
	}
	err = t.added(&q, nil)
	return err == nil, err
}

// known fails unless all ids of a quad have terms.
func (t *tx) known(q *store.Quad) error {
	for place := range uint8(4) {
		id := *component(q, place)
		ok := id == store.DefaultGraph
		switch {
		case ok:
			ok = place == 3
		case id.IsInline():
			_, ok = store.InlineTerm(id)
			ok = ok && place == 2
		case t.names[id] != "": // it was given in this transaction, of which the database knows nothing
			ok = true
		case id != store.Any:
			t.key = idKey(t.key[:0], id)
			var err error
			if ok, err = t.has(t.key); err != nil {
				return err
			}
		}
		if !ok {
			return fmt.Errorf("add a quad by the ids %d: %w", *q, store.ErrNoTerm)
		}
	}
	return nil
}

// fits fails if the store, or the transaction, can't have another quad, whose terms may be new.
func (t *tx) fits(q *rdf.Quad) error {
	if t.s.max > 0 && t.size()+len(t.log) >= t.s.max {
		return fmt.Errorf("%w: no room for another quad beside %d, with %d changes under way", store.ErrFull, t.size(), len(t.log))
	}
	return t.fitsBatch(q)
}

// fitsBatch fails if the transaction can't have another change.
func (t *tx) fitsBatch(q *rdf.Quad) error {
	bytes := t.batch.Len() + len(q.S.String()) + len(q.P.String()) + len(q.O.String()) + len(q.G.String())
	if bytes > t.s.maxBatch || t.batch.Count() > maxRecords {
		return fmt.Errorf("%w: a transaction of %d changes, with %d bytes, can't have another; commit, and begin the next", store.ErrFull, len(t.log), bytes)
	}
	return nil
}

// errOr is nil for no error, and what fn makes of one otherwise.
func errOr(err error, fn func(error) error) error {
	if err == nil {
		return nil
	}
	return fn(err)
}

// size is the number of quads as the transaction sees it.
func (t *tx) size() int { return t.s.Len() + t.grown[store.Any] }

// intern gives ids to the terms that have none.
func (t *tx) intern(q *rdf.Quad, ids *store.Quad) error {
	for place, term := range [...]rdf.Term{q.S, q.P, q.O, q.G} {
		at := component(ids, uint8(place))
		if *at != store.Any {
			continue
		}
		id, err := t.lookup(term.String()) // the quad may have the term twice
		if err == nil && id == store.Any {
			id, err = t.give(term.String())
		}
		if err != nil {
			return err
		}
		*at = id
	}
	return nil
}

// give gives an id to a text.
func (t *tx) give(text string) (store.ID, error) {
	t.last++
	id := store.ID(t.last)
	kept := t.s.known.put(text, id)
	if kept == "" {
		kept = strings.Clone(text)
	}
	t.given[kept], t.names[id] = id, kept
	var room [16]byte
	t.key = textKeyOf(t.key[:0], text)
	if err := t.batch.Set(t.key, appendNumber(room[:0], uint64(id)), nil); err != nil {
		return 0, err
	}
	t.key = idKey(t.key[:0], id)
	return id, t.batch.Set(t.key, []byte(text), nil)
}

// Delete implements [store.Tx].
func (t *tx) Delete(q rdf.Quad) (bool, error) {
	if t.open().failed != nil {
		return false, t.failed
	}
	ids, known, err := t.ids(&q)
	if err != nil || !known {
		return false, errOr(err, t.fail)
	}
	return t.DeleteIDs(ids)
}

// DeleteIDs implements [store.Tx].
func (t *tx) DeleteIDs(ids store.Quad) (bool, error) {
	if t.open().failed != nil {
		return false, t.failed
	}
	if there, err := t.there(&ids); err != nil || !there {
		return false, errOr(err, t.fail)
	}
	if err := t.fitsBatch(&rdf.Quad{}); err != nil {
		return false, t.fail(err)
	}
	if err := t.change(change{ids, false}); err != nil {
		return false, t.fail(err)
	}
	return true, nil
}

// change makes a change that is one, and notes it.
func (t *tx) change(c change) error {
	if err := t.write(&c); err != nil {
		return err
	}
	t.log = append(t.log, c)
	return nil
}

// touch notes that terms of a quad may be without one.
func (t *tx) touch(q *store.Quad) {
	for place := range uint8(4) {
		if id := *component(q, place); id < store.DefaultGraph && id != store.Any && !id.IsInline() {
			t.touched[id] = struct{}{}
		}
	}
}

// untouch notes that terms of a quad have one.
func (t *tx) untouch(q *store.Quad) {
	if len(t.touched) == 0 {
		return
	}
	for place := range uint8(4) {
		delete(t.touched, *component(q, place))
	}
}

// write writes the keys of a quad, or takes them away.
func (t *tx) write(c *change) (err error) {
	t.changed()
	orders := orders(&c.quad)
	n := 1
	if !c.added {
		n = -1
	}
	t.grown[c.quad.P] += n
	t.grown[store.Any] += n
	for i := range orders {
		t.key = orders[i].key(t.key[:0], &c.quad)
		if c.added {
			err = t.batch.Set(t.key, nil, nil)
		} else {
			err = t.batch.Delete(t.key, nil)
		}
		if err != nil {
			return err
		}
	}
	t.quads[c.quad] = c.added
	t.s.recent.set(&c.quad, c.added)
	if c.added {
		t.untouch(&c.quad)
	} else {
		t.touch(&c.quad)
	}
	return nil
}

// Savepoint implements [store.Tx].
func (t *tx) Savepoint() store.Savepoint { return store.Savepoint(len(t.open().log)) }

// RollbackTo implements [store.Tx].
func (t *tx) RollbackTo(p store.Savepoint) error {
	if n := len(t.open().log); p < 0 || int(p) > n {
		return t.fail(fmt.Errorf("savepoint %d is none of this transaction, which has %d changes", p, n))
	}
	t.failed = nil
	t.changed()
	for _, c := range slices.Backward(t.log[p:]) {
		c.added = !c.added
		if err := t.write(&c); err != nil {
			return t.fail(err)
		}
	}
	t.log = t.log[:p]
	return nil
}

// Rollback implements [store.Tx].
func (t *tx) Rollback() { t.open().end() }

// Commit implements [store.Tx].
func (t *tx) Commit(position uint64, meta []byte) error {
	s := t.open().s
	defer t.end()
	if t.failed != nil {
		return t.failed
	}
	if err := t.drop(); err != nil {
		return err
	}
	next := head{position: position, quads: uint64(t.size()), last: t.last, meta: bytes.Clone(meta)}
	if err := t.count(); err != nil {
		return diskError(err)
	}
	if err := t.batch.Set([]byte{headKey}, next.append(nil), nil); err != nil {
		return diskError(err)
	}
	if err := s.room(t.batch.Len()); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	s.stats.note(t.log) // of a commit that fails the estimates know too much
	s.pins.Lock()
	defer s.pins.Unlock()
	if err := s.db.Apply(t.batch, pebble.NoSync); err != nil {
		return fmt.Errorf("write store: %w", diskError(err))
	}
	s.head = next
	s.position.Store(position)
	s.committed.Store(int64(next.quads))
	t.given, t.committed = nil, true
	return nil
}

// drop takes the terms out that no quad has any more.
func (t *tx) drop() error {
	if len(t.touched) > 0 {
		if err := t.index(); err != nil {
			return err
		}
	}
	for id := range t.touched {
		used, err := t.used(id)
		if err != nil {
			return err
		}
		if used {
			continue
		}
		term, err := t.Term(id)
		if errors.Is(err, store.ErrNoTerm) {
			continue // it was given and given back
		} else if err != nil {
			return err
		}
		t.s.known.forget(term.String())
		delete(t.given, term.String())
		delete(t.names, id)
		t.key = textKeyOf(t.key[:0], term.String())
		if err := t.batch.Delete(t.key, nil); err != nil {
			return err
		}
		t.key = idKey(t.key[:0], id)
		if err := t.batch.Delete(t.key, nil); err != nil {
			return err
		}
	}
	return nil
}

// used reports whether a quad has the term.
func (t *tx) used(id store.ID) (bool, error) {
	for _, p := range [...]store.Pattern{{S: id}, {O: id}, {P: id}, {G: id}} {
		if there, err := t.any(p); err != nil || there {
			return there, err
		}
	}
	return false, nil
}

// Match implements [store.Reader].
func (t *tx) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		if err := t.open().index(); err != nil {
			yield(store.Quad{}, err)
			return
		}
		changes := t.changes
		t.match(p, func() error {
			if t.changes != changes || t.s == nil {
				return store.ErrChanged
			}
			return nil
		})(yield)
	}
}

// Blocks implements [store.Reader].
func (t *tx) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	return store.InBlocks(t.Match(p), block, each)
}

// Count implements [store.Reader].
func (t *tx) Count(p store.Pattern) (int, error) {
	if t.open(); p == (store.Pattern{}) {
		return t.size(), nil
	}
	if err := t.index(); err != nil {
		return 0, err
	}
	return t.countMatches(p)
}

// Statistics implements [store.Reader].
func (t *tx) Statistics(predicate store.ID) (store.Statistics, error) {
	quads, err := t.open().reader.quads(predicate)
	if err != nil {
		return store.Statistics{}, err
	}
	return t.stats.of(predicate, quads+t.grown[predicate]), nil
}
