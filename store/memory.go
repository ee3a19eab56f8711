package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/rdf"
)

// keptLog is the number of changes for which a transaction's memory is kept for the next one.
const keptLog = 1 << 14

// Memory is a [Store] in memory. Make one with [NewMemory].
//
// It takes 80 to 100 bytes a quad, all in, for sensor observations (the text of each term is there once). Memory for
// what is gone is used again: terms that no quad has are dropped, their ids given again, and the texts that stay are
// moved together when more than half of their chunk of 64 KiB is gone. What remains of a greater past is 12 bytes for
// each term that there was at once; a snapshot that is read starts without that.
//
// A view costs the writer a copy of a page (1 to 4 KiB) at the first change to it after the view was opened, and of the
// lists of pages (8 bytes for each), and nothing else: the writer never waits for a view. Opening one takes the same
// short time however much there is, but a commit or a rollback, which takes time for each change of its transaction, is
// not interrupted for it. A view that is opened in a transaction looks past that one's changes, with a map of them for
// each reading. The terms that a view hands out stay valid for ever, but each may keep 64 KiB alive: clone what is
// kept.
//
// It holds at most 2^30-1 quads, among which those that the open transaction changes count twice, and 2^32-2 different
// terms: about 100 GB. A change for which there is no room fails its transaction with [ErrFull].
type Memory struct {
	position  atomic.Uint64
	committed atomic.Int64 // number of quads

	mu     sync.Mutex // of all below: held for one change, for a commit, for a rollback, for the opening of a view
	epochs epochs
	terms  dictionary
	quads  quads
	max    int      // see maxQuads
	tx     *tx      // the one that is open
	log    []change // what it changed, in order
	pinned bool     // a view may read log
	failed error    // why the open transaction can only be rolled back
}

// change is a change of the open transaction. The terms of a deleted quad stay until the commit.
type change struct {
	quad  quad
	added bool
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store at position 0.
func NewMemory() *Memory { return NewMemoryWithin(maxQuads) }

// NewMemoryWithin returns an empty store at position 0 that holds at most so many quads, those that the open transaction
// changes counted twice; more than [Memory] can hold is not possible.
func NewMemoryWithin(quads int) *Memory {
	return &Memory{epochs: epochs{now: 1}, terms: newDictionary(), quads: newQuads(), max: min(quads, maxQuads)}
}

// Len is the number of committed quads.
func (m *Memory) Len() int { return int(m.committed.Load()) }

// Position is the position of the last commit.
func (m *Memory) Position() uint64 { return m.position.Load() }

// Begin starts the transaction. It panics if one is open.
func (m *Memory) Begin() Tx {
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
type tx struct{ m *Memory }

// lock panics if the transaction has ended.
func (t *tx) lock() *Memory {
	t.m.mu.Lock()
	if t.m.tx != t {
		t.m.mu.Unlock()
		panic("store: the transaction has ended")
	}
	return t.m
}

// end forgets the log and ends the transaction.
func (m *Memory) end() {
	if m.pinned || cap(m.log) > keptLog {
		m.log = nil
	}
	m.log, m.pinned, m.tx, m.failed = m.log[:0], false, nil, nil
}

// lookup finds the terms of a quad; found is false if there is one that has no id.
func (m *Memory) lookup(q *rdf.Quad) (ids quad, hashes quad, found bool) {
	terms := texts(q)
	var probes [len(terms)]probe
	for i, text := range terms {
		hashes[i] = m.terms.hash(text)
		probes[i] = m.terms.index.probe(hashes[i])
	}
	found = true
	for i, text := range terms {
		id, ok := m.terms.match(&probes[i], text)
		ids[i] = id
		found = found && ok
	}
	return ids, hashes, found
}

func texts(q *rdf.Quad) [4]string {
	return [4]string{q.S.String(), q.P.String(), q.O.String(), q.G.String()}
}

func (t *tx) Add(q rdf.Quad) bool {
	m := t.lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return false
	}
	ids, hashes, found := m.lookup(&q)
	if found {
		if _, there := m.quads.find(ids, m.quads.hash(ids)); there {
			return false
		}
	}
	if m.full() || !found && m.terms.full(uint32(len(ids))) {
		m.failed = fmt.Errorf("%w: no room for another quad beside %d, with %d terms, and %d changes under way", ErrFull,
			m.quads.len, m.terms.len, len(m.log))
		return false
	}
	if !found {
		m.intern(&q, &ids, hashes)
	}
	m.add(ids)
	m.log = append(m.log, change{ids, true})
	return true
}

// full reports whether another quad would be too many.
func (m *Memory) full() bool { return int(m.quads.len)+len(m.log) >= m.max }

// intern gives ids to the terms that have none.
func (m *Memory) intern(q *rdf.Quad, ids *quad, hashes quad) {
	for i, text := range texts(q) {
		if ids[i] != 0 || text == "" {
			continue
		}
		id, there := m.terms.find(text, hashes[i]) // the quad may have the term twice
		if !there {
			id = m.terms.add(text, hashes[i], &m.epochs)
		}
		ids[i] = id
	}
}

func (m *Memory) add(ids quad) {
	for _, id := range ids {
		m.terms.use(id)
	}
	m.quads.add(ids, m.quads.hash(ids), &m.epochs)
}

func (m *Memory) release(ids quad) {
	for _, id := range ids {
		m.terms.release(id, &m.epochs)
	}
}

func (t *tx) Delete(q rdf.Quad) bool {
	m := t.lock()
	defer m.mu.Unlock()
	ids, _, found := m.lookup(&q)
	if !found || m.failed != nil {
		return false
	}
	hash := m.quads.hash(ids)
	row, there := m.quads.find(ids, hash)
	if !there {
		return false
	}
	m.quads.remove(row, hash, &m.epochs)
	m.log = append(m.log, change{ids, false})
	return true
}

func (t *tx) Err() error {
	m := t.lock()
	defer m.mu.Unlock()
	return m.failed
}

func (t *tx) Commit(position uint64) error {
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
	m.end()
	return nil
}

func (t *tx) Savepoint() Savepoint {
	m := t.lock()
	defer m.mu.Unlock()
	return Savepoint(len(m.log))
}

func (t *tx) RollbackTo(s Savepoint) {
	m := t.lock()
	defer m.mu.Unlock()
	m.undo(int(s))
}

func (t *tx) Rollback() {
	m := t.lock()
	defer m.mu.Unlock()
	m.rollback()
}

// rollback undoes the open transaction and ends it.
func (m *Memory) rollback() {
	m.undo(0)
	m.end()
}

// undo takes the changes back but for the first keep, the last one first. A failure came after them.
func (m *Memory) undo(keep int) {
	m.failed = nil
	for _, c := range slices.Backward(m.log[keep:]) {
		hash := m.quads.hash(c.quad)
		if !c.added {
			m.quads.add(c.quad, hash, &m.epochs)
			continue
		}
		row, _ := m.quads.find(c.quad, hash)
		m.quads.remove(row, hash, &m.epochs)
		m.release(c.quad)
	}
	if m.pinned { // the next changes must not overwrite what a view sees
		m.log, m.pinned = slices.Clone(m.log[:keep]), false
	}
	m.log = m.log[:keep]
}
