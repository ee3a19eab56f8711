package filestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/minio/highwayhash"
)

const (
	headLen   = 22                 // length, sequence, time, length of the subject
	sumLen    = highwayhash.Size64 // the checksum at a record's end
	minRecord = headLen + sumLen
	// maxRecord is what the server takes for a length at all.
	maxRecord = 32 << 20

	headersBit   = 1 << 31 // of the length
	erasedBit    = 1 << 63 // of the sequence
	tombstoneBit = 1 << 62
)

// kind tells records apart.
type kind int

const (
	message   kind = iota
	erased         // a message that was overwritten, or a sequence that was never used
	tombstone      // says that another record is deleted
)

// record is one record of a block. Its slices are parts of the block.
type record struct {
	off, size int
	kind      kind
	seq       uint64
	time      int64 // nanoseconds
	subject   []byte
	header    []byte
	data      []byte
}

// Errors of a record, in words for people.
var (
	errCut      = errors.New("the record is cut off")
	errLengths  = errors.New("the record's lengths are impossible")
	errChecksum = errors.New("the record doesn't match its checksum")
	errHeaders  = errors.New("the record's headers don't end where it says")
	errSubject  = errors.New("the record's subject is none")
)

// parser reads the records of one block.
type parser struct {
	sum *highwayhash.Digest64
	// raft: the records are those of a Raft group's log, which have no subject.
	raft bool
}

func newParser(stream string, block uint32, raft bool) (*parser, error) {
	sum, err := newSum(fmt.Sprintf("%s-%d", stream, block))
	return &parser{sum: sum, raft: raft}, err
}

// newSum is the checksum that the server keys with a name.
func newSum(name string) (*highwayhash.Digest64, error) {
	key := sha256.Sum256([]byte(name))
	return highwayhash.NewDigest64(key[:])
}

// parse reads the record at off.
func (p *parser) parse(buf []byte, off int) (record, error) {
	r, withHeaders, err := frame(buf, off)
	if err != nil {
		return r, err
	}
	rest := r.data
	p.sum.Reset()
	p.sum.Write(buf[off+4 : off+20])
	p.sum.Write(r.subject)
	if withHeaders {
		rest = rest[4:]
	}
	p.sum.Write(rest)
	var sum [sumLen]byte
	if !bytes.Equal(p.sum.Sum(sum[:0]), buf[off+r.size-sumLen:off+r.size]) {
		return r, errChecksum
	}
	if withHeaders {
		n := binary.LittleEndian.Uint32(r.data)
		if uint64(n) > uint64(len(rest)) || !wholeHeaders(rest[:n]) {
			return r, errHeaders
		}
		r.header, r.data = rest[:n], rest[n:]
	}
	return r, p.checkSubject(r)
}

// frame finds the parts of the record at off by its lengths. data still holds the headers and their length.
func frame(buf []byte, off int) (r record, withHeaders bool, err error) {
	if len(buf)-off < headLen {
		return r, false, errCut
	}
	head := buf[off : off+headLen]
	length := binary.LittleEndian.Uint32(head)
	withHeaders = length&headersBit != 0
	length &^= headersBit
	subject := int(binary.LittleEndian.Uint16(head[20:]))
	least := minRecord + subject
	if withHeaders {
		least += 4
	}
	switch {
	case length > maxRecord || int(length) < least:
		return r, withHeaders, errLengths
	case int(length) > len(buf)-off:
		return r, withHeaders, errCut
	}
	r = record{off: off, size: int(length), seq: binary.LittleEndian.Uint64(head[4:])}
	r.time = int64(binary.LittleEndian.Uint64(head[12:]))
	switch {
	case r.seq&tombstoneBit != 0:
		r.kind = tombstone
	case r.seq&erasedBit != 0 || r.seq == 0:
		r.kind = erased
	}
	r.seq &^= erasedBit | tombstoneBit
	body := buf[off+headLen : off+r.size-sumLen]
	r.subject, r.data = body[:subject], body[subject:]
	return r, withHeaders, nil
}

// wholeHeaders reports whether h is a block of headers and nothing else: the checksum doesn't cover where they end.
func wholeHeaders(h []byte) bool {
	return bytes.HasPrefix(h, []byte("NATS/1.0")) && bytes.Index(h, []byte("\r\n\r\n")) == len(h)-4
}

// checkSubject looks for a subject that is none: the checksum doesn't cover where it ends. A message without headers whose
// subject lost or gained characters that are allowed in subjects is not found; the messages of Quadrille have headers.
func (p *parser) checkSubject(r record) error {
	switch {
	case r.kind != message:
		return nil
	case p.raft != (len(r.subject) == 0):
		return errSubject
	}
	for _, c := range r.subject {
		if c <= ' ' || c == 0x7f {
			return errSubject
		}
	}
	return nil
}
