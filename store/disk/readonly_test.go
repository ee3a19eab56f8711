package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// names are those of the files in a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestReadOnly: a store that is opened to be read is read, and can be tried out in a transaction; its folder stays as it is.
func TestReadOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, disk.Options{Dir: dir})
	fill(t, s, 0, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	s = open(t, disk.Options{Dir: dir, ReadOnly: true})
	tx := s.Begin()
	if changed, err := tx.Add(quad(7)); !changed || err != nil {
		t.Errorf("Add: %v, %v", changed, err)
	}
	if n, err := tx.Count(store.Pattern{}); n != 3 || err != nil {
		t.Errorf("the transaction sees %d quads, %v", n, err)
	}
	if err := tx.Commit(3, nil); err == nil {
		t.Error("a commit was taken in")
	}
	if s.Len() != 2 || s.Position() != 2 {
		t.Errorf("%d quads at %d", s.Len(), s.Position())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := names(t, dir); !slices.Equal(after, before) {
		t.Errorf("the folder has %s, expected %s", after, before)
	}
}

// TestExists: a folder with something else has no store, and none is made to be read.
func TestExists(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if there, err := disk.Exists(dir); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
	if s, err := disk.Open(disk.Options{Dir: dir, ReadOnly: true}); err == nil {
		t.Error("opened", s.Close())
	}
	if _, err := disk.Exists(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := open(t, disk.Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	if there, err := disk.Exists(dir); !there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
}
