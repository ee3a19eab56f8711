// Package memory keeps quads in memory: the [store.Store] of a shard whose log is its durability.
package memory

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// keptLog is the number of changes for which a transaction's memory is kept for the next one.
const keptLog = 1 << 14

// Store is a [store.Store] in memory. Make one with [New], or with [ReadSnapshot].
//
// It takes 80 to 90 bytes a quad, all in, for sensor observations (the text of each term is there once, and none of numbers, dates and
// times that are inline). Memory for
// what is gone is used again: terms that no quad has are dropped, their ids given again, and the texts that stay are
// moved together when more than half of their chunk of 64 KiB is gone. What remains of a greater past is 16 bytes for
// each term that there was at once; a snapshot that is read starts without that.
//
// A view costs the writer a copy of a page (1 to 4 KiB) at the first change to it after the view was opened, and of the
// lists of pages (8 bytes for each), and nothing else: the writer never waits for a view. Opening one takes the same
// short time however much there is, but a commit or a rollback, which takes time for each change of its transaction, is
// not interrupted for it. A view that is opened in a transaction looks past that one's changes, with a map of them for
// each reading. The terms that are handed out stay valid for ever, but each may keep 64 KiB alive: clone what is kept.
//
// Once [Store.Index] was called, a pattern is answered in time that is proportional to what is found, and counted at once. Before that
// it is answered by a look at every quad, but for one that asks for all, in a Count, and in a transaction for one
// without [store.Any], and for one with a subject, by a look at that one's quads. So whoever only streams pays nothing. A view looks a term up in the dictionary that the writer changes; only if that has lost terms since
// the view was opened, and doesn't know the term, it looks at all of its own.
//
// It holds at most 2^30-1 quads, among which those that the open transaction changes count twice, and 2^32-2 different
// terms: about 100 GB. A change for which there is no room fails its transaction with [store.ErrFull].
type Store struct {
	position  atomic.Uint64
	committed atomic.Int64 // number of quads

	mu      sync.Mutex // of all below: held for one change, commit or rollback, the opening of a view, or its look at terms
	epochs  epochs
	terms   dictionary
	quads   quads
	meta    []byte   // of the last commit
	max     int      // see maxQuads
	tx      *tx      // the one that is open
	log     []change // what it changed, in order
	changes uint64   // counts them, what is undone, and the ends of transactions
	pinned  bool     // a view may read log
	failed  error    // why the open transaction can only be rolled back

	indexing sync.Mutex // held by Index
	index    atomic.Pointer[index]
	behind   bool     // an index is being made, which backlog is missing in
	backlog  []change // of the rows, in order
}

// change is a change of the open transaction. The terms of a deleted quad stay until the commit.
type change struct {
	quad  quad
	added bool
}

var _ store.Store = (*Store)(nil)

// New returns an empty store at position 0.
func New() *Store { return NewWithin(maxQuads) }

// NewWithin returns an empty store at position 0 that holds at most so many quads, those that the open transaction
// changes counted twice; more than [Store] can hold is not possible.
func NewWithin(quads int) *Store {
	return &Store{epochs: epochs{now: 1}, terms: newDictionary(), quads: newQuads(), max: min(quads, maxQuads)}
}

// Len is the number of committed quads.
func (m *Store) Len() int { return int(m.committed.Load()) }

// Position is the position of the last commit.
func (m *Store) Position() uint64 { return m.position.Load() }

// Begin starts the transaction. It panics if one is open.
func (m *Store) Begin() store.Tx {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tx != nil {
		panic("store: Begin while a transaction is open")
	}
	m.tx = &tx{m}
	return m.tx
}

// tx is the open transaction. It changes the store in place and keeps a log, with which a rollback undoes that, and
// views look past it.
type tx struct{ m *Store }

// lock panics if the transaction has ended.
func (t *tx) lock() *Store {
	t.m.mu.Lock()
	if t.m.tx != t {
		t.m.mu.Unlock()
		panic("store: the transaction has ended")
	}
	return t.m
}

// end forgets the log and ends the transaction.
func (m *Store) end() {
	if m.pinned || cap(m.log) > keptLog {
		m.log = nil
	}
	m.log, m.pinned, m.tx, m.failed = m.log[:0], false, nil, nil
	m.changes++
}

// lookup finds the terms of a quad; found is false if there is one that has no id.
func (m *Store) lookup(q *rdf.Quad) (ids quad, hashes quad, found bool) {
	if id, inline := store.InlineID(q.O); inline {
		ids.setObject(id)
	}
	texts := texts(q)
	var probes [terms]probe
	for i, text := range texts {
		if !ids.inline(i) {
			hashes[i] = m.terms.hash(text)
			probes[i] = m.terms.index.probe(hashes[i])
		}
	}
	found = true
	for i, text := range texts {
		if ids.inline(i) {
			continue
		}
		id, ok := m.terms.match(&probes[i], text)
		ids[i] = id
		found = found && ok
	}
	return ids, hashes, found
}

func texts(q *rdf.Quad) [terms]string {
	return [terms]string{q.S.String(), q.P.String(), q.O.String(), q.G.String()}
}

func (t *tx) Add(q rdf.Quad) (bool, error) {
	_, changed, err := t.put(&q)
	return changed, err
}

func (t *tx) Put(q rdf.Quad) (store.Quad, bool, error) {
	ids, changed, err := t.put(&q)
	return publicQuad(&ids), changed, err
}

// put puts a quad in and returns it by its ids.
func (t *tx) put(q *rdf.Quad) (ids quad, changed bool, err error) {
	m := t.lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return ids, false, m.failed
	}
	ids, hashes, found := m.lookup(q)
	var hash uint32
	if found {
		hash = m.quads.hash(ids)
		if _, there := m.quads.find(ids, hash); there {
			return ids, false, nil
		}
	}
	if m.full() || !found && m.terms.full(terms) {
		return ids, false, m.noRoom()
	}
	if !found {
		m.intern(q, &ids, hashes)
		hash = m.quads.hash(ids)
	}
	m.add(&ids, hash)
	m.changed(change{ids, true})
	return ids, true, nil
}

// noRoom fails the transaction, since there is no room for another quad.
func (m *Store) noRoom() error {
	m.failed = fmt.Errorf("%w: no room for another quad beside %d, with %d terms, and %d changes under way", store.ErrFull,
		m.quads.len, m.terms.len, len(m.log))
	return m.failed
}

func (t *tx) AddIDs(q store.Quad) (bool, error) {
	m := t.lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return false, m.failed
	}
	ids, ok := m.known(&q)
	if !ok {
		m.failed = fmt.Errorf("add a quad by the ids %d: %w", q, store.ErrNoTerm)
		return false, m.failed
	}
	hash := m.quads.hash(ids)
	if _, there := m.quads.find(ids, hash); there {
		return false, nil
	}
	if m.full() {
		return false, m.noRoom()
	}
	m.add(&ids, hash)
	m.changed(change{ids, true})
	return true, nil
}

// known is a quad by ids that have terms; ok is false for one that has others.
func (m *Store) known(q *store.Quad) (ids quad, ok bool) {
	if q.S == store.DefaultGraph || q.P == store.DefaultGraph || q.O == store.DefaultGraph {
		return ids, false
	}
	p, ok := compile(store.Pattern(*q))
	if !ok || !p.exact() {
		return ids, false
	}
	for i, id := range p.want[:terms] {
		if !p.want.inline(i) && id != 0 && !m.terms.used(id) {
			return ids, false
		}
	}
	return p.want, true
}

// changed notes a change that was made.
func (m *Store) changed(c change) {
	m.log = append(m.log, c)
	m.changes++
}

// full reports whether another quad would be too many.
func (m *Store) full() bool { return int(m.quads.len)+len(m.log) >= m.max }

// intern gives ids to the terms that have none.
func (m *Store) intern(q *rdf.Quad, ids *quad, hashes quad) {
	for i, text := range texts(q) {
		if ids[i] != 0 || text == "" || ids.inline(i) {
			continue
		}
		id, there := m.terms.find(text, hashes[i]) // the quad may have the term twice
		if !there {
			id = m.terms.add(text, hashes[i], &m.epochs)
		}
		ids[i] = id
	}
}

// add puts in a quad that is not there.
func (m *Store) add(ids *quad, hash uint32) {
	for i, id := range ids {
		if !ids.inline(i) {
			m.terms.use(id)
		}
	}
	m.quads.add(*ids, hash, &m.epochs)
	m.indexed(ids, true)
}

func (m *Store) release(ids quad) {
	for i, id := range ids {
		if !ids.inline(i) {
			m.terms.release(id, &m.epochs)
		}
	}
}

func (t *tx) Delete(q rdf.Quad) (bool, error) {
	m := t.lock()
	defer m.mu.Unlock()
	ids, _, found := m.lookup(&q)
	if !found || m.failed != nil {
		return false, m.failed
	}
	return m.remove(&ids), nil
}

func (t *tx) DeleteIDs(q store.Quad) (bool, error) {
	m := t.lock()
	defer m.mu.Unlock()
	p, ok := compile(store.Pattern(q))
	if !ok || !p.exact() || m.failed != nil {
		return false, m.failed
	}
	return m.remove(&p.want), nil
}

// remove takes a quad out, if it is there, and notes that.
func (m *Store) remove(ids *quad) bool {
	hash := m.quads.hash(*ids)
	row, there := m.quads.find(*ids, hash)
	if !there {
		return false
	}
	m.quads.remove(row, hash, &m.epochs)
	m.indexed(ids, false)
	m.changed(change{*ids, false})
	return true
}

func (t *tx) Commit(position uint64, meta []byte) error {
	m := t.lock()
	defer m.mu.Unlock()
	if err := m.failed; err != nil {
		m.rollback()
		return err
	}
	for _, c := range m.log {
		if !c.added {
			m.release(c.quad)
		}
	}
	m.committed.Store(int64(m.quads.len))
	m.position.Store(position)
	m.meta = bytes.Clone(meta)
	m.end()
	return nil
}

func (t *tx) Savepoint() store.Savepoint {
	m := t.lock()
	defer m.mu.Unlock()
	return store.Savepoint(len(m.log))
}

func (t *tx) RollbackTo(s store.Savepoint) error {
	m := t.lock()
	defer m.mu.Unlock()
	if s < 0 || int(s) > len(m.log) {
		m.failed = fmt.Errorf("savepoint %d is none of this transaction, which has %d changes", s, len(m.log))
		return m.failed
	}
	m.undo(int(s))
	return nil
}

func (t *tx) Rollback() {
	m := t.lock()
	defer m.mu.Unlock()
	m.rollback()
}

// rollback undoes the open transaction and ends it.
func (m *Store) rollback() {
	m.undo(0)
	m.end()
}

// undo takes the changes back but for the first keep, the last one first. A failure came after them.
func (m *Store) undo(keep int) {
	m.failed = nil
	m.changes++
	for _, c := range slices.Backward(m.log[keep:]) {
		hash := m.quads.hash(c.quad)
		if !c.added {
			m.quads.add(c.quad, hash, &m.epochs)
			m.indexed(&c.quad, true)
			continue
		}
		row, _ := m.quads.find(c.quad, hash)
		m.quads.remove(row, hash, &m.epochs)
		m.indexed(&c.quad, false)
		m.release(c.quad)
	}
	if m.pinned { // the next changes must not overwrite what a view sees
		m.log, m.pinned = slices.Clone(m.log[:keep]), false
	}
	m.log = m.log[:keep]
}
