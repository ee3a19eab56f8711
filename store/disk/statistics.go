package disk

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quadrille-stream/quadrille/store"
)

const (
	// registers is the number of registers of a sketch: its error is 1.04 / sqrt(registers), 6.5 %.
	registers     = 256
	registersBits = 8
	// maxSketched bounds the predicates that have sketches; of others no more is known than their quads.
	maxSketched = 10_000
)

// sketch estimates how many different ids it has seen: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007). What is deleted is not
// forgotten.
type sketch [registers]uint8

func (s *sketch) add(id store.ID) {
	h := uint64(id) * 0x9E3779B97F4A7C15
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	h ^= h >> 32
	rank := uint8(bits.LeadingZeros64(h<<registersBits|1<<(registersBits-1))) + 1
	if at := h >> (64 - registersBits); s[at] < rank {
		s[at] = rank
	}
}

// estimate is from 1 to most.
func (s *sketch) estimate(most int) int {
	sum, empty := 0.0, 0
	for _, rank := range s {
		sum += math.Ldexp(1, -int(rank))
		if rank == 0 {
			empty++
		}
	}
	const m = float64(registers)
	n := 0.7213 / (1 + 1.079/m) * m * m / sum
	if n <= 2.5*m && empty > 0 {
		n = m * math.Log(m/float64(empty)) // linear counting
	}
	return min(max(int(n), 1), most)
}

// terms are the sketches of a predicate, or with Any of all quads.
type terms struct {
	subjects, objects sketch
	dirty             bool // not as the database has it
}

// value is what the database has of them.
func (t *terms) value() []byte { return append(append([]byte(nil), t.subjects[:]...), t.objects[:]...) }

// statistics are what is estimated besides what is counted. Any goroutine may ask.
type statistics struct {
	mu         sync.Mutex
	predicates map[store.ID]*terms
}

// of returns the statistics of a predicate that has so many quads.
func (s *statistics) of(predicate store.ID, quads int) store.Statistics {
	all := store.Statistics{Quads: quads, Subjects: quads, Objects: quads}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.predicates[predicate]; t != nil && quads > 0 {
		all.Subjects, all.Objects = t.subjects.estimate(quads), t.objects.estimate(quads)
	}
	return all
}

// note takes in what was added.
func (s *statistics) note(log []change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range log {
		if c := &log[i]; c.added {
			s.add(c.quad.P, &c.quad)
			s.add(store.Any, &c.quad)
		}
	}
}

func (s *statistics) add(predicate store.ID, q *store.Quad) {
	t := s.predicates[predicate]
	if t == nil {
		if len(s.predicates) >= maxSketched {
			return
		}
		t = &terms{}
		s.predicates[predicate] = t
	}
	t.subjects.add(q.S)
	t.objects.add(q.O)
	t.dirty = true
}

// load reads the sketches.
func (s *statistics) load(db *pebble.DB) error {
	s.predicates = map[store.ID]*terms{}
	r := reader{src: db}
	defer r.end()
	return r.each([]byte{sketchKey}, []byte{sketchKey + 1}, func(it *pebble.Iterator) error {
		id, _, good := cutNumber(it.Key()[1:])
		value, err := it.ValueAndErr()
		if err != nil || !good || len(value) != 2*registers {
			return errors.Join(fmt.Errorf("%w: sketch %x", ErrDamaged, it.Key()), err)
		}
		t := &terms{}
		copy(t.subjects[:], value)
		copy(t.objects[:], value[registers:])
		s.predicates[store.ID(id)] = t
		return nil
	})
}

// save writes the sketches that have changed. They are estimates, so they may be older than the quads after a crash.
func (s *statistics) save(db *pebble.DB) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := db.NewBatch()
	defer func() { _ = batch.Close() }() // it has nothing to fail with
	for id, t := range s.predicates {
		if !t.dirty {
			continue
		}
		key := sketchKeyOf(nil, id)
		if err := batch.Set(key, t.value(), nil); err != nil {
			return err
		}
		t.dirty = false
	}
	if batch.Empty() {
		return nil
	}
	return db.Apply(batch, pebble.NoSync)
}

// count writes how many quads each predicate has at the end of the transaction.
func (t *tx) count() error {
	for predicate, n := range t.grown {
		if predicate == store.Any || n == 0 {
			continue
		}
		before, err := t.reader.quads(predicate)
		if err != nil {
			return err
		}
		key := countKeyOf(nil, predicate)
		if before+n == 0 {
			err = t.batch.Delete(key, nil)
		} else {
			err = t.batch.Set(key, appendNumber(nil, uint64(before+n)), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
