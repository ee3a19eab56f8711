package xml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// blockSize is how much is read at once.
const blockSize = 64 << 10

// input holds the part of a document that is being read.
type input struct {
	r     io.Reader
	b     []byte
	start int  // where the token begins
	pos   int  // up to where it is read
	ended bool // the document ends with b, or there is an error
	bad   error

	gone int64 // bytes before b
	most int64 // that the document may have; 0: any number
	file string
	place
	counted int // up to where in b the place is counted
}

// place is a line and a column, both from 1.
type place struct{ line, col int }

var errDocument = fmt.Errorf("document %w", rdf.ErrLimit)

// more reads on, and keeps what there is from the beginning of the token on. It reports false at the end, or at an error.
func (in *input) more() bool {
	if in.ended {
		return false
	}
	if in.start > 0 {
		in.count(in.start)
		in.gone += int64(in.start)
		n := copy(in.b, in.b[in.start:])
		in.b, in.pos, in.counted, in.start = in.b[:n], in.pos-in.start, 0, 0
	}
	if cap(in.b)-len(in.b) < utf8.UTFMax { // what a decoder needs
		in.b = append(make([]byte, 0, max(blockSize, 2*len(in.b))), in.b...)
	}
	for range maxEmptyReads {
		n, err := in.r.Read(in.b[len(in.b):cap(in.b)])
		in.b = in.b[:len(in.b)+n]
		if err != nil {
			in.ended = true
			if !errors.Is(err, io.EOF) {
				in.bad = err
			}
		}
		if n > 0 {
			return in.bounded(n)
		}
		if err != nil {
			return false
		}
	}
	in.ended, in.bad = true, io.ErrNoProgress
	return false
}

// maxEmptyReads is how often a reader may give nothing.
const maxEmptyReads = 100

// bounded takes back what is over the bound of the document, of n bytes that have come. It reports whether any are left.
func (in *input) bounded(n int) bool {
	over := in.gone + int64(len(in.b)) - in.most
	if in.most <= 0 || over <= 0 {
		return true
	}
	in.ended, in.bad = true, errDocument
	in.b = in.b[:len(in.b)-min(n, int(min(over, int64(n))))]
	return over < int64(n)
}

// have reports whether the document has n bytes more.
func (in *input) have(n int) bool {
	for len(in.b)-in.pos < n {
		if !in.more() {
			return false
		}
	}
	return true
}

// begins reports whether the document goes on with a text. It reads no further than is needed to know it.
func (in *input) begins(text string) bool {
	for n := 1; n <= len(text); n++ {
		if !in.have(n) || in.b[in.pos+n-1] != text[n-1] {
			return false
		}
	}
	return true
}

// total is how much of the document was read.
func (in *input) total() int64 { return in.gone + int64(in.pos) }

// count counts lines and characters up to an offset.
func (in *input) count(to int) {
	in.place = in.at(to)
	in.counted = to
}

// at is the place of an offset that is not before what is counted.
func (in *input) at(to int) place {
	p, b := in.place, in.b[in.counted:max(to, in.counted)]
	if bytes.IndexByte(b, '\r') < 0 {
		if n := bytes.Count(b, []byte{'\n'}); n > 0 {
			p = place{p.line + n, 1}
			b = b[bytes.LastIndexByte(b, '\n')+1:]
		}
		p.col += utf8.RuneCount(b)
		return p
	}
	for i := 0; i < len(b); {
		_, n := utf8.DecodeRune(b[i:])
		p.col++
		if b[i] == '\n' || b[i] == '\r' && !in.isLF(in.counted+i+1) {
			p = place{p.line + 1, 1}
		}
		i += n
	}
	return p
}

func (in *input) isLF(i int) bool { return i < len(in.b) && in.b[i] == '\n' }

// broken sets the error that ended the reading of the document: that of the reader as it is.
func (s *Scanner) broken() Kind {
	if errors.Is(s.bad, errDocument) {
		return s.failAt(len(s.b), s.bad, "expected at most %d bytes, found a longer document", s.most)
	}
	if s.err == nil {
		s.err = s.bad
	}
	return None
}

func (s *Scanner) failAt(at int, cause error, format string, args ...any) Kind {
	if s.err != nil {
		return None
	}
	p := s.at(at)
	s.err = &rdf.SyntaxError{File: s.file, Line: p.line, Col: p.col, Msg: fmt.Sprintf(format, args...), Err: cause}
	return None
}

// expected sets the error "expected what, found …" at an offset.
func (s *Scanner) expected(at int, what string) Kind {
	if at >= len(s.b) && s.bad != nil {
		return s.broken()
	}
	return s.failAt(at, nil, "expected %s, found %s", what, s.found(at))
}

// unfinished is the error of a document that ends within what was being read.
func (s *Scanner) unfinished(what string) Kind {
	if s.bad != nil {
		return s.broken()
	}
	return s.Fail(nil, "expected the end of %s, found end of input", what)
}

// found describes what stands at an offset.
func (s *Scanner) found(at int) string {
	if at >= len(s.b) {
		return "end of input"
	}
	switch c := s.b[at]; {
	case c == '\n' || c == '\r':
		return "end of line"
	case c == ' ':
		return "a space"
	}
	r, n := utf8.DecodeRune(s.b[at:])
	if r == utf8.RuneError && n == 1 {
		return fmt.Sprintf("byte 0x%02X, which is not valid UTF-8", s.b[at])
	}
	return fmt.Sprintf("%q", string(r))
}

// excerpt is so much of a text as an error shows.
func excerpt[T string | []byte](text T) T {
	const most = 60
	n := min(len(text), most)
	for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
