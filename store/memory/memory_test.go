package memory

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

func numbered(s, o int) rdf.Quad {
	return rdf.Quad{
		S: rdf.Trusted(fmt.Sprintf("<http://example.org/subject/%d>", s)),
		P: rdf.Trusted("<http://example.org/value>"),
		O: rdf.Trusted(fmt.Sprintf(`"%d"^^<http://www.w3.org/2001/XMLSchema#integer>`, o)),
		G: rdf.Trusted("<http://example.org/graph>"),
	}
}

// did is whether a change was one; there must be room for it.
func did(changed bool, err error) bool {
	if err != nil {
		panic(err)
	}
	return changed
}

// invariants fails unless the parts of the store agree, while no transaction is open.
func invariants(t *testing.T, m *Store) {
	t.Helper()
	refs := map[uint32]uint32{}
	bySubject := map[uint32]int{}
	for row := range m.quads.len {
		q := *m.quads.rows.at(row)
		bySubject[q[0]]++
		for i, id := range q {
			if !q.inline(i) {
				refs[id]++
			}
		}
		if found, ok := m.quads.find(q, m.quads.hash(q)); !ok || found != row {
			t.Fatalf("row %d is not in the index", row)
		}
	}
	for subject, n := range bySubject {
		rows := slices.Collect(m.quads.of(subject))
		slices.Sort(rows)
		if len(slices.Compact(rows)) != n || slices.ContainsFunc(rows, func(row uint32) bool { return m.quads.rows.at(row)[0] != subject }) {
			t.Fatalf("subject %d has %d quads, its list %d", subject, n, rows)
		}
	}
	delete(refs, 0)
	if int(m.terms.len) != len(refs) {
		t.Errorf("%d terms, but the quads have %d", m.terms.len, len(refs))
	}
	live := 0
	for id, n := range refs {
		text := m.terms.text(id)
		live += entry(text)
		if found, ok := m.terms.find(text, m.terms.hash(text)); !ok || found != id || *m.terms.refs.at(id) != n {
			t.Fatalf("term %d, %s: found as %d, %d users, expected %d", id, text, found, *m.terms.refs.at(id), n)
		}
	}
	free := 0
	for id := m.terms.free; id != 0; id = *m.terms.refs.at(id) {
		free++
	}
	if free+len(refs) != int(m.terms.last) {
		t.Errorf("%d ids used and %d free of %d", len(refs), free, m.terms.last)
	}
	checkArena(t, &m.terms.texts, live)
	checkIndex(t, m)
}

func checkArena(t *testing.T, a *arena, live int) {
	t.Helper()
	total, size := 0, 0
	for i, chunk := range a.chunks.all {
		total += a.live[i]
		size += len(chunk)
		if i != a.chunk && a.live[i]*2 < len(chunk) {
			t.Errorf("chunk %d of %d bytes has %d in use", i, len(chunk), a.live[i])
		}
	}
	if total != live {
		t.Errorf("%d bytes in use, expected %d", total, live)
	}
	if size > 2*live+chunkSize {
		t.Errorf("%d bytes of chunks for %d in use", size, live)
	}
}

// Values that come and go for ever leave nothing behind.
func TestMemoryIsUsedAgain(t *testing.T) {
	const sensors, rounds = 1500, 24
	for _, viewed := range []bool{false, true} {
		t.Run(fmt.Sprintf("views=%v", viewed), func(t *testing.T) {
			m := New()
			tx := m.Begin()
			for s := range sensors {
				tx.Add(numbered(s, s))
			}
			tx.Commit(0, nil)
			for round := range rounds {
				tx := m.Begin()
				for s := range sensors {
					old := round*sensors + s
					if !did(tx.Delete(numbered(s, old))) || !did(tx.Add(numbered(s, old+sensors))) {
						t.Fatal("no change")
					}
				}
				if round%3 == 1 {
					tx.Rollback()
					replaceRolledBack(t, m, round, sensors)
				} else {
					tx.Commit(0, nil)
				}
				if viewed {
					m.View().Close()
				}
			}
			invariants(t, m)
			// In one transaction are the old terms and the new ones.
			if m.terms.last > 3*sensors+2 {
				t.Errorf("%d ids for %d terms", m.terms.last, m.terms.len)
			}
			if chunks := len(m.terms.texts.live); chunks > 3*2*sensors*100/chunkSize+3 {
				t.Errorf("%d places for chunks", chunks)
			}
			if pages := len(m.quads.rows.made); pages > sensors/pageLen+2 {
				t.Errorf("%d pages of rows", pages)
			}
		})
	}
}

// replaceRolledBack makes the changes of a round after its rollback.
func replaceRolledBack(t *testing.T, m *Store, round, sensors int) {
	tx := m.Begin()
	for s := range sensors {
		old := round*sensors + s
		if !did(tx.Add(numbered(s, old+sensors))) || !did(tx.Delete(numbered(s, old))) {
			t.Fatal("no change after the rollback")
		}
	}
	tx.Commit(0, nil)
}

// A store that was emptied gives its memory back, but for the bookkeeping of ids.
func TestEmptied(t *testing.T) {
	const n = 50_000
	m := New()
	for _, add := range []bool{true, false} {
		tx := m.Begin()
		for i := range n {
			if add && !did(tx.Add(numbered(i, i))) || !add && !did(tx.Delete(numbered(i, i))) {
				t.Fatal("no change")
			}
		}
		tx.Commit(1, nil)
		invariants(t, m)
	}
	segments := map[*segment]bool{}
	for _, index := range []*table{&m.quads.index, &m.terms.index} {
		for _, seg := range index.dir {
			segments[seg] = true
		}
	}
	if len(segments) != 2 || len(m.quads.rows.made) > 2 || cap(m.log) > keptLog {
		t.Errorf("%d segments, %d pages, a log for %d changes", len(segments), len(m.quads.rows.made), cap(m.log))
	}
	for i, chunk := range m.terms.texts.chunks.all {
		if chunk != nil && i != m.terms.texts.chunk {
			t.Errorf("chunk %d is still there", i)
		}
	}
}

// Without a view no page is copied, with one each page once.
func TestPagesAreCopiedOnceForAView(t *testing.T) {
	m := New()
	tx := m.Begin()
	for i := range 10 * pageLen {
		tx.Add(numbered(i, i))
	}
	tx.Commit(1, nil)
	before := m.quads.rows.pages.view()
	m.quads.rows.pages.shared = false
	before = append([]*[pageLen]quad(nil), before...)
	rewrite := func() {
		tx := m.Begin()
		for i := range 10 * pageLen {
			tx.Delete(numbered(i, i))
			tx.Add(numbered(i, i))
		}
		tx.Commit(2, nil)
	}
	same := func(a, b []*[pageLen]quad) (n int) {
		for i := range 10 {
			if a[i] == b[i] {
				n++
			}
		}
		return n
	}
	if rewrite(); same(before, m.quads.rows.pages.all) != 10 {
		t.Error("pages were copied without a view")
	}
	v := m.View()
	rewrite()
	copied := append([]*[pageLen]quad(nil), m.quads.rows.pages.all...)
	if same(before, copied) != 0 {
		t.Error("pages that a view sees were changed")
	}
	if rewrite(); same(copied, m.quads.rows.pages.all) != 10 {
		t.Error("pages were copied again")
	}
	v.Close()
	v.Close() // does nothing
	if m.epochs.frozen != 0 || len(m.epochs.open) != 0 || m.quads.rows.pages.shared {
		t.Error("the view is closed, but pages are still kept for it")
	}
}

// Pages that are dropped, and made anew, stay in the view that has them.
func TestViewOfDroppedPages(t *testing.T) {
	const n = 8 * pageLen
	m := New()
	tx := m.Begin()
	for i := range n {
		tx.Add(numbered(i, i))
	}
	tx.Commit(1, nil)
	v := m.View()
	defer v.Close()
	want := content(v)
	tx = m.Begin()
	for i := n - 1; i >= 0; i-- { // the last row first, so that no other moves
		tx.Delete(numbered(i, i))
	}
	for i := range n {
		tx.Add(numbered(i, n+i))
	}
	tx.Commit(2, nil)
	if got := content(v); !maps.Equal(got, want) || len(got) != n {
		t.Errorf("%d quads, expected %d, or others", len(got), n)
	}
}

// What a view hands out stays as it was when the view is closed, the term gone and its memory used again.
func TestTermsOutliveViews(t *testing.T) {
	m := New()
	tx := m.Begin()
	for i := range 5000 {
		tx.Add(numbered(i, i))
	}
	tx.Commit(1, nil)
	kept := map[rdf.Quad]string{}
	v := m.View()
	for q := range store.Quads(v, store.Pattern{}) {
		kept[q] = strings.Clone(q.String())
	}
	v.Close()
	for round := range 3 {
		tx = m.Begin()
		for i := range 5000 {
			tx.Delete(numbered(i, i+round))
			tx.Add(numbered(i, i+round+1))
		}
		tx.Commit(2, nil)
	}
	runtime.GC()
	for q, text := range kept {
		if q.String() != text {
			t.Fatalf("%s became %s", text, q)
		}
	}
}

// TestTermsThatAreLost: a view finds the terms that it has, by their ids, however many the store has lost since, and no others.
func TestTermsThatAreLost(t *testing.T) {
	m := New()
	named := func(i, n int) rdf.Quad {
		q := numbered(i, 0)
		q.O = rdf.Trusted(fmt.Sprintf("<http://example.org/object/%d>", n))
		return q
	}
	put := func(position uint64, from, to int) {
		tx := m.Begin()
		for i := from; i < to; i++ {
			tx.Delete(named(i, i))
			tx.Add(named(i, i+1000))
		}
		tx.Commit(position, nil)
	}
	tx := m.Begin()
	for i := range 100 {
		tx.Add(named(i, i))
	}
	tx.Commit(1, nil)
	before := m.View()
	defer before.Close()
	ids := map[rdf.Term]store.ID{}
	for i := range 100 {
		id, ok, err := before.Lookup(named(i, i).O)
		if !ok || err != nil {
			t.Fatalf("%d: %v, %v", i, ok, err)
		}
		ids[named(i, i).O] = id
	}
	put(2, 0, 40)
	between := m.View()
	defer between.Close()
	check := func(v store.View, n int) {
		t.Helper()
		for i := range 100 {
			id, ok, err := v.Lookup(named(i, i).O)
			if err != nil || ok != (i >= n) || ok && id != ids[named(i, i).O] {
				t.Errorf("%d: %v, %v, %v", i, id, ok, err)
			}
			if _, ok, err := v.Lookup(named(i, i+1000).O); ok != (i < n) || err != nil {
				t.Errorf("%d of what came: %v, %v", i, ok, err)
			}
		}
	}
	check(before, 0)
	put(3, 40, 70)
	check(before, 0)
	check(between, 40)
	again := before.Again()
	check(again, 0)
	again.Close()
	for range mostLosses { // until it is not known any more which those were
		m.terms.lost.add(0)
	}
	check(before, 0)
	check(between, 40)
	between.Close()
	before.Close()
	if n := len(m.terms.lost.ids); n != 0 {
		t.Errorf("%d lost terms are kept for nobody", n)
	}
}

// Close lets go of what the view saw.
func TestClosedView(t *testing.T) {
	m := New()
	tx := m.Begin()
	tx.Add(numbered(1, 1))
	tx.Commit(9, nil)
	v := m.View()
	v.Close()
	for q, err := range v.Match(store.Pattern{}) {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("a quad of a closed view: %v, %v", q, err)
		}
	}
	if v.Position() != 9 || v.Len() != 1 {
		t.Errorf("position %d, %d quads", v.Position(), v.Len())
	}
}

func panics(fn func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	fn()
	return ""
}

func TestMisuse(t *testing.T) {
	m := New()
	tx := m.Begin()
	if got := panics(func() { m.Begin() }); !strings.Contains(got, "while a transaction is open") {
		t.Errorf("Begin twice: %s", got)
	}
	tx.Commit(1, nil)
	open := m.Begin()
	for name, use := range map[string]func(){
		"Add":      func() { tx.Add(numbered(1, 1)) },
		"Delete":   func() { tx.Delete(numbered(1, 1)) },
		"Commit":   func() { tx.Commit(2, nil) },
		"Rollback": func() { tx.Rollback() },
		"Lookup":   func() { _, _, _ = tx.Lookup(rdf.Term{}) },
		"Count":    func() { _, _ = tx.Count(store.Pattern{}) },
	} {
		if got := panics(use); !strings.Contains(got, "the transaction has ended") {
			t.Errorf("%s after the end: %s", name, got)
		}
	}
	if !did(open.Add(numbered(1, 1))) || !did(open.Add(numbered(2, 2))) {
		t.Error("the open transaction doesn't work")
	}
	n := 0
	for _, err := range open.Match(store.Pattern{}) {
		if n++; n == 1 {
			open.Commit(3, nil)
		} else if !errors.Is(err, store.ErrChanged) {
			t.Errorf("reading goes on after the end: %v", err)
		}
	}
	if n != 2 {
		t.Errorf("%d items", n)
	}
	invariants(t, m)
}

// A store without room refuses the change and stays what it was.
func TestFull(t *testing.T) {
	for name, limit := range map[string]func(*Store){
		"quads": func(m *Store) { m.max = 10 + 10 }, // in one transaction each counts twice
		"terms": func(m *Store) { m.terms.max = 2 + 10 + 3 },
	} {
		t.Run(name, func(t *testing.T) {
			m := New()
			limit(m)
			tx := m.Begin()
			for i := range 10 {
				if !did(tx.Add(numbered(i, i))) {
					t.Fatal("no change")
				}
			}
			if changed, err := tx.Add(numbered(10, 10)); changed || !errors.Is(err, store.ErrFull) {
				t.Errorf("one more: %v, %v", changed, err)
			}
			for i, change := range []func() (bool, error){
				func() (bool, error) { return tx.Add(numbered(3, 3)) },
				func() (bool, error) { return tx.Delete(numbered(3, 3)) },
				func() (bool, error) { return tx.Add(numbered(1, 2)) },
			} {
				if changed, err := change(); changed || !errors.Is(err, store.ErrFull) {
					t.Errorf("a failed transaction goes on: change %d: %v, %v", i, changed, err)
				}
			}
			if err := tx.Commit(1, nil); !errors.Is(err, store.ErrFull) || m.Len() != 0 || m.Position() != 0 {
				t.Errorf("a failed transaction is committed: %v, %d quads at %d", err, m.Len(), m.Position())
			}
			invariants(t, m)
			tx = m.Begin()
			if !did(tx.Add(numbered(11, 11))) || tx.Commit(2, nil) != nil || m.Len() != 1 {
				t.Error("there is room again")
			}
			invariants(t, m)
		})
	}
}
