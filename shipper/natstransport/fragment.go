package natstransport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/quadrille-stream/quadrille/shipper"
)

// A frame - an encoded batch - that is too large for one message is cut into fragments, each a message of its own:
//
//	'q' version Sender Frame Shard Index Count Total Checksum content
//
// Sender is 8 bytes that tell transports apart, Checksum the CRC-32C of the whole frame in 4 bytes; both are big-endian.
// The other numbers are unsigned varints: Frame rises per sender; Shard is the batch's; Index counts from 0 to Count-1;
// Total is the length of the frame.
//
// NATS keeps the order of what one connection publishes to one subject, and a sender has one frame per node and shard
// under way, so fragments are taken in order only: a gap loses the frame, which its sender sends again.
const (
	fragmentMagic   = 'q'
	fragmentVersion = 1
	// fragmentHeader is the most that a fragment takes beside its content.
	fragmentHeader = 2 + 8 + binary.MaxVarintLen64 + 4*binary.MaxVarintLen32 + 4
	// frameOverhead is what an incomplete frame counts for beside its bytes.
	frameOverhead = 1 << 10
)

var (
	errFragment   = errors.New("malformed fragment")
	errIncomplete = errors.New("a part of a batch is missing")
	errFull       = errors.New("too much waits to be put together")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fragment is a part of a frame.
type fragment struct {
	sender, frame uint64
	shard         uint64
	index, count  uint64
	total         uint64
	checksum      uint32
	content       []byte
}

// append appends the wire form to dst.
func (f *fragment) append(dst []byte) []byte {
	dst = append(dst, fragmentMagic, fragmentVersion)
	dst = binary.BigEndian.AppendUint64(dst, f.sender)
	for _, v := range [...]uint64{f.frame, f.shard, f.index, f.count, f.total} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = binary.BigEndian.AppendUint32(dst, f.checksum)
	return append(dst, f.content...)
}

// isFragment tells a fragment from a whole batch.
func isFragment(message []byte) bool { return len(message) > 0 && message[0] == fragmentMagic }

// decodeFragment reads a fragment, whose content shares the memory of message.
func decodeFragment(message []byte) (f fragment, err error) {
	rest := message
	if len(rest) < 10 || rest[0] != fragmentMagic {
		return f, fmt.Errorf("%w: %d bytes", errFragment, len(message))
	}
	if v := rest[1]; v != fragmentVersion {
		return f, fmt.Errorf("%w: version %d, this program reads version %d", errFragment, v, fragmentVersion)
	}
	f.sender, rest = binary.BigEndian.Uint64(rest[2:]), rest[10:]
	for _, field := range [...]*uint64{&f.frame, &f.shard, &f.index, &f.count, &f.total} {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return f, fmt.Errorf("%w: %d bytes: a number is cut short or out of bounds", errFragment, len(message))
		}
		*field, rest = v, rest[n:]
	}
	if len(rest) < 4 {
		return f, fmt.Errorf("%w: %d bytes: cut short", errFragment, len(message))
	}
	f.checksum, f.content = binary.BigEndian.Uint32(rest), rest[4:]
	if f.index >= f.count || f.total > shipper.MaxWireBytes || f.count > f.total/minContent+1 || len(f.content) == 0 {
		return f, fmt.Errorf("%w: part %d of %d of %d bytes, with %d", errFragment, f.index, f.count, f.total, len(f.content))
	}
	return f, nil
}

// assembler puts frames together. It is pure: it takes fragments and the time. It is used by one goroutine.
//
// What it holds is bounded: a frame is begun only if its whole length has room, in all and for its sender, so that what
// is begun can be ended; a newer frame of a sender and shard takes the place of the one before; one that makes no
// progress for wait is dropped.
type assembler struct {
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

// newAssembler returns one that holds maxBytes, half of them for one sender; a largest frame has room in any case.
func newAssembler(maxBytes int, wait time.Duration) *assembler {
	const largest = shipper.MaxWireBytes + frameOverhead
	return &assembler{maxBytes: max(maxBytes, largest), maxSender: max(maxBytes/2, largest), wait: wait,
		frames: map[origin]*partial{}, senders: map[uint64]int{}}
}

// add takes a fragment in, and returns the frame that it completes. An error says that a frame is lost: [errIncomplete],
// [errFull], [errFragment]. What remains of a frame that is lost, and what comes twice, has no effect.
func (a *assembler) add(now time.Time, f *fragment) ([]byte, error) {
	from := origin{f.sender, f.shard}
	p := a.frames[from]
	if p != nil && f.frame > p.frame {
		a.drop(from, p)
		a.lost++
		p = nil
	}
	if p == nil {
		if f.index > 0 {
			return nil, nil
		}
		var err error
		if p, err = a.begin(from, f); err != nil {
			return nil, err
		}
	}
	if f.frame < p.frame || f.index < p.next {
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

func (a *assembler) begin(from origin, f *fragment) (*partial, error) {
	need := int(f.total) + frameOverhead
	if a.bytes+need > a.maxBytes || a.senders[from.sender]+need > a.maxSender {
		return nil, fmt.Errorf("%w: a batch of %d bytes beside %d, of which %d are its sender's", errFull, f.total, a.bytes,
			a.senders[from.sender])
	}
	p := &partial{frame: f.frame, count: f.count, total: f.total, checksum: f.checksum}
	a.frames[from] = p
	a.bytes += need
	a.senders[from.sender] += need
	return p, nil
}

func (a *assembler) drop(from origin, p *partial) {
	need := int(p.total) + frameOverhead
	a.bytes -= need
	if a.senders[from.sender] -= need; a.senders[from.sender] == 0 {
		delete(a.senders, from.sender)
	}
	delete(a.frames, from)
}

// holds reports whether the fragment's frame is under way or complete: its sender can go on.
func (a *assembler) holds(f *fragment) bool {
	p := a.frames[origin{f.sender, f.shard}]
	return f.index+1 == f.count || p != nil && p.frame == f.frame
}

// expire drops the frames that make no progress.
func (a *assembler) expire(now time.Time) {
	for from, p := range a.frames {
		if now.Sub(p.seen) >= a.wait {
			a.drop(from, p)
			a.lost++
		}
	}
}

// take adds the next part.
func (p *partial) take(f *fragment) error {
	switch {
	case f.index > p.next:
		return fmt.Errorf("%w: part %d of %d came after %d", errIncomplete, f.index, f.count, p.next)
	case f.count != p.count || f.total != p.total || f.checksum != p.checksum:
		return fmt.Errorf("%w: the parts of a batch differ in what they say of it", errFragment)
	case p.have+uint64(len(f.content)) > p.total:
		return fmt.Errorf("%w: more than the %d bytes of the batch", errFragment, p.total)
	}
	p.parts = append(p.parts, f.content)
	p.have += uint64(len(f.content))
	p.next++
	return nil
}

// whole joins the parts.
func (p *partial) whole() ([]byte, error) {
	if p.have != p.total {
		return nil, fmt.Errorf("%w: %d bytes of %d in all parts", errFragment, p.have, p.total)
	}
	frame := make([]byte, 0, p.total)
	for _, part := range p.parts {
		frame = append(frame, part...)
	}
	if sum := crc32.Checksum(frame, castagnoli); sum != p.checksum {
		return nil, fmt.Errorf("%w: checksum %08x, it should be %08x", errFragment, sum, p.checksum)
	}
	return frame, nil
}
