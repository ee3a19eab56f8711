package mqtt

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// property is a user property.
type property struct{ key, value string }

// hello begins a connection.
type hello struct {
	client         string
	user, password string
	clean          bool
	keepAlive      uint16 // seconds
	sessionExpiry  uint32 // seconds
	receiveMaximum uint16 // messages that the broker may have under way; 0: as many as it likes
	will           *message
}

// welcome is the broker's answer, with what it can do.
type welcome struct {
	code           byte
	reason         string
	present        bool   // the session was there
	keepAlive      uint16 // seconds, if the broker has its own; else 0
	receiveMaximum uint16 // messages that it takes at a time
	maxPacket      uint32 // bytes; 0: any
	maxQoS         byte
	noRetain       bool
}

// message is a PUBLISH.
type message struct {
	topic       string
	payload     []byte
	qos         byte
	dup, retain bool
	id          uint16
	contentType string
	user        []property
	cut         int // bytes that the payload had beyond the bound
}

// kind is that of a packet that has no more than an id, or not even that, by its number on the wire.
type kind byte

const (
	kindPublish    kind = 3
	kindPuback     kind = 4
	kindPubrec     kind = 5
	kindPubrel     kind = 6
	kindPubcomp    kind = 7
	kindPing       kind = 12
	kindPong       kind = 13
	kindDisconnect kind = 14
)

// signal is such a packet.
type signal struct {
	kind   kind
	id     uint16
	code   byte // a reason of MQTT 5
	reason string
}

// unknownID is the reason for a message that isn't known any more.
const unknownID = 0x92

// subscribe asks for topics.
type subscribe struct {
	id       uint16
	filters  []string
	qos      byte
	retained byte // when retained messages are sent: 0 always, 1 for a new subscription, 2 never
}

// subscribed is the answer, with a code for each topic.
type subscribed struct {
	id     uint16
	codes  []byte
	reason string
}

// protocol is how packets are on the wire in one version: *hello, *welcome, *message, *signal, *subscribe and *subscribed.
type protocol interface {
	// decode makes a packet of a whole one on the wire.
	decode(frame []byte) (any, error)
	// encode writes a packet.
	encode(w *bytes.Buffer, packet any) error
}

// maxLength is the number of bytes that the length of a packet may take.
const maxLength = 4

// errTooLong: what the broker sends is no MQTT.
var errTooLong = errors.New("the length of a packet has more than 4 bytes")

// readFrame reads a packet. Of a message that is larger than limit it reads the rest, too, and keeps what is before: cut is the number
// of bytes that are missing at its end, and the frame is one without them.
func readFrame(r *bufio.Reader, limit int) (frame []byte, cut int, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return nil, 0, err
	}
	length := 0
	for i := 0; ; i++ {
		b, err := r.ReadByte()
		if err != nil {
			return nil, 0, err
		}
		if i == maxLength {
			return nil, 0, errTooLong
		}
		length |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			break
		}
	}
	if length > limit {
		cut, length = length-limit, limit
		if kind(first>>4) != kindPublish {
			return nil, 0, fmt.Errorf("a packet of kind %d has %d bytes", first>>4, cut+length)
		}
	}
	frame = appendLength(append(make([]byte, 0, 1+maxLength+min(length, 64<<10)), first), length)
	for have := len(frame); length > 0; have = len(frame) { // memory is taken as bytes come
		step := min(length, max(64<<10, have))
		frame = slices.Grow(frame, step)[:have+step]
		if _, err := io.ReadFull(r, frame[have:]); err != nil {
			return nil, 0, err
		}
		length -= step
	}
	_, err = io.CopyN(io.Discard, r, int64(cut))
	return frame, cut, err
}

// appendLength appends a length as packets have it.
func appendLength(b []byte, length int) []byte {
	for ; length >= 0x80; length >>= 7 {
		b = append(b, byte(length)|0x80)
	}
	return append(b, byte(length))
}
