package xml

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
)

var errAttributes = fmt.Errorf("number of attributes %w", rdf.ErrLimit)

// whole makes all of the markup be there, up to the ">" that is outside of quotes, and returns the offset behind it; 0 after
// an error.
func (s *Scanner) whole(what string) int {
	quote := byte(0)
	for i := 1; ; i++ {
		if s.start+i == len(s.b) {
			if i >= s.o.Markup {
				s.long(what)
				return 0
			}
			if !s.more() {
				s.unfinished(what)
				return 0
			}
		}
		switch c := s.b[s.start+i]; {
		case c == quote:
			quote = 0
		case quote != 0:
		case c == '>':
			if i >= s.o.Markup {
				s.long(what)
				return 0
			}
			return s.start + i + 1
		case c == '"' || c == '\'':
			quote = c
		}
	}
}

func (s *Scanner) long(what string) {
	s.Fail(rdf.ErrTermLimit, "expected at most %d bytes in %s, found more", s.o.Markup, what)
}

// startTag reads the beginning of an element.
func (s *Scanner) startTag() Kind {
	end := s.whole("a tag")
	if end == 0 {
		return None
	}
	if s.rooted && len(s.elements) == 0 {
		return s.expected(s.start, "the end of the document behind its root element")
	}
	if len(s.elements) == s.o.Depth {
		return s.Fail(rdf.ErrDepthLimit, "expected at most %d nested elements, found more", s.o.Depth)
	}
	i, ok := s.qualified(s.start+1, &s.name)
	if !ok {
		return None
	}
	s.rooted = true
	s.elements = append(s.elements, element{len(s.names), len(s.spaces.list)})
	s.names = append(s.names, s.b[s.start+1:i]...)
	if i, ok = s.attributes(i, end-1); !ok {
		return None
	}
	if s.closes = s.b[i] == '/'; s.closes {
		if i++; i != end-1 {
			return s.expected(i, `">" behind "/"`)
		}
	}
	s.pos = end
	if !s.resolve() {
		return None
	}
	return Start
}

// qualified reads a name with or without a prefix.
func (s *Scanner) qualified(i int, name *Name) (end int, ok bool) {
	n := NCName(s.b[i:])
	if n == 0 {
		s.expected(i, "a name")
		return 0, false
	}
	*name = Name{Local: view(s.b[i : i+n])}
	if i += n; s.b[i] != ':' {
		return i, true
	}
	i++
	if n = NCName(s.b[i:]); n == 0 {
		s.expected(i, "a name behind the colon")
		return 0, false
	}
	name.Prefix, name.Local = name.Local, view(s.b[i:i+n])
	if s.b[i+n] == ':' {
		s.expected(i+n, "the end of the name")
		return 0, false
	}
	return i + n, true
}

// view makes a string of bytes that stay until the next token.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// attributes reads those of a tag, and the namespaces that it declares, up to its "/" or ">".
func (s *Scanner) attributes(i, end int) (int, bool) {
	for count := 0; ; count++ {
		from := i
		i = skipSpace(s.b, i)
		if i >= end || s.b[i] == '/' {
			return i, true
		}
		if from == i {
			s.expected(i, "a space, \"/\" or \">\" in the tag")
			return 0, false
		}
		if count == s.o.Attributes {
			s.failAt(i, errAttributes, "expected at most %d attributes of an element, found more", s.o.Attributes)
			return 0, false
		}
		var ok bool
		if i, ok = s.attribute(i); !ok {
			return 0, false
		}
	}
}

// attribute reads one. Its namespace is not known before all have been read.
func (s *Scanner) attribute(i int) (int, bool) {
	a := Attr{At: i - s.start}
	i, ok := s.qualified(i, &a.Name)
	if !ok {
		return 0, false
	}
	if i = skipSpace(s.b, i); s.b[i] != '=' {
		s.expected(i, `"=" behind the name of the attribute`)
		return 0, false
	}
	i = skipSpace(s.b, i+1)
	quote := s.b[i]
	if quote != '"' && quote != '\'' {
		s.expected(i, "the value of the attribute in quotes")
		return 0, false
	}
	i++
	n := bytes.IndexByte(s.b[i:], quote) // it is there, or the tag would go on
	if a.Value, ok = s.value(i, i+n); !ok {
		return 0, false
	}
	switch {
	case a.Prefix == "xmlns":
		ok = s.declare(a, a.Local)
	case a.Prefix == "" && a.Local == "xmlns":
		ok = s.declare(a, "")
	default:
		s.attrs = append(s.attrs, a)
	}
	return i + n + 1, ok
}

// declare takes an attribute that declares a namespace.
func (s *Scanner) declare(a Attr, prefix string) bool {
	switch {
	case s.spaces.find(prefix) >= s.elements[len(s.elements)-1].bindings:
		s.FailAt(a.At, nil, "expected each prefix to be declared once in a tag, found %q again", excerpt(prefix))
	case prefix == "xmlns" || a.Value == XMLNS || (prefix == "xml") != (a.Value == Namespace):
		s.FailAt(a.At, nil, "expected neither the prefix %q nor the namespace %q to be declared, which XML has for itself",
			prefix, excerpt(a.Value))
	case prefix != "" && a.Value == "":
		s.FailAt(a.At, nil, "expected the IRI of a namespace for the prefix %q, found nothing", prefix)
	case prefix == "xml":
		return true
	default:
		if s.spaces.Declare(prefix, a.Value); s.spaces.bytes <= s.o.Namespaces {
			return true
		}
		s.FailAt(a.At, errNamespaces, "expected namespaces of at most %d bytes, found more", s.o.Namespaces)
	}
	return false
}

// resolve finds the namespaces of the element and its attributes, and whether any of these is there twice.
func (s *Scanner) resolve() bool {
	if !s.space(&s.name, 1) {
		return false
	}
	for i := range s.attrs {
		if a := &s.attrs[i]; a.Prefix != "" && !s.space(&a.Name, a.At) {
			return false
		}
	}
	return s.unique()
}

// space sets the namespace of a name.
func (s *Scanner) space(name *Name, at int) bool {
	b, ok := s.spaces.Lookup(name.Prefix)
	if !ok {
		s.FailAt(at, nil, "expected a prefix that is declared, found %q; declare it: xmlns:%s=\"…\"", name.Prefix, excerpt(name.Prefix))
	}
	name.Space = b.Space
	return ok
}

// fewAttributes is how many are compared with each other.
const fewAttributes = 12

// unique reports whether no attribute is there twice, and sets the error if one is.
func (s *Scanner) unique() bool {
	if len(s.attrs) > fewAttributes {
		return s.uniqueOfMany()
	}
	for i := range s.attrs {
		for j := range i {
			if a, b := &s.attrs[i], &s.attrs[j]; a.Local == b.Local && a.Space == b.Space {
				return s.twice(a)
			}
		}
	}
	return true
}

func (s *Scanner) uniqueOfMany() bool {
	seen := make(map[string]struct{}, len(s.attrs))
	for i := range s.attrs {
		a := &s.attrs[i]
		key := a.Space + " " + a.Local
		if _, twice := seen[key]; twice {
			return s.twice(a)
		}
		seen[key] = struct{}{}
	}
	return true
}

func (s *Scanner) twice(a *Attr) bool {
	s.FailAt(a.At, nil, "expected each attribute once, found %q again", excerpt(a.Local))
	return false
}

// open is the name of the innermost element.
func (s *Scanner) open() []byte { return s.names[s.elements[len(s.elements)-1].name:] }

// endTag reads the end of an element.
func (s *Scanner) endTag() Kind {
	if len(s.elements) == 0 {
		return s.expected(s.start, "no end of an element, for none is open")
	}
	end := s.whole("a tag")
	if end == 0 {
		return None
	}
	name := s.open()
	rest, ok := bytes.CutPrefix(s.b[s.start+2:end-1], name)
	if !ok || !IsSpace(rest) {
		return s.Fail(nil, "expected </%s>, which ends the element, found %s", excerpt(name), excerpt(s.b[s.start:end]))
	}
	s.pos = end
	return s.pop()
}

// pop ends the innermost element.
func (s *Scanner) pop() Kind {
	name := s.open()
	s.name = Name{Local: view(name)}
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		s.name = Name{Prefix: view(name[:i]), Local: view(name[i+1:])}
	}
	last := s.elements[len(s.elements)-1]
	s.elements = s.elements[:len(s.elements)-1]
	s.names = s.names[:last.name]
	s.spaces.Leave(last.bindings)
	return End
}
