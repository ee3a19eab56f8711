package mapping

import (
	"encoding/json"
	"strings"
)

// maxPlainDepth bounds how deep values are within each other that plain reads.
const maxPlainDepth = 100

// plain reads a document of JSON that is one value without escapes in its texts, as encoding/json does with UseNumber, and in less than a third
// of the time: nearly all messages of machines are like that. It reports whether it has; whatever else the text is, wrong or right,
// is for encoding/json to say. The text is UTF-8. What is returned shares its memory.
func plain(text string) (value any, ok bool) {
	p := plainText{text: text}
	value, ok = p.value(0)
	p.space()
	return value, ok && p.at == len(text)
}

// plainText is a text that is read up to a place.
type plainText struct {
	text string
	at   int
}

// space goes on to what is no white space, and returns that; 0 at the end.
func (p *plainText) space() byte {
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (p *plainText) value(depth int) (any, bool) {
	switch c := p.space(); {
	case depth > maxPlainDepth:
		return nil, false
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.list(depth)
	case c == '"':
		return p.string()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	}
	return p.number()
}

// word reads a word.
func (p *plainText) word(word string) bool {
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	p.at += len(word)
	return true
}

// string reads a text, up to its second quotation mark.
func (p *plainText) string() (string, bool) {
	begin := p.at + 1
	for i := begin; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return p.text[begin:i], true
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

// number reads one, as RFC 8259 writes it.
func (p *plainText) number() (any, bool) {
	begin := p.at
	p.one('-')
	if !p.one('0') && p.digits() == 0 {
		return nil, false
	}
	if p.one('.') && p.digits() == 0 {
		return nil, false
	}
	if p.one('e') || p.one('E') {
		if !p.one('+') {
			p.one('-')
		}
		if p.digits() == 0 {
			return nil, false
		}
	}
	return json.Number(p.text[begin:p.at]), true
}

// one goes on behind a character, if it is there.
func (p *plainText) one(c byte) bool {
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *plainText) digits() (n int) {
	for ; p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9'; p.at++ {
		n++
	}
	return n
}

func (p *plainText) list(depth int) (any, bool) {
	p.at++
	list := []any{}
	if p.space() == ']' {
		p.at++
		return list, true
	}
	for {
		item, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		list = append(list, item)
		switch c := p.space(); {
		case c == ']':
			p.at++
			return list, true
		case c != ',':
			return nil, false
		}
		p.at++
	}
}

func (p *plainText) object(depth int) (any, bool) {
	p.at++
	object := map[string]any{}
	if p.space() == '}' {
		p.at++
		return object, true
	}
	for {
		if p.space() != '"' {
			return nil, false
		}
		name, ok := p.string()
		if !ok || p.space() != ':' {
			return nil, false
		}
		p.at++
		if object[name], ok = p.value(depth + 1); !ok {
			return nil, false
		}
		switch c := p.space(); {
		case c == '}':
			p.at++
			return object, true
		case c != ',':
			return nil, false
		}
		p.at++
	}
}
