package memory

import (
	"iter"
	"math/rand/v2"

	"github.com/quadrille-stream/quadrille/store"
)

// maxQuads is the number of quads that a store can hold, those counted again that the open transaction changes. Each
// may have one term four times, and the users of a term are counted in 32 bits.
const maxQuads = 1<<30 - 1

// quad is a quad by the ids of its terms: subject, predicate, object, graph, and the high half of the object's, which is 0 unless
// that is inline (see [store.InlineID]).
type quad [5]uint32

// terms is the number of the places of terms in a quad.
const terms = 4

// inline reports whether the term in a place is none of the dictionary's, or of whatever place that is a half.
func (q *quad) inline(place int) bool { return place >= terms || place == 2 && q[4] != 0 }

// setObject makes the object an inline one.
func (q *quad) setObject(id store.ID) { q[2], q[4] = uint32(id), uint32(id>>32) }

// id is the id of the term in a place, 0 for the default graph.
func (q *quad) id(place uint8) uint64 {
	if place == 2 {
		return uint64(q[4])<<32 | uint64(q[2])
	}
	return uint64(q[place])
}

// quads is a set of quads: rows without gaps, and an index of them. The rows of each subject are a list besides, in which only
// the writer reads: no view sees it.
type quads struct {
	keys  [2]uint64
	rows  paged[quad]
	index table // rows, plus one
	len   uint32

	first paged[uint32] // row of each subject, plus one
	links paged[link]   // of each row
	alone epochs        // without views
}

// link is what is beside a row in the list of its subject: rows, plus one.
type link struct{ next, prev uint32 }

func newQuads() quads {
	return quads{keys: [2]uint64{rand.Uint64(), rand.Uint64() | 1}, index: newTable(), alone: epochs{now: 1}}
}

func (s *quads) hash(q quad) uint32 {
	h := mix(uint64(q[0])<<32|uint64(q[1])^s.keys[0], s.keys[1])
	h = mix(h^q.id(2), s.keys[1])
	h = mix(h^uint64(q[3]), s.keys[0]|1)
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
	s.link(q[0], s.len)
	s.len++
	s.index.insert(hash, s.len)
}

// link puts a row first in the list of its subject.
func (s *quads) link(subject, row uint32) {
	s.first.reach(subject, &s.alone)
	s.links.reach(row, &s.alone)
	next := *s.first.at(subject)
	*s.links.at(row) = link{next: next}
	if next != 0 {
		s.links.at(next - 1).prev = row + 1
	}
	*s.first.at(subject) = row + 1
}

// beside makes what is before and behind a row in its subject's list point to others.
func (s *quads) beside(subject uint32, l link, next, prev uint32) {
	if l.prev != 0 {
		s.links.at(l.prev - 1).next = next
	} else {
		*s.first.at(subject) = next
	}
	if l.next != 0 {
		s.links.at(l.next - 1).prev = prev
	}
}

// remove takes a row out. The last one comes in its place.
func (s *quads) remove(row, hash uint32, e *epochs) {
	s.index.remove(hash, row+1)
	gone := *s.links.at(row)
	s.beside(s.rows.at(row)[0], gone, gone.next, gone.prev)
	s.len--
	if row != s.len {
		last, moved := *s.rows.at(s.len), *s.links.at(s.len)
		s.index.replace(s.hash(last), s.len+1, row+1)
		s.rows.set(row, last, e)
		*s.links.at(row) = moved
		s.beside(last[0], moved, row+1, row+1)
	}
	s.rows.shrink(s.len)
	s.links.shrink(s.len)
}

// of yields the rows of a subject.
func (s *quads) of(subject uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if int(subject/pageLen) >= len(s.first.made) {
			return
		}
		for next := *s.first.at(subject); next != 0 && yield(next-1); next = s.links.at(next - 1).next {
		}
	}
}

// all yields all rows.
func (s *quads) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for row := uint32(0); row < s.len && yield(row); row++ {
		}
	}
}
