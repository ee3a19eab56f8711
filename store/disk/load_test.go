package disk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// random are quads of few and of many terms, long ones and inline ones, often twice.
func random(r *rand.Rand) rdf.Quad {
	q := quad(r.IntN(3000))
	switch r.IntN(4) {
	case 0:
		q.O = rdf.Trusted(fmt.Sprintf(`"%d %s"`, r.IntN(500), strings.Repeat("long", 100)))
	case 1:
		q.O = q.S
	}
	return q
}

// TestLoad loads the same into a store on a disk and one in memory: in one piece, and in many.
func TestLoad(t *testing.T) {
	for _, memory := range []int{0, 20_000} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) { testLoad(t, memory) })
	}
}

func testLoad(t *testing.T, room int) {
	o := disk.Options{Dir: t.TempDir()}
	l, err := disk.NewLoader(o, room)
	if err != nil {
		t.Fatal(err)
	}
	m := memory.New()
	tx := m.Begin()
	r := rand.New(rand.NewPCG(3, 3))
	for range 5000 {
		q := random(r)
		_, err := tx.Add(q)
		if err := errors.Join(err, l.Add(q)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(7, []byte("meta")); err != nil {
		t.Fatal(err)
	}
	s, err := l.Finish(t.Context(), 7, []byte("meta"))
	if err != nil {
		t.Fatal(err)
	}
	if done, total := l.Progress(); done != total || total == 0 {
		t.Errorf("it was finished after %d of %d", done, total)
	}
	same(t, s, m, "meta")
	sameAnswers(t, s, m)
	fill(t, s, 5000, 5100)
	fill(t, m, 5000, 5100)
	if err := errors.Join(s.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	same(t, s, m, string([]byte{5100 & 0xff}))
	sameAnswers(t, s, m)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.NewLoader(o, 0); err == nil {
		t.Error("a store was loaded that is not empty")
	}
}

// sameAnswers compares what two stores answer to patterns of the terms of some quads.
func sameAnswers(t *testing.T, stores ...store.Store) {
	t.Helper()
	r := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		q, bound := random(r), r.IntN(16)
		var first string
		for i, s := range stores {
			v := s.View()
			answer := answer(t, v, q, bound)
			if i > 0 && answer != first {
				t.Fatalf("%v, bound %b: %s, and %s", q, bound, first, answer)
			}
			first = answer
			v.Close()
		}
	}
}

// answer is what a view says of the quads that have those terms of q whose bits are set.
func answer(t *testing.T, v store.Reader, q rdf.Quad, bound int) string {
	t.Helper()
	var p store.Pattern
	for i, place := range []*store.ID{&p.S, &p.P, &p.O, &p.G} {
		if bound>>i&1 == 1 {
			id, known, err := v.Lookup([]rdf.Term{q.S, q.P, q.O, q.G}[i])
			if err != nil {
				t.Fatal(err)
			} else if !known {
				return "0 quads"
			}
			*place = id
		}
	}
	n, err := v.Count(p)
	found := 0
	for _, err := range v.Match(p) {
		if found++; err != nil {
			t.Fatal(err)
		}
	}
	if err != nil || n != found {
		t.Fatalf("%d counted, %d found, %v", n, found, err)
	}
	statistics, err := v.Statistics(p.P)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(n, " quads, of the predicate ", statistics.Quads)
}

// TestLoadEnds gives a load up in the middle, by Close, and by the end of the process: what is there then is an empty store.
func TestLoadEnds(t *testing.T) {
	dir := t.TempDir()
	l, err := disk.NewLoader(disk.Options{Dir: dir}, 5000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := l.Add(quad(i)); err != nil {
			t.Fatal(err)
		}
	}
	copied := t.TempDir() // as a crash leaves it
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if bytes, found, err := disk.Unfinished(copied); bytes == 0 || !found || err != nil {
		t.Errorf("%d bytes are left, %v, %v", bytes, found, err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if bytes, found, err := disk.Unfinished(dir); bytes != 0 || found || err != nil {
		t.Errorf("%d bytes are left by Close, %v, %v", bytes, found, err)
	}
	for _, dir := range []string{dir, copied} {
		s := open(t, disk.Options{Dir: dir})
		if n := len(contents(t, s)); n != 0 || s.Position() != 0 {
			t.Errorf("%d quads at %d", n, s.Position())
		}
		if _, err := os.Stat(dir + "/loading"); !os.IsNotExist(err) {
			t.Errorf("what the loader has left is there: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoadInterrupted ends the context of Finish at the beginning, and in the middle: the store stays empty.
func TestLoadInterrupted(t *testing.T) {
	for _, asked := range []int32{0, 3} {
		dir := t.TempDir()
		l, err := disk.NewLoader(disk.Options{Dir: dir}, 100_000)
		succeed(t, err)
		for i := range 10_000 {
			succeed(t, l.Add(quad(i)))
		}
		if _, err := l.Finish(&endsAfter{Context: t.Context(), asked: asked}, 1, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if done, total := l.Progress(); done >= total {
			t.Errorf("it went on to %d of %d", done, total)
		}
		succeed(t, l.Close())
		s := open(t, disk.Options{Dir: dir})
		if n := len(contents(t, s)); n != 0 || s.Position() != 0 {
			t.Errorf("%d quads at %d", n, s.Position())
		}
		succeed(t, s.Close())
	}
}

// endsAfter is a context that has ended when it was asked so often.
type endsAfter struct {
	context.Context
	mu    sync.Mutex
	asked int32
}

func (e *endsAfter) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked--; e.asked < 0 {
		return context.Canceled
	}
	return nil
}

// TestLoadFull has more quads than there may be.
func TestLoadFull(t *testing.T) {
	l, err := disk.NewLoader(disk.Options{Dir: t.TempDir(), MaxQuads: 10}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 11 {
		if err := errors.Join(l.Add(quad(i)), l.Add(quad(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Finish(t.Context(), 1, nil); !errors.Is(err, store.ErrFull) {
		t.Errorf("error %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
