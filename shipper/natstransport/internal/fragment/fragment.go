// Package fragment cuts encoded batches, here called frames, into parts that fit in messages, and puts them together
// again. It is pure: no clock, no I/O, no goroutine.
//
// The wire form of a part, version 1:
//
//	'q' version Sender Frame Shard Index Count Total Checksum content
//
// Sender is 8 bytes that tell transports apart, Checksum the CRC-32C of the whole frame in 4 bytes; both are big-endian.
// The other numbers are unsigned varints: Frame rises per sender; Shard is the batch's; Index counts from 0 to Count-1;
// Total is the length of the frame.
//
// NATS keeps the order of what one connection publishes to one subject, and a sender has one frame per node and shard
// under way, so parts are taken in order only: a gap loses the frame, which its sender sends again.
package fragment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"time"

	"github.com/quadrille-stream/quadrille/shipper"
)

const (
	magic   = 'q'
	version = 1
	// Header is the most that a part takes beside its content, in bytes.
	Header = 2 + 8 + binary.MaxVarintLen64 + 4*binary.MaxVarintLen32 + 4
	// MinContent is the least content of a part but the last, in bytes: it bounds the number of parts.
	MinContent = 256
	// Overhead is what an incomplete frame counts for beside its bytes.
	Overhead = 1 << 10
)

// Errors of [Decode] and [Assembler.Add].
var (
	// ErrPart: the bytes are not a part of a version that this program reads, or the parts of a frame don't fit together.
	ErrPart = errors.New("malformed part of a batch")
	// ErrIncomplete: a part is missing.
	ErrIncomplete = errors.New("a part of a batch is missing")
	// ErrFull: there is no room for the frame that begins.
	ErrFull = errors.New("too much waits to be put together")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Part is one part of a frame.
type Part struct {
	// Sender tells transports apart, Frame its frames; Shard is the batch's.
	Sender, Frame, Shard uint64
	// Index counts the Count parts from 0; Total is the length of the frame in bytes.
	Index, Count, Total uint64
	// Checksum is that of the whole frame.
	Checksum uint32
	// Content is what the part holds of it.
	Content []byte
}

// Cut yields the parts of a frame, with so many bytes of content each but for the last; at least [MinContent]. Their
// contents share the frame's memory.
func Cut(sender, number, shard uint64, frame []byte, size int) iter.Seq[Part] {
	return func(yield func(Part) bool) {
		f := Part{Sender: sender, Frame: number, Shard: shard, Total: uint64(len(frame)),
			Count: uint64((len(frame) + size - 1) / size), Checksum: crc32.Checksum(frame, castagnoli)}
		for ; f.Index < f.Count; f.Index++ {
			f.Content = frame[:min(size, len(frame))]
			frame = frame[len(f.Content):]
			if !yield(f) {
				return
			}
		}
	}
}

// Append appends the wire form to dst.
func (f *Part) Append(dst []byte) []byte {
	dst = append(dst, magic, version)
	dst = binary.BigEndian.AppendUint64(dst, f.Sender)
	for _, v := range [...]uint64{f.Frame, f.Shard, f.Index, f.Count, f.Total} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = binary.BigEndian.AppendUint32(dst, f.Checksum)
	return append(dst, f.Content...)
}

// Is tells a part from a whole batch.
func Is(message []byte) bool { return len(message) > 0 && message[0] == magic }

// Decode reads a part, whose content shares the memory of message. Error: [ErrPart].
func Decode(message []byte) (f Part, err error) {
	rest := message
	if len(rest) < 10 || rest[0] != magic {
		return f, fmt.Errorf("%w: %d bytes", ErrPart, len(message))
	}
	if v := rest[1]; v != version {
		return f, fmt.Errorf("%w: version %d, this program reads version %d", ErrPart, v, version)
	}
	f.Sender, rest = binary.BigEndian.Uint64(rest[2:]), rest[10:]
	for _, field := range [...]*uint64{&f.Frame, &f.Shard, &f.Index, &f.Count, &f.Total} {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return f, fmt.Errorf("%w: %d bytes: a number is cut short or out of bounds", ErrPart, len(message))
		}
		*field, rest = v, rest[n:]
	}
	if len(rest) < 4 {
		return f, fmt.Errorf("%w: %d bytes: cut short", ErrPart, len(message))
	}
	f.Checksum, f.Content = binary.BigEndian.Uint32(rest), rest[4:]
	if f.Index >= f.Count || f.Total > shipper.MaxWireBytes || f.Count > f.Total/MinContent+1 || len(f.Content) == 0 {
		return f, fmt.Errorf("%w: part %d of %d of %d bytes, with %d", ErrPart, f.Index, f.Count, f.Total, len(f.Content))
	}
	return f, nil
}

// Assembler puts frames together. It is used by one goroutine at a time.
//
// What it holds is bounded: a frame is begun only if its whole length has room, in all and for its sender, so that what
// is begun can be ended; a newer frame of a sender and shard takes the place of the one before; one that makes no
// progress for wait is dropped.
//
// This is what comes of each part in each state of its sender and shard: no frame is under way, one of which the first part is
// there, one of which only the last is missing. A cell has the next state; "whole", if the frame is returned; "lost", if it is
// given up without an error; "full", "incomplete" and "malformed", the errors. "." is nothing.
//
//	input                           none   first            more
//	its first part                  first  .                .
//	its second part                 .      more             .
//	its last part                   .      none incomplete  none whole
//	one that says another checksum  .      none incomplete  none malformed
//	the last of an older frame      .      .                .
//	the first of a newer frame      first  newer lost       newer lost
//	the second of a newer frame     .      none lost        none lost
//	the first, no room              full   .                .
//	Expire, early                   .      .                .
//	Expire                          .      none lost        none lost
type Assembler struct {
	maxBytes, maxSender int
	wait                time.Duration

	frames  map[origin]*partial
	bytes   int            // reserved by frames
	senders map[uint64]int // bytes by sender
	lost    int            // frames that were superseded or came no further, since the last look
}

// origin has at most one frame under way.
type origin struct{ sender, shard uint64 }

// partial is a frame of which a part is there.
type partial struct {
	frame, next, count uint64
	total              uint64
	checksum           uint32
	parts              [][]byte
	have               uint64
	seen               time.Time
}

// NewAssembler returns one that holds maxBytes, half of them for one sender; a largest frame has room in any case.
func NewAssembler(maxBytes int, wait time.Duration) *Assembler {
	const largest = shipper.MaxWireBytes + Overhead
	return &Assembler{maxBytes: max(maxBytes, largest), maxSender: max(maxBytes/2, largest), wait: wait,
		frames: map[origin]*partial{}, senders: map[uint64]int{}}
}

// Add takes a part in, which it keeps, and returns the frame that it completes. An error says that a frame is lost: [ErrIncomplete],
// [ErrFull], [ErrPart]. What remains of a frame that is lost, and what comes twice, has no effect.
func (a *Assembler) Add(now time.Time, f *Part) ([]byte, error) {
	from := origin{f.Sender, f.Shard}
	p := a.frames[from]
	if p != nil && f.Frame > p.frame {
		a.drop(from, p)
		a.lost++
		p = nil
	}
	if p == nil {
		if f.Index > 0 {
			return nil, nil
		}
		var err error
		if p, err = a.begin(from, f); err != nil {
			return nil, err
		}
	}
	if f.Frame < p.frame || f.Index < p.next {
		return nil, nil
	}
	if err := p.take(f); err != nil {
		a.drop(from, p)
		return nil, err
	}
	p.seen = now
	if p.next < p.count {
		return nil, nil
	}
	a.drop(from, p)
	return p.whole()
}

func (a *Assembler) begin(from origin, f *Part) (*partial, error) {
	need := int(f.Total) + Overhead
	if a.bytes+need > a.maxBytes || a.senders[from.sender]+need > a.maxSender {
		return nil, fmt.Errorf("%w: a batch of %d bytes beside %d, of which %d are its sender's", ErrFull, f.Total, a.bytes,
			a.senders[from.sender])
	}
	p := &partial{frame: f.Frame, count: f.Count, total: f.Total, checksum: f.Checksum}
	a.frames[from] = p
	a.bytes += need
	a.senders[from.sender] += need
	return p, nil
}

func (a *Assembler) drop(from origin, p *partial) {
	need := int(p.total) + Overhead
	a.bytes -= need
	if a.senders[from.sender] -= need; a.senders[from.sender] == 0 {
		delete(a.senders, from.sender)
	}
	delete(a.frames, from)
}

// Holds reports whether the part's frame is under way or complete: its sender can go on.
func (a *Assembler) Holds(f *Part) bool {
	p := a.frames[origin{f.Sender, f.Shard}]
	return f.Index+1 == f.Count || p != nil && p.frame == f.Frame
}

// Len is the number of incomplete frames.
func (a *Assembler) Len() int { return len(a.frames) }

// Lost returns how many frames were given up since the last call: superseded, or without progress. It does not count
// those of which Add has returned an error.
func (a *Assembler) Lost() int {
	lost := a.lost
	a.lost = 0
	return lost
}

// Expire drops the frames that make no progress.
func (a *Assembler) Expire(now time.Time) {
	for from, p := range a.frames {
		if now.Sub(p.seen) >= a.wait {
			a.drop(from, p)
			a.lost++
		}
	}
}

// take adds the next part.
func (p *partial) take(f *Part) error {
	switch {
	case f.Index > p.next:
		return fmt.Errorf("%w: part %d of %d came after %d", ErrIncomplete, f.Index, f.Count, p.next)
	case f.Count != p.count || f.Total != p.total || f.Checksum != p.checksum:
		return fmt.Errorf("%w: the parts of a batch differ in what they say of it", ErrPart)
	case p.have+uint64(len(f.Content)) > p.total:
		return fmt.Errorf("%w: more than the %d bytes of the batch", ErrPart, p.total)
	}
	p.parts = append(p.parts, f.Content)
	p.have += uint64(len(f.Content))
	p.next++
	return nil
}

// whole joins the parts.
func (p *partial) whole() ([]byte, error) {
	if p.have != p.total {
		return nil, fmt.Errorf("%w: %d bytes of %d in all parts", ErrPart, p.have, p.total)
	}
	frame := make([]byte, 0, p.total)
	for _, part := range p.parts {
		frame = append(frame, part...)
	}
	if sum := crc32.Checksum(frame, castagnoli); sum != p.checksum {
		return nil, fmt.Errorf("%w: checksum %08x, it should be %08x", ErrPart, sum, p.checksum)
	}
	return frame, nil
}
