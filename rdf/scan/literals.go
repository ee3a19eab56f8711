package scan

import (
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf"
)

// The datatypes that the canonical text omits or that a literal can't be written with.
const (
	stringType  = "<" + rdf.XSDString + ">"
	langType    = "<" + rdf.LangString + ">"
	dirLangType = "<" + rdf.DirLangString + ">"
)

// literal reads the literal whose double quote is at the current place.
func (s *Scanner) literal() rdf.Term {
	start := s.pos
	if s.dialect == Patch && s.atLong('"') || !s.plainString() {
		return s.quotedTerm('"')
	}
	b, i := s.b, s.pos
	if i+1 < len(b) && b[i] == ' ' && b[i+1] != '@' && b[i+1] != '^' && b[i+1] != ' ' && b[i+1] != '\t' {
		return rdf.Trusted(text(b[start:i]))
	}
	return s.suffix(start, rdf.Trusted(text(b[start:i])))
}

// plainString goes behind the closing quote of a string whose body is canonical as it stands. If it is not (or not a
// string at all), it reports false and stays where it is.
func (s *Scanner) plainString() bool {
	b, i := s.b, s.pos+1
	for {
		for i < len(b) && chars.Class[b[i]]&chars.Plain != 0 {
			i++
		}
		if i+1 >= len(b) {
			if i < len(b) && b[i] == '"' {
				break
			}
			return false
		}
		c := b[i]
		if c == '"' {
			break
		}
		switch {
		case c == '\\':
			switch b[i+1] {
			case 't', 'b', 'n', 'r', 'f', '"', '\\':
				i += 2
			default:
				return false
			}
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF {
				return false
			}
			i += n
		default:
			return false
		}
	}
	s.pos = i + 1
	return true
}

// atLong reports whether a string in three quotes begins here.
func (s *Scanner) atLong(quote byte) bool {
	b := s.b[s.pos:]
	return len(b) >= 3 && b[1] == quote && b[2] == quote && b[0] == quote
}

// quotedTerm reads a literal whose string needs a canonical copy.
func (s *Scanner) quotedTerm(quote byte) rdf.Term {
	start := s.pos
	lexical := s.copied(quote)
	if lexical.IsZero() {
		return lexical
	}
	return s.suffix(start, lexical)
}

// copied reads a string, without datatype or language tag, and returns its canonical copy in the scratch buffer; the
// zero Term after setting the error.
func (s *Scanner) copied(quote byte) rdf.Term {
	from := len(s.scratch)
	read := s.quoted
	if s.dialect == Patch && s.atLong(quote) {
		read = s.longQuoted
	}
	if !read(quote) {
		return rdf.Term{}
	}
	return rdf.Trusted(text(s.scratch[from:]))
}

// longestEscape is how many bytes one becomes at most.
const longestEscape = len(`\u0000`)

// quoted copies the string whose opening quote is at the current place to the scratch buffer, canonical, with double
// quotes, and goes behind its closing quote. It reports false after setting the error.
func (s *Scanner) quoted(quote byte) bool {
	b, i, from := s.b, s.pos+1, len(s.scratch)
	mayBeLong := s.pos + s.maxTerm/longestEscape
	s.scratch = append(s.scratch, '"')
	for i < len(b) && b[i] != quote {
		if b[i] == '\n' || b[i] == '\r' {
			_ = s.failAt(i, nil, "expected the closing quote of the string, found end of line")
			return false
		}
		r, n := s.stringRune(i)
		if n == 0 {
			return false
		}
		s.scratch = chars.AppendRune(s.scratch, r)
		i += n
		if i > mayBeLong && !s.fits(len(s.scratch)-from) {
			return false
		}
	}
	if i >= len(b) {
		_ = s.expectedAt(len(b), "the closing quote of the string")
		return false
	}
	s.scratch = append(s.scratch, '"')
	s.pos = i + 1
	return true
}

// longQuoted is quoted for a string in three quotes, which may have line ends and quotes in it.
func (s *Scanner) longQuoted(quote byte) bool {
	from := len(s.scratch)
	s.pos += 3
	s.scratch = append(s.scratch, '"')
	if s.longBody(quote, from) {
		return true
	}
	if s.err == nil {
		_ = s.Expected("the closing quotes of the string")
		s.awaits = quote
	}
	return false
}

// longBody copies the body of a string in three quotes, whose canonical text begins at begin in the scratch buffer, and
// goes behind them. It reports false at the end of the window, and after setting the error.
func (s *Scanner) longBody(quote byte, begin int) bool {
	for s.pos < len(s.b) && !s.atLong(quote) {
		if len(s.scratch)-begin > s.maxTerm {
			return s.fits(len(s.scratch) - begin)
		}
		from := s.pos
		switch c := s.b[from]; {
		case c == '\n' || c == '\r':
			if s.lastLine > 0 {
				s.lastLine++ // which bounds the lines between terms
			}
			s.newline()
			s.scratch = rdf.AppendEscaped(s.scratch, text(s.b[from:s.pos]))
		case chars.Class[c]&chars.Plain != 0 && c != quote:
			s.plainRun(quote)
		default:
			r, n := s.stringRune(from)
			if n == 0 {
				return false
			}
			s.scratch = chars.AppendRune(s.scratch, r)
			s.pos += n
		}
	}
	if s.pos >= len(s.b) {
		return false
	}
	s.scratch = append(s.scratch, '"')
	s.pos += 3
	return true
}

// plainRun copies what stands for itself, up to a quote.
func (s *Scanner) plainRun(quote byte) {
	b, i := s.b, s.pos
	for i < len(b) && chars.Class[b[i]]&chars.Plain != 0 && b[i] != quote {
		i++
	}
	s.scratch = append(s.scratch, b[s.pos:i]...)
	s.pos = i
}

// stringRune reads the character or escape in a string at i and returns it and its length; 0 after setting the error.
func (s *Scanner) stringRune(i int) (rune, int) {
	switch c := s.b[i]; {
	case c == '\\':
		return s.stringEscape(i)
	case c < utf8.RuneSelf:
		return rune(c), 1
	}
	r, n := utf8.DecodeRune(s.b[i:])
	if r == utf8.RuneError && n == 1 {
		_ = s.expectedAt(i, "a string in UTF-8")
		return 0, 0
	}
	return r, n
}

// stringEscape reads an escape in a string at i and returns the character and the length; 0 after setting the error.
func (s *Scanner) stringEscape(i int) (rune, int) {
	if i+1 >= len(s.b) {
		_ = s.expectedAt(len(s.b), `an escape after "\"`)
		return 0, 0
	}
	c := s.b[i+1]
	if r, ok := chars.Escaped(c); ok {
		return r, 2
	}
	if c == 'u' || c == 'U' {
		return s.escape(i)
	}
	_ = s.failAt(i, nil, `expected one of \t \b \n \r \f \" \' \\ \u \U, found another escape`)
	return 0, 0
}

// suffix reads the datatype or language tag, if there is one, of a literal that began at start. lexical is its quoted
// string, in the window or in the scratch buffer.
func (s *Scanner) suffix(start int, lexical rdf.Term) rdf.Term {
	end := s.pos
	s.Blanks()
	if s.pos < len(s.b) {
		switch s.b[s.pos] {
		case '^':
			return s.datatype(start, end, lexical)
		case '@':
			return s.lang(start, end, lexical)
		}
	}
	return lexical
}

func (s *Scanner) datatype(start, end int, lexical rdf.Term) rdf.Term {
	if !s.carets() {
		return rdf.Term{}
	}
	s.Blanks()
	at := s.pos
	datatype := s.onlyIRI("datatype (IRI)")
	switch t := datatype.String(); len(t) {
	case 0:
		return rdf.Term{}
	case len(stringType), len(langType), len(dirLangType):
		if t == stringType {
			return lexical
		}
		if needsTag(t) {
			_ = s.failAt(at, nil, needsTagMsg, t)
			return rdf.Term{}
		}
	}
	if s.inPlace(lexical, start) && at == end+2 && s.inPlace(datatype, at) {
		return rdf.Trusted(text(s.b[start:s.pos]))
	}
	return s.compose(lexical.String(), "^^", datatype.String())
}

const needsTagMsg = "expected a datatype, found %s, which needs a language tag in its place"

// needsTag reports whether an IRI, in angle brackets, is the datatype of literals with a language tag.
func needsTag(iri string) bool { return iri == langType || iri == dirLangType }

// carets takes the "^^" before a datatype, of which the first is there.
func (s *Scanner) carets() bool {
	if s.pos+1 >= len(s.b) || s.b[s.pos+1] != '^' {
		_ = s.expectedAt(s.pos+1, `"^^" before the datatype`)
		return false
	}
	s.pos += 2
	return true
}

func (s *Scanner) lang(start, end int, lexical rdf.Term) rdf.Term {
	b, at := s.b, s.pos+1
	n, capitals, long := chars.Lang(b[at:])
	if n == 0 {
		_ = s.expectedAt(at, `a language tag after "@"`)
		return rdf.Term{}
	}
	if long {
		_ = s.failAt(at, nil, "expected a language tag with parts of at most 8 characters, found %q", excerpt(b[at:at+n]))
		return rdf.Term{}
	}
	i := at + n
	if i+1 < len(b) && b[i] == '-' && b[i+1] == '-' {
		i = s.direction(i + 2)
		if i == 0 {
			return rdf.Term{}
		}
	} else if i < len(b) && b[i] == '-' {
		_ = s.expectedAt(i+1, `a part of the language tag after "-"`)
		return rdf.Term{}
	}
	s.pos = i
	if (!capitals || s.keepsCase) && at == end+1 && s.inPlace(lexical, start) {
		return rdf.Trusted(text(b[start:i]))
	}
	t := s.compose(lexical.String(), "@")
	if s.keepsCase {
		s.scratch = append(s.scratch, b[at:i]...)
	} else {
		s.scratch = chars.AppendLower(s.scratch, b[at:i])
	}
	return rdf.Trusted(text(s.scratch[len(s.scratch)-len(t.String())-(i-at):]))
}

// direction reads the base direction at i and returns its end; 0 after setting the error.
func (s *Scanner) direction(i int) int {
	end := i
	for end < len(s.b) && chars.Class[s.b[end]]&(chars.Alpha|chars.Digit) != 0 {
		end++
	}
	if d := string(s.b[i:end]); d != "ltr" && d != "rtl" {
		_ = s.failAt(i, nil, "expected base direction \"ltr\" or \"rtl\", found %q", excerpt(s.b[i:end]))
		return 0
	}
	return end
}

// String skips white space and reads a plain string without datatype or language tag; what says what it is for. The
// result shares memory as terms do. ok is false after setting the error.
func (s *Scanner) String(what string) (value string, ok bool) {
	s.Space()
	if s.err != nil || s.pos >= len(s.b) || s.b[s.pos] != '"' && (s.b[s.pos] != '\'' || s.dialect != Patch) {
		_ = s.Expected(what)
		return "", false
	}
	start := s.Mark()
	t := s.copied(s.b[s.pos])
	if t.IsZero() {
		return "", false
	}
	if s.Blanks(); s.pos < len(s.b) && (s.b[s.pos] == '^' || s.b[s.pos] == '@') {
		_ = s.FailAt(start, nil, "expected %s, found a literal with a datatype or language tag", what)
		return "", false
	}
	return t.Value(), true
}

// abbreviated reads a term that RDF Patch may write and N-Quads may not. ok is false if there is none here.
func (s *Scanner) abbreviated() (t rdf.Term, ok bool) {
	switch c := s.b[s.pos]; {
	case c == '\'':
		return s.quotedTerm('\''), true
	case c == '+' || c == '-' || c == '.' || chars.Class[c]&chars.Digit != 0:
		return s.number()
	}
	at := s.Mark()
	switch word := s.Word(); word {
	case "true", "false":
		return s.compose(`"`, word, `"^^<`+rdf.XSDBoolean+`>`), true
	}
	s.Back(at)
	return rdf.Term{}, false
}

// number reads an integer, decimal or double as Turtle writes them (productions INTEGER, DECIMAL and DOUBLE). A dot
// that no digit or exponent follows is the end of the row.
func (s *Scanner) number() (t rdf.Term, ok bool) {
	b, i := s.b, s.pos
	if b[i] == '+' || b[i] == '-' {
		i++
	}
	digits, datatype := s.digits(i), `"^^<`+rdf.XSDInteger+`>`
	end := i + digits
	if end < len(b) && b[end] == '.' {
		if fraction := s.digits(end + 1); fraction > 0 {
			digits += fraction
			end += 1 + fraction
			datatype = `"^^<` + rdf.XSDDecimal + `>`
		} else if digits > 0 && s.exponent(end+1) > 0 {
			end++
		}
	}
	if digits == 0 {
		return rdf.Term{}, false
	}
	if n := s.exponent(end); n > 0 {
		end += n
		datatype = `"^^<` + rdf.XSDDouble + `>`
	}
	if s.dialect == Patch && end < len(b) && (chars.Class[b[end]]&chars.Name != 0 || b[end] == ':' || b[end] >= utf8.RuneSelf) {
		_ = s.expectedAt(end, "the end of the number")
		return rdf.Term{}, true
	}
	lexical := text(b[s.pos:end])
	s.pos = end
	return s.compose(`"`, lexical, datatype), true
}

// digits counts the digits at i.
func (s *Scanner) digits(i int) int {
	end := i
	for end < len(s.b) && chars.Class[s.b[end]]&chars.Digit != 0 {
		end++
	}
	return end - i
}

// exponent returns the length of the exponent at i, 0 if there is none.
func (s *Scanner) exponent(i int) int {
	if i >= len(s.b) || s.b[i] != 'e' && s.b[i] != 'E' {
		return 0
	}
	sign := 0
	if i+1 < len(s.b) && (s.b[i+1] == '+' || s.b[i+1] == '-') {
		sign = 1
	}
	digits := s.digits(i + 1 + sign)
	if digits == 0 {
		return 0
	}
	return 1 + sign + digits
}
