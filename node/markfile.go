package node

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/shard"
)

// A marks file is a header and, for each shard, two slots that are written in turn, so that one is whole whenever the
// process or the machine stops. All numbers are big-endian.
//
//	header   magic [8], shards uint32, CRC-32C of the pipeline's name, CRC-32C of the bytes before; zeros up to slotSize
//	slot     position uint64, 1 if the id is known [1], SHA-256 in the id [32], CRC-32C of shard and the bytes before;
//	         zeros up to slotSize
const (
	marksMagic = "QDRMARK1"
	// slotSize divides the size of a disk's sector, so that a slot is in one.
	slotSize = 64
	slotUsed = 8 + 1 + 32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarkFile is [Marks] in a file. A mark survives the process as soon as Raise has returned.
type MarkFile struct {
	path  string
	file  *os.File
	known memoryMarks
	slots []slots // by shard
	dirty atomic.Bool
}

type slots struct {
	mu   sync.Mutex
	next int64 // which of the two is written next
}

// marksPrefix begins the names of the files in which nodes keep their marks: marks+PIPELINE+NODE, each escaped as in queries.
const marksPrefix = "marks+"

// MarksPath is where a node keeps its marks in a data folder.
func MarksPath(dir, pipeline, name string) string {
	return filepath.Join(dir, marksPrefix+url.QueryEscape(pipeline)+"+"+url.QueryEscape(name))
}

// MarksIn yields the files of marks in a data folder, each with its pipeline, in no particular order.
func MarksIn(dir string) iter.Seq2[string, string] {
	return func(yield func(path, pipeline string) bool) {
		files, _ := os.ReadDir(dir) // what can't be read has none
		for _, file := range files {
			rest, ours := strings.CutPrefix(file.Name(), marksPrefix)
			parts := strings.Split(rest, "+")
			pipeline, err := url.QueryUnescape(parts[0])
			if err != nil || !ours || len(parts) != 2 {
				continue // it is named by somebody else
			}
			if !yield(filepath.Join(dir, file.Name()), pipeline) {
				return
			}
		}
	}
}

// OpenMarks opens the marks of a pipeline in the file, or makes it; the folder must be there. A file that is damaged, or
// another pipeline's, is an error that says what to do. The caller closes it, after the node's end.
func OpenMarks(path, pipeline string, shards int) (*MarkFile, error) {
	err := createMarks(path, pipeline, shards)
	if err != nil {
		return nil, fmt.Errorf("make the file of marks %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the file of marks: %w", err)
	}
	m := &MarkFile{path: path, file: f, known: newMemoryMarks(shards), slots: make([]slots, shards)}
	if err := m.load(pipeline); err != nil {
		return nil, errors.Join(fmt.Errorf("file of marks %s: %w", path, err), f.Close())
	}
	return m, nil
}

// ReadMarks reads the file of a pipeline's marks, by shard, and changes nothing, so that it may be in use. A file that is
// damaged, or another pipeline's, is an error that says what to do.
func ReadMarks(path, pipeline string) ([]engine.Mark, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the file of marks: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the file of marks: %w", err)
	}
	shards := max(0, int(min(info.Size(), maxMarksFile)/slotSize-1)/2)
	m := &MarkFile{path: path, file: f, known: newMemoryMarks(shards), slots: make([]slots, shards)}
	if err := m.load(pipeline); err != nil {
		return nil, fmt.Errorf("file of marks %s: %w", path, err)
	}
	marks := make([]engine.Mark, shards)
	for s := range marks {
		marks[s] = m.Mark(s)
	}
	return marks, nil
}

// maxMarksFile is more than a file of marks has in bytes.
const maxMarksFile = slotSize * (2 + 2*shard.Max)

// errMarksDamaged says what to do.
var errMarksDamaged = errors.New("it is damaged; it says how far the shards' logs must go: put it back from a copy, or " +
	"move it away to go on without what it says")

// createMarks makes the file with no marks, whole or not at all, unless it is there.
func createMarks(path, pipeline string, shards int) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data := marksHeader(pipeline, shards)
	for s := range shards {
		empty := slot(s, engine.Mark{})
		data = append(append(data, empty...), empty...)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	// Not every system can sync a folder. Without it the file may be gone after a power loss, as a whole.
	_ = dir.Sync()
	return dir.Close()
}

func marksHeader(pipeline string, shards int) []byte {
	b := binary.BigEndian.AppendUint32([]byte(marksMagic), uint32(shards))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum([]byte(pipeline), castagnoli))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, make([]byte, slotSize-len(b))...)
}

// slot is the bytes of a mark.
func slot(shard int, m engine.Mark) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, slotSize), m.Position)
	hash, known := operator.Hash(m.ID)
	b = append(append(b, 0), hash[:]...)
	if known {
		b[8] = 1
	}
	b = binary.BigEndian.AppendUint32(b, slotSum(shard, b))
	return b[:slotSize]
}

func slotSum(shard int, b []byte) uint32 {
	return crc32.Update(uint32(shard)+1, castagnoli, b)
}

// parseSlot reads what slot writes; ok is false if it is anything else.
func parseSlot(shard int, b []byte) (m engine.Mark, ok bool) {
	m.Position = binary.BigEndian.Uint64(b)
	if b[8] == 1 {
		m.ID = operator.ID([32]byte(b[9:slotUsed]))
	}
	return m, bytes.Equal(b, slot(shard, m))
}

// load reads the whole file.
func (m *MarkFile) load(pipeline string) error {
	shards := len(m.slots)
	want := slotSize * (1 + 2*shards)
	data, err := io.ReadAll(io.LimitReader(m.file, int64(want)+1))
	if err != nil {
		return err
	}
	if err := checkMarksHeader(data, pipeline, shards); err != nil {
		return err
	}
	if len(data) != want {
		return fmt.Errorf("%d bytes or more, expected %d: %w", len(data), want, errMarksDamaged)
	}
	for s := range shards {
		if !m.loadShard(s, data[slotSize*(1+2*s):][:2*slotSize]) {
			return fmt.Errorf("both slots of shard %d: %w", s, errMarksDamaged)
		}
	}
	return nil
}

func checkMarksHeader(data []byte, pipeline string, shards int) error {
	if len(data) < slotSize {
		return fmt.Errorf("%d bytes: %w", len(data), errMarksDamaged)
	}
	theirs := int(binary.BigEndian.Uint32(data[len(marksMagic):]))
	switch header := data[:slotSize]; {
	case bytes.Equal(header, marksHeader(pipeline, shards)):
		return nil
	case bytes.Equal(header, marksHeader(pipeline, theirs)):
		return fmt.Errorf("it is of a pipeline with %d shards, not %d", theirs, shards)
	case binary.BigEndian.Uint32(header[16:]) != crc32.Checksum(header[:16], castagnoli):
		return fmt.Errorf("header: %w", errMarksDamaged)
	}
	return fmt.Errorf("it is of another pipeline than %q", pipeline)
}

// loadShard takes the newer of two slots; one may be torn. The other is written next.
func (m *MarkFile) loadShard(shard int, b []byte) bool {
	first, ok1 := parseSlot(shard, b[:slotSize])
	second, ok2 := parseSlot(shard, b[slotSize:])
	if ok2 && (!ok1 || second.Position > first.Position) {
		first, m.slots[shard].next = second, 0
	} else {
		m.slots[shard].next = 1
	}
	m.known[shard].Store(&first)
	return ok1 || ok2
}

// Mark implements [Marks].
func (m *MarkFile) Mark(shard int) engine.Mark { return m.known.Mark(shard) }

// Raise implements [Marks]. It costs one write of 64 bytes to the system's memory.
func (m *MarkFile) Raise(shard int, mark engine.Mark) error {
	s := &m.slots[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	if !m.known.raise(shard, mark) {
		return nil
	}
	_, err := m.file.WriteAt(slot(shard, mark), slotSize*(1+2*int64(shard)+s.next))
	if err != nil {
		return fmt.Errorf("raise the mark of shard %d to %d: %w", shard, mark.Position, err)
	}
	s.next = 1 - s.next
	m.dirty.Store(true)
	return nil
}

// Sync implements [Marks].
func (m *MarkFile) Sync() error {
	if !m.dirty.Swap(false) {
		return nil
	}
	if err := m.file.Sync(); err != nil {
		m.dirty.Store(true)
		return fmt.Errorf("sync the file of marks: %w", err)
	}
	return nil
}

// Close syncs and closes the file.
func (m *MarkFile) Close() error { return errors.Join(m.Sync(), m.file.Close()) }
