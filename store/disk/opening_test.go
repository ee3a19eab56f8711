package disk_test

import (
	"errors"
	"path/filepath"
	"strings"
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
