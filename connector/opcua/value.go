package opcua

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector/opcua/internal/binary"
)

// appendText appends a text as JSON. What is no UTF-8 becomes U+FFFD.
func appendText(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// appendTime appends a time; null if there is none. OPC UA has no time zones.
func appendTime(b []byte, at time.Time) []byte {
	if at.IsZero() || at.Year() < 1601 || at.Year() > 9999 {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = at.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendFloat appends a number that is one of a floating-point type in any reader's eyes: it has a point or an exponent. What is
// no number is a text, as XML Schema writes it.
func appendFloat(b []byte, value float64, bits int) []byte {
	switch {
	case math.IsNaN(value):
		return append(b, `"NaN"`...)
	case math.IsInf(value, 1):
		return append(b, `"INF"`...)
	case math.IsInf(value, -1):
		return append(b, `"-INF"`...)
	}
	begin := len(b)
	b = strconv.AppendFloat(b, value, 'g', -1, bits)
	if !strings.ContainsAny(string(b[begin:]), ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// appendBase64 appends bytes.
func appendBase64(b, bytes []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, bytes)
	return append(b, '"')
}

// maxDepth bounds values within values.
const maxDepth = 20

// appendValue appends a value of a built-in type, or an array of them.
func appendValue(b []byte, value any, depth int) []byte {
	if depth > maxDepth {
		return append(b, "null"...)
	}
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case float32:
		return appendFloat(b, float64(v), 32)
	case float64:
		return appendFloat(b, v, 64)
	case string:
		return appendText(b, v)
	case ua.XMLElement:
		return appendText(b, string(v))
	case time.Time:
		return appendTime(b, v)
	case ua.ByteArray: // an array of bytes, which are numbers
		return appendList(b, reflect.ValueOf(v), depth)
	case []byte:
		return appendBase64(b, v)
	case ua.StatusCode:
		return appendText(b, statusName(v))
	}
	return appendStructured(b, value, depth)
}

// appendStructured appends a value of a built-in type that is made of others.
func appendStructured(b []byte, value any, depth int) []byte {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
		return append(b, "null"...)
	}
	switch v := value.(type) {
	case *ua.GUID:
		return appendText(b, v.String())
	case *ua.NodeID:
		return appendText(b, v.String())
	case *ua.ExpandedNodeID:
		return appendText(b, expandedText(v))
	case *ua.QualifiedName:
		return appendText(b, qualified(v))
	case *ua.LocalizedText:
		b = appendText(append(b, `{"text":`...), v.Text)
		return append(appendText(append(b, `,"locale":`...), v.Locale), '}')
	case *ua.Variant:
		return appendValue(b, v.Value(), depth+1)
	case *ua.DataValue:
		b = appendValue(append(b, `{"value":`...), variantOf(v), depth+1)
		return append(appendText(append(b, `,"status":`...), statusName(v.Status)), '}')
	case *ua.ExtensionObject:
		return appendObject(b, v, depth)
	}
	return appendReflected(b, reflect.ValueOf(value), depth)
}

// variantOf is the value of a data value; nil if it has none.
func variantOf(v *ua.DataValue) any {
	if v == nil || v.Value == nil {
		return nil
	}
	return v.Value.Value()
}

// qualified is a name with the index of its namespace, unless that is 0.
func qualified(name *ua.QualifiedName) string {
	if name.NamespaceIndex == 0 {
		return name.Name
	}
	return strconv.Itoa(int(name.NamespaceIndex)) + ":" + name.Name
}

// expandedText is the id of a node that may be of another server.
func expandedText(node *ua.ExpandedNodeID) string {
	if node.NodeID == nil {
		return ""
	}
	text := node.NodeID.String()
	if node.HasNamespaceURI() {
		_, rest, _ := strings.Cut(text, ";")
		text = "nsu=" + node.NamespaceURI + ";" + rest
	}
	if node.HasServerIndex() {
		text = "svr=" + strconv.FormatUint(uint64(node.ServerIndex), 10) + ";" + text
	}
	return text
}

// appendObject appends a structure: its fields, or its bytes.
func appendObject(b []byte, object *ua.ExtensionObject, depth int) []byte {
	b = append(b, `{"typeId":`...)
	if object.TypeID == nil {
		b = append(b, "null"...)
	} else {
		b = appendText(b, expandedText(object.TypeID))
	}
	b = append(b, `,"body":`...)
	switch v := object.Value.(type) {
	case *binary.Opaque:
		b = appendBase64(b, v.Bytes)
	case *ua.XMLElement:
		b = appendText(b, string(*v))
	default:
		b = appendValue(b, v, depth+1)
	}
	return append(b, '}')
}

// appendReflected appends what is made of what is known: lists, structures, and numbers with names of their own.
func appendReflected(b []byte, v reflect.Value, depth int) []byte {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10)
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Pointer:
		return appendFields(b, v.Elem(), depth)
	case reflect.Struct:
		return appendFields(b, v, depth)
	}
	return append(b, "null"...)
}

// appendList appends the items of a list.
func appendList(b []byte, list reflect.Value, depth int) []byte {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, list.Index(i).Interface(), depth+1)
	}
	return append(b, ']')
}

// appendFields appends the fields of a structure, by the names that they have here.
func appendFields(b []byte, of reflect.Value, depth int) []byte {
	if of.Kind() != reflect.Struct {
		return appendValue(b, of.Interface(), depth+1)
	}
	b = append(b, '{')
	first := true
	for i := range of.NumField() {
		field := of.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, field.Name), ':')
		b = appendValue(b, of.Field(i).Interface(), depth+1)
	}
	return append(b, '}')
}

// typeNames are the built-in types by their number.
var typeNames = [...]string{"Null", "Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float",
	"Double", "String", "DateTime", "Guid", "ByteString", "XmlElement", "NodeId", "ExpandedNodeId", "StatusCode", "QualifiedName",
	"LocalizedText",
	"ExtensionObject", "DataValue", "Variant", "DiagnosticInfo"}

// typeName is that of the value's type.
func typeName(v *ua.Variant) string {
	if v == nil || int(v.Type()) >= len(typeNames) {
		return typeNames[0]
	}
	return typeNames[v.Type()]
}

// statusName is the name of a status without what the lower bits say besides.
func statusName(code ua.StatusCode) string {
	code &= 0xFFFF0000
	if code == 0 {
		return "Good"
	}
	if known, ok := ua.StatusCodes[code]; ok {
		return strings.TrimPrefix(known.Name, "Status")
	}
	for _, severity := range []struct {
		code ua.StatusCode
		name string
	}{{0x80000000, "Bad"}, {0x40000000, "Uncertain"}} {
		if code&severity.code != 0 {
			return severity.name
		}
	}
	return "Good"
}

// overflown reports that the server had no room for earlier values of the variable (part 4, 7.39.1).
func overflown(code ua.StatusCode) bool { return code&0x0480 == 0x0480 }

// appendStatus appends what a value is worth.
func appendStatus(b []byte, code ua.StatusCode) []byte {
	b = appendText(append(b, `,"status":`...), statusName(code))
	b = strconv.AppendUint(append(b, `,"code":`...), uint64(code), 10)
	if overflown(code) {
		b = append(b, `,"overflow":true`...)
	}
	return b
}
