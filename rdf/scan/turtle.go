package scan

import (
	"strings"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf"
)

// The methods of this file read tokens of Turtle and TriG. A token stands in one line, so that a window holds it whole;
// only a string in three quotes does not, and is read in parts.

// Token skips white space and comments, and returns the first byte of the next token. ok is false at the end of the
// window, and after an error.
func (s *Scanner) Token() (c byte, ok bool) {
	b, i := s.b, s.pos
	for i < len(b) && (b[i] == ' ' || b[i] == '\n') {
		if i++; b[i-1] == '\n' { // the line end that nearly all documents have; the others are for Space
			s.place = place{line: s.place.line + 1, start: i}
		}
	}
	if s.pos = i; i < len(b) && b[i] > ' ' && b[i] != '#' && s.err == nil {
		return b[i], true
	}
	if s.Space(); s.err != nil || s.pos >= len(s.b) {
		return 0, false
	}
	return s.b[s.pos], true
}

// Rest returns what of the window has not been read, which nobody may change.
func (s *Scanner) Rest() []byte { return s.b[s.pos:] }

// Skip goes on by n bytes of [Scanner.Rest], none of which may be a line end.
func (s *Scanner) Skip(n int) { s.pos += n }

// Held is the number of bytes in the scratch buffer. They are a stack: what was put there last is given up first.
func (s *Scanner) Held() int { return len(s.scratch) }

// Release gives up what was put into the scratch buffer since it held n bytes, and the terms that are there.
func (s *Scanner) Release(n int) { s.scratch = s.scratch[:n] }

// Drop gives up the bytes of the scratch buffer from to to, moves what is behind them down, and returns that as a term.
func (s *Scanner) Drop(from, to int) rdf.Term {
	n := copy(s.scratch[from:], s.scratch[to:])
	s.scratch = s.scratch[:from+n]
	return rdf.Trusted(text(s.scratch[from:]))
}

// Put writes parts of the text of a term to the scratch buffer and returns the term. A part may lie in the buffer.
func (s *Scanner) Put(parts ...string) rdf.Term { return s.compose(parts...) }

// Expand is Put for the two parts of an IRI in angle brackets, the first with the opening one, the second without the
// closing one; with escaped, backslashes are left out of the second.
func (s *Scanner) Expand(begin, local string, escaped bool) rdf.Term {
	from := len(s.scratch)
	s.scratch = append(s.scratch, begin...)
	for escaped {
		var plain string
		if plain, local, escaped = strings.Cut(local, "\\"); escaped {
			s.scratch = append(s.scratch, plain...)
			s.scratch = append(s.scratch, local[0])
			local = local[1:]
		} else {
			local = plain
		}
	}
	s.scratch = append(s.scratch, local...)
	s.scratch = append(s.scratch, '>')
	return rdf.Trusted(text(s.scratch[from:]))
}

// Reference reads the IRI whose "<" is at the current place. Its characters are checked, but it may be relative.
func (s *Scanner) Reference() (t rdf.Term, absolute bool) {
	b, start := s.b, s.pos
	i := start + 1
	for i < len(b) && chars.Class[b[i]]&chars.IRI != 0 {
		i++
	}
	if i < len(b) && b[i] == '>' {
		s.pos = i + 1
		t = rdf.Trusted(text(b[start:s.pos]))
		return t, isAbsolute(t.String()[1:])
	}
	t, end := s.reference()
	if end == 0 {
		return rdf.Term{}, false
	}
	s.pos = end
	return t, isAbsolute(t.String()[1:])
}

// Label reads the blank node whose "_:" is at the current place, and returns it as it is written; the zero Term after
// setting the error.
func (s *Scanner) Label() rdf.Term {
	if s.pos+1 >= len(s.b) || s.b[s.pos+1] != ':' {
		_ = s.expectedAt(s.pos+1, `":" after "_"`)
		return rdf.Term{}
	}
	n := chars.Label(s.b[s.pos+2:])
	if n == 0 {
		_ = s.expectedAt(s.pos+2, `a blank node label after "_:"`)
		return rdf.Term{}
	}
	t := rdf.Trusted(text(s.b[s.pos : s.pos+2+n]))
	s.pos += 2 + n
	return t
}

// Name reads a prefixed name. ok is false if there is none at the current place; escaped says that the local part has
// backslashes, which stand for the character behind them.
func (s *Scanner) Name() (prefix, local string, escaped, ok bool) {
	b := s.b[s.pos:]
	colon := 0
	for colon < len(b) && chars.Class[b[colon]]&chars.Name != 0 {
		colon++
	}
	if colon >= len(b) || b[colon] != ':' || colon > 0 && chars.Class[b[0]]&chars.Alpha == 0 {
		if colon = chars.PrefixEnd(b); colon < 0 {
			return "", "", false, false
		}
	}
	end := colon + 1
	for end < len(b) && chars.Class[b[end]]&chars.Local != 0 {
		end++
	}
	if end < len(b) && (b[end] == '.' || b[end] == '%' || b[end] == '\\' || b[end] >= 0x80) ||
		end > colon+1 && b[colon+1] == '-' {
		end, escaped = chars.LocalName(b[colon+1:])
		end += colon + 1
	}
	s.pos += end
	return text(b[:colon]), text(b[colon+1 : end]), escaped, true
}

// PrefixName reads the name of a prefix and its colon, without a local part.
func (s *Scanner) PrefixName() (prefix string, ok bool) {
	b := s.b[s.pos:]
	colon := chars.PrefixEnd(b)
	if colon < 0 {
		return "", false
	}
	s.pos += colon + 1
	return text(b[:colon]), true
}

// Quoted reads the string whose quote is at the current place. If it is in three quotes, it goes behind them, puts the
// beginning of the canonical string into the scratch buffer, and reports long: go on with [Scanner.Long]. Otherwise the
// zero Term comes after an error.
func (s *Scanner) Quoted() (lexical rdf.Term, long bool) {
	quote, start := s.b[s.pos], s.pos
	if s.atLong(quote) {
		s.pos += 3
		s.scratch = append(s.scratch, '"')
		return rdf.Term{}, true
	}
	if quote == '"' && s.plainString() {
		return rdf.Trusted(text(s.b[start:s.pos])), false
	}
	from := len(s.scratch)
	if !s.quoted(quote) {
		return rdf.Term{}, false
	}
	return rdf.Trusted(text(s.scratch[from:])), false
}

// Long goes on with a string in three quotes whose canonical text begins at from in the scratch buffer. done is false at
// the end of the window, and after an error.
func (s *Scanner) Long(quote byte, from int) (lexical rdf.Term, done bool) {
	if s.longBody(quote, from) {
		return rdf.Trusted(text(s.scratch[from:])), true
	}
	return rdf.Term{}, false
}

// Tagged reads the language tag whose "@" is at the current place, and returns the literal that it makes of a string.
func (s *Scanner) Tagged(lexical rdf.Term) rdf.Term {
	return s.lang(max(0, s.pos-len(lexical.String())), s.pos, lexical)
}

// Carets takes the "^^" before a datatype, of which the first is at the current place. It reports false after setting
// the error.
func (s *Scanner) Carets() bool { return s.carets() }

// Typed returns the literal of a string and a datatype; the zero Term after setting the error, at m.
func (s *Scanner) Typed(lexical, datatype rdf.Term, m Mark) rdf.Term {
	switch t := datatype.String(); {
	case t == stringType:
		return s.compose(lexical.String()) // what is in the scratch buffer is above the rest
	case needsTag(t):
		_ = s.FailAt(m, nil, needsTagMsg, t)
		return rdf.Term{}
	}
	from := len(s.scratch)
	s.scratch = append(s.scratch, lexical.String()...)
	s.scratch = append(s.scratch, "^^"...)
	s.scratch = append(s.scratch, datatype.String()...)
	return rdf.Trusted(text(s.scratch[from:]))
}

// Number reads an integer, decimal or double. ok is false if there is none at the current place.
func (s *Scanner) Number() (t rdf.Term, ok bool) { return s.number() }
