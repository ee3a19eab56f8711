package file

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// memory is a disk in memory that knows what is durable.
type memory struct {
	content, durable map[string][]byte
	named            map[string]bool // the files whose names are durable
	syncs            int
	failWrite        error
	failSync         error
}

func newMemory() *memory {
	return &memory{content: map[string][]byte{}, durable: map[string][]byte{}, named: map[string]bool{}}
}

func (m *memory) MkdirAll(string) error { return nil }

func (m *memory) Open(path string) (handle, bool, error) {
	_, there := m.content[path]
	if !there {
		m.content[path] = nil
	}
	return &memoryFile{m: m, path: path}, !there, nil
}

func (m *memory) SyncDir(string) error {
	for path := range m.content {
		m.named[path] = true
	}
	return nil
}

func (m *memory) List(string) (names []string, err error) {
	for path := range m.content {
		names = append(names, filepath.Base(path))
	}
	return names, nil
}

func (m *memory) Rename(string, string) error { return errors.New("nothing is renamed here") }
func (m *memory) Remove(string) error         { return errors.New("nothing is removed here") }

// powerLoss forgets what is not durable.
func (m *memory) powerLoss() {
	clear(m.content)
	for path, b := range m.durable {
		if m.named[path] {
			m.content[path] = bytes.Clone(b)
		}
	}
}

type memoryFile struct {
	m    *memory
	path string
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.m.content[f.path]).ReadAt(p, off)
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if f.m.failWrite != nil {
		return 0, f.m.failWrite
	}
	b := f.m.content[f.path]
	if need := int(off) + len(p); need > len(b) {
		b = append(b, make([]byte, need-len(b))...)
	}
	f.m.content[f.path] = b
	return copy(b[off:], p), nil
}

func (f *memoryFile) Close() error            { return nil }
func (f *memoryFile) Is(string) (bool, error) { return true, nil }
func (f *memoryFile) Lock() error             { return nil }
func (f *memoryFile) Size() (int64, error)    { return int64(len(f.m.content[f.path])), nil }
func (f *memoryFile) Truncate(size int64) error {
	f.m.content[f.path] = f.m.content[f.path][:size]
	return nil
}

func (f *memoryFile) Sync() error {
	if f.m.failSync != nil {
		return f.m.failSync
	}
	f.m.syncs++
	f.m.durable[f.path] = bytes.Clone(f.m.content[f.path])
	return nil
}

const testPath = "dir/shard-0003.rdfp"

// testRecord is a record of shard 3 with so many rows, as it stands in the file; the one before it is ten positions earlier.
func testRecord(position uint64, rows int) (text []byte, r connector.Record) {
	body := "TX .\n" + strings.Repeat(fmt.Sprintf("A <s:%d> <p:1> <o:1> .\n", position), rows) + "TC .\n"
	r = connector.Record{Mark: engine.Mark{Position: position, ID: fmt.Sprint("ni:", position)}, Prev: fmt.Sprint("ni:", position-10),
		Time: time.Unix(int64(position), 0).UTC(), Body: []byte(body)}
	if position == 10 {
		r.Prev = ""
	}
	w := writer{shard: 3}
	text, _ = w.fill(nil, []connector.Record{r})
	return text, r
}

// of is a text of some shard, with the comment before it.
func of(shard int, position uint64, text string) []byte {
	return append(appendHead(nil, shard, position, []byte(text)), text...)
}

// testFile is a file of records of that many rows each, at the positions 10, 20 …, and where each begins.
func testFile(rows ...int) (text []byte, begins []int, marks []engine.Mark) {
	for i, n := range rows {
		begins = append(begins, len(text))
		record, r := testRecord(uint64(i+1)*10, n)
		text, marks = append(text, record...), append(marks, r.Mark)
	}
	return text, begins, marks
}

func opened(m *memory, batch int) (*writer, error) { return open(m, testPath, 3, batch) }

// TestTornMiddle: a power cut leaves the length of a record, its first page and its last, and zeros between.
func TestTornMiddle(t *testing.T) {
	text, begins, marks := testFile(3, 2000)
	for i := begins[1] + 4096; i < len(text)-4096; i++ {
		text[i] = 0
	}
	m := newMemory()
	m.content[testPath] = text
	w, err := opened(m, 1<<20)
	if err != nil || w.last != marks[0] || w.size != int64(begins[1]) {
		t.Fatalf("%+v, %v; want the end cut off after %+v", w, err, marks[0])
	}
	if len(m.content[testPath]) != begins[1] {
		t.Error("the torn end is there still")
	}
}

// TestEveryByteCounts: a bit that flips in the last record cuts it off; in one before it, it is an error that tells
// where.
func TestEveryByteCounts(t *testing.T) {
	text, begins, marks := testFile(1, 2, 1)
	for i := range text {
		m := newMemory()
		m.content[testPath] = bytes.Clone(text)
		m.content[testPath][i] ^= 2
		w, err := opened(m, 1<<20)
		switch {
		case i >= begins[2]:
			if err == nil && w.last == marks[1] || err != nil && strings.Contains(err.Error(), "holds records of shard") {
				continue
			}
			t.Errorf("byte %d: %+v, %v", i, w, err)
		case err == nil:
			t.Errorf("byte %d: not noticed, or good records were cut off: %+v", i, w.last)
		case !bytes.Equal(m.content[testPath][:i], text[:i]) || len(m.content[testPath]) != len(text):
			t.Errorf("byte %d: a damaged file was changed", i)
		}
	}
	m := newMemory()
	m.content[testPath] = bytes.Clone(text)
	m.content[testPath][begins[1]+200] ^= 2
	_, err := opened(m, 1<<20)
	want := fmt.Sprintf("read %s: log is damaged: at byte %d:", testPath, begins[1])
	if !errors.Is(err, engine.ErrDamaged) || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), advice) {
		t.Errorf("%v\nwant %s …", err, want)
	}
}

// TestTornBatch: within the batch that was being written, pages may be missing before some that are there.
func TestTornBatch(t *testing.T) {
	text, begins, marks := testFile(1, 50, 50)
	clear(text[begins[1]+100 : begins[1]+500])
	for batch, torn := range map[int]bool{len(text) - begins[1]: true, len(text) - begins[1] - 1: false} {
		m := newMemory()
		m.content[testPath] = bytes.Clone(text)
		w, err := opened(m, batch)
		if torn && (err != nil || w.last != marks[0]) || !torn && !errors.Is(err, engine.ErrDamaged) {
			t.Errorf("batch %d: %+v, %v", batch, w, err)
		}
	}
}

// TestDamageFarFromGood: a good record is found wherever it stands.
func TestDamageFarFromGood(t *testing.T) {
	text, begins, _ := testFile(1, window/23, window/23, 1)
	text[begins[1]+300] ^= 1
	text[begins[2]+300] ^= 1
	m := newMemory()
	m.content[testPath] = text
	if _, err := opened(m, 100); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("at byte %d;", begins[3])) {
		t.Errorf("%v; want that a good record stands at byte %d", err, begins[3])
	}
}

func TestOrderInTheFile(t *testing.T) {
	one, _ := testRecord(10, 1)
	two, _ := testRecord(20, 1)
	four, _ := testRecord(40, 1)
	next := func(position uint64, prev string) []byte {
		return of(3, position, fmt.Sprintf("H id <ni:n> .\nH prev <%s> .\nH shard \"3\" .\nTX .\nTC .\n", prev))
	}
	for name, text := range map[string][]byte{
		"a position twice": bytes.Join([][]byte{one, two, two}, nil),
		"positions fall":   bytes.Join([][]byte{two, one}, nil),
		"one is missing":   bytes.Join([][]byte{one, two, four}, nil),
		"the same place":   bytes.Join([][]byte{one, two, next(20, "ni:20")}, nil),
		"a place before":   bytes.Join([][]byte{one, two, next(19, "ni:20")}, nil),
		"the first":        bytes.Join([][]byte{of(3, 1, "H id <ni:1> .\nH shard \"3\" .\nTX .\nTC .\n"), next(2, "ni:0")}, nil),
	} {
		m := newMemory()
		m.content[testPath] = text
		if w, err := opened(m, 1<<20); !errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), "at byte ") {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	m := newMemory()
	m.content[testPath] = two // the log was trimmed before it
	if w, err := opened(m, 1<<20); err != nil || w.last.Position != 20 {
		t.Errorf("a file that begins later: %+v, %v", w, err)
	}
}

// write opens the file and writes the records that it lacks. It returns where the file is then.
func write(t *testing.T, m *memory, records []connector.Record) (at engine.Mark, err error) {
	t.Helper()
	s, err := New(Config{Dir: "dir", MaxBatch: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.disk = m
	w, err := s.Open(t.Context(), 3)
	if err != nil {
		return at, err
	}
	var missing []connector.Record
	for _, r := range records {
		if r.Position > w.At().Position {
			missing = append(missing, r)
		}
	}
	err = w.Write(t.Context(), missing)
	return w.At(), errors.Join(err, w.Close())
}

// TestPowerLoss: whatever the sink says is written is there after a power loss, and what is missing is written again.
func TestPowerLoss(t *testing.T) {
	var records []connector.Record
	var whole []byte
	for i := range 6 {
		text, r := testRecord(uint64(i+1)*10, i+1)
		records, whole = append(records, r), append(whole, text...)
	}
	m := newMemory()
	for n := 1; n <= len(records); n++ {
		if at, err := write(t, m, records[:n]); err != nil || at != records[n-1].Mark {
			t.Fatalf("written up to %v of %v: %v", at, records[n-1].Mark, err)
		}
		// What is written behind the last fsync is lost, but for garbage that a power cut may leave.
		m.powerLoss()
		if w, err := opened(m, 1<<20); err != nil || w.last != records[n-1].Mark {
			t.Fatalf("after the power loss: %+v, %v; want %+v", w, err, records[n-1].Mark)
		}
		m.content[testPath] = append(m.content[testPath], make([]byte, 5000)...)
		m.durable[testPath] = m.content[testPath]
	}
	if _, err := opened(m, 1<<20); err != nil || !bytes.Equal(m.content[testPath], whole) {
		t.Errorf("%v; the file holds %d bytes, want %d", err, len(m.content[testPath]), len(whole))
	}
	if m.syncs < 2*len(records) {
		t.Errorf("%d fsyncs of %d batches and as many starts", m.syncs, len(records))
	}
}

// TestDiskFails: a batch of which the write or the fsync failed doesn't count, and the writer stops.
func TestDiskFails(t *testing.T) {
	text, r := testRecord(10, 1)
	broken := errors.New("input/output error")
	for name, m := range map[string]*memory{"write": {failWrite: broken}, "fsync": {}} {
		m.content, m.durable, m.named = map[string][]byte{}, map[string][]byte{}, map[string]bool{}
		w, err := opened(m, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if name == "fsync" {
			m.failSync = broken
		}
		if err := w.append(text, r.Mark); !errors.Is(err, broken) || w.last != (engine.Mark{}) || w.size != 0 {
			t.Errorf("%s: %v, %+v", name, err, w)
		}
		if at, err := write(t, m, []connector.Record{r}); at != (engine.Mark{}) || !errors.Is(err, broken) {
			t.Errorf("%s: the sink says %v, %v", name, at, err)
		}
	}
	m := newMemory()
	w, err := opened(m, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.append(text, r.Mark); err != nil || w.last != r.Mark || w.size != int64(len(text)) {
		t.Errorf("nothing fails: %v, %+v", err, w)
	}
	m.failSync = broken
	if _, err := opened(m, 1<<20); !errors.Is(err, broken) {
		t.Errorf("open: %v", err)
	}
}

// TestGoodAcrossWindows: the comment of the next good record stands across the border of what is searched at once.
func TestGoodAcrossWindows(t *testing.T) {
	good, _ := testRecord(20, 1)
	for _, before := range []int{1, 5, 20} {
		bad := append([]byte("# shard 3 position 10 length 9\n"), bytes.Repeat([]byte("x"), window)...)
		bad = bad[:1+window-before] // the search begins with the second byte
		m := newMemory()
		m.content[testPath] = append(bad, good...)
		if _, err := opened(m, 100); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("at byte %d;", len(bad))) {
			t.Errorf("%d bytes before the border: %v", before, err)
		}
	}
}

// crowd is a disk that counts how many files are being opened at one time.
type crowd struct {
	osDisk
	mu        sync.Mutex
	now, most int
	two       chan struct{} // closed when a second one has come
}

func (c *crowd) Open(path string) (handle, bool, error) {
	h, made, err := c.osDisk.Open(path)
	return &crowded{handle: h, c: c}, made, err
}

type crowded struct {
	handle
	c    *crowd
	once sync.Once
}

// Lock comes first in opening a file: it gives the others time to come, too.
func (h *crowded) Lock() error {
	h.c.mu.Lock()
	h.c.now++
	if h.c.most < 2 && h.c.now == 2 {
		close(h.c.two)
	}
	h.c.most = max(h.c.most, h.c.now)
	h.c.mu.Unlock()
	select {
	case <-h.c.two:
	case <-time.After(30 * time.Second): // none comes
	}
	<-time.After(5 * time.Millisecond)
	return h.handle.Lock()
}

// Sync comes last.
func (h *crowded) Sync() error {
	h.once.Do(func() {
		h.c.mu.Lock()
		h.c.now--
		h.c.mu.Unlock()
	})
	return h.handle.Sync()
}

// TestFewAreOpenedAtOnce: checking a file takes memory, so not all shards do it together.
func TestFewAreOpenedAtOnce(t *testing.T) {
	const shards = 40
	s, err := New(Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{two: make(chan struct{})}
	s.disk = c
	var all sync.WaitGroup
	for shard := range shards {
		all.Go(func() {
			w, err := s.Open(t.Context(), shard)
			if err != nil {
				t.Error(err)
				return
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if c.most > maxOpening || c.most < 2 {
		t.Errorf("%d were opened at one time, want %d at most", c.most, maxOpening)
	}
}
