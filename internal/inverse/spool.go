package inverse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
)

// spool is a temporary file of lines, which is written first and then read backward, the last line first.
type spool struct {
	file *os.File
	w    *bufio.Writer
	size int64
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "quadrille-*")
	if err != nil {
		return nil, err
	}
	return &spool{file: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// close removes the file.
func (s *spool) close() { _, _ = s.file.Close(), os.Remove(s.file.Name()) }

// write takes a line with its end.
func (s *spool) write(line []byte) error {
	n, err := s.w.Write(line)
	s.size += int64(n)
	return err
}

// truncate drops what was written after the first size bytes.
func (s *spool) truncate(size int64) error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	if err := s.file.Truncate(size); err != nil {
		return err
	}
	s.size = size
	_, err := s.file.Seek(size, io.SeekStart)
	return err
}

// backward returns the lines, the last one first.
func (s *spool) backward() (io.Reader, error) {
	if err := s.w.Flush(); err != nil {
		return nil, err
	}
	return &backward{file: s.file, left: s.size}, nil
}

// backwardBlock is how much is read at once, unless a line is longer.
const backwardBlock = 64 << 10

// backward reads a file of lines from its end. It holds a block, or twice the longest line.
type backward struct {
	file io.ReaderAt
	left int64  // bytes before block
	buf  []byte // whose end is block
	// block is what was read and not handed over; it ends in a whole line.
	block []byte
	line  []byte // what is left of the line that is handed over, behind block in buf
}

func (b *backward) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(b.line) == 0 {
			if err := b.next(); err != nil {
				if n > 0 {
					return n, nil // the error comes again
				}
				return 0, err
			}
		}
		copied := copy(p[n:], b.line)
		b.line = b.line[copied:]
		n += copied
	}
	return n, nil
}

// next sets line to the last one of what is left.
func (b *backward) next() error {
	for {
		if len(b.block) > 0 {
			end := bytes.LastIndexByte(b.block[:len(b.block)-1], '\n') + 1
			if end > 0 || b.left == 0 {
				b.line, b.block = b.block[end:], b.block[:end]
				return nil
			}
		}
		if b.left == 0 {
			return io.EOF
		}
		if err := b.more(); err != nil {
			return err
		}
	}
}

// more reads what stands before block, as much again as there is.
func (b *backward) more() error {
	n := int(min(b.left, int64(max(backwardBlock, len(b.block)))))
	need := n + len(b.block)
	if need > len(b.buf) {
		grown := make([]byte, max(need, 2*backwardBlock))
		copy(grown[n:], b.block)
		b.buf = grown
	} else {
		copy(b.buf[n:], b.block)
	}
	b.block = b.buf[:need]
	b.left -= int64(n)
	if _, err := b.file.ReadAt(b.block[:n], b.left); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
