package disk_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// TestLoadFails has the disk full, or failing, from some call on while a store is loaded: an error comes, and what the disk has then is
// an empty store or the whole one. It has a process of its own, as TestWritesFail.
func TestLoadFails(t *testing.T) {
	if !inChild(t, "TestLoadFails/") {
		return
	}
	for _, kind := range []error{syscall.ENOSPC, syscall.EIO} {
		whole := false
		for after := int32(1); !whole; after += 3 {
			t.Run(fmt.Sprintf("%v after %d", kind, after), func(t *testing.T) { whole = loadFails(t, kind, after) })
		}
	}
}

// loadFails reports whether all was written before the disk failed.
func loadFails(t *testing.T, kind error, after int32) (whole bool) {
	const quads = 500
	mem := vfs.NewCrashableMem()
	var calls atomic.Int32
	var loaded atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && calls.Add(1) > after && !loaded.Load() {
			return kind
		}
		return nil
	}))
	l, err := disk.NewLoader(disk.Options{Dir: "db", FS: fs}, 30_000)
	if err == nil {
		for i := 0; i < quads && err == nil; i++ {
			err = l.Add(quad(i))
		}
		if err == nil {
			var s *disk.Store
			if s, err = l.Finish(t.Context(), 9, nil); err == nil {
				loaded.Store(true)
				err = s.Close()
			}
		}
		loaded.Store(true)
		_ = l.Close() // the disk may have failed for good
	}
	if !errors.Is(err, kind) && err != nil || err != nil && errors.Is(kind, syscall.ENOSPC) != errors.Is(err, store.ErrFull) {
		t.Errorf("error %v", err)
	}
	left := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(after), 1))})
	s := open(t, disk.Options{Dir: "db", FS: left})
	if n := len(contents(t, s)); n != 0 && n != quads || n == quads != (s.Position() == 9) || err == nil && n == 0 {
		t.Errorf("%d quads at %d, after %v", n, s.Position(), err)
	}
	succeed(t, s.Close())
	return err == nil
}
