package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/quadrille-stream/quadrille/store"
)

// The keys of the database begin with a byte that says what they are of. Numbers in keys take as many bytes as they need behind one
// that says how many, so that keys compare as the numbers do.
//
//	'h'                                    head: version, position, number of quads, last id given, meta
//	'i' id                              -> text of the term
//	't' text                            -> id, of a text of at most maxKeyText bytes
//	'l' SHA-256 of the text             -> id, of a longer one
//	'p' predicate                       -> number of quads
//	'k' predicate                       -> sketches of its subjects and objects
//	'x' key                             -> value, of whoever uses the store
//	order component component component [component]
const (
	headKey   = 'h'
	termKey   = 'i'
	textKey   = 't'
	hashKey   = 'l'
	countKey  = 'p'
	sketchKey = 'k'
	entryKey  = 'x'

	// maxKeyText is the length of the longest text that is a key itself, in bytes.
	maxKeyText = 256
	// maxQuadKey is the length of the longest key of a quad.
	maxQuadKey = 1 + 4*9
)

// order is an order of the components of a quad in keys, as their places: subject 0, predicate 1, object 2, graph 3.
type order struct {
	prefix byte
	places []uint8
}

// Quads in the default graph have keys without it in three orders, all others keys in six.
var (
	unnamed = []order{{'1', []uint8{0, 1, 2}}, {'2', []uint8{1, 2, 0}}, {'3', []uint8{2, 0, 1}}}
	named   = []order{{'4', []uint8{0, 1, 2, 3}}, {'5', []uint8{1, 2, 0, 3}}, {'6', []uint8{2, 0, 1, 3}},
		{'7', []uint8{3, 0, 1, 2}}, {'8', []uint8{3, 1, 2, 0}}, {'9', []uint8{3, 2, 0, 1}}}
)

func orders(q *store.Quad) []order {
	if q.G == store.DefaultGraph {
		return unnamed
	}
	return named
}

// component returns a pointer to what stands in a place.
func component(q *store.Quad, place uint8) *store.ID {
	return [...]*store.ID{&q.S, &q.P, &q.O, &q.G}[place]
}

// appendNumber appends a number as keys have it.
func appendNumber(b []byte, n uint64) []byte {
	size := (bits.Len64(n) + 7) / 8
	b = append(b, byte(size))
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// cutNumber reads a number as keys have it; ok is false if there is none.
func cutNumber(b []byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 8 || len(b) <= int(b[0]) {
		return 0, nil, false
	}
	size := int(b[0])
	for _, c := range b[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	return n, b[1+size:], true
}

// key appends the key of a quad.
func (o *order) key(b []byte, q *store.Quad) []byte {
	b = append(b, o.prefix)
	for _, place := range o.places {
		b = appendNumber(b, uint64(*component(q, place)))
	}
	return b
}

// quad is the quad of a key; ok is false if it is none.
func (o *order) quad(key []byte) (q store.Quad, ok bool) {
	q.G = store.DefaultGraph
	rest := key[1:]
	for _, place := range o.places {
		var n uint64
		if n, rest, ok = cutNumber(rest); !ok {
			return q, false
		}
		*component(&q, place) = store.ID(n)
	}
	return q, len(rest) == 0
}

// bounds are where the keys of some quads begin, and before what they end.
type bounds struct {
	order     *order
	low, high []byte
}

// find returns where the quads stand that fit the pattern: in one of these places, or in all.
func find(p store.Pattern) []bounds {
	var all []bounds
	if p.G == store.Any || p.G == store.DefaultGraph {
		all = append(all, within(unnamed, p))
	}
	if p.G != store.DefaultGraph {
		all = append(all, within(named, p))
	}
	return all
}

// within returns the bounds in the order in which what is bound comes first.
func within(orders []order, p store.Pattern) bounds {
	q := store.Quad(p)
	bound := 0
	for place := range uint8(4) {
		if *component(&q, place) != store.Any && (place < 3 || len(orders) == len(named)) {
			bound++
		}
	}
	for i := range orders {
		o := &orders[i]
		low := append(make([]byte, 0, maxQuadKey+1), o.prefix)
		n := 0
		for n < len(o.places) && *component(&q, o.places[n]) != store.Any {
			low = appendNumber(low, uint64(*component(&q, o.places[n])))
			n++
		}
		if n == bound {
			return bounds{order: o, low: low, high: after(low)}
		}
	}
	panic("disk: no order begins with what is bound") // a bug of this package
}

// after is the first key that doesn't begin with a prefix, whose bytes are not all 255.
func after(prefix []byte) []byte {
	end := append(make([]byte, 0, len(prefix)), prefix...)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}

// idKey is the key of the text of an id.
func idKey(b []byte, id store.ID) []byte { return appendNumber(append(b, termKey), uint64(id)) }

// countKeyOf is the key of the number of quads of a predicate, sketchKeyOf that of its sketches.
func countKeyOf(b []byte, predicate store.ID) []byte {
	return appendNumber(append(b, countKey), uint64(predicate))
}

func sketchKeyOf(b []byte, predicate store.ID) []byte {
	return appendNumber(append(b, sketchKey), uint64(predicate))
}

// textKeyOf is the key of the id of a text.
func textKeyOf(b []byte, text string) []byte {
	if len(text) <= maxKeyText {
		return append(append(b, textKey), text...)
	}
	sum := sha256.Sum256([]byte(text))
	return append(append(b, hashKey), sum[:]...)
}

// head is what the database says of itself.
type head struct {
	position, quads, last uint64
	meta                  []byte
}

// isNew reports whether nothing was ever committed.
func (h *head) isNew() bool { return h.last == 0 && h.quads == 0 && h.position == 0 }

// version is that of the form of the database.
const version = 1

func (h *head) append(b []byte) []byte {
	b = append(b, version)
	for _, n := range [...]uint64{h.position, h.quads, h.last} {
		b = binary.AppendUvarint(b, n)
	}
	return append(b, h.meta...)
}

// parse reports whether b is a head of this version.
func (h *head) parse(b []byte) bool {
	if len(b) == 0 || b[0] != version {
		return false
	}
	b = b[1:]
	for _, n := range [...]*uint64{&h.position, &h.quads, &h.last} {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return false
		}
		*n, b = v, b[size:]
	}
	h.meta = append([]byte(nil), b...)
	return true
}
