package ondisk_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset/ondisk"
)

// TestSetAside: what is damaged is moved beside, in the place of what was before, open or not, and the shard begins with nothing.
func TestSetAside(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		d := onDisk(dir)
		if position, _ := opened(t, d, "one"); position != 0 || d.Damaged() != nil {
			t.Fatalf("round %d: at %d, %v", round, position, d.Damaged())
		}
		commit(t, d, 3, add("1"))
		if round > 0 { // it can't be opened
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			tables, err := filepath.Glob(filepath.Join(dir, "3", "*.sst"))
			if err != nil || len(tables) == 0 {
				t.Fatal(tables, err)
			}
			for _, table := range tables {
				if err := os.Truncate(table, 10); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := d.Open(nil); !errors.Is(err, operator.ErrStateDamaged) {
				t.Errorf("%v", err)
			}
		}
		where, err := d.SetAside()
		if err != nil || where != filepath.Join(dir, "3.damaged") {
			t.Fatal(where, err)
		}
		if info, err := os.Stat(filepath.Join(where, "LOCK")); err != nil || info.IsDir() {
			t.Error(err)
		}
		if v := d.View(); v != nil {
			t.Error("there is a view of what is set aside")
		}
		if list, err := ondisk.Aside(dir); err != nil || len(list) != 1 || list[0] != where {
			t.Error(list, err)
		}
	}
}

// TestForget: what is forgotten is gone for the next who opens, before it is removed, and what is removed is that alone.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	d := onDisk(dir)
	if remove, err := d.Forget(); remove != nil || err != nil {
		t.Errorf("nothing is kept: %v", err)
	}
	opened(t, d, "one")
	commit(t, d, 3, add("1"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	remove, err := onDisk(dir).Forget()
	if err != nil || remove == nil {
		t.Fatal(err)
	}
	again := onDisk(dir)
	if position, kept := opened(t, again, "two"); position != 0 || kept != "" {
		t.Errorf("at %d with %q", position, kept)
	}
	commit(t, again, 5, add("2"))
	if left := spares(t, dir); len(left) != 1 {
		t.Errorf("left: %s", left)
	}
	if err := remove(); err != nil || len(spares(t, dir)) > 0 {
		t.Errorf("%v, left: %s", err, spares(t, dir))
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if position, _ := opened(t, again, "three"); position != 5 || again.Len() != 1 {
		t.Errorf("at %d, %d quads", position, again.Len())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
