package disk_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/quadrille-stream/quadrille/store/disk"
)

// TestOpeningFails: what the database can't write in the background while it is opened, such as for want of files, is an error of Open, and
// no end of the process. It has one of its own, since the database goes on waiting.
func TestOpeningFails(t *testing.T) {
	if !inChild(t, "TestOpeningFails") {
		return
	}
	dir := t.TempDir()
	s, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	tx := s.Begin()
	if _, err := tx.Add(quad(1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tx.Commit(1, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasPrefix(filepath.Base(op.Path), "marker.manifest") {
			return syscall.EMFILE
		}
		return nil
	}))
	if s, err := disk.Open(disk.Options{Dir: dir, FS: fs}); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("%v, %v", s, err)
	}
}

// TestUnmade: a folder in which the making of a database was cut off before it had a table is one without a database. One that has a table
// isn't cleared: its error says that it is damaged.
func TestUnmade(t *testing.T) {
	for quads, isDamage := range map[int]bool{0: false, 10: true} {
		o := disk.Options{Dir: t.TempDir()}
		s := open(t, o)
		if quads > 0 {
			fill(t, s, 0, quads)
		}
		succeed(t, s.Close())
		manifests, err := filepath.Glob(filepath.Join(o.Dir, "MANIFEST-*"))
		if err != nil || len(manifests) == 0 {
			t.Fatal(manifests, err)
		}
		for _, path := range manifests {
			succeed(t, os.Remove(path))
		}
		s, err = disk.Open(o)
		if (err != nil) != isDamage {
			t.Errorf("%d quads: %v", quads, err)
		}
		if err == nil {
			succeed(t, s.Close())
		}
		if tables, _ := filepath.Glob(filepath.Join(o.Dir, "*.sst")); len(tables) > 0 != isDamage {
			t.Errorf("%d quads: the tables are %v", quads, tables)
		}
	}
}

// TestLostInBackground: where a flush doesn't know what it has written, nothing of it goes on. It has a process of its own, since such a
// database can't be closed.
func TestLostInBackground(t *testing.T) {
	if !inChild(t, "TestLostInBackground") {
		return
	}
	var failing atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasPrefix(filepath.Base(op.Path), "MANIFEST-") {
			return syscall.EIO
		}
		return nil
	}))
	s := open(t, disk.Options{Dir: "db", FS: fs})
	fill(t, s, 0, 10)
	failing.Store(true)
	if err := s.Flush(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Flush: %v", err)
	}
	eventually(t, func() bool {
		stacks := make([]byte, 1<<20)
		return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("pebble/v2.(*DB).flush"))
	})
	if n := len(contents(t, s)); n != 10 {
		t.Errorf("%d quads", n)
	}
}
