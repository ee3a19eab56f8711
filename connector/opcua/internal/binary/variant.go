package binary

import (
	"reflect"
	"time"

	"github.com/gopcua/opcua/ua"
)

var timeType = reflect.TypeFor[time.Time]()

// The parts of the byte that a variant begins with (part 6, 5.2.2.16).
const (
	kindMask  = 0x3f
	arrayMask = ua.VariantArrayValues | ua.VariantArrayDimensions
)

// variant reads a value of any type.
func (d *decoder) variant() *ua.Variant {
	begin := d.b
	mask := d.u8()
	kind := ua.TypeID(mask & kindMask)
	if kind == ua.TypeIDNull {
		return new(ua.Variant)
	}
	var value any
	d.nest(func() {
		switch mask & arrayMask {
		case 0:
			value = d.scalar(kind)
		case ua.VariantArrayValues:
			value = d.array(kind)
		case arrayMask:
			value = d.matrix(kind)
		default:
			d.fail("a value has dimensions, and is no array")
		}
	})
	if d.err != nil {
		return new(ua.Variant)
	}
	v, err := made(value, begin[:len(begin)-len(d.b)])
	if err != nil {
		d.fail("a value of type %d: %w", kind, err)
	}
	return v
}

// made is the variant of a value that was read from b. Lists of byte strings can only be read by gopcua into one: it takes them for
// arrays of arrays elsewhere.
func made(value any, b []byte) (*ua.Variant, error) {
	if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.Len() > 0 && list.Type().Elem().Kind() == reflect.Slice &&
		ua.TypeID(b[0]&kindMask) == ua.TypeIDByteString {
		v := new(ua.Variant)
		_, err := v.Decode(b)
		return v, err
	}
	return ua.NewVariant(value)
}

// scalar reads a value of a built-in type.
func (d *decoder) scalar(kind ua.TypeID) any {
	switch kind {
	case ua.TypeIDBoolean:
		return d.boolean()
	case ua.TypeIDSByte:
		return d.i8()
	case ua.TypeIDByte:
		return d.u8()
	case ua.TypeIDInt16:
		return d.i16()
	case ua.TypeIDUint16:
		return d.u16()
	case ua.TypeIDInt32:
		return d.i32()
	case ua.TypeIDUint32:
		return d.u32()
	case ua.TypeIDInt64:
		return d.i64()
	case ua.TypeIDUint64:
		return d.u64()
	case ua.TypeIDFloat:
		return d.f32()
	case ua.TypeIDDouble:
		return d.f64()
	case ua.TypeIDString:
		return d.text()
	case ua.TypeIDDateTime:
		return d.time()
	case ua.TypeIDByteString:
		return d.bytesOrNothing()
	case ua.TypeIDXMLElement:
		return d.xml()
	case ua.TypeIDStatusCode:
		return d.status()
	}
	return d.structured(kind)
}

// structured reads a value of a built-in type that has parts.
func (d *decoder) structured(kind ua.TypeID) any {
	switch kind {
	case ua.TypeIDGUID:
		return d.guid()
	case ua.TypeIDNodeID:
		return d.nodeID()
	case ua.TypeIDExpandedNodeID:
		return d.expanded()
	case ua.TypeIDQualifiedName:
		return d.name()
	case ua.TypeIDLocalizedText:
		return d.local()
	case ua.TypeIDExtensionObject:
		return d.object()
	case ua.TypeIDDataValue:
		return d.dataValue()
	case ua.TypeIDVariant:
		return d.variant()
	case ua.TypeIDDiagnosticInfo:
		return d.diagnostics()
	}
	d.fail("a value of type %d, which is none", kind)
	return nil
}

// array reads a list of values of a built-in type.
func (d *decoder) array(kind ua.TypeID) any {
	switch kind {
	case ua.TypeIDBoolean:
		return list(d, 1, d.boolean)
	case ua.TypeIDSByte:
		return list(d, 1, d.i8)
	case ua.TypeIDByte:
		return ua.ByteArray(d.bytesOrNothing())
	case ua.TypeIDInt16:
		return list(d, 2, d.i16)
	case ua.TypeIDUint16:
		return list(d, 2, d.u16)
	case ua.TypeIDInt32:
		return list(d, 4, d.i32)
	case ua.TypeIDUint32:
		return list(d, 4, d.u32)
	case ua.TypeIDInt64:
		return list(d, 8, d.i64)
	case ua.TypeIDUint64:
		return list(d, 8, d.u64)
	case ua.TypeIDFloat:
		return list(d, 4, d.f32)
	case ua.TypeIDDouble:
		return list(d, 8, d.f64)
	case ua.TypeIDString:
		return list(d, 4, d.text)
	case ua.TypeIDDateTime:
		return list(d, 8, d.time)
	case ua.TypeIDByteString:
		return list(d, 4, d.bytesOrNothing)
	case ua.TypeIDXMLElement:
		return list(d, 4, d.xml)
	case ua.TypeIDStatusCode:
		return list(d, 4, d.status)
	}
	return d.structures(kind)
}

// structures reads a list of values that have parts.
func (d *decoder) structures(kind ua.TypeID) any {
	switch kind {
	case ua.TypeIDGUID:
		return pointers(d, d.guid)
	case ua.TypeIDNodeID:
		return pointers(d, d.nodeID)
	case ua.TypeIDExpandedNodeID:
		return pointers(d, d.expanded)
	case ua.TypeIDQualifiedName:
		return pointers(d, d.name)
	case ua.TypeIDLocalizedText:
		return pointers(d, d.local)
	case ua.TypeIDExtensionObject:
		return pointers(d, d.object)
	case ua.TypeIDDataValue:
		return pointers(d, d.dataValue)
	case ua.TypeIDVariant:
		return pointers(d, d.variant)
	case ua.TypeIDDiagnosticInfo:
		return pointers(d, d.diagnostics)
	}
	d.fail("a list of values of type %d, which is none", kind)
	return nil
}

// matrix reads a list of values, and the dimensions of the array that they fill row by row. One that is empty is an empty list.
func (d *decoder) matrix(kind ua.TypeID) any {
	flat := reflect.ValueOf(d.array(kind))
	dimensions := list(d, 4, d.i32)
	if d.err != nil {
		return nil
	}
	product := int64(1)
	for _, n := range dimensions {
		if product *= int64(n); n < 0 || product > int64(flat.Len()) {
			d.fail("an array of %d values has the dimensions %v", flat.Len(), dimensions[:min(len(dimensions), maxDimensions)])
			return nil
		}
	}
	if len(dimensions) > maxDimensions || len(dimensions) > 0 && product != int64(flat.Len()) {
		d.fail("an array of %d values has %d dimensions, %v", flat.Len(), len(dimensions),
			dimensions[:min(len(dimensions), maxDimensions)])
		return nil
	}
	if len(dimensions) == 0 || product == 0 {
		return flat.Interface()
	}
	return rows(flat, dimensions).Interface()
}

// rows divides values into those of the first dimension.
func rows(flat reflect.Value, dimensions []int32) reflect.Value {
	if len(dimensions) == 1 {
		return flat
	}
	n := int(dimensions[0])
	size := flat.Len() / n
	var all reflect.Value
	for i := range n {
		row := rows(flat.Slice(i*size, (i+1)*size), dimensions[1:])
		if i == 0 {
			all = reflect.MakeSlice(reflect.SliceOf(row.Type()), 0, n)
		}
		all = reflect.Append(all, row)
	}
	return all
}
