// Package exchange is how a request and its answer go over a way that may lose, double, delay and reorder what it carries: the
// frames, and both ends as pure state machines. It has no clock, no I/O and no goroutine.
//
// The asker sends Ask, and then Credit: how much of the answer it has taken. The answerer sends Part as long as no more than a window
// is on its way, numbered from 0, and at last End or Fail. Who has nothing to send gives a sign of life: the asker its Credit
// again, the answerer Alive. So each loss is noticed by the next frame, and the death of either by the other.
package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// Kind says what a frame is.
type Kind uint8

// The kinds of frames: first the asker's, then the answerer's.
const (
	// Ask begins: Bytes is the window, Content the request.
	Ask Kind = iota + 1
	// Credit says in Bytes what was taken of the answer so far, in weights of its frames.
	Credit
	// Cancel says that nobody waits for the answer any more.
	Cancel
	// Part is the next frame of the answer: Content, of a part that goes on in the next one if More.
	Part
	// Alive says in Number which frame will be the next.
	Alive
	// End says that the answer is whole: it has Number frames of the weight Bytes.
	End
	// Fail says that the answer breaks off, as Code, Word and Content tell.
	Fail

	kinds
)

const (
	// Header is the most that a frame takes beside its content, in bytes.
	Header = 4 + 4 + 8 + 8 + 3*binary.MaxVarintLen64 + 2 + request.MaxKind
	// frameWeight is what a frame counts for in a window beside its content, so that small ones are bounded, too: about what its
	// message takes in memory.
	frameWeight = 512
	// MinWindow and MaxWindow bound what an asker lets be on its way, in weights.
	MinWindow, MaxWindow = 4 << 10, 1 << 20

	magic   = 'a'
	version = 1
)

// Frame is a message of either side.
type Frame struct {
	// Kind says which fields are used.
	Kind Kind
	// More: the part goes on in the next frame.
	More bool
	// Asker and Answerer tell transports apart, also those of earlier processes of a node; Answerer is 0 as long as the asker
	// has heard none. Request is the asker's number for the request.
	Asker, Answerer, Request uint64
	// Number and Bytes are as the kind says.
	Number, Bytes uint64
	// Code and Word are those of an error.
	Code request.Code
	Word string
	// Content is as the kind says.
	Content []byte
}

// ErrFrame: the bytes are no frame of a version that this program reads, or were changed on their way.
var ErrFrame = errors.New("malformed frame of a request")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append appends the wire form to dst. The word has at most [request.MaxKind] bytes.
func (f *Frame) Append(dst []byte) []byte {
	start := len(dst)
	more := byte(0)
	if f.More {
		more = 1
	}
	dst = append(dst, magic, version, byte(f.Kind), more, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, f.Asker)
	dst = binary.BigEndian.AppendUint64(dst, f.Answerer)
	for _, v := range [...]uint64{f.Request, f.Number, f.Bytes} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = append(dst, byte(f.Code), byte(len(f.Word)))
	dst = append(append(dst, f.Word...), f.Content...)
	binary.BigEndian.PutUint32(dst[start+4:], sum(dst[start:]))
	return dst
}

// sum is the checksum of a frame, but for the place where it stands.
func sum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:4], castagnoli), castagnoli, frame[8:])
}

// Decode reads a frame, whose content shares the memory of message. Error: [ErrFrame].
func Decode(message []byte) (f Frame, err error) {
	if err := f.decode(message); err != nil {
		return Frame{}, fmt.Errorf("%w: %d bytes: %w", ErrFrame, len(message), err)
	}
	return f, nil
}

func (f *Frame) decode(m []byte) error {
	switch {
	case len(m) < 24 || m[0] != magic:
		return errors.New("does not begin as one")
	case m[1] != version:
		return fmt.Errorf("version %d, this program reads version %d", m[1], version)
	case binary.BigEndian.Uint32(m[4:]) != sum(m):
		return errors.New("its checksum is another")
	case m[2] == 0 || Kind(m[2]) >= kinds || m[3] > 1:
		return fmt.Errorf("unknown kind %d, %d", m[2], m[3])
	}
	f.Kind, f.More = Kind(m[2]), m[3] == 1
	f.Asker, f.Answerer = binary.BigEndian.Uint64(m[8:]), binary.BigEndian.Uint64(m[16:])
	rest := m[24:]
	for _, field := range [...]*uint64{&f.Request, &f.Number, &f.Bytes} {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return errors.New("a number is cut short or out of bounds")
		}
		*field, rest = v, rest[n:]
	}
	return f.text(rest)
}

// longest is the most content of each kind, in bytes.
var longest = [kinds]int{Ask: request.MaxRequest, Part: request.MaxPart, Fail: request.MaxText}

// text reads the error's word and the content.
func (f *Frame) text(rest []byte) error {
	if len(rest) < 2 || len(rest) < 2+int(rest[1]) || rest[1] > request.MaxKind {
		return errors.New("cut short, or a word that is too long")
	}
	f.Code, f.Word, f.Content = request.Code(rest[0]), string(rest[2:2+rest[1]]), rest[2+rest[1]:]
	if n := len(f.Content); n > longest[f.Kind] {
		return fmt.Errorf("%d bytes of content, at most %d are carried", n, longest[f.Kind])
	}
	return nil
}

// weight is what a frame of the answer counts for in its window.
func weight(content int) uint64 { return uint64(content) + frameWeight }
