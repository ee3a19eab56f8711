package sparkplug

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The datatypes of Sparkplug B, by their numbers.
const (
	typeInt8 = 1 + iota
	typeInt16
	typeInt32
	typeInt64
	typeUInt8
	typeUInt16
	typeUInt32
	typeUInt64
	typeFloat
	typeDouble
	typeBoolean
	typeString
	typeDateTime
	typeText
	typeUUID
	typeDataSet
	typeBytes
	typeFile
	typeTemplate
	typePropertySet
	typePropertySetList
	typeInt8Array
	typeInt16Array
	typeInt32Array
	typeInt64Array
	typeUInt8Array
	typeUInt16Array
	typeUInt32Array
	typeUInt64Array
	typeFloatArray
	typeDoubleArray
	typeBooleanArray
	typeStringArray
	typeDateTimeArray
)

// typeNames are what they are called.
var typeNames = []string{
	"Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double", "Boolean", "String", "DateTime",
	"Text", "UUID", "DataSet", "Bytes", "File", "Template", "PropertySet", "PropertySetList", "Int8Array", "Int16Array", "Int32Array",
	"Int64Array", "UInt8Array", "UInt16Array", "UInt32Array", "UInt64Array", "FloatArray", "DoubleArray", "BooleanArray", "StringArray",
	"DateTimeArray",
}

// typeName is what a datatype is called.
func typeName(datatype uint32) string {
	if int(datatype) < len(typeNames) {
		return typeNames[datatype]
	}
	return "type " + strconv.FormatUint(uint64(datatype), 10)
}

// text appends a string of JSON.
func text(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always can be
	return append(b, quoted...)
}

// number appends a number with a point; what JSON has none for is a string, as XSD writes it.
func number(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"INF"`...)
	case math.IsInf(f, -1):
		return append(b, `"-INF"`...)
	}
	out := strconv.FormatFloat(f, 'g', -1, bits)
	if !strings.ContainsAny(out, ".e") {
		out += ".0" // a whole one is a number with a point, too
	}
	return append(b, out...)
}

// whole appends an integer of so many bits.
func whole(b []byte, bits uint64, size int, signed bool) []byte {
	if signed {
		return strconv.AppendInt(b, int64(bits<<(64-size))>>(64-size), 10)
	}
	return strconv.AppendUint(b, bits, 10)
}

// fits reports whether an integer of the wire has so many bits. One with a sign is in two's complement of its own size, of 32 bits,
// or of 64.
func fits(bits uint64, size int, signed bool) bool {
	if bits>>(size-1)>>1 == 0 {
		return true
	}
	low := int64(bits<<(64-size)) >> (64 - size)
	return signed && low < 0 && (bits == uint64(low) || bits == uint64(uint32(low)))
}

// sizes are the bits of the integers, and whether they have a sign.
var sizes = map[uint32]struct {
	bits   int
	signed bool
}{
	typeInt8: {8, true}, typeInt16: {16, true}, typeInt32: {32, true}, typeInt64: {64, true},
	typeUInt8: {8, false}, typeUInt16: {16, false}, typeUInt32: {32, false}, typeUInt64: {64, false}, typeDateTime: {64, false},
}

// errForm: a value is not in a field that its datatype has.
func errForm(datatype uint32) error {
	return fmt.Errorf("its value is not in the field of a %s", typeName(datatype))
}

// append appends a value as JSON.
func (v *value) append(b []byte, datatype uint32) ([]byte, error) {
	if v.null || v.form == formNone {
		return append(b, "null"...), nil
	}
	if size, ok := sizes[datatype]; ok {
		if v.form != formInt && v.form != formLong {
			return b, errForm(datatype)
		}
		if !fits(v.bits, size.bits, size.signed) {
			return b, fmt.Errorf("%d is no %s", v.bits, typeName(datatype))
		}
		return whole(b, v.bits, size.bits, size.signed), nil
	}
	switch datatype {
	case typeFloat, typeDouble:
		if v.form != formFloat && v.form != formDouble {
			return b, errForm(datatype)
		}
		if v.form == formFloat {
			return number(b, v.float(), 32), nil
		}
		return number(b, v.float(), 64), nil
	case typeBoolean:
		if v.form != formBool {
			return b, errForm(datatype)
		}
		return strconv.AppendBool(b, v.bits != 0), nil
	case typeString, typeText, typeUUID:
		if v.form != formString {
			return b, errForm(datatype)
		}
		return text(b, string(v.bytes)), nil
	case typeBytes, typeFile:
		if v.form != formBytes {
			return b, errForm(datatype)
		}
		return text(b, base64.StdEncoding.EncodeToString(v.bytes)), nil
	}
	return v.appendLarge(b, datatype)
}

// appendLarge appends a value that has parts.
func (v *value) appendLarge(b []byte, datatype uint32) ([]byte, error) {
	switch {
	case datatype == typeDataSet && v.form == formDataSet:
		return v.dataSet.append(b)
	case datatype == typeTemplate && v.form == formTemplate:
		return v.template.append(b)
	case datatype == typePropertySet && v.form == formPropertySet:
		return v.sets[0].append(b)
	case datatype == typePropertySetList && v.form == formPropertyList:
		return list(b, len(v.sets), func(b []byte, i int) ([]byte, error) { return v.sets[i].append(b) })
	case datatype >= typeInt8Array && datatype <= typeDateTimeArray && v.form == formBytes:
		return array(b, v.bytes, datatype)
	case int(datatype) >= len(typeNames) || datatype == 0:
		return b, fmt.Errorf("its datatype %d is not known", datatype)
	}
	return b, errForm(datatype)
}

// list appends an array of JSON.
func list(b []byte, n int, item func(b []byte, i int) ([]byte, error)) (_ []byte, err error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = item(b, i); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// append appends a table: names and types of the columns, and the rows.
func (s *dataSet) append(b []byte) (_ []byte, err error) {
	if len(s.types) != len(s.columns) {
		return b, fmt.Errorf("a data set has %d columns and %d types", len(s.columns), len(s.types))
	}
	b = append(b, `{"columns":`...)
	b, _ = list(b, len(s.columns), func(b []byte, i int) ([]byte, error) { return text(b, s.columns[i]), nil })
	b = append(b, `,"types":`...)
	b, _ = list(b, len(s.types), func(b []byte, i int) ([]byte, error) { return text(b, typeName(s.types[i])), nil })
	b = append(b, `,"rows":`...)
	b, err = list(b, len(s.rows), func(b []byte, i int) ([]byte, error) {
		row := s.rows[i]
		if len(row) != len(s.types) {
			return b, fmt.Errorf("a row of a data set has %d cells, and there are %d columns", len(row), len(s.types))
		}
		return list(b, len(row), func(b []byte, i int) ([]byte, error) { return row[i].append(b, s.types[i]) })
	})
	return append(b, '}'), err
}

// append appends a template.
func (t *template) append(b []byte) (_ []byte, err error) {
	b = text(append(b, `{"ref":`...), t.ref)
	b = text(append(b, `,"version":`...), t.version)
	b = strconv.AppendBool(append(b, `,"definition":`...), t.definition)
	b = append(b, `,"metrics":`...)
	b, err = list(b, len(t.metrics), func(b []byte, i int) ([]byte, error) {
		m := &t.metrics[i]
		if m.name == nil {
			return b, errors.New("a metric of a template has no name")
		}
		return m.append(b, *m.name, m.datatype, nil)
	})
	if err != nil {
		return b, err
	}
	b = append(b, `,"parameters":`...)
	b, err = list(b, len(t.parameters), func(b []byte, i int) ([]byte, error) {
		p := &t.parameters[i]
		b = text(append(b, `{"name":`...), p.name)
		b = text(append(b, `,"datatype":`...), typeName(p.datatype))
		b, err := p.value.append(append(b, `,"value":`...), p.datatype)
		return append(b, '}'), err
	})
	return append(b, '}'), err
}

// append appends properties as an object.
func (s *propertySet) append(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	for i, key := range s.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(text(b, key), ':')
		if b, err = s.values[i].value.append(b, s.values[i].datatype); err != nil {
			return b, fmt.Errorf("property %.100q: %w", key, err)
		}
	}
	return append(b, '}'), nil
}

// append appends a metric with a name and a datatype; timestamp is that of what has none of its own.
func (m *metric) append(b []byte, name string, datatype uint32, timestamp *uint64) (_ []byte, err error) {
	b = text(append(b, `{"name":`...), name)
	if m.alias != nil {
		b = strconv.AppendUint(append(b, `,"alias":`...), *m.alias, 10)
	}
	b = text(append(b, `,"datatype":`...), typeName(datatype))
	if m.timestamp != nil {
		timestamp = m.timestamp
	}
	if timestamp != nil {
		b = strconv.AppendUint(append(b, `,"timestamp":`...), *timestamp, 10)
	}
	if b, err = m.value.append(append(b, `,"value":`...), datatype); err != nil {
		return b, fmt.Errorf("metric %.100q: %w", name, err)
	}
	if m.properties != nil {
		if b, err = m.properties.append(append(b, `,"properties":`...)); err != nil {
			return b, fmt.Errorf("metric %.100q: %w", name, err)
		}
	}
	b = strconv.AppendBool(append(b, `,"historical":`...), m.historical)
	b = strconv.AppendBool(append(b, `,"transient":`...), m.transient)
	return append(b, `,"stale":false}`...), nil
}

// widths are the bytes of the items of arrays with items of one width, and their datatype.
var widths = map[uint32]struct {
	bytes int
	of    uint32
}{
	typeInt8Array: {1, typeInt8}, typeInt16Array: {2, typeInt16}, typeInt32Array: {4, typeInt32}, typeInt64Array: {8, typeInt64},
	typeUInt8Array: {1, typeUInt8}, typeUInt16Array: {2, typeUInt16}, typeUInt32Array: {4, typeUInt32}, typeUInt64Array: {8, typeUInt64},
	typeFloatArray: {4, typeFloat}, typeDoubleArray: {8, typeDouble}, typeDateTimeArray: {8, typeDateTime},
}

// array appends one that is packed, little end first.
func array(b, packed []byte, datatype uint32) ([]byte, error) {
	switch datatype {
	case typeStringArray:
		if len(packed) == 0 {
			return append(b, "[]"...), nil
		}
		body, ends := strings.CutSuffix(string(packed), "\x00")
		if !ends || !utf8.ValidString(body) {
			return b, errors.New("the last string of an array doesn't end, or one is not UTF-8")
		}
		parts := strings.Split(body, "\x00")
		return list(b, len(parts), func(b []byte, i int) ([]byte, error) { return text(b, parts[i]), nil })
	case typeBooleanArray:
		return booleans(b, packed)
	}
	width := widths[datatype]
	if len(packed)%width.bytes != 0 {
		return b, fmt.Errorf("a %s has %d bytes", typeName(datatype), len(packed))
	}
	return list(b, len(packed)/width.bytes, func(b []byte, i int) ([]byte, error) {
		var item [8]byte
		copy(item[:], packed[i*width.bytes:(i+1)*width.bytes])
		bits := binary.LittleEndian.Uint64(item[:])
		switch width.of {
		case typeFloat:
			return number(b, float64(math.Float32frombits(uint32(bits))), 32), nil
		case typeDouble:
			return number(b, math.Float64frombits(bits), 64), nil
		}
		size := sizes[width.of]
		return whole(b, bits, size.bits, size.signed), nil
	})
}

// booleans appends an array of truth values: their number in four bytes, then eight a byte, the first in the highest bit.
func booleans(b, packed []byte) ([]byte, error) {
	if len(packed) < 4 {
		return b, errors.New("an array of truth values has no length")
	}
	n, bits := int(binary.LittleEndian.Uint32(packed)), packed[4:]
	if (n+7)/8 != len(bits) {
		return b, fmt.Errorf("an array of %d truth values has %d bytes", n, len(bits))
	}
	return list(b, n, func(b []byte, i int) ([]byte, error) {
		return strconv.AppendBool(b, bits[i/8]&(0x80>>(i%8)) != 0), nil
	})
}
