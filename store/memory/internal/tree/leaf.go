package tree

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	// maxLeaf is the number of keys at which a leaf is divided; a copy of it for the sake of a view is about a kilobyte.
	maxLeaf = 128
	// minLeaf is the number of keys below which a leaf is put together with its neighbour, if there is room.
	minLeaf = maxLeaf / 4
	// slack is what stands behind the last key, so that every number can be read as eight bytes.
	slack = 8
)

// leaf holds keys in order, packed: of each component what it is more than the least of the leaf, in as many bytes as that takes,
// big-endian, one component behind the other. So the bytes of two keys compare as the keys do.
type leaf struct {
	made   uint64 // the epoch
	base   Key    // the least of each component
	width  [4]uint8
	stride uint8
	n      uint8
	data   []byte // n keys, and slack
}

// packed is a key as a leaf has it.
type packed [32]byte

// newLeaf packs keys, which are in order.
func newLeaf(keys []Key, made uint64) *leaf {
	l := &leaf{made: made, n: uint8(len(keys))}
	most := keys[0]
	l.base = keys[0]
	for i := range keys {
		for c, v := range keys[i] {
			l.base[c], most[c] = min(l.base[c], v), max(most[c], v)
		}
	}
	for c := range l.base {
		l.width[c] = uint8((bits.Len64(most[c]-l.base[c]) + 7) / 8)
		l.stride += l.width[c]
	}
	l.data = make([]byte, len(keys)*int(l.stride)+slack)
	var p packed
	for i := range keys {
		l.pack(&keys[i], &p)
		copy(l.data[i*int(l.stride):], p[:l.stride])
	}
	return l
}

// holds reports whether a key can be packed as those of the leaf are.
func (l *leaf) holds(k *Key) bool {
	for c, v := range k {
		if v < l.base[c] || bits.Len64(v-l.base[c]) > int(l.width[c])*8 {
			return false
		}
	}
	return true
}

// pack packs a key that the leaf holds.
func (l *leaf) pack(k *Key, p *packed) {
	at := 0
	for c, v := range k {
		v -= l.base[c]
		for i := int(l.width[c]) - 1; i >= 0; i-- {
			p[at+i] = byte(v)
			v >>= 8
		}
		at += int(l.width[c])
	}
}

// key unpacks the key at a place.
func (l *leaf) key(i int) (k Key) {
	at := i * int(l.stride)
	for c := range k {
		w := int(l.width[c])
		k[c] = l.base[c] + binary.BigEndian.Uint64(l.data[at:])>>(64-8*w)
		at += w
	}
	return k
}

// room has the keys of a leaf, and one more.
type room [maxLeaf + 1]Key

// keys unpacks all keys into the room.
func (l *leaf) keys(to *room) []Key {
	l.unpack(0, to[:l.n])
	return to[:l.n]
}

// search returns the place of the first key that is not less than k.
func (l *leaf) search(k *Key) int {
	var p packed
	at := 0
	for c, v := range k {
		w := int(l.width[c])
		if v < l.base[c] {
			return l.bound(p[:at], false)
		}
		if v -= l.base[c]; bits.Len64(v) > w*8 {
			return l.bound(p[:at], true)
		}
		for i := w - 1; i >= 0; i-- {
			p[at+i] = byte(v)
			v >>= 8
		}
		at += w
	}
	return l.bound(p[:at], false)
}

// bound returns the place of the first key that begins with p or is greater; behind: that is greater, and doesn't.
func (l *leaf) bound(p []byte, behind bool) int {
	if len(p) <= slack {
		return l.boundShort(p, behind)
	}
	low, high, stride := 0, int(l.n), int(l.stride)
	for low < high {
		middle := int(uint(low+high) >> 1)
		at := middle * stride
		if order := bytes.Compare(l.data[at:at+len(p)], p); order < 0 || order == 0 && behind {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// boundShort compares as numbers of eight bytes.
func (l *leaf) boundShort(p []byte, behind bool) int {
	var eight [slack]byte
	copy(eight[:], p)
	shift := uint(64 - 8*len(p))
	want := binary.BigEndian.Uint64(eight[:]) >> shift
	low, high, stride := 0, int(l.n), int(l.stride)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if k := binary.BigEndian.Uint64(l.data[middle*stride:]) >> shift; k < want || k == want && behind {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// insert puts a key in that is not there, and returns its place.
func (l *leaf) insert(k *Key) int {
	i := l.search(k)
	if !l.holds(k) {
		var all room
		*l = *newLeaf(slices.Insert(l.keys(&all), i, *k), l.made)
		return i
	}
	var p packed
	l.pack(k, &p)
	l.grow()
	at, stride := i*int(l.stride), int(l.stride)
	copy(l.data[at+stride:], l.data[at:len(l.data)-stride])
	copy(l.data[at:], p[:stride])
	l.n++
	return i
}

// grow makes room for one more key.
func (l *leaf) grow() {
	length := (int(l.n)+1)*int(l.stride) + slack
	if length > cap(l.data) {
		room := min(int(l.n)+int(l.n)/4+4, maxLeaf+1)
		l.data = append(make([]byte, 0, room*int(l.stride)+slack), l.data...)
	}
	l.data = l.data[:length]
}

// remove takes out the key at a place.
func (l *leaf) remove(i int) {
	at, stride := i*int(l.stride), int(l.stride)
	copy(l.data[at:], l.data[at+stride:])
	l.data = l.data[:len(l.data)-stride]
	l.n--
}

// clone is a copy that no view sees.
func (l *leaf) clone(made uint64) *leaf {
	c := *l
	c.made, c.data = made, slices.Clone(l.data)
	return &c
}

// beside looks at the keys beside a place of the leaf, where k is.
func (l *leaf) beside(i int, k *Key) beside {
	s := beside{before: i == 0, behind: i+1 == int(l.n)}
	if !s.before {
		before := l.key(i - 1)
		s.shared = Common(&before, k)
	}
	if !s.behind {
		behind := l.key(i + 1)
		s.shared = max(s.shared, Common(&behind, k))
	}
	return s
}

// Common is the number of components that two keys share from the first on.
func Common(a, b *Key) int {
	for c := range a {
		if a[c] != b[c] {
			return c
		}
	}
	return len(a)
}
