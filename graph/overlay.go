package graph

import (
	"context"
	"iter"
	"maps"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// overlay is a view of a shard with changes that nobody else sees: what an update that is tried has done so far. It is what a [store.View]
// is, and doesn't change: further changes are another overlay.
type overlay struct {
	store.View // the shard's

	gone  map[store.Quad]struct{} // of the shard's quads, by its ids
	adds  store.View              // of added
	added *memory.Store           // what the shard hasn't; only the newest overlay changes it

	// Ids of one in the other, of those that were asked for.
	toAdds, fromAdds map[store.ID]store.ID
}

// ownBit marks the id of a term that the shard hasn't: no dictionary has as many terms.
const ownBit store.ID = 1 << 61

// isOwn reports whether the overlay alone has the term. An id with another of the highest bits is the same everywhere.
func isOwn(id store.ID) bool { return id>>61 == 1 }

func isCommon(id store.ID) bool { return id == store.Any || id>>62 != 0 }

// changed returns a view with the rows applied, and those of them that were changes. It owns the view from then on; after an error nobody
// has it but the caller.
func changed(view store.View, rows []byte, how ...patch.Option) (_ store.View, effective []byte, err error) {
	before, again := view.(*overlay)
	next := &overlay{View: view, gone: map[store.Quad]struct{}{}, toAdds: map[store.ID]store.ID{}, fromAdds: map[store.ID]store.ID{}}
	if again {
		next.View, next.added, next.gone = before.View, before.added, maps.Clone(before.gone)
	} else {
		next.added = memory.New()
		if err := next.added.Index(context.Background()); err != nil {
			return nil, nil, err
		}
	}
	tx := next.added.Begin()
	for row, err := range patch.Rows(rows, how...) {
		was := false
		if err == nil {
			was, err = next.change(tx, row)
		}
		if err != nil {
			tx.Rollback()
			return nil, nil, err
		}
		switch {
		case was && row.Deleted:
			effective = patch.AppendDelete(effective, row.Quad)
		case was:
			effective = patch.AppendAdd(effective, row.Quad)
		}
	}
	if err := tx.Commit(next.added.Position()+1, nil); err != nil {
		return nil, nil, err
	}
	next.adds = next.added.View()
	if again {
		before.adds.Close()
	}
	return next, effective, nil
}

// change makes a change, and reports whether it is one.
func (o *overlay) change(tx store.Tx, row patch.Row) (bool, error) {
	ids, there, err := has(o.View, row.Quad)
	switch {
	case err != nil:
		return false, err
	case !there && row.Deleted:
		return tx.Delete(row.Quad)
	case !there:
		return tx.Add(row.Quad)
	}
	_, gone := o.gone[ids]
	if gone == row.Deleted {
		return false, nil
	}
	if row.Deleted {
		o.gone[ids] = struct{}{}
	} else {
		delete(o.gone, ids)
	}
	return true, nil
}

// has reports whether a quad is there, and its ids.
func has(r store.Reader, q rdf.Quad) (ids store.Quad, there bool, err error) {
	for _, part := range [...]struct {
		term rdf.Term
		id   *store.ID
	}{{q.S, &ids.S}, {q.P, &ids.P}, {q.O, &ids.O}, {q.G, &ids.G}} {
		id, known, err := r.Lookup(part.term)
		if err != nil || !known {
			return ids, false, err
		}
		*part.id = id
	}
	n, err := r.Count(store.Pattern(ids))
	return ids, n > 0, err
}

// Lookup implements [store.Reader].
func (o *overlay) Lookup(t rdf.Term) (store.ID, bool, error) {
	id, ok, err := o.View.Lookup(t)
	if ok || err != nil {
		return id, ok, err
	}
	id, ok, err = o.adds.Lookup(t)
	return id | ownBit, ok, err
}

// Term implements [store.Reader].
func (o *overlay) Term(id store.ID) (rdf.Term, error) {
	if isOwn(id) {
		return o.adds.Term(id &^ ownBit)
	}
	return o.View.Term(id)
}

// Match implements [store.Reader].
func (o *overlay) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		for q, err := range o.View.Match(p) {
			if _, gone := o.gone[q]; gone && err == nil {
				continue
			}
			if !yield(q, err) || err != nil {
				return
			}
		}
		own, ok, err := o.patternOfAdds(p)
		if err != nil {
			yield(store.Quad{}, err)
		}
		if err != nil || !ok {
			return
		}
		for q, err := range o.adds.Match(own) {
			if err == nil {
				err = o.fromAdded(&q)
			}
			if !yield(q, err) || err != nil {
				return
			}
		}
	}
}

// Blocks implements [store.Reader].
func (o *overlay) Blocks(p store.Pattern, block []store.Quad, each func([]store.Quad) error) error {
	return store.InBlocks(o.Match(p), block, each)
}

// patternOfAdds is a pattern by the ids of what was added; ok is false if nothing of that can fit.
func (o *overlay) patternOfAdds(p store.Pattern) (_ store.Pattern, ok bool, err error) {
	for _, id := range [...]*store.ID{&p.S, &p.P, &p.O, &p.G} {
		if *id, ok, err = o.idOfAdds(*id); !ok || err != nil {
			return p, false, err
		}
	}
	return p, true, nil
}

func (o *overlay) idOfAdds(id store.ID) (_ store.ID, ok bool, err error) {
	switch {
	case isCommon(id):
		return id, true, nil
	case isOwn(id):
		return id &^ ownBit, true, nil
	}
	if known, ok := o.toAdds[id]; ok {
		return known, known != store.Any, nil
	}
	t, err := o.View.Term(id)
	if err != nil {
		return id, false, err
	}
	added, ok, err := o.adds.Lookup(t)
	if err != nil {
		return id, false, err
	}
	if !ok {
		added = store.Any
	}
	o.toAdds[id] = added
	return added, ok, nil
}

// fromAdded gives a quad that was added the ids that it has here.
func (o *overlay) fromAdded(q *store.Quad) error {
	for _, id := range [...]*store.ID{&q.S, &q.P, &q.O, &q.G} {
		if isCommon(*id) {
			continue
		}
		known, ok := o.fromAdds[*id]
		if !ok {
			t, err := o.adds.Term(*id)
			if err != nil {
				return err
			}
			if known, ok, err = o.View.Lookup(t); err != nil {
				return err
			}
			if !ok {
				known = *id | ownBit
			}
			o.fromAdds[*id] = known
		}
		*id = known
	}
	return nil
}

// Count implements [store.Reader].
func (o *overlay) Count(p store.Pattern) (int, error) {
	n, err := o.View.Count(p)
	if err != nil {
		return 0, err
	}
	for q := range o.gone {
		if fits(q.S, p.S) && fits(q.P, p.P) && fits(q.O, p.O) && fits(q.G, p.G) {
			n--
		}
	}
	own, ok, err := o.patternOfAdds(p)
	if err != nil || !ok {
		return n, err
	}
	added, err := o.adds.Count(own)
	return n + added, err
}

func fits(id, bound store.ID) bool { return bound == store.Any || bound == id }

// Statistics implements [store.Reader].
func (o *overlay) Statistics(predicate store.ID) (store.Statistics, error) {
	s, err := o.View.Statistics(predicate)
	if err != nil {
		return s, err
	}
	if s.Quads, err = o.Count(store.Pattern{P: predicate}); err != nil {
		return s, err
	}
	own, ok, err := o.idOfAdds(predicate)
	if err != nil {
		return s, err
	}
	if ok {
		added, err := o.adds.Statistics(own)
		if err != nil {
			return s, err
		}
		s.Subjects += added.Subjects
		s.Objects += added.Objects
	}
	s.Subjects, s.Objects = min(s.Subjects, s.Quads), min(s.Objects, s.Quads)
	return s, nil
}

// Len implements [store.View].
func (o *overlay) Len() int { return o.View.Len() - len(o.gone) + o.adds.Len() }

// Again implements [store.View].
func (o *overlay) Again() store.View {
	again := *o
	again.View, again.adds = o.View.Again(), o.adds.Again()
	again.toAdds, again.fromAdds = map[store.ID]store.ID{}, map[store.ID]store.ID{}
	return &again
}

// Close implements [store.View].
func (o *overlay) Close() {
	o.View.Close()
	o.adds.Close()
}
