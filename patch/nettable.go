package patch

import (
	"fmt"
	"hash/maphash"
	"unsafe"
)

// rowTable holds a row for each quad, and each prefix of a graph, by their text. Rows keep the order in which their
// text first came. Terms lie one after the other in text.
type rowTable struct {
	max     int
	seed    maphash.Seed
	text    []byte
	entries []tableEntry
	slots   []uint32 // 1 + the index of an entry; 0: free. A power of two, at least a quarter of them free
	live    int      // entries whose row counts
}

type tableEntry struct {
	at   uint64
	len  [4]uint32
	kind rowKind
	none bool // there is no row for it now
}

// keyLen is the number of parts that tell one row from another.
func (k rowKind) keyLen() int {
	if k == addRow || k == deleteRow {
		return 4
	}
	return 2
}

func (t *rowTable) parts(e *tableEntry) (p parts) {
	at := e.at
	for i, n := range e.len {
		p[i] = unsafe.String(unsafe.SliceData(t.text[at:at+uint64(n)]), n)
		at += uint64(n)
	}
	return p
}

func (t *rowTable) hash(kind rowKind, p *parts) uint64 {
	n := kind.keyLen()
	h := uint64(n)
	for _, part := range p[:n] {
		h = h*0x9E3779B97F4A7C15 + maphash.String(t.seed, part)
		h ^= h >> 32
	}
	return h
}

// find returns the slot of a row's text, and the entry there, nil if it is new.
func (t *rowTable) find(kind rowKind, p *parts) (slot int, e *tableEntry) {
	mask := len(t.slots) - 1
	n := kind.keyLen()
	for slot = int(t.hash(kind, p)) & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		e = &t.entries[t.slots[slot]-1]
		if have := t.parts(e); e.kind.keyLen() == n && same(&have, p, n) {
			return slot, e
		}
	}
	return slot, nil
}

func same(a, b *parts, n int) bool {
	for i := range n {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// put makes the row the one of its text. Where cancel is set, an addition and a deletion of one quad make none.
func (t *rowTable) put(kind rowKind, p parts, cancel bool) error {
	if len(t.slots)*3/4 <= len(t.entries) {
		t.grow(max(64, 2*len(t.slots)))
	}
	slot, e := t.find(kind, &p)
	if e != nil && kind != addPrefixRow {
		switch {
		case e.none:
			t.live++
			e.none = false
		case cancel && e.kind != kind && kind.keyLen() == 4:
			t.live--
			e.none = true
		}
		e.kind = kind
		return nil
	}
	if len(t.text)+p.size() > t.max {
		if !t.shrink(p.size()) {
			return fmt.Errorf("net effect: %w of %d bytes", ErrTransactionSize, t.max)
		}
		slot, e = t.find(kind, &p)
	}
	t.insert(slot, e, kind, &p)
	return nil
}

// insert adds an entry, or gives e, which is one of a prefix, another IRI.
func (t *rowTable) insert(slot int, e *tableEntry, kind rowKind, p *parts) {
	if e == nil {
		t.entries = append(t.entries, tableEntry{})
		e = &t.entries[len(t.entries)-1]
		t.slots[slot] = uint32(len(t.entries))
		t.live++
	}
	*e = tableEntry{at: uint64(len(t.text)), kind: kind}
	for i, part := range p {
		t.text = append(t.text, part...)
		e.len[i] = uint32(len(part))
	}
}

// shrink gives up the texts that no row needs, if that makes room for size bytes more and leaves a quarter free, so
// that it need not be done often.
func (t *rowTable) shrink(size int) bool {
	kept := 0
	for i := range t.entries {
		if e := &t.entries[i]; !e.none {
			p := t.parts(e)
			kept += p.size()
		}
	}
	if kept+size > t.max || kept > t.max/4*3 {
		return false
	}
	old := *t
	t.text = make([]byte, 0, 2*kept)
	t.entries, t.live = make([]tableEntry, 0, 2*old.live), 0
	for i := range old.entries {
		if e := &old.entries[i]; !e.none {
			p := old.parts(e)
			t.entries = append(t.entries, tableEntry{at: uint64(len(t.text)), len: e.len, kind: e.kind})
			for _, part := range p {
				t.text = append(t.text, part...)
			}
			t.live++
		}
	}
	t.grow(len(t.slots))
	return true
}

// grow makes the slots anew.
func (t *rowTable) grow(size int) {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	t.slots = make([]uint32, size)
	for i := range t.entries {
		e := &t.entries[i]
		p := t.parts(e)
		slot, _ := t.find(e.kind, &p)
		t.slots[slot] = uint32(i + 1)
	}
}

func (t *rowTable) reset() {
	t.text, t.entries, t.live = t.text[:0], t.entries[:0], 0
	clear(t.slots)
}

// each calls fn with the rows of the given kind.
func (t *rowTable) each(kind rowKind, fn func(*parts) error) error {
	for i := range t.entries {
		e := &t.entries[i]
		if e.kind != kind || e.none {
			continue
		}
		p := t.parts(e)
		if err := fn(&p); err != nil {
			return err
		}
	}
	return nil
}
