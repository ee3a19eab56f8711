package xml

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// begin finds the encoding of the document, and reads its XML declaration, if it has one.
func (s *Scanner) begin() bool {
	s.have(4)
	b := s.b[s.pos:]
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		s.pos, s.counted = 3, 3
	case bytes.HasPrefix(b, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(b, []byte("\x00\x00")):
		s.Fail(nil, "expected a document in UTF-8 or UTF-16, found UTF-32; convert it first: iconv -f UTF-32 -t UTF-8")
		return false
	case bytes.HasPrefix(b, []byte("\xfe\xff")), bytes.HasPrefix(b, []byte("\x00<")):
		s.decode(&utf16Reader{order: binary.BigEndian})
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("<\x00")):
		s.decode(&utf16Reader{order: binary.LittleEndian})
	}
	s.start = s.pos
	if !s.begins("<?xml") || !s.have(len("<?xml")+1) || !isSpace(s.b[s.pos+len("<?xml")]) {
		return s.bad == nil || s.pos < len(s.b) || s.broken() != None
	}
	return s.declaration()
}

// decoder is a reader of UTF-8 of what another one gives.
type decoder interface {
	io.Reader
	from(r io.Reader)
}

// decode makes the scanner go on with what d makes of the rest of the document.
func (s *Scanner) decode(d decoder) {
	s.count(s.pos)
	rest := bytes.Clone(s.b[s.pos:])
	s.gone += int64(s.pos)
	var r io.Reader = bytes.NewReader(rest)
	if s.r != nil {
		r = io.MultiReader(r, s.r)
	}
	if bad := s.bad; bad != nil {
		r = io.MultiReader(bytes.NewReader(rest), failing{bad})
	}
	d.from(r)
	s.r, s.b, s.pos, s.start, s.counted, s.ended, s.bad = d, nil, 0, 0, 0, false, nil
}

// failing is a reader of nothing but an error.
type failing struct{ err error }

// Read implements [io.Reader].
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// declaration reads the XML declaration.
func (s *Scanner) declaration() bool {
	length, ok := s.delimited("<?", "?>", "the XML declaration")
	if !ok {
		return false
	}
	text := s.b[s.start+len("<?xml") : s.start+len("<?")+length]
	names, last := []string{"version", "encoding", "standalone"}, -1
	values := make([]string, len(names))
	for rest := text; ; {
		name, value, tail, ok := pseudoAttribute(rest)
		if !ok {
			s.Fail(nil, `expected an XML declaration such as <?xml version="1.0" encoding="UTF-8"?>, found %q`, excerpt(text))
			return false
		}
		if name == "" {
			break
		}
		i := indexOf(names, name)
		if i <= last {
			s.Fail(nil, "expected version, encoding and standalone in this order in the XML declaration, found %q", excerpt(name))
			return false
		}
		last, values[i], rest = i, value, tail
	}
	if v, ok := strings.CutPrefix(values[0], "1."); !ok || v == "" || strings.Trim(v, "0123456789") != "" {
		s.Fail(nil, "expected version 1.0 in the XML declaration, found %q", excerpt(values[0]))
		return false
	}
	return s.encoding(values[1])
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// pseudoAttribute cuts name and value from what stands in an XML declaration; the name is empty at the end.
func pseudoAttribute(text []byte) (name, value string, rest []byte, ok bool) {
	i := skipSpace(text, 0)
	if i == len(text) {
		return "", "", nil, true
	}
	n := NCName(text[i:])
	name = string(text[i : i+n])
	j := skipSpace(text, i+n)
	if i == 0 || n == 0 || j == len(text) || text[j] != '=' {
		return "", "", nil, false
	}
	if j = skipSpace(text, j+1); j == len(text) || text[j] != '"' && text[j] != '\'' {
		return "", "", nil, false
	}
	end := bytes.IndexByte(text[j+1:], text[j])
	if end < 0 {
		return "", "", nil, false
	}
	return name, string(text[j+1 : j+1+end]), text[j+end+2:], true
}

// encoding goes on with the encoding that the XML declaration names.
func (s *Scanner) encoding(name string) bool {
	_, is16 := s.r.(*utf16Reader)
	switch strings.ToUpper(name) {
	case "":
		return true
	case "UTF-8", "UTF8", "US-ASCII", "ASCII":
		if !is16 {
			return true
		}
	case "UTF-16", "UTF-16LE", "UTF-16BE":
		if is16 {
			return true
		}
	case "ISO-8859-1", "ISO8859-1", "LATIN1", "LATIN-1":
		if !is16 {
			s.decode(&byteReader{})
			return true
		}
	case "WINDOWS-1252", "CP1252":
		if !is16 {
			s.decode(&byteReader{c1: &windows1252})
			return true
		}
	default:
		s.Fail(nil, "expected one of the encodings UTF-8, UTF-16, ISO-8859-1, windows-1252 and US-ASCII, found %q; convert the document "+
			"first: iconv -f %s -t UTF-8, and take encoding=… out of it", excerpt(name), excerpt(name))
		return false
	}
	s.Fail(nil, "expected the encoding that the document has, found %q, which it has not", excerpt(name))
	return false
}

// source is the bytes that a decoder reads.
type source struct {
	r   io.Reader
	in  []byte
	err error
}

func (s *source) from(r io.Reader) { s.r = r }

// fill reads on, up to n bytes.
func (s *source) fill(n int) {
	if s.err != nil || len(s.in) >= n {
		return
	}
	b := make([]byte, n)
	have := copy(b, s.in)
	got, err := s.r.Read(b[have:])
	s.in, s.err = b[:have+got], err
}

// byteReader reads an encoding of one byte a character.
type byteReader struct {
	source
	// c1 are the characters of the bytes from 0x80 on to 0x9F; nil: those of the same number.
	c1 *[32]rune
}

// Read implements [io.Reader].
func (b *byteReader) Read(p []byte) (int, error) {
	b.fill(max(1, len(p)/utf8.UTFMax))
	out := p[:0]
	for len(b.in) > 0 && len(p)-len(out) >= utf8.UTFMax {
		r := rune(b.in[0])
		if b.c1 != nil && r >= 0x80 && r < 0xA0 {
			r = b.c1[r-0x80]
		}
		out, b.in = utf8.AppendRune(out, r), b.in[1:]
	}
	return finish(&b.source, len(out))
}

// finish gives the error of the source once all has been read that came before it.
func finish(s *source, n int) (int, error) {
	if n == 0 && len(s.in) == 0 {
		return 0, s.err
	}
	return n, nil
}

// windows1252 are the characters of the bytes from 0x80 on; those that have none are no characters of XML either.
var windows1252 = [32]rune{
	'€', 0xFFFF, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0xFFFF, 'Ž', 0xFFFF,
	0xFFFF, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0xFFFF, 'ž', 'Ÿ',
}

// utf16Reader reads UTF-16. What is none gives a byte that is not UTF-8, which is an error at its place.
type utf16Reader struct {
	source
	order   binary.ByteOrder
	skipped bool // the byte order mark, if there is one
}

// Read implements [io.Reader].
func (u *utf16Reader) Read(p []byte) (int, error) {
	u.fill(max(4, len(p)/utf8.UTFMax*2))
	out := p[:0]
	for len(u.in) > 0 && len(p)-len(out) >= utf8.UTFMax {
		r, n := u.first()
		if n == 0 {
			break
		}
		u.in = u.in[n:]
		switch {
		case r == 0xFEFF && !u.skipped:
		case r < 0:
			out = append(out, 0xFF)
		default:
			out = utf8.AppendRune(out, r)
		}
		u.skipped = true
	}
	return finish(&u.source, len(out))
}

// first decodes a character. n is 0 if more is needed, r is -1 if there is none.
func (u *utf16Reader) first() (r rune, n int) {
	if len(u.in) < 2 {
		if u.err != nil {
			return -1, len(u.in)
		}
		return 0, 0
	}
	r = rune(u.order.Uint16(u.in))
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(u.in) < 4 {
		if u.err != nil {
			return -1, len(u.in)
		}
		return 0, 0
	}
	if r = utf16.DecodeRune(r, rune(u.order.Uint16(u.in[2:]))); r == utf8.RuneError {
		return -1, 2
	}
	return r, 4
}
