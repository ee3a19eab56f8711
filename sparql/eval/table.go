package eval

import (
	"github.com/quadrille-stream/quadrille/store"
)

// table is a hash table of rows of ids, by their first key columns. Rows with the same key are chained, unless distinct keeps the
// first one of each alone.
type table struct {
	x          *exec
	width, key int
	rows       []store.ID
	next       []int32 // the row before with the same hash, from 1; 0: none
	heads      []int32
	n          int
	held       int64
}

func (x *exec) table(width, key int) *table {
	return &table{x: x, width: width, key: key, heads: noHeads}
}

// noHeads are those of a table without rows, which nobody changes.
var noHeads = make([]int32, 1)

// firstHeads is how many heads a table begins with.
const firstHeads = 4

// hash mixes the ids of a key.
func hash(key []store.ID) uint64 {
	h := uint64(0x9E3779B97F4A7C15)
	for _, id := range key {
		h = (h ^ uint64(id)) * 0xFF51AFD7ED558CCD
		h ^= h >> 32
	}
	return h
}

func (t *table) row(i int32) row {
	at := int(i) * t.width
	return t.rows[at : at+t.width]
}

// find returns the number of the newest row with the key, -1 if there is none.
func (t *table) find(key []store.ID) int32 {
	return t.search(t.heads[hash(key)&uint64(len(t.heads)-1)]-1, key)
}

// following returns the number of the next row with the key of row i, -1 if there is none.
func (t *table) following(i int32) int32 { return t.search(t.next[i]-1, t.row(i)[:t.key]) }

func (t *table) search(i int32, key []store.ID) int32 {
	for ; i >= 0; i = t.next[i] - 1 {
		if same(t.row(i)[:t.key], key) {
			return i
		}
	}
	return -1
}

func same(a, b []store.ID) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// add puts a row in, and returns its number.
func (t *table) add(r row) (int32, error) {
	if t.n == len(t.heads) || len(t.heads) < firstHeads {
		if err := t.grow(); err != nil {
			return 0, err
		}
	}
	if err := t.hold(int64(t.width)*8 + 4); err != nil {
		return 0, err
	}
	t.rows = append(t.rows, r...)
	t.next = append(t.next, 0)
	t.link(int32(t.n))
	t.n++
	return int32(t.n - 1), nil
}

func (t *table) link(i int32) {
	head := &t.heads[hash(t.row(i)[:t.key])&uint64(len(t.heads)-1)]
	t.next[i], *head = *head, i+1
}

func (t *table) grow() error {
	if err := t.hold(int64(len(t.heads)) * 8); err != nil {
		return err
	}
	t.heads = make([]int32, max(firstHeads, 2*len(t.heads)))
	for i := range t.n {
		if i%checkEvery == 0 {
			if err := t.x.step(0); err != nil {
				return err
			}
		}
		t.link(int32(i))
	}
	return nil
}

// insert puts a key in; fresh is false if it is there.
func (t *table) insert(key []store.ID) (at int32, fresh bool, err error) {
	if at = t.find(key); at >= 0 {
		return at, false, nil
	}
	at, err = t.add(key)
	return at, true, err
}

func (t *table) hold(bytes int64) error {
	t.held += bytes
	return t.x.hold(bytes)
}

// reset empties the table and gives its memory back.
func (t *table) reset() {
	t.x.release(t.held)
	*t = *t.x.table(t.width, t.key)
}

// clear empties the table for another use, and keeps its memory if that is little.
func (t *table) clear() {
	if t.n > keptRows {
		*t = *t.x.table(t.width, t.key)
		return
	}
	if t.n > 0 {
		clear(t.heads)
	}
	t.rows, t.next, t.n, t.held = t.rows[:0], t.next[:0], 0, 0
}

// keptRows is the number of rows for which a table's memory is kept.
const keptRows = 64
