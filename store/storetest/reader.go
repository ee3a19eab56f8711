package storetest

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// boundTerms says which terms of a pattern are bound, one bit each: S, P, O, G.
type boundTerms int

const allBound boundTerms = 15

func (b boundTerms) fits(want, quad rdf.Quad) bool {
	return (b&1 == 0 || quad.S == want.S) && (b&2 == 0 || quad.P == want.P) &&
		(b&4 == 0 || quad.O == want.O) && (b&8 == 0 || quad.G == want.G)
}

// pattern asks for the bound terms, by their ids.
func (b boundTerms) pattern(q store.Quad) (p store.Pattern) {
	for i, at := range []*store.ID{&p.S, &p.P, &p.O, &p.G} {
		if b&(1<<i) != 0 {
			*at = [...]store.ID{q.S, q.P, q.O, q.G}[i]
		}
	}
	return p
}

// match returns what a reader finds, each quad once.
func match(t failer, r store.Reader, p store.Pattern) set {
	t.Helper()
	got := set{}
	for quad, err := range store.Quads(r, p) {
		if err != nil {
			t.Fatalf("match %v: %v", p, err)
		}
		if _, twice := got[quad]; twice {
			t.Fatalf("match %v: twice: %s", p, quad)
		}
		got[quad.Clone()] = struct{}{}
	}
	if n, err := r.Count(p); err != nil || n != len(got) {
		t.Fatalf("count %v: %d, %v; there are %d", p, n, err, len(got))
	}
	if p == (store.Pattern{P: p.P}) {
		checkStatistics(t, r, p.P, len(got))
	}
	checkBlocks(t, r, p)
	return got
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// checkBlocks fails unless the reader gives the same in blocks, and ends when it is told.
func checkBlocks(t failer, r store.Reader, p store.Pattern) {
	t.Helper()
	want := map[store.Quad]bool{}
	for quad, err := range r.Match(p) {
		want[quad] = err == nil
	}
	for _, size := range []int{1, 2, 50} {
		got := map[store.Quad]bool{}
		err := r.Blocks(p, make([]store.Quad, size), func(quads []store.Quad) error {
			for _, quad := range quads {
				if got[quad] {
					t.Fatalf("blocks of %d, %v: twice: %v", size, p, quad)
				}
				got[quad] = true
			}
			if len(quads) == 0 || len(quads) > size {
				t.Fatalf("blocks of %d, %v: one of %d", size, p, len(quads))
			}
			return nil
		})
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("blocks of %d, %v: %v, %v; there are %v", size, p, err, got, want)
		}
	}
	calls := 0
	err := r.Blocks(p, make([]store.Quad, 1), func([]store.Quad) error {
		calls++
		return errEnough
	})
	if calls != min(len(want), 1) || errors.Is(err, errEnough) != (len(want) > 0) {
		t.Fatalf("an end of %v: %d calls, %v", p, calls, err)
	}
}

// checkStatistics fails unless the quads are counted, and the terms may be as many as is said.
func checkStatistics(t failer, r store.Reader, predicate store.ID, quads int) {
	t.Helper()
	s, err := r.Statistics(predicate)
	least := min(quads, 1)
	if err != nil || s.Quads != quads || min(s.Subjects, s.Objects) < least || max(s.Subjects, s.Objects) > quads {
		t.Fatalf("statistics of predicate %d: %+v, %v; there are %d quads", predicate, s, err, quads)
	}
}

// checkPatterns fails unless the reader, which has the content all, answers each of the 16 patterns for the terms of a quad,
// which may be there or not.
func checkPatterns(t failer, r store.Reader, all set, quad rdf.Quad) {
	t.Helper()
	ids, known := lookup(t, r, all, quad)
	for bound := range allBound + 1 {
		if bound&^known != 0 {
			continue // there is nothing to ask for
		}
		want := maps.Clone(all)
		maps.DeleteFunc(want, func(there rdf.Quad, _ struct{}) bool { return !bound.fits(quad, there) })
		if got := match(t, r, bound.pattern(ids)); !maps.Equal(got, want) {
			t.Fatalf("bound %04b of %s (-want +got):\n%s", bound, quad, cmp.Diff(sorted(want), sorted(got)))
		}
	}
}

// lookup returns the ids of the terms, and which of them have one: those of quads that are there must.
func lookup(t failer, r store.Reader, all set, quad rdf.Quad) (ids store.Quad, known boundTerms) {
	t.Helper()
	at := [...]*store.ID{&ids.S, &ids.P, &ids.O, &ids.G}
	for i, term := range []rdf.Term{quad.S, quad.P, quad.O, quad.G} {
		id, ok, err := r.Lookup(term)
		if err != nil {
			t.Fatalf("look up %s: %v", term, err)
		}
		if !ok {
			needs := boundTerms(1 << i)
			for there := range all {
				if needs.fits(quad, there) {
					t.Fatalf("%s has no id, but there is %s", term, there)
				}
			}
			continue
		}
		if back, err := r.Term(id); err != nil || back != term {
			t.Fatalf("%s has the id %d, which is that of %s, %v", term, id, back, err)
		}
		*at[i], known = id, known|1<<i
	}
	return ids, known
}

// checkUnknown fails if an id that nothing has fits something.
func checkUnknown(t failer, r store.Reader, quad rdf.Quad) {
	t.Helper()
	ids, known := lookup(t, r, nil, quad)
	for _, unknown := range []store.ID{1<<63 - 1, store.DefaultGraph + 1, ^store.ID(0), ids.S | 1<<32, ids.S | 1<<62} {
		if _, err := r.Term(unknown); err == nil {
			continue // such a store has it, after all
		} else if !errors.Is(err, store.ErrNoTerm) {
			t.Fatalf("term of %d: %v", unknown, err)
		}
		for i := range 4 {
			p := known.pattern(ids)
			*[...]*store.ID{&p.S, &p.P, &p.O, &p.G}[i] = unknown
			if got := match(t, r, p); len(got) > 0 {
				t.Fatalf("%v fits %v", p, sorted(got))
			}
		}
	}
}

// match checks all patterns for a quad, in the transaction and in a view.
func (m *model) match(t *rapid.T) {
	quad := quads.Draw(t, "quad")
	if rapid.IntRange(0, 3).Draw(t, "one of many") == 0 {
		quad = numbered(rapid.IntRange(0, 2100).Draw(t, "number"))
	}
	m.begin()
	checkPatterns(t, m.tx, m.pending, quad)
	checkUnknown(t, m.tx, quad)
	now := m.s.View()
	defer now.Close()
	checkPatterns(t, now, m.committed, quad)
	if len(m.views) > 0 {
		v := rapid.SampledFrom(m.views).Draw(t, "view")
		checkPatterns(t, v.view, v.want, quad)
		checkUnknown(t, v.view, quad)
	}
}

// testIDs has terms whose quads come and go.
func testIDs(t *testing.T, s store.Store) {
	one, two := q("s", "p", `"1"`, "g"), q("s", "p", `"2"`, "")
	commit(s, 1, one)
	view := s.View()
	defer view.Close()
	object, ok, err := view.Lookup(one.O)
	if !ok || err != nil || object == store.Any || object >= store.DefaultGraph {
		t.Fatalf("object %d, %v, %v", object, ok, err)
	}
	tx := s.Begin()
	remove(tx, one)
	first, _, _ := tx.Lookup(one.O)
	start := tx.Savepoint()
	for range 3 {
		add(tx, two)
		second, ok, err := tx.Lookup(two.O)
		if !ok || err != nil || second == first {
			t.Errorf("second object %d, %v, %v", second, ok, err)
		}
		succeed(tx.RollbackTo(start))
		if term, err := tx.Term(first); err != nil || term != one.O {
			t.Errorf("in the transaction %s, %v", term, err)
		}
	}
	succeed(tx.Commit(2, nil))
	commit(s, 3, two)
	if term, err := view.Term(object); err != nil || term != one.O {
		t.Errorf("in the view %s, %v", term, err)
	}
	if again, ok, err := view.Lookup(one.O); again != object || !ok || err != nil {
		t.Errorf("looked up again: %d, %v, %v", again, ok, err)
	}
	for _, r := range []store.Reader{view, s.Begin()} {
		checkGraphs(t, r)
	}
}

// checkGraphs looks at the ids that are no term's.
func checkGraphs(t *testing.T, r store.Reader) {
	if id, ok, err := r.Lookup(rdf.Term{}); id != store.DefaultGraph || !ok || err != nil {
		t.Errorf("the default graph is %d, %v, %v", id, ok, err)
	}
	if term, err := r.Term(store.DefaultGraph); !term.IsZero() || err != nil {
		t.Errorf("the default graph: %s, %v", term, err)
	}
	if term, err := r.Term(store.Any); !errors.Is(err, store.ErrNoTerm) {
		t.Errorf("any term: %s, %v", term, err)
	}
	if id, ok, err := r.Lookup(rdf.Trusted("<urn:nowhere>")); ok || err != nil {
		t.Errorf("unknown term: %d, %v, %v", id, ok, err)
	}
}

// testChanged changes a transaction while it is read.
func testChanged(t *testing.T, s store.Store) {
	one, two, three := q("s", "p", "1", ""), q("s", "p", "2", ""), q("s", "p", "3", "")
	commit(s, 1, one, two)
	tx := s.Begin()
	start := tx.Savepoint()
	for name, change := range map[string]func(){
		"add":      func() { add(tx, three) },
		"delete":   func() { remove(tx, two) },
		"rollback": func() { succeed(tx.RollbackTo(start)) },
	} {
		if name == "rollback" {
			add(tx, three)
		}
		n := 0
		for _, err := range tx.Match(store.Pattern{}) {
			if n++; n == 1 {
				change()
				continue
			}
			if !errors.Is(err, store.ErrChanged) || n > 2 {
				t.Errorf("%s: item %d: %v", name, n, err)
			}
		}
		if n != 2 {
			t.Errorf("%s: %d items", name, n)
		}
		succeed(tx.RollbackTo(start))
		if name == "rollback" {
			add(tx, three)
		}
		err := tx.Blocks(store.Pattern{}, make([]store.Quad, 1), func([]store.Quad) error {
			change()
			return nil
		})
		if !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s, in blocks: %v", name, err)
		}
		succeed(tx.RollbackTo(start))
	}
	pairs := 0
	for range tx.Match(store.Pattern{}) { // one reading within another
		if add(tx, one) || remove(tx, three) {
			t.Error("a change that is none")
		}
		for _, err := range tx.Match(store.Pattern{}) {
			succeed(err)
			pairs++
		}
	}
	if pairs != 4 {
		t.Errorf("%d pairs", pairs)
	}
	tx.Rollback()
	check(t, s, 1, setOf(one, two))
}

// testClosed reads a view that is closed, and one that is closed meanwhile.
func testClosed(t *testing.T, s store.Store) {
	commit(s, 5, q("s", "p", "1", ""), q("s", "p", "2", ""))
	v := s.View()
	n := 0
	for _, err := range v.Match(store.Pattern{}) {
		if n++; n == 1 {
			v.Close()
		} else if !errors.Is(err, store.ErrClosed) {
			t.Errorf("item %d: %v", n, err)
		}
	}
	if n != 2 {
		t.Errorf("%d items", n)
	}
	inBlocks := s.View()
	err := inBlocks.Blocks(store.Pattern{}, make([]store.Quad, 1), func([]store.Quad) error {
		inBlocks.Close()
		return nil
	})
	if !errors.Is(err, store.ErrClosed) {
		t.Errorf("in blocks: %v", err)
	}
	v.Close()
	for quad, err := range store.Quads(v, store.Pattern{}) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s, %v", quad, err)
		}
	}
	_, _, lookup := v.Lookup(rdf.Term{})
	_, term := v.Term(store.DefaultGraph)
	_, count := v.Count(store.Pattern{})
	_, meta := v.Meta()
	blocks := v.Blocks(store.Pattern{S: 1}, make([]store.Quad, 1), nil)
	for i, err := range []error{lookup, term, count, meta, blocks} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if v.Position() != 5 || v.Len() != 2 {
		t.Errorf("position %d, %d quads", v.Position(), v.Len())
	}
}

// testMeta commits bytes beside the quads.
func testMeta(t *testing.T, s store.Store) {
	meta := func(v store.View) string { return string(must(v.Meta())) }
	empty := s.View()
	defer empty.Close()
	text := []byte("first")
	succeed(s.Begin().Commit(1, text))
	copy(text, "XXXXX")
	first := s.View()
	defer first.Close()
	s.Begin().Rollback()
	tx := s.Begin()
	add(tx, q("s", "p", "o", ""))
	during := s.View()
	defer during.Close()
	succeed(tx.Commit(2, slices.Repeat([]byte("second"), 10_000)))
	second := s.View()
	defer second.Close()
	succeed(s.Begin().Commit(3, nil))
	third := s.View()
	defer third.Close()
	got := []string{meta(empty), meta(first), meta(during), meta(third)}
	if !slices.Equal(got, []string{"", "first", "first", ""}) || len(meta(second)) != 60_000 {
		t.Errorf("%q, and %d bytes", got, len(meta(second)))
	}
}

// testFull fills a store that is small.
func testFull(t *testing.T, s store.Store) {
	kept := setOf(numbered(-1))
	commit(s, 1, numbered(-1))
	fill := func(tx store.Tx) (n int, err error) {
		for ; err == nil && n < 1000; n++ {
			changed := false
			if changed, err = tx.Add(numbered(n)); changed == (err != nil) {
				t.Fatalf("quad %d: %v, %v", n, changed, err)
			}
		}
		return n - 1, err
	}
	tx := s.Begin()
	empty := tx.Savepoint()
	n, full := fill(tx)
	if !errors.Is(full, store.ErrFull) || n < 1 {
		t.Fatalf("after %d quads: %v", n, full)
	}
	checkFailed(t, tx, full, n+1)
	succeed(tx.RollbackTo(empty))
	if !add(tx, numbered(1)) || !remove(tx, numbered(1)) {
		t.Error("it does not go on from the savepoint")
	}
	succeed(tx.Commit(2, nil))
	check(t, s, 2, kept)
	tx = s.Begin()
	if _, err := fill(tx); !errors.Is(err, store.ErrFull) {
		t.Error(err)
	}
	if err := tx.Commit(3, []byte("x")); !errors.Is(err, store.ErrFull) {
		t.Errorf("commit: %v", err)
	}
	check(t, s, 2, kept)
	tx = s.Begin()
	_, _ = fill(tx)
	ids, _ := idsOf(tx, numbered(0))
	ids.P = ids.S
	succeed(tx.RollbackTo(tx.Savepoint()))
	if changed, err := tx.AddIDs(ids); changed || !errors.Is(err, store.ErrFull) {
		t.Errorf("add by ids to what is full: %v, %v", changed, err)
	}
	tx.Rollback()
	check(t, s, 2, kept)
	commit(s, 4, numbered(1))
	kept[numbered(1)] = struct{}{}
	check(t, s, 4, kept)
}

// checkFailed fails unless the transaction, which has n quads, does nothing more, and can be read.
func checkFailed(t *testing.T, tx store.Tx, full error, n int) {
	t.Helper()
	added, addErr := tx.Add(numbered(0)) // which is there
	removed, removeErr := tx.Delete(numbered(0))
	if added || removed || addErr == nil || addErr.Error() != full.Error() || removeErr == nil ||
		removeErr.Error() != full.Error() {
		t.Errorf("add: %v, %v; delete: %v, %v", added, addErr, removed, removeErr)
	}
	ids, _ := idsOf(tx, numbered(0))
	_, _, putErr := tx.Put(numbered(0))
	_, addIDsErr := tx.AddIDs(ids)
	_, removeIDsErr := tx.DeleteIDs(ids)
	for _, err := range []error{putErr, addIDsErr, removeIDsErr} {
		if err == nil || err.Error() != full.Error() {
			t.Errorf("by ids: %v", err)
		}
	}
	if got := match(t, tx, store.Pattern{}); len(got) != n {
		t.Errorf("%d quads, not %d", len(got), n)
	}
}
