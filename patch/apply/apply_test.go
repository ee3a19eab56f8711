package apply

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// content returns what the store holds.
func content(t interface{ Fatal(...any) }, s store.Store) map[string]bool {
	view := s.View()
	defer view.Close()
	all := map[string]bool{}
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[string(patch.AppendAdd(nil, q))] = true
	}
	return all
}

// TestApply: what an aborted transaction has done, to quads, prefixes and counts, is taken back; rows outside of
// transactions count when they are committed.
func TestApply(t *testing.T) {
	s := memory.New()
	a := To(s)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	apply := func(text string) { t.Helper(); must(patch.Parse([]byte(text), a)); must(a.Flush()) }
	apply("PA \"a\" <urn:a> .\nPA \"b\" <urn:b> .\nA <s:1> <p:1> \"1\" .\nA <s:2> <p:1> \"2\" .\n")
	data := a.Counts()
	apply("TX .\nD <s:1> <p:1> \"1\" .\nD <s:9> <p:1> \"9\" .\nA <s:2> <p:1> \"2\" .\nA <s:3> <p:1> \"3\" .\nPD \"a\" .\nTC .\n")
	apply("TX .\nD <s:2> <p:1> \"2\" .\nA <s:4> <p:1> \"4\" .\nPA \"c\" <urn:c> .\nPD \"b\" .\nTA .\n")
	apply("A <s:5> <p:1> \"5\" .\nPA \"d\" <urn:d> .\nPA \"e\" <urn:e> <g:1> .\n")

	want := map[string]bool{"A <s:2> <p:1> \"2\" .\n": true, "A <s:3> <p:1> \"3\" .\n": true, "A <s:5> <p:1> \"5\" .\n": true}
	if diff := cmp.Diff(want, content(t, s)); diff != "" || s.Len() != 3 {
		t.Errorf("%d quads: %s", s.Len(), diff)
	}
	if diff := cmp.Diff(map[string]string{"b": "urn:b", "d": "urn:d"}, a.Prefixes()); diff != "" {
		t.Error(diff)
	}
	n := a.Counts()
	n.Adds -= data.Adds
	if n != (Counts{Transactions: 2, Aborted: 1, Adds: 2, Deletes: 1}) {
		t.Errorf("%+v", n)
	}
	if s.Position() != 3 { // data, one transaction, the row behind
		t.Errorf("position %d", s.Position())
	}
}

// TestProperty: applying gives what the rows say, and aborted transactions have no effect.
func TestProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := memory.New()
		a := To(s)
		now, before := map[string]bool{}, map[string]bool(nil)
		for range rapid.IntRange(0, 40).Draw(t, "rows") {
			code := rapid.SampledFrom([]string{"A", "D", "A", "D", "TX", "TC", "TA"}).Draw(t, "code")
			switch {
			case code == "TX" && before == nil:
				before = maps.Clone(now)
			case code == "TC" && before != nil:
				before = nil
			case code == "TA" && before != nil:
				now, before = before, nil
			case len(code) == 2: // it has its turn when a transaction is open, or none
				continue
			default:
				code += fmt.Sprintf(" <s:%d> <p:1> <o:1>", rapid.IntRange(0, 3).Draw(t, "subject"))
				now["A"+code[1:]+" .\n"] = true
				if code[0] == 'D' {
					delete(now, "A"+code[1:]+" .\n")
				}
			}
			if err := row(a, code); err != nil {
				t.Fatal(code, err)
			}
		}
		if before != nil {
			a.Rollback()
			now = before
		}
		if err := a.Flush(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(now, content(t, s)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// row applies a row.
func row(a *Applier, text string) error {
	switch text {
	case "TX":
		return a.Begin()
	case "TC":
		return a.Commit()
	case "TA":
		return a.Abort()
	}
	return patch.Parse([]byte(text+" ."), a)
}

// TestRollback: a reader that fails inside a transaction leaves nothing of it behind, and so do rows outside one.
func TestRollback(t *testing.T) {
	s := memory.New()
	a := To(s)
	const kept = "TX . A <x:1> <x:p> 1 . TC . "
	if err := patch.Parse([]byte(kept+"PA 'a' <x:a> . TX . A <x:2> <x:p> 1 . D <x:1> <x:p> 1 . PD 'a' . A oops"), a); err == nil {
		t.Fatal("oops was taken")
	}
	for range 2 {
		a.Rollback()
		want := Counts{Transactions: 2, Adds: 1}
		if s.Len() != 1 || a.Prefixes()["a"] != "x:a" || a.Counts() != want {
			t.Errorf("%d quads, prefixes %v, %+v", s.Len(), a.Prefixes(), a.Counts())
		}
	}
	if err := patch.Parse([]byte("A <x:3> <x:p> 1 ."), a); err != nil {
		t.Fatal(err)
	}
	a.Rollback()
	if err := errors.Join(a.Flush(), patch.Parse([]byte(kept), a)); err != nil || s.Len() != 1 || a.Counts().Adds != 1 {
		t.Errorf("rows outside a transaction: %v, %d quads, %+v", err, s.Len(), a.Counts())
	}
}

// TestOutside: so many rows outside a transaction are committed that the store need not remember more of them.
func TestOutside(t *testing.T) {
	s := memory.New()
	a := To(s)
	for i := range flushEvery + 1 {
		q := rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(fmt.Sprintf(`"%d"`, i))}
		if err := a.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	if s.Len() != flushEvery {
		t.Errorf("%d quads are committed", s.Len())
	}
	if a.Rollback(); a.Counts().Adds != flushEvery {
		t.Errorf("%+v", a.Counts())
	}
}

func TestOutOfOrder(t *testing.T) {
	for _, rows := range [][]string{{"TC"}, {"TA"}, {"TX", "TX"}, {"TX", "TC", "TC"}, {"A <x:s> <x:p> 1", "TA"}} {
		a := To(memory.New())
		var err error
		for _, r := range rows {
			err = row(a, r)
		}
		if !errors.Is(err, patch.ErrNested) && !errors.Is(err, patch.ErrNotOpen) {
			t.Errorf("%v: %v", rows, err)
		}
	}
}

// TestFull: what the store can't take is an error by name, and nothing of the transaction stays after Rollback.
func TestFull(t *testing.T) {
	s := memory.NewWithin(3)
	a := To(s)
	err := patch.Parse([]byte("TX . A <x:1> <x:p> 1 . A <x:2> <x:p> 1 . A <x:3> <x:p> 1 . A <x:4> <x:p> 1 . TC ."), a)
	if !errors.Is(err, store.ErrFull) {
		t.Fatal(err)
	}
	if a.Rollback(); s.Len() != 0 || a.Counts().Adds != 0 {
		t.Errorf("%d quads, %+v", s.Len(), a.Counts())
	}
}

// failing is a store whose commits fail.
type failing struct {
	store.Store
	err error
}

func (f failing) Begin() store.Tx { return failingTx{f.Store.Begin(), f.err} }

type failingTx struct {
	store.Tx
	err error
}

func (f failingTx) Commit(uint64, []byte) error {
	f.Rollback()
	return f.err
}

// TestCommitFails: what a store couldn't commit has no effect and is not counted.
func TestCommitFails(t *testing.T) {
	broken := errors.New("broken")
	for _, rows := range []string{"TX . A <x:1> <x:p> 1 . PA 'a' <x:a> . TC .", "A <x:1> <x:p> 1 . TX . TC ."} {
		a := To(failing{memory.New(), broken})
		if err := patch.Parse([]byte(rows), a); !errors.Is(err, broken) {
			t.Errorf("%s: %v", rows, err)
		}
		if a.Counts().Adds != 0 || len(slices.Collect(maps.Keys(a.Prefixes()))) != 0 {
			t.Errorf("%s: %+v, %v", rows, a.Counts(), a.Prefixes())
		}
	}
}
