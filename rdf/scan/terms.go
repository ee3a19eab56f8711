package scan

import (
	"fmt"
	"unicode/utf8"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Subject skips white space and reads an IRI or a blank node. Like the other methods that read a term, it returns the
// zero Term after setting the error.
func (s *Scanner) Subject() rdf.Term { return s.resource("subject (IRI or blank node)") }

// Graph skips white space and reads the name of a graph: an IRI or a blank node.
func (s *Scanner) Graph() rdf.Term {
	return s.resource(`graph (IRI or blank node) or "." at the end of the statement`)
}

func (s *Scanner) resource(what string) rdf.Term {
	s.Space()
	if b, i := s.b, s.pos; i+1 < len(b) && s.err == nil {
		switch {
		case b[i] == '<' && b[i+1] != '<':
			if s.dialect == Patch && b[i+1] == '_' {
				return s.bracketed()
			}
			return s.iri()
		case b[i] == '_' && b[i+1] == ':':
			return s.blank(i)
		}
	}
	_ = s.Expected(what)
	return rdf.Term{}
}

// Predicate skips white space and reads an IRI.
func (s *Scanner) Predicate() rdf.Term {
	s.Space()
	return s.onlyIRI("predicate (IRI)")
}

// IRI skips white space and reads an IRI; what says what it is for.
func (s *Scanner) IRI(what string) rdf.Term {
	s.Space()
	return s.onlyIRI(what)
}

func (s *Scanner) onlyIRI(what string) rdf.Term {
	if b, i := s.b, s.pos; i+1 < len(b) && s.err == nil && b[i] == '<' && b[i+1] != '<' {
		return s.iri()
	}
	_ = s.Expected(what)
	return rdf.Term{}
}

// Object skips white space and reads any term.
func (s *Scanner) Object() rdf.Term {
	return s.Term("object (IRI, blank node, literal or triple term)")
}

// Term skips white space and reads any term; what says what it is for.
func (s *Scanner) Term(what string) rdf.Term {
	t := s.term(what)
	if len(t.String()) > s.maxTerm && !s.fits(len(t.String())) {
		return rdf.Term{}
	}
	return t
}

func (s *Scanner) term(what string) rdf.Term {
	s.Space()
	b, i := s.b, s.pos
	if i < len(b) && s.err == nil {
		switch c := b[i]; {
		case c == '"':
			return s.literal()
		case c == '<' && i+1 < len(b) && b[i+1] == '<':
			return s.tripleTerm()
		case c == '<' || c == '_':
			return s.resource(what)
		case s.dialect == Patch:
			if t, ok := s.abbreviated(); ok {
				return t
			}
		}
	}
	_ = s.Expected(what)
	return rdf.Term{}
}

// iri reads the IRI whose "<" is at the current place. The common case, ASCII without escapes, is here.
func (s *Scanner) iri() rdf.Term {
	b, i := s.b, s.pos+1
	for i < len(b) && chars.Class[b[i]]&chars.Scheme != 0 {
		i++
	}
	if i < len(b) && b[i] == ':' && chars.Class[b[s.pos+1]]&chars.Alpha != 0 {
		i++
		for i < len(b) && chars.Class[b[i]]&chars.IRI != 0 {
			i++
		}
		if i < len(b) && b[i] == '>' {
			t := rdf.Trusted(text(b[s.pos : i+1]))
			s.pos = i + 1
			return t
		}
	}
	return s.anyIRI()
}

// anyIRI reads an IRI with escapes or characters beyond ASCII, or finds what is wrong with it.
func (s *Scanner) anyIRI() rdf.Term {
	t, end := s.reference()
	if end == 0 {
		return rdf.Term{}
	}
	if !isAbsolute(t.String()[1:]) {
		_ = s.Fail(rdf.ErrInvalid, "expected an absolute IRI (with a scheme), found %q", excerpt(t.String()))
		return rdf.Term{}
	}
	s.pos = end
	return t
}

// reference reads an IRI, absolute or relative, and returns its canonical text and its end; 0 after setting the error.
func (s *Scanner) reference() (t rdf.Term, end int) {
	b, start, i := s.b, s.pos, s.pos+1
	from := -1 // where the canonical text begins in the scratch buffer; -1: in the window
	for i < len(b) && b[i] != '>' {
		r, n := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b[i:])
		}
		if r == '\\' {
			if from < 0 {
				from = len(s.scratch)
				s.scratch = append(s.scratch, b[start:i]...)
			}
			if r, n = s.escape(i); n == 0 {
				return rdf.Term{}, 0
			}
		}
		if r < utf8.RuneSelf && chars.Class[r]&chars.IRI == 0 {
			_ = s.failAt(i, nil, "expected a character of an IRI or \">\", found %s", describe(r))
			return rdf.Term{}, 0
		}
		if r == utf8.RuneError && n == 1 {
			_ = s.expectedAt(i, "an IRI in UTF-8")
			return rdf.Term{}, 0
		}
		if from >= 0 {
			s.scratch = utf8.AppendRune(s.scratch, r)
		}
		i += n
	}
	if i >= len(b) {
		_ = s.expectedAt(len(b), `">" at the end of the IRI`)
		return rdf.Term{}, 0
	}
	canonical := b[start : i+1]
	if from >= 0 {
		s.scratch = append(s.scratch, '>')
		canonical = s.scratch[from:]
	}
	return rdf.Trusted(text(canonical)), i + 1
}

// isAbsolute reports whether an IRI, whose characters have been checked, begins with a scheme and a colon.
func isAbsolute(iri string) bool {
	i := 0
	for i < len(iri) && chars.Class[iri[i]]&chars.Scheme != 0 {
		i++
	}
	return i > 0 && chars.Class[iri[0]]&chars.Alpha != 0 && i < len(iri) && iri[i] == ':'
}

func describe(r rune) string {
	switch r {
	case '\n', '\r':
		return "end of line"
	case ' ':
		return "a space"
	}
	return fmt.Sprintf("%q", string(r)) // which makes controls visible, and harmless for a terminal
}

func excerpt[T string | []byte](b T) T {
	const most = 60
	n := min(len(b), most)
	for n < len(b) && n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// escape reads \uXXXX or \UXXXXXXXX at i and returns the character and the length; 0 after setting the error.
func (s *Scanner) escape(i int) (rune, int) {
	b, digits := s.b, 4
	if i+1 < len(b) && b[i+1] == 'U' {
		digits = 8
	}
	if i+1 >= len(b) || b[i+1] != 'u' && b[i+1] != 'U' {
		_ = s.failAt(i, nil, `expected \u or \U after "\" in an IRI, found another escape`)
		return 0, 0
	}
	r := chars.Hex(b[i+2:], digits)
	switch {
	case r < 0:
		_ = s.failAt(i, nil, "expected %d hexadecimal digits after \"\\%c\"", digits, b[i+1])
	case r >= 0xD800 && r <= 0xDFFF:
		_ = s.failAt(i, nil, "expected the escape of a character, found a surrogate (U+%04X)", r)
	case r > utf8.MaxRune:
		_ = s.failAt(i, nil, "expected the escape of a character, found %X, which is above U+10FFFF", r)
	default:
		return r, digits + 2
	}
	return 0, 0
}

// blank reads the blank node whose "_:" is at i, and leaves the place behind its label.
func (s *Scanner) blank(i int) rdf.Term {
	b, end := s.b, i+2
	for end < len(b) && chars.Class[b[end]]&chars.Name != 0 {
		end++
	}
	if end == i+2 || b[i+2] == '-' || end < len(b) && (b[end] == '.' || b[end] >= utf8.RuneSelf) {
		end = i + 2 + chars.Label(b[i+2:])
	}
	if end == i+2 {
		_ = s.expectedAt(end, `a blank node label after "_:"`)
		return rdf.Term{}
	}
	s.pos = end
	if s.blankPrefix == "" {
		return rdf.Trusted(text(b[i:end]))
	}
	from := len(s.scratch)
	s.scratch = append(s.scratch, "_:"...)
	s.scratch = append(s.scratch, s.blankPrefix...)
	s.scratch = append(s.scratch, b[i+2:end]...)
	return rdf.Trusted(text(s.scratch[from:]))
}

// bracketed reads <_:label>, RDF Patch's other way to write a blank node.
func (s *Scanner) bracketed() rdf.Term {
	i := s.pos + 1
	if i+1 >= len(s.b) || s.b[i+1] != ':' {
		return s.anyIRI() // which says what is wrong
	}
	t := s.blank(i)
	if t.IsZero() {
		return t
	}
	if s.pos >= len(s.b) || s.b[s.pos] != '>' {
		_ = s.Expected(`">" after the blank node label (letters, digits, "_", "-", inner dots)`)
		return rdf.Term{}
	}
	s.pos++
	return t
}

// tripleTerm reads the triple term whose "<<" is at the current place.
func (s *Scanner) tripleTerm() rdf.Term {
	start, closer := s.pos, ")>>"
	switch {
	case start+2 < len(s.b) && s.b[start+2] == '(':
		s.pos += 3
	case s.dialect == Patch:
		s.pos += 2
		closer = ">>"
	default:
		_ = s.expectedAt(start+2, `"(" after "<<"`)
		return rdf.Term{}
	}
	if s.depth == s.maxDepth {
		_ = s.failAt(start, rdf.ErrDepthLimit, "expected at most %d nested triple terms, found more", s.maxDepth)
		return rdf.Term{}
	}
	s.depth++
	held := len(s.scratch)
	var q rdf.Quad
	if err := s.triple(&q.S, &q.P, &q.O); err != nil {
		return rdf.Term{}
	}
	s.depth--
	s.Space()
	if s.err != nil || !hasPrefix(s.b[s.pos:], closer) {
		_ = s.Expected(`"` + closer + `" at the end of the triple term`)
		return rdf.Term{}
	}
	s.pos += len(closer)
	return s.composeTriple(start, held, q)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// composeTriple returns the text from start to the current place if it is canonical, else a copy that is, in the place of
// the copies of its parts: held is what the scratch buffer held before them.
func (s *Scanner) composeTriple(start, held int, q rdf.Quad) rdf.Term {
	b := s.b
	sub := start + len("<<( ")
	pred := sub + len(q.S.String()) + 1
	obj := pred + len(q.P.String()) + 1
	end := obj + len(q.O.String())
	if s.pos == end+len(" )>>") && s.inPlace(q.S, sub) && s.inPlace(q.P, pred) && s.inPlace(q.O, obj) &&
		b[sub-1] == ' ' && b[pred-1] == ' ' && b[obj-1] == ' ' && b[end] == ' ' {
		return rdf.Trusted(text(b[start:s.pos]))
	}
	if !s.fits(end - start) {
		return rdf.Term{}
	}
	parts := len(s.scratch)
	s.compose("<<( ", q.S.String(), " ", q.P.String(), " ", q.O.String(), " )>>")
	return s.Drop(held, parts)
}

// inPlace reports whether the text of t is that of the window at i.
func (s *Scanner) inPlace(t rdf.Term, i int) bool {
	return i < len(s.b) && unsafe.StringData(t.String()) == &s.b[i]
}

// compose writes a term to the scratch buffer. Parts may lie in it.
func (s *Scanner) compose(parts ...string) rdf.Term {
	from := len(s.scratch)
	for _, part := range parts {
		s.scratch = append(s.scratch, part...)
	}
	return rdf.Trusted(text(s.scratch[from:]))
}
