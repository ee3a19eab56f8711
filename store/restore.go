package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// ReadSnapshot reads what [WriteSnapshot] has written, up to the end of r, and returns a store with the quads and the
// position. It needs the memory of the store, 4 bytes a term and about 5 MiB; a length in the file reserves no memory
// before the bytes are there. It starts no goroutine.
//
// It calls extra, unless that is nil, once with what the writer's extra wrote. What comes of that is good only when
// ReadSnapshot returns no error: the checksum is at the end of the file. extra need not read all.
//
// A snapshot that is not whole, or of which any bit was changed, or behind which there is more, gives [ErrDamaged]; one
// of another version, or larger than a [Memory] can be, an error that says so; and errors of r and of extra stay in the
// chain.
func ReadSnapshot(r io.Reader, extra func(io.Reader) error) (*Memory, error) {
	sum := newSumReader(r)
	m, err := readSnapshot(sum, extra)
	if sum.err != nil && !errors.Is(sum.err, io.EOF) {
		err = sum.err // what comes of it is no damage
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	return m, nil
}

func readSnapshot(sum *sumReader, extra func(io.Reader) error) (*Memory, error) {
	if err := readMagic(sum); err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(sum, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, damaged("%v", err)
	}
	defer z.Close()
	s := snapshotReader{r: bufio.NewReaderSize(z, blockBytes), m: NewMemory(), ids: []uint32{0}}
	if err := s.content(extra); err != nil {
		return nil, err
	}
	if _, err := s.r.ReadByte(); err != io.EOF {
		return nil, damaged("there is more behind its end (%v)", err)
	}
	return s.m, sum.check()
}

func readMagic(r io.Reader) error {
	var b [len(magic)]byte
	n, err := io.ReadFull(r, b[:])
	name, ours := strings.CutPrefix(string(b[:n]), magicName)
	switch {
	case string(b[:n]) == magic:
		return nil
	case err == nil && ours && name[0] >= '0' && name[0] <= '9':
		return fmt.Errorf("its version is %q, this program reads 2", strings.TrimSpace(name))
	}
	return damaged("it doesn't begin with %q", magic)
}

// sumReader gives all but the checksum at the end, and keeps the checksum of what it gave.
type sumReader struct {
	r    io.Reader
	hash hash.Hash
	buf  []byte // what was read and not given yet; its last bytes may be the checksum
	room []byte
	err  error // of r
}

func newSumReader(r io.Reader) *sumReader {
	return &sumReader{r: r, hash: sha256.New(), room: make([]byte, blockBytes)}
}

func (s *sumReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(s.buf) <= sha256.Size {
		if s.err != nil {
			return 0, s.err
		}
		s.fill()
	}
	n := copy(p, s.buf[:len(s.buf)-sha256.Size])
	s.hash.Write(s.buf[:n])
	s.buf = s.buf[n:]
	return n, nil
}

// fill reads more behind the rest, of which there is little.
func (s *sumReader) fill() {
	rest := copy(s.room, s.buf)
	n, err := io.ReadAtLeast(s.r, s.room[rest:], 1)
	s.buf, s.err = s.room[:rest+n], err
}

// check compares the checksum when all was read.
func (s *sumReader) check() error {
	if n, err := s.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return damaged("there is more behind its end")
	}
	if !bytes.Equal(s.buf, s.hash.Sum(nil)) {
		return damaged("its checksum is wrong")
	}
	return nil
}

// snapshotReader reads the content into a store.
type snapshotReader struct {
	r   *bufio.Reader
	m   *Memory
	ids []uint32 // of the terms of the snapshot, by their numbers
	buf bytes.Buffer
}

func (s *snapshotReader) content(extra func(io.Reader) error) (err error) {
	var head [2]uint64 // position, quads
	for i := range head {
		if head[i], err = s.number(); err != nil {
			return err
		}
	}
	if err := s.extra(extra); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = s.block(); err != nil {
			return err
		}
	}
	if uint64(s.m.quads.len) != head[1] {
		return damaged("%d quads, it should have %d", s.m.quads.len, head[1])
	}
	s.dropUnused()
	s.m.committed.Store(int64(s.m.quads.len))
	s.m.position.Store(head[0])
	return nil
}

// extra has fn read the pieces of extra, and passes over what it leaves.
func (s *snapshotReader) extra(fn func(io.Reader) error) error {
	pieces := &pieceReader{s: s}
	if fn != nil {
		if err := fn(pieces); pieces.damage != nil {
			return pieces.damage
		} else if err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, pieces)
	return err
}

// pieceReader gives what the pieces of extra hold, and io.EOF behind the last.
type pieceReader struct {
	s      *snapshotReader
	left   uint64 // of the piece
	ended  bool
	damage error // what every further Read returns
}

func (p *pieceReader) Read(b []byte) (int, error) {
	if p.damage == nil && p.left == 0 && !p.ended {
		p.left, p.damage = p.s.number()
		p.ended = p.left == 0
	}
	switch {
	case p.damage != nil:
		return 0, p.damage
	case p.ended:
		return 0, io.EOF
	}
	n, err := p.s.r.Read(b[:min(uint64(len(b)), p.left)])
	p.left -= uint64(n)
	if err != nil {
		p.damage = asDamage(err)
	}
	return n, p.damage
}

// dropUnused drops terms that no quad has, such as those of a transaction that was open.
func (s *snapshotReader) dropUnused() {
	for _, id := range s.ids {
		if id != 0 && *s.m.terms.refs.at(id) == 0 {
			s.m.terms.remove(id, &s.m.epochs)
		}
	}
}

// block reads a block; more is false after the last.
func (s *snapshotReader) block() (more bool, err error) {
	kind, err := s.number()
	if err != nil || kind == endBlock {
		return false, err
	}
	read := s.term
	if kind == quadBlock {
		read = s.quad
	} else if kind != termBlock {
		return false, damaged("a block of kind %d", kind)
	}
	items, err := s.number()
	for ; items > 0 && err == nil; items-- {
		err = read()
	}
	return err == nil, err
}

func (s *snapshotReader) term() error {
	length, err := s.number()
	if err != nil {
		return err
	}
	b, err := s.bytes(length)
	if err != nil {
		return err
	}
	id := uint32(0)
	if text := string(b); text != "" {
		terms := &s.m.terms
		hash := terms.hash(text)
		if _, there := terms.find(text, hash); there {
			return damaged("a term twice")
		}
		if terms.full(1) {
			return fmt.Errorf("%w: more than %d terms", ErrFull, terms.max)
		}
		id = terms.add(text, hash, &s.m.epochs)
	}
	s.ids = append(s.ids, id)
	return nil
}

func (s *snapshotReader) quad() error {
	var q quad
	for i := range q {
		n, err := s.number()
		if err != nil {
			return err
		}
		if n >= uint64(len(s.ids)) || n != 0 && s.ids[n] == 0 {
			return damaged("a quad has the term %d, which is not there", n)
		}
		q[i] = s.ids[n]
	}
	if _, there := s.m.quads.find(q, s.m.quads.hash(q)); there {
		return damaged("a quad twice")
	}
	if s.m.full() {
		return fmt.Errorf("%w: more than %d quads", ErrFull, s.m.max)
	}
	s.m.add(q)
	return nil
}

// number reads a varint.
func (s *snapshotReader) number() (uint64, error) {
	if b, err := s.r.Peek(1); err == nil && b[0] < 0x80 {
		_, err = s.r.Discard(1)
		return uint64(b[0]), err
	}
	n, err := binary.ReadUvarint(s.r)
	if err != nil {
		return 0, asDamage(err)
	}
	return n, nil
}

// bytes reads so many bytes, which are valid until the next call.
func (s *snapshotReader) bytes(length uint64) ([]byte, error) {
	if length <= uint64(s.r.Size()) {
		b, err := s.r.Peek(int(length))
		if err != nil {
			return nil, asDamage(err)
		}
		_, err = s.r.Discard(int(length)) // leaves b as it is
		return b, err
	}
	s.buf.Reset()
	n, err := io.Copy(&s.buf, io.LimitReader(s.r, int64(min(length, 1<<62)))) // grows with what comes
	if err == nil && uint64(n) < length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, asDamage(err)
	}
	return s.buf.Bytes(), nil
}

// asDamage is for errors of reading the content, which come from what is compressed.
func asDamage(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return damaged("%v", err)
}
