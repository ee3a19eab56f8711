package disk

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// TestLargeTransaction: one that is as large as the database takes is refused more, and what it has can be committed.
func TestLargeTransaction(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s.maxBatch = 10_000
	tx := s.Begin()
	n := 0
	for {
		at := tx.Savepoint()
		if _, err = tx.Add(rdf.Quad{S: rdf.Trusted("<x:s>"), P: rdf.Trusted("<x:p>"), O: rdf.Trusted(fmt.Sprintf(`"%d"`, n))}); err != nil {
			err = errors.Join(err, tx.RollbackTo(at))
			break
		}
		n++
	}
	if !errors.Is(err, store.ErrFull) || n < 50 || n > 200 {
		t.Errorf("%d quads, %v", n, err)
	}
	if err := errors.Join(tx.Commit(1, nil), s.Close()); err != nil || s.Len() != n {
		t.Errorf("%d of %d quads, %v", s.Len(), n, err)
	}
}

// TestKnown: what is remembered is bounded, and forgotten where a term is dropped or was never committed.
func TestKnown(t *testing.T) {
	var k known
	for i := range 5 * maxKnown {
		k.put(fmt.Sprint(i), store.ID(i+1))
		if id, ok := k.get("0"); !ok || id != 1 {
			t.Fatalf("after %d: %d, %v", i, id, ok)
		}
	}
	if n := len(k.young) + len(k.old); n > 2*maxKnown {
		t.Errorf("%d are remembered", n)
	}
	k.forget("0")
	if _, ok := k.get("0"); ok {
		t.Error("not forgotten")
	}
}

// TestCompactionFails: commits are refused from when a flush or a compaction has failed until one succeeds, and for nothing else that
// fails in the background.
func TestCompactionFails(t *testing.T) {
	failed := fmt.Errorf("write: %w", syscall.ENOSPC)
	for name, end := range map[string]func(*faults, error){
		"flush":      func(f *faults, err error) { f.listener().FlushEnd(pebble.FlushInfo{Err: err}) },
		"compaction": func(f *faults, err error) { f.listener().CompactionEnd(pebble.CompactionInfo{Err: err}) },
	} {
		f := newFaults(vfs.NewMem())
		f.listener().BackgroundError(errors.New("of the statistics of a table"))
		if err := f.err(); err != nil {
			t.Errorf("%s: refused for nothing: %v", name, err)
		}
		event := f.next()
		end(f, failed)
		f.listener().BackgroundError(failed)
		if err := f.err(); !errors.Is(err, failed) || !errors.Is(err, store.ErrFull) {
			t.Errorf("%s: error %v", name, err)
		}
		<-event
		event = f.next()
		if end(f, nil); f.err() != nil {
			t.Errorf("%s: it is well again: %v", name, f.err())
		}
		<-event
	}
}
