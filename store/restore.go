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

// Filler takes in what a snapshot has. It is used by one goroutine. An error of it ends the reading and stays in the
// chain: it wraps [ErrDamaged] where what comes can't be, and [ErrFull] where there is no room.
type Filler interface {
	// Term takes the next term; they are numbered from 1. The text is valid until Term returns. An empty one stands for a
	// number that no quad may have.
	Term(text []byte) error
	// Quad takes a quad by the numbers of its terms, which have all come; 0 is no term. An object may be an inline id instead, of
	// which there is a term. A term and a quad come once: the second is damage, which the Filler has to find.
	Quad(numbers [4]uint64) error
}

// ReadSnapshot reads what [WriteSnapshot] has written, up to the end of r, and gives terms and quads to the store that is
// to be filled, of which nothing may be used unless it returns no error: the checksum is at the end of the file. It
// returns the position. It needs about 5 MiB of memory besides; a length in the file reserves no memory before the bytes
// are there. It starts no goroutine.
//
// It calls extra, unless that is nil, once with what the writer's extra wrote, before the first term. What comes of that,
// too, is good only at the end. extra need not read all.
//
// A snapshot that is not whole, or of which any bit was changed, or behind which there is more, gives [ErrDamaged]; one
// of another version an error that says so; and errors of r and of extra stay in the chain.
func ReadSnapshot(r io.Reader, into Filler, extra func(io.Reader) error) (position uint64, err error) {
	sum := newSumReader(r)
	position, err = readSnapshot(sum, into, extra)
	if sum.err != nil && !errors.Is(sum.err, io.EOF) {
		err = sum.err // what comes of it is no damage
	}
	if err != nil {
		return 0, fmt.Errorf("read snapshot: %w", err)
	}
	return position, nil
}

func readSnapshot(sum *sumReader, into Filler, extra func(io.Reader) error) (uint64, error) {
	inline, err := readMagic(sum)
	if err != nil {
		return 0, err
	}
	z, err := zstd.NewReader(sum, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return 0, damaged("%v", err)
	}
	defer z.Close()
	s := snapshotReader{r: bufio.NewReaderSize(z, blockBytes), into: into, inline: inline}
	position, err := s.content(extra)
	if err != nil {
		return 0, err
	}
	if _, err := s.r.ReadByte(); err != io.EOF {
		return 0, damaged("there is more behind its end (%v)", err)
	}
	return position, sum.check()
}

// readMagic also says whether the version has inline ids.
func readMagic(r io.Reader) (inline bool, err error) {
	var b [len(magic)]byte
	n, err := io.ReadFull(r, b[:])
	name, ours := strings.CutPrefix(string(b[:n]), magicName)
	switch {
	case string(b[:n]) == magic:
		return true, nil
	case string(b[:n]) == magic2:
		return false, nil
	case err == nil && ours && name[0] >= '0' && name[0] <= '9':
		return false, fmt.Errorf("its version is %q, this program reads 2 and 3", strings.TrimSpace(name))
	}
	return false, damaged("it doesn't begin with %q", magic)
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

// snapshotReader reads the content.
type snapshotReader struct {
	r            *bufio.Reader
	into         Filler
	inline       bool   // objects may be
	terms, quads uint64 // that have come
	buf          bytes.Buffer
}

func (s *snapshotReader) content(extra func(io.Reader) error) (position uint64, err error) {
	if position, err = s.number(); err != nil {
		return 0, err
	}
	quads, err := s.number()
	if err != nil {
		return 0, err
	}
	if err := s.extra(extra); err != nil {
		return 0, err
	}
	for more := true; more; {
		if more, err = s.block(); err != nil {
			return 0, err
		}
	}
	if s.quads != quads {
		return 0, damaged("%d quads, it should have %d", s.quads, quads)
	}
	return position, nil
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
	s.terms++
	return s.into.Term(b)
}

func (s *snapshotReader) quad() (err error) {
	var q [4]uint64
	for i := range q {
		if q[i], err = s.number(); err != nil {
			return err
		}
		if i == 2 && s.inline {
			odd := q[i]&1 == 1
			if q[i] >>= 1; odd {
				if q[i], err = inlineNumberOf(q[i]); err != nil {
					return err
				}
				continue
			}
		}
		if q[i] > s.terms {
			return damaged("a quad has the term %d, which is not there", q[i])
		}
	}
	s.quads++
	return s.into.Quad(q)
}

// inlineNumberOf is an inline id that a literal has.
func inlineNumberOf(n uint64) (uint64, error) {
	id := ID(n) | inlineBit
	if t, ok := InlineTerm(id); ok && id.IsInline() {
		if same, ok := InlineID(t); ok && same == id {
			return uint64(id), nil
		}
	}
	return 0, damaged("a quad has the inline id %x, which no literal has", n)
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
