// Package binary reads answers in OPC UA Binary (part 6, 5.2) into the types of gopcua. Whoever sends them may be wrong or hostile,
// and what it sends must not end this process: gopcua's own reader ends it at a negative length, at dimensions whose product is not
// what it seems, and at values that are nested a million deep. This one takes no more room than a message and its own bounds allow.
//
// What is made of parts that can't be nested - ids, GUIDs, texts with a language - is left to gopcua.
package binary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"
)

const (
	// maxDepth bounds values within values: what every reader has to take (part 6, 5.2.2.16).
	maxDepth = 100
	// maxItems bounds the structures in a message: one that takes a byte there takes a hundred here.
	maxItems = 1_000_000
	// maxDimensions bounds those of an array.
	maxDimensions = 16
)

// errShort is what a message is whose lengths go beyond its end.
var errShort = errors.New("it is shorter than it says")

// Opaque is the content of a structure of a type that only the server knows.
type Opaque struct {
	// Bytes are what the server has sent of it.
	Bytes []byte
}

// Decode implements [ua.BinaryDecoder].
func (o *Opaque) Decode(b []byte) (int, error) {
	o.Bytes = append([]byte(nil), b...)
	return len(b), nil
}

// Encode implements [ua.BinaryEncoder].
func (o *Opaque) Encode() ([]byte, error) { return o.Bytes, nil }

// Answer reads the body of a message, which begins with the id of its type, into the answer that was asked for. The error is the
// status that the answer has, if it isn't good.
func Answer(body []byte, into ua.Response) (err error) {
	defer func() { // what a peer sends ends no more than the answer, whatever was overlooked here and in gopcua
		if p := recover(); p != nil {
			err = fmt.Errorf("the server's message can't be read: %v", p)
		}
	}()
	d := &decoder{b: body, items: maxItems}
	kind := flat[ua.ExpandedNodeID](d)
	if d.err == nil && kind.NodeID.IntID() == id.ServiceFault_Encoding_DefaultBinary && kind.NodeID.Namespace() == 0 {
		into = new(ua.ServiceFault)
	} else if want := uint32(ua.ServiceTypeID(into)); d.err == nil && (kind.NodeID.IntID() != want || kind.NodeID.Namespace() != 0) {
		return fmt.Errorf("the server has answered with a message of type %s: expected i=%d (%T)", kind.NodeID, want, into)
	}
	d.fields(reflect.ValueOf(into).Elem())
	if d.err != nil {
		return fmt.Errorf("the server's message can't be read: %w", d.err)
	}
	if status := into.Header().ServiceResult; status != ua.StatusOK {
		return status
	}
	return nil
}

// decoder reads a message. After the first error it reads zeros.
type decoder struct {
	b     []byte // what is left
	depth int
	items int // structures that may come
	err   error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// take returns the next n bytes; nil, if there are fewer.
func (d *decoder) take(n int) []byte {
	if d.err == nil && (n < 0 || n > len(d.b)) {
		d.err = errShort
	}
	if d.err != nil {
		return nil
	}
	some := d.b[:n:n]
	d.b = d.b[n:]
	return some
}

func (d *decoder) u8() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) boolean() bool            { return d.u8() != 0 }
func (d *decoder) i8() int8                 { return int8(d.u8()) }
func (d *decoder) i16() int16               { return int16(d.u16()) }
func (d *decoder) i32() int32               { return int32(d.u32()) }
func (d *decoder) i64() int64               { return int64(d.u64()) }
func (d *decoder) f32() float32             { return math.Float32frombits(d.u32()) }
func (d *decoder) f64() float64             { return math.Float64frombits(d.u64()) }
func (d *decoder) text() string             { return string(d.bytes()) }
func (d *decoder) xml() ua.XMLElement       { return ua.XMLElement(d.text()) }
func (d *decoder) status() ua.StatusCode    { return ua.StatusCode(d.u32()) }
func (d *decoder) bytesOrNothing() []byte   { return append([]byte{}, d.bytes()...) }
func (d *decoder) nodeID() *ua.NodeID       { return flat[ua.NodeID](d) }
func (d *decoder) guid() *ua.GUID           { return flat[ua.GUID](d) }
func (d *decoder) local() *ua.LocalizedText { return flat[ua.LocalizedText](d) }

func (d *decoder) expanded() *ua.ExpandedNodeID { return flat[ua.ExpandedNodeID](d) }

func (d *decoder) name() *ua.QualifiedName {
	return &ua.QualifiedName{NamespaceIndex: d.u16(), Name: d.text()}
}

// bytes reads a list of bytes; nil, if there is none.
func (d *decoder) bytes() []byte { return d.take(max(d.count(1), 0)) }

// The times of OPC UA count 100 ns since the beginning of 1601 (part 6, 5.2.2.5).
const (
	ticksPerSecond = 10_000_000
	secondsTo1970  = 11_644_473_600
)

// time reads one; what lies before the first one is none.
func (d *decoder) time() time.Time {
	ticks := d.i64()
	if ticks <= 0 {
		return time.Time{}
	}
	return time.Unix(ticks/ticksPerSecond-secondsTo1970, ticks%ticksPerSecond*100).UTC()
}

// count reads the length of a list whose items take so many bytes at least; -1, if there is no list.
func (d *decoder) count(least int) int {
	n := int(d.i32())
	if n < -1 {
		d.fail("a length of %d", n)
	} else if n > len(d.b)/least {
		d.err = errShort
	}
	if d.err != nil {
		return -1
	}
	return n
}

// flat reads what gopcua reads itself: it has no parts that can be nested.
func flat[T any, P interface {
	*T
	ua.BinaryDecoder
}](d *decoder) P {
	v := P(new(T))
	if d.err == nil {
		var n int
		if n, d.err = v.Decode(d.b); d.err == nil {
			d.take(n)
		}
	}
	return v
}

// nest reads what is within a value.
func (d *decoder) nest(read func()) {
	if d.depth++; d.depth > maxDepth {
		d.fail("its values are more than %d deep", maxDepth)
	}
	if d.items--; d.items < 0 {
		d.fail("it has more than %d structures", maxItems)
	}
	if d.err == nil {
		read()
	}
	d.depth--
}

// list reads a list of values that take so many bytes at least; nil, if there is none.
func list[T any](d *decoder, least int, read func() T) []T {
	n := d.count(least)
	if n < 0 {
		return nil
	}
	items := make([]T, 0, n)
	for len(items) < n && d.err == nil {
		items = append(items, read())
	}
	return items
}

// pointers is list for values that take much more room here than in the message.
func pointers[T any](d *decoder, read func() *T) []*T {
	n := d.count(1)
	if n < 0 {
		return nil
	}
	if n > d.items {
		d.fail("it has more than %d structures", maxItems)
		return nil
	}
	d.items -= n
	items := make([]*T, 0, n)
	for len(items) < n && d.err == nil {
		items = append(items, read())
	}
	return items
}

func (d *decoder) dataValue() *ua.DataValue {
	v := &ua.DataValue{EncodingMask: d.u8()}
	if v.Has(ua.DataValueValue) {
		v.Value = d.variant()
	} else {
		v.Value = new(ua.Variant)
	}
	if v.Has(ua.DataValueStatusCode) {
		v.Status = d.status()
	}
	if v.Has(ua.DataValueSourceTimestamp) {
		v.SourceTimestamp = d.time()
	}
	if v.Has(ua.DataValueSourcePicoseconds) {
		v.SourcePicoseconds = d.u16()
	}
	if v.Has(ua.DataValueServerTimestamp) {
		v.ServerTimestamp = d.time()
	}
	if v.Has(ua.DataValueServerPicoseconds) {
		v.ServerPicoseconds = d.u16()
	}
	return v
}

func (d *decoder) diagnostics() *ua.DiagnosticInfo {
	v := &ua.DiagnosticInfo{EncodingMask: d.u8()}
	for _, field := range []struct {
		mask byte
		to   *int32
	}{{ua.DiagnosticInfoSymbolicID, &v.SymbolicID}, {ua.DiagnosticInfoNamespaceURI, &v.NamespaceURI},
		{ua.DiagnosticInfoLocale, &v.Locale}, {ua.DiagnosticInfoLocalizedText, &v.LocalizedText}} {
		if v.Has(field.mask) {
			*field.to = d.i32()
		}
	}
	if v.Has(ua.DiagnosticInfoAdditionalInfo) {
		v.AdditionalInfo = d.text()
	}
	if v.Has(ua.DiagnosticInfoInnerStatusCode) {
		v.InnerStatusCode = d.status()
	}
	if v.Has(ua.DiagnosticInfoInnerDiagnosticInfo) {
		d.nest(func() { v.InnerDiagnosticInfo = d.diagnostics() })
	}
	return v
}
