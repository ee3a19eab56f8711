package jsonld

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// byteOrderMark may stand before a document, and is no part of it.
const byteOrderMark = "\uFEFF"

// decodeDocument is decode for what may begin with a byte order mark.
func decodeDocument(document []byte, file string, o *options) (root any, strings int, err error) {
	return decode(bytes.TrimPrefix(document, []byte(byteOrderMark)), file, o)
}

// decoder reads JSON strictly: one value, in UTF-8, with no member twice.
type decoder struct {
	text    []byte
	file    string
	json    *json.Decoder
	o       *options
	depth   int
	strings int
}

// decode reads a document and counts its strings, member names among them. Numbers are [json.Number], but that of
// @version, which the library compares.
func decode(document []byte, file string, o *options) (root any, strings int, err error) {
	d := &decoder{text: document, file: file, o: o}
	if len(document) > o.document {
		return nil, 0, d.fail(0, rdf.ErrLimit, "document of more than %d bytes is %v", o.document, rdf.ErrLimit)
	}
	if bad := invalid(document); bad >= 0 {
		return nil, 0, d.fail(bad, nil, "expected UTF-8")
	}
	d.json = json.NewDecoder(bytes.NewReader(document))
	d.json.UseNumber()
	if root, err = d.value(); err != nil {
		return nil, 0, err
	}
	if _, err := d.json.Token(); err != io.EOF {
		return nil, 0, d.fail(d.offset(), nil, "expected nothing after the document's value")
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

func (d *decoder) offset() int { return int(d.json.InputOffset()) }

// fail makes an error at an offset.
func (d *decoder) fail(at int, cause error, format string, args ...any) error {
	before := d.text[:min(at, len(d.text))]
	line := bytes.Count(before, []byte("\n")) + 1
	start := bytes.LastIndexByte(before, '\n') + 1
	return &rdf.SyntaxError{File: d.file, Line: line, Col: utf8.RuneCount(before[start:]) + 1,
		Msg: fmt.Sprintf(format, args...), Err: cause}
}

// token returns the next token.
func (d *decoder) token() (json.Token, error) {
	before := d.offset()
	t, err := d.json.Token()
	if err == nil {
		if at := surrogate(d.text[before:d.offset()]); at >= 0 {
			return nil, d.fail(before+at, nil, "expected the escape of a character, found half of a pair")
		}
		return t, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, d.fail(len(d.text), nil, "expected the rest of a JSON value, found end of input")
	}
	return nil, d.fail(d.next(), nil, "expected JSON: %v", err)
}

// surrogate returns where the escape of half a surrogate pair is in a token, -1 if there is none. The decoder would put
// U+FFFD there.
func surrogate(token []byte) int {
	for i := 0; ; {
		next := bytes.IndexByte(token[i:], '\\')
		if next < 0 {
			return -1
		}
		switch i += next; half(token[i:]) {
		case 0:
			i += 2
		case 'h':
			if half(token[i+6:]) != 'l' {
				return i
			}
			i += 12
		case 'l':
			return i
		}
	}
}

// half says which half of a surrogate pair an escape is, high or low: 'h', 'l', or 0.
func half(escape []byte) byte {
	if len(escape) < 6 || escape[0] != '\\' || escape[1] != 'u' || escape[2]|0x20 != 'd' {
		return 0
	}
	switch c := escape[3] | 0x20; {
	case c == '8' || c == '9' || c == 'a' || c == 'b':
		return 'h'
	case c >= 'c' && c <= 'f':
		return 'l'
	}
	return 0
}

// next returns the offset of what follows the last token. It is where a syntax error is, or where the token begins that
// it is in; the offset that the error itself has is not one in the document.
func (d *decoder) next() int {
	at := d.offset()
	for at < len(d.text) && bytes.IndexByte([]byte(" \t\r\n,:"), d.text[at]) >= 0 {
		at++
	}
	return at
}

func (d *decoder) value() (any, error) {
	t, err := d.token()
	if err == nil {
		err = d.o.takes(valueCost)
	}
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if d.depth++; d.depth > d.o.depth {
			return nil, d.fail(d.offset()-1, rdf.ErrDepthLimit, "nesting of more than %d is %v", d.o.depth, rdf.ErrLimit)
		}
		defer func() { d.depth-- }()
		if t == '{' {
			return d.object()
		}
		return d.array()
	case string:
		d.strings++
	}
	return t, nil
}

func (d *decoder) object() (any, error) {
	members := map[string]any{}
	for d.json.More() {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string) // the decoder takes nothing else here
		if _, twice := members[name]; twice {
			return nil, d.fail(d.offset()-1, nil, "member %.100q is there twice", name)
		}
		d.strings++
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		if n, ok := v.(json.Number); ok && name == "@version" {
			if v, err = strconv.ParseFloat(n.String(), 64); err != nil {
				return nil, d.fail(d.offset()-1, nil, "expected a version, found %s", n)
			}
		}
		members[name] = v
	}
	_, err := d.token()
	return members, err
}

func (d *decoder) array() (any, error) {
	items := []any{}
	for d.json.More() {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	_, err := d.token()
	return items, err
}
