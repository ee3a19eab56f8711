package eval

import (
	"hash/maphash"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// entryCost is what an entry of a dictionary takes besides its text.
const entryCost = 48

// dictionary numbers terms, from 1 on.
type dictionary struct {
	entries []rdf.Term
	heads   []head // of a hash table, whose length is a power of 2, half of it free at least
}

// head is the number of an entry, 0 for none, with bits of its hash.
type head struct{ hash, entry uint32 }

var dictionarySeed = maphash.MakeSeed()

func hashOf(t rdf.Term) uint32 { return uint32(maphash.String(dictionarySeed, t.String())) }

// has reports whether a term has the number.
func (d *dictionary) has(id store.ID) bool { return id-1 < store.ID(len(d.entries)) }

// find returns the number of a term, store.Any if it has none.
func (d *dictionary) find(t rdf.Term) store.ID {
	if len(d.heads) == 0 {
		return store.Any
	}
	return store.ID(d.at(t, hashOf(t)).entry)
}

// at is the head of a term, or the free one where it belongs.
func (d *dictionary) at(t rdf.Term, hash uint32) *head {
	mask := uint32(len(d.heads) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		h := &d.heads[i]
		if h.entry == 0 || h.hash == hash && d.entries[h.entry-1] == t {
			return h
		}
	}
}

// insert returns the number of a term, and whether it has got it now.
func (d *dictionary) insert(t rdf.Term) (id store.ID, fresh bool) {
	if 2*(len(d.entries)+1) > len(d.heads) {
		d.grow()
	}
	hash := hashOf(t)
	h := d.at(t, hash)
	if h.entry == 0 {
		d.entries = append(d.entries, t)
		*h, fresh = head{hash, uint32(len(d.entries))}, true
	}
	return store.ID(h.entry), fresh
}

func (d *dictionary) grow() {
	old := d.heads
	d.heads = make([]head, max(firstTable, 4*len(old)))
	mask := uint32(len(d.heads) - 1)
	for _, h := range old {
		if h.entry == 0 {
			continue
		}
		i := h.hash & mask
		for d.heads[i].entry != 0 {
			i = (i + 1) & mask
		}
		d.heads[i] = h
	}
}

// firstTable is the length that hash tables of terms begin with.
const firstTable = 64

// translations are ids for those of somebody else.
type translations struct {
	pairs []translation // of a hash table, whose length is a power of 2, half of it free at least
	n     int
}

type translation struct{ from, to store.ID }

// at is the one of an id, or the free one where it belongs.
func (t *translations) at(from store.ID) *translation {
	mask := len(t.pairs) - 1
	for i := int(uint64(from)*0x9E3779B97F4A7C15>>32) & mask; ; i = (i + 1) & mask {
		if p := &t.pairs[i]; p.from == from || p.from == store.Any {
			return p
		}
	}
}

// get returns the id for another, store.Any if nobody knows.
func (t *translations) get(from store.ID) store.ID {
	if len(t.pairs) == 0 {
		return store.Any
	}
	return t.at(from).to
}

// put keeps the id for another, which isn't known; grown is whether the table takes more than before.
func (t *translations) put(from, to store.ID) (grown bool) {
	if grown = 2*(t.n+1) > len(t.pairs); grown {
		old := t.pairs
		t.pairs = make([]translation, max(firstTable/4, 4*len(old)))
		for _, p := range old {
			if p.from != store.Any {
				*t.at(p.from) = p
			}
		}
	}
	*t.at(from) = translation{from, to}
	t.n++
	return grown
}

// bytes is what the table takes.
func (t *translations) bytes() int64 { return 16 * int64(len(t.pairs)) }
