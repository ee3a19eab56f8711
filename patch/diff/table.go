package diff

import (
	"encoding/binary"
	"hash/maphash"
	"strings"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
)

// quad is a quad of terms by number; 0 is no term.
type quad [4]uint32

const quadSize = int64(unsafe.Sizeof(quad{}))

// termTable numbers terms from 1. Texts lie in chunks that never move, so that they are valid as long as the table.
// Each is compared in full: no two terms have one number.
type termTable struct {
	seed   maphash.Seed
	chunks [][]byte
	used   int      // bytes of the last chunk
	bytes  int64    // of all chunks
	at     []uint64 // of each number: chunk, offset, and whether there is a blank node in it
	slots  []uint32 // numbers by hash; 0: free. A power of two
}

const (
	chunkBits = 20
	chunkSize = 1 << chunkBits
	blankBit  = 1 << 63
)

func (t *termTable) size() int64 { return t.bytes + 8*int64(cap(t.at)) + 4*int64(len(t.slots)) }

// put returns the number of a term.
func (t *termTable) put(text string) uint32 {
	if 3*len(t.slots) <= 4*len(t.at) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	i := maphash.String(t.seed, text) & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if t.text(t.slots[i]) == text {
			return t.slots[i]
		}
	}
	t.at = append(t.at, t.store(text))
	t.slots[i] = uint32(len(t.at) - 1)
	return t.slots[i]
}

func (t *termTable) grow() {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
		t.at = append(t.at, 0)
	}
	t.slots = make([]uint32, max(1<<10, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1)
	for id := 1; id < len(t.at); id++ {
		i := maphash.String(t.seed, t.text(uint32(id))) & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = uint32(id)
	}
}

// store copies a text, behind its length, to a chunk. A long one has a chunk of its own.
func (t *termTable) store(text string) uint64 {
	size := binary.MaxVarintLen32 + len(text)
	if n := len(t.chunks); n == 0 || t.used+size > len(t.chunks[n-1]) {
		t.chunks = append(t.chunks, make([]byte, max(chunkSize, size)))
		t.bytes += int64(max(chunkSize, size))
		t.used = 0
	}
	chunk := t.chunks[len(t.chunks)-1]
	at := uint64(len(t.chunks)-1)<<chunkBits | uint64(t.used)
	t.used += binary.PutUvarint(chunk[t.used:], uint64(len(text)))
	t.used += copy(chunk[t.used:], text)
	if hasBlank(rdf.Trusted(text)) {
		at |= blankBit
	}
	return at
}

func (t *termTable) text(id uint32) string {
	at := t.at[id] &^ blankBit
	b := t.chunks[at>>chunkBits][at&(chunkSize-1):]
	n := int(b[0])
	if n < 0x80 {
		return unsafe.String(unsafe.SliceData(b[1:]), n)
	}
	size, width := binary.Uvarint(b)
	return unsafe.String(unsafe.SliceData(b[width:]), int(size))
}

func (t *termTable) term(id uint32) rdf.Term {
	if id == 0 {
		return rdf.Term{}
	}
	return rdf.Trusted(t.text(id))
}

func (t *termTable) hasBlank(id uint32) bool { return t.at[id]&blankBit != 0 }

// hasBlank reports whether a term is a blank node or has one in it.
func hasBlank(t rdf.Term) bool {
	switch t.Kind() {
	case rdf.KindBlank:
		return true
	case rdf.KindTriple:
		if !strings.Contains(t.String(), "_:") {
			return false
		}
		parts, _ := t.Triple()
		return hasBlank(parts.S) || hasBlank(parts.O)
	}
	return false
}

// quadTable is a set of quads in the order in which they came.
type quadTable struct {
	all   []quad
	slots []uint32 // 1 + the index of a quad; 0: free. A power of two
}

func (t *quadTable) size() int64 { return quadSize*int64(cap(t.all)) + 4*int64(len(t.slots)) }

// put returns the index of a quad, and whether it is new.
func (t *quadTable) put(q quad) (at int, added bool) {
	if 3*len(t.slots) <= 4*len(t.all) {
		t.slots = make([]uint32, max(1<<10, 2*len(t.slots)))
		for i := range t.all {
			t.slots[t.find(t.all[i])] = uint32(i + 1)
		}
	}
	i := t.find(q)
	if n := t.slots[i]; n != 0 {
		return int(n - 1), false
	}
	t.all = append(t.all, q)
	t.slots[i] = uint32(len(t.all))
	return len(t.all) - 1, true
}

// find returns the slot of a quad, or the free one where it belongs.
func (t *quadTable) find(q quad) uint64 {
	const prime = 0x9E3779B97F4A7C15
	h := (uint64(q[0])<<32|uint64(q[2]))*prime ^ (uint64(q[1])<<32|uint64(q[3]))*(prime^0xFF51AFD7ED558CCD)
	h ^= h >> 29
	h *= prime
	mask := uint64(len(t.slots) - 1)
	for i := h >> 20 & mask; ; i = (i + 1) & mask {
		if n := t.slots[i]; n == 0 || t.all[n-1] == q {
			return i
		}
	}
}
