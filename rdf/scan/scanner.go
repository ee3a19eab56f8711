// Package scan reads the terms that N-Triples, N-Quads and RDF Patch share, and the tokens of Turtle and TriG. It is the
// common ground of their parsers, and for whoever writes a parser for a format of that family; to read documents use
// rdf/nquads, rdf/turtle or patch.
//
// [Input] cuts a document, in memory or from a reader, into windows of whole lines; a [Scanner] reads terms from a
// window without allocating: a term whose text is canonical shares the window's memory, any other is written to a
// scratch buffer that the next statement uses again.
//
// Sources: RDF 1.1 and 1.2 N-Triples, N-Quads and Turtle, section "Grammar"; RDF 1.2 N-Triples, section "Canonical form".
package scan

import (
	"bytes"
	"fmt"
	"unicode/utf8"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/chars"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Dialect is a way of writing terms.
type Dialect uint8

const (
	// NQuads is the grammar of N-Triples and N-Quads: white space inside a statement is spaces and tabs.
	NQuads Dialect = iota
	// Patch is RDF Patch: also line ends and comments as white space, numbers, true and false without quotes, strings
	// in single quotes or three quotes, triple terms as << s p o >>, and blank nodes as <_:label>.
	Patch
	// Turtle is Turtle and TriG, read token by token: line ends and comments are white space, an IRI may be relative
	// (see [Scanner.Reference]). What tokens mean together is for the caller.
	Turtle
)

// DefaultDepth is how deeply triple terms may be nested unless the caller says otherwise.
const DefaultDepth = rdf.MaxTripleDepth

// Scanner reads terms from a window. The zero Scanner is not ready: use [New]. The first error stays (see
// [Scanner.Err]). A Scanner is used by one goroutine at a time.
type Scanner struct {
	b       []byte
	pos     int
	scratch []byte
	place   place

	dialect     Dialect
	lastLine    int  // the line that the statement must end on; 0: any
	awaits      byte // see Awaits
	depth       int  // triple terms that are open
	maxDepth    int
	maxTerm     int
	blankPrefix string
	keepsCase   bool // of language tags
	file        string
	err         error
}

// place is where the current line is.
type place struct {
	line   int // from 1
	start  int // offset in the window of the line's first byte, or 0 if it began before the window
	before int // characters of the line that stand before the window
}

// New returns a scanner at line 1. maxDepth bounds the nesting of triple terms; 0 means [DefaultDepth]. maxTerm bounds the
// bytes of a term; see [TermLimit].
func New(d Dialect, maxDepth, maxTerm int) *Scanner {
	if maxDepth <= 0 {
		maxDepth = DefaultDepth
	}
	return &Scanner{dialect: d, maxDepth: maxDepth, maxTerm: TermLimit(maxTerm), place: place{line: 1}}
}

// SetFile sets the name that errors carry.
func (s *Scanner) SetFile(name string) { s.file = name }

// SetLanguageCase says whether language tags stay as they are written; else they are made lower case, so that tags that
// differ in case alone make equal terms.
func (s *Scanner) SetLanguageCase(keep bool) { s.keepsCase = keep }

// SetBlankPrefix puts prefix before every blank node label read. It returns an error if such labels could not be
// written. It is for labels that are local to a document and must not meet those of another one.
func (s *Scanner) SetBlankPrefix(prefix string) error {
	if prefix != "" {
		if _, err := rdf.Blank(prefix + "x"); err != nil {
			return fmt.Errorf("prefix for blank node labels: %w", err)
		}
	}
	s.blankPrefix = prefix
	return nil
}

// Reset makes the scanner begin a new document at line 1.
func (s *Scanner) Reset(window []byte) {
	s.b, s.pos, s.place, s.err, s.depth, s.lastLine = window, 0, place{line: 1}, nil, 0, 0
	s.scratch = s.scratch[:0]
}

// Leave returns [Scanner.Offset] and counts what has been read of the line, for the window may be overwritten when the next one
// is read.
func (s *Scanner) Leave() int {
	s.place.before += utf8.RuneCount(s.b[s.place.start:s.pos])
	s.place.start = s.pos
	return s.pos
}

// Continue goes on with another window of the same document, after [Scanner.Leave]. Its first byte is the one at the offset
// of that.
func (s *Scanner) Continue(window []byte) {
	s.place.start = 0
	s.b, s.pos = window, 0
}

// Mark is a place to come back to.
type Mark struct {
	pos   int
	place place
}

// Mark returns the current place in the window.
func (s *Scanner) Mark() Mark { return Mark{s.pos, s.place} }

// Back returns to a place in the same window.
func (s *Scanner) Back(m Mark) { s.pos, s.place = m.pos, m.place }

// Retry returns to a place in the same window and clears the error: what stands there is read again once more of it has
// come (see [Scanner.CutOff]).
func (s *Scanner) Retry(m Mark) {
	s.Back(m)
	s.err, s.depth, s.lastLine = nil, 0, 0
}

// Recover clears the error, if what it is about ends with a line, and goes behind the end of that line. It reports false
// where nothing can be read on: without an error, and at the end of the window.
func (s *Scanner) Recover() bool {
	if s.err == nil {
		return false
	}
	end := bytes.IndexAny(s.b[min(s.pos, len(s.b)):], "\n\r")
	s.err, s.depth, s.lastLine, s.awaits = nil, 0, 0, 0
	if end < 0 {
		s.pos = len(s.b)
		return false
	}
	s.pos += end
	s.newline()
	return true
}

// Begin starts a statement: the scratch buffer, and with it the terms of earlier statements, is given up. Line ends
// inside the statement, but for those in strings, are an error from the given number on, until the next call of
// [Scanner.End].
func (s *Scanner) Begin(lines int) {
	s.scratch = s.scratch[:0]
	s.lastLine = s.place.line + lines - 1
	s.awaits = 0
}

// Awaits returns the quote of the string in three quotes that the window cuts off, so that the statement can't be read
// before three of it have come; 0 if there is none.
func (s *Scanner) Awaits() byte { return s.awaits }

// End ends a statement.
func (s *Scanner) End() { s.lastLine = 0 }

// Offset is the place in the window up to which it has been read.
func (s *Scanner) Offset() int { return s.pos }

// Line is the current line, from 1.
func (s *Scanner) Line() int { return s.place.line }

// Err returns the first error, a [*rdf.SyntaxError].
func (s *Scanner) Err() error { return s.err }

// CutOff reports whether the error is at the very end of the window, so that it may be for want of more.
func (s *Scanner) CutOff() bool { return s.err != nil && s.pos >= len(s.b) }

// Fail sets the error at the current place, unless there is one, and returns it. cause may be nil.
func (s *Scanner) Fail(cause error, format string, args ...any) error {
	return s.failAt(s.pos, cause, format, args...)
}

// FailAt is Fail at an earlier place.
func (s *Scanner) FailAt(m Mark, cause error, format string, args ...any) error {
	if s.err == nil {
		s.Back(m)
	}
	return s.failAt(s.pos, cause, format, args...)
}

func (s *Scanner) failAt(at int, cause error, format string, args ...any) error {
	if s.err != nil {
		return s.err
	}
	s.pos = at
	s.err = &rdf.SyntaxError{
		File: s.file,
		Line: s.place.line,
		Col:  s.place.before + utf8.RuneCount(s.b[s.place.start:at]) + 1,
		Msg:  fmt.Sprintf(format, args...),
		Err:  cause,
	}
	return s.err
}

// Expected sets the error "expected what, found …" at the current place and returns it.
func (s *Scanner) Expected(what string) error { return s.expectedAt(s.pos, what) }

func (s *Scanner) expectedAt(at int, what string) error {
	return s.failAt(at, nil, "expected %s, found %s", what, s.found(at))
}

// found describes what stands at a place.
func (s *Scanner) found(at int) string {
	if at >= len(s.b) {
		return "end of input"
	}
	rest := s.b[at:]
	switch c := rest[0]; {
	case c == '\n' || c == '\r':
		return "end of line"
	case c == '"':
		return "a literal"
	case c == '<' && len(rest) > 1 && rest[1] == '<':
		return "a triple term"
	case c == '<':
		return "an IRI"
	case c == '_' && len(rest) > 1 && rest[1] == ':':
		return "a blank node"
	case c == '.' && s.dialect != Turtle:
		return "the end of the row, \".\""
	case s.dialect == Turtle && chars.PrefixEnd(rest) >= 0:
		return fmt.Sprintf("prefixed name \"%s:…\"", excerpt(rest[:chars.PrefixEnd(rest)]))
	case chars.Class[c]&chars.Name != 0:
		return s.foundWord(rest)
	}
	r, n := utf8.DecodeRune(rest)
	if r == utf8.RuneError && n == 1 {
		return fmt.Sprintf("byte 0x%02X, which is not valid UTF-8", rest[0])
	}
	return fmt.Sprintf("%q", string(r))
}

func (s *Scanner) foundWord(rest []byte) string {
	const most = 30
	n := min(chars.Label(rest), most)
	for !utf8.Valid(rest[:n]) {
		n--
	}
	n = max(n, 1)
	if n < len(rest) && rest[n] == ':' && s.dialect != Turtle {
		return fmt.Sprintf("prefixed name \"%s:…\" (prefixes are not expanded: write the IRI in full)", rest[:n])
	}
	return fmt.Sprintf("%q", rest[:n])
}

// Blanks skips spaces and tabs.
func (s *Scanner) Blanks() {
	b, i := s.b, s.pos
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	s.pos = i
}

// Space skips what the dialect allows between two terms. A comment that is not valid UTF-8 is an error.
func (s *Scanner) Space() {
	b, i := s.b, s.pos
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	s.pos = i
	if s.dialect != NQuads && i < len(b) && (b[i] == '\n' || b[i] == '\r' || b[i] == '#') {
		s.Lines()
	}
}

// Lines skips blank lines, comments, spaces and tabs, and reports whether anything is left.
func (s *Scanner) Lines() bool {
	for s.err == nil && s.pos < len(s.b) {
		switch s.b[s.pos] {
		case ' ', '\t':
			s.pos++
		case '\n', '\r':
			s.newline()
		case '#':
			s.Comment()
		default:
			return true
		}
	}
	return false
}

// SkipLine goes behind the next n bytes, whose last one is a line end, and the only one.
func (s *Scanner) SkipLine(n int) {
	s.pos += n
	s.place = place{line: s.place.line + 1, start: s.pos}
}

// newline takes one line end: LF, CR, or CR LF.
func (s *Scanner) newline() {
	if s.place.line == s.lastLine {
		_ = s.Fail(errLines, "expected the end of the statement, which is spread over too many lines")
		return
	}
	if s.b[s.pos] == '\r' && s.pos+1 < len(s.b) && s.b[s.pos+1] == '\n' {
		s.pos++
	}
	s.pos++
	s.place = place{line: s.place.line + 1, start: s.pos}
}

// Comment skips a comment up to its line end.
func (s *Scanner) Comment() {
	b, i := s.b, s.pos
	for i < len(b) && b[i] != '\n' && b[i] != '\r' {
		i++
	}
	if text := b[s.pos:i]; !utf8.Valid(text) {
		valid := s.pos
		for {
			r, n := utf8.DecodeRune(b[valid:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			valid += n
		}
		_ = s.expectedAt(valid, "a comment in UTF-8")
		return
	}
	s.pos = i
}

// EndOfLine takes the rest of a line of N-Quads after the statement: spaces, a comment, the line end.
func (s *Scanner) EndOfLine() error {
	s.Blanks()
	if s.pos < len(s.b) && s.b[s.pos] == '#' {
		s.Comment()
	}
	switch {
	case s.err != nil:
	case s.pos == len(s.b):
	case s.b[s.pos] == '\n' || s.b[s.pos] == '\r':
		s.newline()
	default:
		return s.Expected("end of line after the statement")
	}
	return s.err
}

// Dot takes the dot that ends a statement.
func (s *Scanner) Dot() error {
	if s.AtDot() {
		s.pos++
		return nil
	}
	return s.Expected(`"." at the end of the statement`)
}

// AtDot skips white space and reports whether a dot comes next. It takes nothing but the white space.
func (s *Scanner) AtDot() bool {
	s.Space()
	return s.err == nil && s.pos < len(s.b) && s.b[s.pos] == '.'
}

// Word takes a word: a letter, then letters, digits, "_" and "-". It returns "" if there is none, or if what is there
// goes on with a colon and so is a prefixed name.
func (s *Scanner) Word() string {
	b, i := s.b, s.pos
	if i >= len(b) || chars.Class[b[i]]&chars.Alpha == 0 {
		return ""
	}
	for i < len(b) && chars.Class[b[i]]&chars.Name != 0 {
		i++
	}
	if i < len(b) && (b[i] == ':' || b[i] >= utf8.RuneSelf) {
		return ""
	}
	word := text(b[s.pos:i])
	s.pos = i
	return word
}

// Bare takes a word of RDF Patch that stands for a string: what could be a prefix in Turtle, without a colon behind it. It
// returns "" if there is none.
func (s *Scanner) Bare() string {
	b := s.b[s.pos:]
	n := chars.Label(b)
	if n == 0 || n < len(b) && b[n] == ':' || !chars.Prefix(text(b[:n])) {
		return ""
	}
	s.pos += n
	return text(b[:n])
}

// Directive takes the given word (see [Scanner.Word]) and reports true if it stands here.
func (s *Scanner) Directive(word string) bool {
	if s.pos >= len(s.b) || s.b[s.pos] != word[0] {
		return false
	}
	at := s.Mark()
	if s.Word() == word {
		return true
	}
	s.Back(at)
	return false
}

// Quad reads subject, predicate, object, the graph if there is one, and the dot.
func (s *Scanner) Quad(q *rdf.Quad) error {
	if err := s.triple(&q.S, &q.P, &q.O); err != nil {
		return err
	}
	if s.AtDot() {
		s.pos++
		q.G = rdf.Term{}
		return nil
	}
	if q.G = s.Graph(); q.G.IsZero() || !s.fits(len(q.G.String())) {
		return s.err
	}
	return s.Dot()
}

// fits reports whether a term may have that many bytes, and sets the error if it may not.
func (s *Scanner) fits(bytes int) bool {
	if bytes > s.maxTerm {
		_ = s.Fail(rdf.ErrTermLimit, "expected a term of at most %d bytes as N-Triples has it, found a longer one", s.maxTerm)
		return false
	}
	return true
}

// Triple reads subject, predicate, object and the dot.
func (s *Scanner) Triple(q *rdf.Quad) error {
	q.G = rdf.Term{}
	if err := s.triple(&q.S, &q.P, &q.O); err != nil {
		return err
	}
	return s.Dot()
}

func (s *Scanner) triple(subject, predicate, object *rdf.Term) error {
	if *subject = s.Subject(); subject.IsZero() {
		return s.err
	}
	if *predicate = s.Predicate(); predicate.IsZero() {
		return s.err
	}
	if *object = s.Object(); object.IsZero() {
		return s.err
	}
	s.fits(max(len(subject.String()), len(predicate.String())))
	return s.err
}

// IsPrefix reports whether s may be the name of a prefix in Turtle, without the colon (PN_PREFIX, or empty).
func IsPrefix(s string) bool { return chars.Prefix(s) }

// text makes a string of bytes that stay as they are for as long as the string is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

var errLines = fmt.Errorf("number of lines %w", rdf.ErrLimit)
