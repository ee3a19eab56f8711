package filestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/s2"
)

const (
	// maxBlock bounds a block, decompressed, in bytes. The server begins a new one after 8 MB.
	maxBlock = 256 << 20
	// maxAhead is how far beyond the sequence before it a record may be that is found by searching.
	maxAhead = 1 << 32
	// searchFactor bounds the bytes that are hashed when a record is searched for, in sizes of the block.
	searchFactor = 16
)

// badPlace is where a block holds no record though it should.
type badPlace struct {
	off int
	err error
	// next is where records go on. 0: nothing that is good follows.
	next int
}

// scan gives fn the records of a block in order. A place without a good record is given to bad, and the scan goes on with
// the next good one; the first error of either ends it. last is the highest sequence of the blocks before.
func (p *parser) scan(buf []byte, last uint64, fn func(record) error, bad func(badPlace) error) error {
	for off := 0; off < len(buf); {
		r, err := p.parse(buf, off)
		if err != nil {
			next := p.search(buf, off, last)
			if err := bad(badPlace{off, err, next}); err != nil || next == 0 {
				return err
			}
			off = next
			continue
		}
		if err := fn(r); err != nil {
			return err
		}
		if r.kind != tombstone {
			last = max(last, r.seq)
		}
		off += r.size
	}
	return nil
}

// search finds the next good record after a bad one at off, or returns 0. The bad one's length is tried first, as it is
// mostly something else that is wrong. If there is too much that looks like a record, it says that one follows: whoever
// takes a block for damaged that is only torn keeps more than needed.
func (p *parser) search(buf []byte, off int, last uint64) int {
	if bad, _, err := frame(buf, off); err == nil {
		if _, err := p.parse(buf, off+bad.size); err == nil {
			return off + bad.size
		}
	}
	budget := max(searchFactor*len(buf), maxRecord)
	for at := off + 1; at+minRecord <= len(buf); at++ {
		r, _, err := frame(buf, at)
		if err != nil || r.seq == 0 || r.seq > last+maxAhead {
			continue
		}
		if budget -= r.size; budget < 0 {
			return at
		}
		if _, err := p.parse(buf, at); err == nil {
			return at
		}
	}
	return 0
}

var compressed = []byte("cmp\x01")

var (
	errBlockSize  = fmt.Errorf("the block is larger than %d bytes", maxBlock)
	errCompressed = errors.New("the compressed block can't be decompressed")
)

// form is how a block is written.
type form int

const (
	plain  form = iota
	packed      // compressed
	mixed       // compressed, and it is cut off, or something else follows
)

// readBlock reads a block, and decompresses it if need be. buf is used if it is large enough. Of a mixed one it returns the
// good part.
func readBlock(path string, buf []byte) (content []byte, is form, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plain, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, plain, err
	}
	if info.Size() > maxBlock {
		return nil, plain, errBlockSize
	}
	if buf = buf[:0]; int64(cap(buf)) < info.Size() {
		buf = make([]byte, 0, info.Size())
	}
	buf = buf[:info.Size()]
	if _, err := io.ReadFull(f, buf); err != nil {
		return nil, plain, err
	}
	if !bytes.HasPrefix(buf, compressed) {
		return buf, plain, nil
	}
	return decompress(buf[len(compressed):])
}

// decompress undoes what the server's CompressionInfo and StoreCompression.Compress do. The last checksum is in the clear.
//
// A server with compression that was killed appends records to a block that it has compressed, which then can't be
// decompressed as the server does it: behind the checksum there is more.
func decompress(buf []byte) ([]byte, form, error) {
	size, n := binary.Uvarint(buf)
	if n <= 0 || size < sumLen || size > maxBlock {
		return nil, packed, fmt.Errorf("%w: its size is none", errCompressed)
	}
	rest := &counter{r: bytes.NewReader(buf[n:])}
	var out bytes.Buffer
	out.Grow(min(int(size), 8*len(buf)))
	if _, err := io.CopyN(&out, s2.NewReader(rest), int64(size)-sumLen); err != nil && out.Len() > 0 {
		return out.Bytes(), mixed, nil // what has come is checksummed
	} else if err != nil {
		return nil, packed, fmt.Errorf("%w: %w", errCompressed, err)
	}
	tail := buf[n+rest.n:]
	if len(tail) < sumLen {
		return nil, packed, fmt.Errorf("%w: the last checksum is cut off", errCompressed)
	}
	content := append(out.Bytes(), tail[:sumLen]...)
	if len(tail) > sumLen {
		return content, mixed, nil
	}
	return content, packed, nil
}

// counter counts what is read. The S2 reader takes no more from it than it needs.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
