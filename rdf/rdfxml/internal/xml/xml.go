// Package xml reads the tokens of an XML document with namespaces, as RDF/XML needs them: in one pass, in bounded memory,
// with the place of each.
//
// The document has to be well-formed, and its namespaces too. Text comes in pieces, so that an element may have any length.
// No memory is allocated per token. Nothing outside of the document is ever read: a DTD that is elsewhere is passed over, and a
// reference to an entity that is elsewhere is an error. Entities that the document declares stand for text, within a bound of
// what they may make of it.
//
// Sources: XML 1.0 (fifth edition), Namespaces in XML 1.0 (third edition).
package xml

import "io"

// Namespaces that are bound in every document.
const (
	// Namespace is what the prefix xml stands for.
	Namespace = "http://www.w3.org/XML/1998/namespace"
	// XMLNS is what the prefix xmlns stands for, which declares others.
	XMLNS = "http://www.w3.org/2000/xmlns/"
)

// Kind says what a token is.
type Kind uint8

// The kinds of token.
const (
	// None is no token: there was an error.
	None Kind = iota
	// Start is the beginning of an element, see [Scanner.Name] and [Scanner.Attrs].
	Start
	// End is the end of an element, see [Scanner.Name]. One of the form <a/> has both.
	End
	// Text is a piece of character data, see [Scanner.Text].
	Text
	// Comment is a comment, see [Scanner.Text].
	Comment
	// Instruction is a processing instruction: [Scanner.Text] is its target, and, behind a space, its data, if it has any.
	Instruction
	// EOF is the end of the document.
	EOF
)

// Name is one of an element or an attribute. Its strings are valid until the next token.
type Name struct {
	// Prefix is the prefix as it is written; empty if there is none.
	Prefix string
	// Local is what stands behind it.
	Local string
	// Space is the namespace; empty if there is none.
	Space string
}

// Attr is an attribute that declares no namespace.
type Attr struct {
	Name
	// Value is the normalized value. It is valid until the next token.
	Value string
	// At is its place in the token, for [Scanner.FailAt].
	At int
}

// Binding is a namespace that a document has declared.
type Binding struct {
	// Prefix is empty for the default namespace. Space is empty where that is taken back.
	Prefix, Space string
}

// Options bound a document.
type Options struct {
	// File is the name of the document for errors.
	File string
	// Markup bounds the bytes of a tag, a comment or a processing instruction.
	Markup int
	// Depth bounds how deeply elements are nested.
	Depth int
	// Attributes bounds those of an element, with those that declare namespaces.
	Attributes int
	// Namespaces bounds the bytes of all that are declared at one place, where each counts 64 more than it has.
	Namespaces int
	// Entities bounds the bytes of the internal subset of the DTD, and of what is kept of it.
	Entities int
	// Document bounds the bytes of the document; 0: there is no bound.
	Document int64
}

// Scanner reads tokens. It is used by one goroutine at a time.
type Scanner struct {
	o Options
	input
	err error

	kind    Kind
	name    Name
	attrs   []Attr
	text    []byte
	raw     bool   // it stands in the document as it is
	scratch []byte // what values and pieces of text are made in

	began  bool // the beginning of the document is read
	rooted bool // the root element has begun
	typed  bool // there was a DTD
	closes bool // the element that began ends, too
	cdata  bool // within a CDATA section

	elements []element
	names    []byte // of the open elements
	spaces   Namespaces
	entities entities
}

// element is one that is open.
type element struct{ name, bindings int } // where its name and its namespaces begin

// NewReader returns a scanner of the document that r gives. It reads no further than it needs, a block at a time.
func NewReader(r io.Reader, o Options) *Scanner { return newScanner(input{r: r}, o) }

// NewBytes returns a scanner of a document in memory, which nobody may change meanwhile.
func NewBytes(document []byte, o Options) *Scanner {
	return newScanner(input{b: document[:len(document):len(document)], ended: true}, o)
}

func newScanner(in input, o Options) *Scanner {
	in.place, in.most, in.file = place{line: 1, col: 1}, o.Document, o.File
	in.bounded(len(in.b))
	return &Scanner{o: o, input: in}
}

// Next reads the next token. After the end it returns EOF again. An error is a [*rdf.SyntaxError], or that of the reader; it
// stays.
func (s *Scanner) Next() (Kind, error) {
	if s.err == nil {
		s.kind = s.next()
	}
	if s.err != nil {
		return None, s.err
	}
	return s.kind, nil
}

func (s *Scanner) next() Kind {
	if !s.began {
		if s.began = true; !s.begin() {
			return None
		}
	}
	s.start = s.pos
	s.scratch, s.attrs, s.text = s.scratch[:0], s.attrs[:0], nil
	s.raw = false
	if s.closes {
		s.closes = false
		return s.pop()
	}
	for {
		switch {
		case s.cdata:
			if s.closesCDATA() {
				continue
			}
			if s.err != nil {
				return None
			}
			return s.characters()
		case s.pos == len(s.b) && !s.more():
			return s.end()
		case s.b[s.pos] != '<':
			return s.outside(s.characters())
		}
		if kind := s.markup(); kind != None || s.err != nil {
			return kind
		}
		s.start = s.pos
	}
}

// end is the end of the document, unless it comes too early.
func (s *Scanner) end() Kind {
	switch {
	case s.bad != nil:
		return s.broken()
	case len(s.elements) > 0:
		return s.expected(s.pos, "</"+string(excerpt(s.open()))+">, which ends the element")
	case !s.rooted:
		return s.expected(s.pos, "an element")
	}
	return EOF
}

// outside is text, which can't stand before or behind the root element unless it is white space.
func (s *Scanner) outside(kind Kind) Kind {
	if kind != Text || len(s.elements) > 0 || IsSpace(s.text) {
		return kind
	}
	at := s.start
	if s.raw {
		at += skipSpace(s.text, 0)
	}
	if s.rooted {
		return s.expected(at, "the end of the document behind its root element")
	}
	return s.expected(at, "an element")
}

// markup reads what begins with "<". It returns None without an error for what is no token.
func (s *Scanner) markup() Kind {
	if !s.have(2) {
		return s.unfinished("a tag")
	}
	switch c := s.b[s.pos+1]; {
	case c == '/':
		return s.endTag()
	case c == '?':
		return s.instruction()
	case c != '!':
		return s.startTag()
	case s.begins("<!--"):
		return s.comment()
	case s.begins("<![CDATA["):
		if len(s.elements) == 0 {
			return s.expected(s.pos, "no CDATA section outside of the root element")
		}
		s.pos += len("<![CDATA[")
		s.cdata = true
		return None
	case s.begins("<!DOCTYPE"):
		return s.doctype()
	}
	if s.bad != nil {
		return s.broken()
	}
	return s.Fail(nil, "expected <!--, <![CDATA[ or <!DOCTYPE, found another tag that begins with <!")
}

// Name is that of the element that has begun or ended. At its end, only Prefix and Local are set.
func (s *Scanner) Name() Name { return s.name }

// Attrs are the attributes of the element that has begun, in the order in which they are written. The caller may change the order.
func (s *Scanner) Attrs() []Attr { return s.attrs }

// Text is that of a Text, a Comment or an Instruction. It is valid until the next token.
func (s *Scanner) Text() []byte { return s.text }

// IsRaw reports whether Text stands in the document as it is, so that a place in it is one in the token.
func (s *Scanner) IsRaw() bool { return s.raw }

// Depth is how many elements are open, with one that has just begun, without one that has just ended.
func (s *Scanner) Depth() int { return len(s.elements) }

// Bindings are the namespaces that hold at the element that has begun, the innermost of each prefix last.
func (s *Scanner) Bindings() []Binding {
	all := make([]Binding, len(s.spaces.list))
	for i, b := range s.spaces.list {
		all[i] = b.Binding
	}
	return all
}

// Lookup returns what a prefix stands for at the element that has begun, in memory of its own; ok is false if it is not declared.
func (s *Scanner) Lookup(prefix string) (b Binding, ok bool) { return s.spaces.Lookup(prefix) }

// Fail sets the error at the beginning of the token, unless there is one. cause may be nil.
func (s *Scanner) Fail(cause error, format string, args ...any) Kind {
	return s.failAt(s.start, cause, format, args...)
}

// FailAt is Fail at a place of the token, as [Attr.At].
func (s *Scanner) FailAt(at int, cause error, format string, args ...any) Kind {
	return s.failAt(s.start+at, cause, format, args...)
}

// Err is the error, nil if there is none.
func (s *Scanner) Err() error { return s.err }
