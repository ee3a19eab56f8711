package storetest

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// idsOf looks up the terms of a quad; known is false if one has no id.
func idsOf(r store.Reader, quad rdf.Quad) (ids store.Quad, known bool) {
	known = true
	for _, part := range []struct {
		term rdf.Term
		id   *store.ID
	}{{quad.S, &ids.S}, {quad.P, &ids.P}, {quad.O, &ids.O}, {quad.G, &ids.G}} {
		id, ok, err := r.Lookup(part.term)
		succeed(err)
		*part.id = id
		known = known && ok
	}
	return ids, known
}

// addIDs adds a quad by its ids, or by Put if it has a new term.
func addIDs(tx store.Tx, quad rdf.Quad) bool {
	if ids, known := idsOf(tx, quad); known {
		return must(tx.AddIDs(ids))
	}
	var got store.Quad
	changed := borrowed(quad, func(quad rdf.Quad) (changed bool) {
		var err error
		got, changed, err = tx.Put(quad)
		succeed(err)
		return changed
	})
	if ids, known := idsOf(tx, quad); !known || ids != got {
		panic("the ids of Put are not those of Lookup")
	}
	return changed
}

// removeIDs deletes a quad by its ids.
func removeIDs(tx store.Tx, quad rdf.Quad) bool {
	ids, _ := idsOf(tx, quad)
	return must(tx.DeleteIDs(ids))
}

// testNewIDs adds a quad of terms that are new in the transaction, before anything else is asked of it.
func testNewIDs(t *testing.T, s store.Store) {
	tx := s.Begin()
	defer tx.Rollback()
	ids, _, err := tx.Put(q("new", "p", "o", ""))
	succeed(err)
	if ids.O = ids.S; !must(tx.AddIDs(ids)) || !must(tx.DeleteIDs(ids)) {
		t.Error("a quad of new terms is not added, or not deleted")
	}
}

// testByIDs adds and deletes by ids: those of terms whose quads are gone in the transaction hold, those that no term has are refused.
func testByIDs(t *testing.T, s store.Store) {
	testNewIDs(t, s)
	one := q("s", "p", "o", "")
	inGraph := q("s", "p", `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`, "g")
	commit(s, 1, one, inGraph)
	tx := s.Begin()
	for _, quad := range []rdf.Quad{one, inGraph} {
		ids, _ := idsOf(tx, quad)
		if again, changed, err := tx.Put(quad); again != ids || changed || err != nil {
			t.Errorf("put of what is there: %v, %v, %v; its ids are %v", again, changed, err, ids)
		}
		if !must(tx.DeleteIDs(ids)) || must(tx.DeleteIDs(ids)) || !must(tx.AddIDs(ids)) || must(tx.AddIDs(ids)) {
			t.Errorf("a change of %s is not reported, or one that is none", quad)
		}
	}
	start := tx.Savepoint()
	for _, wrong := range wrongIDs(tx, inGraph) {
		if must(tx.DeleteIDs(wrong)) {
			t.Errorf("%v was deleted", wrong)
		}
		changed, err := tx.AddIDs(wrong)
		if changed || !errors.Is(err, store.ErrNoTerm) {
			t.Errorf("add %v: %v, %v", wrong, changed, err)
		}
		succeed(tx.RollbackTo(start))
	}
	ids, _ := idsOf(tx, one)
	ids.G, _, _ = tx.Lookup(inGraph.G)
	if !must(tx.AddIDs(ids)) {
		t.Error("add of a quad of known terms: no change")
	}
	succeed(tx.Commit(2, nil))
	check(t, s, 2, setOf(one, inGraph, q("s", "p", "o", "g")))
}

// wrongIDs are quads with an id that no term has, or that can't stand in its place. The object of quad is inline.
func wrongIDs(r store.Reader, quad rdf.Quad) (wrong []store.Quad) {
	good, _ := idsOf(r, quad)
	inline, none := good.O, store.ID(1_000_000)
	for place := range 4 {
		for _, id := range []store.ID{store.Any, none, store.DefaultGraph + 1, store.DefaultGraph, inline} {
			if id == inline && place == 2 || id == store.DefaultGraph && place == 3 {
				continue
			}
			ids := good
			*[]*store.ID{&ids.S, &ids.P, &ids.O, &ids.G}[place] = id
			wrong = append(wrong, ids)
		}
	}
	return wrong
}
