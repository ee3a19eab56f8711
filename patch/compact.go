package patch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
)

// maxSkipDepth is how deeply what is unknown, and so skipped, may be nested.
const maxSkipDepth = 32

// compact reads Thrift's compact protocol. After the first error, which stays in err, its methods return zero values.
//
// What it returns of a row stays as it is until the next row begins: a buffer with the begin of a row is not written
// again where it is filled.
type compact struct {
	r       io.Reader // nil: buf is the whole document
	buf     []byte
	pos     int
	have    int    // bytes of buf that are filled
	stale   []byte // a buffer with the begin of the row
	spare   []byte // one that no row lies in
	base    int64  // offset in the document of the first byte of buf
	from    int64  // offset of the row
	row     int64  // its number, from 1
	limit   int    // bytes of a row
	max     int64  // bytes the document may have; 0: any
	file    string
	readErr error
	err     error
}

// readRoom is the size of a buffer that has room for most rows.
const readRoom = 64 << 10

// begin begins a row; more is false at the end of the document.
func (d *compact) begin() (more bool) {
	d.row++
	d.from = d.offset()
	if d.stale != nil {
		d.spare, d.stale = d.stale, nil
	}
	if d.err != nil {
		return false
	}
	if d.pos == d.have {
		d.fill(1)
		if d.pos == d.have && errors.Is(d.readErr, io.EOF) {
			return false
		}
	}
	return d.err == nil
}

func (d *compact) offset() int64 { return d.base + int64(d.pos) }

// fail sets the error, unless there is one, and returns it.
func (d *compact) fail(at int64, cause error, format string, args ...any) error {
	if d.err == nil {
		d.err = &BinaryError{File: d.file, Row: d.row, Offset: at, Msg: fmt.Sprintf(format, args...), Err: cause}
	}
	return d.err
}

// take returns the next n bytes, or nil after setting the error.
func (d *compact) take(n int, what string) []byte {
	if d.err != nil {
		return nil
	}
	at := d.offset()
	if left := d.from + int64(d.limit) - at; int64(n) > left {
		_ = d.fail(at, rdf.ErrTermLimit, "expected a row of at most %d bytes, found more", d.limit)
		return nil
	}
	if d.have-d.pos < n {
		if d.fill(n); d.have-d.pos < n {
			if d.err == nil && errors.Is(d.readErr, io.EOF) {
				_ = d.fail(d.base+int64(d.have), io.ErrUnexpectedEOF, "expected %s, found the end of the patch", what)
			} else if d.err == nil {
				d.err = d.readErr
			}
			return nil
		}
	}
	d.pos += n
	return d.buf[d.pos-n : d.pos]
}

// fill reads until n bytes are there, or the source ends.
func (d *compact) fill(n int) {
	if d.r == nil {
		d.readErr = io.EOF
	}
	for empty := 0; d.have-d.pos < n && d.readErr == nil; {
		if d.have == len(d.buf) {
			d.move()
		}
		got, err := d.r.Read(d.buf[d.have:])
		d.have += got
		d.readErr = err
		if empty++; got > 0 {
			empty = 0
		} else if empty == 100 && err == nil {
			d.readErr = io.ErrNoProgress
		}
		if d.max > 0 && d.base+int64(d.have) > d.max {
			_ = d.fail(d.max, rdf.ErrLimit, "expected a patch of at most %d bytes, found more", d.max)
			return
		}
	}
	if d.have-d.pos < n && d.readErr != nil && !errors.Is(d.readErr, io.EOF) && d.err == nil {
		d.err = d.readErr
	}
}

// move makes room behind what is not read yet. It grows with what has come, not with what a length promises. Where
// terms of the row lie in the buffer, the rest of the row goes to another one.
func (d *compact) move() {
	held := d.have - d.pos
	size := max(readRoom, 2*held)
	next := d.spare
	if d.offset() == d.from {
		next = d.buf
	} else {
		d.spare, d.stale = nil, d.buf
	}
	if len(next) < size {
		next = make([]byte, size)
	}
	copy(next, d.buf[d.pos:d.have])
	d.base += int64(d.pos)
	d.buf, d.pos, d.have = next, 0, held
}

func (d *compact) byte(what string) byte {
	if d.err == nil && d.pos < d.have && d.offset()-d.from < int64(d.limit) {
		d.pos++
		return d.buf[d.pos-1]
	}
	if b := d.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

// varint reads an unsigned number of at most so many bits.
func (d *compact) varint(bits int, what string) (n uint64) {
	at := d.offset()
	for shift := 0; ; shift += 7 {
		c := d.byte(what)
		if d.err != nil {
			return 0
		}
		if rest := bits - shift; rest < 7 && c>>rest != 0 {
			_ = d.fail(at, nil, "expected %s of %d bits, found a longer one", what, bits)
			return 0
		}
		if n |= uint64(c&0x7f) << shift; c < 0x80 {
			return n
		}
	}
}

// integer reads a signed number of at most so many bits.
func (d *compact) integer(bits int, what string) int64 {
	n := d.varint(bits, what)
	return int64(n>>1) ^ -int64(n&1)
}

func (d *compact) double(what string) float64 {
	b := d.take(8, what)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// text reads a string, valid until the next row begins.
func (d *compact) text(what string) []byte {
	at := d.offset()
	n := d.varint(32, what)
	if n > math.MaxInt32 {
		_ = d.fail(at, nil, "expected %s, found one of the length %d, which Thrift has not", what, n)
		return nil
	}
	return d.take(int(n), what)
}

// single reads a struct that is one string of less than 128 bytes, numbered 1, as far as it is in the buffer. If there
// is none, or if anything is wrong with it, ok is false and nothing was read.
func (d *compact) single() (s string, ok bool) {
	b := d.buf[d.pos:d.have]
	if len(b) < 3 || b[0] != 1<<4|byte(wireBinary) || b[1] >= 0x80 {
		return "", false
	}
	end := 2 + int(b[1])
	if end >= len(b) || b[end] != byte(wireStop) || d.offset()+int64(end) >= d.from+int64(d.limit) {
		return "", false
	}
	d.pos += end + 1
	return text(b[2:end]), true
}

// field reads the begin of a field after that numbered last. At the end of the struct it returns wireStop.
func (d *compact) field(last int16) (id int16, w wire) {
	at := d.offset()
	c := d.byte("a field")
	if w = wire(c & 0x0f); c == 0 || d.err != nil {
		return 0, wireStop
	}
	if w == wireStop || w > wireUUID {
		_ = d.fail(at, nil, "expected a field, found %s", wire(c&0x0f).orByte(c))
		return 0, wireStop
	}
	if delta := int16(c >> 4); delta > 0 {
		return last + delta, w
	}
	return int16(d.integer(16, "the number of a field")), w
}

// orByte describes a byte that begins no field.
func (w wire) orByte(c byte) string {
	if w == wireStop {
		return fmt.Sprintf("byte 0x%02X", c)
	}
	return w.String()
}

// skip reads what is of no interest.
func (d *compact) skip(w wire, depth int) {
	if depth == maxSkipDepth {
		_ = d.fail(d.offset(), rdf.ErrLimit, "expected at most %d nested values in an unknown field, found more", depth)
	}
	if d.err != nil {
		return
	}
	const what = "the value of an unknown field"
	switch w {
	case wireTrue, wireFalse:
	case wireByte:
		d.byte(what)
	case wireI16, wireI32, wireI64:
		d.varint(64, what)
	case wireDouble:
		d.take(8, what)
	case wireUUID:
		d.take(16, what)
	case wireBinary:
		d.text(what)
	case wireList, wireSet:
		d.skipList(depth)
	case wireMap:
		d.skipMap(depth)
	case wireStruct:
		d.skipStruct(depth)
	}
}

func (d *compact) skipStruct(depth int) {
	for id, w := d.field(0); w != wireStop; id, w = d.field(id) {
		d.skip(w, depth+1)
	}
}

func (d *compact) skipList(depth int) {
	const what = "the size of a list"
	at := d.offset()
	c := d.byte(what)
	n := uint64(c >> 4)
	if n == 15 {
		n = d.varint(32, what)
	}
	element := d.element(at, c&0x0f)
	for ; n > 0 && d.err == nil; n-- {
		d.skipElement(element, depth)
	}
}

func (d *compact) skipMap(depth int) {
	n := d.varint(32, "the size of a map")
	if n == 0 {
		return
	}
	at := d.offset()
	c := d.byte("the types of a map")
	key, value := d.element(at, c>>4), d.element(at, c&0x0f)
	for ; n > 0 && d.err == nil; n-- {
		d.skipElement(key, depth)
		d.skipElement(value, depth)
	}
}

// element checks the type of the elements of a collection. Each has a byte at least, so that a collection is no longer
// than its row.
func (d *compact) element(at int64, t byte) wire {
	if w := wire(t); w != wireStop && w <= wireUUID {
		return w
	}
	_ = d.fail(at, nil, "expected the type of an element, found %d", t)
	return wireStop
}

func (d *compact) skipElement(w wire, depth int) {
	if w == wireTrue || w == wireFalse { // in a collection a boolean has a byte of its own
		w = wireByte
	}
	d.skip(w, depth+1)
}
