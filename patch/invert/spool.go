package invert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how many bytes of a spool are held before they go to its file.
const spoolMemory = 1 << 20

// spool is a list of lines, which is written first and then read backward, the last line first. What is long is in a
// temporary file. The zero spool is ready.
type spool struct {
	file *os.File // nil: none was needed
	tail []byte   // what is behind that in the file
	size int64
}

// close removes the file.
func (s *spool) close() error {
	f := s.file
	*s = spool{}
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// write takes a line with its end.
func (s *spool) write(line []byte) error {
	s.tail = append(s.tail, line...)
	s.size += int64(len(line))
	if len(s.tail) < spoolMemory {
		return nil
	}
	return s.flush()
}

// flush writes to the file what is behind it.
func (s *spool) flush() (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "quadrille-*"); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	_, err = s.file.Write(s.tail)
	s.tail = s.tail[:0]
	return err
}

// truncate drops what was written after the first size bytes.
func (s *spool) truncate(size int64) error {
	filed := s.size - int64(len(s.tail))
	s.size = size
	if size >= filed {
		s.tail = s.tail[:size-filed]
		return nil
	}
	s.tail = s.tail[:0]
	if err := s.file.Truncate(size); err != nil {
		return err
	}
	_, err := s.file.Seek(size, io.SeekStart)
	return err
}

// backward returns the lines, the last one first.
func (s *spool) backward() (io.Reader, error) {
	if s.file == nil {
		return &backward{file: bytes.NewReader(s.tail), left: s.size}, nil
	}
	if err := s.flush(); err != nil {
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
