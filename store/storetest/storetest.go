// Package storetest is the suite that every [store.Store] passes.
package storetest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// Stores makes the stores to be tested, empty and at position 0. Whoever makes them also closes them, with t.Cleanup.
type Stores struct {
	// Open makes one that has room for whatever the suite does.
	Open func() store.Store
	// Small makes one that has room for at least three quads, and for less than a thousand.
	Small func() store.Store
}

// Run tests the stores.
func Run(t *testing.T, stores Stores) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"Empty":         testEmpty,
		"Changes":       testChanges,
		"Transaction":   testTransaction,
		"Rollback":      testRollback,
		"Savepoint":     testSavepoint,
		"Terms":         testTerms,
		"Views":         testViews,
		"Stop":          testStop,
		"ReplaceValues": testReplaceValues,
		"Concurrent":    testConcurrent,
		"Snapshot":      testSnapshot,
		"SnapshotError": testSnapshotError,
		"Meta":          testMeta,
		"Ids":           testIDs,
		"ByIDs":         testByIDs,
		"Changed":       testChanged,
		"Closed":        testClosed,
	} {
		t.Run(name, func(t *testing.T) { test(t, stores.Open()) })
	}
	t.Run("Full", func(t *testing.T) { testFull(t, stores.Small()) })
	t.Run("Model", func(t *testing.T) { testModel(t, stores.Open) })
}

// set is what a store should hold.
type set = map[rdf.Quad]struct{}

func setOf(quads ...rdf.Quad) set {
	s := set{}
	for _, q := range quads {
		s[q] = struct{}{}
	}
	return s
}

// q makes a quad of the local names of IRIs, or of literals that are written with their quotes; "" is no term.
func q(s, p, o, g string) rdf.Quad {
	term := func(text string) rdf.Term {
		if text == "" || text[0] == '"' || text[0] == '<' || text[0] == '_' {
			return rdf.Trusted(text)
		}
		return rdf.Trusted("<http://example.org/" + text + ">")
	}
	return rdf.Quad{S: term(s), P: term(p), O: term(o), G: term(g)}
}

// borrowed calls fn with a quad whose terms are in memory that is overwritten afterwards, as a parser does it.
func borrowed(quad rdf.Quad, fn func(rdf.Quad) bool) bool {
	var buf []byte
	terms := []rdf.Term{quad.S, quad.P, quad.O, quad.G}
	for _, t := range terms {
		buf = append(buf, t.String()...)
	}
	rest := unsafe.String(unsafe.SliceData(buf), len(buf))
	for i, t := range terms {
		n := len(t.String())
		terms[i], rest = rdf.Trusted(rest[:n]), rest[n:]
	}
	changed := fn(rdf.Quad{S: terms[0], P: terms[1], O: terms[2], G: terms[3]})
	for i := range buf {
		buf[i] = '#'
	}
	return changed
}

// must is for what fails only if the store is broken; it panics then.
func must[T any](v T, err error) T {
	succeed(err)
	return v
}

func succeed(err error) {
	if err != nil {
		panic(err)
	}
}

func add(tx store.Tx, quad rdf.Quad) bool {
	return borrowed(quad, func(quad rdf.Quad) bool { return must(tx.Add(quad)) })
}

func remove(tx store.Tx, quad rdf.Quad) bool {
	return borrowed(quad, func(quad rdf.Quad) bool { return must(tx.Delete(quad)) })
}

// commit adds the quads in a transaction.
func commit(s store.Store, position uint64, quads ...rdf.Quad) {
	tx := s.Begin()
	for _, quad := range quads {
		add(tx, quad)
	}
	succeed(tx.Commit(position, nil))
}

// failer is what tests and properties have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkView fails unless the view has that content, each quad once.
func checkView(t failer, v store.View, position uint64, want set) {
	t.Helper()
	got := make(set, v.Len())
	for quad, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			t.Fatalf("view at %d: %v", position, err)
		}
		if _, twice := got[quad]; twice {
			t.Fatalf("view at %d: twice: %s", position, quad)
		}
		got[quad.Clone()] = struct{}{}
	}
	if v.Position() != position || v.Len() != len(want) {
		t.Fatalf("view: position %d, %d quads; expected %d, %d", v.Position(), v.Len(), position, len(want))
	}
	if !maps.Equal(got, want) {
		t.Fatalf("view at %d (-want +got):\n%s", position, cmp.Diff(sorted(want), sorted(got)))
	}
}

func sorted(s set) []string {
	var list []string
	for quad := range s {
		list = append(list, quad.String())
	}
	slices.Sort(list)
	return list
}

// check fails unless the store has that committed content.
func check(t failer, s store.Store, position uint64, want set) {
	t.Helper()
	if s.Position() != position || s.Len() != len(want) {
		t.Fatalf("store: position %d, %d quads; expected %d, %d", s.Position(), s.Len(), position, len(want))
	}
	v := s.View()
	defer v.Close()
	checkView(t, v, position, want)
}

func testEmpty(t *testing.T, s store.Store) {
	check(t, s, 0, nil)
	tx := s.Begin()
	if remove(tx, q("s", "p", "o", "")) {
		t.Error("a quad was deleted from an empty store")
	}
	succeed(tx.Commit(7, nil))
	check(t, s, 7, nil)
	s.Begin().Rollback()
	check(t, s, 7, nil)
}

func testChanges(t *testing.T, s store.Store) {
	one, other := q("s", "p", "o", ""), q("s", "p", "o", "g")
	tx := s.Begin()
	steps := []struct {
		name string
		do   func(store.Tx, rdf.Quad) bool
		quad rdf.Quad
		want bool
	}{
		{"delete what is not there", remove, one, false},
		{"add", add, one, true},
		{"add again", add, one, false},
		{"delete from another graph", remove, other, false},
		{"add to another graph", add, other, true},
		{"delete", remove, one, true},
		{"delete again", remove, one, false},
		{"add what was deleted", add, one, true},
		{"delete from the other graph", remove, other, true},
	}
	for i, step := range steps {
		if got := step.do(tx, step.quad); got != step.want {
			t.Errorf("step %d, %s: change %v", i, step.name, got)
		}
	}
	succeed(tx.Commit(1, nil))
	check(t, s, 1, setOf(one))
	tx = s.Begin()
	if add(tx, one) || remove(tx, other) {
		t.Error("a change, after the commit, that is none")
	}
	succeed(tx.Commit(2, nil))
	check(t, s, 2, setOf(one))
}

func testTransaction(t *testing.T, s store.Store) {
	one, two, three := q("s", "p", "1", ""), q("s", "p", "2", ""), q("s", "p", "3", "")
	commit(s, 1, one, two)
	tx := s.Begin()
	if !add(tx, three) || !remove(tx, one) || !remove(tx, two) || !add(tx, two) {
		t.Error("a change is not reported")
	}
	check(t, s, 1, setOf(one, two)) // nobody sees it
	if add(tx, three) || remove(tx, one) {
		t.Error("the transaction doesn't see its own changes")
	}
	succeed(tx.Commit(5, nil))
	check(t, s, 5, setOf(two, three))
}

func testRollback(t *testing.T, s store.Store) {
	one, two := q("s", "p", "1", "g"), q("s", "p", "2", "g")
	commit(s, 3, one, two)
	for range 3 {
		tx := s.Begin()
		if !remove(tx, one) || !add(tx, q("s", "p", "3", "h")) || !remove(tx, two) ||
			!add(tx, one) || !remove(tx, one) {
			t.Error("a change is not reported: the rollback before was not exact")
		}
		tx.Rollback()
		check(t, s, 3, setOf(one, two))
	}
	tx := s.Begin()
	if add(tx, one) || !remove(tx, two) {
		t.Error("wrong after the rollback")
	}
	succeed(tx.Commit(4, nil))
	check(t, s, 4, setOf(one))
}

// testSavepoint goes back in a transaction, to its start too, with views that were opened meanwhile.
func testSavepoint(t *testing.T, s store.Store) {
	one, two, three := q("s", "p", "1", "g"), q("s", "p", "2", "g"), q("s", "p", "3", "h")
	commit(s, 3, one)
	tx := s.Begin()
	start := tx.Savepoint()
	add(tx, two)
	middle := tx.Savepoint()
	for range 3 {
		during := s.View()
		if !remove(tx, one) || !add(tx, three) || !remove(tx, two) || !add(tx, one) {
			t.Error("a change is not reported: the way back was not exact")
		}
		later := s.View()
		succeed(tx.RollbackTo(middle))
		checkView(t, later, 3, setOf(one))
		if add(tx, two) || !add(tx, three) || !remove(tx, three) {
			t.Error("what was before the savepoint is not as it was")
		}
		succeed(tx.RollbackTo(middle))
		for _, v := range []store.View{during, later} {
			checkView(t, v, 3, setOf(one))
			v.Close()
		}
	}
	succeed(tx.Commit(4, nil))
	check(t, s, 4, setOf(one, two))
	tx = s.Begin()
	remove(tx, one)
	succeed(tx.RollbackTo(start))
	succeed(tx.Commit(5, nil))
	check(t, s, 5, setOf(one, two))
	tx = s.Begin()
	remove(tx, one)
	tx.Savepoint()
	add(tx, three)
	tx.Rollback()
	check(t, s, 5, setOf(one, two))
}

// testTerms has terms of all kinds and sizes, in all places, which differ as little as they can.
func testTerms(t *testing.T, s store.Store) {
	want := setOf(
		q("x", "x", "x", "x"), q("x", "x", "x", ""), q("x", "x", "y", "x"), q("_:x", "x", "_:y", "_:x"),
		q("s", "p", `""`, ""), q("s", "p", `"1"`, ""), q("s", "p", `"1"@en`, ""), q("s", "p", `"1"@en--ltr`, ""),
		q("s", "p", `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`, ""), q("s", "p", `"\"\n\u0000é𝄞"`, ""),
		q("s", "p", "<<( <http://example.org/s> <http://example.org/p> _:o )>>", "g"),
	)
	for _, size := range []int{100, 126, 127, 128, 5 << 10, 20 << 10, 70 << 10, 1 << 20} {
		want[q("s", "p", `"`+strings.Repeat("z", size-2)+`"`, "g")] = struct{}{}
	}
	commit(s, 1, slices.Collect(maps.Keys(want))...)
	check(t, s, 1, want)
	tx := s.Begin()
	for quad := range want {
		if !remove(tx, quad) || !add(tx, quad) {
			t.Errorf("not there: %.200s", quad)
		}
	}
	succeed(tx.Commit(2, nil))
	check(t, s, 2, want)
	tx = s.Begin()
	for quad := range want {
		remove(tx, quad)
	}
	succeed(tx.Commit(3, nil))
	check(t, s, 3, nil)
}

// testViews keeps views over commits and rollbacks, and in the middle of transactions.
func testViews(t *testing.T, s store.Store) {
	type held struct {
		view     store.View
		position uint64
		want     set
	}
	var views []held
	now := set{}
	hold := func(position uint64) { views = append(views, held{s.View(), position, maps.Clone(now)}) }
	hold(0)
	for position := uint64(1); position <= 20; position++ {
		next := maps.Clone(now)
		tx := s.Begin()
		for i := range 40 {
			quad := q("s", "p", strings.Repeat("o", int(position)+i), "")
			if _, there := next[quad]; there {
				remove(tx, quad)
				delete(next, quad)
			} else {
				add(tx, quad)
				next[quad] = struct{}{}
			}
			if i%16 == 5 {
				hold(position - 1)
			}
		}
		if position%3 == 0 {
			tx.Rollback()
			succeed(s.Begin().Commit(position, nil))
		} else {
			succeed(tx.Commit(position, nil))
			now = next
		}
		hold(position)
	}
	for i := range views { // in an order that is neither that of the opening nor its reverse
		v := views[i*7%len(views)]
		again := v.view.Again()
		checkView(t, v.view, v.position, v.want)
		v.view.Close()
		checkView(t, again, v.position, v.want)
		again.Close()
		again = again.Again()
		if _, err := again.Term(1); !errors.Is(err, store.ErrClosed) || again.Position() != v.position {
			t.Errorf("again of a closed view: at %d, %v", again.Position(), err)
		}
		again.Close()
	}
	check(t, s, 20, now)
}

func testStop(t *testing.T, s store.Store) {
	for _, open := range []bool{false, true} { // a transaction
		if !open {
			commit(s, 1, q("s", "p", "1", ""), q("s", "p", "2", ""), q("s", "p", "3", ""))
		} else {
			tx := s.Begin()
			defer tx.Rollback()
			remove(tx, q("s", "p", "1", ""))
			remove(tx, q("s", "p", "2", ""))
		}
		for most := 1; most <= 3; most++ {
			v, n := s.View(), 0
			for _, err := range v.Match(store.Pattern{}) {
				succeed(err)
				if n++; n == most {
					break
				}
			}
			v.Close()
			if n != most {
				t.Errorf("%d quads after an end at %d", n, most)
			}
		}
	}
}

// testSnapshot writes the content of a view and reads it into a memory store.
func testSnapshot(t *testing.T, s store.Store) {
	want := set{}
	for _, o := range []string{`"1"`, "o", "s", `"` + strings.Repeat("long", 50_000) + `"`} {
		want[q("s", "p", o, "g")] = struct{}{}
		want[q("s", "p", o, "")] = struct{}{}
	}
	commit(s, 12, slices.Collect(maps.Keys(want))...)
	view := s.View()
	defer view.Close()
	tx := s.Begin()
	add(tx, q("not", "there", "yet", ""))
	succeed(tx.Commit(13, nil))
	var file bytes.Buffer
	err := store.WriteSnapshot(&file, view, func(w io.Writer) error {
		_, err := io.WriteString(w, "extra")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var extra []byte
	m, err := memory.ReadSnapshot(&file, func(r io.Reader) (err error) {
		extra, err = io.ReadAll(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if string(extra) != "extra" {
		t.Errorf("extra %q", extra)
	}
	check(t, m, 12, want)
}

var errFull = errors.New("the disk is full")

// limited takes so many bytes.
type limited int

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > int(*l) {
		return 0, errFull
	}
	*l -= limited(len(p))
	return len(p), nil
}

func testSnapshotError(t *testing.T, s store.Store) {
	commit(s, 1, q("s", "p", "o", "g"))
	view := s.View()
	defer view.Close()
	var file bytes.Buffer
	if err := store.WriteSnapshot(&file, view, nil); err != nil {
		t.Fatal(err)
	}
	for size := range file.Len() {
		room := limited(size)
		if err := store.WriteSnapshot(&room, view, nil); !errors.Is(err, errFull) {
			t.Fatalf("%d of %d bytes could be written, but the error is %v", size, file.Len(), err)
		}
	}
}
