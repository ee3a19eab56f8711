package shipper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/quadrille-stream/quadrille/event"
)

// The wire form of a batch, version 1. Numbers are unsigned varints (encoding/binary); a text is its length and its
// bytes; a step is the difference to the event before (0 before the first) modulo 2^64, zigzag-encoded.
//
//	batch:  'Q' version From-text Shard ID count-of-events count-of-acks event... ack...
//	event:  flags [Epoch] [Key] [Producer] [MediaType] [Prev] Seq-step Payload-length Payload
//	ack:    flags Status [Epoch] [Position-step] [Adds Deletes] [Head] [Reason]
//
// Event.First and Event.Checked are flags alone. A field in brackets is there when its flag is set. Without its flag it is what it was in the
// event or ack before, and before the first zero. So a batch of events of one source names producer and media type once.
//
// The first flag of an event is not used: earlier programs wrote the event's own shard with it, when that was not the
// batch's. Such a batch is refused; all others read the same on both sides, so the version stays.
const (
	wireMagic   = 'Q'
	wireVersion = 1
)

// Bounds of the wire form.
const (
	// MaxPayload bounds the payload of one event: a transaction of 64 MiB, and some small ones before it in its part.
	MaxPayload = 64<<20 + 256<<10
	// MaxWireBytes bounds an encoded batch, whatever a transport allows. An event with the largest payload and the
	// longest texts is below it.
	MaxWireBytes = 65 << 20
	// MaxWireItems bounds the events, and the acks, of an encoded batch.
	MaxWireItems = 1 << 16
)

// ErrFrame: the bytes are not an encoded batch of a version that this program reads.
var ErrFrame = errors.New("malformed batch frame")

const (
	evEpoch = 2 << iota
	evKey
	evProducer
	evMediaType
	evPrev
	evFirst
	evChecked
	evFlags = evEpoch | evKey | evProducer | evMediaType | evPrev | evFirst | evChecked
)

const (
	ackEpoch = 1 << iota
	ackPosition
	ackCounts
	ackHead
	ackReason
	ackFlags = 1<<iota - 1
)

// The smallest event is flags, step and length; the smallest ack is flags and status.
const (
	minEvent = 3
	minAck   = 2
)

// Fits reports that no limit of the wire form keeps the event from being sent, in a batch of its own at least. Error:
// [ErrTooLarge], with what is too long.
func Fits(ev *event.Event) error {
	if n := len(ev.Payload); n > MaxPayload {
		return fmt.Errorf("%w: the payload has %d bytes, at most %d are allowed", ErrTooLarge, n, MaxPayload)
	}
	for _, text := range [...]struct {
		name   string
		length int
	}{
		{"Key", len(ev.Key)}, {"Producer", producerLen(ev.Producer)}, {"MediaType", len(ev.MediaType)}, {"Prev", len(ev.Prev)},
	} {
		if text.length > event.MaxText {
			return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrTooLarge, text.name, text.length, event.MaxText)
		}
	}
	return nil
}

func producerLen(p event.Producer) int { return len(p.Prefix()) + len(p.Name) }

// eventWireBound returns how many bytes the encoded event takes at most: for cutting batches to the size of a message.
func eventWireBound(ev *event.Event) int {
	const numbers = 1 + 2*binary.MaxVarintLen64 + 5*binary.MaxVarintLen32
	return numbers + len(ev.Key) + producerLen(ev.Producer) + len(ev.MediaType) + len(ev.Prev) + len(ev.Payload)
}

// BatchWireBound returns how many bytes the encoded batch takes at most.
func BatchWireBound(b *event.Batch) int {
	n := 2 + 5*binary.MaxVarintLen64 + len(b.From)
	for i := range b.Events {
		n += eventWireBound(&b.Events[i])
	}
	for i := range b.Acks {
		n += 2 + 6*binary.MaxVarintLen64 + len(b.Acks[i].Head) + len(b.Acks[i].Reason)
	}
	return n
}

// AppendBatch appends the wire form of b to dst and returns it. It allocates only if dst has too little room. Errors:
// [ErrTooLarge] for what is over the bounds of the wire form, [ErrInvalidShard]; dst is then returned as it was.
func AppendBatch(dst []byte, b *event.Batch) ([]byte, error) {
	e := encoder{buf: append(dst, wireMagic, wireVersion)}
	e.text("From", b.From)
	e.shard(b.Shard)
	e.uint(b.ID)
	e.count("events", len(b.Events))
	e.count("acks", len(b.Acks))
	last := &event.Event{}
	for i := range b.Events {
		e.event(last, &b.Events[i])
		last = &b.Events[i]
	}
	lastAck := &event.Ack{}
	for i := range b.Acks {
		e.ack(lastAck, &b.Acks[i])
		lastAck = &b.Acks[i]
	}
	if n := len(e.buf) - len(dst); e.err == nil && n > MaxWireBytes {
		e.err = fmt.Errorf("%w: %d bytes encoded, at most %d are allowed", ErrTooLarge, n, MaxWireBytes)
	}
	if e.err != nil {
		return dst, fmt.Errorf("encode batch %d of shard %d with %d events: %w", b.ID, b.Shard, len(b.Events), e.err)
	}
	return e.buf, nil
}

// encoder appends to buf; the first error stays.
type encoder struct {
	buf []byte
	err error
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) uint(v uint64) { e.buf = binary.AppendUvarint(e.buf, v) }

// step appends the difference modulo 2^64, so that it always fits.
func (e *encoder) step(from, to uint64) { e.buf = binary.AppendVarint(e.buf, int64(to-from)) }

func (e *encoder) text(name, s string) { e.textOf(name, "", s) }

// textOf appends one text, which is in two parts.
func (e *encoder) textOf(name, first, second string) {
	n := len(first) + len(second)
	if n > event.MaxText {
		e.fail(fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrTooLarge, name, n, event.MaxText))
		return
	}
	e.uint(uint64(n))
	e.buf = append(append(e.buf, first...), second...)
}

func (e *encoder) shard(s int) {
	if s < 0 || s > math.MaxInt32 {
		e.fail(fmt.Errorf("%w: %d", ErrInvalidShard, s))
	}
	e.uint(uint64(s))
}

func (e *encoder) count(what string, n int) {
	if n > MaxWireItems {
		e.fail(fmt.Errorf("%w: %d %s, at most %d are allowed", ErrTooLarge, n, what, MaxWireItems))
	}
	e.uint(uint64(n))
}

func (e *encoder) event(last, ev *event.Event) {
	flags := len(e.buf)
	e.buf = append(e.buf, 0)
	var f byte
	if ev.Epoch != last.Epoch {
		f |= evEpoch
		e.uint(ev.Epoch)
	}
	if ev.Key != last.Key {
		f |= evKey
		e.text("Key", ev.Key)
	}
	if ev.Producer != last.Producer {
		f |= evProducer
		e.textOf("Producer", ev.Producer.Prefix(), ev.Producer.Name)
	}
	if ev.MediaType != last.MediaType {
		f |= evMediaType
		e.text("MediaType", ev.MediaType)
	}
	if ev.Prev != last.Prev {
		f |= evPrev
		e.text("Prev", ev.Prev)
	}
	if ev.First {
		f |= evFirst
	}
	if ev.Checked {
		f |= evChecked
	}
	e.buf[flags] = f
	e.step(last.Seq, ev.Seq)
	if len(ev.Payload) > MaxPayload {
		e.fail(fmt.Errorf("%w: a payload has %d bytes, at most %d are allowed", ErrTooLarge, len(ev.Payload), MaxPayload))
		return
	}
	e.uint(uint64(len(ev.Payload)))
	e.buf = append(e.buf, ev.Payload...)
}

func (e *encoder) ack(last, a *event.Ack) {
	flags := len(e.buf)
	e.buf = append(e.buf, 0, byte(a.Status))
	var f byte
	if a.Epoch != last.Epoch {
		f |= ackEpoch
		e.uint(a.Epoch)
	}
	if a.Position != last.Position {
		f |= ackPosition
		e.step(last.Position, a.Position)
	}
	if a.Adds != last.Adds || a.Deletes != last.Deletes {
		f |= ackCounts
		e.uint(a.Adds)
		e.uint(a.Deletes)
	}
	if a.Head != last.Head {
		f |= ackHead
		e.text("Head", a.Head)
	}
	if a.Reason != last.Reason {
		f |= ackReason
		e.text("Reason", a.Reason)
	}
	e.buf[flags] = f
}

// DecodeBatch reads an encoded batch into b. It reuses the slices of b, replaces everything else, and copies texts, but
// payloads share the memory of frame, which nobody may change from then on. A frame that is cut short, has bytes left
// over, or is beyond the bounds is refused with [ErrFrame]; b then holds nothing of use.
func DecodeBatch(frame []byte, b *event.Batch) error {
	d := decoder{buf: frame}
	err := d.batch(b)
	if err == nil && len(d.buf) > 0 {
		err = fmt.Errorf("%d bytes left over", len(d.buf))
	}
	if err != nil {
		return fmt.Errorf("%w: %d bytes, at %d: %w", ErrFrame, len(frame), len(frame)-len(d.buf), err)
	}
	return nil
}

var (
	errShort = errors.New("cut short")
	errBound = errors.New("number out of bounds")
	errFlags = errors.New("unknown flags")
)

// decoder consumes buf. Its first error stays, and every read after it gives a zero value.
type decoder struct {
	buf []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) batch(b *event.Batch) error {
	if len(d.buf) > MaxWireBytes {
		return fmt.Errorf("larger than %d bytes", MaxWireBytes)
	}
	if len(d.buf) < 2 || d.buf[0] != wireMagic {
		return errors.New("does not begin as a batch")
	}
	if v := d.buf[1]; v != wireVersion {
		return fmt.Errorf("version %d, this program reads version %d", v, wireVersion)
	}
	d.buf = d.buf[2:]
	b.From = d.text()
	b.Shard = d.shard()
	b.ID = d.uint()
	events := d.uint()
	acks := d.uint()
	// Counts are believed only as far as the bytes can hold them: a small frame must not ask for much memory.
	if d.err == nil && (events > MaxWireItems || acks > MaxWireItems || events*minEvent+acks*minAck > uint64(len(d.buf))) {
		d.fail(fmt.Errorf("%d events and %d acks in %d bytes", events, acks, len(d.buf)))
	}
	if d.err != nil {
		return d.err
	}
	b.Events = resize(b.Events, int(events))
	b.Acks = resize(b.Acks, int(acks))
	last := &event.Event{}
	for i := 0; i < len(b.Events) && d.err == nil; i++ {
		d.event(last, &b.Events[i])
		last = &b.Events[i]
	}
	lastAck := &event.Ack{}
	for i := 0; i < len(b.Acks) && d.err == nil; i++ {
		d.ack(lastAck, &b.Acks[i])
		lastAck = &b.Acks[i]
	}
	return d.err
}

func resize[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n)
	}
	return s[:n]
}

func (d *decoder) event(last, ev *event.Event) {
	f := d.byte()
	if f&^evFlags != 0 {
		d.fail(errFlags)
	}
	*ev = *last
	if f&evEpoch != 0 {
		ev.Epoch = d.uint()
	}
	if f&evKey != 0 {
		ev.Key = d.text()
	}
	if f&evProducer != 0 {
		ev.Producer = event.ParseProducer(d.text())
	}
	if f&evMediaType != 0 {
		ev.MediaType = d.text()
	}
	if f&evPrev != 0 {
		ev.Prev = d.text()
	}
	ev.First, ev.Checked = f&evFirst != 0, f&evChecked != 0
	ev.Seq = last.Seq + d.step()
	ev.Payload = d.bytes(MaxPayload)
}

func (d *decoder) ack(last, a *event.Ack) {
	f := d.byte()
	if f&^ackFlags != 0 {
		d.fail(errFlags)
	}
	*a = *last
	a.Status = event.Status(d.byte())
	if f&ackEpoch != 0 {
		a.Epoch = d.uint()
	}
	if f&ackPosition != 0 {
		a.Position = last.Position + d.step()
	}
	if f&ackCounts != 0 {
		a.Adds = d.uint()
		a.Deletes = d.uint()
	}
	if f&ackHead != 0 {
		a.Head = d.text()
	}
	if f&ackReason != 0 {
		a.Reason = d.text()
	}
}

func (d *decoder) byte() byte {
	if d.err != nil || len(d.buf) == 0 {
		d.fail(errShort)
		return 0
	}
	c := d.buf[0]
	d.buf = d.buf[1:]
	return c
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.buf)
	return d.number(v, n)
}

func (d *decoder) step() uint64 {
	v, n := binary.Varint(d.buf)
	return d.number(uint64(v), n)
}

// number consumes the n bytes that v was read from; n is as encoding/binary gives it.
func (d *decoder) number(v uint64, n int) uint64 {
	switch {
	case d.err != nil:
		return 0
	case n == 0:
		d.fail(errShort)
		return 0
	case n < 0:
		d.fail(errBound)
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) shard() int {
	v := d.uint()
	if v > math.MaxInt32 {
		d.fail(errBound)
		return 0
	}
	return int(v)
}

func (d *decoder) text() string { return string(d.bytes(event.MaxText)) }

// bytes returns the next bytes, shared with the frame, after their length; nil for none.
func (d *decoder) bytes(bound uint64) []byte {
	n := d.uint()
	switch {
	case d.err != nil || n == 0:
		return nil
	case n > bound:
		d.fail(errBound)
		return nil
	case n > uint64(len(d.buf)):
		d.fail(errShort)
		return nil
	}
	p := d.buf[:n:n]
	d.buf = d.buf[n:]
	return p
}
