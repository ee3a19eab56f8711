package xml

import (
	"bytes"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf"
)

// plain marks the bytes of ASCII that stand for themselves wherever text may stand.
var plain = plainBytes()

func plainBytes() (t [256]bool) {
	for c := range utf8.RuneSelf {
		t[c] = IsChar(rune(c)) && c != '<' && c != '&' && c != '\r' && c != ']'
	}
	return t
}

// characters reads a piece of character data: a reference, a line end that is another than LF, or what stands before those.
func (s *Scanner) characters() Kind {
	switch c := s.b[s.pos]; {
	case c == '&' && !s.cdata:
		return s.textReference()
	case c == '\r':
		if s.have(2) && s.b[s.pos+1] == '\n' {
			s.pos++
		}
		s.pos++
		s.text = newline
		return Text
	}
	for {
		end, more := s.run(s.pos)
		if s.err != nil {
			return None
		}
		if end > s.pos {
			s.text, s.pos, s.raw = s.b[s.pos:end], end, true
			return Text
		}
		if !more || s.ended {
			return s.unfinished("the text")
		}
		s.more()
	}
}

var newline = []byte("\n")

// run returns where text that stands for itself ends, and whether more of the document is needed to go on there. What can't be
// text is an error only where it begins, so that the pieces in which a document comes make no difference.
func (s *Scanner) run(from int) (end int, more bool) {
	b, i := s.b, from
	for i < len(b) {
		c := b[i]
		switch {
		case plain[c]:
			i++
		case c == '\r', c == '<' && !s.cdata, c == '&' && !s.cdata:
			return i, false
		case c == '<' || c == '&':
			i++
		case c == ']':
			if i+2 >= len(b) && !s.ended {
				return i, true
			}
			if bytes.HasPrefix(b[i:], []byte("]]>")) {
				if i == from && !s.cdata {
					s.failAt(i, nil, `expected "]]&gt;" in text, found "]]>"`)
				}
				return i, false
			}
			i++
		default:
			n := charLength(b[i:])
			if n == 0 {
				more = i > from || s.char(i) == 0 && s.err == nil
				return i, more
			}
			i += n
		}
	}
	return i, false
}

// charLength returns the length of the character that b begins with; 0 if a document can't have it.
func charLength(b []byte) int {
	if r, n := utf8.DecodeRune(b); IsChar(r) && (r != utf8.RuneError || n > 1) {
		return n
	}
	return 0
}

// char is charLength at an offset. It sets the error unless more of the document may make a character of what is there.
func (s *Scanner) char(i int) int {
	n := charLength(s.b[i:])
	if n > 0 {
		return n
	}
	r, length := utf8.DecodeRune(s.b[i:])
	switch {
	case length > 1 || r != utf8.RuneError:
		s.failAt(i, nil, "expected a character that XML has, found %q", string(r))
	case utf8.FullRune(s.b[i:]) || s.ended && s.bad == nil:
		s.expected(i, "text in UTF-8")
	}
	return 0
}

// closesCDATA reports whether the CDATA section ends here, and takes its end. At the end of the document it sets the error.
func (s *Scanner) closesCDATA() bool {
	if !s.begins("]]>") {
		if s.pos == len(s.b) {
			s.unfinished("the CDATA section")
		}
		return false
	}
	s.pos += len("]]>")
	s.start, s.cdata = s.pos, false
	return true
}

// textReference reads a reference in character data.
func (s *Scanner) textReference() Kind {
	end := s.pos
	for {
		end = s.pos + referenceEnd(s.b[s.pos:], end-s.pos)
		if end-s.pos > s.o.Markup {
			s.long("a reference")
			return None
		}
		if end < len(s.b) {
			break
		}
		at := end - s.pos
		if !s.more() {
			return s.unfinished("the reference")
		}
		end = s.pos + at
	}
	dst, n := s.reference(s.scratch, s.b[s.pos:], s.pos, 0)
	if n == 0 {
		return None
	}
	s.scratch = dst
	s.pos += n
	s.text = dst
	return Text
}

// referenceEnd returns where what can stand in the reference ends that b begins with, from an offset on.
func referenceEnd(b []byte, i int) int {
	for i = max(i, 1); i < len(b); i++ {
		if c := b[i]; !nameChar[c] && c < utf8.RuneSelf && c != '#' && c != ':' {
			break
		}
	}
	return i
}

// reference appends what the reference means that b begins with, and returns its length; 0 after setting the error, for
// which at is where it stands. depth is how many entities it stands in.
func (s *Scanner) reference(dst, b []byte, at, depth int) ([]byte, int) {
	n := referenceEnd(b, 1)
	name, ended := b[1:n], n < len(b) && b[n] == ';'
	switch {
	case len(name) > 0 && name[0] == '#':
		r := charReference(name[1:])
		if r < 0 || !ended {
			s.failAt(at, nil, "expected the number of a character that XML has in a reference such as &#x20AC;, found %q",
				excerpt(b[:n]))
			return nil, 0
		}
		return utf8.AppendRune(dst, r), n + 1
	case !ended || NCName(name) != len(name) || n == 1:
		s.failAt(at, nil, `expected a reference, such as &amp; or &#38;, behind "&"; write &amp; for the character itself`)
		return nil, 0
	}
	if r := predefined(name); r != 0 {
		return append(dst, r), n + 1
	}
	text, ok := s.entity(view(name), at, depth)
	if !ok {
		return nil, 0
	}
	return append(dst, text...), n + 1
}

// charReference returns the character of a number; -1 if there is none that XML has.
func charReference(digits []byte) rune {
	base := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	r := rune(0)
	for _, c := range digits {
		d := digit(c)
		if d >= base || r > utf8.MaxRune {
			return -1
		}
		r = r*base + d
	}
	if len(digits) == 0 || !IsChar(r) {
		return -1
	}
	return r
}

// digit returns the value of a hexadecimal digit, 16 for another character.
func digit(c byte) rune {
	switch {
	case chars.Class[c]&chars.Digit != 0:
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}

// predefined returns the character of an entity that every document has, 0 for another name.
func predefined(name []byte) byte {
	switch string(name) {
	case "amp":
		return '&'
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	return 0
}

// value returns the normalized value of an attribute that stands between two offsets.
func (s *Scanner) value(from, to int) (string, bool) {
	i := from
	for i < to && plainValue[s.b[i]] {
		i++
	}
	if i == to {
		return view(s.b[from:to]), true
	}
	begin := len(s.scratch)
	s.scratch = append(s.scratch, s.b[from:i]...)
	for i < to {
		n := 1
		switch c := s.b[i]; {
		case plainValue[c]:
			s.scratch = append(s.scratch, c)
		case isSpace(c):
			if c == '\r' && s.b[i+1] == '\n' {
				n = 2
			}
			s.scratch = append(s.scratch, ' ')
		case c == '&':
			dst, length := s.reference(s.scratch, s.b[i:to], i, 0)
			if length == 0 {
				return "", false
			}
			s.scratch, n = dst, length
			if len(dst)-begin > s.o.Markup {
				s.failAt(i, rdf.ErrTermLimit, "expected a value of at most %d bytes, found a longer one", s.o.Markup)
				return "", false
			}
		case c == '<':
			s.failAt(i, nil, "expected &lt; in the value of an attribute, found \"<\"")
			return "", false
		default:
			if n = s.char(i); n == 0 {
				s.expected(i, "text in UTF-8")
				return "", false
			}
			s.scratch = append(s.scratch, s.b[i:i+n]...)
		}
		i += n
	}
	return view(s.scratch[begin:]), true
}

// plainValue marks the bytes of ASCII that stand for themselves in the value of an attribute.
var plainValue = plainValueBytes()

func plainValueBytes() (t [256]bool) {
	for c := range utf8.RuneSelf {
		t[c] = c >= ' ' && c != '<' && c != '&'
	}
	return t
}

// delimited reads markup that ends with a text, and returns how much stands between; ok is false after an error.
func (s *Scanner) delimited(open, end, what string) (length int, ok bool) {
	for at := len(open); ; {
		if i := bytes.Index(s.b[s.start+at:], []byte(end)); i >= 0 {
			if s.pos = s.start + at + i + len(end); s.pos-s.start > s.o.Markup {
				break
			}
			return at + i - len(open), s.valid(s.start+len(open), s.start+at+i)
		}
		at = max(len(open), len(s.b)-s.start-len(end)+1)
		if len(s.b)-s.start > s.o.Markup {
			break
		}
		if !s.more() {
			s.unfinished(what)
			return 0, false
		}
	}
	s.long(what)
	return 0, false
}

// valid reports whether there are only characters that XML has between two offsets, and sets the error otherwise.
func (s *Scanner) valid(from, to int) bool {
	for i := from; i < to; {
		if c := s.b[i]; c >= ' ' && c < utf8.RuneSelf || isSpace(c) {
			i++
			continue
		}
		n := s.char(i)
		if n == 0 {
			return s.expected(i, "text in UTF-8") != None
		}
		i += n
	}
	return true
}

// comment reads a comment.
func (s *Scanner) comment() Kind {
	length, ok := s.delimited("<!--", "--", "a comment")
	switch {
	case !ok:
		return None
	case !s.have(1):
		return s.unfinished("a comment")
	case s.b[s.pos] != '>':
		return s.expected(s.pos, `">" behind "--", which can't stand in a comment`)
	}
	s.pos++
	from := s.start + len("<!--")
	s.text = s.lines(s.b[from : from+length])
	return Comment
}

// lines returns a text with line ends as XML gives them.
func (s *Scanner) lines(text []byte) []byte {
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	begin := len(s.scratch)
	for i, c := range text {
		switch {
		case c != '\r':
			s.scratch = append(s.scratch, c)
		case i+1 == len(text) || text[i+1] != '\n':
			s.scratch = append(s.scratch, '\n')
		}
	}
	return s.scratch[begin:]
}

// instruction reads a processing instruction.
func (s *Scanner) instruction() Kind {
	length, ok := s.delimited("<?", "?>", "a processing instruction")
	if !ok {
		return None
	}
	from := s.start + len("<?")
	text := s.b[from : from+length]
	n := NCName(text)
	at := skipSpace(text, n)
	switch target := string(text[:n]); {
	case n == 0 || at == n && n < len(text):
		return s.expected(from+n, "the name of the processing instruction, and a space behind it")
	case len(target) == 3 && IsReserved(target):
		return s.Fail(nil, "expected the XML declaration at the very beginning of the document, found it here")
	}
	if s.text = text[:n]; at < len(text) {
		data := s.lines(text[at:])
		begin := len(s.scratch)
		s.scratch = append(append(append(s.scratch, text[:n]...), ' '), data...)
		s.text = s.scratch[begin:]
	}
	return Instruction
}
