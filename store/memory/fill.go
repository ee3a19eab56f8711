package memory

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/quadrille-stream/quadrille/store"
)

// ReadSnapshot returns a store with what [store.WriteSnapshot] has written, as [store.ReadSnapshot] tells, at its
// position. It needs the memory of the store, 4 bytes a term and about 5 MiB. A snapshot that is larger than a [Store] can
// be gives [store.ErrFull].
func ReadSnapshot(r io.Reader, extra func(io.Reader) error) (*Store, error) {
	f := filling{m: New(), ids: []uint32{0}}
	position, err := store.ReadSnapshot(r, &f, extra)
	if err != nil {
		return nil, err
	}
	f.dropUnused()
	f.m.committed.Store(int64(f.m.quads.len))
	f.m.position.Store(position)
	return f.m, nil
}

// filling is a store that nobody has seen, into which a snapshot is read.
type filling struct {
	m   *Store
	ids []uint32 // of the terms of the snapshot, by their numbers; 0: none
}

// Term copies the text.
func (f *filling) Term(b []byte) error {
	id := uint32(0)
	if len(b) > 0 {
		text := unsafe.String(&b[0], len(b)) // in use until the dictionary has its copy
		terms := &f.m.terms
		hash := terms.hash(text)
		if _, there := terms.find(text, hash); there {
			return fmt.Errorf("%w: a term twice", store.ErrDamaged)
		}
		if terms.full(1) {
			return fmt.Errorf("%w: more than %d terms", store.ErrFull, terms.max)
		}
		id = terms.add(text, hash, &f.m.epochs)
	}
	f.ids = append(f.ids, id)
	return nil
}

// Quad puts the quad in.
func (f *filling) Quad(numbers [4]uint64) error {
	var q quad
	for i, n := range numbers {
		if q[i] = f.ids[n]; n != 0 && q[i] == 0 {
			return fmt.Errorf("%w: a quad has the term %d, which is not there", store.ErrDamaged, n)
		}
	}
	if _, there := f.m.quads.find(q, f.m.quads.hash(q)); there {
		return fmt.Errorf("%w: a quad twice", store.ErrDamaged)
	}
	if f.m.full() {
		return fmt.Errorf("%w: more than %d quads", store.ErrFull, f.m.max)
	}
	f.m.add(q)
	return nil
}

// dropUnused drops terms that no quad has, such as those of a transaction that was open.
func (f *filling) dropUnused() {
	for _, id := range f.ids {
		if id != 0 && *f.m.terms.refs.at(id) == 0 {
			f.m.terms.remove(id, &f.m.epochs)
		}
	}
}
