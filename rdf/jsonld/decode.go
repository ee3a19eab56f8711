package jsonld

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
)

// byteOrderMark may stand before a document, and is no part of it.
const byteOrderMark = "\uFEFF"

// decodeDocument is decode for what may begin with a byte order mark.
func decodeDocument(document []byte, file string, o *options) (root any, strings int, err error) {
	return decode(bytes.TrimPrefix(document, []byte(byteOrderMark)), file, o)
}

// decoder reads JSON strictly: one value, in UTF-8, with no member twice, and no half of a surrogate pair. Package
// encoding/json takes all of these, and holds a document a second time.
type decoder struct {
	text    []byte
	at      int
	file    string
	o       *options
	depth   int
	strings int
}

// decode reads a document and counts its strings, member names among them. Numbers are [json.Number], but that of
// @version, which the library compares. Strings without escapes share the document's memory.
func decode(document []byte, file string, o *options) (root any, strings int, err error) {
	d := &decoder{text: document, file: file, o: o}
	if len(document) > o.document {
		return nil, 0, d.fail(0, rdf.ErrLimit, "document of more than %d bytes is %v", o.document, rdf.ErrLimit)
	}
	if bad := invalid(document); bad >= 0 {
		return nil, 0, d.fail(bad, nil, "expected UTF-8")
	}
	if root, err = d.value(); err != nil {
		return nil, 0, err
	}
	if d.peek(); d.at < len(d.text) {
		return nil, 0, d.fail(d.at, nil, "expected nothing after the document's value")
	}
	return root, d.strings, nil
}

// invalid returns the offset of the first byte that is not UTF-8, -1 if there is none.
func invalid(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// fail makes an error at an offset.
func (d *decoder) fail(at int, cause error, format string, args ...any) error {
	before := d.text[:min(at, len(d.text))]
	line := bytes.Count(before, []byte("\n")) + 1
	start := bytes.LastIndexByte(before, '\n') + 1
	return &rdf.SyntaxError{File: d.file, Line: line, Col: utf8.RuneCount(before[start:]) + 1,
		Msg: fmt.Sprintf(format, args...), Err: cause}
}

// expected is the error of what stands at the current place.
func (d *decoder) expected(what string) error {
	if d.at >= len(d.text) {
		return d.fail(len(d.text), nil, "expected the rest of a JSON value, found end of input")
	}
	r, _ := utf8.DecodeRune(d.text[d.at:])
	return d.fail(d.at, nil, "expected %s in JSON, found %q", what, r)
}

// peek skips white space and returns the byte behind it, 0 at the end.
func (d *decoder) peek() byte {
	for ; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (d *decoder) value() (any, error) {
	if err := d.o.takes(valueCost); err != nil {
		return nil, err
	}
	switch c := d.peek(); {
	case c == '"':
		d.strings++
		return d.string()
	case c == '{' || c == '[':
		if d.depth++; d.depth > d.o.depth {
			return nil, d.fail(d.at, rdf.ErrDepthLimit, "nesting of more than %d is %v", d.o.depth, rdf.ErrLimit)
		}
		defer func() { d.depth-- }()
		d.at++
		if c == '{' {
			return d.object()
		}
		return d.array()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	}
	for word, v := range words {
		if bytes.HasPrefix(d.text[d.at:], []byte(word)) {
			d.at += len(word)
			return v, nil
		}
	}
	return nil, d.expected("a value")
}

var words = map[string]any{"true": true, "false": false, "null": nil}

func (d *decoder) object() (any, error) {
	members := map[string]any{}
	for more := d.peek() != '}'; more; {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, d.fail(d.at-1, nil, "member %.100q is there twice", name)
		}
		d.strings++
		if d.peek() != ':' {
			return nil, d.expected(`":"`)
		}
		d.at++
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		if n, ok := v.(json.Number); ok && name == "@version" {
			if v, err = strconv.ParseFloat(n.String(), 64); err != nil {
				return nil, d.fail(d.at-1, nil, "expected a version, found %s", n)
			}
		}
		members[name] = v
		if more, err = d.more('}'); err != nil {
			return nil, err
		}
	}
	d.at++
	return members, nil
}

// name reads the name of a member.
func (d *decoder) name() (string, error) {
	if d.peek() != '"' {
		return "", d.expected("the name of a member")
	}
	return d.string()
}

// more takes the comma behind an item, and reports false at the end.
func (d *decoder) more(end byte) (bool, error) {
	switch d.peek() {
	case ',':
		d.at++
		return true, nil
	case end:
		return false, nil
	}
	return false, d.expected(fmt.Sprintf(`"," or %q`, string(end)))
}

func (d *decoder) array() (any, error) {
	items := []any{}
	for more := d.peek() != ']'; more; {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		if more, err = d.more(']'); err != nil {
			return nil, err
		}
	}
	d.at++
	return items, nil
}

// number reads a number, whose digits all stay.
func (d *decoder) number() (any, error) {
	begin := d.at
	if d.text[d.at] == '-' {
		d.at++
	}
	if zero := d.is("0"); zero {
		d.at++
	} else if err := d.digits(); err != nil {
		return nil, err
	}
	if d.is(".") {
		d.at++
		if err := d.digits(); err != nil {
			return nil, err
		}
	}
	if d.is("eE") {
		if d.at++; d.is("+-") {
			d.at++
		}
		if err := d.digits(); err != nil {
			return nil, err
		}
	}
	return json.Number(text(d.text[begin:d.at])), nil
}

// is reports whether one of the bytes comes next.
func (d *decoder) is(oneOf string) bool {
	return d.at < len(d.text) && bytes.IndexByte([]byte(oneOf), d.text[d.at]) >= 0
}

// digits takes one digit or more.
func (d *decoder) digits() error {
	begin := d.at
	for d.at < len(d.text) && d.text[d.at] >= '0' && d.text[d.at] <= '9' {
		d.at++
	}
	if d.at == begin {
		return d.expected("a digit")
	}
	return nil
}

// string reads a string. Without an escape it is a part of the document.
func (d *decoder) string() (string, error) {
	d.at++
	begin := d.at
	d.plain()
	if d.is(`"`) {
		d.at++
		return text(d.text[begin : d.at-1]), nil
	}
	value := make([]byte, 0, d.stringEnd()-begin) // escapes are longer than what they stand for
	value = append(value, d.text[begin:d.at]...)
	for !d.is(`"`) {
		if !d.is(`\`) {
			return "", d.expected("no control character")
		}
		r, err := d.escape()
		if err != nil {
			return "", err
		}
		value = utf8.AppendRune(value, r)
		begin = d.at
		d.plain()
		value = append(value, d.text[begin:d.at]...)
	}
	d.at++
	return text(value), nil
}

// stringEnd returns where the string ends that the decoder is in.
func (d *decoder) stringEnd() int {
	for i := d.at; i < len(d.text); i++ {
		switch d.text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(d.text)
}

// plain goes to the next byte that does not stand for itself in a string.
func (d *decoder) plain() {
	for d.at < len(d.text) && d.text[d.at] >= ' ' && d.text[d.at] != '"' && d.text[d.at] != '\\' {
		d.at++
	}
}

// escapes are what stands behind a backslash, and for what.
var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads an escape. Half of a surrogate pair is none.
func (d *decoder) escape() (rune, error) {
	begin := d.at
	d.at++
	if r, ok := escapes[d.next()]; ok {
		d.at++
		return r, nil
	}
	r, err := d.unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if bytes.HasPrefix(d.text[d.at:], []byte(`\u`)) {
		d.at++
		low, err := d.unit()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, nil
		}
	}
	return 0, d.fail(begin, nil, "expected the escape of a character, found half of a pair")
}

// next returns the byte that comes next, 0 at the end.
func (d *decoder) next() byte {
	if d.at < len(d.text) {
		return d.text[d.at]
	}
	return 0
}

// unit reads "u" and four digits of an escape.
func (d *decoder) unit() (rune, error) {
	if d.next() != 'u' {
		return 0, d.expected("an escape")
	}
	unit := rune(0)
	for range 4 {
		d.at++
		digit := bytes.IndexByte([]byte("0123456789abcdef"), d.next()|0x20)
		if c := d.next(); digit < 0 || c < '0' {
			return 0, d.expected("four hexadecimal digits")
		}
		unit = unit<<4 | rune(digit)
	}
	d.at++
	return unit, nil
}

// text makes a string of bytes that stay as they are.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
