package scan

import (
	"bytes"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// The functions of this file go over Turtle without reading it. What they need to know is where strings, IRIs and comments are,
// since outside of these a white space, comma, semicolon or dot means the same everywhere.

// Divide returns the length of the longest beginning of Turtle after which a reader can go on with another window: behind a
// space, a tab, "," or ";", or behind an IRI. (A line end may have two bytes, and is not looked for.) It is 0 if there is none. quote is that of the string in three quotes that b begins in;
// 0 if it begins between tokens.
func Divide(b []byte, quote byte) int {
	i, whole := skipLong(b, quote)
	end := 0
	for whole && i < len(b) {
		c := b[i]
		var n int
		if n, whole = unit(b[i:]); !whole {
			break
		}
		i += n
		if c == ' ' || c == '\t' || c == ',' || c == ';' || c == '<' && n > 1 {
			end = i
		}
	}
	return end
}

// skipLong returns the end of the string in three quotes that b begins in. whole is false if b ends before it.
func skipLong(b []byte, quote byte) (end int, whole bool) {
	if quote == 0 {
		return 0, true
	}
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			i++
		case b[i] == quote && i+2 < len(b) && b[i+1] == quote && b[i+2] == quote:
			return i + 3, true
		}
	}
	return len(b), false
}

// unit returns the length of what b begins with: a string, an IRI, a comment, an escape, or a byte. whole is false if b ends
// before it does. A string in simple quotes that is not closed ends with its line.
func unit(b []byte) (n int, whole bool) {
	switch c := b[0]; c {
	case '#':
		n := bytes.IndexAny(b, "\n\r")
		return n, n >= 0
	case '"', '\'':
		if len(b) > 2 && b[1] == c && b[2] == c {
			end, whole := skipLong(b[3:], c)
			return 3 + end, whole
		}
		return stringEnd(b)
	case '<':
		return iriEnd(b)
	case '\\':
		return min(2, len(b)), len(b) > 1
	}
	return 1, true
}

// stringEnd is unit for a string in simple quotes.
func stringEnd(b []byte) (n int, whole bool) {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case b[0]:
			return i + 1, len(b) > 2 // which may be the beginning of three quotes
		case '\n', '\r':
			return i, true
		case '\\':
			if i+1 < len(b) && b[i+1] != '\n' && b[i+1] != '\r' { // no escape goes over the end of a line
				i++
			}
		}
	}
	return len(b), false
}

// iriEnd is unit for "<", which may begin no IRI.
func iriEnd(b []byte) (n int, whole bool) {
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '>':
			return i + 1, true
		case c <= ' ' || c == '<' || c == '"' || c == '{':
			return 1, true
		}
	}
	return len(b), false
}

// RecoverStatement clears the error and goes behind the dot that ends the statement which it is in, or, in a graph, before the
// brace that ends this. from is where the token began that could not be read, and open the quote of the string in three
// quotes that this place is in, 0 if it is in none. found is false if the statement does not end in the window; then the
// scanner is at the end of it, and open is for the next one.
func (s *Scanner) RecoverStatement(from int, open byte, inGraph bool) (_ byte, found bool) {
	at := min(s.pos, len(s.b)) // of the error, behind from
	s.err, s.depth, s.lastLine, s.awaits = nil, 0, 0, 0
	n, whole := skipLong(s.b[from:], open)
	i := from + n
	for whole && i < len(s.b) && !found {
		if inGraph && i >= at && s.endsGraph(i) {
			found = true
			break
		}
		if n, whole = unit(s.b[i:]); n == 1 && s.b[i] == '<' {
			n = brokenIRI(s.b[i:])
		}
		if !whole && isLong(s.b[i:]) {
			open = s.b[i]
		} else if whole {
			open = 0
		}
		found = i >= at && s.endsStatement(i)
		i += n
	}
	if !found {
		i = len(s.b)
		if whole {
			open = 0
		}
	}
	s.pos = at
	s.skim(i)
	return open, found
}

// brokenIRI returns the length of an IRI with what may not stand in one, such as a space; 1 if it is none.
func brokenIRI(b []byte) int {
	if end := 1 + bytes.IndexAny(b[1:], ">\n\r<\""); end > 0 && b[end] == '>' {
		return end + 1
	}
	return 1
}

func isLong(b []byte) bool {
	return len(b) > 2 && (b[0] == '"' || b[0] == '\'') && b[1] == b[0] && b[2] == b[0]
}

// endsGraph reports whether the byte at i is a brace that ends a graph, and not an annotation.
func (s *Scanner) endsGraph(i int) bool { return s.b[i] == '}' && (i == 0 || s.b[i-1] != '|') }

// endsStatement reports whether the byte at i is a dot that is in no number and no name.
func (s *Scanner) endsStatement(i int) bool {
	if s.b[i] != '.' {
		return false
	}
	if i+1 == len(s.b) {
		return true
	}
	next := s.b[i+1]
	return next < 0x80 && chars.Class[next]&chars.Local == 0 && next != '.' && next != '%' && next != '\\'
}

// skim goes on to a place in the window, over line ends.
func (s *Scanner) skim(to int) {
	for s.pos < to {
		if c := s.b[s.pos]; c == '\n' || c == '\r' {
			s.newline()
		} else {
			s.pos++
		}
	}
}
