package filestore

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/nats-io/nats-server/v2/server/avl"
)

const (
	indexMagic      = 11
	indexMinVersion = 1
	indexMaxVersion = 4
)

// index is what index.db says: the state at the time when it was written.
type index struct {
	messages, first, last uint64
	blocks                []indexBlock
	// newest is the block that was written to, and sum the last checksum in it.
	newest uint32
	sum    [sumLen]byte
}

// indexBlock is what an index says of one block.
type indexBlock struct {
	number      uint32
	first, last uint64
	live        bool // it holds messages that aren't deleted
}

var errIndex = errors.New("index.db is damaged")

// parseIndex reads an index.db, which ends with its checksum.
func parseIndex(stream string, buf []byte) (*index, error) {
	if len(buf) < 2*sumLen {
		return nil, errIndex
	}
	h, err := newSum(stream)
	if err != nil {
		return nil, err
	}
	body, sum := buf[:len(buf)-sumLen], buf[len(buf)-sumLen:]
	h.Write(body)
	if !bytes.Equal(h.Sum(nil), sum) || body[0] != indexMagic || body[1] < indexMinVersion || body[1] > indexMaxVersion {
		return nil, errIndex
	}
	r := &varints{buf: body[2:], version: body[1]}
	x := r.index()
	if r.bad {
		return nil, errIndex
	}
	return x, nil
}

// varints reads an index. bad is set when it is cut off.
type varints struct {
	buf     []byte
	version byte
	bad     bool
}

func (r *varints) next() uint64 {
	v, n := binary.Uvarint(r.buf)
	r.skip(n)
	return v
}

// skip leaves n bytes out; n <= 0 is an error of the varint before.
func (r *varints) skip(n int) {
	if n <= 0 || n > len(r.buf) {
		r.bad, r.buf = true, nil
		return
	}
	r.buf = r.buf[n:]
}

func (r *varints) index() *index {
	x := &index{messages: r.next()}
	r.next() // bytes
	x.first = r.next()
	r.next() // time of the first
	x.last = r.next()
	r.next() // time of the last
	r.subjects()
	for n := r.next(); n > 0 && !r.bad; n-- {
		x.blocks = append(x.blocks, r.block())
	}
	x.newest = uint32(r.next())
	if len(r.buf) < sumLen {
		r.bad = true
	}
	copy(x.sum[:], r.buf)
	return x
}

func (r *varints) subjects() {
	for n := r.next(); n > 0 && !r.bad; n-- {
		length := r.next()
		if length == 0 {
			continue
		}
		r.skip(int(min(length, 1<<16)))
		total := r.next()
		r.next() // first block
		if total > 1 || r.version >= 4 {
			r.next() // last block
		}
	}
}

func (r *varints) block() indexBlock {
	b := indexBlock{number: uint32(r.next())}
	r.next() // bytes
	b.first = r.next()
	r.next() // time of the first
	b.last = r.next()
	r.next() // time of the last
	deleted := r.next()
	if r.version >= 2 {
		r.next() // time-outs
	}
	if r.version >= 3 {
		r.next() // schedules
	}
	if deleted > 0 && !r.bad {
		_, n, err := avl.Decode(r.buf)
		if err != nil {
			n = 0
		}
		r.skip(n)
	}
	b.live = b.last+1 > b.first && b.last+1-b.first > deleted
	return b
}
