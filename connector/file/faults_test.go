package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector/internal/filelock"
	"github.com/quadrille-stream/quadrille/engine"
)

var errBroken = errors.New("input/output error")

// faulty is a disk of which one call fails: the one that comes after left others.
type faulty struct {
	*memory
	left int
	open int // handles that aren't closed
}

func (d *faulty) fails() error {
	d.left--
	if d.left == -1 {
		return errBroken
	}
	return nil
}

func (d *faulty) Open(path string) (handle, bool, error) {
	if err := d.fails(); err != nil {
		return nil, false, err
	}
	h, made, err := d.memory.Open(path)
	d.open++
	return &faultyFile{h, d}, made, err
}

func (d *faulty) SyncDir(dir string) error { return errors.Join(d.fails(), d.memory.SyncDir(dir)) }

type faultyFile struct {
	handle
	d *faulty
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.d.fails(); err != nil {
		return 0, err
	}
	return f.handle.ReadAt(p, off)
}

func (f *faultyFile) Lock() error { return errors.Join(f.d.fails(), f.handle.Lock()) }
func (f *faultyFile) Truncate(size int64) error {
	return errors.Join(f.d.fails(), f.handle.Truncate(size))
}
func (f *faultyFile) Sync() error { return errors.Join(f.d.fails(), f.handle.Sync()) }

func (f *faultyFile) Close() error {
	f.d.open--
	return errors.Join(f.d.fails(), f.handle.Close())
}

func (f *faultyFile) Size() (int64, error) {
	if err := f.d.fails(); err != nil {
		return 0, err
	}
	return f.handle.Size()
}

// TestEveryCallMayFail opens files with a disk of which one call fails, whichever it is: the file is not opened then, and what
// was good in it is there still.
func TestEveryCallMayFail(t *testing.T) {
	good, begins, _ := testFile(1, 2, 1)
	torn := bytes.Clone(good)
	clear(torn[begins[1]+100 : begins[1]+150]) // within the last batch, with a good record behind it
	for name, text := range map[string][]byte{"new": nil, "good": good, "torn": torn, "cut": good[:len(good)-5]} {
		calls := 0
		for ; ; calls++ {
			d := &faulty{memory: newMemory(), left: calls}
			if text != nil {
				d.content[testPath] = bytes.Clone(text)
			}
			w, err := open(d, testPath, 3, 1<<20)
			if d.left >= 0 { // all calls were made, and none failed
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if !errors.Is(err, errBroken) || d.open > 0 {
				t.Errorf("%s: call %d fails, and the file is opened: %+v, %v; %d are open", name, calls+1, w, err, d.open)
			}
			if text != nil && !bytes.HasPrefix(d.content[testPath], good[:begins[1]]) {
				t.Errorf("%s: call %d fails, and what was good is gone", name, calls+1)
			}
		}
		if calls < 6 {
			t.Errorf("%s: only %d calls", name, calls)
		}
	}
}

// TestBehindTheBad: what stands behind bytes that are bad decides whether they are a torn end or damage.
func TestBehindTheBad(t *testing.T) {
	one, first := testRecord(10, 1)
	two, _ := testRecord(20, 1)
	three, _ := testRecord(30, 1)
	four, _ := testRecord(40, 1)
	two[len(two)-9] ^= 1
	three[len(three)-9] ^= 1
	for _, test := range []struct {
		name string
		text [][]byte
		good int // the byte of the good record; 0: there is none, so the end is torn
	}{
		{"one byte", [][]byte{one, []byte("x")}, 0},
		{"one byte, and a good record", [][]byte{one, []byte("x"), four}, len(one) + 1},
		{"two bad records, and a good one", [][]byte{one, two, three, four}, len(one) + len(two) + len(three)},
		{"a bad record, and the last good one again", [][]byte{one, two, one}, 0},
	} {
		m := newMemory()
		m.content[testPath] = bytes.Join(test.text, nil)
		w, err := opened(m, 10)
		if test.good == 0 {
			if err != nil || w.last != first.Mark || len(m.content[testPath]) != len(one) {
				t.Errorf("%s: %+v, %v; want all cut off but the first record", test.name, w, err)
			}
			continue
		}
		want := fmt.Sprintf("read %s: log is damaged: at byte %d: ", testPath, len(one))
		behind := fmt.Sprintf("a good record stands behind it at byte %d;", test.good)
		if !errors.Is(err, engine.ErrDamaged) || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), behind) {
			t.Errorf("%s: %v; want %s…%s", test.name, err, want, behind)
		}
	}
}

// TestZerosBehindTheGood: it is the zeros before the good record that a power cut leaves, not those behind it.
func TestZerosBehindTheGood(t *testing.T) {
	one, _ := testRecord(10, 1)
	two, _ := testRecord(20, 1)
	three, _ := testRecord(30, 1)
	two[len(two)-9] ^= 1
	m := newMemory()
	m.content[testPath] = bytes.Join([][]byte{one, two, three, make([]byte, 5000)}, nil)
	if w, err := opened(m, 1<<20); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := (osDisk{}).SyncDir(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("sync: %v", err)
	}
	if _, _, err := (osDisk{}).Open(filepath.Join(dir, "file")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	name := filepath.Join(t.TempDir(), "file")
	f, _, err := osDisk{}.Open(name)
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("size of a closed file: %d, %v", size, err)
	}
	if err := f.Lock(); err == nil || errors.Is(err, filelock.ErrLocked) {
		t.Errorf("lock of a closed file: %v", err)
	}
	s, err := New(Config{Dir: filepath.Join(name, "folder")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), 3); err == nil {
		t.Error("a folder below a file was made")
	}
}

// TestEmptyFileIsNamed: a crash may have left a file whose name is not durable yet.
func TestEmptyFileIsNamed(t *testing.T) {
	m := newMemory()
	m.content[testPath] = []byte{}
	if _, err := opened(m, 10); err != nil || !m.named[testPath] {
		t.Errorf("%v; the name is durable: %v", err, m.named[testPath])
	}
}
