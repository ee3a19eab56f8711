package memory

import (
	"encoding/binary"
	"unsafe"
)

const (
	// chunkSize is the size of a chunk of texts, in bytes. An offset in it takes placeBits bits.
	chunkSize = 1 << placeBits
	placeBits = 16
	// largeText is the size from which a text has a chunk of its own, so that the end of a chunk wastes little.
	largeText = chunkSize / 8
)

// place says where a text is: the index of its chunk, and its offset there in the low bits. 0 is nowhere.
type place uint64

func newPlace(chunk, offset int) place { return place(chunk)<<placeBits | place(offset) }

func (p place) chunk() int  { return int(p >> placeBits) }
func (p place) offset() int { return int(p & (chunkSize - 1)) }

// arena holds texts in chunks without pointers. What was written is never overwritten: a chunk whose texts are gone for
// the most part is given up once the others were moved, and the garbage collector takes it when no view and no string
// that was handed out refers to it. So strings of an arena stay valid for ever.
//
// An entry is the id of the term (4 bytes), the length of the text (a varint), and the text.
type arena struct {
	chunks list[[]byte] // each in full length from the start. nil: given up; the first one always
	live   []int        // bytes of each chunk that are not given up
	spare  []int        // indexes of chunks that were given up
	sparse []int        // chunks whose texts should move
	chunk  int          // the one that is written, 0 before the first text
	used   int          // its bytes that are
}

func newArena() arena { return arena{chunks: list[[]byte]{all: [][]byte{nil}}, live: []int{0}} }

// entry is the size of a text with what stands before it.
func entry(text string) int { return 4 + varintLen(uint64(len(text))) + len(text) }

func varintLen(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// add copies a text.
func (a *arena) add(id uint32, text string) place {
	size := entry(text)
	if size > largeText {
		chunk := a.newChunk(size)
		put(a.chunks.all[chunk], id, text)
		a.live[chunk] = size
		return newPlace(chunk, 0)
	}
	if a.chunk == 0 || a.used+size > chunkSize {
		full := a.chunk
		a.chunk, a.used = a.newChunk(chunkSize), 0
		a.check(full)
	}
	at := newPlace(a.chunk, a.used)
	put(a.chunks.all[a.chunk][a.used:], id, text)
	a.used += size
	a.live[a.chunk] += size
	return at
}

func put(b []byte, id uint32, text string) {
	binary.LittleEndian.PutUint32(b, id)
	n := binary.PutUvarint(b[4:4+varintLen(uint64(len(text)))], uint64(len(text)))
	copy(b[4+n:], text)
}

func (a *arena) newChunk(size int) int {
	chunk := make([]byte, size)
	if n := len(a.spare); n > 0 {
		i := a.spare[n-1]
		a.spare = a.spare[:n-1]
		a.chunks.set(i, chunk)
		return i
	}
	a.chunks.all = append(a.chunks.all, chunk)
	a.live = append(a.live, 0)
	return len(a.live) - 1
}

// remove gives up a text.
func (a *arena) remove(at place, text string) {
	chunk := at.chunk()
	a.live[chunk] -= entry(text)
	a.check(chunk)
}

// check gives up a chunk that is of no use, and notes one whose texts should move. The one that is written waits.
func (a *arena) check(chunk int) {
	size := len(a.chunks.all[chunk])
	switch {
	case chunk == a.chunk || a.live[chunk]*2 >= size:
	case a.live[chunk] == 0:
		a.drop(chunk)
	default:
		a.sparse = append(a.sparse, chunk)
	}
}

func (a *arena) drop(chunk int) {
	a.live[chunk] = 0
	a.chunks.set(chunk, nil)
	a.spare = append(a.spare, chunk)
}

// entries calls fn for each entry that was ever written to a chunk which is full.
func (a *arena) entries(chunk int, fn func(id uint32, at place, text string)) {
	b := a.chunks.all[chunk]
	for offset := 0; offset+5 <= len(b); {
		at := newPlace(chunk, offset)
		text := textAt(a.chunks.all, at)
		if text == "" { // there are no empty texts: the end
			return
		}
		fn(binary.LittleEndian.Uint32(b[offset:]), at, text)
		offset += entry(text)
	}
}

// textAt returns the text of a place, in the memory of its chunk.
func textAt(chunks [][]byte, at place) string {
	b := chunks[at.chunk()][at.offset()+4:]
	length, n := uint64(b[0]), 1
	if length >= 0x80 {
		length, n = binary.Uvarint(b)
	}
	b = b[n : uint64(n)+length]
	return unsafe.String(unsafe.SliceData(b), len(b))
}
