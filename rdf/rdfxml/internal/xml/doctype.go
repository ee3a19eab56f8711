package xml

import (
	"bytes"
	"unicode/utf8"
)

// doctype reads a document type declaration: of its internal subset the entities, and of the rest only the form. What is
// elsewhere is left where it is.
func (s *Scanner) doctype() Kind {
	if s.rooted || s.typed {
		return s.Fail(nil, "expected one document type declaration at most, before the root element, found another one")
	}
	s.typed = true
	end := 0
	for size := 512; ; size *= 2 {
		for len(s.b)-s.start < size && s.more() {
		}
		if end = doctypeEnd(s.b[s.start:]); end > 0 || len(s.b)-s.start < size {
			break
		}
		if len(s.b)-s.start > s.o.Entities {
			return s.Fail(errEntities, "expected a document type declaration of at most %d bytes, found a longer one", s.o.Entities)
		}
	}
	switch {
	case end == 0:
		return s.unfinished("the document type declaration")
	case end > s.o.Entities:
		return s.Fail(errEntities, "expected a document type declaration of at most %d bytes, found a longer one", s.o.Entities)
	case !s.valid(s.start, s.start+end):
		return None
	}
	d := dtd{s: s, b: s.b[:s.start+end], i: s.start + len("<!DOCTYPE")}
	d.read()
	if s.err != nil {
		return None
	}
	s.pos = s.start + end
	return None
}

// doctypeEnd returns the length of the document type declaration that b begins with, 0 if it is not all there.
func doctypeEnd(b []byte) int {
	open := 0 // "<" and "[" that are not closed
	for i := 0; i < len(b); {
		skip := ""
		switch rest := b[i:]; {
		case rest[0] == '"' || rest[0] == '\'':
			skip = string(rest[:1])
		case bytes.HasPrefix(rest, []byte("<!--")):
			skip = "-->"
			i += len("<!--") - 1
		case bytes.HasPrefix(rest, []byte("<?")):
			skip = "?>"
		case rest[0] == '<' || rest[0] == '[':
			open++
		case rest[0] == '>' || rest[0] == ']':
			if open--; open == 0 {
				return i + 1
			}
		}
		i++
		if skip != "" {
			n := bytes.Index(b[min(i, len(b)):], []byte(skip))
			if n < 0 {
				return 0
			}
			i += n + len(skip)
		}
	}
	return 0
}

// dtd reads a document type declaration, which b ends with.
type dtd struct {
	s *Scanner
	b []byte
	i int
}

// read reads the name, the place of what is elsewhere, and the internal subset.
func (d *dtd) read() {
	if !d.space() || !d.name() {
		return
	}
	spaced := d.skip()
	if d.at("SYSTEM") || d.at("PUBLIC") {
		if !spaced || !d.external() {
			d.fail("a space before SYSTEM or PUBLIC")
			return
		}
		d.skip()
	}
	if d.take("[") {
		for d.skip(); !d.take("]"); d.skip() {
			if !d.declaration() {
				return
			}
		}
		d.skip()
	}
	if !d.take(">") || d.i != len(d.b) {
		d.fail(`">"`)
	}
}

// fail sets the error and returns false.
func (d *dtd) fail(what string) bool {
	return d.s.expected(d.i, what+" in the document type declaration") != None
}

// at reports whether a text comes next.
func (d *dtd) at(text string) bool { return bytes.HasPrefix(d.b[d.i:], []byte(text)) }

// take takes a text that comes next.
func (d *dtd) take(text string) bool {
	ok := d.at(text)
	if ok {
		d.i += len(text)
	}
	return ok
}

// skip skips white space and reports whether there was any.
func (d *dtd) skip() bool {
	from := d.i
	d.i = skipSpace(d.b, d.i)
	return d.i > from
}

// space is skip where there must be some.
func (d *dtd) space() bool { return d.skip() || d.fail("a space") }

// name takes a name, which may have colons.
func (d *dtd) name() bool {
	from := d.i
	for d.i < len(d.b) && (nameChar[d.b[d.i]] || d.b[d.i] == ':' || d.b[d.i] >= utf8.RuneSelf) {
		d.i++
	}
	return d.i > from || d.fail("a name")
}

// quoted takes a text in quotes.
func (d *dtd) quoted() (text []byte, ok bool) {
	if d.i >= len(d.b) || d.b[d.i] != '"' && d.b[d.i] != '\'' {
		return nil, d.fail("a text in quotes")
	}
	n := bytes.IndexByte(d.b[d.i+1:], d.b[d.i])
	if n < 0 {
		return nil, d.fail("the end of a text in quotes")
	}
	text = d.b[d.i+1 : d.i+1+n]
	d.i += n + 2
	return text, true
}

// external takes where something is that is not in the document.
func (d *dtd) external() bool {
	if d.take("PUBLIC") {
		if !d.space() {
			return false
		}
		if _, ok := d.quoted(); !ok {
			return false
		}
	} else if !d.take("SYSTEM") {
		return d.fail("SYSTEM or PUBLIC")
	}
	if !d.space() {
		return false
	}
	_, ok := d.quoted()
	return ok
}

// declaration reads one of the internal subset.
func (d *dtd) declaration() bool {
	switch {
	case d.take("<!--"):
		return d.until("-->")
	case d.take("<?"):
		return d.until("?>")
	case d.take("<!ENTITY"):
		return d.entity()
	case d.take("<!ATTLIST"):
		return d.rest(false)
	case d.take("<!ELEMENT"), d.take("<!NOTATION"):
		return d.rest(true)
	case d.at("%"):
		return d.fail("no parameter entity, which is not read here,")
	}
	return d.fail("a declaration")
}

func (d *dtd) until(end string) bool {
	n := bytes.Index(d.b[d.i:], []byte(end))
	if n < 0 {
		return d.fail(end)
	}
	d.i += n + len(end)
	return true
}

// rest skips a declaration that says nothing about what a document means. A default of an attribute, the only thing in quotes
// that a list of attributes has, would.
func (d *dtd) rest(quotes bool) bool {
	for d.i < len(d.b) && d.b[d.i] != '>' {
		switch d.b[d.i] {
		case '"', '\'':
			if !quotes {
				return d.fail("no default of an attribute (write the attribute where it is meant)")
			}
			if _, ok := d.quoted(); !ok {
				return false
			}
		case '<':
			return d.fail(`">"`)
		default:
			d.i++
		}
	}
	return d.take(">") || d.fail(`">"`)
}

// entity reads the declaration of an entity behind its keyword.
func (d *dtd) entity() bool {
	at := d.i
	if !d.space() {
		return false
	}
	parameter := d.take("%")
	if parameter && !d.space() {
		return false
	}
	from := d.i
	if !d.name() {
		return false
	}
	name := string(d.b[from:d.i])
	if !d.space() {
		return false
	}
	var e entity
	if d.at("SYSTEM") || d.at("PUBLIC") {
		e.external = true
		if !d.external() || !d.notation() {
			return false
		}
	} else if !d.text(&e) {
		return false
	}
	d.skip()
	if !d.take(">") {
		return d.fail(`">"`)
	}
	return parameter || d.s.declareEntity(name, e, at)
}

// notation takes the notation of what is no XML, if there is one.
func (d *dtd) notation() bool {
	before := d.i
	if !d.skip() || !d.take("NDATA") {
		d.i = before
		return true
	}
	return d.space() && d.name()
}

// text takes the text of an entity. References to characters are what they stand for from now on, others are references still.
func (d *dtd) text(e *entity) bool {
	from := d.i + 1
	text, ok := d.quoted()
	if !ok {
		return false
	}
	var out []byte
	for i := 0; i < len(text); {
		switch {
		case text[i] == '%':
			d.i = from + i
			return d.fail(`"&#37;" for "%"`)
		case text[i] == '&' && i+1 < len(text) && text[i+1] == '#':
			dst, n := d.s.reference(out, text[i:], from+i, 0)
			if n == 0 {
				return false
			}
			out, i = dst, i+n
		case text[i] == '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				out = append(out, '\n')
			}
			i++
		default:
			out = append(out, text[i])
			i++
		}
	}
	e.text = string(out)
	return true
}
