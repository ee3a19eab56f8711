package memory

import (
	"hash/maphash"
	"math"
)

// maxTerms is the number of different terms that a store can hold at once: ids are 32 bits, and 0 is no term.
const maxTerms = math.MaxUint32 - 1

// dictionary gives each term, by its text, an id for as long as it is used. Ids are given again. The empty text always
// has id 0 and is not counted.
type dictionary struct {
	seed   maphash.Seed
	index  table
	places paged[place] // of each id's text
	refs   paged[uint32]
	texts  arena
	last   uint32 // the highest id that was given
	free   uint32 // the first id to give again, which says in refs what the next one is; 0 is none
	len    uint32 // ids in use
	max    uint32
	lost   losses
}

// losses are the ids of the terms that were removed lately while a view was open, which may know them still.
type losses struct {
	ids    []uint32 // nobody changes what is in it
	before uint64   // how many there were before them
}

// mostLosses is how many are kept, at least half of that many.
const mostLosses = 1 << 16

func (l *losses) add(id uint32) {
	if len(l.ids) == mostLosses {
		l.before += mostLosses / 2
		l.ids = append(make([]uint32, 0, mostLosses), l.ids[mostLosses/2:]...)
	}
	l.ids = append(l.ids, id)
}

// count is how many there were at all.
func (l *losses) count() uint64 { return l.before + uint64(len(l.ids)) }

// forget drops all.
func (l *losses) forget() { *l = losses{before: l.count()} }

func newDictionary() dictionary {
	d := dictionary{seed: maphash.MakeSeed(), index: newTable(), texts: newArena(), max: maxTerms}
	d.places.reach(0, &epochs{})
	d.refs.reach(0, &epochs{})
	return d
}

func (d *dictionary) hash(text string) uint32 { return uint32(maphash.String(d.seed, text)) }

// find returns the id of a text; ok is false if it has none.
func (d *dictionary) find(text string, hash uint32) (id uint32, ok bool) {
	p := d.index.probe(hash)
	return d.match(&p, text)
}

// match is find for a probe with the hash of the text.
func (d *dictionary) match(p *probe, text string) (id uint32, ok bool) {
	if text == "" {
		return 0, true
	}
	for id := p.next(); id != 0; id = p.next() {
		if d.text(id) == text {
			return id, true
		}
	}
	return 0, false
}

// text returns the text of an id that is in use.
func (d *dictionary) text(id uint32) string {
	if id == 0 {
		return ""
	}
	return textAt(d.texts.chunks.all, *d.places.at(id))
}

// used reports whether a term has the id.
func (d *dictionary) used(id uint32) bool { return id <= d.last && *d.places.at(id) != 0 }

// full reports whether there are no ids for n more terms.
func (d *dictionary) full(n uint32) bool { return d.max-d.len < n }

// add copies a text that is not there and gives it an id, which nobody uses yet.
func (d *dictionary) add(text string, hash uint32, e *epochs) uint32 {
	id := d.free
	if id != 0 {
		d.free = *d.refs.at(id)
	} else {
		d.last++
		id = d.last
		d.places.reach(id, e)
		d.refs.reach(id, e)
	}
	*d.refs.at(id) = 0
	d.places.set(id, d.texts.add(id, text), e)
	d.index.insert(hash, id)
	d.len++
	d.settle(e)
	return id
}

// use counts one more user of a term.
func (d *dictionary) use(id uint32) {
	if id != 0 {
		*d.refs.at(id)++
	}
}

// release counts one user less. Without users the term is gone.
func (d *dictionary) release(id uint32, e *epochs) {
	if id == 0 {
		return
	}
	refs := d.refs.at(id)
	if *refs--; *refs == 0 {
		d.remove(id, e)
	}
}

func (d *dictionary) remove(id uint32, e *epochs) {
	at := *d.places.at(id)
	text := textAt(d.texts.chunks.all, at)
	d.index.remove(d.hash(text), id)
	d.places.set(id, 0, e)
	d.texts.remove(at, text)
	*d.refs.at(id) = d.free
	d.free = id
	d.len--
	if e.frozen != 0 {
		d.lost.add(id)
	}
	d.settle(e)
}

// settle moves the texts of sparse chunks together. Each byte that is given up pays for at most one that is moved.
func (d *dictionary) settle(e *epochs) {
	for n := len(d.texts.sparse); n > 0; n = len(d.texts.sparse) {
		chunk := d.texts.sparse[n-1]
		d.texts.sparse = d.texts.sparse[:n-1]
		d.texts.entries(chunk, func(id uint32, at place, text string) {
			if *d.places.at(id) == at {
				d.places.set(id, d.texts.add(id, text), e)
			}
		})
		d.texts.drop(chunk)
	}
}
