package memory

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// ReadSnapshot returns a store with what [store.WriteSnapshot] has written, as [store.ReadSnapshot] tells, at its
// position. It needs the memory of the store, 8 bytes a term and about 5 MiB. A snapshot that is larger than a [Store] can
// be gives [store.ErrFull].
func ReadSnapshot(r io.Reader, extra func(io.Reader) error) (*Store, error) {
	f := filling{m: New(), ids: []store.ID{store.Any}}
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
	ids []store.ID // of the terms of the snapshot, by their numbers; Any: none. Snapshots of version 2 have inline ones.
}

// Term copies the text.
func (f *filling) Term(b []byte) error {
	if len(b) == 0 {
		f.ids = append(f.ids, store.Any)
		return nil
	}
	text := unsafe.String(&b[0], len(b)) // in use until the dictionary has its copy
	if id, inline := store.InlineID(rdf.Trusted(text)); inline {
		f.ids = append(f.ids, id)
		return nil
	}
	terms := &f.m.terms
	hash := terms.hash(text)
	if _, there := terms.find(text, hash); there {
		return fmt.Errorf("%w: a term twice", store.ErrDamaged)
	}
	if terms.full(1) {
		return fmt.Errorf("%w: more than %d terms", store.ErrFull, terms.max)
	}
	f.ids = append(f.ids, store.ID(terms.add(text, hash, &f.m.epochs)))
	return nil
}

// Quad puts the quad in.
func (f *filling) Quad(numbers [4]uint64) error {
	var q quad
	for i, n := range numbers {
		id := store.ID(n)
		if !id.IsInline() {
			id = f.ids[n]
		}
		switch {
		case n != 0 && id == store.Any || id.IsInline() && i != 2:
			return fmt.Errorf("%w: a quad has the term %d, which is not there, or not for this place", store.ErrDamaged, n)
		case id.IsInline():
			q.setObject(id)
		default:
			q[i] = uint32(id)
		}
	}
	hash := f.m.quads.hash(q)
	if _, there := f.m.quads.find(q, hash); there {
		return fmt.Errorf("%w: a quad twice", store.ErrDamaged)
	}
	if f.m.full() {
		return fmt.Errorf("%w: more than %d quads", store.ErrFull, f.m.max)
	}
	f.m.add(&q, hash)
	return nil
}

// dropUnused drops terms that no quad has, such as those of a transaction that was open.
func (f *filling) dropUnused() {
	for _, id := range f.ids {
		if id != store.Any && !id.IsInline() && *f.m.terms.refs.at(uint32(id)) == 0 {
			f.m.terms.remove(uint32(id), &f.m.epochs)
		}
	}
}
