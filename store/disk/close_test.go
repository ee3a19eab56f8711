package disk_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// readAll reads a view again and again until it is closed.
func readAll(t *testing.T, v store.View, begun func()) {
	for {
		for _, err := range store.Quads(v, store.Pattern{}) {
			if errors.Is(err, store.ErrClosed) {
				return
			} else if err != nil {
				t.Error(err)
				return
			}
			begun()
		}
		if _, err := v.Count(store.Pattern{G: store.DefaultGraph}); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	}
}

// TestCloseWhileRead closes a store of which others are reading views, and opens it again.
func TestCloseWhileRead(t *testing.T) {
	o := disk.Options{Dir: t.TempDir()}
	for round := range 5 {
		s := open(t, o)
		fill(t, s, 500*round, 500*round+500)
		var reading, all sync.WaitGroup
		for range 4 {
			v := s.View()
			reading.Add(1)
			all.Go(func() { readAll(t, v, sync.OnceFunc(reading.Done)) })
		}
		idle := s.View()
		reading.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		late := s.View()
		for _, v := range []store.View{idle, late} {
			if _, _, err := v.Lookup(rdf.Trusted("<x:s>")); !errors.Is(err, store.ErrClosed) || v.Len() != 500*round+500 {
				t.Errorf("view of a closed store: %v, %d quads", err, v.Len())
			}
			v.Close()
		}
		if err := s.Close(); err != nil {
			t.Fatalf("a second Close: %v", err)
		}
	}
}

// TestEndWhileRead ends a view or a transaction that is being read, in each way: nothing of it is left, so that the store can be closed.
func TestEndWhileRead(t *testing.T) {
	for name, read := range map[string]func(*disk.Store){
		"view, break": func(s *disk.Store) {
			v := s.View()
			for range v.Match(store.Pattern{}) {
				v.Close()
				break
			}
		},
		"view, panic": func(s *disk.Store) {
			v := s.View()
			defer v.Close()
			defer func() { _ = recover() }()
			for range v.Match(store.Pattern{}) {
				panic("of who reads")
			}
		},
		"view, terms": func(s *disk.Store) {
			v := s.View()
			for range v.(store.Dense).Terms() {
				v.Close()
				break
			}
		},
		"transaction, break": func(s *disk.Store) {
			tx := s.Begin()
			for range tx.Match(store.Pattern{}) {
				tx.Rollback()
				break
			}
		},
		"transaction, on": func(s *disk.Store) {
			tx := s.Begin()
			var last error
			for _, last = range tx.Match(store.Pattern{}) {
				if last == nil {
					last = tx.Commit(s.Position()+1, nil)
				}
			}
			if !errors.Is(last, store.ErrChanged) {
				t.Errorf("error %v", last)
			}
		},
		"transaction, left open": func(s *disk.Store) { s.Begin() },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, disk.Options{Dir: t.TempDir()})
			fill(t, s, 0, 300)
			read(s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// eventually fails unless something is so before long.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("it is never so")
		}
	}
}

// TestStaysFull closes a store whose disk stays full.
func TestStaysFull(t *testing.T) {
	var full atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	}))
	s := open(t, disk.Options{Dir: "db", FS: fs})
	fill(t, s, 0, 100)
	full.Store(true)
	if err := s.Checkpoint("copy"); !errors.Is(err, store.ErrFull) {
		t.Errorf("checkpoint: %v", err)
	}
	if err := s.Close(); !errors.Is(err, store.ErrFull) {
		t.Errorf("close: %v", err)
	}
}

// TestLocked opens a folder that is open.
func TestLocked(t *testing.T) {
	o := disk.Options{Dir: t.TempDir()}
	s := open(t, o)
	if _, err := disk.Open(o); err == nil || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("error %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestManyStores has many stores in a process, which share what they read with.
func TestManyStores(t *testing.T) {
	var all []*disk.Store
	for range manyStores {
		s := open(t, disk.Options{Dir: t.TempDir()})
		fill(t, s, 0, 10)
		all = append(all, s)
	}
	for _, s := range all {
		if n := len(contents(t, s)); n != 10 {
			t.Errorf("%d quads", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHugeTerm has a literal as long as one may be.
func TestHugeTerm(t *testing.T) {
	o := disk.Options{Dir: t.TempDir(), Buffer: 1 << 20}
	s := open(t, o)
	q := quad(1)
	q.O = rdf.Trusted(`"` + strings.Repeat("0123456789abcdef", hugeTerm/16) + `"`)
	tx := s.Begin()
	if added, err := tx.Add(q); !added || err != nil {
		t.Fatal(added, err)
	}
	if err := errors.Join(tx.Commit(1, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	if !contents(t, s)[q.String()] {
		t.Error("it is not there")
	}
	tx = s.Begin()
	if deleted, err := tx.Delete(q); !deleted || err != nil {
		t.Fatal(deleted, err)
	}
	if err := errors.Join(tx.Commit(2, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDiscard removes the folder of a store that nobody refers to.
func TestDiscard(t *testing.T) {
	dir := t.TempDir() + "/store"
	func() {
		s := open(t, disk.Options{Dir: dir})
		fill(t, s, 0, 100)
		v := s.View()
		s.Discard()
		runtime.GC()
		if n, err := v.Count(store.Pattern{G: store.DefaultGraph}); n == 0 || err != nil {
			t.Errorf("a view of a store that is discarded: %d quads, %v", n, err)
		}
		v.Close()
	}()
	eventually(t, func() bool {
		runtime.GC()
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

// TestSmallBuffers commits to a store whose first buffers are small: more of them than there may be large ones.
func TestSmallBuffers(t *testing.T) {
	s := open(t, disk.Options{Dir: t.TempDir()})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			q := quad(0)
			q.O = rdf.Trusted(fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 100<<10)))
			tx := s.Begin()
			if _, err := tx.Add(q); err != nil {
				t.Error(err)
			}
			if err := tx.Commit(uint64(i), nil); err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		t.Fatal("a commit waits for ever")
	}
	succeed(t, s.Close())
}
