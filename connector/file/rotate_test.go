package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/internal/filelock"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/rdfio"
)

var errDead = errors.New("the process is dead")

// node is a file, whatever its names are.
type node struct{ content, durable []byte }

// machine is a disk that knows which names and which contents are durable, and on which a process dies after some calls.
type machine struct {
	names, durable map[string]*node
	left           int // calls until the process dies; negative: it doesn't
	calls          int
	open           int // handles that aren't closed
}

func newMachine() *machine {
	return &machine{names: map[string]*node{}, durable: map[string]*node{}, left: -1}
}

func (m *machine) call() error {
	m.calls++
	if m.left == 0 {
		return errDead
	}
	m.left--
	return nil
}

// powerLoss forgets what is not durable.
func (m *machine) powerLoss() {
	m.names = maps.Clone(m.durable)
	for _, n := range m.names {
		n.content = bytes.Clone(n.durable)
	}
}

func (m *machine) MkdirAll(string) error { return nil }

func (m *machine) Open(path string) (handle, bool, error) {
	if err := m.call(); err != nil {
		return nil, false, err
	}
	n := m.names[path]
	made := n == nil
	if made {
		n = &node{}
		m.names[path] = n
		if m.durable[path] != nil { // it may be so before the other name of the one that had this is
			m.durable[path] = n
		}
	}
	m.open++
	return &nodeFile{m: m, n: n}, made, nil
}

func (m *machine) SyncDir(string) error {
	if err := m.call(); err != nil {
		return err
	}
	m.durable = maps.Clone(m.names)
	return nil
}

func (m *machine) List(dir string) (names []string, err error) {
	for path := range m.names {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	return names, m.call()
}

func (m *machine) Rename(from, to string) error {
	if err := m.call(); err != nil {
		return err
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *machine) Remove(path string) error {
	if err := m.call(); err != nil {
		return err
	}
	delete(m.names, path)
	delete(m.durable, path) // it may be so before what came before it is
	return nil
}

type nodeFile struct {
	m *machine
	n *node
}

func (f *nodeFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.n.content).ReadAt(p, off)
}

func (f *nodeFile) WriteAt(p []byte, off int64) (int, error) {
	if f.m.left == 0 { // half of it is written
		p = p[:len(p)/2]
	}
	if need := int(off) + len(p); need > len(f.n.content) {
		f.n.content = append(f.n.content, make([]byte, need-len(f.n.content))...)
	}
	copy(f.n.content[off:], p)
	return len(p), f.m.call()
}

func (f *nodeFile) Truncate(size int64) error {
	if err := f.m.call(); err != nil {
		return err
	}
	f.n.content = f.n.content[:size]
	return nil
}

func (f *nodeFile) Sync() error {
	if err := f.m.call(); err != nil {
		return err
	}
	f.n.durable = bytes.Clone(f.n.content)
	return nil
}

func (f *nodeFile) Is(path string) (bool, error) { return f.m.names[path] == f.n, nil }
func (f *nodeFile) Close() error                 { f.m.open--; return nil }
func (f *nodeFile) Lock() error                  { return nil }
func (f *nodeFile) Size() (int64, error)         { return int64(len(f.n.content)), nil }

// all returns what the shard's files hold, by name, decompressed, one piece that is there in two forms once.
func (m *machine) all(t *testing.T) (text string) {
	t.Helper()
	names := slices.Sorted(maps.Keys(m.names))
	for _, name := range names {
		if filepath.Dir(name) != "dir" || strings.HasPrefix(filepath.Base(name), unfinished) || slices.Contains(names, strings.TrimSuffix(strings.TrimSuffix(name, ".zst"), ".gz")) &&
			filepath.Ext(name) != ".rdfp" {
			continue
		}
		r, err := rdfio.Decompress(name, bytes.NewReader(m.names[name].content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text += string(b)
	}
	return text
}

// pour opens the shard's file, and writes the records that it lacks, a few at a time. It returns what was said to be written.
func pour(m *machine, cfg Config, records []connector.Record) (at engine.Mark, err error) {
	s, err := New(cfg)
	if err != nil {
		return at, err
	}
	s.disk = m
	w, err := s.Open(context.Background(), 3)
	if err != nil {
		return at, err
	}
	at = w.At()
	for len(records) > 0 && records[0].Position <= at.Position {
		records = records[1:]
	}
	for len(records) > 0 {
		n := min(2, len(records))
		err := w.Write(context.Background(), records[:n])
		if at = w.At(); err != nil {
			return at, errors.Join(err, w.Close())
		}
		records = records[n:]
	}
	return at, w.Close()
}

// series are records of shard 3, and their text in files.
func series(n int) (records []connector.Record, text string) {
	for i := range n {
		record, r := testRecord(uint64(i+1)*10, 1+i%3)
		records, text = append(records, r), text+string(record)
	}
	return records, text
}

// TestCrashAtEveryStep: whichever call of the disk is the last one of a process, and whether the machine loses its power then or
// not, the files hold each record once in the end, and what was said to be written is there at once.
func TestCrashAtEveryStep(t *testing.T) {
	records, want := series(9)
	for name, cfg := range map[string]Config{
		"pieces":     {RotateSize: 700},
		"compressed": {RotateSize: 700, Compress: "zstd"},
		"by time":    {RotateEvery: 40 * time.Second, Compress: "gzip"},
	} {
		cfg.Dir, cfg.MaxBatch, cfg.Logger = "dir", 1, slog.New(slog.DiscardHandler)
		whole := newMachine()
		if at, err := pour(whole, cfg, records); err != nil || at != records[len(records)-1].Mark {
			t.Fatalf("%s: %v, %v", name, at, err)
		}
		if got := whole.all(t); got != want || len(whole.names) < 3 || whole.open != 0 {
			t.Fatalf("%s: %v\n%s\nwant\n%s", name, slices.Sorted(maps.Keys(whole.names)), got, want)
		}
		for last := range whole.calls {
			for _, power := range []bool{false, true} {
				m := newMachine()
				m.left = last
				said, err := pour(m, cfg, records)
				if !errors.Is(err, errDead) {
					t.Fatalf("%s: the process lives after call %d: %v", name, last, err)
				}
				if m.open != 0 {
					t.Fatalf("%s, call %d: %d files are open", name, last, m.open)
				}
				if m.left = -1; power {
					m.powerLoss()
				}
				s, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				s.disk = m
				w, err := s.Open(t.Context(), 3)
				if err != nil || w.At().Position < said.Position {
					t.Fatalf("%s, call %d, power %v: %v was written, and found is %+v, %v", name, last, power, said, w, err)
				}
				if at, err := pour(m, cfg, records); err != nil || at != records[len(records)-1].Mark {
					t.Fatalf("%s, call %d, power %v: %v, %v", name, last, power, at, err)
				}
				if got := m.all(t); got != want {
					t.Fatalf("%s, call %d, power %v: %v\n%s\nwant\n%s", name, last, power, slices.Sorted(maps.Keys(m.names)), got, want)
				}
				if got := slices.Sorted(maps.Keys(m.names)); !slices.Equal(got, slices.Sorted(maps.Keys(whole.names))) {
					t.Fatalf("%s, call %d, power %v: there are %q", name, last, power, got)
				}
				for path := range m.names {
					if cfg.Compress != "" && strings.HasPrefix(filepath.Base(path), unfinished) {
						t.Fatalf("%s, call %d: %s is left", name, last, path)
					}
				}
			}
		}
	}
}

// namesOf are the files of a folder.
func namesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	names, err := osDisk{}.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// fileConfig is one whose files are in a folder.
func fileConfig(dir string, cfg Config) Config {
	cfg.Dir, cfg.MaxBatch, cfg.Logger = dir, 1, slog.New(slog.DiscardHandler)
	return cfg
}

// writeTo opens a sink of a folder, and writes records of shard 3 to it that it lacks.
func writeTo(t *testing.T, cfg Config, records []connector.Record) error {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Open(t.Context(), 3)
	if err != nil {
		return err
	}
	for len(records) > 0 && records[0].Position <= w.At().Position {
		records = records[1:]
	}
	if len(records) > 0 {
		err = w.Write(t.Context(), records)
	}
	return errors.Join(err, w.Close())
}

// TestFilesBeforeRotation: files as they were before there was rotation go on, and become a piece when they are to be rotated.
func TestFilesBeforeRotation(t *testing.T) {
	dir := t.TempDir()
	records, _ := series(9)
	for _, step := range []struct {
		cfg  Config
		to   int
		want []string
	}{
		{Config{}, 4, []string{"shard-0003.rdfp"}},
		{Config{RotateSize: 1, Compress: "gzip"}, 5, []string{"shard-0003-00000000000000000010.rdfp.gz", "shard-0003.rdfp"}},
		{Config{RotateSize: 1, Compress: "zstd", Keep: 2}, 7, []string{"shard-0003-00000000000000000050.rdfp.zst",
			"shard-0003-00000000000000000060.rdfp.zst", "shard-0003.rdfp"}},
		{Config{}, 9, []string{"shard-0003-00000000000000000050.rdfp.zst", "shard-0003-00000000000000000060.rdfp.zst", "shard-0003.rdfp"}},
	} {
		torn := os.WriteFile(filepath.Join(dir, ".shard-0003-00000000000000000060.rdfp.zst"), make([]byte, 10_000), 0o600)
		if err := errors.Join(torn, writeTo(t, fileConfig(dir, step.cfg), records[:step.to])); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(namesOf(t, dir), func(name string) bool { return step.cfg.Compress == "" && name[0] == '.' })
		if !slices.Equal(got, step.want) {
			t.Fatalf("%v, want %v", got, step.want)
		}
	}
	if err := writeTo(t, fileConfig(dir, Config{RotateSize: 1}), records); err != nil { // the newest piece can be read
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, Name(3)))
	if n := strings.Count(string(text), "# shard 3"); err != nil || n != 3 {
		t.Errorf("%d records in the last file, %v", n, err)
	}
}

// TestFileMovedAway: what was in the file is written anew, behind the newest piece; a piece that is damaged is told.
func TestFileMovedAway(t *testing.T) {
	for _, compress := range []string{"", "zstd", "gzip"} {
		dir := t.TempDir()
		cfg := fileConfig(dir, Config{RotateSize: 1500, Compress: compress})
		records, _ := series(9)
		if err := writeTo(t, cfg, records); err != nil {
			t.Fatal(err)
		}
		active := filepath.Join(dir, Name(3))
		before, err := os.ReadFile(active)
		if err == nil {
			err = os.Remove(active)
		}
		if err == nil {
			err = writeTo(t, cfg, records)
		}
		after, wrong := os.ReadFile(active)
		if err != nil || wrong != nil || !bytes.Equal(before, after) || len(before) == 0 {
			t.Fatalf("%v, %v: %q\nwant %q", err, wrong, after, before)
		}
		names := namesOf(t, dir)
		newest := filepath.Join(dir, names[len(names)-2])
		text, err := os.ReadFile(newest)
		if err == nil {
			err = errors.Join(os.Remove(active), os.WriteFile(newest, text[:len(text)-3], 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := writeTo(t, cfg, records); !errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), newest) {
			t.Errorf("%s: %v", newest, err)
		}
	}
}

// TestPieceIsThere: no piece is written over.
func TestPieceIsThere(t *testing.T) {
	dir := t.TempDir()
	records, _ := series(3)
	cfg := fileConfig(dir, Config{RotateSize: 1})
	there := filepath.Join(dir, "shard-0003-00000000000000000010.rdfp.gz")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(there), writeTo(t, cfg, records[:1]), os.WriteFile(there, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	w, err := s.Open(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(t.Context(), records[1:]); err == nil || !strings.Contains(err.Error(), "is there already") || w.At() != records[0].Mark {
		t.Errorf("%v, at %v", err, w.At())
	}
}

// TestRotatedUnderLock: who gets the lock of a file that is a piece by then doesn't write to it.
func TestRotatedUnderLock(t *testing.T) {
	dir := t.TempDir()
	f, _, err := osDisk{}.Open(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := take(f, filepath.Join(dir, "a")); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("there is none: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := take(f, filepath.Join(dir, "a")); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("there is another one: %v", err)
	}
	if err := take(f, filepath.Join(dir, "b")); err != nil {
		t.Error(err)
	}
}

// TestSpans: a file has the records of one span of time, also when it was opened again.
func TestSpans(t *testing.T) {
	dir := t.TempDir()
	records, _ := series(7) // ten seconds apart
	cfg := fileConfig(dir, Config{RotateEvery: 30 * time.Second})
	for n := range len(records) + 1 {
		if err := writeTo(t, cfg, records[:n]); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"shard-0003-00000000000000000010.rdfp", "shard-0003-00000000000000000030.rdfp", "shard-0003.rdfp"}
	if got := namesOf(t, dir); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// rotated is a folder of pieces.
type rotated struct {
	dir string
	cfg Config
}

func (r rotated) Sink(t *testing.T) connector.Sink {
	t.Helper()
	s, err := New(fileConfig(r.dir, r.cfg))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r rotated) Read(t *testing.T, shard int) (list []conntest.Delivered) {
	t.Helper()
	for _, name := range namesOf(t, r.dir) {
		if !strings.HasPrefix(name, stem(shard)) {
			continue
		}
		f, err := os.Open(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		u, err := rdfio.Decompress(name, f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(u)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for text := string(b); text != ""; {
			line, rest, _ := strings.Cut(text, "\n")
			var d conntest.Delivered
			var length int
			if _, err := fmt.Sscanf(line, headFormat, &shard, &d.Position, &length); err != nil || length > len(rest) {
				t.Fatalf("%q: %v", line, err)
			}
			d.Text, text = rest[:length], rest[length:]
			list = append(list, d)
		}
	}
	return list
}

func TestRotatedSink(t *testing.T) {
	conntest.TestSink(t, func(t *testing.T) conntest.Target {
		return rotated{t.TempDir(), Config{RotateSize: 3000, Compress: "zstd"}}
	})
}

// TestNQuads: what is added is N-Quads, with its place; what deletes stops the shard behind all that came before.
func TestNQuads(t *testing.T) {
	dir := t.TempDir()
	cfg := fileConfig(dir, Config{NQuads: true, RotateSize: 1})
	records, _ := series(3)
	gone := records[2]
	gone.Body = []byte("TX .\nD <s:10> <p:1> <o:1> .\nTC .\n")
	for range 2 {
		if err := writeTo(t, cfg, append(records[:2:2], gone)); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "position 30: ") {
			t.Errorf("%v", err)
		}
	}
	names := namesOf(t, dir)
	if want := []string{"shard-0003-00000000000000000010.nq", "shard-0003.nq"}; !slices.Equal(names, want) {
		t.Fatalf("%v", names)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "shard-0003.nq")), writeTo(t, cfg, records)); err != nil {
		t.Fatal(err)
	}
	f := newFolder(t, SourceConfig{})
	f.cfg.Paths = []string{dir}
	f.has("<s:10> <p:1> <o:1> .", "<s:20> <p:1> <o:1> .", "<s:20> <p:1> <o:1> .", "<s:30> <p:1> <o:1> .", "<s:30> <p:1> <o:1> .", "<s:30> <p:1> <o:1> .")
}

// TestRotationConfig: what makes no sense is refused.
func TestRotationConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"compress \"xz\"": {RotateSize: 1, Compress: "xz"}, "need a size or a time": {Compress: "gzip"}, "need a size": {Keep: 1},
		"less than 0": {RotateSize: -1},
	} {
		cfg.Dir = "x"
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
