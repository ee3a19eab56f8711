package jsonld

import (
	"encoding/json"
	"strconv"
)

// marshal writes JSON into memory that has its size from the start, with room for a line end. Package encoding/json holds a
// long string three times meanwhile.
func marshal(v any) ([]byte, error) {
	return appendTree(make([]byte, 0, treeSize(v)+len("\n")), v)
}

// treeSize is the number of bytes that a value has, but for numbers an estimate from above.
func treeSize(v any) int {
	switch v := v.(type) {
	case string:
		return stringSize(v)
	case json.Number:
		return len(v)
	case []any:
		n := len("[]")
		for _, item := range v {
			n += treeSize(item) + len(",")
		}
		return n
	case object:
		n := len("{}")
		for name, member := range v {
			n += stringSize(name) + len(":,") + treeSize(member)
		}
		return n
	}
	return len("-1.7976931348623157e+308")
}

// appendTree appends a value. Members come in the order of their names, and numbers keep their digits.
func appendTree(dst []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case string:
		return appendString(dst, v), nil
	case json.Number:
		return append(dst, v...), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendTree(dst, item); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case object:
		dst = append(dst, '{')
		for i, name := range members(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, name), ':')
			if dst, err = appendTree(dst, v[name]); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
	return appendJSON(dst, v)
}

// stringSize is the number of bytes of what [appendString] appends.
func stringSize(s string) int {
	n := len(s) + len(`""`)
	for i := range len(s) {
		n += len(escapeOf(s[i]))
		if escapeOf(s[i]) != "" {
			n--
		}
	}
	return n
}

// appendString appends a string with the escapes that JSON demands, the short ones where there are (RFC 8785, section 3.2.2.2).
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		if escape := escapeOf(s[i]); escape != "" {
			dst = append(append(dst, s[from:i]...), escape...)
			from = i + 1
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// escapeOf is the escape of a byte, "" for one that needs none.
func escapeOf(c byte) string {
	switch {
	case c < ' ':
		return controls[c]
	case c == '"':
		return `\"`
	case c == '\\':
		return `\\`
	}
	return ""
}

// controls are the escapes of control characters.
var controls = [' ']string{
	`\u0000`, `\u0001`, `\u0002`, `\u0003`, `\u0004`, `\u0005`, `\u0006`, `\u0007`, `\b`, `\t`, `\n`, `\u000b`, `\f`, `\r`, `\u000e`, `\u000f`,
	`\u0010`, `\u0011`, `\u0012`, `\u0013`, `\u0014`, `\u0015`, `\u0016`, `\u0017`, `\u0018`, `\u0019`, `\u001a`, `\u001b`, `\u001c`, `\u001d`,
	`\u001e`, `\u001f`,
}
