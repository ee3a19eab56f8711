package memory

import "math/rand/v2"

// maxQuads is the number of quads that a store can hold, those counted again that the open transaction changes. Each
// may have one term four times, and the users of a term are counted in 32 bits.
const maxQuads = 1<<30 - 1

// quad is a quad by the ids of its terms: subject, predicate, object, graph.
type quad [4]uint32

// quads is a set of quads: rows without gaps, and an index of them.
type quads struct {
	keys  [2]uint64
	rows  paged[quad]
	index table // rows, plus one
	len   uint32
}

func newQuads() quads {
	return quads{keys: [2]uint64{rand.Uint64(), rand.Uint64() | 1}, index: newTable()}
}

func (s *quads) hash(q quad) uint32 {
	h := mix(uint64(q[0])<<32|uint64(q[1])^s.keys[0], s.keys[1])
	h = mix(h^uint64(q[2])<<32^uint64(q[3]), s.keys[0]|1)
	return uint32(h ^ h>>32)
}

// find returns the row of a quad; ok is false if it is not there.
func (s *quads) find(q quad, hash uint32) (row uint32, ok bool) {
	p := s.index.probe(hash)
	for v := p.next(); v != 0; v = p.next() {
		if *s.rows.at(v - 1) == q {
			return v - 1, true
		}
	}
	return 0, false
}

// add puts in a quad that is not there.
func (s *quads) add(q quad, hash uint32, e *epochs) {
	s.rows.reach(s.len, e)
	s.rows.set(s.len, q, e)
	s.len++
	s.index.insert(hash, s.len)
}

// remove takes a row out. The last one comes in its place.
func (s *quads) remove(row, hash uint32, e *epochs) {
	s.index.remove(hash, row+1)
	s.len--
	if row != s.len {
		last := *s.rows.at(s.len)
		s.index.replace(s.hash(last), s.len+1, row+1)
		s.rows.set(row, last, e)
	}
	s.rows.shrink(s.len)
}
