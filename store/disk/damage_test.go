package disk_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// damages are what a disk does to a file that nobody writes.
var damages = map[string]func(*testing.T, string, *rand.Rand){
	"bit": func(t *testing.T, path string, random *rand.Rand) {
		rewrite(t, path, func(text []byte) []byte { text[random.IntN(len(text))] ^= 1 << random.IntN(8); return text })
	},
	"zeros": func(t *testing.T, path string, random *rand.Rand) {
		rewrite(t, path, func(text []byte) []byte { clear(text[random.IntN(len(text)):]); return text })
	},
	"cut": func(t *testing.T, path string, random *rand.Rand) {
		rewrite(t, path, func(text []byte) []byte { return text[:random.IntN(len(text))] })
	},
	"gone": func(t *testing.T, path string, _ *rand.Rand) { succeed(t, os.Remove(path)) },
}

func rewrite(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	succeed(t, err)
	succeed(t, os.WriteFile(path, how(text), 0o600))
}

// TestDamagedAtRest: whatever becomes of a file, what is read is a state, that of its position, or the error says that it is damaged, and
// so does the store.
func TestDamagedAtRest(t *testing.T) {
	source := t.TempDir()
	s := open(t, disk.Options{Dir: source, Buffer: 64 << 10})
	for position := range uint64(40) {
		succeed(t, step(s, position+1))
		if position%16 == 0 {
			succeed(t, s.Flush())
		}
	}
	succeed(t, s.Close())
	files, err := filepath.Glob(filepath.Join(source, "*"))
	succeed(t, err)
	found := 0
	for kind, damage := range damages {
		for i, file := range files {
			name := filepath.Base(file)
			if info, err := os.Stat(file); err != nil || name == "LOCK" || info.Size() == 0 && kind != "gone" {
				continue
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				succeed(t, os.CopyFS(dir, os.DirFS(source)))
				damage(t, filepath.Join(dir, name), rand.New(rand.NewPCG(uint64(i), 1)))
				if isDamaged(t, dir) {
					found++
				}
			})
		}
	}
	if found < len(files) {
		t.Errorf("damage was found %d times", found)
	}
}

// isDamaged reports whether the store of a folder says that it is damaged. It fails unless that, or the store, is as it should be.
func isDamaged(t *testing.T, dir string) bool {
	t.Helper()
	s, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		if !errors.Is(err, disk.ErrDamaged) || strings.ContainsAny(err.Error(), "<\n") {
			t.Errorf("opened: %v", err)
		}
		return true
	}
	defer func() { _ = s.Close() }() // what is damaged may not be written
	v := s.View()
	defer v.Close()
	for _, err := range store.Quads(v, store.Pattern{}) {
		if err == nil {
			continue
		}
		if !errors.Is(err, disk.ErrDamaged) || !errors.Is(s.Damaged(), disk.ErrDamaged) {
			t.Errorf("read: %v, %v", err, s.Damaged())
		}
		return true
	}
	isWhole(t, s)
	return s.Damaged() != nil // by a look in the background
}

// TestUnreadable: what the disk can't give any more is damage, and what it doesn't take is none.
func TestUnreadable(t *testing.T) {
	var failing atomic.Bool
	mem := vfs.NewMem()
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if failing.Load() && op.Kind == errorfs.OpFileReadAt {
			return syscall.EIO
		}
		return nil
	}))
	o := disk.Options{Dir: "db", FS: fs, Cache: 1 << 20}
	s := open(t, o)
	fill(t, s, 0, 20_000)
	succeed(t, s.Close())
	s = open(t, o)
	if err := s.Damaged(); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	tx := s.Begin()
	_, err := tx.Add(quad(7))
	tx.Rollback()
	if !errors.Is(err, disk.ErrDamaged) || !errors.Is(err, syscall.EIO) || !errors.Is(s.Damaged(), disk.ErrDamaged) {
		t.Errorf("%v, %v", err, s.Damaged())
	}
	failing.Store(false)
	succeed(t, s.Close())
}

// TestLaterVersion: a store that a later program has made is not damaged.
func TestLaterVersion(t *testing.T) {
	dir := t.TempDir()
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	succeed(t, err)
	succeed(t, db.Set([]byte("h"), []byte{99, 1}, pebble.Sync))
	succeed(t, db.Close())
	if _, err := disk.Open(disk.Options{Dir: dir}); err == nil || errors.Is(err, disk.ErrDamaged) || !strings.Contains(err.Error(), "later") {
		t.Errorf("%v", err)
	}
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}
