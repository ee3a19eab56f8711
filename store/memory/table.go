package memory

import "math/bits"

const (
	// segmentSlots is chosen so that a segment takes 8 KiB.
	segmentSlots = 1023
	// segmentFull is the number of used slots at which a segment is split. Probes get long beyond it.
	segmentFull = segmentSlots * 13 / 16
	// segmentSparse is the number of used slots, of both together, at which two segments are joined again.
	segmentSparse = segmentSlots / 4
	// maxDepth bounds the directory. 2^26 segments hold far more than the 2^32 values that there are; a table that
	// wants more has a hash that does not spread, which the random seeds rule out.
	maxDepth = 26
)

// table is a hash index: it finds 32-bit values by 32-bit hashes, of which several values may have the same. Who asks
// compares what the values stand for. 0 is no value.
//
// It is an extendible hash table: open-addressing segments of one size, of which one splits when it is full. So it
// grows without a pause, however large it is, and holds no pointers into the heap but those to its segments.
type table struct {
	dir   []*segment // by the low bits of the hash; a segment of less depth than the directory stands there repeatedly
	depth uint8      // log2 of len(dir)
}

type segment struct {
	slots [segmentSlots]uint64 // hash<<32 | value; 0 is free
	used  uint16
	depth uint8 // the number of low bits that the hashes of this segment share
}

func newTable() table { return table{dir: []*segment{{}}} }

// home is where the search for a hash begins. It goes by the high bits, the directory by the low ones.
func home(hash uint32) int { return int(uint64(hash) * segmentSlots >> 32) }

func next(i int) int {
	if i++; i < segmentSlots {
		return i
	}
	return 0
}

// probe walks over the values that have one hash. It reads a slot ahead: who makes several probes before the first is
// used has their cache misses at the same time.
type probe struct {
	seg  *segment
	slot uint64 // the one at
	at   int
	hash uint32
}

func (t *table) probe(hash uint32) probe {
	seg, at := t.segment(hash), home(hash)
	return probe{seg, seg.slots[at], at, hash}
}

// next returns the next value, 0 if there is no more.
func (p *probe) next() uint32 {
	for slot := p.slot; slot != 0; slot = p.slot {
		p.at = next(p.at)
		p.slot = p.seg.slots[p.at]
		if uint32(slot>>32) == p.hash {
			return uint32(slot)
		}
	}
	return 0
}

func (t *table) segment(hash uint32) *segment { return t.dir[hash&uint32(len(t.dir)-1)] }

// insert puts a value in, which is not there with that hash.
func (t *table) insert(hash, value uint32) {
	seg := t.segment(hash)
	for seg.used >= segmentFull {
		t.split(seg, hash)
		seg = t.segment(hash)
	}
	seg.insert(uint64(hash)<<32 | uint64(value))
}

func (s *segment) insert(slot uint64) {
	i := home(uint32(slot >> 32))
	for s.slots[i] != 0 {
		i = next(i)
	}
	s.slots[i] = slot
	s.used++
}

// find returns the place of a value that is there.
func (s *segment) find(hash, value uint32) int {
	want := uint64(hash)<<32 | uint64(value)
	for i := home(hash); ; i = next(i) {
		switch s.slots[i] {
		case want:
			return i
		case 0:
			panic("store: the index lacks a value") // a bug of this package
		}
	}
}

// replace puts another value in the place of one that is there.
func (t *table) replace(hash, old, value uint32) {
	seg := t.segment(hash)
	seg.slots[seg.find(hash, old)] = uint64(hash)<<32 | uint64(value)
}

// remove takes a value out that is there.
func (t *table) remove(hash, value uint32) {
	seg := t.segment(hash)
	seg.vacate(seg.find(hash, value))
	if int(seg.used) < segmentSparse && seg.depth > 0 {
		t.join(seg, hash)
	}
}

// vacate frees a slot, and moves those that come after it up, so that no search ends too early.
func (s *segment) vacate(free int) {
	for i := next(free); s.slots[i] != 0; i = next(i) {
		want := home(uint32(s.slots[i] >> 32))
		if distance(want, i) >= distance(free, i) { // its search passes the free slot
			s.slots[free] = s.slots[i]
			free = i
		}
	}
	s.slots[free] = 0
	s.used--
}

// distance is the number of steps from one place to another.
func distance(from, to int) int {
	if to < from {
		to += segmentSlots
	}
	return to - from
}

// split divides the segment of a hash in two, by one more bit of the hashes.
func (t *table) split(seg *segment, hash uint32) {
	if seg.depth == t.depth {
		if t.depth == maxDepth {
			panic("store: the hashes of the index do not spread")
		}
		t.dir = append(t.dir, t.dir...)
		t.depth++
	}
	slots := seg.slots
	bit := uint32(1) << seg.depth
	*seg = segment{depth: seg.depth + 1}
	other := &segment{depth: seg.depth}
	t.point(hash&(bit-1)|bit, other)
	for _, slot := range slots {
		switch {
		case slot == 0:
		case uint32(slot>>32)&bit != 0:
			other.insert(slot)
		default:
			seg.insert(slot)
		}
	}
}

// point lets the directory say where the hashes are that have these low bits, as many as the segment's depth.
func (t *table) point(low uint32, seg *segment) {
	for i := low; i < uint32(len(t.dir)); i += 1 << seg.depth {
		t.dir[i] = seg
	}
}

// join undoes the split of a segment if the two are sparse. The directory stays as it is: 8 bytes for a segment.
func (t *table) join(seg *segment, hash uint32) {
	bit := uint32(1) << (seg.depth - 1)
	low := hash & (bit<<1 - 1)
	other := t.segment(low ^ bit)
	if other.depth != seg.depth || int(other.used)+int(seg.used) >= segmentSparse {
		return
	}
	for _, slot := range other.slots {
		if slot != 0 {
			seg.insert(slot)
		}
	}
	seg.depth--
	t.point(low&(bit-1), seg)
}

// mix is a hash of two words, by the high and the low half of a product, as wyhash does it.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
