package disk

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// fillBatch is about the number of bytes that are written at a time while a store is filled.
const fillBatch = 4 << 20

// ReadSnapshot makes a store in an empty folder with what [store.WriteSnapshot] has written, as [store.ReadSnapshot] tells, at its position,
// with the meta that the function returns once extra was read (nil: none). It needs a bit of memory a term besides its own. After an error
// the folder is of no use.
func ReadSnapshot(o Options, r io.Reader, extra func(io.Reader) error, meta func() ([]byte, error)) (*Store, error) {
	s, err := Open(o)
	if err != nil {
		return nil, err
	}
	if err := s.restore(r, extra, meta); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) restore(r io.Reader, extra func(io.Reader) error, meta func() ([]byte, error)) (err error) {
	if !s.head.isNew() {
		return fmt.Errorf("a snapshot is read into an empty store alone; this one is at position %d", s.head.position)
	}
	f := filling{s: s, batch: s.db.NewBatch(), inline: map[uint64]store.ID{}, counts: map[store.ID]uint64{}}
	defer func() { _ = f.batch.Close() }() // it has nothing to fail with
	f.head.position, err = store.ReadSnapshot(r, &f, extra)
	if err == nil && meta != nil {
		f.head.meta, err = meta()
	}
	if err == nil {
		err = f.end()
	}
	return diskError(err)
}

// filling is a store that nobody has seen, into which a snapshot is read. The number of a term is its id.
type filling struct {
	s      *Store
	batch  *pebble.Batch
	head   head
	inline map[uint64]store.ID // of the terms of an older version that are
	used   []uint64            // a bit for each number: a quad has it
	given  []uint64            // a bit for each number: it is of a term
	terms  uint64              // that are in the dictionary
	counts map[store.ID]uint64
	key    []byte
}

func set(b []uint64, n uint64)      { b[n/64] |= 1 << (n % 64) }
func has(b []uint64, n uint64) bool { return b[n/64]&(1<<(n%64)) != 0 }

// Term implements [store.Filler].
func (f *filling) Term(text []byte) error {
	f.head.last++
	n := f.head.last
	if n/64 >= uint64(len(f.used)) {
		f.used, f.given = append(f.used, 0), append(f.given, 0)
	}
	if len(text) == 0 {
		return nil
	}
	if id, inline := store.InlineID(rdf.Trusted(asString(text))); inline {
		f.inline[n] = id
		return nil
	}
	set(f.given, n)
	f.terms++
	var room [16]byte
	f.key = textKeyOf(f.key[:0], asString(text))
	if err := f.batch.Set(f.key, appendNumber(room[:0], n), nil); err != nil {
		return err
	}
	f.key = idKey(f.key[:0], store.ID(n))
	if err := f.batch.Set(f.key, text, nil); err != nil {
		return err
	}
	return f.flush()
}

// id is the id of a number in a place.
func (f *filling) id(n uint64, place uint8) (store.ID, error) {
	id := store.ID(n)
	switch {
	case n == 0:
		id = store.DefaultGraph
	case id.IsInline():
	case f.inline[n] != store.Any:
		id = f.inline[n]
	case n/64 < uint64(len(f.given)) && has(f.given, n):
		set(f.used, n)
		return id, nil
	default:
		return id, fmt.Errorf("%w: a quad has the term %d, which is not there", store.ErrDamaged, n)
	}
	if id.IsInline() && place != 2 || id == store.DefaultGraph && place != 3 {
		return id, fmt.Errorf("%w: a quad has the term %d, which is not for this place", store.ErrDamaged, n)
	}
	return id, nil
}

// Quad implements [store.Filler].
func (f *filling) Quad(numbers [4]uint64) error {
	q := store.Quad{G: store.DefaultGraph}
	for place, n := range numbers {
		id, err := f.id(n, uint8(place))
		if err != nil {
			return err
		}
		*component(&q, uint8(place)) = id
	}
	orders := orders(&q)
	for i := range orders {
		f.key = orders[i].key(f.key[:0], &q)
		if err := f.batch.Set(f.key, nil, nil); err != nil {
			return err
		}
	}
	f.head.quads++
	if f.s.max > 0 && f.head.quads > uint64(f.s.max) {
		return fmt.Errorf("%w: more than %d quads", store.ErrFull, f.s.max)
	}
	f.counts[q.P]++
	f.s.stats.note([]change{{q, true}})
	return f.flush()
}

// flush writes what there is if it is enough.
func (f *filling) flush() error {
	if f.batch.Len() < fillBatch {
		return nil
	}
	return f.apply()
}

func (f *filling) apply() error {
	if err := f.s.room(f.batch.Len()); err != nil {
		return err
	}
	if err := f.s.db.Apply(f.batch, pebble.NoSync); err != nil {
		return err
	}
	f.batch.Reset()
	return nil
}

// end drops terms that no quad has, sees that nothing came twice, and writes the rest.
func (f *filling) end() error {
	if err := f.apply(); err != nil {
		return err
	}
	if err := f.once(); err != nil {
		return err
	}
	r := reader{src: f.s.db}
	defer r.end()
	for i := range f.used {
		for unused := f.given[i] &^ f.used[i]; unused != 0; unused &= unused - 1 {
			if err := f.drop(&r, store.ID(i*64+bits.TrailingZeros64(unused))); err != nil {
				return err
			}
		}
	}
	for predicate, n := range f.counts {
		f.key = countKeyOf(f.key[:0], predicate)
		if err := f.batch.Set(f.key, appendNumber(nil, n), nil); err != nil {
			return err
		}
	}
	if err := f.batch.Set([]byte{headKey}, f.head.append(nil), nil); err != nil {
		return err
	}
	if err := f.apply(); err != nil {
		return err
	}
	f.s.head = f.head
	f.s.position.Store(f.head.position)
	f.s.committed.Store(int64(f.head.quads))
	return f.s.Flush()
}

// once fails if fewer terms or quads are there than have come.
func (f *filling) once() error {
	r := reader{src: f.s.db}
	defer r.end()
	quads, err := r.countMatches(store.Pattern{})
	if err != nil {
		return err
	}
	terms := 0
	for _, prefix := range []byte{textKey, hashKey} {
		n, err := r.countKeys([]byte{prefix}, []byte{prefix + 1})
		if err != nil {
			return err
		}
		terms += n
	}
	if uint64(quads) != f.head.quads || uint64(terms) != f.terms {
		return fmt.Errorf("%w: a term or a quad twice", store.ErrDamaged)
	}
	return nil
}

func (f *filling) drop(r *reader, id store.ID) error {
	term, err := r.Term(id)
	if err != nil {
		return err
	}
	f.key = textKeyOf(f.key[:0], term.String())
	if err := f.batch.Delete(f.key, nil); err != nil {
		return err
	}
	f.key = idKey(f.key[:0], id)
	return f.batch.Delete(f.key, nil)
}
