package filestore

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names in a stream's folder.
const (
	// MetaFile is the configuration, MetaSum its checksum, Messages the folder of the blocks.
	MetaFile = "meta.inf"
	MetaSum  = "meta.sum"
	Messages = "msgs"
	// newMessages is a purge that was interrupted: the server takes it for msgs, if there are blocks in it.
	newMessages = "__new_msgs__"
	// IndexFile is the state, in the folder of the blocks.
	IndexFile = "index.db"
	blockExt  = ".blk"
)

// Stream is the folder of one stream. It is not for concurrent use. If somebody writes to the folder meanwhile, what looks
// damaged need not be: look again with another Stream.
type Stream struct {
	dir  string
	name string
	raft bool
	// deleted holds the sequences that the last Check found tombstones for, sorted.
	deleted []uint64
	checked bool
}

// Open names the stream in a folder: …/streams/NAME, or …/_js_/GROUP, whose messages have no subjects. It reads nothing.
func Open(dir string) *Stream {
	return &Stream{dir: dir, name: filepath.Base(dir), raft: filepath.Base(filepath.Dir(dir)) == "_js_"}
}

// Name is the name of the stream.
func (s *Stream) Name() string { return s.name }

// Dir is its folder.
func (s *Stream) Dir() string { return s.dir }

// Raft reports whether it is the log of a Raft group.
func (s *Stream) Raft() bool { return s.raft }

// Size is how many bytes the blocks have on disk; what can't be read counts for nothing.
func (s *Stream) Size() (n int64) {
	list, _ := s.blocks()
	for _, b := range list {
		if info, err := os.Stat(b.path); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Blocks are the numbers of the blocks, in order.
func (s *Stream) Blocks() ([]uint32, error) {
	list, err := s.blocks()
	numbers := make([]uint32, len(list))
	for i, b := range list {
		numbers[i] = b.number
	}
	return numbers, err
}

// BlockPath is the file of a block.
func (s *Stream) BlockPath(number uint32) string {
	return filepath.Join(s.messages(), strconv.FormatUint(uint64(number), 10)+blockExt)
}

// IndexPath is the file of the state.
func (s *Stream) IndexPath() string { return filepath.Join(s.messages(), IndexFile) }

// Message is a message of a stream. What its fields refer to holds until the function that got it returns.
type Message struct {
	// Seq is the sequence, Time when it was stored.
	Seq  uint64
	Time time.Time
	// Subject is the subject, Header the raw headers (empty or "NATS/1.0\r\n…\r\n\r\n"), Data the payload.
	Subject string
	Header  []byte
	Data    []byte
	// File and Offset tell where it is, as in [Damage].
	File   string
	Offset int64
}

// HeaderValue is the value of a header, empty if it isn't there.
func (m *Message) HeaderValue(name string) string { return string(headerValue(m.Header, name)) }

// block is a file of messages.
type block struct {
	number uint32
	path   string
}

// blocks lists the blocks in order. There is no error if the folder isn't there.
func (s *Stream) blocks() ([]block, error) {
	dir := s.messages()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []block
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), blockExt)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			continue
		}
		list = append(list, block{uint32(n), filepath.Join(dir, e.Name())})
	}
	slices.SortFunc(list, func(a, b block) int { return int(int64(a.number) - int64(b.number)) })
	return list, nil
}

// messages is the folder that the server would take for that of the blocks.
func (s *Stream) messages() string {
	purged := filepath.Join(s.dir, newMessages)
	files, _ := os.ReadDir(purged) // it is not there, but for a moment
	if slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasSuffix(f.Name(), blockExt) }) {
		return purged
	}
	return filepath.Join(s.dir, Messages)
}

// readIndex returns nil if there is no index, or it can't be believed: the server then does without, too.
func (s *Stream) readIndex() *index {
	buf, err := os.ReadFile(s.IndexPath())
	if err != nil {
		return nil
	}
	x, err := parseIndex(s.name, buf)
	if err != nil {
		return nil
	}
	return x
}

// Meta is the part of a stream's configuration that matters here.
type Meta struct {
	// Name is the stream's, Replicas on how many servers it is, Subjects what it keeps.
	Name     string   `json:"name"`
	Replicas int      `json:"num_replicas"`
	Subjects []string `json:"subjects"`
	// Metadata is what the creator wrote beside it.
	Metadata map[string]string `json:"metadata"`
}

// Meta reads the configuration. An error says what is wrong with it; the server leaves such a stream out.
func (s *Stream) Meta() (m Meta, err error) {
	path := filepath.Join(s.dir, MetaFile)
	buf, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	want, err := os.ReadFile(filepath.Join(s.dir, MetaSum))
	if err != nil {
		return m, err
	}
	sum, err := newSum(s.name)
	if err != nil {
		return m, err
	}
	sum.Write(buf)
	if got := hex.EncodeToString(sum.Sum(nil)); got != string(want) {
		return m, fmt.Errorf("%s doesn't match its checksum in %s", path, MetaSum)
	}
	if err := json.Unmarshal(buf, &m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Read gives fn the messages that are not deleted, in order of their sequences. What is damaged is left out. Messages with
// Nats-Rollup that name none before, such as barriers, may be among them although a later one has replaced them. fn's error
// ends it and is returned as it is.
//
// It needs the memory of one block, and of one sequence for each deleted message that is still in the files.
func (s *Stream) Read(ctx context.Context, fn func(*Message) error) error {
	if !s.checked {
		if _, err := s.Check(ctx); err != nil {
			return err
		}
	}
	list, err := s.blocks()
	if err != nil {
		return err
	}
	var buf []byte
	var last uint64
	for _, b := range list {
		if buf, last, err = s.readBlock(ctx, b, buf, last, fn); err != nil {
			return err
		}
	}
	return nil
}

// readBlock gives fn the messages of one block, and returns the buffer for the next one and the highest sequence.
func (s *Stream) readBlock(ctx context.Context, b block, buf []byte, last uint64, fn func(*Message) error) ([]byte, uint64, error) {
	if err := ctx.Err(); err != nil {
		return buf, last, err
	}
	p, err := newParser(s.name, b.number, s.raft)
	if err != nil {
		return buf, last, err
	}
	content, _, err := readBlock(b.path, buf)
	if err != nil {
		return buf, last, nil // the check told of it
	}
	err = p.scan(content, last, func(r record) error {
		if r.kind == tombstone || r.seq <= last {
			return nil
		}
		last = r.seq
		if _, gone := slices.BinarySearch(s.deleted, r.seq); gone || r.kind == erased {
			return nil
		}
		return fn(&Message{Seq: r.seq, Time: time.Unix(0, r.time).UTC(), Subject: string(r.subject), Header: r.header,
			Data: r.data, File: b.path, Offset: int64(r.off)})
	}, func(badPlace) error { return nil })
	return content, last, err
}

// ReadBlock returns the content of a block, decompressed, and whether it was compressed.
func (s *Stream) ReadBlock(number uint32) (content []byte, wasCompressed bool, err error) {
	content, is, err := readBlock(s.BlockPath(number), nil)
	return content, is != plain, err
}
